//! What operators do: asked, checked, done, answered (E24).

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::AlarmEngine;
use super::rules::Limits;
use crate::alarm::action::{Action, Outcome, Refusal, Request, Role, Seen};
use crate::alarm::event::{AlarmId, AlarmIds, Code, Condition, Priority, Signal};
use crate::alarm::object::Alarm;
use crate::alarm::score::Observed;
use crate::alarm::snapshot::Boot;
use crate::alarm::technical::{Key, Trouble};
use crate::news2::Scale;
use crate::time::Uptime;

/// How old the operator's screen may be.
const SEEN_WITHIN: Duration = Duration::from_secs(60);
/// How many actions are remembered to recognise a repeated one: one a second for as long as one is not stale.
/// When full, the oldest is forgotten; it would be refused as stale.
const ANSWERED_MAX: usize = 64;

/// Where an alarm stands.
pub(super) enum Place {
    Limit(usize),
    Apnea(usize),
    Technical(Key),
}

impl Place {
    pub(super) fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Limit(_) | Self::Apnea(_) => None,
            Self::Technical(key) => Some(key.trouble),
        }
    }
}

/// Actions that were answered, the oldest first.
pub(in crate::alarm) type Answered = VecDeque<(String, Outcome)>;

/// What is answered to an action whose id was answered before.
pub(in crate::alarm) fn repeated(answered: &Answered, action: &Action) -> Option<Outcome> {
    let (_, first) = answered.iter().find(|(id, _)| *id == action.id)?;
    Some(match *first {
        Outcome::Accepted => Outcome::Duplicate(None),
        Outcome::Refused(refusal) => Outcome::Duplicate(Some(refusal)),
        Outcome::Duplicate(refusal) => Outcome::Duplicate(refusal),
    })
}

/// Remembers an answer.
pub(in crate::alarm) fn remember(answered: &mut Answered, action: &Action, outcome: Outcome) {
    if answered.len() == ANSWERED_MAX {
        answered.pop_front();
    }
    answered.push_back((action.id.clone(), outcome));
}

/// Whether the operator's screen was new enough.
pub(in crate::alarm) fn check_seen(now: Uptime, action: &Action) -> Result<(), Refusal> {
    let is_stale = |seen: Seen| seen.boot == Boot::Other || now.since(seen.at) > SEEN_WITHIN;
    if action.seen.is_some_and(is_stale) { Err(Refusal::Stale) } else { Ok(()) }
}

impl AlarmEngine {
    /// Does what an operator asks, or says why not.
    pub fn handle_action(&mut self, now: Uptime, action: &Action, ids: &mut AlarmIds) -> Outcome {
        let now = now.max(self.clock);
        self.begin(now, ids);
        if let Some(repeated) = repeated(&self.answered, action) {
            return repeated;
        }
        let outcome = match self.check(now, action).and_then(|()| self.act(now, action)) {
            Ok(()) => Outcome::Accepted,
            Err(refusal) => Outcome::Refused(refusal),
        };
        remember(&mut self.answered, action, outcome);
        self.tell(now, ids);
        outcome
    }

    /// Whether the operator saw what is so (E24).
    fn check(&self, now: Uptime, action: &Action) -> Result<(), Refusal> {
        check_seen(now, action)?;
        let admits = matches!(action.request, Request::Admit { .. });
        if action.stay.is_some() && action.stay != self.stay && !admits {
            return Err(Refusal::OtherStay);
        }
        let request = &action.request;
        let by_physician = matches!(request, Request::AlarmOff { include_extreme: true, .. })
            || matches!(request, Request::Observe(Observed::Scale(Scale::Two)));
        let with_extreme =
            matches!(request, Request::AlarmOff { rule: Code::Apnea(_), include_extreme: false, .. });
        let of_patient = matches!(request, Request::Limits { .. });
        let may = !with_extreme
            && (!by_physician || action.role == Role::Physician)
            && (!of_patient || action.role != Role::Technician);
        if may { Ok(()) } else { Err(Refusal::NotAllowed) }
    }

