//! The equipment's alarms: no sensor, no usable value, no data, no port (E30). The same machine on a boolean.

mod sensor;

use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::Code;
use super::level::{Class, Delays, LevelState};
use super::object::{Alarm, Finding};
use super::policy::{TechnicalPolicy, TechnicalRule};
use super::snapshot::{Boot, Moved};
use crate::name::Name;
use crate::reading::Absent;
use crate::time::Uptime;

pub(super) use sensor::{Sensor, class, is_trouble};

/// What is wrong. The order is that of the records of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Trouble {
    SensorOff(Sensor),
    NoValue(Sensor),
    NoData,
    PortGone,
}

/// Which technical alarm of a bed: its order is by sensor in the order of the vitals' table, then the source's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Key {
    /// `None` last: what concerns a source as a whole follows what concerns its sensors.
    place: (bool, Option<Sensor>),
    pub(super) trouble: Trouble,
    pub(super) source: Arc<Name>,
}

impl Key {
    pub(super) fn new(trouble: Trouble, source: &Arc<Name>) -> Self {
        let sensor = match trouble {
            Trouble::SensorOff(sensor) | Trouble::NoValue(sensor) => Some(sensor),
            Trouble::NoData | Trouble::PortGone => None,
        };
        Self { place: (sensor.is_none(), sensor), trouble, source: Arc::clone(source) }
    }

    pub(super) fn code(&self) -> Code {
        match self.trouble {
            Trouble::SensorOff(_) => Code::SensorOff,
            Trouble::NoValue(_) => Code::NoValue,
            Trouble::NoData => Code::NoData,
            Trouble::PortGone => Code::PortGone,
        }
    }

    /// The rule that governs it. That of `port_gone` is that of the `no_data` which it replaces.
    pub(super) fn rule<'a>(&self, policy: &'a TechnicalPolicy) -> &'a TechnicalRule {
        match self.trouble {
            Trouble::SensorOff(_) => &policy.sensor_off,
            Trouble::NoValue(_) => &policy.no_value,
            Trouble::NoData | Trouble::PortGone => &policy.no_data,
        }
    }
}

/// One technical alarm at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TechnicalAlarm {
    pub(super) state: LevelState,
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
    pub(super) alarm: Option<Alarm>,
}

impl TechnicalAlarm {
    pub(super) fn new(trouble: Trouble) -> Self {
        let cause = match trouble {
            Trouble::SensorOff(sensor) | Trouble::NoValue(sensor) => Some(sensor.name().into()),
            Trouble::NoData | Trouble::PortGone => None,
        };
        Self {
            state: LevelState::Clear,
            indeterminate_at: None,
            indeterminate: false,
            escalate_at: None,
            escalated: false,
            absent: None,
            cause,
            cause_is_news: false,
            alarm: None,
        }
    }

    /// Takes whether the trouble is there; G is that of the source.
    pub(super) fn take(&mut self, now: Uptime, class: Class, rule: &TechnicalRule, gap: Duration) {
        self.state.take(now, class, Delays { delay: rule.delay, clear: rule.clear_delay, gap });
        if class == Class::Void {
            if self.state.is_present() && !self.indeterminate {
                self.indeterminate_at = self.indeterminate_at.or(Some(now + gap));
            }
        } else {
            self.forget_void();
        }
        self.set_escalation(now, rule);
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
        self.forget_void();
        self.forget_escalation();
    }

    pub(super) fn mature(&mut self, now: Uptime, rule: &TechnicalRule) {
        if self.state.mature(now) {
            self.set_escalation(now, rule);
        }
    }

    pub(super) fn expire(&mut self, now: Uptime) {
        self.state.expire(now);
        if self.indeterminate_at.is_some_and(|at| at <= now) {
            self.indeterminate_at = None;
            self.indeterminate = true;
        }
    }

    pub(super) fn clear(&mut self, now: Uptime) {
        self.state.clear(now);
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

    pub(super) fn forget_void(&mut self) {
        self.indeterminate_at = None;
        self.indeterminate = false;
    }

    pub(super) fn finding(&self, rule: &TechnicalRule) -> Option<Finding> {
        let LevelState::Present { onset, decided, .. } = self.state else {
            return None;
        };
        let priority = match rule.escalation {
            Some((_, higher)) if self.escalated => higher,
            Some(_) | None => rule.priority,
        };
        let delay = decided.since(onset);
        Some(Finding { level: None, priority, limit: None, onset, decided, delay, latch: false })
    }

    /// As it is after a restart; of another boot only if it is present (E34).
    pub(super) fn restored(&self, moved: Moved) -> Self {
        let mut it = self.clone();
        if moved.boot == Boot::Other {
            it.state = it.state.rebased(moved);
        }
        it.escalate_at = it.escalate_at.map(|at| moved.time(at));
        it.indeterminate_at = None;
        it.indeterminate = it.state.is_present();
        if let Some(alarm) = &mut it.alarm {
            alarm.restart(moved);
        }
        it
    }

    /// Whether nothing of it need be kept.
    pub(super) fn is_idle(&self) -> bool {
        self.alarm.is_none() && self.state == LevelState::Clear
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        let alarm = self.alarm.as_ref().map(Alarm::deadline);
        [self.state.deadline(), self.indeterminate_at, self.escalate_at, alarm].into_iter().flatten().min()
    }

    pub(super) fn shift(&mut self, by: Duration) {
        self.state.shift(by);
        self.indeterminate_at = self.indeterminate_at.map(|at| at + by);
        self.escalate_at = self.escalate_at.map(|at| at + by);
        if let Some(alarm) = &mut self.alarm {
            alarm.shift(by);
        }
    }
}
