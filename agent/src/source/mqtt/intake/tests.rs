//! What becomes of messages that cannot be used: counted, and kept as evidence unless they may name a patient.

use bytes::Bytes;
use rumqttc::v5::MqttOptions;
use vitals::device::DeviceModel;
use vitals::reading::Mode;

use super::super::connection;
use super::*;
use crate::config::{Format, MqttVersion, Source, TopicBed, TopicSource};

/// An intake behind a link that is never connected, and where its evidence lies.
struct Bench {
    running: Running,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let name = |text: &str| Arc::new(Name::parse(text).unwrap());
        let source = |id: &str, filter: &str, bed, format| {
            let common = Source {
                id: name(id),
                period: Duration::from_secs(1),
                critical: false,
                nibp_interval: None,
                same_limb: false,
                mode: Mode::Simulated,
            };
            TopicSource { common, link: 0, filter: filter.into(), bed, format }
        };
        let sources = vec![
            source("monitor", "raw/+", TopicBed::Level(1), Format::Device(DeviceModel::MindrayPds)),
            source(
                "oximeter",
                "oximeter",
                TopicBed::Fixed(name("bed-1")),
                Format::Device(DeviceModel::MasimoAscii1),
            ),
        ];
        let options = MqttOptions::new("intake", "localhost", 1);
        let (speaker, _connection) = connection::open(options, MqttVersion::V5, 8);
        let dir = tempfile::tempdir().unwrap();
        let intake = Intake {
            link: 0,
            name: Name::parse("ward").unwrap(),
            run: "run".into(),
            fence_topic: "fence".into(),
            speaker,
            router: Router::new(sources, [name("bed-1")].into()),
            seen: Seen::new(Arc::default()),
            held: Held::new(1 << 20),
            inbox: None,
            marks: watch::channel(Mark::default()).1,
            clock: watch::channel(ClockQuality::Unsynced).1,
            quarantine: Quarantine::start(dir.path().into()).unwrap(),
            metrics: Metrics::new(),
        };
        let (lines, receipts) = (BTreeMap::new(), Receipts::default());
        Self {
            running: Running {
                intake,
                lines,
                receipts,
                fence: Fence::Passed,
                away: Link::There,
                unsent: VecDeque::new(),
            },
            dir,
        }
    }

    fn take(&mut self, topic: &'static str, payload: impl Into<Bytes>) {
        let message = Message {
            topic: Bytes::from_static(topic.as_bytes()),
            payload: payload.into(),
            packet: None,
            retained: false,
            redelivered: false,
        };
        self.running.intake.held = Held::new(1 << 20);
        self.running.take(1, &message, Uptime::from_millis(1000));
    }

    /// The entries, once its thread has written all that was offered; and what was counted.
    fn end(self) -> (Vec<serde_json::Value>, String) {
        let metrics = self.running.intake.metrics.text();
        drop(self.running);
        let path = self.dir.path().join("messages.jsonl");
        let begin = crate::clock::instant();
        loop {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let entries: Option<Vec<_>> = text.lines().map(|it| serde_json::from_str(it).ok()).collect();
            match entries {
                Some(entries) if entries.len() == 5 => return (entries, metrics),
                _ => assert!(begin.elapsed() < Duration::from_secs(10), "{text}"),
            }
            std::thread::yield_now();
        }
    }
}

#[test]
fn what_may_name_a_patient_is_counted_and_entered_without_its_content() {
    let damaged = b"\x0BMSH|^~\\&|||||||ORU^R01|103|P|2.3.1|\rPID|||4711||Doe^Jane||1970\x0BMSH|^~\\&|";
    let mut bench = Bench::new();
    bench.take("raw/bed-1", &damaged[..]);
    // Of a bed that nobody has configured, too large, and of a topic whose format nobody knows.
    bench.take("raw/bed-2", &damaged[..]);
    bench.take("raw/bed-1", damaged.repeat(PAYLOAD_MAX / damaged.len() + 1));
    bench.take("another", &damaged[..]);
    // The control: what names nobody is kept.
    bench.take("oximeter", &b"no line of an oximeter\r\n"[..]);
    let (entries, metrics) = bench.end();

    let withheld = &entries[..4];
    let reasons: Vec<_> = withheld.iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["fragment", "unknown_bed", "too_large", "unknown_topic"]);
    for entry in withheld {
        assert!(entry.get("text").is_none() && entry.get("hex").is_none(), "{entry}");
    }
    assert_eq!(withheld[0]["length"], damaged.len());
    assert!(metrics.contains("rejected_total{source=\"monitor/bed-1\",reason=\"fragment\"} 1"), "{metrics}");
    assert_eq!(entries[4]["text"], "no line of an oximeter\r\n");
}
