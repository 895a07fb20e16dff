//! E36, `not_received`: a high alarm that no station has shown is an alarm at the bedside, from a station's first word on.

use std::time::Duration;

use anyhow::{Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::process::{self, Process};
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(60);
const BED: &str = "receipts-1";

fn station(kafka: &Kafka, site: &Site) -> Result<Process> {
    let mut command = process::guarded(&program::ours("wardline-station")?)?;
    command.args(["tail", "--brokers", &kafka.bootstrap(), "--station", "desk", "--bed", BED]);
    Process::start("wardline-station", command, &site.file("station.log"))
}

#[test]
fn a_high_alarm_that_no_station_has_shown_is_an_alarm_until_one_does() -> Result<()> {
    let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
    let site = Site::new("receipts")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds([BED]).ward();
    let site = site.alarms_at_once().high_alarms();
    let alarms = Reader::open(kafka, "vitals.alarms.v1")?;
    let next = |code: &str, phase: &str| {
        let is = |it: &Record| of(it, &site) && it.text("code") == code && it.text("phase") == phase;
        alarms.wait_for(&format!("the {phase} of {code}"), SOON, is)
    };
    let agent = Agent::start(&site)?;
    let mut seq = 0;
    let mut say = |patient: Patient| {
        seq += 1;
        publish_one(broker.port(), &format!("ward/{BED}"), patient.payload(seq), false)
    };

    // The first alarm is shown: from then on the agent knows of a station.
    let mut desk = station(kafka, &site)?;
    wait::until("the alarm on the station", SOON, || {
        desk.check_alive()?;
        say(Patient::Desaturated)?;
        Ok(desk.log().contains("SpO2 low").then_some(()))
    })?;
    let receipts = Reader::open(kafka, "vitals.actions.v1")?;
    let is = |it: &Record| it.text("type") == "receipt" && it.text("bed") == BED;
    let receipt = receipts.wait_for("its receipt", SOON, is)?;
    let shown = next("spo2_low", "start")?;
    assert_eq!((receipt.text("alarm"), receipt.text("station")), (shown.text("id"), "desk"));
    assert_eq!(shown.text("priority"), "high");
    desk.kill()?;
    say(Patient::Stable)?;
    next("spo2_low", "end")?;

    // Nobody shows the next.
    say(Patient::Desaturated)?;
    next("spo2_low", "start")?;
    let missed = next("not_received", "start")?;
    assert_eq!((missed.text("bed"), missed.text("cause")), (site.agent(), BED));
    // Longer where Kafka makes the agent wait meanwhile.
    ensure!(missed.number("condition_delay_ms") >= Some(10_000), "{missed:?}");
    // A station that comes later shows it with its next word.
    let _desk = station(kafka, &site)?;
    next("not_received", "end")?;
    drop(agent);
    Ok(())
}
