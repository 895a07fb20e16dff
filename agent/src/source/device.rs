//! A device that a driver understands, on a serial line or over the network: opened, read, asked where it must be asked, and
//! opened again for as long as the agent lives.
//!
//! A read of nothing is a hang-up: the kernel says so for ever, and only closing the port lets an adapter that is
//! plugged in again have its old name. Each opening begins with a new driver, for what the last one had half read is
//! not continued by what comes next.

mod connection;
mod network;
mod serial;

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};
use vitals::alarm::engine::PortState;
use vitals::backoff::Backoff;
use vitals::device::{self, Counts, DeviceModel, Driver, Repeats};
use vitals::record::alarm::WallClock;
use vitals::time::{ClockQuality, Uptime};

pub(crate) use self::connection::{Connection, OpenError};
pub(crate) use self::serial::is_pseudo;
use super::stamp::Stamp;
use super::{Arrival, SourceInput, Word};
use crate::clock;
use crate::config::{DeviceSource, Port};
use crate::metrics::Metrics;
use crate::quarantine::Quarantine;

/// Bytes taken in one turn: what the kernel holds for a terminal, and more than any datagram of a device.
pub(crate) const READ_MAX: usize = 4096;

/// How long a request may wait for the line: a monitor that is switched off holds it by its flow control.
pub(crate) const WRITE_MAX: Duration = Duration::from_secs(2);

/// Between two tries to open a port. A cable that is plugged in again is read within two seconds.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// An opening that ends sooner and has given nothing is tried again more and more seldom, and without a word: a device
/// server that has another client takes every connection and ends it.
const BRIEF: Duration = Duration::from_secs(5);

/// What such a source needs to begin.
pub struct Setup {
    /// The source.
    pub source: DeviceSource,
    /// To the bedside task.
    pub inbox: mpsc::Sender<SourceInput>,
    /// How far the wall clock can be believed.
    pub clock: watch::Receiver<ClockQuality>,
    /// Where what cannot be used is kept.
    pub quarantine: Quarantine,
    /// Where it is counted.
    pub metrics: Metrics,
    /// Set when the agent shuts down.
    pub stop: watch::Receiver<bool>,
}

/// Starts the source's task. It ends when the agent shuts down, or the bedside task is gone.
pub fn start(setup: Setup, tasks: &mut JoinSet<()>) {
    let mut stop = setup.stop.clone();
    let line = Line {
        stamp: Stamp::new(
            &setup.source.common,
            &setup.source.bed,
            &setup.source.common.id,
            setup.source.device.name(),
        ),
        repeats: Repeats::new(setup.source.device, setup.source.common.period),
        setup,
        state: None,
        heard: false,
    };
    tasks.spawn(async move {
        tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => {}
            Err(Gone) = line.run() => {}
        }
    });
}

/// The bedside task is gone: so is the reason to go on.
struct Gone;

/// Why a port is read no further.
enum End {
    HungUp,
    Failed(std::io::Error),
    Gone,
}

struct Line {
    setup: Setup,
    stamp: Stamp,
    repeats: Repeats,
    /// What the bedside task has been told of the port.
    state: Option<PortState>,
    /// Something has come since the port was opened.
    heard: bool,
}

impl Line {
    async fn run(mut self) -> Result<std::convert::Infallible, Gone> {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        let (mut told, mut brief) = (None, false);
        loop {
            let source = &self.setup.source;
            match Connection::open(&source.port, source.line, source.common.mode).await {
                Ok(port) => {
                    told = None;
                    let begin = clock::instant();
                    self.opened(brief).await?;
                    let end = self.read(port).await;
                    self.ended(end, brief && !self.heard)?;
                    brief = !self.heard && begin.elapsed() < BRIEF;
                    if !brief {
                        backoff.reset();
                    }
                }
                Err(error) => self.complain(&error, &mut told),
            }
            self.tell(PortState::Gone).await?;
            sleep(backoff.next_delay(crate::random::u32())).await;
        }
    }

    async fn opened(&mut self, quietly: bool) -> Result<(), Gone> {
        let source = &self.setup.source;
        self.heard = false;
        self.setup.metrics.reopen(source.common.id.as_str());
        if !quietly {
            info!(source = %source.common.id, port = %source.port, device = %source.device, "The port is open.");
        }
        self.tell(PortState::Present).await
    }

    /// Says why a port cannot be opened, once until that changes.
    fn complain(&self, error: &OpenError, told: &mut Option<String>) {
        let words = error.to_string();
        if told.as_ref() != Some(&words) {
            let source = &self.setup.source;
            warn!(source = %source.common.id, port = %source.port, reason = %error.reason(), "{error}. It is tried again every two seconds.");
            *told = Some(words);
        }
    }

    /// Says why a port is read no further.
    fn ended(&self, end: End, quietly: bool) -> Result<(), Gone> {
        let source = &self.setup.source;
        match end {
            End::Gone => return Err(Gone),
            _ if quietly => {}
            End::HungUp => {
                warn!(source = %source.common.id, port = %source.port, "The port has hung up: {}. It is opened again when it is back.", lost(&source.port));
            }
            End::Failed(error) => {
                warn!(source = %source.common.id, port = %source.port, %error, "The port cannot be read: {}. It is opened again when it is back.", lost(&source.port));
            }
        }
        Ok(())
    }

