//! Pauses and offs of a bed: asked for, expired, and the advisory that says so (E25, E26).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::AlarmEngine;
use super::act::Place;
use crate::alarm::action::{ALARM_PAUSED_MAX, AUDIO_PAUSED_MAX, Action, OFF_MAX, Refusal};
use crate::alarm::apnea::ApneaAlarm;
use crate::alarm::event::{Code, Signal};
use crate::alarm::inactive::Until;
use crate::alarm::limit::RuleOff;
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
        bounded(duration, OFF_MAX)?;
        let until = until(now, action, duration, Some(reason));
        let places = self.places_of(rule);
        if places.is_empty() {
            return Err(Refusal::NoSuchRule);
        }
        for place in places {
            let Some(until) = until.clone() else {
                self.switch_on(now, &place);
                continue;
            };
            let off = RuleOff { until, include_extreme };
            match place {
                Place::Limit(index) => {
                    let it = self.limits.get_mut(index).ok_or(Refusal::NoSuchRule)?;
                    if it.is_extreme_present() && !include_extreme {
                        return Err(Refusal::Present);
                    }
                    it.switch_off(off);
                }
                Place::Apnea(index) => self.apneas.get_mut(index).ok_or(Refusal::NoSuchRule)?.switch_off(off),
                Place::Technical(_) => return Err(Refusal::NoSuchRule),
            }
            self.change(now, &place, |alarm| alarm.reset(Some(reason)));
        }
        Ok(())
    }

    /// The rules that a code names: every apnea rule has the same.
    fn places_of(&self, rule: Code) -> Vec<Place> {
        if matches!(rule, Code::Apnea(_)) {
            return (0..self.apneas.len()).map(Place::Apnea).collect();
        }
        let limits = self.limits.iter().enumerate().filter(|(_, it)| it.code() == rule);
        limits.map(|(index, _)| Place::Limit(index)).collect()
    }

    /// Pauses and offs that are over end, and what was not evaluated is judged (E3, 7).
    pub(super) fn expire_inactive(&mut self, now: Uptime) {
        self.alarms_mut().for_each(|it| it.expire_pause(now));
        self.inactive.expire(now);
        let is_over = |until: Option<Uptime>| until.is_some_and(|at| at <= now);
        let limits = self.limits.iter().enumerate().filter(|(_, it)| is_over(it.off_until()));
        let apneas = self.apneas.iter().enumerate().filter(|(_, it)| is_over(it.off_until()));
        let limits = limits.map(|(index, _)| Place::Limit(index));
        let over: Vec<Place> = limits.chain(apneas.map(|(index, _)| Place::Apnea(index))).collect();
        for place in over {
            self.switch_on(now, &place);
        }
        self.end_standby_by_life(now);
    }

    /// A rule is evaluated again: from Clear, with the value in force.
    fn switch_on(&mut self, now: Uptime, place: &Place) {
        match *place {
            Place::Limit(place) => {
                if self.limits.get_mut(place).is_some_and(|it| it.switch_on(now)) {
                    self.judge_limit(now, place);
                }
            }
            Place::Apnea(place) => {
                if self.apneas.get_mut(place).is_some_and(ApneaAlarm::switch_on) {
                    self.judge_apnea(now, place);
                    // The device's own word of apnea stands, too.
                    self.judge_flag(now);
                }
            }
            Place::Technical(_) => {}
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
        words.extend(self.inactive.standby.iter().map(|_| "standby".into()));
        words.extend(self.inactive.alarm_paused.iter().map(|_| "alarm_paused".into()));
        words.extend(self.inactive.audio_off.iter().map(|_| "audio_off".into()));
        let limits = self.limits.iter().filter(|it| it.off().is_some());
        let apneas = self.apneas.iter().filter(|it| it.off().is_some());
        let limits = limits.map(|it| (it.vital, it.code()));
        let mut off: Vec<_> = limits.chain(apneas.map(|it| (it.vital, it.code()))).collect();
        off.sort_by_key(|(vital, code)| (*vital, matches!(code, Code::Apnea(_))));
        // Several rules of apnea have one code, and other rules may stand between them.
        for code in off.into_iter().map(|(_, code)| alloc::format!("alarm_off {code}")) {
            if !words.contains(&code) {
                words.push(code);
            }
        }
        words.join(", ")
    }

    /// Every open alarm but the one that says what is inactive.
    pub(super) fn alarms_mut(&mut self) -> impl Iterator<Item = &mut Alarm> {
        let limits = self.limits.iter_mut().filter_map(|it| it.state.alarm.as_mut());
        let technical = self.technical.iter_mut().filter(|(key, _)| key.trouble != Trouble::AlarmsInactive);
        let apneas = self.apneas.iter_mut().filter_map(|it| it.state.alarm.as_mut());
        limits.chain(apneas).chain(technical.filter_map(|(_, it)| it.alarm.as_mut()))
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
