//! Two hundred beds alarm at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::reader::Reader;
use wardline_tests::storm::{self, ALARMS, Unit};

const BEDS: usize = 200;

pub(crate) fn measure() -> Result<()> {
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let unit = Unit::start("bench-storm", &kafka, &broker, BEDS)?;
    let reader = Reader::open(&kafka, ALARMS)?;
    unit.break_out()?;
    let raised = unit.raised(&reader, Duration::from_secs(60))?;
    ensure!(raised.len() == unit.alarms(), "{} of {} alarms", raised.len(), unit.alarms());
    let inversions = storm::inversions(&raised).len();
    crate::line(
        &format!(
            "storm: {BEDS} beds with a high, a medium and a low alarm at once, decision to Kafka's reader"
        ),
        &format!("{} ({} alarms, {inversions} low before high)", storm::times(&raised)?, raised.len()),
    );
    unit.stop()
}
