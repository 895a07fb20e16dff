//! Other rules of alarms while the agent watches: those of a good file are followed at once, those of a bad one never.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
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
const BED: &str = "reload-1";
const OK: &str = "wardline_alarm_rules_reload_ok";

/// Puts another low limit of SpO₂ into the clinician's file, and tells the agent to read it.
fn set_limit(site: &Site, agent: &Agent, limit: &str) -> Result<()> {
    let path = site.file("alarms.toml");
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text.split_once("low = { limit = ").context("no limit in the alarms file")?;
    let (_, after) = rest.split_once(',').context("nothing behind the limit")?;
    fs::write(&path, format!("{before}low = {{ limit = {limit},{after}"))?;
    agent.signal(Signal::HUP)
}

#[test]
fn other_rules_are_followed_at_once_and_a_bad_file_never() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = Site::new("reload")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds([BED]).ward();
    let site = site.alarms_at_once();
    let alarms = Reader::open(kafka, "vitals.alarms.v1")?;
    let next = |phase: &str| {
        let is = |it: &Record| of(it, &site) && it.text("code") == "spo2_low" && it.text("phase") == phase;
        alarms.wait_for(&format!("the {phase} of the alarm"), SOON, is)
    };
    let hash = |it: &Record| it.body["rule"]["hash"].clone();
    let mut agent = Agent::start(&site)?;
    let mut seq = 0;
    let mut desaturate = || {
        seq += 1;
        publish_one(broker.port(), &format!("ward/{BED}"), Patient::Desaturated.payload(seq), false)
    };

    // What is published before the agent has subscribed for the first time, the broker forgets.
    wait::until("the alarm", SOON, || {
        desaturate()?;
        Ok((agent.metric("wardline_alarm_records")? > 0.0).then_some(()))
    })?;
    let first = next("start")?;
    set_limit(&site, &agent, "80")?;
    let end = next("end")?;
    assert_eq!(end.text("id"), first.text("id"), "82 is inside the new limit: nothing is begun anew");
    ensure!(hash(&end) != hash(&first), "both say {}", hash(&end));

    set_limit(&site, &agent, "\"ninety\"")?;
    wait::until("the refusal", SOON, || Ok((agent.metric(OK)? < 1.0).then_some(())))?;
    let log = agent.log();
    ensure!(log.contains("The rules of alarms stay as they were") && log.contains("alarms.toml"), "{log}");
    let readings = agent.metric("wardline_readings")?;
    desaturate()?;
    wait::until("another reading", SOON, || {
        Ok((agent.metric("wardline_readings")? > readings).then_some(()))
    })?;

    // The first start since the end: 82 was outside of no limit in force before.
    set_limit(&site, &agent, "90")?;
    let again = next("start")?;
    assert_eq!(hash(&again), hash(&first), "the same file is the same rules");
    ensure!(again.text("id") != first.text("id"), "an alarm that is over does not come back");
    wait::until("the metric", SOON, || Ok((agent.metric(OK)? > 0.0).then_some(())))?;
    agent.check_alive()
}
