//! Makes room: what is in Kafka goes, and when the lane is full the oldest goes, leaving a gap in its place.

use std::fs;
use std::path::Path;

use tracing::{error, warn};
use vitals::record::ledger::{Gap, GapReason};

use super::super::durable::{Doing as _, StoreError, replace_file, sync_path};
use super::super::frame::{Kind, encode};
use super::super::pack::head;
use super::super::room;
use super::{DiskLane, Old, Yields};

impl DiskLane {
    /// Whether the generation that is written to, and the copy of one that is repacked, might grow over the bound.
    pub(super) fn is_full(&self) -> bool {
        let bound = &self.place.bound;
        self.bytes() + 2 * bound.generation > bound.bytes || self.is_crowded()
    }

    /// What it may grow by until then, bytes on disk.
    pub(super) fn room(&self) -> u64 {
        let bound = &self.place.bound;
        let free = room::free(&self.place.dir).filter(|_| bound.free_min > 0);
        let of_disk = free.map_or(u64::MAX, |it| it.saturating_sub(bound.free_min));
        bound.bytes.saturating_sub(self.bytes() + 2 * bound.generation).min(of_disk)
    }

    /// Whether others have filled the disk.
    fn is_crowded(&self) -> bool {
        let min = self.place.bound.free_min;
        min > 0 && room::free(&self.place.dir).is_some_and(|it| it < min)
    }

    /// When full, the oldest readings make room, a generation at a time. What alarms yield is merged beside (`repack`).
    pub(super) fn make_room(&mut self) -> Result<(), StoreError> {
        if self.is_repacking() && self.is_crowded() {
            self.stop_repacking();
        }
        while self.place.bound.yields == Yields::Oldest && self.is_full() {
            let Some(place) = self.old.iter().position(|it| it.gap.is_none()) else { break };
            if place == 0 && self.is_done(&self.old[0]) {
                self.remove_front();
            } else {
                self.evict(place)?;
            }
        }
        Ok(())
    }

    /// The gap is durable before what it stands for is gone.
    fn evict(&mut self, place: usize) -> Result<(), StoreError> {
        // Its copy stands where the gap is written first.
        self.stop_repacking_of(self.old[place].ordinal);
        let old = &self.old[place];
        let (ordinal, run) = (old.ordinal, old.facts.run.clone());
        let after = if self.acknowledged.run == run { self.acknowledged.seq } else { 0 };
        let lost = self.buffered(place);
        let mut gap = old.facts.to_gap(&self.place.naming, after, GapReason::BufferFull);
        let before = place.checked_sub(1).filter(|it| continues(&self.old[*it], &gap));
        if let Some(Old { gap: Some(earlier), .. }) = before.map(|it| &self.old[it]) {
            gap = join(earlier, gap);
        }
        let path = self.place.generation_dir(ordinal).with_extension("gap");
        let head = head(&self.place.naming, Kind::Gap, 0, (gap.first_seq, gap.last_seq));
        let body = serde_json::to_vec(&gap).unwrap_or_default();
        replace_file(&path, &encode(&head, &body).concat())?;
        self.counts.syncs += 2;
        self.close_reading(ordinal);
        remove_generation(&self.place.generation_dir(ordinal))?;
        error!(run = %run, from = gap.first_seq, to = gap.last_seq, records = lost,
            "The buffer is full: the oldest records made room. A gap in the ledger says which.");
        self.counts.evicted += lost;
        self.old[place] = stand_in(ordinal, gap);
        if let Some(earlier) = before.and_then(|it| self.old.remove(it)) {
            remove_gap(&self.place.generation_dir(earlier.ordinal).with_extension("gap"));
        }
        Ok(())
    }

    /// Removes the generations and gaps that are in Kafka whole, but for the newest: a broker may send its last messages
    /// again, and they must be known.
    pub(super) fn remove_acknowledged(&mut self) {
        while self.old.front().is_some_and(|it| (self.old.len() > 1 || it.gap.is_some()) && self.is_done(it))
        {
            self.remove_front();
        }
    }

    fn is_done(&self, old: &Old) -> bool {
        if old.facts.run == self.acknowledged.run {
            old.facts.last <= self.acknowledged.seq
        } else {
            // The acknowledged run is kept and stands behind: all before it is done.
            self.facts().skip(1).any(|(_, it)| it.run == self.acknowledged.run)
        }
    }

