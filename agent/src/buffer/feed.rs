//! What the owner of a lane has fed to its reader, and how much more it may.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::Chunk;
use super::entry::Load;
use super::reader::{Fed, Meal};
use crate::envelope::Position;

/// Fed and not taken yet: 2 MiB are 2,500 readings of 800 bytes, some 50 frames of a backlog. When full, the owner
/// stops feeding, and reads from the store later what it now cannot hand over from memory.
pub(super) const FEED_MAX: usize = 2 << 20;

/// The owner's end of the way to the reader.
pub(super) struct Feed {
    reader: Sender<Fed>,
    load: Arc<Load>,
    epoch: u64,
    position: Position,
    ended: bool,
    failed: bool,
}

impl Feed {
    pub(super) fn new(reader: Sender<Fed>, load: Arc<Load>, position: Position) -> Self {
        Self { reader, load, epoch: 0, position, ended: false, failed: false }
    }

    /// The last that was fed.
    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    pub(super) fn has_room(&self) -> bool {
        !self.failed && self.load.bytes() < FEED_MAX
    }

    pub(super) fn rewind(&mut self, to: Position, epoch: u64) {
        (self.position, self.epoch, self.ended, self.failed) = (to, epoch, false, false);
    }

    pub(super) fn push(&mut self, chunk: Chunk) {
        self.position = Position { run: chunk.run.clone(), seq: chunk.last };
        self.load.add(chunk.weight());
        self.send(Meal::Chunk(chunk));
    }

    /// Says once that nothing more will come.
    pub(super) fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.send(Meal::End);
        }
    }

    /// Says once, until the reader rewinds, that the lane cannot be read on.
    pub(super) fn fail(&mut self, reason: String) {
        self.failed = true;
        self.send(Meal::Failed(reason));
    }

    fn send(&self, what: Meal) {
        // A reader that is gone needs nothing.
        let _ = self.reader.send(Fed { epoch: self.epoch, what });
    }
}
