//! Repacking, as the lane sees it: what waits for Kafka whole is packed anew beside, and takes its own place.
//!
//! What is read is not repacked, and what is repacked is not read: whoever comes first stays.

use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::super::codec::Effort;
use super::super::durable::StoreError;
use super::super::generation::{blocks, note};
use super::super::progress::Packed;
use super::super::repack::{Job, Left, Repacked, Repacking, Work};
use super::super::room;
use super::rebuild::{Former, naming_of, put_in_place};
use super::{DiskLane, Old, Yields};
use crate::clock;

/// While a generation is repacked and nothing is offered, it is looked after so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl DiskLane {
    /// Begins with the newest that may gain by it: the oldest is the next that Kafka takes.
    pub(super) fn begin_repacking(&mut self) {
        if self.is_repacking() {
            return;
        }
        let Some((place, work)) = self.next_to_repack() else { return };
        let effort = if self.may_take_time() { Effort::Exhaustive } else { Effort::Thorough };
        let old = &mut self.old[place];
        old.tried = Some(work);
        let job = Job {
            dir: self.place.generation_dir(old.ordinal),
            naming: naming_of(&self.place, &old.facts.run),
            facts: old.facts.clone(),
            platter: self.place.platter.clone(),
            work,
            effort,
        };
        let ordinal = old.ordinal;
        match Repacking::start(job) {
            Ok(repacking) => self.repacking = Some((ordinal, repacking)),
            Err(error) => warn!(%error, "The system gives no thread: a part of the store stays as it is."),
        }
    }

    /// What alarms yield when they are full is merged, the oldest first.
    fn next_to_repack(&self) -> Option<(usize, Work)> {
        let yields = self.place.bound.yields == Yields::Middles && self.is_full();
        let may_merge = |it: &usize| self.old[*it].tried != Some(Work::Merge) && !self.old[*it].facts.merged;
        let places = (0..self.old.len()).filter(|it| self.may_copy(*it));
        let merge = places.clone().filter(|_| yields).find(may_merge).map(|it| (it, Work::Merge));
        merge.or_else(|| places.rev().find(|it| self.may_repack(*it)).map(|it| (it, Work::Repack)))
    }

    /// Whether no second generation waits to be repacked: where more fill than are repacked, the better level would only
    /// leave some unpacked.
    fn may_take_time(&self) -> bool {
        let waits = |it: &usize| self.may_repack(*it) && self.may_copy(*it);
        (0..self.old.len()).filter(waits).count() <= 1
    }

    fn may_repack(&self, place: usize) -> bool {
        self.old[place].tried.is_none() && !self.old[place].facts.repacked
    }

    /// Whether all of it waits, and there is room for a copy.
    fn may_copy(&self, place: usize) -> bool {
        let old = &self.old[place];
        let facts = &old.facts;
        let is_read = self.reading.as_ref().is_some_and(|(it, _)| *it == old.ordinal);
        old.gap.is_none()
            && !is_read
            && facts.holes.is_empty()
            && facts.records > 0
            && self.buffered(place) == facts.records
            && room::free(&self.place.dir).is_some_and(|it| it >= self.place.bound.free_min + 2 * old.bytes)
    }

    /// When [`Self::finish_repacking`] wants to be called.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.is_repacking().then(|| clock::instant() + LOOK_EVERY)
    }

    /// Lets the copy take the original's place, if it is ready; then goes on with the next.
    pub(super) fn finish_repacking(&mut self) -> Result<(), StoreError> {
        let Some((ordinal, repacking)) = self.repacking.take_if(|(_, it)| it.is_finished()) else {
            return Ok(());
        };
        let place = self.old.iter().position(|it| it.ordinal == ordinal && it.gap.is_none());
        if let Some(place) = place {
            match repacking.finish() {
                Ok(repacked) => self.take_copy(place, repacked)?,
                Err(Left::NotSmaller) => self.note_repacked(place),
                Err(Left::Store(error)) => {
                    warn!(
                        error = error.chain(),
                        "A part of the store cannot be repacked; it stays as it is."
                    );
                }
                Err(why) => debug!(ordinal, %why, "A part of the store was not repacked."),
            }
        }
        self.begin_repacking();
        Ok(())
    }

    fn take_copy(
        &mut self,
        place: usize,
        Repacked { records, raw, frames }: Repacked,
    ) -> Result<(), StoreError> {
        let old = &mut self.old[place];
        let dir = self.place.generation_dir(old.ordinal);
        old.note_tried();
        let merged = std::mem::replace(&mut old.facts.records, records) - records;
        if merged > 0 {
            warn!(
                merged,
                "There is no more room for alarms: of those that are over, start and end are kept."
            );
        }
        put_in_place(&self.place, &dir, &mut old.facts, Former::Remove)?;
        let before = std::mem::replace(&mut old.bytes, blocks(&dir));
        debug!(ordinal = old.ordinal, before, now = old.bytes, "A part of the store was repacked.");
        self.counts.packed.note(Packed { raw, frames, blocks: old.bytes });
        self.counts.syncs += 4;
        Ok(())
    }

    /// So that no later run tries again.
    fn note_repacked(&mut self, place: usize) {
        let old = &mut self.old[place];
        old.note_tried();
        if let Some(raw) = old.raw {
            self.counts.packed.note(Packed { raw, frames: 0, blocks: old.bytes });
        }
        let naming = naming_of(&self.place, &old.facts.run);
        if let Err(error) = note(&self.place.generation_dir(old.ordinal), &naming, &old.facts) {
            warn!(
                error = error.chain(),
                "It could not be noted that a part of the store cannot be made smaller."
            );
        }
    }

    pub(in crate::buffer) fn is_repacking(&self) -> bool {
        self.repacking.is_some()
    }

    /// What the copy takes meanwhile, bytes on disk.
    pub(super) fn repacking_bytes(&self) -> u64 {
        self.repacking.as_ref().map_or(0, |(_, it)| blocks(it.beside()))
    }

    /// Ends it after the batch that is being written, and removes the copy.
    pub(super) fn stop_repacking(&mut self) {
        self.repacking = None;
    }

    pub(super) fn stop_repacking_of(&mut self, ordinal: u64) {
        self.repacking.take_if(|(it, _)| *it == ordinal);
    }
}

impl Old {
    /// That what was tried last was done. What was merged is repacked as well.
    fn note_tried(&mut self) {
        self.facts.repacked = true;
        self.facts.merged |= self.tried == Some(Work::Merge);
    }
}
