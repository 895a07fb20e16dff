//! What stands between a condition and its signal: pauses and offs of a bed, and which alarms they cover (E25, E26).

use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{Code, Inactivation, Kind, Level, Priority, Signal};
use super::object::Alarm;
use super::snapshot::Moved;
use crate::time::Uptime;

/// Until when something is inactive, and who wanted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Until {
    pub(super) at: Uptime,
    pub(super) by: String,
    pub(super) reason: Option<String>,
}

/// What covers an alarm, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cover {
    pub(super) by: Inactivation,
    pub(super) until: Option<Uptime>,
}

impl Cover {
    pub(super) const NONE: Self = Self { by: Inactivation::None, until: None };

    fn new(by: Inactivation, until: Uptime) -> Self {
        Self { by, until: Some(until) }
    }
}

impl Default for Cover {
    fn default() -> Self {
        Self::NONE
    }
}

/// The inactivations of a bed as a whole. An audio pause is a mark on each alarm it covers, an alarm off one on its rule.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Inactivations {
    pub(super) alarm_paused: Option<Until>,
    pub(super) audio_off: Option<Until>,
    #[serde(default)]
    pub(super) standby: Option<Standby>,
}

/// A bed without its patient (E28).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standby {
    pub(super) by: String,
    pub(super) reason: Option<String>,
    /// When there will have been signs of life for long enough to end it.
    pub(super) life_at: Option<Uptime>,
}

impl Inactivations {
    /// What covers an alarm now; the first that applies (E25).
    pub(super) fn cover(&self, kind: Kind, code: Code, alarm: &Alarm) -> Cover {
        let heard = matches!(alarm.signal, Signal::On | Signal::Latched);
        let extreme = alarm.finding.level == Some(Level::Extreme) || matches!(code, Code::Apnea(_));
        if alarm.signal == Signal::Off || code == Code::AlarmsInactive {
            return Cover::NONE;
        }
        if let Some(paused) = self.alarm_paused.as_ref().filter(|_| kind == Kind::Physiological && !extreme) {
            return Cover::new(Inactivation::AlarmPaused, paused.at);
        }
        let quiet = self.audio_off.as_ref().filter(|_| heard && alarm.finding.priority < Priority::High);
        if let Some(off) = quiet {
            return Cover::new(Inactivation::AudioOff, off.at);
        }
        let paused = alarm.audio_paused_until.filter(|_| heard);
        paused.map_or(Cover::NONE, |until| Cover::new(Inactivation::AudioPaused, until))
    }

    /// What is over ends.
    pub(super) fn expire(&mut self, now: Uptime) {
        self.alarm_paused.take_if(|it| it.at <= now);
        self.audio_off.take_if(|it| it.at <= now);
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        let life = self.standby.as_ref().and_then(|it| it.life_at);
        self.alarm_paused.iter().chain(&self.audio_off).map(|it| it.at).chain(life).min()
    }

    /// Signs of life are counted only while somebody looks (E6); what operators asked for ends when they said.
    pub(super) fn shift(&mut self, by: Duration) {
        if let Some(standby) = &mut self.standby {
            standby.life_at = standby.life_at.map(|at| at + by);
        }
    }

    /// As they are after a restart (E34).
    pub(super) fn restored(&self, moved: Moved) -> Self {
        Self {
            alarm_paused: self.alarm_paused.clone().filter(|_| moved.is_same_boot()),
            audio_off: self.audio_off.as_ref().map(|it| it.restored(moved)),
            standby: self
                .standby
                .clone()
                .map(|it| Standby { life_at: it.life_at.filter(|_| moved.is_same_boot()), ..it }),
        }
    }
}

impl Until {
    /// As an off is after a restart: of another boot at most half an hour more, because nobody knows how long the machine
    /// was away.
    pub(super) fn restored(&self, moved: Moved) -> Self {
        Self { at: moved.expiry(self.at), ..self.clone() }
    }
}
