//! P5: accepted = delivered + buffered + covered by gaps, as the agent counts it and as Kafka alone can prove it.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);
const COUNT: u64 = 2_000;
const BUFFERED: &str = "wardline_buffer_records";
const ERROR: &str = "wardline_conservation_error";

/// With what each frame on disk begins (`docs/storage-format.md`).
const MAGIC: [u8; 4] = [0xD7, b'W', b'L', b'F'];

/// Takes a frame whose first number is one of these out of a lane of a killed store, every copy of it; returns how many
/// records it held.
///
/// Neither the first nor the last of its run: what stands on both sides shows the hole.
fn remove_a_frame(lane: &Path, numbers: Range<u64>) -> Result<u64> {
    let mut victim = None;
    for generation in fs::read_dir(lane)? {
        let path = generation?.path().join("db");
        let mut bytes = fs::read(&path).with_context(|| format!("no store at {}", path.display()))?;
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(4).position(|it| it == MAGIC) {
            at += found;
            let frame = &bytes[at..];
            let number = |from: usize, len: usize| {
                frame[from..from + len].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            };
            let (first, count) = (number(18, 8), number(14, 4));
            let is_inner = frame[5] == b'R' && numbers.contains(&first);
            // Two runs may have a frame of the same numbers.
            let run = frame[46..46 + usize::from(frame[9])].to_vec();
            let this = (run, first, count);
            if is_inner && *victim.get_or_insert_with(|| this.clone()) == this {
                bytes[at..at + 4].fill(0);
            }
            at += 4;
        }
        fs::write(&path, bytes)?;
    }
    victim.map(|(_, _, count)| count).context("no frame was found to remove")
}

fn fill(site: &Site, broker: &Mosquitto, first_seq: u64) -> Result<()> {
    let agent = Agent::start(site)?;
    let load = Load {
        beds: vec!["bed-1".into(), "bed-2".into()],
        count: COUNT,
        rate: None,
        first_seq,
        patient: Patient::Stable,
    };
    let mut probe = 0;
    agent.wait_heard(|| {
        probe += 1;
        publish_one(broker.port(), "ward/bed-3", Patient::Stable.payload(first_seq * 100 + probe), false)
    })?;
    Publisher::start(broker.port(), load).finish(SOON)?;
    wait::until("the readings on disk", SOON, || {
        let kept = agent.metric("wardline_readings")?;
        Ok((kept > 2_000.0 && agent.metric(BUFFERED)? >= kept).then_some(()))
    })?;
    agent.kill()
}

/// P5, F8: what is missing on disk shows at once, stays an error until the ledger says so, and then is none; and the
/// ledger knows the runs that never saw Kafka.
#[test]
fn a_frame_that_is_removed_shows_until_the_ledger_says_so() -> Result<()> {
    let (mut kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let site = Site::new("conservation")?.kafka(&kafka.bootstrap()).mqtt(broker.port());
    let site = site.beds(["bed-1", "bed-2", "bed-3"]).ward();
    kafka.kill();
    fill(&site, &broker, 1)?;
    fill(&site, &broker, COUNT + 1)?;
    let removed = remove_a_frame(&site.state_dir().join("store/readings"), 201..COUNT / 2)?;

    let agent = Agent::start(&site)?;
    wait::until("the hole to show", SOON, || Ok((agent.metric(ERROR)? > 0.0).then_some(())))?;
    let error = agent.metric(ERROR)?;
    ensure!(error.to_string() == removed.to_string(), "{removed} records removed, {error} are missing");

    kafka.restart()?;
    let ledger = Reader::open(&kafka, "vitals.ledger.v1")?;
    let mut lines = Vec::new();
    let told = ledger.read_until(Instant::now() + SOON, |it| {
        lines.extend(of(it, &site).then(|| it.clone()));
        it.text("type") == "gap"
    })?;
    ensure!(told, "no gap was told: {lines:?}");
    let gap = lines.last().context("no gap")?;
    assert_eq!((gap.text("reason"), gap.number("count")), ("store_damaged", Some(removed)));
    wait::until("the account to balance", SOON, || Ok((agent.metric(ERROR)? == 0.0).then_some(())))?;
    wait::until("all in Kafka", SOON, || Ok((agent.metric(BUFFERED)? == 0.0).then_some(())))?;
    let runs: Vec<_> = lines.iter().filter(|it| it.text("type") == "run").collect();
    assert_eq!(runs.len(), 3, "{runs:?}");
    assert!(runs.windows(2).all(|it| it[1].text("previous") == it[0].text("run")), "{runs:?}");
    assert!(runs[1].number("previous_last_reading") > Some(COUNT), "{runs:?}");
    assert!(lines.iter().any(|it| it.text("type") == "clock" && it.text("boot_at").ends_with('Z')));

    let mut station = Command::new(program::ours("wardline-station")?);
    let said = station.args(["completeness", "--brokers", &kafka.bootstrap()]).output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains(&format!("{}: complete: ", site.agent())), "{said}");
    Ok(())
}

/// F8: alarm records that are damaged on disk are told in the ledger as readings are.
#[test]
fn the_ledger_says_which_alarm_records_are_missing() -> Result<()> {
    const ALARMS: &str = "wardline_alarm_records";
    let (mut kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let site = Site::new("alarms-missing")?.kafka(&kafka.bootstrap()).mqtt(broker.port());
    let site = site.beds(["bed-1"]).ward().alarms_at_once();
    kafka.kill();
    let agent = Agent::start(&site)?;
    let mut seq = 0;
    while agent.metric(ALARMS)? < 12.0 {
        let before = agent.metric(ALARMS)?;
        for patient in [Patient::Desaturated, Patient::Stable] {
            wait::until("another alarm record", SOON, || {
                seq += 1;
                publish_one(broker.port(), "ward/bed-1", patient.payload(seq), false)?;
                Ok((agent.metric(ALARMS)? > before).then_some(()))
            })?;
        }
    }
    wait::until("all on disk", SOON, || {
        let records = agent.metric(ALARMS)? + agent.metric("wardline_readings")?;
        Ok((agent.metric(BUFFERED)? >= records).then_some(()))
    })?;
    agent.kill()?;
    let removed = remove_a_frame(&site.state_dir().join("store/alarms"), 3..9)?;
    kafka.restart()?;
    let agent = Agent::start(&site)?;
    let ledger = Reader::open(&kafka, "vitals.ledger.v1")?;
    let gap = |it: &_| of(it, &site) && it.text("type") == "gap";
    let gap = ledger.wait_for("the gap of the alarm records", SOON, gap)?;
    assert_eq!((gap.text("lane"), gap.text("reason")), ("a", "store_damaged"));
    assert_eq!(gap.number("count"), Some(removed));
    wait::until("the account to balance", SOON, || Ok((agent.metric(ERROR)? == 0.0).then_some(())))
}
