//! P6; F1, F29: killed with a long backlog on its disk, the agent decides and acknowledges again within seconds, each time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Caller, Load, Publisher, publish_one};
use wardline_tests::site::Site;
use wardline_tests::{acknowledged, evidence, length, listener::Listener, wait};

/// The promise is 2 s and 3 s; whoever shares this machine is given room.
const SOON: Duration = Duration::from_secs(60);

/// What the agent may take with any backlog on its disk, kB.
const MEMORY_MAX: u64 = 64 << 10;

/// Each round has a bed of its own, so that each alarm is a new decision.
fn bed(round: usize) -> String {
    format!("restart-{round}")
}

/// Sorted times of one thing, and what to say of them.
struct Times(Vec<Duration>);

impl Times {
    fn told(&mut self, what: &str) -> String {
        self.0.sort_unstable();
        let at = |percent: usize| self.0[(self.0.len() * percent).div_ceil(100).max(1) - 1];
        let (half, most, max) = (at(50), at(99), at(100));
        format!("{what}: p50 {half:.2?}, p99 {most:.2?}, longest {max:.2?}")
    }
}

/// Kafka is away, so that all of it stays on the disk; every start is measured from the call that makes the process.
#[test]
fn after_each_kill_it_decides_and_acknowledges_within_seconds() -> Result<()> {
    let (rounds, count) = length::pick((10, 100_000), (200, 1_000_000));
    let broker = Mosquitto::start()?;
    let (proxy, acknowledged_at) = acknowledged::watched(broker.port())?;
    let beds: Vec<String> = (0..rounds).map(bed).collect();
    let site = Site::new("restart")?.mqtt(proxy.port()).beds(beds.iter().map(String::as_str)).ward();
    let site = site.mqtt_annunciator().alarms_at_once();
    let mut agent = Agent::start(&site)?;
    fill(&agent, &broker, &beds, count)?;
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    let caller = Caller::connect(broker.port())?;
    let (mut alarms, mut acknowledgements, mut seq) = (Times(Vec::new()), Times(Vec::new()), 10_000_000);
    for round in 0..rounds {
        agent.kill()?;
        proxy.cut();
        // What came before does not count.
        let (bed, _, _) = (bed(round), lamp.rest(), acknowledged_at.try_iter().count());
        let begin = Instant::now();
        agent = Agent::launch(&site, &[])?;
        let (mut alarm, mut acknowledged) = (None, None);
        wait::until("an alarm and an acknowledgement", SOON, || {
            seq += 1;
            caller.publish(&format!("ward/{bed}"), Patient::Desaturated.payload(seq))?;
            let told = |it: &wardline_tests::listener::Heard| {
                !it.retained && it.topic == format!("alarms/{bed}") && it.payload.contains("spo2_low")
            };
            alarm = alarm.or(lamp.rest().into_iter().find(told).map(|it| it.at));
            acknowledged = acknowledged.or_else(|| acknowledged_at.try_iter().next());
            agent.check_alive()?;
            Ok(alarm.and(acknowledged))
        })
        .with_context(|| format!("round {round}; the log:\n{}", agent.log()))?;
        alarms.0.push(alarm.context("no alarm")?.duration_since(begin));
        acknowledgements.0.push(acknowledged.context("no acknowledgement")?.duration_since(begin));
    }
    let usage = agent.usage()?;
    let figure = format!(
        "{rounds} kills with {count} readings on the disk, from the start of the process to the first {}; to the first {}; \
         resident memory at most {} kB",
        alarms.told("decision heard at the bedside"),
        acknowledgements.told("message acknowledged"),
        usage.rss_peak_kb
    );
    println!("{figure}");
    evidence::show("P6", &figure, "restart::after_each_kill_it_decides_and_acknowledges_within_seconds");
    ensure!(usage.rss_peak_kb <= MEMORY_MAX, "{} kB of memory", usage.rss_peak_kb);
    assert!(agent.metric("wardline_buffer_records")? >= 0.99 * f64::from(count), "the backlog was not there");
    Ok(())
}

/// Lets the agent take a backlog.
fn fill(agent: &Agent, broker: &Mosquitto, beds: &[String], count: u32) -> Result<()> {
    let mut probe = 20_000_000;
    agent.wait_heard(|| {
        probe += 1;
        publish_one(broker.port(), "ward/restart-0", Patient::Stable.payload(probe), false)
    })?;
    let all = count.into();
    let load = Load { beds: beds.to_vec(), count: all, rate: None, first_seq: 1, patient: Patient::Stable };
    Publisher::start(broker.port(), load).finish(Duration::from_secs(600))?;
    wait::until("the backlog on disk", Duration::from_secs(600), || {
        Ok((agent.metric("wardline_buffer_records")? >= f64::from(count)).then_some(()))
    })
}
