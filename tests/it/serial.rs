//! Serial lines: a recorded monitor byte by byte, and a device that is pulled out in mid-frame.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::patient::Patient;
use wardline_tests::pty::Pty;
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

use crate::way::{of, vital};

const SOON: Duration = Duration::from_secs(20);
/// Faster than the monitor's own 19,200 baud, which would take 90 s.
const BYTES_A_SECOND: usize = 40_000;
/// The columns of the table of the capture, after the time, by our names.
const COLUMNS: [&str; 10] = [
    "heart_rate",
    "resp_rate_impedance",
    "spo2",
    "pulse_rate",
    "perfusion_index",
    "nibp_systolic",
    "nibp_diastolic",
    "nibp_mean",
    "etco2",
    "resp_rate_co2",
];

#[test]
fn every_numeric_record_of_a_recorded_monitor_arrives_with_its_values() -> Result<()> {
    let captures = program::repository().join("tests/captures");
    let bytes = fs::read(captures.join("ge_s5_db02.raw"))?;
    let table = fs::read_to_string(captures.join("ge_s5_db02_numerics_1hz.csv"))?;
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').skip(1).collect()).collect();
    assert_eq!(rows.len(), 107);

    let kafka = Kafka::shared()?;
    let mut line = Pty::open()?;
    let site = Site::new("serial-ge")?.kafka(&kafka.bootstrap()).beds(["serial-1"]);
    let site = site.serial("monitor", "serial-1", "ge-s5-dri", line.port());
    let _agent = Agent::start(&site)?;
    line.write_paced(&bytes, BYTES_A_SECOND)?;

    let readings = Reader::open(kafka, "sim.vitals.readings.v1")?;
    for (number, row) in rows.iter().enumerate() {
        let what = format!("record {number} of {}", rows.len());
        let record = readings.wait_for(&what, SOON, |it| of(it, &site))?;
        for (name, cell) in COLUMNS.iter().zip(row) {
            let value =
                vital(&record, name)?["value"].as_f64().with_context(|| format!("{what}: no {name}"))?;
            assert_eq!(thousandths(value), thousandths(cell.parse()?), "{what}: {name}");
        }
    }
    Ok(())
}

#[test]
fn a_device_pulled_out_in_mid_frame_is_read_again_when_it_is_back() -> Result<()> {
    let kafka = Kafka::shared()?;
    let mut line = Pty::open()?;
    let site = Site::new("serial-unplug")?.kafka(&kafka.bootstrap()).beds(["serial-2"]);
    let site = site.serial("oximeter", "serial-2", "nonin-df8", line.port());
    let mut agent = Agent::start(&site)?;
    let readings = Reader::open(kafka, "sim.vitals.readings.v1")?;
    let [stable, desaturated] = [Patient::Stable, Patient::Desaturated].map(Patient::nonin_df8);
    line.write(&stable.repeat(4))?;
    readings.wait_for("the first reading", SOON, |it| of(it, &site))?;

    line.write(&desaturated[..2])?;
    line.unplug();
    agent.check_alive()?;
    line.plug()?;
    // Only once the agent has opened the new line: what is written before nobody hears.
    wait::until("a reading from the line that is back", SOON, || {
        line.write(&desaturated.repeat(2))?;
        let records = readings.rest(Duration::from_millis(300))?;
        let is_new = |it: &_| of(it, &site) && vital(it, "spo2").is_ok_and(|spo2| spo2["value"] == 82);
        Ok(records.iter().any(is_new).then_some(()))
    })?;
    Ok(())
}

/// Rounded to what a record can hold.
fn thousandths(value: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a vital in thousandths is far from the limits of i64"
    )]
    let rounded = (value * 1000.0).round() as i64;
    rounded
}
