//! P12, F27: a wall clock that starts in 1970, is found, goes back an hour and on fifty-six years changes no record but in
//! what it says of the time, and the ledger tells each correction.
//!
//! Two agents hear the same messages; the clock of one is set again and again. A third, with other limits, is the
//! control: the comparison must see that its alarms are others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, ensure};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;
use vitals::time::DeviceTime;
use wardline_tests::agent::Agent;
use wardline_tests::evidence;
use wardline_tests::fake_time::FakeTime;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::Caller;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::wait;

use crate::way::of;

const BED: &str = "clock-1";
const PROBED: &str = "clock-0";
const SOON: Duration = Duration::from_secs(40);
/// A message so often; with each tenth the patient's SpO₂ falls, or is well again.
const TICK: Duration = Duration::from_millis(200);
/// Messages before the clock is set once more: the alarm begins and ends in them.
const BETWEEN: u64 = 20;

const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

/// An agent, and all that it has written.
struct Bedside {
    site: Site,
    agent: Agent,
}

impl Bedside {
    fn start(site: Site) -> Result<Self> {
        let agent = Agent::start(&site)?;
        Ok(Self { site, agent })
    }

    /// Its records of the bed, without what names it or tells a time.
    fn records(&self, kafka: &Kafka, topic: &str) -> Result<Vec<Value>> {
        let all = Reader::open(kafka, topic)?.rest(Duration::from_secs(2))?;
        let ours = all.into_iter().filter(|it| of(it, &self.site) && it.text("bed") == BED);
        Ok(ours.map(|it| timeless(it.body)).collect())
    }

    fn delivered(&self) -> Result<bool> {
        let metric = |name| self.agent.metric(name);
        Ok(metric("wardline_readings_delivered")? >= metric("wardline_readings_accepted_total")?)
    }
}

/// A record without its names (id, run, number) and without every time, age and duration in it.
fn timeless(value: Value) -> Value {
    const NAMES: [&str; 10] =
        ["id", "agent", "run", "seq", "device_time", "evidence", "until", "valid_until", "rule", "text"];
    let tells_time = |key: &str| key.ends_with("_at") || key.ends_with("_ms") || NAMES.contains(&key);
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(key, _)| !tells_time(key))
            .map(|(key, value)| (key, timeless(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(timeless).collect(),
        other => other,
    }
}

fn millis(record: &Record, field: &str) -> i64 {
    DeviceTime::parse(record.text(field)).map_or(0, DeviceTime::as_millis)
}

fn since_1970() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

/// What is said, when, and what the ledger has said of the clocks meanwhile.
struct Ward<'a> {
    caller: Caller,
    said: u64,
    ledger: Reader,
    stepped: &'a Bedside,
    corrections: Vec<Record>,
}

impl Ward<'_> {
    /// One message, and what the ledger says until the next is due.
    fn tick(&mut self) -> Result<()> {
        let due = Instant::now() + TICK;
        let patient = if self.said / 10 % 2 == 0 { Patient::Stable } else { Patient::Desaturated };
        self.said += 1;
        self.caller.publish(&format!("ward/{BED}"), patient.payload(self.said))?;
        while let Some(record) = self.ledger.next(due)? {
            if of(&record, &self.stepped.site) && record.text("type") == "clock" {
                self.corrections.push(record);
            }
        }
        Ok(())
    }

    /// Goes on until the ledger says that the clock is so far beside the true one.
    fn hear_correction(&mut self, booted: i64, offset: i64) -> Result<()> {
        let deadline = Instant::now() + SOON;
        let is_told = |it: &Record| (millis(it, "boot_at") - booted - offset * 1000).abs() < 10_000;
        while !self.corrections.last().is_some_and(is_told) {
            ensure!(Instant::now() < deadline, "no correction by {offset} s: {:?}", self.corrections.last());
            self.tick()?;
        }
        for _ in 0..BETWEEN {
            self.tick()?;
        }
        Ok(())
    }
}

