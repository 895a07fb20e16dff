//! Apnea: no breath for too long, by the rate or by the device's own word (E32).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{Code, Priority};
use super::gate::Gate;
use super::level::{self, Input, LevelState};
use super::limit::RuleOff;
use super::object::{Alarm, Finding, Standing};
use super::policy::ApneaRule;
use super::snapshot::{Boot, Moved};
use crate::quantity::Quantity;
use crate::time::Uptime;
use crate::vital::Vital;

/// One apnea rule of a bed at work.
#[derive(Debug, Clone)]
pub(super) struct ApneaAlarm {
    pub(super) vital: Vital,
    pub(super) rule: ApneaRule,
    pub(super) state: ApneaState,
}

/// What it has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ApneaState {
    level: LevelState,
    breath: Breath,
    /// The newest value in force is 0.
    zero: bool,
    /// A device says itself that the patient does not breathe.
    flagged: bool,
    indeterminate_at: Option<Uptime>,
    pub(super) indeterminate: bool,
    gate: Gate,
    off: Option<RuleOff>,
    /// Since when nothing but what was known before a restart has been heard.
    kept: Option<Uptime>,
    pub(super) alarm: Option<Alarm>,
}

/// How long there has been no breath.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Breath {
    /// Nobody knows.
    Unknown,
    /// Since the last breath, or the first 0; it will have been too long at `due`.
    Running { since: Uptime, due: Uptime },
    /// Without a value the time stands still, and is forgotten at `expires`.
    Frozen { since: Uptime, left: Duration, expires: Uptime },
}

impl ApneaAlarm {
    pub(super) fn new(vital: Vital, rule: &ApneaRule, now: Uptime) -> Self {
        let gate = rule.fallback_for.map_or(Gate::Open, |_| Gate::Shut.take(now, true));
        let state = ApneaState {
            level: LevelState::Clear,
            breath: Breath::Unknown,
            zero: false,
            flagged: false,
            indeterminate_at: None,
            indeterminate: false,
            gate,
            off: None,
            kept: None,
            alarm: None,
        };
        Self { vital, rule: rule.clone(), state }
    }

    pub(super) fn code(&self) -> Code {
        Code::Apnea(self.vital)
    }

    /// Takes what the rate has to say now; G is that of the source that says it.
    ///
    /// `sampled`: when it was said, which may be before now.
    pub(super) fn take(&mut self, now: Uptime, sampled: Uptime, input: Input, gap: Duration) {
        if self.state.level.is_present() && self.state.kept.is_some_and(|at| sampled < at) {
            return;
        }
        // That there is no value is no word that it waits for.
        if input != Input::Void || !self.state.level.is_present() {
            self.state.kept = None;
        }
        if self.state.off.is_some() || self.is_gated() {
            self.state.breath = Breath::Unknown;
            self.state.zero = false;
            return;
        }
        let time = self.rule.time;
        let it = &mut self.state;
        match input {
            Input::Value(Quantity::ZERO) | Input::UnderRange => {
                it.zero = true;
                it.breath = it.breath.run(now, time);
                it.forget_void();
                self.mature(now);
            }
            Input::Value(_) | Input::OverRange => {
                it.zero = false;
                // The same breath looked at again begins nothing anew: a stall has moved its time.
                if !it.breath.is_since(sampled) {
                    it.breath = Breath::Running { since: sampled, due: sampled + time };
                }
                it.forget_void();
                if !it.flagged {
                    it.level = LevelState::Clear;
                }
            }
            Input::Void => {
                it.zero = false;
                it.breath = it.breath.freeze(now, gap);
                if it.level.is_present() && !it.indeterminate && !it.flagged {
                    it.indeterminate_at = level::tolerated(it.indeterminate_at, now, gap);
                }
            }
        }
    }

    /// Takes whether a device says that the patient does not breathe, and what the rate has to say now.
    pub(super) fn take_flag(&mut self, now: Uptime, flagged: bool, input: Input, gap: Duration) {
        if self.state.off.is_some() || flagged == self.state.flagged {
            return;
        }
        self.state.flagged = flagged;
        if flagged {
            self.state.forget_void();
            let onset = match self.state.breath {
                Breath::Running { since, .. } if self.state.zero => since,
                Breath::Running { .. } | Breath::Frozen { .. } | Breath::Unknown => now,
            };
            self.state.level.nest(now, onset);
            return;
        }
        match input {
            Input::Value(Quantity::ZERO) | Input::UnderRange => {}
            Input::Value(_) | Input::OverRange => self.state.level = LevelState::Clear,
            // Nobody knows any more, from now on.
            Input::Void if self.state.level.is_present() => self.state.indeterminate_at = Some(now + gap),
            Input::Void => {}
        }
    }

    /// No source is there that said so: what is present is ended by the next breath.
    pub(super) fn forget_flag(&mut self) {
        self.state.flagged = false;
    }

    /// A device has said it now, and not only before a restart: what waited for a word knows (E35).
    pub(super) fn confirm_flag(&mut self) {
        if self.state.flagged {
            self.state.kept = None;
            self.state.forget_void();
        }
    }

    /// Becomes present if there has been no breath for too long (the first class of E3).
    pub(super) fn mature(&mut self, now: Uptime) {
        match self.state.breath {
            Breath::Running { since, due } if self.state.zero && due <= now => {
                self.state.level.nest(now, since);
            }
            Breath::Running { .. } | Breath::Frozen { .. } | Breath::Unknown => {}
        }
    }

