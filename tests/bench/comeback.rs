//! Kafka comes back after an outage: how fast the backlog drains while readings go on coming, and when alarms that begin
//! meanwhile are in Kafka.

use std::time::{Duration, Instant};

use anyhow::Result;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher};
use wardline_tests::wait;

use super::latency::{Ward, told};

const BACKLOG: u64 = 1_000_000;
const INTAKE: u32 = 500;
/// So many are no backlog: what comes within two transactions.
const DRAINED: f64 = 2.0 * INTAKE as f64;
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn measure() -> Result<()> {
    let mut kafka = Kafka::start()?;
    let broker = Mosquitto::start()?;
    let site = crate::site("bench-comeback", &kafka, &broker)?.beds(["alarm"]).alarms_at_once();
    let agent = Agent::start(&site)?;
    let mut ward = Ward::new(&kafka, &broker)?;
    // The subscription stands, and all three ways to Kafka.
    ward.falls(3, || Ok(true))?;
    kafka.kill();
    let load = |count, rate, first_seq| Load {
        beds: crate::beds(),
        count,
        rate,
        first_seq,
        patient: Patient::Stable,
    };
    Publisher::start(broker.port(), load(BACKLOG, None, 1)).finish(PATIENCE)?;
    let buffered = || agent.metric("wardline_buffer_records");
    wait::until("the backlog on the disk", PATIENCE, || Ok((buffered()? >= BACKLOG as f64).then_some(())))?;

    let going_on = Publisher::start(broker.port(), load(u64::MAX, Some(INTAKE), BACKLOG));
    kafka.restart()?;
    let delivered = || agent.metric("wardline_readings_delivered");
    let (before, begin) = (delivered()?, Instant::now());
    let mut first = None;
    let alarms = ward.falls(u64::MAX, || {
        if first.is_none() && delivered()? > before {
            first = Some(begin.elapsed());
        }
        Ok(buffered()? > DRAINED)
    })?;
    let (took, drained) = (begin.elapsed(), delivered()? - before);
    let speed = drained / took.as_secs_f64();
    let taken = going_on.stop()?;
    crate::line(
        &format!("Kafka is back: {BACKLOG} buffered readings drain while {INTAKE} a second come"),
        &format!(
            "{speed:.0} readings/s into Kafka, {:.1} times the intake, from its return to the end of the backlog ({:.1} s; the \
             first after {:.1} s); alarms meanwhile: {}; {taken} came meanwhile; RSS peak {} MB",
            speed / f64::from(INTAKE),
            took.as_secs_f64(),
            first.unwrap_or_default().as_secs_f64(),
            told(&alarms),
            agent.usage()?.rss_peak_kb / 1024,
        ),
    );
    Ok(())
}
