//! A lane without a store: what has come waits in memory until it is in Kafka.

use std::collections::VecDeque;

use vitals::record::ledger::GapReason;

use super::account::{Account, Delivered};
use super::entry::Receipts;
use super::facts::{Naming, gap};
use super::group::{Group, Kept};
use super::progress::{LaneProgress, Sealed};
use super::{Chunk, Item};
use crate::envelope::Position;

/// What the ring of one lane holds: 16 MiB are 20,000 readings of 800 bytes, four seconds of 5,000 a second or seven
/// minutes of 50 a second. When full, the oldest become a gap.
const RING_MAX: usize = 16 << 20;

/// One lane in memory.
pub(super) struct MemoryLane {
    naming: Naming,
    ring: VecDeque<Slot>,
    weight: usize,
    kept: u64,
    /// What all that was kept weighed.
    weighed: u64,
    acknowledged: u64,
    shed: u64,
    account: Account,
}

struct Slot {
    chunk: Chunk,
    receipts: Receipts,
}

impl MemoryLane {
    pub(super) fn new(naming: Naming) -> Self {
        Self {
            naming,
            ring: VecDeque::new(),
            weight: 0,
            kept: 0,
            weighed: 0,
            acknowledged: 0,
            shed: 0,
            account: Account::default(),
        }
    }

    /// Takes a group. Its receipts are released when Kafka has it; at once if nothing stands before it.
    pub(super) fn keep(&mut self, group: Group) -> Kept {
        let Some(chunk) = group.chunk else {
            return match self.ring.back_mut() {
                Some(last) => {
                    last.receipts.merge(&group.receipts);
                    Kept::default()
                }
                None => Kept { fresh: None, receipts: group.receipts },
            };
        };
        self.kept = chunk.last;
        self.weight += chunk.weight();
        self.weighed += chunk.weight() as u64;
        self.ring.push_back(Slot { chunk: chunk.clone(), receipts: group.receipts });
        while self.weight > RING_MAX && self.ring.len() > 1 {
            self.make_room();
        }
        Kept { fresh: Some(chunk), receipts: Receipts::default() }
    }

    pub(super) fn next_after(&self, position: &Position) -> Option<Chunk> {
        let seq = if position.run == self.naming.run { position.seq } else { 0 };
        let index = self.ring.partition_point(|it| it.chunk.last <= seq);
        self.ring.get(index).map(|it| it.chunk.clone().after(seq))
    }

    /// Forgets what is in Kafka; returns the receipts that may now be released.
    pub(super) fn acknowledge(&mut self, upto: &Position, delivered: Option<Delivered>) -> Receipts {
        let mut receipts = Receipts::default();
        if upto.run != self.naming.run {
            return receipts;
        }
        let before = self.acknowledged;
        self.acknowledged = before.max(upto.seq.min(self.kept));
        if let Some(delivered) = delivered.filter(|_| self.acknowledged > before) {
            self.account.handle_delivered(self.acknowledged - before, delivered);
        }
        let done = self.ring.partition_point(|it| it.chunk.last <= upto.seq);
        for slot in self.ring.drain(..done) {
            self.weight -= slot.chunk.weight();
            receipts.merge(&slot.receipts);
        }
        receipts
    }

    /// The last that Kafka has, and what it does not have yet.
    pub(super) fn into_rest(self) -> (u64, Vec<Chunk>) {
        let seq = self.acknowledged;
        let rest = self.ring.into_iter().map(|it| it.chunk).filter(|it| it.last > seq);
        (seq, rest.map(|it| it.after(seq)).collect())
    }

