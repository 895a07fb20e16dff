//! A lane on disk: generations in order, the last of them written to, the first of them read.

mod counts;
mod evict;
mod read;
mod rebuild;
mod recover;
mod repack;
mod rotate;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use vitals::record::ledger::Gap;

use self::counts::Counts;
pub(super) use self::recover::Recovered;
use super::EngineState;
use super::account::{Account, Delivered, Hole};
use super::durable::{Platter, StoreError};
use super::facts::{Facts, Naming};
use super::frame::{Kind, encode};
use super::generation::{Generation, Key};
use super::group::{Group, Kept};
use super::pack::{Keyed, Packer, batches, head};
use super::quarantine::Quarantine;
use super::repack::{Repacking, Work};
use super::sample::{self, Sampler};
use super::through::Through;
use crate::clock;
use crate::envelope::Position;

/// The cursor on disk is a hint, and may lag by so much.
const CURSOR_EVERY: Duration = Duration::from_secs(1);

/// How large a lane may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    /// All generations, blocks on disk.
    pub(super) bytes: u64,
    /// One generation.
    pub(super) generation: u64,
    pub(super) yields: Yields,
    /// What stays free on the file system, whoever fills it.
    pub(super) free_min: u64,
}

/// What makes room in a lane that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Yields {
    /// The oldest generation, leaving a gap.
    Oldest,
    /// Nothing until Kafka has taken something.
    Nothing,
    /// What lies between start and end of an alarm that is over, leaving gaps; then nothing: no alarm is refused, and
    /// those that go on are kept whole.
    Middles,
}

/// Where and how a lane lives.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) quarantine: Quarantine,
    pub(super) naming: Naming,
    pub(super) bound: Bound,
    pub(super) platter: Platter,
    pub(super) through: Through,
}

/// A lane on disk.
#[derive(Debug)]
pub(super) struct DiskLane {
    place: Place,
    old: VecDeque<Old>,
    tail: Tail,
    /// The old generation that is being read.
    reading: Option<(u64, Generation)>,
    /// The old generation that is being repacked: never the one that is read.
    repacking: Option<(u64, Repacking)>,
    packer: Packer,
    /// Of readings.
    sampler: Option<Sampler>,
    acknowledged: Position,
    cursor_written: Instant,
    cursor_stale: bool,
    state: Option<EngineState>,
    manifest: Vec<u8>,
    counts: Counts,
    account: Account,
}

/// What will grow no more.
#[derive(Debug)]
struct Old {
    ordinal: u64,
    facts: Facts,
    bytes: u64,
    /// Bytes of its records before they were packed, where this run wrote it.
    raw: Option<u64>,
    /// Stands where a generation was.
    gap: Option<Gap>,
    /// It was made anew from frames once.
    rebuilt: bool,
    /// What was tried to make it smaller in this run, whatever came of it.
    tried: Option<Work>,
}

/// What is written to.
#[derive(Debug)]
struct Tail {
    ordinal: u64,
    generation: Generation,
    facts: Facts,
    state_parts: u16,
    /// Tells the newest state from those before it.
    state_order: u64,
}

impl DiskLane {
    /// Makes a group durable.
    pub(super) fn keep(&mut self, group: Group) -> Result<Kept, StoreError> {
        let items = group.chunk.as_ref().map_or(&[][..], |it| &it.items);
        if items.is_empty() && group.state.is_none() {
            return Ok(Kept { fresh: None, receipts: group.receipts });
        }
        let mut frames = self.packer.pack(&self.place.naming, items);
        let mut stale = Vec::new();
        if let Some(state) = group.state {
            let (parts, outdated) = self.replace_state(state, group.chunk.as_ref().map_or(0, |it| it.last));
            frames.extend(parts);
            stale = outdated;
        }
        if self.cursor_stale && self.cursor_written.elapsed() >= CURSOR_EVERY {
            frames.push(self.cursor_frame());
        }
        self.commit(&frames, &stale)?;
        self.counts.state = group.state_number.unwrap_or(self.counts.state);
        for item in items {
            self.tail.facts.add(item);
            self.counts.tail_raw += sample::bytes(item);
            self.counts.raw_bytes += sample::bytes(item);
        }
        if let Some(sampler) = &mut self.sampler {
            sampler.take(&self.place.naming, items);
        }
        self.place.through.note(&Position { run: self.place.naming.run.clone(), seq: self.tail.facts.last });
        // A generation without a record is not sealed: the next record does that.
        if self.tail.generation.bytes() >= self.place.bound.generation && !self.tail.facts.is_empty() {
            self.rotate()?;
        }
        self.make_room()?;
        Ok(Kept { fresh: group.chunk, receipts: group.receipts })
    }