#[test]
fn a_wall_clock_that_is_set_changes_nothing_but_what_it_says() -> Result<()> {
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let site = |name: &str| -> Result<Site> {
        Ok(Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds([PROBED, BED]).ward())
    };
    let in_1970 = -since_1970();
    let (site_stepped, clock) = FakeTime::of(site("clock-set")?.alarms_at_once(), in_1970)?;
    let stepped = Bedside::start(site_stepped.env("TZ", "Europe/Berlin"))?;
    let steady = Bedside::start(site("clock-steady")?.alarms_at_once())?;
    let other = Bedside::start(site("clock-other")?)?;
    let caller = Caller::connect(broker.port())?;
    wait::until("all to have subscribed", SOON, || {
        caller.publish(&format!("ward/{PROBED}"), Patient::Stable.payload(1))?;
        let heard = |it: &Bedside| Ok::<_, anyhow::Error>(it.agent.metric("wardline_readings")? > 0.0);
        Ok((heard(&stepped)? && heard(&steady)? && heard(&other)?).then_some(()))
    })?;

    let is_steady = |it: &Record| of(it, &steady.site) && it.text("type") == "clock";
    let first = Reader::open(&kafka, "vitals.ledger.v1")?.wait_for("a clock record", SOON, is_steady)?;
    let booted = millis(&first, "boot_at");
    let ledger = Reader::open(&kafka, "vitals.ledger.v1")?;
    let mut ward = Ward { caller, said: 0, ledger, stepped: &stepped, corrections: Vec::new() };
    let steps = [in_1970, 0, -HOUR, HOUR, 56 * YEAR, 0];
    for offset in steps {
        clock.set(offset)?;
        ward.hear_correction(booted, offset)?;
    }
    while ward.said % 20 != 5 {
        ward.tick()?;
    }
    wait::until("all to be delivered", SOON, || {
        Ok((stepped.delivered()? && steady.delivered()? && other.delivered()?).then_some(()))
    })?;
    let (said, told) = (ward.said, ward.corrections.len());
    judge(&kafka, [&stepped, &steady, &other], said)?;
    ensure!(told >= steps.len(), "{told} corrections of {}", steps.len());
    for it in [stepped, steady, other] {
        it.agent.stop(SOON)?;
    }
    let figure = format!(
        "the wall clock 1970, found, −1 h, +1 h, +56 years and right again: {said} readings and their alarms are those of an \
         agent whose clock stood right, {told} corrections told"
    );
    evidence::show("P12", &figure, "clocks::a_wall_clock_that_is_set_changes_nothing_but_what_it_says");
    Ok(())
}

fn judge(kafka: &Kafka, [stepped, steady, other]: [&Bedside; 3], said: u64) -> Result<()> {
    let readings = stepped.records(kafka, "vitals.readings.v1")?;
    let numbers: Vec<_> = readings.iter().filter_map(|it| it["device_seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=said).collect::<Vec<_>>(), "lost, doubled or out of order");
    assert_eq!(readings, steady.records(kafka, "vitals.readings.v1")?);
    assert!(readings.iter().all(|it| it["clock"].is_string()), "a reading without the quality of its clock");
    let alarms = stepped.records(kafka, "vitals.alarms.v1")?;
    assert_eq!(alarms, steady.records(kafka, "vitals.alarms.v1")?);
    // The control: what differs is seen.
    assert_ne!(alarms, other.records(kafka, "vitals.alarms.v1")?, "the comparison sees nothing");
    // And the clock really was set: the readings say so.
    let raw = Reader::open(kafka, "vitals.readings.v1")?.rest(Duration::from_secs(2))?;
    let years: BTreeSet<_> = raw
        .iter()
        .filter(|it| of(it, &stepped.site))
        .filter_map(|it| it.text("received_at").split('-').next().map(str::to_owned))
        .collect();
    ensure!(years.len() == 3 && years.contains("1970"), "the clock was not set as it should: {years:?}");
    Ok(())
}

/// Why records carry no time of Kafka's own while the clock cannot be believed: a broker refuses what seems to lie ahead.
#[test]
fn a_broker_refuses_a_record_that_seems_to_come_from_the_future() -> Result<()> {
    let kafka = Kafka::shared()?;
    let producer: BaseProducer = kafka.client().set("message.timeout.ms", "5000").create()?;
    let body = r#"{"schema":"vitals.cursors.v1","agent":"a","lane":"r","run":"7f3a-1","seq":7}"#;
    let ahead = (since_1970() + 56 * YEAR) * 1000;
    let record = BaseRecord::to("sim.vitals.cursors.v1").key("ahead").payload(body).timestamp(ahead);
    producer.send(record).map_err(|(error, _)| error)?;
    producer.flush(Duration::from_secs(20))?;
    let readable = Reader::open(kafka, "sim.vitals.cursors.v1")?.rest(Duration::from_secs(2))?;
    assert!(readable.iter().all(|it| it.key != "ahead"), "it was taken");
    Ok(())
}
