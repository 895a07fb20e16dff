//! What waits to become durable, and how much of it goes together.

use std::collections::VecDeque;
use std::time::Instant;

use super::entry::{Entry, Receipts, Shed};
use super::facts::{Naming, shed_gap};
use super::{Chunk, EngineState, Item};
use crate::clock;

/// What becomes durable together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) chunk: Option<Chunk>,
    pub(super) receipts: Receipts,
    pub(super) state: Option<EngineState>,
    /// The number of the last state that was offered alone.
    pub(super) state_number: Option<u64>,
    /// Bytes in memory.
    pub(super) weight: usize,
}

/// What came of keeping a group.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// What the reader may now see.
    pub(super) fresh: Option<Chunk>,
    /// What may now be acknowledged.
    pub(super) receipts: Receipts,
}

/// What waits for the next group.
#[derive(Default)]
pub(super) struct Pending {
    entries: VecDeque<Entry>,
    pub(super) weight: usize,
    pub(super) receipts: usize,
    pub(super) since: Option<Instant>,
    /// The last sequence number taken.
    pub(super) taken: u64,
    pub(super) shed: u64,
    /// Numbers that bedside gave and that never came here: none, or something is wrong.
    pub(super) skipped: u64,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn take(&mut self, entry: Entry) {
        self.weight += entry.weight();
        self.since.get_or_insert_with(clock::instant);
        self.receipts += usize::from(entry.has_receipt());
        match &entry {
            Entry::Record { envelope, .. } => {
                self.skipped += envelope.seq.saturating_sub(self.taken + 1);
                self.taken = envelope.seq;
            }
            Entry::Nothing(_) | Entry::State(..) => {}
            Entry::Shed(shed) => {
                self.skipped += shed.after.saturating_sub(self.taken);
                self.taken = shed.last();
                self.shed += shed.count;
            }
        }
        self.entries.push_back(entry);
    }

    /// Takes what memory could not hold; returns what it weighs here.
    pub(super) fn take_shed(&mut self, shed: Shed) -> usize {
        if let Some(Entry::Shed(last)) = self.entries.back_mut() {
            self.taken = shed.last();
            self.shed += shed.count;
            last.append(&shed);
            return 0;
        }
        let entry = Entry::Shed(shed);
        let weight = entry.weight();
        self.take(entry);
        weight
    }

    /// The oldest of what waits, as much as one group may hold.
    pub(super) fn cut(&mut self, max: usize, naming: &Naming) -> Group {
        let mut group = Group::default();
        let mut items = Vec::new();
        while let Some(entry) = self.entries.pop_front() {
            group.weight += entry.weight();
            match entry {
                Entry::Record { envelope, receipt, state } => {
                    if let Some(receipt) = receipt {
                        group.receipts.add(receipt);
                    }
                    self.receipts -= usize::from(receipt.is_some());
                    group.state = state.or(group.state);
                    items.push(Item::Record(envelope));
                }
                Entry::State(state, number) => {
                    (group.state, group.state_number) = (Some(state), Some(number));
                }
                Entry::Nothing(receipt) => {
                    group.receipts.add(receipt);
                    self.receipts -= 1;
                }
                Entry::Shed(shed) => {
                    if shed.count > 0 {
                        items.push(Item::Gap(shed_gap(naming, &shed)));
                    }
                    group.receipts.merge(&shed.receipts);
                }
            }
            if group.weight >= max {
                break;
            }
        }
        self.weight -= group.weight;
        self.since = (!self.entries.is_empty()).then(clock::instant);
        if let (Some(first), Some(last)) = (items.first(), items.last()) {
            let (first, last) = (first.range().0, last.range().1);
            group.chunk = Some(Chunk { run: naming.run.clone(), first, last, items });
        }
        group
    }
}
