//! P7; F31: two hundred beds alarm at once: every alarm is in Kafka, and of those that are decided at the same time the high
//! ones before the low ones; also when they have waited for Kafka.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::reader::Reader;
use wardline_tests::storm::{self, ALARMS, Unit};
use wardline_tests::{evidence, wait};

const BEDS: u32 = 200;
const SOON: Duration = Duration::from_secs(60);

#[test]
fn two_hundred_beds_alarm_at_once_and_high_goes_before_low() -> Result<()> {
    let (mut kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let unit = Unit::start("storm", &kafka, &broker, usize::try_from(BEDS)?)?;
    let reader = Reader::open(&kafka, ALARMS)?;
    unit.break_out()?;
    let raised = unit.raised(&reader, SOON)?;
    let (inversions, times) = (storm::inversions(&raised), storm::times(&raised)?);
    let moments: BTreeSet<_> = raised.iter().map(|it| it.decided_ms).collect();
    let figure = format!(
        "{} of {} alarms of {BEDS} beds, decided at {} moments, from the decision until a consumer had it: {times}; {} less urgent ones before a more urgent one of the same moment",
        raised.len(),
        unit.alarms(),
        moments.len(),
        inversions.len()
    );
    println!("{figure}");
    ensure!(raised.len() == unit.alarms(), "{} are missing", unit.alarms() - raised.len());
    ensure!(inversions.is_empty(), "{inversions:#?}");
    evidence::show("P7", &figure, "storm::two_hundred_beds_alarm_at_once_and_high_goes_before_low");
    unit.stop()?;
    and_while_kafka_is_away(&mut kafka, &broker)
}

fn and_while_kafka_is_away(kafka: &mut Kafka, broker: &Mosquitto) -> Result<()> {
    let unit = Unit::start("storm-away", kafka, broker, usize::try_from(BEDS)?)?;
    kafka.kill();
    unit.break_out()?;
    wait::until("every alarm on the disk", SOON, || {
        Ok((unit.metric("wardline_alarms_active")? >= f64::from(3 * BEDS)).then_some(()))
    })?;
    kafka.restart()?;
    let raised = unit.raised(&Reader::open(kafka, ALARMS)?, SOON)?;
    ensure!(raised.len() == unit.alarms(), "{} are missing", unit.alarms() - raised.len());
    let (last_high, first_low) = (
        raised.iter().filter(|it| it.rank == 0).map(|it| it.taken_ms).max(),
        raised.iter().filter(|it| it.rank == 2).map(|it| it.taken_ms).min(),
    );
    ensure!(last_high <= first_low, "a low one at {first_low:?}, a high one at {last_high:?}");
    unit.stop()
}