    fn remove_front(&mut self) {
        let Some(old) = self.old.front() else { return };
        let (ordinal, is_gap) = (old.ordinal, old.gap.is_some());
        self.stop_repacking_of(ordinal);
        self.close_reading(ordinal);
        self.old.pop_front();
        let dir = self.place.generation_dir(ordinal);
        if is_gap {
            remove_gap(&dir.with_extension("gap"));
        } else if let Err(error) = remove_generation(&dir) {
            warn!(
                error = error.chain(),
                "What is in Kafka cannot be removed; it will be sent again after a restart."
            );
        }
    }

    pub(super) fn close_reading(&mut self, ordinal: u64) {
        self.reading.take_if(|(it, _)| *it == ordinal);
    }
}

/// What stands where a generation was.
pub(super) fn stand_in(ordinal: u64, gap: Gap) -> Old {
    let mut facts = super::Facts::begin(gap.run.as_str().into(), gap.first_seq);
    facts.last = gap.last_seq;
    // One block for the file.
    Old { ordinal, facts, bytes: 4096, raw: None, gap: Some(gap), rebuilt: false, tried: None }
}

/// Renames first, so that after a power cut it is whole or swept.
pub(super) fn remove_generation(dir: &Path) -> Result<(), StoreError> {
    let doomed = dir.with_extension("del");
    fs::rename(dir, &doomed).doing("rename for removal", dir)?;
    fs::remove_dir_all(&doomed).doing("remove", &doomed)?;
    dir.parent().map_or(Ok(()), sync_path)
}

pub(super) fn remove_gap(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        warn!(%error, path = %path.display(), "A gap that was told cannot be removed; it will be told again.");
    }
}

fn continues(earlier: &Old, gap: &Gap) -> bool {
    earlier.gap.as_ref().is_some_and(|it| {
        it.run == gap.run && it.reason == gap.reason && it.last_seq.checked_add(1) == Some(gap.first_seq)
    })
}

fn join(earlier: &Gap, mut gap: Gap) -> Gap {
    gap.first_seq = earlier.first_seq;
    gap.count += earlier.count;
    gap.from_up_ms = earlier.from_up_ms;
    // An empty list says "unknown": it stays so.
    if earlier.sources.is_empty() || gap.sources.is_empty() {
        gap.sources.clear();
    } else {
        gap.sources.extend(earlier.sources.iter().cloned());
        gap.sources.sort();
        gap.sources.dedup();
    }
    gap
}

#[cfg(test)]
mod tests {
    use crate::buffer::Item;
    use crate::buffer::disk::Recovered;
    use crate::buffer::model_tests::{group, place};
    use crate::envelope::Position;

    /// The oldest is what a commit is about of which nobody knows whether it was done. Whatever Kafka turns out to have of
    /// what made room meanwhile, the gap stands for the rest and for nothing else.
    #[test]
    fn what_makes_room_while_a_commit_is_in_doubt_is_told_behind_what_kafka_has() {
        let store = tempfile::tempdir().unwrap();
        let place = place(store.path(), "run-1", 6 << 20);
        let mut lane = Recovered::read(place).unwrap().begin(1, Vec::new(), None).unwrap();
        let mut last = 0;
        while lane.counts.evicted == 0 {
            lane.keep(group(last + 1..=last + 100, 2_000)).unwrap();
            last += 100;
        }
        let run: crate::envelope::RunId = "run-1".into();
        let mut gap_behind = |seq: u64| {
            let next = lane.next_after(&Position { run: run.clone(), seq }).unwrap().unwrap();
            match &next.items[..] {
                [Item::Gap(gap)] => (gap.first_seq, gap.last_seq, gap.count),
                other => panic!("no gap: {other:?}"),
            }
        };
        let (first, end, count) = gap_behind(0);
        assert_eq!((first, count), (1, end), "the commit was not done: all of it is missing");
        assert_eq!(gap_behind(37), (38, end, end - 37), "it was done up to there");
        lane.acknowledge(&Position { run: run.clone(), seq: 37 }, None);
        let done = lane.acknowledged().clone();
        let next = lane.next_after(&done).unwrap().unwrap();
        assert_eq!((next.first, next.last), (38, end));
        lane.acknowledge(&Position { run: run.clone(), seq: end + 5 }, None);
        let behind = lane.acknowledged().clone();
        let next = lane.next_after(&behind).unwrap().unwrap();
        assert_eq!(next.first, end + 6, "and what was done beyond it is not told as missing");
    }
}
