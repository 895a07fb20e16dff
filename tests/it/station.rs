//! P10: the real station against the real Kafka says who is lost, and that itself has lost Kafka, and when all is back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rdkafka::config::FromClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rustix::process::Signal;
use serde_json::json;
use wardline_tests::kafka::Kafka;
use wardline_tests::process::{self, Process};
use wardline_tests::scratch::Scratch;
use wardline_tests::{program, wait};

/// P10 with the way of a word through a loaded machine: 5 s, and as long again.
const SAID_WITHIN: Duration = Duration::from_secs(10);
/// How long Kafka may take for a word.
const SENT_WITHIN: Duration = Duration::from_secs(20);
/// How long a client may take to find a Kafka that has just come, on a loaded machine.
const FOUND_WITHIN: Duration = Duration::from_secs(40);

/// An agent as a station sees it: heartbeats in Kafka, and nothing behind them.
struct Heart {
    producer: BaseProducer,
    turns: u64,
}

impl Heart {
    fn new(kafka: &Kafka) -> Result<Self> {
        Ok(Self { producer: BaseProducer::from_config(&kafka.client())?, turns: 0 })
    }

    fn send(&self, topic: &str, key: &str, body: &str) -> Result<()> {
        let sent = self.producer.send(BaseRecord::to(topic).key(key).payload(body));
        sent.map_err(|(error, _)| error).with_context(|| format!("cannot send to {topic}"))?;
        Ok(self.producer.flush(SENT_WITHIN)?)
    }

    fn beat(&mut self) -> Result<()> {
        self.turns += 1;
        let status = json!({
            "schema": "vitals.status.v1", "agent": "icu-3", "run": "7f3a9c21-58e1", "version": "0.1.0",
            "up_ms": self.turns, "at": "2026-11-23T08:30:00.250Z", "clock": "synced", "turns": self.turns,
            "beds": 1, "alarms": 0, "accepted": 0, "buffered": 0, "buffer_bytes": 0, "buffer_bytes_max": 0,
            "store": "ok", "reading_seq": 0, "alarm_seq": 0
        });
        self.send("vitals.status.v1", "icu-3", &status.to_string())
    }

    /// Beats until the station says what is expected.
    fn beat_until(&mut self, station: &mut Process, words: &str) -> Result<()> {
        wait::until(&format!("{words:?}"), FOUND_WITHIN, || {
            station.check_alive()?;
            self.beat()?;
            Ok(station.log().contains(words).then_some(()))
        })
    }
}

fn hears(station: &mut Process, words: &str, within: Duration) -> Result<()> {
    wait::until(&format!("{words:?}; its words:\n{}", station.log_tail()), within, || {
        station.check_alive()?;
        Ok(station.log().contains(words).then_some(()))
    })
}

fn tail(kafka: &Kafka, scratch: &Scratch) -> Result<Process> {
    let mut command = process::guarded(&program::ours("wardline-station")?)?;
    command.args(["tail", "--brokers", &kafka.bootstrap()]);
    Process::start("wardline-station", command, &scratch.path().join("station.log"))
}

#[test]
fn the_loss_of_an_agent_and_of_kafka_is_said_and_their_return_too() -> Result<()> {
    let scratch = Scratch::new("station")?;
    let mut kafka = Kafka::start_without_topics()?;
    let mut station = tail(&kafka, &scratch)?;
    hears(&mut station, "Not a medical device; bedside monitors remain primary.", SAID_WITHIN)?;
    hears(&mut station, "the topic vitals.alarms.v1 is missing in Kafka", FOUND_WITHIN)?;

    kafka.create_topics(["", "sim."])?;
    let mut heart = Heart::new(&kafka)?;
    heart.beat_until(&mut station, "Agent icu-3 heard: 1 bed, 0 open alarms")?;
    for alarm in super::schema::alarm_records().iter().take(1) {
        heart.send("vitals.alarms.v1", &alarm.bed, &serde_json::to_string(alarm)?)?;
    }
    heart.beat_until(&mut station, "!!! SIMULATED Bed 7    SpO2 low 78 < 80")?;

    let silent = Instant::now();
    hears(&mut station, "!!! AGENT LOST icu-3: no heartbeat for 5 s", SAID_WITHIN)?;
    ensure!(silent.elapsed() > Duration::from_secs(4), "the agent was given up too early");
    heart.beat_until(&mut station, "Agent icu-3 back")?;

    kafka.kill();
    hears(&mut station, "STATION\u{2013}KAFKA LOST", SAID_WITHIN)?;
    kafka.restart()?;
    hears(&mut station, "Station\u{2013}Kafka back", FOUND_WITHIN)?;

    let warnings = station.log().lines().filter(|line| line.contains("WARN")).count();
    ensure!(warnings < 12, "the log floods: {warnings} warnings\n{}", station.log());
    station.signal(Signal::INT)?;
    let status = station.wait(SAID_WITHIN)?;
    ensure!(status.success(), "Ctrl-C: {status}");
    Ok(())
}
