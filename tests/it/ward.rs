//! A simulated ward through everything: devices on lines and topics, agent, real Kafka, and the judge's verdict.

mod every_model;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Result, ensure};
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::process::Process;
use wardline_tests::scratch::Scratch;
use wardline_tests::{program, wait};

/// The agent opens its lines and topics.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// What a ward's end may take beyond its own time.
const ENDS_WITHIN: Duration = Duration::from_secs(45);

#[test]
fn the_judge_finds_every_reading_and_alarm_of_a_ward() -> Result<()> {
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let ward = Stage::new("ward", &kafka, &broker, &["run", "demo", "--beds", "8"], 45)?;
    let _agent = ward.play("Connected to the MQTT broker")?;
    let verdict = ward.judge(&ward.truth, &[])?;
    let told = String::from_utf8_lossy(&verdict.stdout).into_owned();
    println!("{told}");
    assert!(verdict.status.success(), "{told}{}", String::from_utf8_lossy(&verdict.stderr));

    // The control: one reading more in the truth, and the judge misses it.
    let verdict = ward.judge(&ward.forge(1)?, &[])?;
    assert_eq!(verdict.status.code(), Some(65), "{}", String::from_utf8_lossy(&verdict.stdout));
    Ok(())
}

/// A simulated ward, and what it plays for.
struct Stage<'a> {
    kafka: &'a Kafka,
    broker: &'a Mosquitto,
    scratch: Scratch,
    arguments: &'a [&'a str],
    seconds: u64,
    truth: PathBuf,
}

impl<'a> Stage<'a> {
    /// A ward with these arguments that plays for so many seconds; the agent's configuration is written.
    fn new(
        name: &str,
        kafka: &'a Kafka,
        broker: &'a Mosquitto,
        arguments: &'a [&'a str],
        seconds: u64,
    ) -> Result<Self> {
        let scratch = Scratch::new(name)?;
        let truth = scratch.path().join("truth.jsonl");
        let it = Self { kafka, broker, scratch, arguments, seconds, truth };
        let mut written = it.simulator()?;
        written.args(["--kafka", &kafka.bootstrap(), "--config-dir"]).arg(it.config());
        let written = written.output()?;
        ensure!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        Ok(it)
    }

    fn config(&self) -> PathBuf {
        self.scratch.path().join("agent")
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("agent.log")
    }

    fn simulator(&self) -> Result<Command> {
        let mut command = Command::new(program::ours("wardline-sim")?);
        command.args(self.arguments).args(["--duration", &format!("{}s", self.seconds)]);
        command.arg("--mqtt").arg(format!("127.0.0.1:{}", self.broker.port()));
        command.arg("--pty-dir").arg(self.scratch.path().join("lines"));
        Ok(command)
    }

    /// Starts the agent, waits until its log says `ready`, and plays the ward to its end. The agent still runs.
    fn play(&self, ready: &str) -> Result<Process> {
        let mut agent = Command::new(program::ours("wardline-agent")?);
        agent.args(["run", "--config"]).arg(self.config().join("wardline.toml"));
        let mut agent = Process::start("wardline-agent", agent, &self.log())?;
        wait::until(&format!("the agent to watch:\n{}", agent.log_tail()), READY_WITHIN, || {
            agent.check_alive()?;
            Ok(agent.log().contains(ready).then_some(()))
        })?;
        let mut ward = self.simulator()?;
        ward.arg("--truth").arg(&self.truth);
        let log = self.scratch.path().join("sim.log");
        let status = Process::start("wardline-sim", ward, &log)?
            .wait(Duration::from_secs(self.seconds) + ENDS_WITHIN)?;
        ensure!(
            status.success(),
            "{status}:\n{}\nthe agent's log:\n{}",
            fs::read_to_string(log)?,
            agent.log()
        );
        Ok(agent)
    }

    fn judge(&self, truth: &Path, more: &[&str]) -> Result<Output> {
        let mut command = Command::new(program::ours("wardline-sim")?);
        command.args(["judge", "--kafka", &self.kafka.bootstrap(), "--patience", "8s"]).args(more);
        Ok(command.arg("--truth").arg(truth).output()?)
    }

    /// The same truth with so many readings more, at its end.
    fn forge(&self, more: usize) -> Result<PathBuf> {
        let text = fs::read_to_string(&self.truth)?;
        let said = text.lines().filter(|it| it.contains("\"kind\":\"said\"")).count();
        let last = text.lines().rfind(|it| it.contains("\"kind\":\"said\"")).unwrap_or_default();
        let last = format!("{last}\n").repeat(more);
        let forged = text.replace("{\"kind\":\"end\"", &format!("{last}{{\"kind\":\"end\""));
        let forged = forged.replace(&format!("\"said\":{said}}}"), &format!("\"said\":{}}}", said + more));
        self.scratch.write("forged.jsonl", &forged)
    }
}
