//! The equipment's alarms and the advisories (E30): the same machine as that of levels, on a boolean.

mod key;
mod sensor;

use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::Priority;
use super::level::{self, Class, Delays, LevelState};
use super::object::{Alarm, Finding, Standing};
use super::policy::TechnicalRule;
use super::snapshot::{Boot, Moved};
use crate::notice::About;
use crate::reading::Absent;
use crate::time::Uptime;
use crate::vital::Vital;

pub(super) use key::{Key, Trouble};
pub(super) use sensor::{Sensor, Word, trouble_of, troubles_of, word};

/// One technical alarm at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "four questions that have nothing to do with each other")]
pub(super) struct TechnicalAlarm {
    pub(super) state: LevelState,
    /// How long its sensor has been in trouble, whatever the trouble (H7). `state` is then never pending.
    #[serde(default)]
    lost: LevelState,
    /// Whether the sensor's trouble is this one; else its delay runs, and it does not become present.
    #[serde(default = "own")]
    own: bool,
    /// Since when nothing but what was known before a restart has been heard.
    #[serde(default)]
    kept: Option<Uptime>,
    indeterminate_at: Option<Uptime>,
    pub(super) indeterminate: bool,
    /// When it becomes more urgent, if it stays.
    escalate_at: Option<Uptime>,
    escalated: bool,
    /// Why there is no value, in the words of the newest marker.
    pub(super) absent: Option<Absent>,
    pub(super) cause: Option<String>,
    /// The cause was found after the alarm had been told.
    cause_is_news: bool,
    /// How urgent, where the rule does not say it.
    #[serde(default)]
    pub(super) priority: Option<Priority>,
    pub(super) alarm: Option<Alarm>,
}

fn own() -> bool {
    true
}

impl TechnicalAlarm {
    pub(super) fn new(trouble: Trouble) -> Self {
        let sensor = trouble.sensor().map(Sensor::name);
        let cause = sensor.or(trouble.vital().map(Vital::name)).map(Into::into);
        Self {
            state: LevelState::Clear,
            lost: LevelState::Clear,
            own: true,
            kept: None,
            indeterminate_at: None,
            indeterminate: false,
            escalate_at: None,
            escalated: false,
            absent: None,
            cause,
            cause_is_news: false,
            priority: None,
            alarm: None,
        }
    }

    /// An alarm of a device itself, by the device's own name for it.
    pub(super) fn of_device(own_code: &str) -> Self {
        Self { cause: Some(own_code.into()), ..Self::new(Trouble::Device(About::Equipment)) }
    }

    /// Takes whether the trouble is there; G is that of the source.
    ///
    /// After a restart what is present stays indeterminate until a word that is new (E35).
    pub(super) fn take(&mut self, now: Uptime, word: Word, rule: &TechnicalRule, gap: Duration) {
        let waits = self.state.is_present() && self.kept.is_some_and(|at| word.said < at);
        // That all is well by what was known before is not believed; that it is not stops a clear timer.
        if waits && !word.of_sensor && word.class == Class::In {
            return;
        }
        if !waits {
            self.kept = None;
        }
        self.own = word.own;
        self.absent = word.absent;
        let delays = Delays { delay: rule.delay, clear: rule.clear_delay, gap };
        let mut class = word.class;
        if word.of_sensor {
            self.lost = self.lost.of_sensor(now, word.class, delays);
            self.mature(now, rule);
            // For what is present another's trouble is none; what is not becomes it by the sensor's delay alone.
            class = if word.own { class } else { Class::In };
        }
        if !word.of_sensor || self.state.is_present() {
            self.state.take(now, class, delays);
        }
        if word.class == Class::Void {
            if self.state.is_present() && !self.indeterminate {
                self.indeterminate_at = level::tolerated(self.indeterminate_at, now, gap);
            }
        } else if !waits {
            self.forget_void();
        }
        self.set_escalation(now, rule);
    }

    /// It is there from now on, for a while: told anew if it was there already.
    pub(super) fn begin_for(&mut self, now: Uptime, duration: Duration) {
        self.cause_is_news = self.alarm.is_some();
        let (onset, decided) = match self.state {
            LevelState::Present { onset, decided, .. } => (onset, decided),
            LevelState::Clear | LevelState::Pending { .. } => (now, now),
        };
        self.state = LevelState::Present { onset, decided, clear_at: Some(now + duration) };
    }

    /// Takes what it is about; that is told if it is new.
    pub(super) fn take_cause(&mut self, cause: String) {
        if self.cause.as_ref() != Some(&cause) {
            self.cause_is_news = self.alarm.is_some();
            self.cause = Some(cause);
        }
    }

    /// The trouble of a whole source begins, or is known again to be there.
    pub(super) fn begin(&mut self, now: Uptime, rule: &TechnicalRule, critical: bool) {
        self.forget_void();
        if !self.state.is_present() {
            self.state = LevelState::Present { onset: now, decided: now, clear_at: None };
            if critical {
                self.set_escalation(now, rule);
            }
        }
    }

    /// The source does speak, but only of the past.
    pub(super) fn blame_late(&mut self) {
        if self.cause.is_none() {
            self.cause = Some("late".into());
            self.cause_is_news = self.alarm.is_some();
        }
    }