    async fn read(&mut self, mut port: Connection) -> End {
        let end = self.read_on(&mut port).await;
        port.abandon();
        end
    }

    async fn read_on(&mut self, port: &mut Connection) -> End {
        let source = &self.setup.source;
        let mut driver = device::driver(source.device, source.common.period);
        let mut bytes = [0; READ_MAX];
        loop {
            if let Err(error) = transmit(self.setup.source.device, driver.as_mut(), port).await {
                return End::Failed(error);
            }
            tokio::select! {
                count = port.read(&mut bytes) => {
                    let at = clock::uptime();
                    let outcome = match count {
                        Ok(0) => return End::HungUp,
                        Ok(count) => self.take(driver.as_mut(), at, bytes.get(..count).unwrap_or_default()).await,
                        Err(error) => return End::Failed(error),
                    };
                    if outcome.is_err() {
                        return End::Gone;
                    }
                }
                () = wait_until(driver.poll_timeout()) => {
                    let (at, before) = (clock::uptime(), driver.counts());
                    driver.handle_timeout(at);
                    if self.hand_on(driver.as_mut(), at, before, &[]).await.is_err() {
                        return End::Gone;
                    }
                }
            }
        }
    }

    /// Gives bytes to the driver, and what comes out to the bedside task.
    async fn take(&mut self, driver: &mut dyn Driver, at: Uptime, bytes: &[u8]) -> Result<(), Gone> {
        self.heard = true;
        let before = driver.counts();
        driver.handle_bytes(at, bytes);
        self.hand_on(driver, at, before, bytes).await
    }

    /// Gives what comes out of the driver to the bedside task; `before` is what had been counted, `bytes` what was read.
    async fn hand_on(
        &mut self,
        driver: &mut dyn Driver,
        at: Uptime,
        before: Counts,
        bytes: &[u8],
    ) -> Result<(), Gone> {
        // Who speaks comes before what is said: another device's numbers are not the last one's.
        while let Some(notice) = driver.poll_notice() {
            self.send(self.stamp.notice(notice, at)).await?;
        }
        let wall = WallClock { up: at, at: clock::timestamp(), quality: *self.setup.clock.borrow() };
        let id = self.setup.source.common.id.as_str();
        let (mut observations, mut fault) = (Vec::new(), None);
        while let Some(outcome) = driver.poll_reading() {
            match outcome {
                Ok(reading) if !self.repeats.is_news(at, &reading) => {}
                Ok(reading) => observations.push(self.stamp.observe(reading, wall, None)),
                Err(it) => {
                    self.setup.metrics.reject(id, it.name());
                    fault = Some(it.name());
                }
            }
        }
        if let Some(reason) = fault {
            // One entry for all that one read held: a noisy line must not push everything else out.
            let port = self.setup.source.port.to_string();
            if self.setup.source.device.names_patients() {
                self.setup.quarantine.offer_withheld(reason, id, port.as_bytes(), bytes.len());
            } else {
                self.setup.quarantine.offer(reason, id, port.as_bytes(), bytes);
            }
        }
        self.setup.metrics.accept(id, observations.len(), bytes.len());
        let counts = driver.counts();
        let bad = self.stamp.handle_counts(at, before, counts);
        for word in bad.into_iter().chain(self.stamp.poll_skew(at)) {
            self.send(word).await?;
        }
        if observations.is_empty() && counts.frames_good > before.frames_good {
            self.send(self.stamp.word(Word::Alive, at)).await?;
        }
        for observation in observations {
            let arrival = Arrival { observation, device: self.stamp.device.clone(), receipt: None };
            self.send(SourceInput::Observation(arrival)).await?;
        }
        Ok(())
    }

    /// Tells the bedside task that the port has come or gone.
    async fn tell(&mut self, state: PortState) -> Result<(), Gone> {
        if self.state == Some(state) {
            return Ok(());
        }
        self.state = Some(state);
        self.send(self.stamp.word(Word::Port(state, None), clock::uptime())).await
    }

    async fn send(&self, input: SourceInput) -> Result<(), Gone> {
        self.setup.inbox.send(input).await.map_err(|_| Gone)
    }
}

/// What has become of a device that is heard no more.
fn lost(port: &Port) -> &'static str {
    match port {
        Port::Serial(_) => "the cable or the adapter was pulled",
        Port::Tcp(_) => "the device ended the connection, or the network lost it",
        Port::Udp(_) => "the network lost it",
    }
}

/// Sends what the driver has to say. A line that takes nothing is no error: the device is asked again later.
async fn transmit(model: DeviceModel, driver: &mut dyn Driver, port: &mut Connection) -> std::io::Result<()> {
    while let Some(bytes) = next_message(model, driver) {
        if let Ok(written) = timeout(WRITE_MAX, port.write(&bytes)).await {
            written?;
        }
    }
    Ok(())
}

/// The next message of a driver: the table of what may be said to a device stands between every driver and its port.
pub(crate) fn next_message(model: DeviceModel, driver: &mut dyn Driver) -> Option<Vec<u8>> {
    std::iter::from_fn(|| driver.poll_transmit()).find(|bytes| {
        let may = device::permits(model, bytes);
        if !may {
            error!(device = %model, "A message that may not be sent to this device was held back. Please report this.");
        }
        may
    })
}

async fn wait_until(at: Option<Uptime>) {
    match at {
        Some(at) => sleep(at.since(clock::uptime())).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
