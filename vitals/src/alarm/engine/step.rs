//! One step: the timers of one deadline in their order (E3).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use super::AlarmEngine;
use crate::alarm::choice::Choice;
use crate::alarm::event::AlarmIds;
use crate::alarm::level::Input;
use crate::alarm::technical::{Key, TechnicalAlarm, Trouble};
use crate::time::Uptime;
use crate::vital::Vital;

impl AlarmEngine {
    /// Runs every timer up to `now`, each at its own deadline.
    pub(super) fn advance(&mut self, now: Uptime, ids: &mut AlarmIds) {
        while let Some(deadline) = self.poll_timeout().filter(|at| *at <= now) {
            self.clock = self.clock.max(deadline);
            self.first_step = None;
            self.run_due(deadline);
            self.tell(deadline, ids);
        }
    }

    /// The timers of one deadline, up to those of the signal, in the order of E3.
    pub(super) fn run_due(&mut self, now: Uptime) {
        let policy = &self.policy.technical;
        self.limits.iter_mut().for_each(|it| it.mature(now));
        self.apneas.iter_mut().for_each(|it| it.mature(now));
        self.technical.iter_mut().for_each(|(key, it)| it.mature(now, key.rule(policy)));
        self.age(now);
        self.limits.iter_mut().for_each(|it| it.expire(now));
        self.apneas.iter_mut().for_each(|it| it.expire(now));
        self.technical.values_mut().for_each(|it| it.expire(now));
        self.limits.iter_mut().for_each(|it| it.clear(now));
        self.technical.values_mut().for_each(|it| it.clear(now));
        self.technical.values_mut().for_each(|it| it.escalate(now));
        self.run_score(now);
        self.expire_inactive(now);
    }

    /// Values that become too old, sources that are silent, sources left or believed again, rules that fall back.
    fn age(&mut self, now: Uptime) {
        for place in 0..self.sources.len() {
            self.age_source(now, place);
        }
        let due: Vec<Vital> = self
            .choices
            .iter()
            .filter(|(_, it)| it.deadline().is_some_and(|at| at <= now))
            .map(|(v, _)| *v)
            .collect();
        for vital in due {
            let before = self.choices.get(&vital).and_then(Choice::current);
            if let Some(choice) = self.choices.get_mut(&vital) {
                choice.run(now);
            }
            self.notice_switch(now, vital, before);
            self.judge(now, vital);
        }
        for place in 0..self.limits.len() {
            if self.limits.get_mut(place).is_some_and(|it| it.open_gate(now)) {
                self.judge_limit(now, place);
            }
        }
        for place in 0..self.apneas.len() {
            if self.apneas.get_mut(place).is_some_and(|it| it.open_gate(now)) {
                self.judge_apnea(now, place);
            }
        }
        self.judge_agreement(now);
        self.notice_life(now);
    }

    /// Looks at NEWS2 if it is time.
    fn run_score(&mut self, now: Uptime) {
        let (sources, choices) = (&self.sources, &self.choices);
        let period = |vital: Vital| {
            let place = choices.get(&vital).and_then(Choice::current);
            place.and_then(|place| sources.get(place)).map_or(Duration::ZERO, |it| it.setup.period)
        };
        let resting = self.inactive.standby.is_some();
        let Some(total) = self.score.run(now, resting, period) else {
            return;
        };
        let key = Key::of_bed(Trouble::News2);
        if self.score.grade.is_none() {
            self.technical.get_mut(&key).into_iter().for_each(TechnicalAlarm::finish);
            return;
        }
        let rule = key.rule(&self.policy.technical);
        let it = self.technical.entry(key).or_insert_with_key(|key| TechnicalAlarm::new(key.trouble));
        it.begin(now, rule, false);
        it.priority = self.score.grade;
        it.cause = Some(total);
    }

    fn age_source(&mut self, now: Uptime, place: usize) {
        let Some(source) =
            self.sources.get_mut(place).filter(|it| it.state.deadline().is_some_and(|at| at <= now))
        else {
            return;
        };
        let mut stale = Vec::new();
        for (vital, held) in &mut source.state.held {
            if held.stale_at.is_some_and(|at| at <= now) {
                held.stale_at = None;
                held.in_force = false;
                stale.push(*vital);
            }
        }
        let (inflated, overdue) = (source.state.cuff.is_inflating(), source.state.cuff.stale);
        source.state.cuff.run(now);
        let overdue = source.state.cuff.stale && !overdue;
        let limbs = inflated != source.state.cuff.is_inflating();
        let silent = source.state.silent_at.is_some_and(|at| at <= now);
        if silent {
            source.state.silent_at = None;
        }
        for vital in stale {
            // What another source has said is no word of the one that is believed.
            if self.choose_aged(now, place, vital) {
                self.judge(now, vital);
            }
        }
        self.judge_troubles(now, place);
        if overdue {
            self.judge_equipment(now, place, Trouble::NibpStale);
        }
        if limbs {
            self.judge_limbs(now);
        }
        if silent {
            self.judge_equipment(now, place, Trouble::Suspect);
            self.judge_device(now, place);
            self.fall_silent(now, place);
        }
    }

