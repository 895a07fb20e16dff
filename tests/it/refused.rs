//! F16: what Kafka refuses: a topic that is not there yet, and a record that it will never take.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::wait;

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);

#[test]
fn a_missing_topic_is_said_in_words_and_once_it_is_there_everything_comes() -> Result<()> {
    let kafka = Kafka::start_without_topics()?;
    let broker = Mosquitto::start()?;
    let site =
        Site::new("no-topic")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(["refused-1"]).ward();
    let agent = Agent::start(&site)?;
    publish_one(broker.port(), "ward/refused-1", Patient::Stable.payload(1), false)?;
    let said = wait::until("the missing topic in the log", SOON, || {
        Ok(agent.log().contains("a topic is missing in Kafka").then_some(()))
    });
    said.with_context(|| agent.log())?;
    kafka.create_topics(["", "sim."])?;
    let readings = Reader::open(&kafka, "vitals.readings.v1")?;
    readings.wait_for("the reading", SOON, |it| of(it, &site) && it.number("device_seq") == Some(1))?;
    let lines = agent.log().lines().count();
    ensure!(lines < 40, "the log is flooded:\n{}", agent.log());
    Ok(())
}

/// A record too large for the topic goes missing as an event, and neither its neighbours nor those behind it wait.
#[test]
fn a_record_that_kafka_never_takes_becomes_a_gap_and_its_neighbours_arrive() -> Result<()> {
    let kafka = Kafka::start()?;
    kafka.limit_messages("vitals.readings.v1", MESSAGE_MAX)?;
    let broker = Mosquitto::start()?;
    // Without compression the bytes of a record can be told beforehand.
    let site = Site::new("poison")?.kafka_toml(&format!(
        "brokers = [\"{}\"]\nsecurity = \"plaintext\"\nproperties.compression.codec = \"none\"",
        kafka.bootstrap()
    ));
    let site = site.mqtt(broker.port()).beds(["refused-2"]).ward();
    let agent = Agent::start(&site)?;
    let publish = |payload| publish_one(broker.port(), "ward/refused-2", payload, false);
    for seq in 1..=9 {
        publish(if seq == POISON { large(seq) } else { Patient::Stable.payload(seq) })?;
    }
    let readings = Reader::open(&kafka, "vitals.readings.v1")?;
    for seq in (1..=9).filter(|it| *it != POISON) {
        let is = |it: &_| of(it, &site) && it.number("device_seq") == Some(seq);
        readings.wait_for(&format!("reading {seq}; the log:\n{}", agent.log()), SOON, is)?;
    }
    let ledger = Reader::open(&kafka, "vitals.ledger.v1")?;
    let gap = ledger.wait_for("the gap", SOON, |it| of(it, &site) && it.text("type") == "gap")?;
    assert_eq!((gap.text("reason"), &gap.body["count"], gap.text("lane")), ("refused", &json!(1), "r"));
    let others = ledger.rest(Duration::from_secs(2))?;
    ensure!(
        !others.iter().any(|it| it.text("type") == "gap"),
        "an innocent neighbour was given up: {others:?}"
    );
    Ok(())
}

/// Room for one reading of [`Patient`], and not for [`large`].
const MESSAGE_MAX: u32 = 1250;

/// The `seq` of the message that is too large.
const POISON: u64 = 5;

/// A message with more vitals than the topic has room for in one record.
fn large(seq: u64) -> String {
    let names = [
        "heart_rate",
        "pulse_rate",
        "spo2",
        "resp_rate",
        "nibp_systolic",
        "nibp_diastolic",
        "nibp_mean",
        "abp_systolic",
        "abp_diastolic",
        "abp_mean",
        "temperature",
        "etco2",
    ];
    let vitals: Vec<String> = names.iter().map(|it| format!("\"{it}\":{}", 40 + seq)).collect();
    format!("{{\"seq\":{seq},{}}}", vitals.join(","))
}
