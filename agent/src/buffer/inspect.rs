//! What a store holds, read from its files alone: nothing is written, sled opens nothing, no lock is taken.
//!
//! Frames are found by their own marks and sums, as after damage, so that a store at work, a stopped one, a damaged one
//! and what was set aside are all read the same way. Of a store at work, what is not durable yet does not count.

mod contents;
mod done;
mod lane;
mod ranges;
mod shape;

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use vitals::record::ledger::{GapReason, Lane, LedgerRecord};
use vitals::time::Uptime;

use self::lane::LaneLook;
pub use self::ranges::Ranges;
use self::shape::Shape;
use super::progress::{Progress, StoreState};
use crate::envelope::Position;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What each stretch says of itself; only what was never sealed is read.
    Facts,
    /// Every frame is read and checked.
    Frames,
    /// Every record is shown.
    Records,
}

/// What is asked of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// How closely.
    pub depth: Depth,
    /// Which lane; `None`: both.
    pub lane: Option<Lane>,
    /// Only what is not known to be in Kafka.
    pub pending: bool,
    /// Of records, only those with a number from one to the other, of whatever run; stretches without any are passed over.
    pub within: Option<(u64, u64)>,
}

impl Ask {
    /// The records of a lane; `within`: from one number to another.
    #[must_use]
    pub const fn records(lane: Lane, within: Option<(u64, u64)>) -> Self {
        Self { depth: Depth::Records, lane: Some(lane), pending: false, within }
    }
}

/// What is found, in order: the store, the stretches of each lane with their records before them, what is set aside, the
/// end. Without an end the look was broken off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Where, and whether somebody works there.
    Store(Store),
    /// A generation, or what stands in its place.
    Stretch(Stretch),
    /// A record's body, as it is sent.
    Record(Box<RawValue>),
    /// Records that will never come, or cannot be read: a line of the ledger.
    Gap(LedgerRecord),
    /// Something that was set aside.
    Aside(Aside),
    /// How far the look has come.
    Progress(Share),
    /// Why nothing more can be looked at.
    Failed(String),
    /// All was looked at.
    End,
}

/// The store that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Its directory.
    pub dir: PathBuf,
    /// The run that works on it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<String>,
}

/// Part of a whole, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Looked at.
    pub done: u64,
    /// In all.
    pub total: u64,
}

/// What a stretch of a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A generation that will grow no more.
    Sealed,
    /// A generation that is written to, or was when its run was killed.
    Open,
    /// A gap's file in the place of a generation.
    Gap,
    /// Nothing: numbers between two stretches of one run.
    Missing,
}

/// A stretch of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The lane.
    pub lane: Lane,
    /// Its name in the lane's directory; empty for what is missing.
    pub name: String,
    /// What it is.
    pub form: Form,
    /// The run whose numbers these are.
    pub run: String,
    /// The first number.
    pub first: u64,
    /// The last number; `first - 1` for an empty one.
    pub last: u64,
    /// Records in it.
    pub records: u64,
    /// Records in it that are not known to be in Kafka.
    pub pending: u64,
    /// Blocks on disk, bytes.
    pub bytes: u64,
    /// Whole frames of records and gaps that were read; none if it was not read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frames: Option<u64>,
    /// The boot-time clock of its first record, ms, where a seal says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from_up_ms: Option<Uptime>,
    /// The boot-time clock of its last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to_up_ms: Option<Uptime>,
    /// Why there is a gap.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<GapReason>,
    /// Numbers that nothing readable covers: damage.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub holes: Vec<(u64, u64)>,
    /// Numbers before the very last frames of a run that did not end in order: most likely of the batch that was being
    /// written, of which nobody was told that it is durable.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unfinished: Vec<(u64, u64)>,
    /// What else is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<String>,
}

/// What was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// Its name under `quarantine`.
    pub name: String,
    /// Blocks on disk, bytes.
    pub bytes: u64,
    /// Records that can be read in it; none if it was not read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub records: Option<u64>,
}

/// How far the agent that works on a store has come.
#[derive(Debug, Clone)]
pub struct Live {
    progress: Progress,
}

impl Live {
    /// What the store says of itself; `None` if it does not work on a disk.
    #[must_use]
    pub fn new(progress: &Progress) -> Option<Self> {
        (progress.state != StoreState::Memory).then(|| Self { progress: progress.clone() })
    }

    fn of(&self, lane: Lane) -> (&Position, &Position) {
        let lane = match lane {
            Lane::Readings => &self.progress.readings,
            Lane::Alarms => &self.progress.alarms,
        };
        (&lane.durable, &lane.acknowledged)
    }
}