    /// What has been without a value for G (the third class of E3).
    pub(super) fn expire(&mut self, now: Uptime) {
        if matches!(self.state.breath, Breath::Frozen { expires, .. } if expires <= now) {
            self.state.breath = Breath::Unknown;
        }
        if self.state.indeterminate_at.is_some_and(|at| at <= now) {
            self.state.indeterminate_at = None;
            self.state.indeterminate = true;
        }
    }

    /// Takes whether a vital has no value. Whether it is one that this falls back for, and evaluated no more since it has one.
    pub(super) fn fall_back(&mut self, now: Uptime, vital: Vital, void: bool) -> bool {
        self.rule.fallback_for == Some(vital) && self.state.gate.notice(now, void)
    }

    /// Opens the gate if it is due. Whether it did.
    pub(super) fn open_gate(&mut self, now: Uptime) -> bool {
        self.state.gate.open(now)
    }

    fn is_gated(&self) -> bool {
        self.rule.fallback_for.is_some() && self.state.gate != Gate::Open && !self.state.level.is_present()
    }

    /// What it means for the alarm in this step.
    pub(super) fn standing(&mut self) -> Standing {
        let finding = self.finding();
        if finding.is_none() {
            self.state.forget_void();
        }
        Standing { finding, indeterminate: self.state.indeterminate, worsened: false, worst: None }
    }

    fn finding(&self) -> Option<Finding> {
        let LevelState::Present { onset, decided, .. } = self.state.level else {
            return None;
        };
        let delay = decided.since(onset);
        Some(Finding {
            level: None,
            priority: Priority::High,
            limit: None,
            onset,
            decided,
            delay,
            latch: true,
        })
    }

    /// Clear, whatever the value.
    pub(super) fn reset(&mut self) {
        self.state.level = LevelState::Clear;
        self.state.breath = Breath::Unknown;
        self.state.zero = false;
        self.state.flagged = false;
        self.state.forget_void();
    }

    /// Its rate came from a device that is no more there.
    ///
    /// `flagged`: whether another device still says that the patient does not breathe.
    pub(super) fn lose_device(&mut self, flagged: bool) {
        self.state.breath = Breath::Unknown;
        self.state.zero = false;
        self.state.flagged &= flagged;
        self.state.indeterminate_at = None;
        // What waits for a word since a restart has not got one.
        let known = self.state.flagged && self.state.kept.is_none();
        self.state.indeterminate = self.state.level.is_present() && !known;
    }

    /// Takes another rule; what has not become present begins anew (E29).
    pub(super) fn adopt(&mut self, now: Uptime, rule: &ApneaRule) {
        if rule.fallback_for != self.rule.fallback_for {
            self.state.gate = Self::new(self.vital, rule, now).state.gate;
        }
        self.state.breath = Breath::Unknown;
        self.state.zero = false;
        self.rule = rule.clone();
    }

    pub(super) fn off(&self) -> Option<&RuleOff> {
        self.state.off.as_ref()
    }

    pub(super) fn off_until(&self) -> Option<Uptime> {
        self.off().map(|it| it.until.at)
    }

    pub(super) fn switch_off(&mut self, off: RuleOff) {
        self.reset();
        self.state.off = Some(off);
    }

    /// It is evaluated again. Whether it was off.
    pub(super) fn switch_on(&mut self) -> bool {
        self.state.off.take().is_some()
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        let it = &self.state;
        let breath = match it.breath {
            Breath::Running { due, .. } if it.zero && !it.level.is_present() => Some(due),
            Breath::Frozen { expires, .. } => Some(expires),
            Breath::Running { .. } | Breath::Unknown => None,
        };
        let alarm = it.alarm.as_ref().and_then(Alarm::deadline);
        let all = [breath, it.indeterminate_at, it.gate.deadline(), self.off_until(), alarm];
        all.into_iter().flatten().min()
    }
}

impl ApneaState {
    /// With nothing present there is nothing to be indeterminate.
    fn forget_void(&mut self) {
        self.indeterminate_at = None;
        self.indeterminate = false;
    }

    /// Takes over what was kept over a restart; of another boot only what is present (E34).
    pub(super) fn restore(&mut self, kept: &Self, moved: Moved) {
        match moved.boot {
            Boot::Same => *self = kept.clone(),
            Boot::Other => {
                self.level = kept.level.rebased(moved);
                self.alarm.clone_from(&kept.alarm);
                self.off = kept.off.as_ref().map(|it| it.restored(moved));
            }
        }
        self.indeterminate_at = None;
        self.indeterminate = self.level.is_present();
        self.kept = self.indeterminate.then_some(moved.to);
        if let Some(alarm) = &mut self.alarm {
            alarm.restart(moved);
        }
    }

    pub(super) fn shift(&mut self, by: Duration) {
        match &mut self.breath {
            Breath::Running { due: at, .. } | Breath::Frozen { expires: at, .. } => *at = *at + by,
            Breath::Unknown => {}
        }
        self.indeterminate_at = self.indeterminate_at.map(|at| at + by);
        self.gate.shift(by);
        if let Some(alarm) = &mut self.alarm {
            alarm.shift(by);
        }
    }
}

impl Breath {
    fn is_since(self, at: Uptime) -> bool {
        matches!(self, Self::Running { since, .. } if since == at)
    }

    /// A rate of 0: the time runs, from here if from nowhere.
    fn run(self, now: Uptime, time: Duration) -> Self {
        match self {
            Self::Unknown => Self::Running { since: now, due: now + time },
            Self::Running { .. } => self,
            Self::Frozen { since, left, .. } => Self::Running { since, due: now + left },
        }
    }

    fn freeze(self, now: Uptime, gap: Duration) -> Self {
        match self {
            Self::Running { since, due } => Self::Frozen { since, left: due.since(now), expires: now + gap },
            Self::Unknown | Self::Frozen { .. } => self,
        }
    }
}
