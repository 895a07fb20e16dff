//! Debian's mosquitto, the real MQTT broker.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::process::{self, Process};
use crate::scratch::Scratch;
use crate::{port, program, wait};

/// Time for it to listen.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// Time for it to save: it does so once a second, and not while it is busy.
const SAVES_WITHIN: Duration = Duration::from_secs(30);

/// One broker on a port of its own, without a password.
#[derive(Debug)]
pub struct Mosquitto {
    program: PathBuf,
    port: u16,
    process: Option<Process>,
    scratch: Scratch,
}

impl Mosquitto {
    /// Starts one that keeps sessions and queues in memory only: what it has not delivered dies with it.
    pub fn start() -> Result<Self> {
        Self::start_with("persistence false")
    }

    /// Starts one that writes its sessions to disk once a second.
    pub fn start_persistent() -> Result<Self> {
        Self::start_with("persistence true\nautosave_interval 1")
    }

    /// Starts one with further lines in its configuration.
    pub fn start_with(lines: &str) -> Result<Self> {
        let program = program::installed("mosquitto", "mosquitto")?;
        let scratch = Scratch::new("mosquitto")?;
        let port = port::free()?;
        let dir = scratch.path().display();
        // A large queue instead of 0 (no limit): 2.0.21 can disconnect on 0 (eclipse-mosquitto#3244).
        scratch.write(
            "mosquitto.conf",
            &format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n\
                 max_inflight_messages 1000\nmax_queued_messages 10000000\n\
                 persistence_location {dir}/\nlog_dest stdout\nlog_type error\nlog_type warning\n{user}{lines}\n",
                // Run as root it would change to a user that may not read the directory.
                user = if rustix::process::geteuid().is_root() { "user root\n" } else { "" },
            ),
        )?;
        let mut broker = Self { program, port, process: None, scratch };
        broker.restart()?;
        Ok(broker)
    }

    /// Its port on 127.0.0.1, the same over restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it (SIGKILL): nothing is saved.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Waits until all that it had taken when this was called is saved; of a broker that keeps its sessions on disk.
    pub fn wait_saved(&self) -> Result<()> {
        let saved = self.scratch.path().join("mosquitto.db");
        // It writes another file and gives it this one's name. The first that appears may have been begun before.
        for _ in 0..2 {
            let file = || fs::metadata(&saved).ok().map(|it| (it.ino(), it.mtime_nsec()));
            let before = file();
            wait::until_true("mosquitto to save", SAVES_WITHIN, || file() != before)?;
        }
        Ok(())
    }

    /// Takes away, of one that was killed, what it had saved: sessions, subscriptions and queues.
    pub fn forget(&mut self) -> Result<()> {
        self.kill();
        fs::remove_file(self.scratch.path().join("mosquitto.db")).context("nothing was saved")
    }

    /// Makes it read its files of users and passwords again.
    pub fn reload(&self) -> Result<()> {
        self.process.as_ref().context("mosquitto does not run")?.signal(Signal::HUP)
    }

    /// Stops it without its noticing: connections stay, nothing is answered.
    pub fn freeze(&self) -> Result<()> {
        self.process.as_ref().context("mosquitto does not run")?.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub fn thaw(&self) -> Result<()> {
        self.process.as_ref().context("mosquitto does not run")?.signal(Signal::CONT)
    }

    /// Starts it again on the same port and with what it saved, killing it first if it runs.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let mut command = process::guarded(&self.program)?;
        command.arg("-c").arg(self.scratch.path().join("mosquitto.conf"));
        let mut process = Process::start("mosquitto", command, &self.scratch.path().join("log"))?;
        wait::until("mosquitto to listen", STARTS_WITHIN, || {
            process.check_alive()?;
            Ok(port::answers(self.port).then_some(()))
        })?;
        self.process = Some(process);
        Ok(())
    }
}
