//! The forwarder's end of a lane: what is durable, in order, as far as it asks, and again where it must.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::entry::{Command, Load};
use super::feed::FEED_MAX;
use super::{Chunk, Delivered};
use crate::clock;
use crate::envelope::Position;

/// From the thread that owns the lane.
pub(super) struct Fed {
    pub(super) epoch: u64,
    pub(super) what: Meal,
}

/// What the owner feeds.
pub(super) enum Meal {
    Chunk(Chunk),
    /// The lane cannot be read on.
    Failed(String),
    /// Nothing more will ever come.
    End,
}

/// What came of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// Something durable lies beyond the read position.
    Ready,
    /// Nothing came in time.
    TimedOut,
    /// Everything was read, and nothing more will come.
    Ended,
}

/// The lane cannot be read on; what is on disk stays there for the next run.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the store: {reason}")]
pub struct ReadError {
    /// What the store said.
    pub reason: String,
}

/// The forwarder's end of one lane, used from its own thread.
#[derive(Debug)]
pub struct LaneReader {
    commands: Sender<Command>,
    fed: Receiver<Fed>,
    /// Bytes fed and not taken yet.
    load: Arc<Load>,
    epoch: u64,
    next: Option<Result<Chunk, ReadError>>,
    ended: bool,
}

impl LaneReader {
    pub(super) fn new(commands: Sender<Command>, fed: Receiver<Fed>, load: Arc<Load>) -> Self {
        Self { commands, fed, load, epoch: 0, next: None, ended: false }
    }

    /// Whether so much waits here that it should be taken soon: half of what the owner feeds at once.
    #[must_use]
    pub fn is_pressing(&self) -> bool {
        self.load.bytes() >= FEED_MAX / 2
    }

    /// Waits until something durable lies beyond the read position, or the time is over, or the lane has ended.
    pub fn wait(&mut self, deadline: Duration) -> Waited {
        let until = clock::instant() + deadline;
        loop {
            if self.next.is_some() {
                return Waited::Ready;
            }
            if self.ended {
                return Waited::Ended;
            }
            match self.fed.recv_timeout(until.saturating_duration_since(clock::instant())) {
                Ok(fed) => self.take(fed),
                Err(RecvTimeoutError::Timeout) => return Waited::TimedOut,
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
            }
        }
    }

    /// The next chunk in order, `None` while there is none; the read position moves behind it.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, ReadError> {
        while self.next.is_none() {
            match self.fed.try_recv() {
                Ok(fed) => self.take(fed),
                Err(_) => return Ok(None),
            }
        }
        self.next.take().transpose()
    }

    /// Reads again after this position: what was read beyond it will come once more.
    ///
    /// A position before everything that is kept means the beginning; so does one of a run that is not kept.
    pub fn rewind(&mut self, to: &Position) {
        self.epoch += 1;
        self.next = None;
        self.ended = false;
        // An owner that is gone feeds nothing more, which `wait` tells.
        let _ = self.commands.send(Command::Rewind { to: to.clone(), epoch: self.epoch });
    }

    /// Everything up to here is in Kafka; it may be removed.
    pub fn acknowledge(&mut self, upto: &Position) {
        // What an owner that is gone cannot note will be read again by the next run.
        let _ = self.commands.send(Command::Acknowledge { upto: upto.clone(), delivered: None });
    }

    /// Everything up to here is in Kafka, and since the position acknowledged before it was this.
    pub fn deliver(&mut self, upto: &Position, delivered: Delivered) {
        let _ = self.commands.send(Command::Acknowledge { upto: upto.clone(), delivered: Some(delivered) });
    }

    fn take(&mut self, fed: Fed) {
        if let Meal::Chunk(chunk) = &fed.what {
            self.load.remove(chunk.weight());
            let _ = self.commands.send(Command::Consumed);
        }
        if fed.epoch != self.epoch {
            return;
        }
        match fed.what {
            Meal::Chunk(chunk) => self.next = Some(Ok(chunk)),
            Meal::Failed(reason) => self.next = Some(Err(ReadError { reason })),
            Meal::End => self.ended = true,
        }
    }
}