    /// Everything up to here is in Kafka; `delivered` is what was seen to get there, where it was seen.
    pub(super) fn acknowledge(&mut self, upto: &Position, delivered: Option<Delivered>) {
        let Some(upto) = self.clamp(upto) else { return };
        if !self.is_behind(&self.acknowledged, &upto) {
            return;
        }
        if let Some(delivered) = delivered {
            self.account.handle_delivered(self.count_between(&self.acknowledged, &upto), delivered);
        }
        self.acknowledged = upto;
        self.forget_told_holes();
        self.cursor_stale = true;
        self.remove_acknowledged();
    }

    pub(super) fn acknowledged(&self) -> &Position {
        &self.acknowledged
    }

    /// When [`Self::rest`] wants to be called.
    pub(super) fn next_rest(&self) -> Option<Instant> {
        self.next_cursor().into_iter().chain(self.next_look()).min()
    }

    fn next_cursor(&self) -> Option<Instant> {
        self.cursor_stale.then(|| self.cursor_written + CURSOR_EVERY)
    }

    /// Writes the cursor when no group takes it along, and takes what was repacked meanwhile.
    pub(super) fn rest(&mut self) -> Result<(), StoreError> {
        if self.next_cursor().is_some_and(|it| it <= clock::instant()) {
            let frame = self.cursor_frame();
            self.commit(&[frame], &[])?;
        }
        self.finish_repacking()
    }

    /// So much makes about one group.
    pub(super) fn group_weight(&self) -> usize {
        self.packer.batch_weight()
    }

    /// Whether it is full and was told to wait.
    pub(super) fn must_wait(&self) -> bool {
        self.place.bound.yields == Yields::Nothing && self.is_full() && !self.old.is_empty()
    }

    fn commit(&mut self, frames: &[Keyed], stale: &[Key]) -> Result<(), StoreError> {
        let mut batches = batches(frames).peekable();
        while let Some(batch) = batches.next() {
            // What is stale goes with what replaces it: the state, in the last batch.
            let stale = if batches.peek().is_none() { stale } else { &[] };
            self.tail.generation.commit(batch, stale)?;
            let stored = batch.iter().map(|(_, it)| it.len() as u64).sum::<u64>();
            self.counts.stored_bytes += stored;
            self.counts.tail_stored += stored;
        }
        self.counts.commits += 1;
        self.counts.syncs += self.tail.generation.take_syncs();
        Ok(())
    }

    /// The frames of the newest state, and what of the one before it they do not overwrite. A state may come without a
    /// record: its order tells it from the one before all the same.
    fn replace_state(&mut self, state: EngineState, last: u64) -> (Vec<Keyed>, Vec<Key>) {
        let order = last.max(self.tail.state_order + 1);
        let parts = special_frames(&self.place.naming, Kind::State, order, &state);
        let count = u16::try_from(parts.len()).unwrap_or(u16::MAX);
        let beyond = (count..self.tail.state_parts).map(|part| Key::special(Kind::State, part)).collect();
        (self.tail.state_parts, self.tail.state_order) = (count, order);
        self.state = Some(state);
        (parts, beyond)
    }

    fn cursor_frame(&mut self) -> Keyed {
        (self.cursor_stale, self.cursor_written) = (false, clock::instant());
        let cursor = (&self.acknowledged.run, self.acknowledged.seq);
        let body = serde_json::to_vec(&cursor).unwrap_or_default();
        let head = head(&self.place.naming, Kind::Cursor, 0, (self.acknowledged.seq, self.acknowledged.seq));
        (Key::special(Kind::Cursor, 0), encode(&head, &body).concat())
    }

    /// The facts of each stretch, in order, with its place; gaps are stretches without records.
    fn facts(&self) -> impl Iterator<Item = (usize, &Facts)> {
        self.old.iter().map(|it| &it.facts).chain([&self.tail.facts]).enumerate()
    }

