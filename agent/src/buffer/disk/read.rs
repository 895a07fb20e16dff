//! Reads a lane: frame by frame in order, from the oldest on, and what cannot be read as a gap.

use tracing::error;
use vitals::record::ledger::GapReason;

use super::super::account::Hole;
use super::super::durable::StoreError;
use super::super::facts::gap;
use super::super::frame::Head;
use super::super::generation::{Found, Generation};
use super::super::pack::unpack;
use super::super::{Chunk, Item};
use super::rebuild::{close_sealed, open_sealed};
use super::{DiskLane, Old};
use crate::envelope::{Position, RunId};

/// What a generation has behind a sequence number.
enum Next {
    Chunk(Chunk),
    /// Nothing can be read up to here.
    Hole(u64),
    End,
}

impl DiskLane {
    /// What stands right behind a position; `None` if everything durable lies before it.
    pub(in crate::buffer) fn next_after(&mut self, position: &Position) -> Result<Option<Chunk>, StoreError> {
        let mut position = position.clone();
        while let Some((place, after)) = self.locate(&position) {
            if let Some(missing) = self.missing_before(place, &position) {
                return Ok(Some(missing));
            }
            if let Some(Old { gap: Some(gap), facts, .. }) = self.old.get(place) {
                let items = vec![Item::Gap(gap.clone())];
                let chunk = Chunk { run: facts.run.clone(), first: facts.first, last: facts.last, items };
                return Ok(Some(chunk.after(after)));
            }
            let facts = self.old.get(place).map_or(&self.tail.facts, |it| &it.facts);
            let (run, last) = (facts.run.clone(), facts.last);
            match self.read(place, after, last)? {
                // Of another run its position would lie elsewhere, and the reader would go round.
                Next::Chunk(chunk) if chunk.run != run => {
                    return Ok(Some(self.hole(&run, after + 1, chunk.last.min(last))));
                }
                Next::Chunk(chunk) => return Ok(Some(chunk)),
                Next::Hole(upto) => return Ok(Some(self.hole(&run, after + 1, upto))),
                Next::End => position = Position { run, seq: last },
            }
        }
        Ok(None)
    }

    /// The stretch in which a position's successor lies, and behind which number there.
    fn locate(&self, position: &Position) -> Option<(usize, u64)> {
        // A run that is not kept: from the beginning.
        let mut reached = !self.facts().any(|(_, it)| it.run == position.run);
        for (place, facts) in self.facts() {
            let before = facts.first.saturating_sub(1);
            if facts.run == position.run {
                reached = true;
                if facts.last > position.seq {
                    return Some((place, position.seq.max(before)));
                }
            } else if reached && !facts.is_empty() {
                return Some((place, before));
            }
        }
        None
    }

    /// What lay between a position and the stretch that is found behind it in the same run: somebody took it away, for
    /// what is in Kafka is removed from the front. A position at 0 only means the beginning.
    fn missing_before(&mut self, place: usize, position: &Position) -> Option<Chunk> {
        let facts = self.old.get(place).map_or(&self.tail.facts, |it| &it.facts);
        let (run, last) = (facts.run.clone(), facts.first.saturating_sub(1));
        let is_missing = run == position.run && position.seq > 0 && position.seq < last;
        is_missing.then(|| self.hole(&run, position.seq + 1, last))
    }

    fn read(&mut self, place: usize, after: u64, last: u64) -> Result<Next, StoreError> {
        if place == self.old.len() {
            return next(&self.tail.generation, after, last);
        }
        let attempt = self.old_generation(place).and_then(|it| next(it, after, last));
        match attempt {
            Err(error) if !self.old[place].rebuilt => {
                error!(
                    error = error.chain(),
                    "A part of the store cannot be read: it is made anew from its frames."
                );
                self.rebuild_old(place)?;
                self.old_generation(place).and_then(|it| next(it, after, last))
            }
            Err(_) => Ok(Next::Hole(last)),
            good => good,
        }
    }

    fn old_generation(&mut self, place: usize) -> Result<&Generation, StoreError> {
        let ordinal = self.old[place].ordinal;
        let generation = if let Some((_, open)) = self.reading.take_if(|(it, _)| *it == ordinal) {
            open
        } else {
            self.leave_reading();
            self.stop_repacking_of(ordinal);
            let dir = self.place.generation_dir(ordinal);
            let old = &mut self.old[place];
            let opened = open_sealed(&self.place, &dir, &mut old.facts, &mut self.counts.set_aside)?;
            self.note_holes();
            opened
        };
        Ok(&self.reading.insert((ordinal, generation)).1)
    }

    /// Closes what was read and is still kept.
    pub(super) fn leave_reading(&mut self) {
        let Some((ordinal, generation)) = self.reading.take() else { return };
        let dir = self.place.generation_dir(ordinal);
        if let Some(old) = self.old.iter_mut().find(|it| it.ordinal == ordinal) {
            close_sealed(&self.place, generation, &dir, &mut old.facts);
        }
    }

    fn hole(&mut self, run: &RunId, first: u64, last: u64) -> Chunk {
        self.counts.damaged += last + 1 - first;
        self.account.handle_hole(Hole { run: run.clone(), first, last });
        error!(%run, first, last, "Records on disk are damaged. A gap in the ledger says which.");
        let gap = gap(&self.place.naming, run, (first, last), GapReason::StoreDamaged);
        Chunk { run: run.clone(), first, last, items: vec![Item::Gap(gap)] }
    }
}

/// What stands behind `after` in a generation whose last number is `last`.
fn next(generation: &Generation, after: u64, last: u64) -> Result<Next, StoreError> {
    if after >= last {
        return Ok(Next::End);
    }
    let found = generation.at_or_after(after + 1)?;
    if let Found::Body { head, raw } = &found {
        if head.first == after + 1 {
            return Ok(chunk(head, raw).map_or_else(|| Next::Hole(head.last.min(last)), Next::Chunk));
        }
    }
    // It may lie inside a frame that begins before: after a rewind, or an acknowledgement in its middle.
    if let Found::Body { head, raw } = generation.before(after + 1)? {
        if head.last > after {
            if let Some(chunk) = chunk(&head, &raw) {
                return Ok(Next::Chunk(chunk.after(after)));
            }
        }
    }
    let mut found = found;
    loop {
        match found {
            Found::Body { head, .. } if head.first > after + 1 => {
                return Ok(Next::Hole((head.first - 1).min(last)));
            }
            Found::Body { head, .. } => return Ok(Next::Hole(head.last.min(last))),
            Found::Damaged { seq } => found = generation.at_or_after(seq + 1)?,
            Found::End => return Ok(Next::Hole(last)),
        }
    }
}

fn chunk(head: &Head, raw: &[u8]) -> Option<Chunk> {
    let items = unpack(head, raw)?;
    Some(Chunk { run: head.run.clone(), first: head.first, last: head.last, items })
}
