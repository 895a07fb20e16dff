//! F16: what Kafka refuses: a topic that is not there yet, and a record that it will never take.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
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
    let site = site.alarms_at_once();
    let agent = Agent::start(&site)?;
    publish_one(broker.port(), "ward/refused-1", Patient::Desaturated.payload(1), false)?;
    let said = wait::until("the missing topic in the log", SOON, || {
        Ok(agent.log().contains("a topic is missing in Kafka").then_some(()))
    });
    said.with_context(|| agent.log())?;
    kafka.create_topics(["", "sim."])?;
    let readings = Reader::open(&kafka, "vitals.readings.v1")?;
    readings.wait_for("the reading", SOON, |it| of(it, &site) && it.number("device_seq") == Some(1))?;
    let alarms = Reader::open(&kafka, ALARMS)?;
    alarms.wait_for("the alarm", SOON, |it| of(it, &site) && it.text("code") == "spo2_low")?;
    let ledger = Reader::open(&kafka, "vitals.ledger.v1")?.rest(Duration::from_secs(2))?;
    ensure!(!ledger.iter().any(|it| of(it, &site) && it.text("type") == "gap"), "given up: {ledger:?}");
    let lines = agent.log().lines().count();
    ensure!(lines < 40, "the log is flooded:\n{}", agent.log());
    Ok(())
}

/// A record too large for the topic goes missing as an event, and neither its neighbours nor those behind it wait.
#[test]
fn a_record_that_kafka_never_takes_becomes_a_gap_and_its_neighbours_arrive() -> Result<()> {
    let kafka = Kafka::start()?;
    kafka.set_topic("vitals.readings.v1", &format!("max.message.bytes={MESSAGE_MAX}"))?;
    let broker = Mosquitto::start()?;
    let site = uncompressed("poison", &kafka, "")?;
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
    is_told(&kafka, &site, "readings")?;
    let kept = in_quarantine(&site)?;
    ensure!(matches!(&kept[..], [it] if it["device_seq"] == POISON), "{kept:?}");
    Ok(())
}

/// The agent's own alarm says that Kafka refuses records.
fn is_told(kafka: &Kafka, site: &Site, cause: &str) -> Result<()> {
    let alarms = Reader::open(kafka, ALARMS)?;
    let is = |it: &Record| of(it, site) && it.text("code") == "record_refused" && it.text("phase") == "start";
    let told = alarms.wait_for("the agent's own alarm", SOON, is)?;
    assert_eq!((told.text("bed"), told.text("cause")), (site.agent(), cause));
    Ok(())
}

/// The refused records whose content was kept, whole.
fn in_quarantine(site: &Site) -> Result<Vec<Value>> {
    let file = site.state_dir().join("quarantine/records.jsonl");
    let kept = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    kept.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line)?;
            let record: Value = serde_json::from_str(line["text"].as_str().context("no content")?)?;
            let number = format!("/{}", record["seq"]);
            ensure!(line["id"].as_str().is_some_and(|it| it.ends_with(&number)), "{line}");
            Ok(record)
        })
        .collect()
}