    fn act(&mut self, now: Uptime, action: &Action) -> Result<(), Refusal> {
        match &action.request {
            Request::Acknowledge { alarm, seen_priority } => {
                let place = self.find(alarm).ok_or(Refusal::NoSuchAlarm)?;
                self.acknowledge(now, &place, &action.actor, *seen_priority)
            }
            Request::Reset { alarm: Some(alarm), reason } => {
                let place = self.find(alarm).ok_or(Refusal::NoSuchAlarm)?;
                self.reset(now, &place, reason.as_deref())
            }
            Request::Reset { alarm: None, reason } => self.reset_all(now, reason.as_deref()),
            Request::AudioPaused { duration } => self.pause_audio(now, *duration),
            Request::AudioOff { duration, reason } => self.audio_off(now, action, *duration, reason),
            Request::AlarmPaused { duration } => self.pause_alarms(now, action, *duration),
            Request::AlarmOff { rule, include_extreme, duration, reason } => {
                self.switch_off(now, action, (*rule, *include_extreme), (*duration, reason))
            }
            Request::Standby { reason } => {
                self.stand_by(now, action, reason);
                Ok(())
            }
            Request::Resume => {
                self.resume(now);
                Ok(())
            }
            Request::Discharge { reason } => {
                self.discharge(now, action, reason);
                Ok(())
            }
            Request::Admit { stay } => {
                self.admit(now, stay);
                Ok(())
            }
            Request::Observe(observed) => {
                self.score.observe(now, *observed);
                Ok(())
            }
            Request::Limits { vital, direction, limit, extreme, .. } => {
                let limits = Limits { limit: *limit, extreme: *extreme };
                self.change_limits(now, (*vital, *direction), limits)
            }
        }
    }

    fn acknowledge(&mut self, now: Uptime, place: &Place, by: &str, seen: Priority) -> Result<(), Refusal> {
        let trouble = place.trouble();
        if trouble == Some(Trouble::AlarmsInactive) {
            return Err(Refusal::NotAllowed);
        }
        let alarm = self.alarm(place).ok_or(Refusal::NoSuchAlarm)?;
        if seen < alarm.finding.priority {
            return Err(Refusal::Changed);
        }
        if trouble.is_some_and(Trouble::is_event) {
            return self.reset(now, place, None);
        }
        match alarm.signal {
            Signal::On => {
                let timing = self.policy.timing.clone();
                self.change(now, place, |alarm| alarm.acknowledge(now, by, &timing));
                if let Place::Limit(index) = *place {
                    self.limits.get_mut(index).into_iter().for_each(super::LimitAlarm::watch_for_worse);
                }
                Ok(())
            }
            Signal::Latched => self.reset(now, place, None),
            Signal::Acknowledged => Ok(()),
            Signal::Off => Err(Refusal::NoSuchAlarm),
        }
    }

    fn reset(&mut self, now: Uptime, place: &Place, reason: Option<&str>) -> Result<(), Refusal> {
        let trouble = place.trouble();
        if trouble == Some(Trouble::AlarmsInactive) {
            return Err(Refusal::NotAllowed);
        }
        let alarm = self.alarm(place).ok_or(Refusal::NoSuchAlarm)?;
        let over = alarm.signal == Signal::Latched || alarm.condition == Condition::Indeterminate;
        if !over && !trouble.is_some_and(Trouble::is_event) {
            return Err(Refusal::Present);
        }
        // What is latched is over, and what has begun again since must not lose its delay by that.
        if alarm.signal != Signal::Latched {
            self.clear_place(place);
        }
        self.change(now, place, |alarm| alarm.reset(reason));
        self.begin_again(now, place);
        Ok(())
    }

