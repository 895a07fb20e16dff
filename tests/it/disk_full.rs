//! F5, F6: a disk that is full or read-only. Alarms go on, nobody has to help, and all is normal again when the room is.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::disk::Disk;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::{evidence, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(20);
/// Normal again after the room is back, as the issue of this promise says.
const NORMAL_WITHIN: Duration = Duration::from_secs(30);
/// P8, and the two seconds until systemd starts an agent that has ended.
const ALARM_WITHIN: Duration = Duration::from_millis(500 + 4_000);
const DISK: u64 = 96 << 20;
/// A store that cannot be kept may end the agent so often: to open it anew, and to go on without.
const RESTARTS_MAX: usize = 3;
const BED: &str = "full-1";
const ALARMING: &str = "full-2";

/// A ward with a disk of its own, and what systemd does for it.
struct Ward {
    disk: Disk,
    broker: Mosquitto,
    site: Site,
    agent: Agent,
    lamp: Listener,
    restarts: usize,
    seq: u64,
}

/// Publishes once more for a bed.
fn say(broker: &Mosquitto, bed: &str, patient: Patient, seq: &mut u64) -> Result<()> {
    *seq += 1;
    publish_one(broker.port(), &format!("ward/{bed}"), patient.payload(1_000_000 + *seq), false)
}

impl Ward {
    fn start(name: &str, kafka: &Kafka, full: bool) -> Result<Self> {
        let broker = Mosquitto::start()?;
        let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds([BED, ALARMING]);
        let site = site.ward().mqtt_annunciator().alarms_at_once().toml("[buffer]\nsize = \"64 MiB\"\n");
        let disk = Disk::mount(&site.file("disk"), &site.state_dir(), DISK)?;
        ensure!(disk.takes(), "it was to be whole");
        if full {
            disk.fill(0)?;
            ensure!(!disk.takes(), "it was to be full");
        }
        let agent = Agent::start(&site)?;
        let lamp = Listener::start(broker.port(), &format!("alarms/{ALARMING}"))?;
        let mut seq = 0;
        agent.wait_heard(|| say(&broker, BED, Patient::Stable, &mut seq))?;
        Ok(Self { disk, broker, site, agent, lamp, restarts: 0, seq })
    }

    fn say(&mut self, bed: &str, patient: Patient) -> Result<()> {
        say(&self.broker, bed, patient, &mut self.seq)
    }

    /// What systemd does: an agent that has ended is started again.
    fn tend(&mut self) -> Result<()> {
        if self.agent.check_alive().is_err() {
            self.restarts += 1;
            ensure!(self.restarts <= RESTARTS_MAX, "a crash loop; the log:\n{}", self.agent.log());
            self.agent = Agent::start(&self.site)?;
        }
        Ok(())
    }

    /// An alarm is raised and ends again, whatever the disk does.
    fn alarm(&mut self) -> Result<()> {
        let begin = Instant::now();
        for (patient, word) in [(Patient::Desaturated, "spo2_low"), (Patient::Stable, "\"alarms\":[]")] {
            let deadline = Instant::now() + SOON;
            loop {
                ensure!(Instant::now() < deadline, "no {word}; the log:\n{}", self.agent.log());
                self.tend()?;
                self.say(ALARMING, patient)?;
                let heard =
                    self.lamp.wait_for(word, Duration::from_millis(500), |it| it.payload.contains(word));
                if heard.is_ok() {
                    break;
                }
            }
            if patient == Patient::Desaturated {
                let took = begin.elapsed();
                ensure!(took < ALARM_WITHIN, "the alarm took {took:?}; the log:\n{}", self.agent.log());
            }
        }
        Ok(())
    }

    fn store(&self) -> Result<String> {
        let (_, body) = self.agent.ask("/status.json")?;
        let status: serde_json::Value = serde_json::from_str(&body)?;
        Ok(status["store"]["state"].as_str().context("no state of the store")?.to_owned())
    }