/// Alarm records that Kafka never takes, because they are too large for the topic, or for librdkafka already: the others
/// go on in order, and the ledger has every number that is missing.
#[test]
fn an_alarm_that_kafka_never_takes_becomes_a_gap_and_the_others_go_on_in_order() -> Result<()> {
    let kafka = Kafka::start()?;
    kafka.set_topic(ALARMS, &format!("max.message.bytes={ALARM_MAX}"))?;
    let broker = Mosquitto::start()?;
    let limits = ["", "properties.message.max.bytes = 3000"];
    for (name, limit) in ["poison-alarm-broker", "poison-alarm-client"].into_iter().zip(limits) {
        // The label is in each alarm record of its bed.
        let label = "x".repeat(ALARM_MAX as usize);
        let large = format!("[[bed]]\nid = \"{name}-large\"\nlabel = \"{label}\"\n");
        let small = format!("{name}-small");
        let site = uncompressed(name, &kafka, limit)?.mqtt(broker.port());
        let site = site.toml(&large).beds([small.as_str()]).ward().alarms_at_once();
        let agent = Agent::start(&site)?;
        let publish = |bed: &str, seq: u64| {
            let patient = if seq % 2 == 0 { Patient::Desaturated } else { Patient::Stable };
            publish_one(broker.port(), &format!("ward/{bed}"), patient.payload(seq), false)
        };
        for seq in 1..=9 {
            publish(&format!("{name}-large"), seq)?;
            publish(&small, seq)?;
        }
        let alarms = Reader::open(&kafka, ALARMS)?;
        let mut ended: Vec<Record> = Vec::new();
        while ended.iter().filter(|it| it.text("phase") == "end").count() < 4 {
            let is = |it: &Record| of(it, &site) && it.text("bed") == small && it.number("seq").is_some();
            let next = alarms.wait_for(&format!("an alarm; the log:\n{}", agent.log()), SOON, is)?;
            // Each may come twice.
            if !ended.iter().any(|it| it.number("seq") == next.number("seq")) {
                ended.push(next);
            }
        }
        ensure!(ended.is_sorted_by_key(|it| it.number("seq")), "not in order: {ended:?}");
        account_is_whole(&kafka, &site, &agent)?;
    }
    Ok(())
}

/// Each alarm record of the agent's run is in Kafka or in a gap of its own, and none is in both.
fn account_is_whole(kafka: &Kafka, site: &Site, agent: &Agent) -> Result<()> {
    let deadline = Instant::now() + SOON;
    loop {
        let mut refused = BTreeSet::new();
        for gap in Reader::open(kafka, "vitals.ledger.v1")?.rest(Duration::from_secs(1))? {
            if of(&gap, site) && gap.text("type") == "gap" {
                ensure!((gap.text("reason"), gap.text("lane")) == ("refused", "a"), "{gap:?}");
                refused.insert(gap.number("first_seq"));
            }
        }
        let taken = Reader::open(kafka, ALARMS)?.rest(Duration::from_secs(1))?;
        let taken: BTreeSet<_> = taken
            .iter()
            .filter(|it| of(it, site) && !it.body["seq"].is_null())
            .map(|it| it.number("seq"))
            .collect();
        ensure!(taken.is_disjoint(&refused), "{taken:?} and {refused:?}");
        let numbered = agent.count("wardline_alarm_records")?;
        // A start and an end, four times.
        if refused.len() >= 8 && (taken.len() + refused.len()) as u64 == numbered {
            break;
        }
        ensure!(Instant::now() < deadline, "{numbered} records, {taken:?}, {refused:?}:\n{}", agent.log());
    }
    is_told(kafka, site, "alarms")?;
    wait::until("the evidence of each", SOON, || {
        let kept = in_quarantine(site)?;
        Ok((kept.len() as u64 >= agent.count("wardline_records_refused")?).then_some(()))
    })?;
    let recreated = agent.metric("wardline_kafka_producer_recreated")?;
    ensure!(recreated < 5.0, "{recreated} producers were thrown away:\n{}", agent.log());
    wait::until_true("nothing to wait on the disk", SOON, || {
        agent.metric("wardline_buffer_records").is_ok_and(|it| it == 0.0)
    })
}

/// A site whose records are as many bytes for Kafka as they have.
fn uncompressed(name: &str, kafka: &Kafka, lines: &str) -> Result<Site> {
    let brokers = kafka.bootstrap();
    let none = "security = \"plaintext\"\nproperties.compression.codec = \"none\"";
    Ok(Site::new(name)?.kafka_toml(&format!("brokers = [\"{brokers}\"]\n{none}\n{lines}")))
}

const ALARMS: &str = "vitals.alarms.v1";

/// Room for any alarm record but that of a bed with an endless label.
const ALARM_MAX: u32 = 3500;

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