    /// What a vital has to say now, and G of the source that says it.
    pub(super) fn input(&self, vital: Vital) -> (Input, Duration) {
        let tolerance = self.policy.timing.gap_tolerance;
        let source = self.choices.get(&vital).and_then(Choice::current);
        match source.and_then(|place| self.sources.get(place)) {
            Some(source) => {
                let held = source.state.held.get(&vital);
                // A cuff that has no value has none until it measures again: there is nothing to wait for (E31).
                let gap = if vital.is_discrete() { Duration::ZERO } else { source.gap(tolerance) };
                (held.map_or(Input::Void, |it| it.input()), gap)
            }
            None => (Input::Void, tolerance),
        }
    }

    /// When the believed word on a vital was said.
    pub(super) fn sampled_at(&self, vital: Vital) -> Uptime {
        let held = self.believed(vital).and_then(|source| source.state.held.get(&vital));
        held.map_or(Uptime::ZERO, |held| held.at)
    }

    /// Puts what a vital has to say now before its rules, and lets those that fall back for it know.
    pub(super) fn judge(&mut self, now: Uptime, vital: Vital) {
        let void = self.input(vital).0 == Input::Void;
        for place in 0..self.limits.len() {
            let Some(it) = self.limits.get_mut(place) else { return };
            if it.fall_back(now, vital, void) || it.vital == vital {
                self.judge_limit(now, place);
            }
        }
        for place in 0..self.apneas.len() {
            let Some(it) = self.apneas.get_mut(place) else { return };
            if it.fall_back(now, vital, void) || it.vital == vital {
                self.judge_apnea(now, place);
            }
        }
    }

    /// The same for every vital that a rule falls back for: one that has come with other rules knows nothing yet.
    pub(super) fn notice_fallbacks(&mut self, now: Uptime) {
        let of_limits = self.limits.iter().filter_map(|it| it.rule.fallback_for);
        let of_apneas = self.apneas.iter().filter_map(|it| it.rule.fallback_for);
        for vital in of_limits.chain(of_apneas).collect::<BTreeSet<Vital>>() {
            let void = self.input(vital).0 == Input::Void;
            self.limits.iter_mut().for_each(|it| _ = it.fall_back(now, vital, void));
            self.apneas.iter_mut().for_each(|it| _ = it.fall_back(now, vital, void));
        }
    }

    /// Puts what its vital has to say now before a rule.
    pub(super) fn judge_limit(&mut self, now: Uptime, place: usize) {
        let Some(vital) = self.limits.get(place).map(|it| it.vital).filter(|_| !self.is_resting()) else {
            return;
        };
        let (sampled, (input, gap)) = (self.sampled_at(vital), self.input(vital));
        self.limits.get_mut(place).into_iter().for_each(|it| it.take(now, sampled, input, gap));
    }

    /// Puts what its rate has to say now before an apnea rule.
    pub(super) fn judge_apnea(&mut self, now: Uptime, place: usize) {
        let Some(vital) = self.apneas.get(place).map(|it| it.vital).filter(|_| !self.is_resting()) else {
            return;
        };
        let (sampled, (input, gap)) = (self.sampled_at(vital), self.input(vital));
        self.apneas.get_mut(place).into_iter().for_each(|it| it.take(now, sampled, input, gap));
    }

    /// The source is silent, unless its port is known to have gone.
    fn fall_silent(&mut self, now: Uptime, place: usize) {
        let Some(source) = self.sources.get(place).filter(|_| !self.is_resting()) else {
            return;
        };
        let name = &source.setup.source;
        let gone =
            self.technical.get(&Key::new(Trouble::PortGone, name)).is_some_and(|it| it.state.is_present());
        let (critical, late) = (source.setup.critical, source.state.late);
        let key = Key::new(if gone { Trouble::PortGone } else { Trouble::NoData }, name);
        let it = self.technical.entry(key).or_insert_with_key(|key| TechnicalAlarm::new(key.trouble));
        it.begin(now, &self.policy.technical.no_data, critical);
        if late && !gone {
            it.blame_late();
        }
    }
}
