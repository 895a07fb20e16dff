//! E36: what is wrong with the agent itself is an alarm: at the bedside at once, in Kafka, and in a nurse's words.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::process::{self, Process};
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(60);
const ALARMS: &str = "vitals.alarms.v1";

fn site(name: &str, broker: &Mosquitto) -> Result<Site> {
    Ok(Site::new(name)?.mqtt(broker.port()).beds(["own-1"]).ward().mqtt_annunciator())
}

/// Waits until the agent's own place at the bedside says that this is open, or no longer is.
fn lamp_shows(lamp: &Listener, site: &Site, code: &str, open: bool) -> Result<()> {
    let topic = format!("alarms/{}", site.agent());
    let shows = |payload: &str| -> Option<bool> {
        let message: Value = serde_json::from_str(payload).ok()?;
        let alarms = message["alarms"].as_array().map_or(&[][..], Vec::as_slice);
        (message["present"] == true).then(|| alarms.iter().any(|it| it["code"] == code))
    };
    let is =
        |heard: &wardline_tests::listener::Heard| heard.topic == topic && shows(&heard.payload) == Some(open);
    lamp.wait_for(&format!("{code} at the bedside, open: {open}"), SOON, is).map(drop)
}

fn is(record: &Record, site: &Site, code: &str, phase: &str) -> bool {
    of(record, site) && record.text("code") == code && record.text("phase") == phase
}

/// Kafka away is the agent's own alarm at the bedside after 15 s; once Kafka is back its records come, and the station
/// says them in words.
#[test]
fn what_does_not_reach_kafka_is_an_alarm_at_the_bedside() -> Result<()> {
    let (mut kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let site = site("forwarding", &broker)?.kafka(&kafka.bootstrap());
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    let agent = Agent::start(&site)?;
    publish_one(broker.port(), "ward/own-1", Patient::Stable.payload(1), false)?;
    Reader::open(&kafka, "vitals.readings.v1")?.wait_for("a reading", SOON, |it| of(it, &site))?;
    lamp_shows(&lamp, &site, "forwarding_down", false)?;
    kafka.kill();
    lamp_shows(&lamp, &site, "forwarding_down", true)?;
    kafka.restart()?;
    lamp_shows(&lamp, &site, "forwarding_down", false)?;
    let alarms = Reader::open(&kafka, ALARMS)?;
    let start = alarms.wait_for("its start", SOON, |it| is(it, &site, "forwarding_down", "start"))?;
    let named = (start.key.as_str(), start.text("bed"), start.text("kind"), start.text("priority"));
    assert_eq!(named, (site.agent(), site.agent(), "technical", "high"));
    ensure!(start.number("condition_delay_ms").is_some_and(|it| (15_000..20_000).contains(&it)), "{start:?}");
    let rest = alarms.rest(Duration::from_secs(2))?;
    let ends = rest.iter().filter(|it| is(it, &site, "forwarding_down", "end")).count();
    let starts = rest
        .iter()
        .filter(|it| is(it, &site, "forwarding_down", "start") && it.text("id") != start.text("id"));
    ensure!(ends >= 1 && starts.count() == 0, "one alarm, and it is over: {rest:?}");
    agent.stop(SOON).map(drop)
}

/// A machine that stood still says so, once.
#[test]
fn a_loop_that_stood_still_says_so() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = site("stalled", &broker)?.kafka(&kafka.bootstrap());
    let agent = Agent::start(&site)?;
    agent.signal(Signal::STOP)?;
    thread::sleep(Duration::from_secs(4));
    agent.signal(Signal::CONT)?;
    let alarms = Reader::open(kafka, ALARMS)?;
    let start = alarms.wait_for("the stall", SOON, |it| is(it, &site, "bedside_stalled", "start"))?;
    ensure!(["3 s", "4 s", "5 s"].contains(&start.text("cause")), "{start:?}");
    let mut station = process::guarded(&program::ours("wardline-station")?)?;
    station.args(["tail", "--brokers", &kafka.bootstrap(), "--bed", "another"]);
    let mut station = Process::start("wardline-station", station, &site.file("station.log"))?;
    // It is open for a minute: who starts the station now is told, whatever beds he looks after.
    wait::until("the stall in words", SOON, || {
        station.check_alive()?;
        let said = format!("{} The bedside computer stood still", site.agent());
        Ok(station.log().contains(&said).then_some(()))
    })
    .with_context(|| station.log())?;
    agent.stop(SOON).map(drop)
}

/// Without a disk, the agent has just started and says so; it is kept over a kill.
#[test]
fn a_store_that_is_not_there_is_said_at_once() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = site("no-store", &broker)?.kafka(&kafka.bootstrap());
    fs::write(site.state_dir(), "not a directory")?;
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    let agent = Agent::start(&site)?;
    lamp_shows(&lamp, &site, "store_failed", true)?;
    let alarms = Reader::open(kafka, ALARMS)?;
    let start = alarms.wait_for("its start", SOON, |it| is(it, &site, "store_failed", "start"))?;
    let beds = Reader::open(kafka, "vitals.beds.v1")?;
    let lists = |it: &Record| {
        let alarms = it.body["alarms"].as_array().map_or(&[][..], Vec::as_slice);
        it.key == site.agent() && alarms.iter().any(|it| it["id"] == start.text("id"))
    };
    beds.wait_for("it in the state of the agent's place", SOON, lists)?;
    agent.kill()?;
    let agent = Agent::start(&site)?;
    let goes_on =
        |it: &Record| of(it, &site) && it.text("id") == start.text("id") && it.body["restarted"] == true;
    alarms.wait_for("the same alarm, kept over a kill", SOON, goes_on)?;
    agent.stop(SOON).map(drop)
}

/// A damaged store is set aside when it is opened: that is said although the agent has just started.
#[test]
fn a_store_that_was_set_aside_is_said_after_the_start() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = site("set-aside", &broker)?;
    let agent = Agent::start(&site)?;
    // Its Kafka is not there yet: readings stay on the disk, to be damaged.
    publish_one(broker.port(), "ward/own-1", Patient::Stable.payload(1), false)?;
    wait::until("a reading on disk", SOON, || {
        Ok((agent.metric("wardline_buffer_records")? >= 1.0).then_some(()))
    })?;
    agent.kill()?;
    for conf in confs(&site.state_dir().join("store/readings"))? {
        fs::write(&conf, [0xA5; 64])?;
    }
    let site = site.kafka(&kafka.bootstrap());
    let agent = Agent::start(&site)?;
    let alarms = Reader::open(kafka, ALARMS)?;
    let start = alarms.wait_for("its start", SOON, |it| is(it, &site, "store_set_aside", "start"));
    let start = start.with_context(|| agent.log())?;
    assert_eq!(start.text("priority"), "low");
    agent.stop(SOON).map(drop)
}

/// The files without which the generations of a lane do not open.
fn confs(lane: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(lane)?.map(|it| it.map(|it| it.path().join("conf")));
    let files: Vec<PathBuf> = entries.collect::<Result<_, _>>()?;
    let found: Vec<_> = files.into_iter().filter(|it| it.is_file()).collect();
    ensure!(!found.is_empty(), "no generation in {}", lane.display());
    Ok(found)
}
