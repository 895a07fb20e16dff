//! What travels from the intake to the thread of a lane, what it weighs, and who waits for it.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Delivered, EngineState, Mark};
use crate::envelope::{Envelope, Position, Receipt};

/// What an entry costs beside its bytes: the struct, its allocations, its place in a queue.
pub(super) const OVERHEAD: usize = 160;

/// What a record weighs in memory, nearly.
pub(super) fn weight(envelope: &Envelope) -> usize {
    envelope.key.len() + envelope.body.len() + OVERHEAD
}

/// To the thread that owns a lane.
pub(super) enum Command {
    /// Enough was offered to wake for.
    Offered,
    /// Nothing more will be offered.
    End,
    /// The reader reads again after this position; what was fed under earlier epochs it throws away.
    Rewind { to: Position, epoch: u64 },
    /// Everything up to here is in Kafka; what was seen to get there.
    Acknowledge { upto: Position, delivered: Option<Delivered> },
    /// The reader has taken what it was fed, so there is room for more.
    Consumed,
}

/// Something to keep, in order of offer.
#[derive(Debug)]
pub(super) enum Entry {
    /// A record, who waits for it, and the engines' state after it (alarms).
    Record { envelope: Envelope, receipt: Option<Receipt>, state: Option<EngineState> },
    /// The engines' state alone, and its number.
    State(EngineState, u64),
    /// A message that left no record.
    Nothing(Receipt),
    /// Records that memory could not hold.
    Shed(Shed),
}

impl Entry {
    /// Whether somebody waits for it; what was shed brings the receipts of many, which close no group.
    pub(super) fn has_receipt(&self) -> bool {
        match self {
            Self::Record { receipt, .. } => receipt.is_some(),
            Self::Nothing(_) => true,
            Self::State(..) | Self::Shed(_) => false,
        }
    }

    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Record { envelope, state, .. } => {
                weight(envelope) + state.as_ref().map_or(0, |it| it.len())
            }
            Self::State(state, _) => OVERHEAD + state.len(),
            Self::Nothing(_) | Self::Shed(_) => OVERHEAD,
        }
    }
}

/// Records that memory could not hold, and who waits for them.
#[derive(Debug, Clone, Default)]
pub(super) struct Shed {
    /// The last record that was taken before: this stands right behind it.
    pub(super) after: u64,
    /// How many are missing: `after + 1 ..= after + count`.
    pub(super) count: u64,
    /// The boot-time clock of the first and the last.
    pub(super) up: Option<(vitals::time::Uptime, vitals::time::Uptime)>,
    /// Who waits.
    pub(super) receipts: Receipts,
}

impl Shed {
    pub(super) fn last(&self) -> u64 {
        self.after + self.count
    }

    pub(super) fn add(&mut self, envelope: &Envelope) {
        self.count = envelope.seq.saturating_sub(self.after);
        self.up = Some((self.up.map_or(envelope.up, |(first, _)| first), envelope.up));
    }

    /// Takes in the one that stands right behind this.
    pub(super) fn append(&mut self, next: &Self) {
        self.count += next.count;
        self.up = match (self.up, next.up) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (one, other) => one.or(other),
        };
        self.receipts.merge(&next.receipts);
    }
}

/// The last receipt of each link among some entries: receipts are released in order, so the last says it all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Receipts(Vec<(usize, Mark)>);

impl Receipts {
    pub(super) fn add(&mut self, receipt: Receipt) {
        self.put(receipt.link, Mark { generation: receipt.generation, ordinal: receipt.ordinal });
    }

    pub(super) fn merge(&mut self, later: &Self) {
        for (link, mark) in &later.0 {
            self.put(*link, *mark);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Mark)> {
        self.0.iter().copied()
    }

    fn put(&mut self, link: usize, mark: Mark) {
        match self.0.iter_mut().find(|(it, _)| *it == link) {
            Some((_, kept)) => *kept = mark.max(*kept),
            None => self.0.push((link, mark)),
        }
    }
}

/// Bytes that are on their way between two threads.
#[derive(Debug, Default)]
pub(super) struct Load(AtomicUsize);

impl Load {
    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn remove(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::AcqRel);
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}
