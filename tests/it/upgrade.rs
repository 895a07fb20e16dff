//! P15: the store of an earlier version is opened by this one: what it had kept is delivered, and it is written on.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::{evidence, process, program, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);
/// The stores of released versions (`tests/captures/README.md` tells how they were made): an agent of this id was killed
/// with so many readings of each of two beds, and an alarm of the second.
const VERSIONS: [&str; 1] = ["0.1.0"];
const AGENT: &str = "previous";
const BEDS: [&str; 2] = ["previous-1", "previous-2"];
const READINGS: u64 = 100;

/// Opens a version's store with this version's agent; Kafka has all that was in it.
fn open(version: &str) -> Result<()> {
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let site = Site::new("upgrade")?.named(AGENT).kafka(&kafka.bootstrap()).mqtt(broker.port()).beds(BEDS);
    let site = site.ward().alarms_at_once().toml("[buffer]\nsize = \"64 MiB\"\n");
    std::fs::create_dir_all(site.state_dir())?;
    let mut unpack = Command::new(program::installed("tar", "tar")?);
    let store = program::repository().join(format!("tests/captures/stores/{version}.tar.gz"));
    process::run(unpack.arg("-xzf").arg(store).arg("-C").arg(site.state_dir()))?;

    let mut agent = Agent::start(&site)?;
    let readings = Reader::open(&kafka, "vitals.readings.v1")?;
    let mut seqs = BEDS.map(|_| Vec::new());
    let all = readings.read_until(std::time::Instant::now() + SOON, |it| {
        if let Some(bed) = BEDS.iter().position(|bed| of(it, &site) && it.text("bed") == *bed) {
            seqs[bed].extend(it.number("device_seq"));
        }
        seqs.iter().map(Vec::len).sum::<usize>() as u64 >= 2 * READINGS
    })?;
    let expected = BEDS.map(|_| (1..=READINGS).collect::<Vec<_>>());
    ensure!(all && seqs == expected, "{version}: {seqs:?}; the log:\n{}", agent.log());
    let alarms = Reader::open(&kafka, "vitals.alarms.v1")?;
    let alarm = alarms.wait_for("the alarm of the earlier version", SOON, |it| {
        of(it, &site) && it.text("code") == "spo2_low" && it.text("id").starts_with(&format!("{AGENT}/"))
    })?;
    assert_eq!(alarm.text("bed"), BEDS[1]);
    let aside = site.state_dir().join("store/quarantine").exists();
    ensure!(!aside, "{version}: something was set aside; the log:\n{}", agent.log());

    let mut seq = READINGS;
    wait::until("a reading of this version", SOON, || {
        seq += 1;
        publish_one(broker.port(), &format!("ward/{}", BEDS[0]), Patient::Stable.payload(seq), false)?;
        Ok((agent.metric("wardline_readings")? > 0.0).then_some(()))
    })?;
    readings
        .wait_for("a reading of this version", SOON, |it| it.number("device_seq") == Some(seq))
        .with_context(|| agent.log())?;
    let mut station = Command::new(program::ours("wardline-station")?);
    let said = station.args(["completeness", "--brokers", &kafka.bootstrap()]).output()?.stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(said.contains(&format!("{AGENT}: complete: ")), "{version}: {said}");
    agent.check_alive()?;
    agent.stop(SOON).map(drop)
}

#[test]
fn the_store_of_an_earlier_version_is_delivered_and_written_on() -> Result<()> {
    for version in VERSIONS {
        open(version)?;
        let figure =
            format!("the store that {version} left: {} readings of {} in Kafka", 2 * READINGS, 2 * READINGS);
        evidence::show(
            "P15",
            &figure,
            "upgrade::the_store_of_an_earlier_version_is_delivered_and_written_on",
        );
    }
    Ok(())
}