    fn wait_for_store(&mut self, state: &str, within: Duration) -> Result<Duration> {
        let begin = Instant::now();
        loop {
            self.tend()?;
            // Both beds are quiet: the agent begins anew only in a moment without an alarm.
            self.say(ALARMING, Patient::Stable)?;
            if self.store().is_ok_and(|it| it == state) {
                return Ok(begin.elapsed());
            }
            let log = || self.agent.log();
            ensure!(
                begin.elapsed() < within,
                "the store is {:?} and not {state}; the log:\n{}",
                self.store(),
                log()
            );
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Fills the buffer for a while, without waiting for the end.
    fn load(&self, rate: u32) -> Publisher {
        let load = Load {
            beds: vec![BED.into()],
            count: 2_000_000,
            rate: Some(rate),
            first_seq: 1,
            patient: Patient::Stable,
        };
        Publisher::start(self.broker.port(), load)
    }
}

/// Others fill the disk while Kafka is away: the oldest readings make room, each in a gap, and nothing fails.
#[test]
fn a_disk_that_fills_slowly_costs_the_oldest_readings_and_says_so() -> Result<()> {
    let mut kafka = Kafka::start()?;
    let mut ward = Ward::start("disk-slow", &kafka, false)?;
    kafka.kill();
    let publisher = ward.load(8_000);
    wait::until("a backlog of several generations", Duration::from_secs(60), || {
        Ok((ward.agent.metric("wardline_buffer_bytes")? > 5e6).then_some(()))
    })?;
    wait::until("an end in sight", Duration::from_secs(60), || {
        Ok((ward.agent.metric("wardline_buffer_eta_full_seconds")? < 86_400.0).then_some(()))
    })?;
    for left in [12 << 20, 6 << 20, 3 << 20] {
        ward.disk.fill(left)?;
        ward.alarm()?;
    }
    let evicted = wait::until("the oldest to make room", Duration::from_secs(60), || {
        let gap = ward.agent.metric("wardline_readings_gap")?;
        Ok((gap > 0.0).then_some(gap))
    })?;
    ward.alarm()?;
    publisher.stop()?;
    assert_eq!((ward.restarts, ward.store()?.as_str()), (0, "ok"), "{}", ward.agent.log());
    ward.disk.clear()?;
    kafka.restart()?;
    let ledger = Reader::open(&kafka, "vitals.ledger.v1")?;
    let gap = ledger.wait_for("the gap", SOON, |it| of(it, &ward.site) && it.text("type") == "gap")?;
    assert_eq!(gap.text("reason"), "buffer_full");
    println!("disk filled slowly: {evicted} readings made room");
    ward.agent.stop(SOON).map(drop)
}

/// Suddenly, with Kafka there: readings go through memory, and the store is back by itself when the room is.
#[test]
fn a_disk_that_is_suddenly_full_stops_no_alarm_and_no_reading() -> Result<()> {
    let kafka = Kafka::shared()?;
    let mut ward = Ward::start("disk-sudden", kafka, false)?;
    ward.alarm()?;
    let publisher = ward.load(1_000);
    // The reserve keeps the store alive for a while; then others have taken that too.
    wait::until("the store to give up", Duration::from_secs(60), || {
        ward.disk.fill(0)?;
        ward.tend()?;
        Ok(ward.store().is_ok_and(|it| it == "memory").then_some(()))
    })?;
    ward.alarm()?;
    let before = ward.agent.metric("wardline_readings_delivered")?;
    wait::until("readings to reach Kafka all the same", SOON, || {
        Ok((ward.agent.metric("wardline_readings_delivered")? > before).then_some(()))
    })?;
    normal_again(ward, publisher, Disk::clear)
}

/// At the start.
#[test]
fn on_a_disk_that_is_full_at_the_start_alarms_are_decided() -> Result<()> {
    let mut ward = Ward::start("disk-boot", Kafka::shared()?, true)?;
    ward.wait_for_store("memory", SOON)?;
    ward.alarm()?;
    let publisher = ward.load(1_000);
    normal_again(ward, publisher, Disk::clear)
}

/// F6.
#[test]
fn a_disk_that_turns_read_only_stops_no_alarm_and_no_reading() -> Result<()> {
    let mut ward = Ward::start("disk-ro", Kafka::shared()?, false)?;
    ward.alarm()?;
    let publisher = ward.load(1_000);
    ward.disk.break_down()?;
    ensure!(!ward.disk.takes(), "it was to be read-only");
    ward.wait_for_store("memory", Duration::from_secs(60))?;
    ward.alarm()?;
    normal_again(ward, publisher, Disk::repair)
}

/// The room comes back: the store does too, and what is published meanwhile is in Kafka once, all of it.
fn normal_again(mut ward: Ward, publisher: Publisher, cure: fn(&Disk) -> Result<()>) -> Result<()> {
    let kafka = Kafka::shared()?;
    cure(&ward.disk)?;
    let took = ward.wait_for_store("ok", NORMAL_WITHIN)?;
    println!("{}: the store is back after {took:?}", ward.site.agent());
    let test = match ward.site.agent() {
        it if it.starts_with("disk-sudden") => "a_disk_that_is_suddenly_full_stops_no_alarm_and_no_reading",
        it if it.starts_with("disk-boot") => "on_a_disk_that_is_full_at_the_start_alarms_are_decided",
        _ => "a_disk_that_turns_read_only_stops_no_alarm_and_no_reading",
    };
    ward.alarm()?;
    let count = publisher.stop()?;
    let readings = Reader::open(kafka, "vitals.readings.v1")?;
    let mut came = Came::default();
    readings.read_until(Instant::now() + Duration::from_secs(60), |it| {
        if of(it, &ward.site) && it.text("bed") == BED {
            came.take(it);
        }
        came.0.len() as u64 >= count
    })?;
    let (missing, doubled) = came.wrong(count);
    ensure!(
        (missing, doubled) == (0, 0),
        "of {count}: {missing} missing, {doubled} doubled\n{}",
        ward.agent.log()
    );
    let took = took.as_secs_f64();
    let figure =
        format!("normal {took:.1} s after the disk was; of {count} readings 0 missing, 0 doubled unmarked");
    evidence::show("P5", &figure, &format!("disk_full::{test}"));
    ward.agent.stop(SOON).map(drop)
}

/// How often each message of the load came, not counting what says that it may have come before: what the failed disk may
/// or may not have kept, the broker sends again; without a store nobody can know.
#[derive(Default)]
struct Came(BTreeMap<u64, u32>);

impl Came {
    fn take(&mut self, record: &Record) {
        if let Some(seq) = record.number("device_seq").filter(|it| *it < 1_000_000) {
            let is_marked = record.body["redelivered"] == true;
            *self.0.entry(seq).or_insert(0) += u32::from(!is_marked);
        }
    }

    /// How many of so many messages are missing, and how many came twice without saying so.
    fn wrong(&self, count: u64) -> (usize, usize) {
        let missing = (1..=count).filter(|it| !self.0.contains_key(it)).count();
        (missing, self.0.values().filter(|it| **it > 1).count())
    }
}

/// The control: what a store without a bound, or a broker without memory, would do to the readings is seen.
#[test]
fn what_is_missing_or_doubled_after_a_full_disk_is_seen() {
    let record = |seq: u64, again: bool| {
        let body = serde_json::json!({"device_seq": seq, "redelivered": again});
        Record { key: String::new(), headers: BTreeMap::new(), body, bytes: 0, at_ms: 0 }
    };
    let mut came = Came::default();
    for (seq, again) in [(1, false), (2, false), (2, true), (3, false), (3, false), (5, true)] {
        came.take(&record(seq, again));
    }
    assert_eq!(came.wrong(6), (2, 1), "4 and 6 are missing, 3 came twice");
}