/// Why nothing can be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The directory cannot be read.
    #[error("cannot read the store in {path}: name its directory, and ask as root or as the agent's user")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "{path} holds nothing of a store: name the store itself (state_dir/store), a lane, a generation, or what was set aside"
    )]
    NotAStore {
        /// Which.
        path: PathBuf,
    },
}

/// Looks at a directory: a store, one of its lanes or generations, or what was set aside.
///
/// `sink` gets each finding, and breaks the look off when it breaks.
pub fn inspect(
    dir: &Path,
    ask: Ask,
    live: Option<&Live>,
    sink: &mut dyn FnMut(Finding) -> ControlFlow<()>,
) -> Result<(), InspectError> {
    let shape = Shape::of(dir)?;
    let run = live.map(|it| it.progress.readings.durable.run.to_string());
    let mut look = Look { ask, sink, done: 0, total: 0 };
    // What was broken off has nobody left to tell.
    let _ = look.run(Store { dir: dir.to_owned(), run }, &shape, live);
    Ok(())
}

/// A look at a store, and whom it tells.
struct Look<'a> {
    ask: Ask,
    sink: &'a mut dyn FnMut(Finding) -> ControlFlow<()>,
    done: u64,
    total: u64,
}

impl Look<'_> {
    fn run(&mut self, store: Store, shape: &Shape, live: Option<&Live>) -> ControlFlow<()> {
        (self.sink)(Finding::Store(store))?;
        let lanes = shape.lanes.iter().filter(|it| self.ask.lane.is_none_or(|lane| lane == it.lane));
        let lanes: Vec<LaneLook<'_>> =
            lanes.map(|it| LaneLook::new(it, live.map(|live| live.of(it.lane)))).collect();
        let aside = if self.ask.depth == Depth::Records { &[] } else { &shape.aside[..] };
        self.total = lanes.iter().map(|it| it.bytes_to_read(self.ask.depth)).sum();
        if self.ask.depth == Depth::Frames {
            self.total += aside.iter().map(|it| shape::bytes_of(it)).sum::<u64>();
        }
        for lane in lanes {
            lane.run(self)?;
        }
        for path in aside {
            self.look_aside(path)?;
        }
        (self.sink)(Finding::End)
    }

    fn look_aside(&mut self, path: &Path) -> ControlFlow<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut records = None;
        if self.ask.depth == Depth::Frames {
            let mut sum = 0;
            for generation in Shape::of(path).iter().flat_map(|it| &it.lanes).flat_map(|it| &it.stretches) {
                sum += contents::Contents::read(&generation.path, self)?.records(u64::MAX);
            }
            records = Some(sum);
        }
        (self.sink)(Finding::Aside(Aside { name, bytes: super::generation::blocks(path), records }))
    }

    /// So much more was read.
    fn advance(&mut self, bytes: u64) -> ControlFlow<()> {
        self.done += bytes;
        self.total = self.total.max(self.done);
        (self.sink)(Finding::Progress(Share { done: self.done, total: self.total }))
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depth = match self.depth {
            Depth::Facts => "facts",
            Depth::Frames => "frames",
            Depth::Records => "records",
        };
        let lane = match self.lane {
            None => "",
            Some(Lane::Readings) => "-readings",
            Some(Lane::Alarms) => "-alarms",
        };
        write!(f, "{depth}{lane}{}", if self.pending { "-pending" } else { "" })?;
        self.within.map_or(Ok(()), |(first, last)| write!(f, "-{first}-{last}"))
    }
}

impl FromStr for Ask {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (text, within) = within(text);
        let lanes = [None, Some(Lane::Readings), Some(Lane::Alarms)];
        let asks = [Depth::Facts, Depth::Frames, Depth::Records].into_iter().flat_map(|depth| {
            lanes.into_iter().flat_map(move |lane| {
                [false, true].into_iter().map(move |pending| Self { depth, lane, pending, within: None })
            })
        });
        let ask = asks.into_iter().find(|it| it.to_string() == text).ok_or(())?;
        Ok(Self { within, ..ask })
    }
}

/// The numbers at the end of a question, and the question without them.
fn within(text: &str) -> (&str, Option<(u64, u64)>) {
    let numbers = || {
        let (rest, last) = text.rsplit_once('-')?;
        let (rest, first) = rest.rsplit_once('-')?;
        Some((rest, (first.parse().ok()?, last.parse().ok()?)))
    };
    numbers().map_or((text, None), |(rest, range)| (rest, Some(range)))
}

#[cfg(test)]
mod tests;
