//! The agent's memory with a backlog on its disk: at rest, while readings come, and while Kafka takes the backlog.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use wardline_agent::envelope::ToStore;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher};
use wardline_tests::{records, wait};

use super::room;

const BACKLOGS: [u64; 3] = [0, 1_000_000, 10_000_000];
const RATE: u32 = 500;
const SECONDS: u32 = 30;
/// Readings that may wait to become durable.
const AHEAD_MAX: u64 = 5_000;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn measure() -> Result<()> {
    let mut kafka = Kafka::start()?;
    kafka.kill();
    let broker = Mosquitto::start()?;
    let site = crate::site("bench-memory", &kafka, &broker)?;
    let store = site.state_dir().join("store");
    let (mut filled, mut first_seq) = (0, 1);
    for backlog in BACKLOGS {
        fill(&store, &format!("filler-{backlog}"), backlog - filled)?;
        filled = backlog;
        let begin = Instant::now();
        let agent = Agent::start(&site)?;
        wait::until("the backlog to be known", PATIENCE, || {
            Ok((agent.metric("wardline_buffer_records")? >= backlog as f64).then_some(()))
        })?;
        let known = begin.elapsed();
        let start = agent.usage()?;
        let count = u64::from(RATE * SECONDS);
        let load = Load { beds: crate::beds(), count, rate: Some(RATE), first_seq, patient: Patient::Stable };
        Publisher::start(broker.port(), load).finish(4 * PATIENCE)?;
        first_seq += count;
        let running = agent.usage()?;
        let draining =
            if backlog == BACKLOGS[2] { drain(&mut kafka, &agent, backlog)? } else { String::new() };
        crate::line(
            &format!("memory with {backlog} sets of eight vitals buffered, Kafka away"),
            &format!(
                "RSS {} MB when all is known ({:.1} s after the call), {} MB after {SECONDS} s of {RATE} readings/s, never more \
                 than {} MB; {:.0} MB on disk{draining}",
                start.rss_kb / 1024,
                known.as_secs_f64(),
                running.rss_kb / 1024,
                running.rss_peak_kb / 1024,
                room::blocks(&store.join("readings")) as f64 / 1e6,
            ),
        );
        agent.stop(PATIENCE)?;
    }
    Ok(())
}

/// What it takes while Kafka gets half of it.
fn drain(kafka: &mut Kafka, agent: &Agent, backlog: u64) -> Result<String> {
    kafka.restart()?;
    let begin = Instant::now();
    wait::until("half of the backlog in Kafka", 20 * PATIENCE, || {
        Ok((agent.metric("wardline_buffer_records")? < backlog as f64 / 2.0).then_some(()))
    })?;
    let speed = backlog as f64 / 2.0 / begin.elapsed().as_secs_f64();
    let usage = agent.usage()?;
    Ok(format!(
        "; while Kafka takes half of it, {speed:.0} a second: {} MB, never more than {} MB",
        usage.rss_kb / 1024,
        usage.rss_peak_kb / 1024
    ))
}

/// Lets a run before the agent keep so many sets.
fn fill(dir: &Path, run: &str, count: u64) -> Result<()> {
    let mut store = room::open(dir, run)?;
    store.found.recv()?;
    let unit = room::unit(run)?;
    for (set, n) in records::of_eight_vitals(&unit, 500, 7, 500)?.zip(1..=count) {
        store.intake.offer(ToStore::Reading(set, None));
        if n % (AHEAD_MAX / 2) == 0 {
            room::wait_durable(&store.intake, n.saturating_sub(AHEAD_MAX));
        }
    }
    room::wait_durable(&store.intake, count);
    room::close(store);
    Ok(())
}
