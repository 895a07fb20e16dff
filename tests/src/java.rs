//! Apache Kafka's own programs, on Java, from the jars that `tests/kafka/fetch` brings.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::{self, Process};
use crate::program;

/// The version in `tests/kafka/pom.xml`.
const VERSION: &str = "4.1.1";

/// Where Java and the jars are.
#[derive(Debug)]
pub struct Java {
    program: PathBuf,
    jars: PathBuf,
}

impl Java {
    /// Finds both.
    pub fn find() -> Result<Self> {
        Ok(Self { program: program::installed("java", "default-jre-headless")?, jars: jars()? })
    }

    /// One of Kafka's tools, by its class.
    #[must_use]
    pub fn tool(&self, class: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-cp").arg(self.jars.join("*")).arg(class).stdin(Stdio::null());
        command
    }

    /// Formats the store that `server.properties` in `dir` names; `more` are further words for the tool.
    pub fn format(&self, dir: &Path, cluster_id: &str, more: &[&str]) -> Result<()> {
        let mut command = self.tool("kafka.tools.StorageTool");
        command.args(["format", "-t", cluster_id, "-c"]).arg(dir.join("server.properties")).args(more);
        let output = command.output().context("cannot start java")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "Kafka could not format its store: {said}");
        Ok(())
    }

    /// Starts the node that `server.properties` in `dir` describes, with so large a heap, MB.
    pub fn node(&self, dir: &Path, heap: u32) -> Result<Process> {
        let mut command = process::guarded(&self.program)?;
        // One small collector instead of one per core: several of these stand beside each other.
        command.args([&format!("-Xmx{heap}m"), "-XX:+UseSerialGC", "-cp"]).arg(self.jars.join("*"));
        command.arg("kafka.Kafka").arg(dir.join("server.properties"));
        Process::start("Kafka", command, &dir.join("log"))
    }
}

fn jars() -> Result<PathBuf> {
    let cache = || match env::var_os("XDG_CACHE_HOME") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache"),
    };
    let jars = match env::var_os("WARDLINE_KAFKA_JARS") {
        Some(dir) => PathBuf::from(dir),
        None => cache().join("wardline").join(format!("kafka-{VERSION}")),
    };
    let complete = jars.join("complete").is_file();
    ensure!(complete, "Apache Kafka is not in {}: run tests/run, or tests/kafka/fetch", jars.display());
    Ok(jars)
}
