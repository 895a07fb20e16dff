//! What operators do to alarms (E24, as far as acknowledge and reset go).

use core::time::Duration;

use super::AlarmEngine;
use crate::alarm::action::{Action, Outcome, Refusal, Request};
use crate::alarm::event::{AlarmId, AlarmIds, Condition, Priority, Signal};
use crate::alarm::object::Alarm;
use crate::alarm::technical::Key;
use crate::time::Uptime;

/// How old the operator's screen may be.
const SEEN_WITHIN: Duration = Duration::from_secs(60);
/// How many actions are remembered to recognise a repeated one: one a second for as long as one is not stale.
/// When full, the oldest is forgotten; it would be refused as stale.
const ANSWERED_MAX: usize = 64;

/// Where an alarm stands.
enum Place {
    Limit(usize),
    Technical(Key),
}

impl AlarmEngine {
    /// Does what an operator asks, or says why not.
    pub fn handle_action(&mut self, now: Uptime, action: &Action, ids: &mut AlarmIds) -> Outcome {
        let now = now.max(self.clock);
        self.begin(now, ids);
        if let Some((_, first)) = self.answered.iter().find(|(id, _)| *id == action.id) {
            return match *first {
                Outcome::Accepted => Outcome::Duplicate(None),
                Outcome::Refused(refusal) => Outcome::Duplicate(Some(refusal)),
                Outcome::Duplicate(refusal) => Outcome::Duplicate(refusal),
            };
        }
        let outcome = match self.act(now, action) {
            Ok(()) => Outcome::Accepted,
            Err(refusal) => Outcome::Refused(refusal),
        };
        if self.answered.len() == ANSWERED_MAX {
            self.answered.pop_front();
        }
        self.answered.push_back((action.id.clone(), outcome));
        outcome
    }

    fn act(&mut self, now: Uptime, action: &Action) -> Result<(), Refusal> {
        if action.seen_at.is_some_and(|seen| now.since(seen) > SEEN_WITHIN) {
            return Err(Refusal::Stale);
        }
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
        }
    }

    fn acknowledge(&mut self, now: Uptime, place: &Place, by: &str, seen: Priority) -> Result<(), Refusal> {
        let alarm = self.alarm(place).ok_or(Refusal::NoSuchAlarm)?;
        if seen < alarm.finding.priority {
            return Err(Refusal::Changed);
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
        let alarm = self.alarm(place).ok_or(Refusal::NoSuchAlarm)?;
        if alarm.signal != Signal::Latched && alarm.condition != Condition::Indeterminate {
            return Err(Refusal::Present);
        }
        match place {
            Place::Limit(index) => {
                self.limits.get_mut(*index).into_iter().for_each(super::LimitAlarm::reset_levels);
            }
            Place::Technical(key) => {
                self.technical.get_mut(key).into_iter().for_each(super::TechnicalAlarm::finish);
            }
        }
        self.change(now, place, |alarm| alarm.reset(reason));
        Ok(())
    }

    /// Resets what can be reset; refused if nothing can.
    fn reset_all(&mut self, now: Uptime, reason: Option<&str>) -> Result<(), Refusal> {
        let open = |alarm: &Option<Alarm>| alarm.is_some();
        let limits = self.limits.iter().enumerate().filter(|(_, it)| open(&it.state.alarm));
        let technical = self.technical.iter().filter(|(_, it)| open(&it.alarm));
        let places: alloc::vec::Vec<Place> = limits
            .map(|(index, _)| Place::Limit(index))
            .chain(technical.map(|(key, _)| Place::Technical(key.clone())))
            .collect();
        let mut outcome = Err(if places.is_empty() { Refusal::NoSuchAlarm } else { Refusal::Present });
        for place in &places {
            outcome = self.reset(now, place, reason).or(outcome);
        }
        outcome
    }

    fn find(&self, id: &AlarmId) -> Option<Place> {
        let is = |alarm: &Option<Alarm>| alarm.as_ref().is_some_and(|it| it.id == *id);
        let limit = self.limits.iter().position(|it| is(&it.state.alarm)).map(Place::Limit);
        let technical = || self.technical.iter().find(|(_, it)| is(&it.alarm));
        limit.or_else(|| technical().map(|(key, _)| Place::Technical(key.clone())))
    }

    fn alarm(&self, place: &Place) -> Option<&Alarm> {
        match place {
            Place::Limit(index) => self.limits.get(*index)?.state.alarm.as_ref(),
            Place::Technical(key) => self.technical.get(key)?.alarm.as_ref(),
        }
    }

    /// Changes an alarm's signal and tells it: an action is a step, and this is its record.
    fn change(
        &mut self,
        now: Uptime,
        place: &Place,
        change: impl FnOnce(&mut Alarm) -> crate::alarm::object::Change,
    ) {
        match place {
            Place::Limit(index) => {
                let alarm = self.limits.get_mut(*index).and_then(|it| it.state.alarm.as_mut());
                if let Some(change) = alarm.map(change) {
                    self.say_limit(now, *index, change);
                }
            }
            Place::Technical(key) => {
                let Some((key, mut it)) = self.technical.remove_entry(key) else {
                    return;
                };
                if let Some(change) = it.alarm.as_mut().map(change) {
                    self.say_technical(now, &key, &mut it, change);
                }
                if !it.is_idle() {
                    self.technical.insert(key, it);
                }
            }
        }
    }
}
