//! What an operator may do to alarms, and what is answered (E24).

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::event::{AlarmId, Priority};
use crate::time::Uptime;

/// Something an operator did at a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The action's own id, by which a repeated one is recognised.
    pub id: String,
    /// An opaque name of the person or the board.
    pub actor: String,
    /// The newest `up_ms` of the bed that the operator's screen had; `None` where the agent itself acts.
    pub seen_at: Option<Uptime>,
    /// What was done.
    pub request: Request,
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// "I have seen this alarm."
    Acknowledge {
        /// Which alarm.
        alarm: AlarmId,
        /// The priority it had on the operator's screen.
        seen_priority: Priority,
    },
    /// "Let this alarm's signal go."
    Reset {
        /// Which alarm; `None`: every alarm of the bed that can be reset.
        alarm: Option<AlarmId>,
        /// The operator's words.
        reason: Option<String>,
    },
}

/// The answer to an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done, or already so.
    Accepted,
    /// Not done, and why.
    Refused(Refusal),
    /// An action of this id came before; this was its outcome.
    Duplicate(Option<Refusal>),
}

/// Why an action is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no open alarm of that id on this bed.
    NoSuchAlarm,
    /// Its condition is present: it can be acknowledged, not reset.
    Present,
    /// It has become more urgent than the operator's screen showed.
    Changed,
    /// The operator's screen was more than 60 s behind.
    Stale,
}
