//! What a device says beside its numbers, from the wire to Kafka: its own alarm, its limits, who it is.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::pty::Pty;
use wardline_tests::reader::Reader;
use wardline_tests::schema::Schemas;
use wardline_tests::site::Site;
use wardline_tests::wait;

use crate::way::of;

const SOON: Duration = Duration::from_secs(20);
const HEADING: &str = "NPB-295   VERSION 2.0.0.0    CRC: XXXX   SpO2 Limit: 85-100%   PR Limit: 60-160BPM\r\n\
     \x20                            ADULT              0SAT-S\r\n\
     TIME                  %SPO2   BPM    PA    Status\r\n";

#[test]
fn what_a_device_raises_itself_and_what_is_set_on_it_arrive_beside_its_numbers() -> Result<()> {
    let (kafka, broker, schemas) = (Kafka::shared()?, Mosquitto::start()?, Schemas::published()?);
    let mut line = Pty::open()?;
    let site = Site::new("device-words")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(["words-1"]);
    let site = site.mqtt_annunciator().alarms_at_once().serial("oximeter", "words-1", "nellcor", line.port());
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    let agent = Agent::start(&site)?;
    let alarms = Reader::open(kafka, "sim.vitals.alarms.v1")?;
    let is_own = |phase: &'static str| {
        let site = &site;
        move |it: &_| {
            let it: &wardline_tests::reader::Record = it;
            of(it, site) && it.text("origin") == "device" && it.text("phase") == phase
        }
    };

    line.write(HEADING.as_bytes())?;
    // The device finds 84 % too low, and says so.
    line.write(b"12-NOV-98 14:00:05      84*   120    50    SL\r\n")?;
    let start = alarms.wait_for("the device's own alarm", SOON, is_own("start"))?;
    schemas.check("sim.vitals.alarms.v1", &start.body)?;
    for (field, expected) in [
        ("code", json!("device_alarm")),
        ("cause", json!("SL")),
        ("vital", json!("spo2")),
        ("direction", json!("low")),
        ("kind", json!("physiological")),
        ("signal", json!("on")),
    ] {
        ensure!(start.body[field] == expected, "{field} is {}", start.body[field]);
    }

    // The device sounds it: at the bedside ours alone is told, though theirs came first.
    let own = lamp.wait_for("our alarm at the bedside", SOON, |it| {
        assert!(!it.payload.contains("device_alarm"), "{}", it.payload);
        it.payload.contains("spo2_low")
    })?;
    ensure!(own.topic == "alarms/words-1", "{}", own.topic);
    let journal = wait::until("our alarm in the journal", SOON, || {
        let log = agent.log();
        Ok(log.contains("code=\"spo2_low\"").then_some(log))
    })?;
    ensure!(!journal.contains("device_alarm"), "{journal}");

    let beds = Reader::open(kafka, "sim.vitals.beds.v1")?;
    let told = |it: &_| of(it, &site) && !it.body["sources"][0]["bedside_limits"].is_null();
    let bed = beds.wait_for("the limits set on the device", SOON, told)?;
    let source = &bed.body["sources"][0];
    let spo2 = json!({"vital": "spo2", "low": 85, "high": 100});
    ensure!(source["bedside_limits"].as_array().is_some_and(|it| it.contains(&spo2)), "{source}");

    line.write(b"12-NOV-98 14:00:07      97    120    50\r\n")?;
    let end = alarms.wait_for("the end of the device's own alarm", SOON, is_own("end"))?;
    ensure!(end.text("id") == start.text("id"), "another alarm ended");
    Ok(())
}
