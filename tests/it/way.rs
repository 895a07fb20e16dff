//! The way of a reading: MQTT message or serial bytes → alarm → store → the real Kafka.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_message_becomes_a_reading_and_an_alarm_in_kafka_and_on_the_annunciator() -> Result<()> {
    let kafka = Kafka::shared()?;
    let broker = Mosquitto::start()?;
    let site = Site::new("way-mqtt")?.kafka(&kafka.bootstrap()).mqtt(broker.port());
    let site = site.beds(["way-1", "way-2"]).ward().mqtt_annunciator().alarms_at_once();
    let _agent = Agent::start(&site)?;
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    publish_one(broker.port(), "ward/way-1", Patient::Stable.payload(1), false)?;
    publish_one(broker.port(), "ward/way-1", Patient::Desaturated.payload(2), false)?;

    let heard = lamp.wait_for("the alarm at the bedside", SOON, |it| it.payload.contains("spo2_low"))?;
    assert_eq!(heard.topic, "alarms/way-1");
    let alarms = Reader::open(kafka, "vitals.alarms.v1")?;
    let alarm = alarms.wait_for("the alarm", SOON, |it| of(it, &site) && it.text("code") == "spo2_low")?;
    assert_eq!((alarm.text("phase"), alarm.text("priority")), ("start", "medium"));
    assert_eq!(
        (alarm.key.as_str(), &alarm.body["value"], &alarm.body["limit"]),
        ("way-1", &json!(82), &json!(90))
    );
    assert_eq!(alarm.headers["schema"], "vitals.alarms.v1");
    assert_eq!(alarm.body["context"]["spo2"]["value"], json!(82), "what else was measured, with its age");
    assert!(alarm.body["context"]["spo2"]["age_ms"].is_u64());
    assert!(alarm.body["context"].get("temperature").is_none(), "only what belongs beside an alarm");

    // The first is of the same millisecond where both messages came at once.
    assert_eq!(alarm.body["evidence"]["last"], json!(2));

    let readings = Reader::open(kafka, "vitals.readings.v1")?;
    let reading = readings.wait_for("the reading", SOON, |it| of(it, &site) && it.body["device_seq"] == 2)?;
    assert_eq!((reading.text("bed"), reading.text("mode")), ("way-1", "live"));
    assert_eq!(vital(&reading, "spo2")?["value"], json!(82));
    assert_eq!((&reading.body["seq"], reading.text("run")), (&json!(2), alarm.text("run")));
    assert_eq!(vital(&reading, "temperature")?["value"], json!(36.6));
    assert_eq!(reading.headers["id"], reading.text("id"));
    assert_eq!(reading.key, reading.text("source"));
    Ok(())
}

#[test]
fn simulated_bytes_never_reach_the_topics_of_patients() -> Result<()> {
    let kafka = Kafka::shared()?;
    let mut line = wardline_tests::pty::Pty::open()?;
    let site = Site::new("way-sim")?.kafka(&kafka.bootstrap()).beds(["way-3"]);
    let site = site.serial("oximeter", "way-3", "nonin-df8", line.port()).alarms_at_once();
    let _agent = Agent::start(&site)?;
    line.write(&Patient::Desaturated.nonin_df8().repeat(3))?;
    let readings = Reader::open(kafka, "sim.vitals.readings.v1")?;
    let reading = readings.wait_for("the reading", SOON, |it| of(it, &site))?;
    assert_eq!((reading.text("mode"), reading.text("device")), ("simulated", "nonin-df8"));
    let alarms = Reader::open(kafka, "sim.vitals.alarms.v1")?;
    alarms.wait_for("the alarm", SOON, |it| of(it, &site) && it.text("code") == "spo2_low")?;
    for topic in ["vitals.readings.v1", "vitals.alarms.v1"] {
        let patients = Reader::open(kafka, topic)?.rest(Duration::from_millis(500))?;
        assert!(!patients.iter().any(|it| of(it, &site)), "simulated data in {topic}");
    }
    Ok(())
}

#[test]
fn a_pack_of_senml_becomes_a_reading_of_each_of_its_times() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = Site::new("way-senml")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(["way-4"]).toml(
        "[[source]]\nid = \"wearable\"\nbed = \"way-4\"\nmqtt = \"ward\"\ntopic = \"wearables/4\"\nformat = \"senml\"\n\
         fields.pulse_rate = { at = \"pr\" }\n",
    );
    let agent = Agent::start(&site)?;
    let single = r#"[{"n":"spo2","u":"%","v":99}]"#;
    agent.wait_heard(|| publish_one(broker.port(), "wearables/4", single, false))?;
    let pack = r#"[{"bn":"urn:dev:mac:0011223344556677:","bt":1772353800,"n":"spo2","u":"%","v":96},
        {"n":"pr","u":"beat/min","v":72},{"n":"temperature","v":37},{"n":"spo2","t":1,"u":"/","v":0.95}]"#;
    publish_one(broker.port(), "wearables/4", pack, false)?;
    // In CBOR: 94.5 % as a half float, 1772353802 s.
    let pack = b"\x81\xa4\x00\x64spo2\x01\x61%\x02\xf9\x55\xe8\x06\x1a\x69\xa3\xf9\x0a";
    publish_one(broker.port(), "wearables/4", pack, false)?;
    let readings = Reader::open(kafka, "vitals.readings.v1")?;
    for (second, spo2) in [(0, json!(96)), (1, json!(95)), (2, json!(94.5))] {
        let time = format!("2026-03-01T08:30:0{second}Z");
        let is = |it: &Record| of(it, &site) && it.text("device_time") == time;
        let reading = readings.wait_for(&format!("the reading of {time}"), SOON, is)?;
        assert_eq!((reading.text("bed"), reading.text("device")), ("way-4", "senml"));
        assert_eq!(vital(&reading, "spo2")?["value"], spo2);
        if second == 0 {
            assert_eq!(vital(&reading, "pulse_rate")?["value"], json!(72));
            assert_eq!(vital(&reading, "temperature")?["absent"], json!("invalid"), "it has no unit");
        }
    }
    let (_, metrics) = agent.ask("/metrics")?;
    let counted = "wardline_readings_rejected_total{source=\"wearable\",reason=\"unknown_unit\"} 1";
    ensure!(metrics.contains(counted), "{metrics}");
    Ok(())
}

/// Whether a record is of the site's agent.
pub(crate) fn of(record: &Record, site: &Site) -> bool {
    record.text("agent") == site.agent()
}

/// One vital of a reading record.
pub(crate) fn vital<'a>(record: &'a Record, name: &str) -> Result<&'a Value> {
    let vitals = record.body["vitals"].as_array().context("a reading without vitals")?;
    let found = vitals.iter().find(|it| it["name"] == name);
    found.with_context(|| format!("no {name} in {}", record.body))
}
