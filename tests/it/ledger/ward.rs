//! A ward in trouble: everything between the publisher and the reader, each with its own ways to fail.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use wardline_sim::random::Random;
use wardline_tests::agent::Agent;
use wardline_tests::disk::Disk;
use wardline_tests::end_txn::EndTxn;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::oracle::{Judgement, Oracle};
use wardline_tests::patient::Patient;
use wardline_tests::proxy::Proxy;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::tap::Tap;
use wardline_tests::{port, program, seed, wait};

use super::fault::Fault;
use crate::way::of;

pub(super) const READINGS: &str = "vitals.readings.v1";
pub(super) const SOON: Duration = Duration::from_secs(60);
const RATE: u32 = 1000;
/// After this long without one new message the rest is missing: an abandoned transaction ends after ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// A bed that is no part of the load.
const PROBED: &str = "probed";
/// The buffer's bound and twice its reserve fit.
const DISK: u64 = 96 << 20;
/// A fault of the disk may end the agent so often: to open the store anew, to go on without, and to begin with one again.
const ENDS_MAX: usize = 3;

/// The agent, and all around it.
pub(super) struct Ward {
    pub(super) kafka: Kafka,
    pub(super) to_kafka: Proxy,
    pub(super) end_txn: EndTxn,
    pub(super) broker: Mosquitto,
    pub(super) to_broker: Proxy,
    pub(super) disk: Disk,
    /// Faults of the disk so far, and ends of the agent that nobody had asked for.
    pub(super) disk_faults: usize,
    ends: usize,
    /// Whether the broker is kept from knowing a new agent for the one before, so that it fences nobody, and the agent from
    /// knowing of the transaction that the one before has left open.
    pub(super) unfenced: bool,
    lives: u8,
    /// Messages that a killed broker may have lost, by number.
    pub(super) excused: Vec<Range<u64>>,
    pub(super) site: Site,
    agent: Option<Agent>,
    publisher: Option<Publisher>,
    tap: Tap,
}

/// What was found at the end.
pub(super) struct End {
    pub(super) judgement: Judgement,
    /// What the station says of the whole, from Kafka alone.
    pub(super) proof: String,
    /// What the agent says of its own account.
    pub(super) conservation_error: f64,
    /// What the agent has said.
    pub(super) log: String,
}

/// What is published: without end.
fn load() -> Load {
    let beds = (1..=16).map(|bed| format!("bed-{bed}")).collect();
    Load { beds, count: u64::MAX, rate: Some(RATE), first_seq: 1, patient: Patient::Stable }
}

impl Ward {
    pub(super) fn start(name: &str, delivery: &str) -> Result<Self> {
        let end_txn = EndTxn::default();
        let (behind, watching) = (port::free()?, end_txn.clone());
        let to_kafka = Proxy::start_watched(behind, move |_, direction| watching.watch(direction))?;
        let kafka = Kafka::start_behind(behind, to_kafka.port())?;
        let (tap, broker) = (Tap::default(), Mosquitto::start_persistent()?);
        let (tapping, load) = (tap.clone(), load());
        let watch = move |connection, direction| tapping.watch(&load, connection, direction);
        let to_broker = Proxy::start_watched(broker.port(), watch)?;
        let site = Site::new(name)?.kafka_toml(&format!(
            "brokers = [\"127.0.0.1:{}\"]\nsecurity = \"plaintext\"\ndelivery = \"{delivery}\"\nanswer_timeout = \"5s\"",
            to_kafka.port()
        ));
        let beds = self::load().beds;
        let beds = beds.iter().map(String::as_str).chain([PROBED]);
        let site = site.mqtt(to_broker.port()).beds(beds).ward();
        let site = site.toml("[buffer]\nsize = \"64 MiB\"\n");
        let disk = Disk::mount(&site.file("disk"), &site.state_dir(), DISK)?;
        let agent = Some(Agent::start(&site)?);
        let mut ward = Self {
            kafka,
            to_kafka,
            end_txn,
            broker,
            to_broker,
            disk,
            disk_faults: 0,
            ends: 0,
            unfenced: false,
            lives: 0,
            excused: Vec::new(),
            site,
            agent,
            publisher: None,
            tap,
        };
        ward.begin_to_publish()?;
        Ok(ward)
    }

    fn begin_to_publish(&mut self) -> Result<()> {
        let mut seq = 0;
        let (port, topic) = (self.broker.port(), format!("ward/{PROBED}"));
        self.agent()?.wait_heard(|| {
            seq += 1;
            publish_one(port, &topic, Patient::Stable.payload(seq), false)
        })?;
        self.publisher = Some(Publisher::start_persevering(self.broker.port(), load()));
        Ok(())
    }

    /// Publishes without a pause while one fault follows the other, and looks at what Kafka has at the end.
    pub(super) fn live_through(&mut self, faults: &[Fault], random: &mut Random) -> Result<End> {
        for (number, fault) in (1..).zip(faults) {
            thread::sleep(seed::time(random, 300.0, 2000.0));
            println!("{number}/{}: {fault:?}", faults.len());
            self.tend()?;
            self.suffer(*fault, random)
                .with_context(|| format!("{number}. {fault:?}; the agent's log:\n{}", self.log_tail()))?;
        }
        self.finish()
    }

