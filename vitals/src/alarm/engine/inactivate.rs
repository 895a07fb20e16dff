//! Pauses and offs of a bed: asked for, expired, and the advisory that says so (E25, E26).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::AlarmEngine;
use crate::alarm::action::{ALARM_PAUSED_MAX, AUDIO_PAUSED_MAX, Action, OFF_MAX, Refusal, Role};
use crate::alarm::event::{Code, Signal};
use crate::alarm::inactive::Until;
use crate::alarm::limit::{LimitAlarm, RuleOff};
use crate::alarm::object::Alarm;
use crate::alarm::technical::{Key, TechnicalAlarm, Trouble};
use crate::time::Uptime;

impl AlarmEngine {
    /// The alarms of now make no sound for a while.
    pub(super) fn pause_audio(&mut self, now: Uptime, duration: Duration) -> Result<(), Refusal> {
        bounded(duration, AUDIO_PAUSED_MAX)?;
        let until = Some(now + duration).filter(|_| !duration.is_zero());
        let mut any = false;
        for alarm in self.alarms_mut() {
            if matches!(alarm.signal, Signal::On | Signal::Latched) {
                alarm.audio_paused_until = until;
                any = true;
            }
        }
        if any { Ok(()) } else { Err(Refusal::NothingToPause) }
    }

    /// No alarm but those of high priority makes a sound.
    pub(super) fn audio_off(
        &mut self,
        now: Uptime,
        action: &Action,
        duration: Duration,
        reason: &str,
    ) -> Result<(), Refusal> {
        bounded(duration, OFF_MAX)?;
        self.inactive.audio_off = until(now, action, duration, Some(reason));
        Ok(())
    }

    /// The patient's alarms but the extreme make neither sound nor light for a while.
    pub(super) fn pause_alarms(
        &mut self,
        now: Uptime,
        action: &Action,
        duration: Duration,
    ) -> Result<(), Refusal> {
        bounded(duration, ALARM_PAUSED_MAX)?;
        self.inactive.alarm_paused = until(now, action, duration, None);
        Ok(())
    }

    /// A rule is not evaluated for a while.
    pub(super) fn switch_off(
        &mut self,
        now: Uptime,
        action: &Action,
        (rule, include_extreme): (Code, bool),
        (duration, reason): (Duration, &str),
    ) -> Result<(), Refusal> {
        let forbidden = include_extreme && action.role != Role::Physician;
        if forbidden || (matches!(rule, Code::Apnea(_)) && !include_extreme) {
            return Err(Refusal::NotAllowed);
        }
        bounded(duration, OFF_MAX)?;
        let place = self.limits.iter().position(|it| it.code() == rule).ok_or(Refusal::NoSuchRule)?;
        let Some(it) = self.limits.get_mut(place) else {
            return Err(Refusal::NoSuchRule);
        };
        let Some(until) = until(now, action, duration, Some(reason)) else {
            self.switch_on(now, place);
            return Ok(());
        };
        if it.is_extreme_present() && !include_extreme {
            return Err(Refusal::Present);
        }
        it.switch_off(RuleOff { until, include_extreme });
        self.change(now, &super::act::Place::Limit(place), |alarm| alarm.reset(Some(reason)));
        Ok(())
    }

    /// Pauses and offs that are over end, and what was not evaluated is judged (E3, 7).
    pub(super) fn expire_inactive(&mut self, now: Uptime) {
        self.alarms_mut().for_each(|it| it.expire_pause(now));
        self.inactive.expire(now);
        for place in 0..self.limits.len() {
            if self.limits.get(place).is_some_and(|it| it.off_until().is_some_and(|at| at <= now)) {
                self.switch_on(now, place);
            }
        }
    }

    /// A rule is evaluated again: from Clear, with the value in force.
    fn switch_on(&mut self, now: Uptime, place: usize) {
        let on = self.limits.get_mut(place).and_then(|it| it.switch_on(now).then_some(it.vital));
        if let Some(vital) = on {
            self.judge(now, vital);
        }
    }

    /// Puts what is inactive before the advisory that says so.
    pub(super) fn judge_inactive(&mut self, now: Uptime) {
        let cause = self.inactive_words();
        let key = Key::of_bed(Trouble::AlarmsInactive);
        if cause.is_empty() {
            if let Some(it) = self.technical.get_mut(&key) {
                it.finish();
            }
            return;
        }
        let rule = key.rule(&self.policy.technical);
        let it = self.technical.entry(key).or_insert_with_key(|key| TechnicalAlarm::new(key.trouble));
        it.begin(now, rule, false);
        it.take_cause(cause);
        if let Some(alarm) = it.alarm.as_mut().filter(|_| self.inactive.audio_off.is_none()) {
            alarm.remind_at = None;
        }
    }

    /// No sound at all for hours is reminded of, as what is acknowledged is (E27).
    pub(super) fn remind_of_audio_off(&mut self, now: Uptime) {
        let key = Key::of_bed(Trouble::AlarmsInactive);
        let alarm = self.technical.get_mut(&key).and_then(|it| it.alarm.as_mut());
        if let Some(alarm) = alarm.filter(|_| self.inactive.audio_off.is_some()) {
            alarm.remind_at = alarm.remind_at.or(Some(now + self.policy.timing.reminder));
        }
    }

    fn inactive_words(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.inactive.alarm_paused.iter().map(|_| "alarm_paused".into()));
        words.extend(self.inactive.audio_off.iter().map(|_| "audio_off".into()));
        let off = self.limits.iter().filter(|it| it.off_until().is_some()).map(LimitAlarm::code);
        words.extend(off.map(|code| alloc::format!("alarm_off {code}")));
        words.join(", ")
    }

    /// Every open alarm but the one that says what is inactive.
    fn alarms_mut(&mut self) -> impl Iterator<Item = &mut Alarm> {
        let limits = self.limits.iter_mut().filter_map(|it| it.state.alarm.as_mut());
        let technical = self.technical.iter_mut().filter(|(key, _)| key.trouble != Trouble::AlarmsInactive);
        limits.chain(technical.filter_map(|(_, it)| it.alarm.as_mut()))
    }
}

fn bounded(duration: Duration, longest: Duration) -> Result<(), Refusal> {
    if duration > longest { Err(Refusal::TooLong) } else { Ok(()) }
}

/// The end of what lasts from now on; `None` if it does not last.
fn until(now: Uptime, action: &Action, duration: Duration, reason: Option<&str>) -> Option<Until> {
    let it = Until { at: now + duration, by: action.actor.clone(), reason: reason.map(Into::into) };
    Some(it).filter(|_| !duration.is_zero())
}
