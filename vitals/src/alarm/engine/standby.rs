//! A bed without its patient: standby, discharge, admission, and beginning anew (E28).

use alloc::vec::Vec;
use core::time::Duration;

use super::AlarmEngine;
use super::act::Place;
use crate::alarm::action::Action;
use crate::alarm::inactive::{Inactivations, Standby};
use crate::alarm::level::Input;
use crate::alarm::technical::{Key, TechnicalAlarm, Trouble};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::time::Uptime;
use crate::vital::Vital;

/// How long there must be signs of life for a bed not to be on standby any more.
const LIFE_FOR: Duration = Duration::from_secs(120);
/// What only a patient has.
const SIGNS_OF_LIFE: [Vital; 6] = [
    Vital::HeartRate,
    Vital::PulseRate,
    Vital::Spo2,
    Vital::RespRate,
    Vital::RespRateImpedance,
    Vital::RespRateCo2,
];

impl AlarmEngine {
    /// The patient is away: nothing is evaluated.
    pub(super) fn stand_by(&mut self, now: Uptime, action: &Action, reason: &str) {
        if self.inactive.standby.is_some() {
            return;
        }
        for place in self.open_places() {
            if place.trouble() != Some(Trouble::AlarmsInactive) {
                self.end(now, &place, reason);
            }
        }
        self.clear_levels();
        self.technical.retain(|key, _| key.trouble == Trouble::AlarmsInactive);
        let standby = Standby { by: action.actor.clone(), reason: Some(reason.into()), life_at: None };
        self.inactive.standby = Some(standby);
        self.score.forget_grades();
        self.notice_life(now);
    }

    /// The patient is back.
    pub(super) fn resume(&mut self, now: Uptime) {
        if self.inactive.standby.take().is_some() {
            self.begin_anew(now);
        }
    }

    /// The patient has gone for good.
    pub(super) fn discharge(&mut self, now: Uptime, action: &Action, reason: &str) {
        self.forget_stay(now, None);
        self.stand_by(now, action, reason);
    }

    /// Somebody lies here now. A new stay inherits nothing.
    pub(super) fn admit(&mut self, now: Uptime, stay: &Name) {
        if let Some(it) = self.technical.get_mut(&Key::of_bed(Trouble::NoPatient)) {
            it.finish();
        }
        if self.stay.as_ref() == Some(stay) {
            return;
        }
        for place in self.open_places() {
            if matches!(place, Place::Limit(_) | Place::Apnea(_)) || place.trouble() == Some(Trouble::News2) {
                self.end(now, &place, "new stay");
            }
        }
        self.forget_stay(now, Some(stay));
        self.clear_levels();
        self.inactive.standby = None;
        self.begin_anew(now);
    }

    /// Whether nothing is evaluated.
    pub(super) fn is_resting(&self) -> bool {
        self.inactive.standby.is_some()
    }

    /// Notices whether there have been signs of life during standby.
    pub(super) fn notice_life(&mut self, now: Uptime) {
        let alive = |vital: &Vital| match self.input(*vital) {
            (Input::Value(value), _) => value > Quantity::ZERO,
            (Input::UnderRange | Input::OverRange | Input::Void, _) => false,
        };
        let alive = self.is_resting() && SIGNS_OF_LIFE.iter().any(alive);
        if let Some(standby) = &mut self.inactive.standby {
            standby.life_at = if alive { standby.life_at.or(Some(now + LIFE_FOR)) } else { None };
        }
    }

    /// Somebody lies in a bed on standby, and nobody has said who.
    pub(super) fn end_standby_by_life(&mut self, now: Uptime) {
        let is_due = |it: &Standby| it.life_at.is_some_and(|at| at <= now);
        if !self.inactive.standby.as_ref().is_some_and(is_due) {
            return;
        }
        self.forget_stay(now, None);
        self.inactive.standby = None;
        self.begin_anew(now);
        let key = Key::of_bed(Trouble::NoPatient);
        let rule = key.rule(&self.policy.technical);
        let it = self.technical.entry(key).or_insert_with_key(|key| TechnicalAlarm::new(key.trouble));
        it.begin(now, rule, false);
    }

    /// What has a value in force is judged, from Clear; a source that fell silent is silent T from now.
    fn begin_anew(&mut self, now: Uptime) {
        for source in &mut self.sources {
            let silent_at = now + source.stale_after();
            // Whom nobody hears misses nothing (H6).
            source.state.unheard |= source.state.silent_at.is_none();
            source.state.silent_at = source.state.silent_at.or(Some(silent_at));
        }
        self.judge_all(now);
        self.judge_flag(now);
        for place in 0..self.sources.len() {
            self.judge_sensors(now, place);
        }
        self.judge_agreement(now);
    }

    /// Puts every vital that has a rule before its rules.
    pub(super) fn judge_all(&mut self, now: Uptime) {
        let of_limits = self.limits.iter().map(|it| it.vital);
        let mut vitals: Vec<Vital> = of_limits.chain(self.apneas.iter().map(|it| it.vital)).collect();
        vitals.sort_unstable();
        vitals.dedup();
        for vital in vitals {
            self.judge(now, vital);
        }
    }

    /// What belongs to the stay and not to the bed is no more, and what is said of the next holds.
    fn forget_stay(&mut self, now: Uptime, next: Option<&Name>) {
        let standby = self.inactive.standby.take();
        self.inactive = Inactivations { standby, ..Inactivations::default() };
        self.alarms_mut().for_each(|it| it.audio_paused_until = None);
        for it in &mut self.limits {
            it.switch_on(now);
        }
        for it in &mut self.apneas {
            it.switch_on();
        }
        self.stay = next.cloned();
        self.changes.clear();
        self.score.forget_stay();
        let file = self.file.clone();
        self.follow(now, file);
    }

    fn clear_levels(&mut self) {
        self.limits.iter_mut().for_each(crate::alarm::limit::LimitAlarm::reset_levels);
        self.apneas.iter_mut().for_each(crate::alarm::apnea::ApneaAlarm::reset);
    }

    /// Ends an alarm whatever its condition.
    fn end(&mut self, now: Uptime, place: &Place, reason: &str) {
        self.clear_place(place);
        self.change(now, place, |alarm| alarm.reset(Some(reason)));
    }
}
