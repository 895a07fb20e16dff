//! P8; F11: when Kafka returns, what is open is told before all that has ended meanwhile, marked late and with the times
//! at which it was decided; what begins then is not late.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vitals::time::DeviceTime;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::Caller;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::{evidence, length, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);
/// The promise is 2 s; whoever shares this machine is given room.
const WITHIN: Duration = Duration::from_secs(20);
/// A bed whose alarm began before Kafka went, and one that becomes worse and better while it is away.
const OLD: &str = "late-old";
const NEW: &str = "late-new";
/// Alarms of the bed that begin and end while Kafka is away: more than the lane sends at once.
const ENDED: usize = 150;

struct Ward {
    caller: Caller,
    lamp: Listener,
    said: u64,
}

impl Ward {
    fn measure(&mut self, bed: &str, patient: Patient) -> Result<()> {
        self.said += 1;
        self.caller.publish(&format!("ward/{bed}"), patient.payload(self.said))
    }

    /// Publishes what makes an alarm, and gives it as it is heard at the bedside.
    fn alarm(&mut self, bed: &str) -> Result<Value> {
        let topic = format!("alarms/{bed}");
        let found = wait::until("the alarm at the bedside", SOON, || {
            // What is published before the agent has subscribed, a broker without its session forgets.
            self.measure(bed, Patient::Desaturated)?;
            let within = Duration::from_millis(500);
            let is =
                |it: &wardline_tests::listener::Heard| it.topic == topic && it.payload.contains("spo2_low");
            Ok(self.lamp.wait_for("", within, is).ok())
        })?;
        let heard: Value = serde_json::from_str(&found.payload)?;
        let alarms = heard["alarms"].as_array().context("no alarms")?;
        alarms.iter().find(|it| it["code"] == "spo2_low").cloned().context("no alarm of SpO2")
    }

    fn recovery(&mut self, bed: &str) -> Result<()> {
        self.measure(bed, Patient::Stable)?;
        let topic = format!("alarms/{bed}");
        let over = self.lamp.wait_for("the end of the alarm", SOON, |it| {
            it.topic == topic && !it.payload.contains("spo2_low")
        });
        over.map(drop)
    }
}

fn is_late(record: &Record) -> bool {
    record.headers.get("late").is_some_and(|it| it == "true")
}

/// The records of a bed's low SpO₂ from now on, until one `is` wanted; the last is that.
fn until(
    alarms: &Reader,
    site: &Site,
    bed: &str,
    mut is: impl FnMut(&Record) -> bool,
) -> Result<Vec<Record>> {
    let mut read = Vec::new();
    let found = alarms.read_until(Instant::now() + SOON, |it| {
        let wanted = of(it, site) && it.key == bed && it.text("code") == "spo2_low";
        if wanted {
            read.push(it.clone());
        }
        wanted && is(it)
    })?;
    ensure!(found, "only {} records of {bed} came", read.len());
    Ok(read)
}

/// Milliseconds since 1970 of a time in a record.
fn millis(record: &Value, time: &str) -> Result<i64> {
    let text = record[time].as_str().with_context(|| format!("no {time} in {record}"))?;
    Ok(DeviceTime::parse(text).with_context(|| format!("{text} is no time"))?.as_millis())
}

/// One outage; how long after Kafka answered again the open alarm was there.
fn outage(kafka: &mut Kafka, alarms: &Reader, site: &Site, ward: &mut Ward) -> Result<Duration> {
    kafka.kill();
    for _ in 0..ENDED {
        ward.alarm(NEW)?;
        ward.recovery(NEW)?;
    }
    let open = ward.alarm(NEW)?;
    // Long enough that nothing of it is of now.
    ward.lamp.wait_for("the alarm to go on", SOON, |it| {
        it.topic.ends_with(NEW) && it.payload.contains("\"continue\"")
    })?;
    kafka.restart()?;
    let back = Instant::now();
    let first = until(alarms, site, NEW, |_| true)?;
    let took = back.elapsed();
    let first = &first[0];
    assert_eq!(first.body["id"], open["id"], "something else was told first: {}", first.body);
    ensure!(is_late(first), "not marked: {:?}", first.headers);
    for time in ["onset_at", "decided_at"] {
        let apart = (millis(&first.body, time)? - millis(&open, time)?).abs();
        ensure!(apart <= 10, "{time} is {apart} ms beside what the bedside heard");
    }

    // All that came and went meanwhile follows, in order.
    let mut ends = 0;
    let lane = until(alarms, site, NEW, |it| {
        ends += usize::from(it.text("phase") == "end");
        ends == ENDED
    })?;
    let lane: Vec<&Record> = lane.iter().filter(|it| it.number("seq").is_some()).collect();
    ensure!(lane.len() >= 2 * ENDED, "{} records", lane.len());
    ensure!(lane.iter().all(|it| is_late(it)), "a record of the outage is not marked late");
    let numbers: Vec<_> = lane.iter().map(|it| it.number("seq")).collect();
    ensure!(numbers.is_sorted(), "out of order: {numbers:?}");

    // What begins now is of now.
    ward.recovery(NEW)?;
    let end = until(alarms, site, NEW, |it| it.text("phase") == "end" && it.body["id"] == open["id"])?;
    let end = end.last().context("no end")?;
    ensure!(!is_late(end), "what was told at once is marked late: {:?}", end.headers);
    Ok(took)
}

#[test]
fn when_kafka_returns_what_is_open_goes_first_and_is_late() -> Result<()> {
    let (mut kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let site = Site::new("late")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds([OLD, NEW]).ward();
    let site = site.mqtt_annunciator().alarms_at_once();
    let _agent = Agent::start(&site)?;
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    let mut ward = Ward { caller: Caller::connect(broker.port())?, lamp, said: 0 };
    let alarms = Reader::open(&kafka, "vitals.alarms.v1")?;
    ward.alarm(OLD)?;
    let live = until(&alarms, &site, OLD, |_| true)?;
    ensure!(!is_late(&live[0]), "what is told at once is marked late: {:?}", live[0].headers);
    assert_eq!(live[0].body["phase"], json!("start"));

    let rounds = length::pick(1, 20);
    let mut took = Vec::new();
    for _ in 0..rounds {
        took.push(outage(&mut kafka, &alarms, &site, &mut ward)?);
    }
    took.sort_unstable();
    let (half, most) = (took[took.len() / 2], took[took.len() - 1]);
    let figure = format!(
        "Kafka away {rounds} times, meanwhile {ENDED} alarms of a bed came and went and one stayed: it was readable, marked late, \
         before all of them, after Kafka's first answer p50 {half:.2?}, longest {most:.2?}"
    );
    println!("{figure}");
    evidence::show("P8", &figure, "late::when_kafka_returns_what_is_open_goes_first_and_is_late");
    ensure!(most <= WITHIN, "{most:?}");
    Ok(())
}
