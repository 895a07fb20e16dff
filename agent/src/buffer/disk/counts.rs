//! What a lane has done in this run, and what it says of itself.

use super::super::progress::{LaneProgress, PackedLately, Sealed};
use super::super::sample::Sampler;
use super::DiskLane;
use crate::envelope::Position;

/// What a lane has done in this run.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The number of the last state offered alone.
    pub(super) state: u64,
    pub(super) evicted: u64,
    pub(super) damaged: u64,
    pub(super) set_aside: u64,
    pub(super) commits: u64,
    pub(super) syncs: u64,
    pub(super) stored_bytes: u64,
    /// What of it went into the generation that is written to.
    pub(super) tail_stored: u64,
    /// Bytes of records kept, before they were packed, and what of it went into the generation that is written to.
    pub(super) raw_bytes: u64,
    pub(super) tail_raw: u64,
    pub(super) last_sealed: Option<Sealed>,
    pub(super) packed: PackedLately,
}

impl DiskLane {
    pub(in crate::buffer) fn describe(&self, progress: &mut LaneProgress) {
        progress.durable = Position { run: self.place.naming.run.clone(), seq: self.tail.facts.last };
        progress.state = self.counts.state;
        progress.acknowledged = self.acknowledged.clone();
        progress.buffered_records = self.buffered_records();
        progress.bytes_on_disk = self.bytes() + self.repacking_bytes();
        progress.generations = self.old.iter().filter(|it| it.gap.is_none()).count() as u64 + 1;
        progress.evicted = self.counts.evicted;
        progress.damaged = self.counts.damaged;
        progress.set_aside = self.counts.set_aside;
        (progress.commits, progress.syncs) = (self.counts.commits, self.counts.syncs);
        progress.stored_bytes = self.counts.stored_bytes;
        progress.raw_bytes = self.counts.raw_bytes;
        progress.room = self.room();
        // The generation that is written to, and the one before it, while that is repacked.
        progress.unpacked_max = 2 * self.place.bound.generation;
        progress.last_sealed = self.counts.last_sealed;
        // What was done tells more than what a few records let expect.
        progress.packed =
            self.counts.packed.worst().or_else(|| self.sampler.as_ref().and_then(Sampler::packed));
        progress.repacking = self.is_repacking();
        progress.unaccounted = self.account.error();
    }
}
