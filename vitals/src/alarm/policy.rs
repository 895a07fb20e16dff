//! What the clinician decided: limits, delays, priorities. Parsed once at the edge, then right by type.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::event::{Direction, Level, Priority};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::reading::Mode;
use crate::vital::Vital;

/// Everything the clinician decided for one bed: the profile of its age group, and the overrides of its stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmPolicy {
    /// The profile's name: `adult`, `adolescent`, `child`, `infant` or `neonatal`.
    pub profile: String,
    /// The hash of the whole rule set, hexadecimal, carried in every alarm record.
    pub hash: String,
    /// The limit rules, at most one for each vital and direction.
    pub rules: BTreeMap<(Vital, Direction), LimitRule>,
    /// The apnea rules, each of a respiratory rate.
    pub apnea: BTreeMap<Vital, ApneaRule>,
    /// What holds in place of these rules while one stay lasts, by its token.
    pub of_stays: BTreeMap<Name, StayRules>,
    /// Whether NEWS2 is looked at; of adults alone.
    pub news2: bool,
    /// The technical alarms.
    pub technical: TechnicalPolicy,
    /// Times that all rules share.
    pub timing: Timing,
}

/// The rules of one patient: those of the profile with what differs for this stay over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StayRules {
    /// As [`AlarmPolicy::rules`].
    pub rules: BTreeMap<(Vital, Direction), LimitRule>,
    /// As [`AlarmPolicy::apnea`].
    pub apnea: BTreeMap<Vital, ApneaRule>,
}

/// When a vital beyond a limit is an alarm (E12): one rule has one alarm, whatever its levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRule {
    /// The alarm limit.
    pub limit: LevelRule,
    /// The limit strictly further out, if there is one.
    pub extreme: Option<LevelRule>,
    /// How far inside the limit a value must come to count as in again (E13).
    pub hysteresis: Quantity,
    /// How long values must be in before the alarm clears (E14).
    pub clear_delay: Duration,
    /// How much worse an acknowledged alarm must become to alarm again (E23); `None`: never.
    pub worse_by: Option<Quantity>,
    /// Evaluate only while this vital has had no value for more than 10 s (E33).
    pub fallback_for: Option<Vital>,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelRule {
    /// Compared strictly: `value < limit` or `value > limit`.
    pub limit: Quantity,
    /// How long it must be exceeded.
    pub delay: Duration,
    /// How urgent that is.
    pub priority: Priority,
    /// Whether the signal stays until somebody resets it.
    pub latch: bool,
}

impl AlarmPolicy {
    /// What holds while this stay lasts: the rules of the profile, where it has none of its own.
    #[must_use]
    pub fn in_stay(&self, stay: Option<&Name>) -> Self {
        let mut policy = self.clone();
        if let Some(own) = stay.and_then(|it| self.of_stays.get(it)) {
            policy.rules.clone_from(&own.rules);
            policy.apnea.clone_from(&own.apnea);
        }
        policy
    }

    /// Whether NEWS2 is looked at: it is not made for children.
    #[must_use]
    pub fn scores(&self) -> bool {
        self.news2 && self.profile == "adult"
    }
}

impl LimitRule {
    /// The level's rule, if the rule has that level.
    #[must_use]
    pub fn level(&self, level: Level) -> Option<&LevelRule> {
        match level {
            Level::Limit => Some(&self.limit),
            Level::Extreme => self.extreme.as_ref(),
        }
    }
}

/// When no breath is an alarm (E32).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApneaRule {
    /// How long there must be no breath.
    pub time: Duration,
    /// As [`LimitRule::fallback_for`].
    pub fallback_for: Option<Vital>,
}

/// Times that all rules share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// The shortest G: how long a void or a band may last before a pending alarm is dropped (E14) or a present one
    /// becomes indeterminate (E16). G is the longer of this and two periods of the source.
    pub gap_tolerance: Duration,
    /// How long after its last record an alarm says that it goes on (E21).
    pub continue_every: Duration,
    /// How often an acknowledged alarm reminds (E27).
    pub reminder: Duration,
}

/// The technical alarms (E30).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TechnicalPolicy {
    /// No sensor on the patient.
    pub sensor_off: TechnicalRule,
    /// Any other reason for the absence of a value.
    pub no_value: TechnicalRule,
    /// Silence of a source. Its delay is T of the source, and `delay` here is not used.
    pub no_data: TechnicalRule,
}

/// When the equipment's trouble is an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TechnicalRule {
    /// How long it must last.
    pub delay: Duration,
    /// How urgent it is at first.
    pub priority: Priority,
    /// How long after its start it becomes more urgent, and how urgent.
    pub escalation: Option<(Duration, Priority)>,
    /// How long it must be well before the alarm clears.
    pub clear_delay: Duration,
}

/// What the engine must know of a source before its first word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSetup {
    /// Its name.
    pub source: alloc::sync::Arc<Name>,
    /// How often it says something: never learned (E7).
    pub period: Duration,
    /// Whether its silence becomes a high priority.
    pub critical: bool,
    /// What its configuration says of being live: the mode of its technical alarms before its first word.
    pub mode: Mode,
    /// How often its cuff measures, where somebody said it (E31).
    pub nibp_interval: Option<Duration>,
    /// Whether its oximeter's probe is on the limb of the bed's cuff (E30).
    pub same_limb: bool,
}

impl SourceSetup {
    /// A source of which no more is known: not critical, no cuff of a known interval, the probe on another limb.
    #[must_use]
    pub fn new(source: alloc::sync::Arc<Name>, period: Duration, mode: Mode) -> Self {
        Self { source, period, critical: false, mode, nibp_interval: None, same_limb: false }
    }
}

/// Which source is believed where two give one vital to one bed (E33).
pub type Preference = BTreeMap<Vital, Vec<alloc::sync::Arc<Name>>>;
