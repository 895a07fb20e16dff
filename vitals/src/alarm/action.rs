//! What an operator may do to alarms, and what is answered (E24 to E29).

use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{AlarmId, Code, Direction, Priority};
use super::score::Observed;
use super::snapshot::Boot;
use crate::name::Name;
use crate::quantity::Quantity;
use crate::time::Uptime;
use crate::vital::Vital;

/// The longest audio pause.
pub const AUDIO_PAUSED_MAX: Duration = Duration::from_secs(120);
/// The longest pause of all alarms: clinical judgement.
pub const ALARM_PAUSED_MAX: Duration = Duration::from_secs(180);
/// The longest time without sound, or without a rule, a shift: clinical judgement.
pub const OFF_MAX: Duration = Duration::from_secs(8 * 3600);

/// Something an operator did at a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The action's own id, by which a repeated one is recognised.
    pub id: String,
    /// An opaque name of the person or the board.
    pub actor: String,
    /// What the person is in this hospital.
    pub role: Role,
    /// The stay that the operator's screen showed; `None` where it showed none.
    pub stay: Option<Name>,
    /// How new the operator's screen was; `None` where the agent itself acts.
    pub seen: Option<Seen>,
    /// What was done.
    pub request: Request,
}

/// What a person is in the hospital: who may switch off what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Cares for the patient.
    Nurse,
    /// Decides of the patient.
    Physician,
    /// Cares for the equipment.
    Technician,
}

/// The newest that an operator's screen had of the bed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The bed's newest `up_ms`.
    pub at: Uptime,
    /// Whether that is of this boot.
    pub boot: Boot,
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
    /// No sound of the alarms of now.
    AudioPaused {
        /// At most [`AUDIO_PAUSED_MAX`]; 0 ends it.
        duration: Duration,
    },
    /// No sound of any alarm but of high priority.
    AudioOff {
        /// At most [`OFF_MAX`]; 0 ends it.
        duration: Duration,
        /// The operator's words.
        reason: String,
    },
    /// Neither sound nor light of the patient's alarms but the extreme.
    AlarmPaused {
        /// At most [`ALARM_PAUSED_MAX`]; 0 ends it.
        duration: Duration,
    },
    /// A rule is not evaluated.
    AlarmOff {
        /// Which rule; [`Code::Apnea`] of any vital means every apnea rule.
        rule: Code,
        /// Its extreme too.
        include_extreme: bool,
        /// At most [`OFF_MAX`]; 0 ends it.
        duration: Duration,
        /// The operator's words.
        reason: String,
    },
    /// "The patient is away."
    Standby {
        /// The operator's words.
        reason: String,
    },
    /// "The patient is back."
    Resume,
    /// "The patient has gone for good."
    Discharge {
        /// The operator's words.
        reason: String,
    },
    /// "This patient lies here now."
    Admit {
        /// The opaque token of the stay.
        stay: Name,
    },
    /// "I saw this of the patient."
    Observe(Observed),
    /// "These are the patient's limits."
    Limits {
        /// Of which rule.
        vital: Vital,
        /// On which side.
        direction: Direction,
        /// The alarm limit.
        limit: Quantity,
        /// The limit further out; `None`: as the file says.
        extreme: Option<Quantity>,
        /// The operator's words.
        reason: String,
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
    /// Its condition is present: it can be acknowledged, not reset, and not switched off.
    Present,
    /// It has become more urgent than the operator's screen showed.
    Changed,
    /// The operator's screen was more than 60 s behind, or of another boot.
    Stale,
    /// The operator's screen showed another patient's stay.
    OtherStay,
    /// This role may not, or nobody may.
    NotAllowed,
    /// Longer than anybody may ask for.
    TooLong,
    /// The bed has no such rule.
    NoSuchRule,
    /// No alarm is on or latched.
    NothingToPause,
    /// Limits that no file of rules could have either.
    NotSensible,
}
