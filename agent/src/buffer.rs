//! The durable queue between bedside and Kafka: what it promises, and who may do what with it.
//!
//! Two lanes of one type, readings and alarms, each with a thread that owns it. Bedside offers ([`Intake`]), the
//! forwarder reads and acknowledges ([`LaneReader`]), and neither ever waits for the disk. A record is durable when
//! `fdatasync` has returned; only then is its receipt released and only then can a reader see it.
//!
//! ```text
//! DIR/lock                      flock: one agent at a time
//! DIR/format                    the number of the format, see `docs/storage-format.md`
//! DIR/readings/<ordinal>/       a generation: a small sled store, `born` and, when it will grow no more, `seal`
//! DIR/readings/<ordinal>.gap    what stands where a generation was that made room
//! DIR/alarms/<ordinal>/         the same, with the engines' state and the manifest
//! DIR/quarantine/               stores that did not open
//! DIR/reserve                   room that is given back when the disk is full
//! ```
//!
//! Only `generation` names sled.

mod account;
mod carve;
mod codec;
mod disk;
mod durable;
mod entry;
mod facts;
mod feed;
mod format;
mod found;
mod frame;
mod generation;
mod group;
mod history;
pub mod inspect;
mod intake;
mod memory;
mod offers;
mod open;
mod outage;
mod pack;
mod progress;
mod quarantine;
mod reader;
mod records;
mod repack;
mod rescue;
mod room;
mod sample;
mod through;
mod writer;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod kill_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod repack_tests;
#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod store_tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vitals::record::alarm::WallClock;
use vitals::record::ledger::Gap;

pub use self::account::Delivered;
pub use self::found::{Found, Remark, can_open};
pub use self::history::{Began, Past, Previous};
pub use self::intake::Intake;
pub use self::open::{OpenError, Opened, is_in_use, open};
pub use self::outage::{OUTAGE_MAX, Outage, foretold};
pub use self::progress::{LaneProgress, Progress, StoreState};
pub use self::reader::{LaneReader, ReadError, Waited};
use crate::config::WhenFull;
use crate::envelope::{Envelope, RunId};

/// The smallest bound on disk: below it a generation would hardly hold a group.
pub const SIZE_MIN: u64 = 64 << 20;
/// The bound on disk where the configuration names none.
pub const SIZE_DEFAULT: u64 = 2 << 30;

/// Where and how to keep records.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The store's directory; made if missing.
    pub dir: PathBuf,
    /// A directory in memory that outlives the process, where it is said how far the store is durable; `None`: a damage at
    /// the end of a killed run is not noticed.
    pub run_dir: Option<PathBuf>,
    /// The agent's id, for gap records.
    pub agent: String,
    /// This life of the process.
    pub run: RunId,
    /// When it began.
    pub started: WallClock,
    /// Bytes on disk, counted in blocks, of both lanes; at least [`SIZE_MIN`].
    pub size: u64,
    /// What happens when the readings have used up their part (7/8) of it.
    pub when_full: WhenFull,
    /// A reading waits at most this long for its group.
    pub commit_every: Duration,
    /// How many MQTT links may wait for receipts.
    pub links: usize,
    /// Stay without a store: it failed twice within ten minutes.
    pub memory_only: bool,
    /// What tells one stored reading from another, of its body: what a broker may send again is known by it.
    pub identify: Identify,
}

/// A body's identity; `None` where it has none.
pub type Identify = fn(&[u8]) -> Option<u64>;

/// Up to where the receipts of a link may be acknowledged.
///
/// Every one up to here has its record durable, or left no record, or is covered by a durable gap; in memory only, it
/// is in Kafka. Marks move in the order of offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// How many times the link had been connected.
    pub generation: u64,
    /// The last message included, from 1; 0 before the first.
    pub ordinal: u64,
}

/// Consecutive items of one run and lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The run.
    pub run: RunId,
    /// The first sequence number covered, by a record or a gap.
    pub first: u64,
    /// The last sequence number covered.
    pub last: u64,
    /// Records and gaps, in order of sequence.
    pub items: Vec<Item>,
}

/// One thing to forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A record.
    Record(Envelope),
    /// Records that will never come.
    Gap(Gap),
}

/// The engines' whole state, encoded by their owner.
pub(crate) type EngineState = Arc<[u8]>;

impl Chunk {
    /// Bytes it takes in memory, nearly: what bounds are counted in.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.items.iter().map(Item::weight).sum()
    }
}

impl Chunk {
    /// What of it lies behind this sequence number.
    pub(crate) fn after(mut self, seq: u64) -> Self {
        self.items.retain(|item| item.range().1 > seq);
        if let Some(Item::Gap(gap)) = self.items.first_mut() {
            if gap.first_seq <= seq {
                gap.first_seq = seq + 1;
                gap.count = gap.last_seq - seq;
                gap.from_up_ms = None;
            }
        }
        self.first = self.first.max(seq + 1);
        self
    }
}

impl Item {
    fn weight(&self) -> usize {
        match self {
            Self::Record(envelope) => entry::weight(envelope),
            Self::Gap(_) => entry::OVERHEAD,
        }
    }

    /// The sequence numbers it covers.
    #[must_use]
    pub fn range(&self) -> (u64, u64) {
        match self {
            Self::Record(envelope) => (envelope.seq, envelope.seq),
            Self::Gap(gap) => (gap.first_seq, gap.last_seq),
        }
    }
}