    /// Whether its cause has changed since its last record.
    pub(super) fn take_news(&mut self) -> bool {
        core::mem::take(&mut self.cause_is_news)
    }

    /// The trouble of a whole source is over.
    pub(super) fn finish(&mut self) {
        self.state = LevelState::Clear;
        self.lost = LevelState::Clear;
        self.forget_void();
        self.forget_escalation();
    }

    pub(super) fn mature(&mut self, now: Uptime, rule: &TechnicalRule) {
        if self.state.mature(now) {
            self.set_escalation(now, rule);
        }
        if let Some(onset) = self.lost.due_onset(now).filter(|_| self.own && !self.state.is_present()) {
            self.state.nest(now, onset);
            self.set_escalation(now, rule);
        }
    }

    pub(super) fn expire(&mut self, now: Uptime) {
        self.state.expire(now);
        self.lost.expire(now);
        if self.indeterminate_at.is_some_and(|at| at <= now) {
            self.indeterminate_at = None;
            self.indeterminate = true;
        }
    }

    pub(super) fn clear(&mut self, now: Uptime) {
        self.state.clear(now);
        if !self.state.is_present() {
            // The next one becomes more urgent after its own start.
            self.forget_escalation();
        }
    }

    pub(super) fn escalate(&mut self, now: Uptime) {
        if self.escalate_at.is_some_and(|at| at <= now) {
            self.escalate_at = None;
            self.escalated = self.state.is_present();
        }
    }

    fn set_escalation(&mut self, now: Uptime, rule: &TechnicalRule) {
        if !self.state.is_present() {
            self.forget_escalation();
        } else if let (None, false, Some((after, _))) = (self.escalate_at, self.escalated, rule.escalation) {
            self.escalate_at = Some(now + after);
        }
    }

    fn forget_escalation(&mut self) {
        self.escalate_at = None;
        self.escalated = false;
    }

    fn forget_void(&mut self) {
        self.indeterminate_at = None;
        self.indeterminate = false;
    }

    /// What it means for the alarm in this step.
    pub(super) fn standing(&mut self, rule: &TechnicalRule) -> Standing {
        let finding = self.finding(rule);
        if finding.is_none() {
            self.forget_void();
        }
        Standing { finding, indeterminate: self.indeterminate, worsened: false, worst: None }
    }

    fn finding(&self, rule: &TechnicalRule) -> Option<Finding> {
        let LevelState::Present { onset, decided, .. } = self.state else {
            return None;
        };
        let priority = match rule.escalation {
            Some((_, higher)) if self.escalated => higher,
            Some(_) | None => self.priority.unwrap_or(rule.priority),
        };
        let delay = decided.since(onset);
        Some(Finding { level: None, priority, limit: None, onset, decided, delay, latch: false })
    }

    /// As it is after a restart; of another boot only if it is present (E34).
    ///
    /// What an advisory says the engine knows: it is as true as before.
    pub(super) fn restored(&self, key: &Key, moved: Moved) -> Self {
        let known = key.trouble.is_advisory();
        let mut it = self.clone();
        if key.trouble.sensor().is_some() && !it.state.is_present() {
            // The first version had no delay of the sensor.
            it.lost = if it.lost == LevelState::Clear { it.state } else { it.lost };
            it.state = LevelState::Clear;
        }
        it.kept = (it.state.is_present() && !known).then_some(moved.to);
        if moved.boot == Boot::Other {
            it.state = if known { it.state.rebased_whole(moved) } else { it.state.rebased(moved) };
            it.lost = LevelState::Clear;
            // Its words are dropped: the reason is no longer known.
            it.absent = key.trouble.sensor().map(|_| Absent::Stale);
        }
        it.escalate_at = it.escalate_at.map(|at| moved.time(at));
        it.indeterminate_at = None;
        it.indeterminate = it.state.is_present() && !known;
        if let Some(alarm) = &mut it.alarm {
            let condition = alarm.condition;
            alarm.restart(moved);
            if known {
                alarm.condition = condition;
            }
        }
        it
    }

    /// Whether it was present at a restart, and nothing has been heard since.
    pub(super) fn waits(&self) -> bool {
        self.kept.is_some()
    }

    /// Waits for a word from a restart on, if it is present (E35).
    pub(super) fn wait(&mut self, since: Uptime) {
        if self.state.is_present() {
            self.kept = Some(since);
            self.indeterminate_at = None;
            self.indeterminate = true;
        }
    }

    /// Whether nothing of it need be kept.
    pub(super) fn is_idle(&self) -> bool {
        self.alarm.is_none() && self.state == LevelState::Clear && self.lost == LevelState::Clear
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        let alarm = self.alarm.as_ref().and_then(Alarm::deadline);
        // Whose delay has run, and whose turn it is not, waits for the sensor's next word.
        let waits = self.lost.is_running() && (!self.own || self.state.is_present());
        let lost = self.lost.deadline().filter(|_| !waits);
        [self.state.deadline(), lost, self.indeterminate_at, self.escalate_at, alarm]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn shift(&mut self, by: Duration) {
        self.state.shift(by);
        self.lost.shift(by);
        self.indeterminate_at = self.indeterminate_at.map(|at| at + by);
        self.escalate_at = self.escalate_at.map(|at| at + by);
        if let Some(alarm) = &mut self.alarm {
            alarm.shift(by);
        }
    }
}
