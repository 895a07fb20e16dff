//! A device on one line for a bounded time, for the commands that a person runs: heard, and asked where that is wanted.
//!
//! What is asked is what the agent itself would ask, and the same table stands before it.

use std::io;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until, timeout};
use vitals::device::{self, Counts, DeviceModel, Driver};

use crate::clock;
use crate::source::device::{Connection, READ_MAX, WRITE_MAX, next_message};

/// What has happened on the line.
#[derive(Debug)]
pub(crate) enum Turn<'a> {
    /// These bytes came.
    Heard(&'a [u8]),
    /// These were sent.
    Said(Vec<u8>),
    /// Nothing more, for now.
    Silent,
    /// The device or the line is gone.
    HungUp,
}

/// One device on one line.
pub(crate) struct Conversation {
    port: Connection,
    asker: Option<Asker>,
    bytes: [u8; READ_MAX],
}

/// What is asked of a device, and what comes of it.
struct Asker {
    model: DeviceModel,
    driver: Box<dyn Driver>,
}

impl Conversation {
    /// Only listens.
    pub(crate) fn listening(port: Connection) -> Self {
        Self { port, asker: None, bytes: [0; READ_MAX] }
    }

    /// Asks as the model's driver does.
    pub(crate) fn asking(port: Connection, model: DeviceModel) -> Self {
        let driver = device::driver(model, model.period());
        let asker = Some(Asker { model, driver });
        Self { port, asker, bytes: [0; READ_MAX] }
    }

    /// What the asking driver has counted.
    pub(crate) fn counts(&self) -> Counts {
        self.asker.as_ref().map_or_else(Counts::default, |it| it.driver.counts())
    }

    /// Sends a message that is no driver's.
    pub(crate) async fn say(&mut self, message: &[u8]) -> io::Result<()> {
        timeout(WRITE_MAX, self.port.write(message)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Waits for what comes next, at most until then.
    pub(crate) async fn next(&mut self, until: Instant) -> io::Result<Turn<'_>> {
        loop {
            if let Some(message) = self.asker.as_mut().and_then(Asker::next) {
                // A line that takes nothing is a device that is not there.
                if let Ok(written) = timeout(WRITE_MAX, self.port.write(&message)).await {
                    written?;
                    return Ok(Turn::Said(message));
                }
            }
            let due = self.asker.as_ref().and_then(Asker::wait);
            let count = tokio::select! {
                count = self.port.read(&mut self.bytes) => count?,
                () = sleep_until(until.into()) => return Ok(Turn::Silent),
                () = sleep(due.unwrap_or(Duration::MAX)), if due.is_some() => continue,
            };
            let heard = self.bytes.get(..count).unwrap_or_default();
            if let Some(asker) = &mut self.asker {
                asker.handle_bytes(heard);
            }
            return Ok(if count == 0 { Turn::HungUp } else { Turn::Heard(heard) });
        }
    }
}

impl Drop for Conversation {
    /// What was not sent yet is forgotten: closing would wait for a device that takes nothing.
    fn drop(&mut self) {
        self.port.abandon();
    }
}

impl Asker {
    fn handle_bytes(&mut self, bytes: &[u8]) {
        self.driver.handle_bytes(clock::uptime(), bytes);
        self.forget_what_was_read();
    }

    fn forget_what_was_read(&mut self) {
        while self.driver.poll_reading().is_some() {}
        while self.driver.poll_notice().is_some() {}
    }

    /// The next message that is due and may be sent.
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.driver.poll_timeout().is_some_and(|at| at <= clock::uptime()) {
            self.driver.handle_timeout(clock::uptime());
            self.forget_what_was_read();
        }
        next_message(self.model, self.driver.as_mut())
    }

    fn wait(&self) -> Option<Duration> {
        self.driver.poll_timeout().map(|at| at.since(clock::uptime()))
    }
}
