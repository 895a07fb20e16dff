//! What is in force, as a screen that starts late must know it: pauses, offs, standby, limits.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::AlarmEngine;
use crate::alarm::event::Code;
use crate::alarm::inactive::Until;
use crate::alarm::limit::RuleOff;
use crate::quantity::Quantity;
use crate::time::Uptime;

/// Something of a bed that makes no signal, or less (E25, E26, E28).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inactive {
    /// What.
    pub what: Inactivity,
    /// The rule; none for the bed as a whole.
    pub rule: Option<Code>,
    /// Who wanted it.
    pub by: String,
    /// In whose words why.
    pub reason: Option<String>,
    /// Until when; standby lasts until somebody ends it, or signs of life do.
    pub until: Option<Uptime>,
}

/// What is inactive. An audio pause is a mark on each alarm it covers, and stands in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inactivity {
    /// Nobody lies in the bed.
    Standby,
    /// Neither sound nor light of the patient's alarms but the extreme.
    AlarmPaused,
    /// No sound but of high priority.
    AudioOff,
    /// The rule is not evaluated; its extreme is.
    AlarmOff,
    /// The rule is not evaluated, its extreme neither.
    AlarmAndExtremeOff,
}

/// The limits of a rule that are in force (E29).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsInForce {
    /// The rule.
    pub rule: Code,
    /// The alarm limit.
    pub limit: Quantity,
    /// The limit further out, where the rule has one.
    pub extreme: Option<Quantity>,
    /// Whether an operator set them for this stay.
    pub changed: bool,
}

impl AlarmEngine {
    /// What makes no signal now, or less: the bed as a whole first.
    #[must_use]
    pub fn inactive(&self) -> Vec<Inactive> {
        let mut all = Vec::new();
        all.extend(self.inactive.standby.as_ref().map(|it| Inactive {
            what: Inactivity::Standby,
            rule: None,
            by: it.by.clone(),
            reason: it.reason.clone(),
            until: None,
        }));
        let whole = |what, until: &Until| inactive(what, None, until);
        all.extend(self.inactive.alarm_paused.as_ref().map(|it| whole(Inactivity::AlarmPaused, it)));
        all.extend(self.inactive.audio_off.as_ref().map(|it| whole(Inactivity::AudioOff, it)));
        let limits = self.limits.iter().filter_map(|it| it.off().map(|off| of_rule(it.code(), off)));
        let apneas = self.apneas.iter().filter_map(|it| it.off().map(|off| of_rule(it.code(), off)));
        all.extend(limits.chain(apneas));
        all
    }

    /// The limits in force, in the order of the table of vitals.
    pub fn limits_in_force(&self) -> impl Iterator<Item = LimitsInForce> {
        self.policy.rules.iter().map(|(key, rule)| LimitsInForce {
            rule: Code::Limit(key.0, key.1),
            limit: rule.limit.limit,
            extreme: rule.extreme.as_ref().map(|it| it.limit),
            changed: self.changes.contains_key(key),
        })
    }
}

fn of_rule(rule: Code, off: &RuleOff) -> Inactive {
    let what = if off.include_extreme { Inactivity::AlarmAndExtremeOff } else { Inactivity::AlarmOff };
    inactive(what, Some(rule), &off.until)
}

fn inactive(what: Inactivity, rule: Option<Code>, until: &Until) -> Inactive {
    let (by, reason) = (until.by.clone(), until.reason.clone());
    Inactive { what, rule, by, reason, until: Some(until.at) }
}
