//! The words of an alarm, and the one thing the engine says: that an alarm changed, or goes on.

mod code;

use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::quantity::Quantity;
use crate::reading::{Absent, Mode, Quality};
use crate::time::Uptime;

pub use crate::priority::{Direction, Priority};
pub use code::Code;

/// Whose trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The patient's.
    Physiological,
    /// The equipment's.
    Technical,
    /// Something worth knowing.
    Advisory,
}

/// What has happened to an alarm (E20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It was born.
    Start,
    /// Nothing changed; it goes on. Never stored, so it carries no sequence number.
    Continue,
    /// Something other than its priority changed.
    Update,
    /// Its priority rose while present.
    Escalate,
    /// Its priority fell while present.
    DeEscalate,
    /// It ended by itself.
    End,
    /// A person, a discharge or a changed rule ended it.
    Reset,
}

impl Phase {
    /// Whether it is the last word on its alarm.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::End | Self::Reset)
    }
}

/// Whether the reason for the alarm is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It is there.
    Present,
    /// It has gone.
    Clear,
    /// Nobody can tell: there is no value. It never ends by itself from here (E16).
    Indeterminate,
}

/// What the operator perceives. Latching belongs to the signal, never to the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Nothing.
    Off,
    /// The alarm is annunciated.
    On,
    /// The condition has gone and the signal stays until somebody resets it.
    Latched,
    /// Somebody has seen it.
    Acknowledged,
}

/// Which of a rule's two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The alarm limit.
    Limit,
    /// The limit further out.
    Extreme,
}

/// What stands between a condition and its signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inactivation {
    /// Nothing.
    None,
    /// The sound, for a time.
    AudioPaused,
    /// The sound.
    AudioOff,
    /// Sound and light, for a time.
    AlarmPaused,
    /// Sound and light.
    AlarmOff,
}

/// One alarm's number for ever: the run (one life of the process) it was born in, and a count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlarmId {
    /// The run it was born in.
    pub run: Arc<str>,
    /// Its number in that run.
    pub number: u64,
}

impl AlarmId {
    /// Of an alarm that nobody has heard of yet: no run has a number 0.
    pub(super) fn unissued() -> Self {
        Self { run: "".into(), number: 0 }
    }

    /// Reads the id that records of this agent carry; `None` also for another's.
    #[must_use]
    pub fn parse_of(text: &str, agent: &str) -> Option<Self> {
        let is_ours = text.strip_prefix(agent).is_some_and(|it| it.starts_with('/'));
        Self::parse(text).filter(|_| is_ours)
    }

    /// Reads the id that records carry, `agent/run/n`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, number) = text.rsplit_once('/')?;
        let (agent, run) = rest.split_once('/')?;
        let number = number.parse().ok()?;
        (!agent.is_empty() && !run.is_empty() && !run.contains('/')).then(|| Self { run: run.into(), number })
    }
}

/// Numbers the alarms of one run, across all beds.
#[derive(Debug, Clone)]
pub struct AlarmIds {
    run: Arc<str>,
    last: u64,
}

impl AlarmIds {
    /// The numbers of a run that has had no alarm yet.
    #[must_use]
    pub fn new(run: Arc<str>) -> Self {
        Self { run, last: 0 }
    }

    /// The next number, counted from 1.
    pub fn issue(&mut self) -> AlarmId {
        self.last = self.last.saturating_add(1);
        AlarmId { run: Arc::clone(&self.run), number: self.last }
    }
}

/// That an alarm changed, or goes on: the whole state of the alarm after the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmEvent {
    /// The moment of the change: the deadline's own time where a timer caused it (E2).
    pub at: Uptime,
    /// Whose alarm it is for its whole life.
    pub id: AlarmId,
    /// Counts its changes, from 1. A `continue` changes nothing and repeats the last number.
    pub revision: u32,
    /// What happened.
    pub phase: Phase,
    /// Whose trouble it is.
    pub kind: Kind,
    /// Which alarm it is.
    pub code: Code,
    /// The source, for technical alarms and where one source gave the value.
    pub source: Option<Arc<Name>>,
    /// The level that gives its priority, for limit alarms; kept from its becoming present (E20).
    pub level: Option<Level>,
    /// How urgent.
    pub priority: Priority,
    /// How urgent before this change, where that changed.
    pub previous_priority: Option<Priority>,
    /// The most urgent it has been.
    pub peak_priority: Priority,
    /// Whether the reason is there.
    pub condition: Condition,
    /// What the operator perceives.
    pub signal: Signal,
    /// Whether a level reached in this life latches.
    pub latching: bool,
    /// What stands between condition and signal.
    pub inactivation: Inactivation,
    /// Until when it stands there.
    pub until: Option<Uptime>,
    /// The newest value of its vital, while it is in force.
    pub value: Option<SampledValue>,
    /// Why there is no value, where there is none.
    pub absent: Option<Absent>,
    /// What the device said of the value's quality.
    pub quality: Quality,
    /// The value furthest out in this life.
    pub worst: Option<Quantity>,
    /// The limit of the level.
    pub limit: Option<Quantity>,
    /// The lower alarm limit in force, level `limit`.
    pub low: Option<Quantity>,
    /// The upper alarm limit in force, level `limit`.
    pub high: Option<Quantity>,
    /// When the value first went beyond the limit of the level.
    pub onset_at: Uptime,
    /// When the level became present.
    pub decided_at: Uptime,
    /// When the alarm ended, in its last record.
    pub ended_at: Option<Uptime>,
    /// From `onset_at` to `decided_at`.
    pub condition_delay: Duration,
    /// Who acknowledged it, and when.
    pub acknowledged: Option<Acknowledgement>,
    /// Why: `worse` (E23), or the operator's words.
    pub reason: Option<String>,
    /// 0; 1 and 2 for a high alarm that nobody acknowledges (E23a).
    pub escalation_level: u8,
    /// For a technical alarm, what brought it about (`late`, the link's name).
    pub cause: Option<String>,
    /// Whether it reminds of an acknowledged alarm (E27).
    pub reminder: bool,
    /// Whether it tells of an alarm kept over a restart (E35).
    pub restarted: bool,
    /// The least live mode of the data behind it.
    pub mode: Mode,
    /// One line for a person, where the alarm has more to say than its fields (E11).
    pub text: Option<String>,
}

/// A value with the time of its sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampledValue {
    /// The value.
    pub value: Quantity,
    /// When it was sampled.
    pub at: Uptime,
}

/// That somebody has seen an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// An opaque name of the person or the board.
    pub by: String,
    /// When.
    pub at: Uptime,
}
