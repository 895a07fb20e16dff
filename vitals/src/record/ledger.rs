//! What proves completeness: `vitals.ledger.v1` (runs and gaps) and `vitals.cursors.v1` (how far).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::time::{ClockQuality, Timestamp, Uptime};

/// The topic of ledger records.
pub const LEDGER: &str = "vitals.ledger.v1";
/// The topic of cursors, compacted.
pub const CURSORS: &str = "vitals.cursors.v1";

/// Which of the two lanes a record travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// Readings.
    #[serde(rename = "r")]
    Readings,
    /// Alarms.
    #[serde(rename = "a")]
    Alarms,
}

impl Lane {
    /// The letter of the lane in record ids.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Readings => 'r',
            Self::Alarms => 'a',
        }
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LedgerRecord {
    /// Records that will never come, and why: loss is an event.
    Gap(Gap),
    /// A run began.
    Run(Run),
    /// The wall clock was found, lost or set.
    Clock(Clock),
}

/// Records that will never come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Always [`LEDGER`].
    pub schema: String,
    /// The agent.
    pub agent: String,
    /// The run the records belonged to.
    pub run: String,
    /// The lane.
    pub lane: Lane,
    /// The first that is missing.
    pub first_seq: u64,
    /// The last that is missing.
    pub last_seq: u64,
    /// How many.
    pub count: u64,
    /// The boot-time clock of the first, where known, ms.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from_up_ms: Option<Uptime>,
    /// The boot-time clock of the last, where known, ms.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to_up_ms: Option<Uptime>,
    /// Why.
    pub reason: GapReason,
    /// The sources concerned, where known.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub sources: Vec<String>,
}

/// Why records will never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The buffer was full: the oldest readings made room.
    BufferFull,
    /// The store did not take them in time, and memory could not hold them.
    StoreStalled,
    /// The store was damaged.
    StoreDamaged,
    /// Kafka refuses this record for ever.
    Refused,
    /// It is in the Kafka cluster that the agent sent to before: this one will never get it.
    OtherCluster,
    /// Changes of an alarm that is over, between its start and its end: the room for alarms was full, and what counts is
    /// in its last record.
    Merged,
}

/// That a run began, and what came before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Always [`LEDGER`].
    pub schema: String,
    /// The agent.
    pub agent: String,
    /// The run that begins.
    pub run: String,
    /// The run before it, where the store knows one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<String>,
    /// The last reading of that run that became durable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous_last_reading: Option<u64>,
    /// The last alarm record of that run that became durable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous_last_alarm: Option<u64>,
    /// When it began, on the wall clock.
    pub started_at: Timestamp,
    /// How far that clock can be believed.
    pub clock: ClockQuality,
}

/// How the boot-time clock and the wall clock stand to each other: at the start of a run, and again whenever the wall
/// clock was found, lost or set.
///
/// The newest one of a boot corrects all records of that boot: the true time of what carries `up_ms` is `boot_at` and
/// `up_ms` together, however wrong the wall clock was when it was written. Records are never rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Always [`LEDGER`].
    pub schema: String,
    /// The agent.
    pub agent: String,
    /// The run; its part before the dash names the boot.
    pub run: String,
    /// The boot-time clock when this was found, ms.
    pub up_ms: Uptime,
    /// When the boot-time clock stood at zero, on the wall clock as it is now.
    pub boot_at: Timestamp,
    /// How far the wall clock can be believed.
    pub clock: ClockQuality,
}

/// Up to where an agent's records of a lane are in Kafka: everything of earlier runs, and of `run` up to `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Always [`CURSORS`].
    pub schema: String,
    /// The agent.
    pub agent: String,
    /// The lane.
    pub lane: Lane,
    /// The run.
    pub run: String,
    /// The last sequence number that is in Kafka.
    pub seq: u64,
    /// The run that moved it, which the ledger knows; left out where the lane is not told of in the ledger.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub announced: Option<String>,
}