    /// Resets what can be reset; refused if nothing can.
    fn reset_all(&mut self, now: Uptime, reason: Option<&str>) -> Result<(), Refusal> {
        let mut places = self.open_places();
        places.retain(|it| it.trouble() != Some(Trouble::AlarmsInactive));
        let mut outcome = Err(if places.is_empty() { Refusal::NoSuchAlarm } else { Refusal::Present });
        for place in &places {
            outcome = self.reset(now, place, reason).or(outcome);
        }
        outcome
    }

    /// Where every open alarm stands, in the order of records.
    pub(super) fn open_places(&self) -> Vec<Place> {
        let limits = self.limits.iter().enumerate().filter(|(_, it)| it.state.alarm.is_some());
        let apneas = self.apneas.iter().enumerate().filter(|(_, it)| it.state.alarm.is_some());
        let limits = limits.map(|(index, _)| Place::Limit(index));
        let mut places: Vec<Place> = limits.chain(apneas.map(|(index, _)| Place::Apnea(index))).collect();
        self.sort_places(&mut places);
        let technical = self.technical.iter().filter(|(_, it)| it.alarm.is_some());
        places.extend(technical.map(|(key, _)| Place::Technical(key.clone())));
        places
    }

    /// The order of records: by the table of vitals, low, high, apnea.
    pub(super) fn sort_places(&self, places: &mut [Place]) {
        places.sort_by_key(|place| match place {
            Place::Limit(index) => (self.limits.get(*index).map(|it| it.vital), false),
            Place::Apnea(index) => (self.apneas.get(*index).map(|it| it.vital), true),
            Place::Technical(_) => (None, true),
        });
    }

    fn find(&self, id: &AlarmId) -> Option<Place> {
        let mut places = self.open_places().into_iter();
        places.find(|place| self.alarm(place).is_some_and(|it| it.id == *id))
    }

    fn alarm(&self, place: &Place) -> Option<&Alarm> {
        match place {
            Place::Limit(index) => self.limits.get(*index)?.state.alarm.as_ref(),
            Place::Apnea(index) => self.apneas.get(*index)?.state.alarm.as_ref(),
            Place::Technical(key) => self.technical.get(key)?.alarm.as_ref(),
        }
    }

    /// All levels of an alarm are clear, whatever the value.
    pub(super) fn clear_place(&mut self, place: &Place) {
        match place {
            Place::Limit(index) => {
                self.limits.get_mut(*index).into_iter().for_each(super::LimitAlarm::reset_levels);
            }
            Place::Apnea(index) => {
                self.apneas.get_mut(*index).into_iter().for_each(super::ApneaAlarm::reset);
            }
            Place::Technical(key) => {
                self.technical.get_mut(key).into_iter().for_each(super::TechnicalAlarm::finish);
            }
        }
    }

    /// Changes an alarm's signal and tells it: an action is a step, and this is its record.
    pub(super) fn change(
        &mut self,
        now: Uptime,
        place: &Place,
        change: impl FnOnce(&mut Alarm) -> crate::alarm::object::Change,
    ) {
        match place {
            Place::Limit(index) => {
                let Some(it) = self.limits.get_mut(*index) else {
                    return;
                };
                let code = it.code();
                if let Some(alarm) = &mut it.state.alarm {
                    let change = change(alarm);
                    Self::settle(&self.inactive, now, code, alarm);
                    self.say_limit(now, *index, change);
                }
            }
            Place::Apnea(index) => {
                let Some(it) = self.apneas.get_mut(*index) else {
                    return;
                };
                let code = it.code();
                if let Some(alarm) = &mut it.state.alarm {
                    let change = change(alarm);
                    Self::settle(&self.inactive, now, code, alarm);
                    self.say_apnea(now, *index, change);
                }
            }
            Place::Technical(key) => {
                let Some((key, mut it)) = self.technical.remove_entry(key) else {
                    return;
                };
                if let Some(alarm) = &mut it.alarm {
                    let change = change(alarm);
                    Self::settle(&self.inactive, now, key.trouble.code(), alarm);
                    self.say_technical(now, &key, &mut it, change);
                }
                if !it.is_idle() {
                    self.technical.insert(key, it);
                }
            }
        }
    }
}
