//! The agent's own speed: messages wait in the broker, the agent comes back, nobody else works.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher};
use wardline_tests::reader::Reader;
use wardline_tests::tally::Tally;

const MESSAGES: u64 = 200_000;

pub(crate) fn measure() -> Result<()> {
    let kafka = Kafka::start()?;
    let broker = Mosquitto::start()?;
    let site = crate::site("bench-drain", &kafka, &broker)?;
    Agent::start(&site)?.stop(Duration::from_secs(30))?;
    let load =
        Load { beds: crate::beds(), count: MESSAGES, rate: None, first_seq: 1, patient: Patient::Stable };
    Publisher::start(broker.port(), load.clone()).finish(Duration::from_secs(300))?;

    let begin = Instant::now();
    let agent = Agent::start(&site)?;
    let reader = Reader::open(&kafka, "vitals.readings.v1")?;
    let mut tally = Tally::default();
    let deadline = begin + Duration::from_secs(600);
    let all = reader.read_until(deadline, |record| {
        tally.add(record);
        tally.distinct() == MESSAGES
    })?;
    let took = begin.elapsed();
    ensure!(all, "{}", tally.verdict(&load));
    let usage = agent.usage()?;
    crate::line(
        &format!("drain: {MESSAGES} messages wait in the broker"),
        &format!(
            "{:.0} messages/s into Kafka, {:.1} µs CPU/message, {:.0} bytes written/message, RSS peak {} MB ({})",
            MESSAGES as f64 / took.as_secs_f64(),
            usage.cpu.as_secs_f64() * 1e6 / MESSAGES as f64,
            usage.disk_bytes as f64 / MESSAGES as f64,
            usage.rss_peak_kb / 1024,
            tally.verdict(&load),
        ),
    );
    Ok(())
}
