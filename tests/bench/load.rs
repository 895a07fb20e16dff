//! What the agent costs at rest and under a steady load.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use wardline_tests::agent::{Agent, Usage};
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher};
use wardline_tests::site::Site;
use wardline_tests::wait;

const SECONDS: u32 = 60;
const RATES: [u32; 2] = [500, 5000];
/// The beds of a large hospital floor, each heard once a second.
const FLOOR: u32 = 500;

pub(crate) fn measure() -> Result<()> {
    let kafka = Kafka::start()?;
    let broker = Mosquitto::start()?;
    let agent = Agent::start(&crate::site("bench-load", &kafka, &broker)?)?;
    // What starting costs is not what resting costs.
    thread::sleep(Duration::from_secs(10));
    let (before, begin) = (agent.usage()?, Instant::now());
    thread::sleep(Duration::from_secs(u64::from(SECONDS)));
    report("idle", 0, before, agent.usage()?, begin.elapsed());
    let mut first_seq = 1;
    for rate in RATES {
        let count = u64::from(rate) * u64::from(SECONDS);
        let load = Load { beds: crate::beds(), count, rate: Some(rate), first_seq, patient: Patient::Stable };
        let (before, begin) = (agent.usage()?, Instant::now());
        Publisher::start(broker.port(), load).finish(Duration::from_secs(4 * u64::from(SECONDS)))?;
        report(&format!("{rate} messages/s for {SECONDS} s"), count, before, agent.usage()?, begin.elapsed());
        first_seq += count / u64::from(crate::BEDS) + 1;
    }
    Ok(())
}

/// The whole agent on one core, in real time.
pub(crate) fn measure_floor() -> Result<()> {
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let beds: Vec<String> = (1..=FLOOR).map(|bed| format!("floor-{bed}")).collect();
    let site = Site::new("bench-floor")?.kafka(&kafka.bootstrap()).mqtt(broker.port());
    let site = site.beds(beds.iter().map(String::as_str)).ward().mqtt_annunciator();
    let mut agent = Agent::launch(&site, &["taskset", "-c", "0"])?;
    agent.wait_ready()?;
    let mut said = 0;
    for (seconds, measured) in [(10, false), (SECONDS, true)] {
        let count = u64::from(FLOOR * seconds);
        let load = Load {
            beds: beds.clone(),
            count,
            rate: Some(FLOOR),
            first_seq: 1 + said / u64::from(FLOOR),
            patient: Patient::Stable,
        };
        let (before, begin) = (agent.usage()?, Instant::now());
        Publisher::start(broker.port(), load).finish(Duration::from_secs(4 * u64::from(SECONDS)))?;
        said += count;
        if measured {
            let name =
                format!("{FLOOR} beds, each once a second for {SECONDS} s, the whole agent on one core");
            report(&name, count, before, agent.usage()?, begin.elapsed());
        }
    }
    // What came before it had subscribed, the broker forgot.
    let all = f64::from(FLOOR * SECONDS);
    wait::until("the last reading", Duration::from_secs(2), || {
        Ok((agent.metric("wardline_readings")? >= all).then_some(()))
    })?;
    Ok(())
}

fn report(name: &str, messages: u64, before: Usage, after: Usage, took: Duration) {
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    let (percent, rss) = (cpu / took.as_secs_f64() * 100.0, after.rss_kb / 1024);
    let each = if messages == 0 {
        String::new()
    } else {
        let bytes = after.disk_bytes.saturating_sub(before.disk_bytes) as f64 / messages as f64;
        format!(", {:.0} µs CPU/message, {bytes:.0} bytes written/message", cpu * 1e6 / messages as f64)
    };
    crate::line(name, &format!("CPU {percent:.1} % of a core, RSS {rss} MB{each}"));
}
