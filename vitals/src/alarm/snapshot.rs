//! What of the alarms of a bed must survive the process (E34).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::action::Outcome;
use super::apnea::ApneaState;
use super::choice::Choice;
use super::engine::Limits;
use super::event::Direction;
use super::inactive::Inactivations;
use super::limit::LimitState;
use super::score::BedScore;
use super::source::SourceState;
use super::technical::{Key, TechnicalAlarm};
use crate::name::Name;
use crate::reading::Mode;
use crate::time::Uptime;
use crate::vital::Vital;

/// The whole state of one bed's engine at one moment, pending levels included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Uptime,
    pub(super) mode: Mode,
    pub(super) sources: Vec<SourceState>,
    pub(super) choices: Vec<(Vital, Choice)>,
    pub(super) limits: Vec<(Vital, Direction, LimitState)>,
    pub(super) technical: Vec<(Key, TechnicalAlarm)>,
    #[serde(default)]
    pub(super) apneas: Vec<(Vital, ApneaState)>,
    #[serde(default)]
    pub(super) changes: Vec<((Vital, Direction), Limits)>,
    #[serde(default)]
    pub(super) score: BedScore,
    /// The profile that was in force; empty in a snapshot of the first version.
    #[serde(default)]
    pub profile: String,
    #[serde(default)]
    pub(super) inactive: Inactivations,
    #[serde(default)]
    pub(super) stay: Option<Name>,
    #[serde(default)]
    pub(super) answered: Vec<(String, Outcome)>,
}

impl Snapshot {
    /// Whether it holds what a loss of power would lose, as `AlarmEngine::is_worth_keeping`.
    #[must_use]
    pub fn is_worth_keeping(&self) -> bool {
        let limits = self.limits.iter().map(|(.., it)| it.alarm.is_some());
        let apneas = self.apneas.iter().map(|(_, it)| it.alarm.is_some());
        let technical = self.technical.iter().map(|(_, it)| it.alarm.is_some());
        let of_patient = self.stay.is_some() || !self.changes.is_empty() || self.inactive.standby.is_some();
        let said = of_patient || !self.answered.is_empty();
        said || limits.chain(apneas).chain(technical).any(|open| open)
    }
}

/// Whether the machine has started anew since the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boot {
    /// The boot id is that of the snapshot: its times mean the same, and every timer resumes exactly.
    Same,
    /// Another boot: no time of the snapshot means anything on this clock.
    Other,
}

/// How the times of a snapshot stand to those of now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) from: Uptime,
    pub(super) to: Uptime,
    pub(super) boot: Boot,
}

/// How much longer an off lasts after another boot (E34): nobody knows how long the machine was away.
const OFF_AFTER_BOOT_MAX: Duration = Duration::from_secs(30 * 60);

impl Moved {
    pub(super) fn is_same_boot(self) -> bool {
        self.boot == Boot::Same
    }

    /// The end of an off on the clock of now (E34).
    pub(super) fn expiry(self, at: Uptime) -> Uptime {
        match self.boot {
            Boot::Same => at,
            Boot::Other => self.to + at.since(self.from).min(OFF_AFTER_BOOT_MAX),
        }
    }

    /// A time of the snapshot on the clock of now. Of another boot, as if no time had passed between the two.
    pub(super) fn time(self, at: Uptime) -> Uptime {
        match self.boot {
            Boot::Same => at,
            Boot::Other if at < self.from => self.to - self.from.since(at),
            Boot::Other => self.to + at.since(self.from),
        }
    }
}