    pub(super) fn describe(&self, progress: &mut LaneProgress) {
        let position = |seq| Position { run: self.naming.run.clone(), seq };
        progress.durable = position(self.kept);
        progress.acknowledged = position(self.acknowledged);
        progress.shed = self.shed;
        // Of memory: nothing is packed here.
        progress.stored_bytes = self.weighed;
        progress.room = RING_MAX.saturating_sub(self.weight) as u64;
        progress.last_sealed = Some(Sealed { frames: 1, blocks: 1 });
        progress.unaccounted = self.account.error();
        progress.buffered_records = self
            .ring
            .iter()
            .flat_map(|it| &it.chunk.items)
            .filter(|it| matches!(it, Item::Record(envelope) if envelope.seq > self.acknowledged))
            .count() as u64;
    }

    /// Makes one gap of the two oldest.
    fn make_room(&mut self) {
        let (Some(mut oldest), Some(next)) = (self.ring.pop_front(), self.ring.pop_front()) else { return };
        self.weight -= oldest.chunk.weight() + next.chunk.weight();
        oldest.receipts.merge(&next.receipts);
        let records =
            |chunk: &Chunk| chunk.items.iter().filter(|it| matches!(it, Item::Record(_))).count() as u64;
        self.shed += records(&oldest.chunk) + records(&next.chunk);
        let range = (oldest.chunk.first, next.chunk.last);
        let mut gap = gap(&self.naming, &self.naming.run, range, GapReason::StoreStalled);
        gap.from_up_ms = first_up(&oldest.chunk);
        gap.to_up_ms = last_up(&next.chunk);
        let chunk =
            Chunk { run: oldest.chunk.run, first: range.0, last: range.1, items: vec![Item::Gap(gap)] };
        self.weight += chunk.weight();
        self.ring.push_front(Slot { chunk, receipts: oldest.receipts });
    }
}

fn first_up(chunk: &Chunk) -> Option<vitals::time::Uptime> {
    match chunk.items.first()? {
        Item::Record(envelope) => Some(envelope.up),
        Item::Gap(gap) => gap.from_up_ms,
    }
}

fn last_up(chunk: &Chunk) -> Option<vitals::time::Uptime> {
    match chunk.items.last()? {
        Item::Record(envelope) => Some(envelope.up),
        Item::Gap(gap) => gap.to_up_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::model_tests::{group, naming};
    use crate::envelope::Receipt;

    fn position(seq: u64) -> Position {
        Position { run: naming().run, seq }
    }

    #[test]
    fn receipts_wait_for_kafka() {
        let mut lane = MemoryLane::new(naming());
        let receipt = |ordinal| Receipt { link: 0, generation: 1, ordinal };
        let mut first = group(1..=3, 10);
        first.receipts.add(receipt(3));
        assert_eq!(lane.keep(first).receipts, Receipts::default());
        let mut nothing = Group::default();
        nothing.receipts.add(receipt(4));
        assert_eq!(lane.keep(nothing).receipts, Receipts::default(), "it stands behind the first");
        assert_eq!(lane.acknowledge(&position(2), None), Receipts::default());
        let mut both = Receipts::default();
        both.add(receipt(4));
        assert_eq!(lane.acknowledge(&position(3), None), both);
    }

    #[test]
    fn what_the_ring_cannot_hold_is_one_gap_and_nothing_else_is_missing() {
        let mut lane = MemoryLane::new(naming());
        for n in 0..40 {
            lane.keep(group(n * 100 + 1..=n * 100 + 100, 10_000));
        }
        let (mut at, mut records, mut gaps) = (position(0), 0, Vec::new());
        while let Some(chunk) = lane.next_after(&at) {
            assert_eq!(chunk.first, at.seq + 1);
            at.seq = chunk.last;
            for item in chunk.items {
                match item {
                    Item::Record(_) => records += 1,
                    Item::Gap(gap) => gaps.push((gap.first_seq, gap.count)),
                }
            }
        }
        assert_eq!(at.seq, 4000);
        assert_eq!(gaps.len(), 1);
        assert_eq!(records + gaps[0].1, 4000);
        assert!(lane.weight <= RING_MAX);
        assert_eq!(lane.next_after(&position(50)).unwrap().first, 51, "a gap is clipped by what was read");
    }
}
