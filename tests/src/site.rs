//! A site: what a test's agent is configured with, written as the files a person would write.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::scratch::Scratch;
use crate::{port, program};

/// The configuration of one agent, and the directories it works in.
#[derive(Debug)]
pub struct Site {
    scratch: Scratch,
    agent: String,
    http: u16,
    /// Everything of `[kafka]`.
    kafka: String,
    /// Further lines of `[unit]`.
    unit: String,
    alarms: String,
    /// Everything after `[kafka]`.
    rest: String,
    environment: Vec<(String, String)>,
}

impl Site {
    /// A site whose agent bears a name of its own. Unless told otherwise its Kafka is not there, it has no MQTT
    /// broker, no bed and no source, and the alarms are those that the product ships.
    pub fn new(name: &str) -> Result<Self> {
        let scratch = Scratch::new(name)?;
        let shipped = program::repository().join("config/alarms.toml");
        let alarms =
            fs::read_to_string(&shipped).with_context(|| format!("cannot read {}", shipped.display()))?;
        // Unique over test programs too: they may share a Kafka that was kept.
        let agent = format!("{name}-{}", std::process::id());
        let nowhere = format!("127.0.0.1:{}", port::free()?);
        Ok(Self {
            scratch,
            agent,
            http: port::free()?,
            kafka: open(&nowhere),
            unit: String::new(),
            alarms,
            rest: String::new(),
            environment: Vec::new(),
        })
    }

    /// Gives the agent an id of its own instead: that of a store which is there already.
    #[must_use]
    pub fn named(mut self, agent: &str) -> Self {
        agent.clone_into(&mut self.agent);
        self
    }

    /// Names a Kafka that takes everybody.
    #[must_use]
    pub fn kafka(mut self, bootstrap: &str) -> Self {
        self.kafka = open(bootstrap);
        self
    }

    /// Says all of `[kafka]`.
    #[must_use]
    pub fn kafka_toml(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.kafka);
        self
    }

    /// Adds lines to `[unit]`.
    #[must_use]
    pub fn unit(mut self, lines: &str) -> Self {
        self.unit.push_str(lines);
        self
    }

    /// Adds the MQTT broker on a port of this machine, as `mqtt.ward`.
    #[must_use]
    pub fn mqtt(self, port: u16) -> Self {
        self.toml(&format!("[mqtt.ward]\nurl = \"mqtt://127.0.0.1:{port}\"\n"))
    }

    /// Adds beds.
    #[must_use]
    pub fn beds<'a>(mut self, beds: impl IntoIterator<Item = &'a str>) -> Self {
        for bed in beds {
            self = self.toml(&format!("[[bed]]\nid = \"{bed}\"\n"));
        }
        self
    }

    /// Adds the source `ward`: what [`crate::publisher`] publishes on `ward/BED`.
    #[must_use]
    pub fn ward(self) -> Self {
        self.toml(
            "[[source]]\nid = \"ward\"\nmqtt = \"ward\"\ntopic = \"ward/{bed}\"\nformat = \"wardline\"\nperiod = \"2s\"\n",
        )
    }

    /// Adds a device on a pseudo-terminal, which may only be simulated.
    #[must_use]
    pub fn serial(self, id: &str, bed: &str, device: &str, port: &Path) -> Self {
        let port = port.display();
        self.toml(&format!(
            "[[source]]\nid = \"{id}\"\nbed = \"{bed}\"\ndevice = \"{device}\"\nport = \"{port}\"\nmode = \"simulated\"\n"
        ))
    }

    /// Adds the annunciator that retains each bed's alarm on `alarms/BED`.
    #[must_use]
    pub fn mqtt_annunciator(self) -> Self {
        self.toml("[[annunciator]]\nkind = \"mqtt\"\nmqtt = \"ward\"\ntopic = \"alarms/{bed}\"\n")
    }

    /// Makes the limits of SpO₂ speak at once: no condition delay, so that what is measured is our own time.
    #[must_use]
    pub fn alarms_at_once(mut self) -> Self {
        self.alarms = String::from(
            "version = 1\napproved_by = \"tests\"\napproved_on = \"2026-01-01\"\n\
             [defaults]\nclear_delay = \"0s\"\ngap_tolerance = \"10s\"\ncontinue_every = \"15s\"\nreminder = \"3m\"\n\
             extreme = { priority = \"high\", latch = true }\nlimit = { priority = \"medium\", latch = false }\n\
             [profile.adult.spo2]\nhysteresis = 1\nworse_by = 3\nlow = { limit = 90, delay = \"0s\" }\nhigh = \"off\"\n\
             [technical]\nsensor_off = { delay = \"10s\", priority = \"low\", medium_after = \"60s\" }\n\
             no_value = { delay = \"30s\", priority = \"low\", medium_after = \"60s\" }\n\
             no_data = { priority = \"medium\", high_after = \"3m\" }\n",
        );
        self
    }

    /// Adds lines to the clinician's file.
    #[must_use]
    pub fn alarms_toml(mut self, lines: &str) -> Self {
        self.alarms.push_str(lines);
        self
    }

    /// Lets alarms go by these rules.
    #[must_use]
    pub fn alarms(mut self, rules: &str) -> Self {
        rules.clone_into(&mut self.alarms);
        self
    }

    /// Makes every limit alarm high.
    #[must_use]
    pub fn high_alarms(mut self) -> Self {
        self.alarms = self.alarms.replace("limit = { priority = \"medium\"", "limit = { priority = \"high\"");
        self
    }

    /// Adds any further lines of `wardline.toml`.
    #[must_use]
    pub fn toml(mut self, lines: &str) -> Self {
        self.rest.push_str(lines);
        self
    }

    /// Sets a variable of the agent's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The variables set for the agent.
    #[must_use]
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// The agent's id.
    #[must_use]
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// Where the agent serves HTTP on this machine.
    #[must_use]
    pub fn http(&self) -> u16 {
        self.http
    }

    /// The agent's log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.scratch.path().join("log")
    }

    /// The store's directory.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.scratch.path().join("state")
    }

    /// The run directory, with the agent's socket.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.scratch.path().join("run")
    }

    /// A file beside the configuration.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Writes both files and returns the path of `wardline.toml`.
    pub fn write(&self) -> Result<PathBuf> {
        self.scratch.write("alarms.toml", &self.alarms)?;
        let mut toml = String::new();
        writeln!(toml, "[agent]\nid = \"{}\"", self.agent)?;
        writeln!(toml, "state_dir = \"{}\"", self.state_dir().display())?;
        writeln!(toml, "run_dir = \"{}\"", self.run_dir().display())?;
        writeln!(toml, "http = \"127.0.0.1:{}\"", self.http)?;
        writeln!(toml, "shutdown_grace = \"5s\"")?;
        writeln!(toml, "[unit]\nid = \"tests\"\nlabel = \"Tests\"\nprofile = \"adult\"")?;
        toml.push_str(&self.unit);
        writeln!(toml, "[kafka]\n{}", self.kafka)?;
        toml.push_str(&self.rest);
        self.scratch.write("wardline.toml", &toml)
    }
}

fn open(bootstrap: &str) -> String {
    format!("brokers = [\"{bootstrap}\"]\nsecurity = \"plaintext\"")
}