    /// Ends the load, waits until nothing is on its way any more, and looks.
    pub(super) fn finish(&mut self) -> Result<End> {
        let count = self.publisher.take().context("nothing is published")?.stop()?;
        let load = Load { count, ..load() };
        let settled = wait::until("every message to be acknowledged", PATIENCE, || {
            self.tend()?;
            let flows = self.tap.flows();
            let flow = |number: u64| usize::try_from(number).ok().and_then(|it| flows.get(it));
            let is_settled = |number: u64| {
                flow(number).is_some_and(|it| it.acknowledged)
                    || self.excused.iter().any(|it| it.contains(&number))
            };
            Ok((0..count).all(is_settled).then_some(()))
        });
        let flows = self.tap.flows();
        let in_gaps = self.in_gaps()?;
        let oracle = Oracle { load: &load, flows: &flows, excused: &self.excused, in_gaps };
        let judgement = oracle.read(&Reader::open(&self.kafka, READINGS)?, PATIENCE)?;
        println!("{count} published, {} acknowledged by the agent: {judgement}", self.tap.acknowledged());
        settled.with_context(|| self.log_tail())?;
        let proof = self.prove()?;
        let agent = self.agent()?;
        let conservation_error = agent.metric("wardline_conservation_error")?;
        let log = self.log_tail();
        Ok(End { judgement, proof, conservation_error, log })
    }

    /// How many records are in gaps, by the ledger.
    fn in_gaps(&self) -> Result<u64> {
        let ledger = Reader::open(&self.kafka, "vitals.ledger.v1")?.rest(Duration::from_secs(2))?;
        let gaps = ledger.iter().filter(|it| of(it, &self.site) && it.text("type") == "gap");
        Ok(gaps.inspect(|it| println!("a gap: {}", it.body)).filter_map(|it| it.number("count")).sum())
    }

    /// What a consumer alone can tell, by the station.
    fn prove(&self) -> Result<String> {
        let mut station = Command::new(program::ours("wardline-station")?);
        station.args(["completeness", "--brokers", &self.kafka.bootstrap()]);
        let output = station.output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = if said.contains("NOT COMPLETE") { 65 } else { 0 };
        ensure!(
            output.status.code() == Some(code),
            "{}: {said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        println!("{said}");
        Ok(said)
    }

    pub(super) fn agent(&mut self) -> Result<&mut Agent> {
        self.agent.as_mut().context("no agent runs")
    }

    pub(super) fn take_agent(&mut self) -> Result<Agent> {
        self.agent.take().context("no agent runs")
    }

    pub(super) fn start_agent(&mut self) -> Result<()> {
        if self.unfenced {
            self.lives += 1;
            self.end_txn.disguise(&format!("wardline-{}", self.site.agent()), self.lives);
        }
        self.agent = Some(Agent::start(&self.site)?);
        Ok(())
    }

    /// Starts the agent with a fault of the disk; what strace has seen of it stands in the file returned.
    pub(super) fn start_under_strace(&mut self, inject: &str) -> Result<PathBuf> {
        let strace = program::installed("strace", "strace")?.display().to_string();
        let log = self.site.file("strace.log");
        let _ = fs::remove_file(&log);
        let log_name = log.display().to_string();
        let under = [
            &*strace,
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-o",
            &log_name,
            "-e",
            "trace=fdatasync",
            "-e",
            inject,
            "--",
        ];
        let mut agent = Agent::launch(&self.site, &under)?;
        agent.wait_ready()?;
        self.agent = Some(agent);
        Ok(log)
    }

    /// An agent that is killed under strace outlives it for a moment.
    pub(super) fn wait_until_gone(&self) -> Result<()> {
        wait::until_true("the agent to be gone", SOON, || !port::answers(self.site.http()))
    }

    /// What systemd does: an agent that has ended is started again.
    pub(super) fn tend(&mut self) -> Result<()> {
        if self.agent()?.check_alive().is_err() {
            self.ends += 1;
            let most = ENDS_MAX * self.disk_faults;
            ensure!(self.ends <= most, "the agent ended by itself:\n{}", self.log_tail());
            self.start_agent()?;
        }
        Ok(())
    }

    /// Waits until the records are on disk again.
    pub(super) fn wait_for_store(&mut self) -> Result<()> {
        wait::until("the store", SOON, || {
            self.tend()?;
            let Ok((_, body)) = self.agent()?.ask("/status.json") else { return Ok(None) };
            let status: serde_json::Value = serde_json::from_str(&body)?;
            Ok((status["store"]["state"] == "ok").then_some(()))
        })
    }

    /// The run directory is lost, as with a restart of the machine: a disk that fails twice within ten minutes is not
    /// trusted for as long, and this run has as many failures as a site has in years.
    pub(super) fn forget_failures(&self) -> Result<()> {
        match fs::remove_file(self.site.run_dir().join("store-failed")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The end of the agent's log.
    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.site.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(80)..].join("\n")
    }

    /// How many messages the broker has acknowledged to the publisher.
    pub(super) fn taken_by_broker(&self) -> u64 {
        self.publisher.as_ref().map_or(0, Publisher::acknowledged)
    }
}
