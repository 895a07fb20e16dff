//! From the message on MQTT to the alarm readable in Kafka, without a condition delay.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Caller, Load, Publisher};
use wardline_tests::reader::Reader;

/// How often the patient's SpO₂ falls.
const FALLS: u64 = 200;
const BACKLOG: u64 = 100_000;
const ALARM_WITHIN: Duration = Duration::from_secs(20);

pub(crate) fn measure() -> Result<()> {
    let mut kafka = Kafka::start()?;
    let broker = Mosquitto::start()?;
    let site = crate::site("bench-latency", &kafka, &broker)?.beds(["alarm"]).alarms_at_once();
    let agent = Agent::start(&site)?;
    let mut ward = Ward::new(&kafka, &broker)?;
    let idle = ward.falls(FALLS, || Ok(true))?;
    report("alarm latency, MQTT to Kafka, idle", &idle);

    kafka.kill();
    let load = Load {
        beds: crate::beds(),
        count: BACKLOG,
        rate: Some(5000),
        first_seq: 1,
        patient: Patient::Stable,
    };
    Publisher::start(broker.port(), load).finish(Duration::from_secs(120))?;
    kafka.restart()?;
    let buffered = || agent.metric("wardline_buffer_records");
    ensure!(buffered()? > 0.0, "no backlog was buffered");
    let draining = ward.falls(u64::MAX, || Ok(buffered()? > 1000.0))?;
    report(&format!("alarm latency while {BACKLOG} buffered readings drain"), &draining);
    Ok(())
}

/// One bed whose patient falls and recovers.
pub(super) struct Ward {
    caller: Caller,
    alarms: Reader,
    seq: u64,
}

impl Ward {
    /// The bed `alarm` behind this broker, heard in this Kafka.
    pub(super) fn new(kafka: &Kafka, broker: &Mosquitto) -> Result<Self> {
        let (caller, alarms) = (Caller::connect(broker.port())?, Reader::open(kafka, "vitals.alarms.v1")?);
        Ok(Self { caller, alarms, seq: 0 })
    }

    /// At most so many falls, as long as `goes_on`; the time of each from the message to the alarm in Kafka.
    pub(super) fn falls(
        &mut self,
        at_most: u64,
        mut goes_on: impl FnMut() -> Result<bool>,
    ) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        while (times.len() as u64) < at_most && goes_on()? {
            let begin = Instant::now();
            self.say(Patient::Desaturated, "start")?;
            times.push(begin.elapsed());
            self.say(Patient::Stable, "end")?;
        }
        Ok(times)
    }

    fn say(&mut self, patient: Patient, phase: &str) -> Result<()> {
        self.seq += 1;
        self.caller.publish("ward/alarm", patient.payload(self.seq))?;
        let is = |it: &wardline_tests::reader::Record| it.text("bed") == "alarm" && it.text("phase") == phase;
        self.alarms.wait_for(phase, ALARM_WITHIN, is).map(drop)
    }
}

fn report(name: &str, times: &[Duration]) {
    crate::line(name, &told(times));
}

/// Times of alarms, in words.
pub(super) fn told(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = |percent: usize| {
        sorted.get((sorted.len().saturating_sub(1)) * percent / 100).copied().unwrap_or_default()
    };
    let [p50, p99, max] = [50, 99, 100].map(at);
    format!("p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?} ({} alarms)", times.len())
}