    /// The records of a stretch that are not in Kafka.
    fn buffered(&self, place: usize) -> u64 {
        let is_before = self.facts().skip(place + 1).any(|(_, it)| it.run == self.acknowledged.run);
        let facts = self.old.get(place).map_or(&self.tail.facts, |it| &it.facts);
        behind(&self.acknowledged, facts, is_before)
    }

    fn buffered_records(&self) -> u64 {
        let (mut sum, mut is_before) = (0, false);
        for facts in [&self.tail.facts].into_iter().chain(self.old.iter().rev().map(|it| &it.facts)) {
            sum += behind(&self.acknowledged, facts, is_before);
            is_before |= facts.run == self.acknowledged.run;
        }
        sum
    }

    /// How many numbers lie behind one position, up to another; those of a run that lie between its stretches count too.
    fn count_between(&self, from: &Position, upto: &Position) -> u64 {
        let mut reached = !self.facts().any(|(_, it)| it.run == from.run);
        let (mut count, mut ended) = (0, false);
        let mut before = Some(from.clone()).filter(|it| it.seq > 0);
        for (_, facts) in self.facts() {
            reached |= facts.run == from.run;
            if !reached || ended && facts.run != upto.run {
                continue;
            }
            ended |= facts.run == upto.run;
            let first = match &before {
                Some(it) if it.run == facts.run => it.seq + 1,
                _ => facts.first,
            };
            let last = if facts.run == upto.run { facts.last.min(upto.seq) } else { facts.last };
            count += (last + 1).saturating_sub(first);
            before = Some(Position { run: facts.run.clone(), seq: last.max(first - 1) });
        }
        count
    }

    /// Enters in the account what earlier runs, or reading, found missing on disk.
    fn note_holes(&mut self) {
        for facts in self.old.iter().map(|it| &it.facts) {
            for (first, last) in facts.holes.iter().copied() {
                self.account.handle_hole(Hole { run: facts.run.clone(), first, last });
            }
        }
        self.forget_told_holes();
    }

    fn forget_told_holes(&mut self) {
        let mut account = std::mem::take(&mut self.account);
        account.retain_holes(|it| {
            let end = Position { run: it.run.clone(), seq: it.last };
            self.facts().any(|(_, facts)| facts.run == it.run) && self.is_behind(&self.acknowledged, &end)
        });
        self.account = account;
    }

    fn bytes(&self) -> u64 {
        self.old.iter().map(|it| it.bytes).sum::<u64>() + self.tail.generation.bytes()
    }

    /// No further than what is durable; `None` for a run that is not kept.
    fn clamp(&self, position: &Position) -> Option<Position> {
        let last = self.facts().filter(|(_, it)| it.run == position.run).map(|(_, it)| it.last).max()?;
        Some(Position { run: position.run.clone(), seq: position.seq.min(last) })
    }

    fn is_behind(&self, one: &Position, other: &Position) -> bool {
        if one.run == other.run {
            return one.seq < other.seq;
        }
        let place = |run| self.facts().find(|(_, it)| it.run == run).map(|(place, _)| place);
        place(one.run.clone()) < place(other.run.clone())
    }
}

/// The records of a stretch that lie behind what is acknowledged; `is_before`: the acknowledged run stands behind it.
fn behind(acknowledged: &Position, facts: &Facts, is_before: bool) -> u64 {
    if facts.run == acknowledged.run {
        let behind = acknowledged.seq;
        let missing =
            |(first, last): &(u64, u64)| (last + 1).saturating_sub(behind.saturating_add(1).max(*first));
        let missing: u64 = facts.holes.iter().map(missing).sum();
        facts.records.min(facts.last.saturating_sub(behind).saturating_sub(missing))
    } else if is_before {
        // Of an earlier run, and kept only because a broker may send its last messages again.
        0
    } else {
        facts.records
    }
}

/// The frames of what belongs to no number; `last` tells the newer from the older when both are found.
fn special_frames(naming: &Naming, kind: Kind, last: u64, body: &[u8]) -> Vec<Keyed> {
    let head = head(naming, kind, 0, (last, last));
    (0..).zip(encode(&head, body)).map(|(part, frame)| (Key::special(kind, part), frame)).collect()
}
