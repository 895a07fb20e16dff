//! What a ward's MQTT broker may hand over by mistake or on purpose: none of it stops what comes behind.

use std::time::Duration;

use anyhow::Result;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;

use crate::way::{of, vital};

const SOON: Duration = Duration::from_secs(20);
const BED: &str = "ward/bad-1";

/// Payloads that hold no reading, by what is wrong with them.
const BAD: [(&str, &str); 12] = [
    ("empty", ""),
    ("not JSON", "hello"),
    ("half an object", r#"{"heart_rate": 7"#),
    ("two objects", r#"{"heart_rate": 70}{"heart_rate": 71}"#),
    ("an array", "[1, 2, 3]"),
    ("a byte order mark", "\u{feff}{\"heart_rate\": 70}"),
    ("NaN", r#"{"heart_rate": NaN}"#),
    ("a number as text", r#"{"heart_rate": "70"}"#),
    ("beyond every number", r#"{"heart_rate": 1e999}"#),
    ("a value that is an object", r#"{"heart_rate": {"value": 70}}"#),
    ("no vital at all", r#"{"colour": "blue"}"#),
    ("a name twice", r#"{"heart_rate": 70, "heart_rate": 170}"#),
];

#[test]
fn nothing_that_is_published_stops_what_comes_behind() -> Result<()> {
    let kafka = Kafka::shared()?;
    let broker = Mosquitto::start()?;
    let site = Site::new("bad-input")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(["bad-1"]).ward();
    let mut agent = Agent::start(&site)?;
    let readings = Reader::open(kafka, "vitals.readings.v1")?;
    let mut seq = 0;
    let mut good = |after: &str| -> Result<()> {
        seq += 1;
        publish_one(broker.port(), BED, Patient::Stable.payload(seq), false)?;
        let is = |it: &_| of(it, &site) && it.body["device_seq"] == seq;
        let what = format!("the good message after {after}");
        let record = readings.wait_for(&what, SOON, is)?;
        assert_eq!(vital(&record, "spo2")?["value"], 97, "after {after}");
        Ok(())
    };
    good("nothing")?;
    for (what, payload) in BAD {
        publish_one(broker.port(), BED, payload, false)?;
        good(what)?;
    }
    publish_one(broker.port(), "ward/no-such-bed", Patient::Stable.payload(1), false)?;
    good("an unknown bed")?;
    publish_one(broker.port(), BED, "[".repeat(100_000), false)?;
    good("a hundred thousand brackets")?;
    publish_one(broker.port(), BED, vec![b'x'; 300 * 1024], false)?;
    good("300 kB, more than the agent takes")?;
    publish_one(broker.port(), BED, vec![0; 256 * 1024 * 1024 - 64], false)?;
    good("256 MB, the most a packet can hold")?;
    agent.check_alive()?;
    let usage = agent.usage()?;
    assert!(usage.rss_peak_kb < 192 * 1024, "{usage:?}");
    Ok(())
}
