//! Endurance: the same tests take seconds in `tests/run` and minutes, at full size, in `tests/long`.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::length;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::tally::{Tally, Verdict};

use crate::way::of;

const RATE: u32 = 1000;
/// After this long without one new message the rest is missing.
const PATIENCE: Duration = Duration::from_secs(40);
/// The bound that the unit sets (MemoryHigh), kB.
const RSS_MAX_KB: u64 = 192 * 1024;

fn beds() -> Vec<String> {
    (1..=16).map(|bed| format!("bed-{bed}")).collect()
}

/// A site with 16 beds on MQTT.
fn site(name: &str, kafka: &Kafka, broker: &Mosquitto) -> Result<Site> {
    let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port());
    Ok(site.beds(beds().iter().map(String::as_str)).ward().mqtt_annunciator())
}

/// P1, P3, P5; F2, F11, F12.
#[test]
fn nothing_is_lost_while_kafka_and_the_agent_are_killed() -> Result<()> {
    let seconds = length::pick(36, 180);
    let outage = Duration::from_secs(length::pick(10, 60));
    let mut kafka = Kafka::start()?;
    let broker = Mosquitto::start()?;
    let site = site("kills", &kafka, &broker)?;
    let mut agent = Agent::start(&site)?;
    let load = Load {
        beds: beds(),
        count: seconds * u64::from(RATE),
        rate: Some(RATE),
        first_seq: 1,
        patient: Patient::Stable,
    };
    let publisher = Publisher::start(broker.port(), load.clone());
    let begin = Instant::now();
    let at = |sixths: u32| begin + Duration::from_secs(seconds) * sixths / 6;
    // Kafka is away from the third sixth on; the agent dies before, during and after.
    for kill in 1..=5 {
        thread::sleep(at(kill).saturating_duration_since(Instant::now()));
        agent.kill()?;
        if kill == 3 {
            kafka.kill();
        }
        agent = Agent::start(&site)?;
        if kill == 3 {
            thread::sleep(outage);
            kafka.restart()?;
        }
    }
    publisher.finish(Duration::from_secs(60))?;
    let reader = Reader::open(&kafka, "vitals.readings.v1")?;
    let verdict = Tally::default().read(&reader, &load, PATIENCE)?;
    println!("{} messages, agent killed 5 times, Kafka away {outage:?}: {verdict}", load.count);
    let wrong = (verdict.missing, verdict.disordered, verdict.doubled_records);
    assert_eq!(wrong, (0, 0, 0), "{verdict}; the agent's log:\n{}", agent.log());
    Ok(())
}

/// Rule 8 of the design's way: a backlog is history, not a patient.
#[test]
fn a_backlog_in_the_broker_is_taken_whole_and_raises_no_alarm() -> Result<()> {
    let kafka = Kafka::start()?;
    let broker = Mosquitto::start()?;
    let site = site("backlog", &kafka, &broker)?;
    Agent::start(&site)?.stop(Duration::from_secs(20))?;
    // Every one of them would be an alarm if it were of now.
    let count = length::pick(20_000, 200_000);
    let load = Load { beds: beds(), count, rate: None, first_seq: 1, patient: Patient::Desaturated };
    Publisher::start(broker.port(), load.clone()).finish(Duration::from_secs(120))?;

    let begin = Instant::now();
    let agent = Agent::start(&site)?;
    let reader = Reader::open(&kafka, "vitals.readings.v1")?;
    let verdict = Tally::default().read(&reader, &load, PATIENCE)?;
    let usage = agent.usage()?;
    println!("{count} waiting, in Kafka after {:?}: {verdict}; {usage:?}", begin.elapsed());
    let expected =
        Verdict { missing: 0, doubled_records: 0, doubled_messages: 0, disordered: 0, late: count };
    let kept = Verdict { doubled_messages: 0, late: count, ..verdict };
    ensure!(kept == expected, "{verdict}; the agent's log:\n{}", agent.log());
    assert!(usage.rss_peak_kb < RSS_MAX_KB, "{usage:?}");
    let alarms = Reader::open(&kafka, "vitals.alarms.v1")?.rest(Duration::from_secs(2))?;
    let raised: Vec<_> =
        alarms.iter().filter(|it| of(it, &site) && it.text("kind") == "physiological").collect();
    assert!(raised.is_empty(), "history raised {} alarms, the first: {}", raised.len(), raised[0].body);
    Ok(())
}

/// The control of the test above: the same patient of now does raise the alarm.
#[test]
fn what_comes_after_the_backlog_is_of_now() -> Result<()> {
    let kafka = Kafka::shared()?;
    let broker = Mosquitto::start()?;
    let site = site("after-backlog", kafka, &broker)?.alarms_at_once();
    Agent::start(&site)?.stop(Duration::from_secs(20))?;
    let load = Load { beds: beds(), count: 1600, rate: None, first_seq: 1, patient: Patient::Desaturated };
    Publisher::start(broker.port(), load).finish(Duration::from_secs(60))?;
    let _agent = Agent::start(&site)?;
    let readings = Reader::open(kafka, "vitals.readings.v1")?;
    let last = |it: &_| of(it, &site) && it.body["bed"] == "bed-16" && it.body["device_seq"] == 100;
    readings.wait_for("the end of the backlog", PATIENCE, last)?;
    publish_one(broker.port(), "ward/bed-1", Patient::Desaturated.payload(101), false)?;
    let alarms = Reader::open(kafka, "vitals.alarms.v1")?;
    let alarm =
        alarms.wait_for("the alarm of now", PATIENCE, |it| of(it, &site) && it.text("code") == "spo2_low")?;
    assert_eq!(alarm.text("bed"), "bed-1");
    Ok(())
}
