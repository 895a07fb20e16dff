//! One step: the timers of one deadline in their order, then at most one record for each alarm (E3, E4).

use alloc::vec::Vec;
use core::time::Duration;

use super::AlarmEngine;
use crate::alarm::choice::Choice;
use crate::alarm::event::{AlarmEvent, AlarmId, AlarmIds, Phase, Signal};
use crate::alarm::level::Input;
use crate::alarm::object::{Alarm, Change, Facts, Finding};
use crate::alarm::policy::Timing;
use crate::alarm::technical::{Key, TechnicalAlarm, Trouble};
use crate::quantity::Quantity;
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
        self.technical.iter_mut().for_each(|(key, it)| it.mature(now, key.rule(policy)));
        self.age(now);
        self.limits.iter_mut().for_each(|it| it.expire(now));
        self.technical.values_mut().for_each(|it| it.expire(now));
        self.limits.iter_mut().for_each(|it| it.clear(now));
        self.technical.values_mut().for_each(|it| it.clear(now));
        self.technical.values_mut().for_each(|it| it.escalate(now));
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
            if let Some(choice) = self.choices.get_mut(&vital) {
                choice.run(now);
            }
            self.judge(now, vital);
        }
        for place in 0..self.limits.len() {
            let opened = self.limits.get_mut(place).and_then(|it| it.open_gate(now).then_some(it.vital));
            if let Some(vital) = opened {
                self.judge(now, vital);
            }
        }
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
        let silent = source.state.silent_at.is_some_and(|at| at <= now);
        if silent {
            source.state.silent_at = None;
        }
        for vital in stale {
            self.choose(now, place, vital);
            self.judge(now, vital);
        }
        self.judge_sensors(now, place);
        if silent {
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
                (held.map_or(Input::Void, |it| it.input()), source.gap(tolerance))
            }
            None => (Input::Void, tolerance),
        }
    }

    /// Puts what a vital has to say now before its rules, and before those that fall back for it.
    pub(super) fn judge(&mut self, now: Uptime, vital: Vital) {
        let (input, gap) = self.input(vital);
        let mut fallback = None;
        for limit in &mut self.limits {
            if limit.vital == vital {
                limit.take(now, input, gap);
            }
            if limit.rule.fallback_for == Some(vital) {
                limit.take_fallback(now, input == Input::Void);
                fallback = Some(limit.vital);
            }
        }
        if let Some(other) = fallback.filter(|it| *it != vital) {
            let (input, gap) = self.input(other);
            for limit in self.limits.iter_mut().filter(|it| it.vital == other) {
                limit.take(now, input, gap);
            }
        }
    }

    /// Tells each alarm's net change, or that it goes on: physiological before technical (E4).
    pub(super) fn tell(&mut self, now: Uptime, ids: &mut AlarmIds) {
        for place in 0..self.limits.len() {
            self.tell_limit(now, place, ids);
        }
        let mut technical = core::mem::take(&mut self.technical);
        for (key, it) in &mut technical {
            self.tell_technical(now, key, it, ids);
        }
        technical.retain(|_, it| !it.is_idle());
        self.technical = technical;
    }

    fn tell_limit(&mut self, now: Uptime, place: usize, ids: &mut AlarmIds) {
        let Some(it) = self.limits.get_mut(place) else {
            return;
        };
        let finding = it.finding();
        if finding.is_none() {
            if it.state.alarm.is_none() {
                return;
            }
            it.forget_void();
        }
        let worsened = it.has_worsened();
        let indeterminate = it.state.indeterminate;
        let last = it.last();
        let change = net_change(
            &mut it.state.alarm,
            now,
            finding,
            indeterminate,
            worsened,
            &self.policy.timing,
            || (ids.issue(), last),
        );
        if it.state.alarm.as_ref().is_some_and(|alarm| alarm.signal != Signal::Acknowledged) {
            it.stop_watching();
        }
        if let Some(change) = change {
            self.say_limit(now, place, change);
        }
    }

    /// Puts an event of a rule's alarm into the queue.
    pub(super) fn say_limit(&mut self, now: Uptime, place: usize, change: Change) {
        let Some(facts) = self.limits.get(place).map(|it| self.limit_facts(it.vital, it.direction)) else {
            return;
        };
        let alarm = self.limits.get_mut(place).map(|it| &mut it.state.alarm);
        if let Some(event) = alarm.and_then(|it| say(it, now, change, facts, &self.policy.timing)) {
            self.events.push_back(event);
        }
    }

    fn tell_technical(&mut self, now: Uptime, key: &Key, it: &mut TechnicalAlarm, ids: &mut AlarmIds) {
        let finding = it.finding(key.rule(&self.policy.technical));
        if finding.is_none() {
            it.forget_void();
        }
        let indeterminate = it.indeterminate;
        let timing = &self.policy.timing;
        let change =
            net_change(&mut it.alarm, now, finding, indeterminate, false, timing, || (ids.issue(), None));
        let news = it.take_news().then(|| Change::new(Phase::Update));
        let change = change.filter(|it| it.phase != Phase::Continue || news.is_none()).or(news);
        if let Some(change) = change {
            self.say_technical(now, key, it, change);
        }
    }

    /// Puts an event of a technical alarm into the queue.
    pub(super) fn say_technical(&mut self, now: Uptime, key: &Key, it: &mut TechnicalAlarm, change: Change) {
        let facts = self.technical_facts(key, it);
        self.events.extend(say(&mut it.alarm, now, change, facts, &self.policy.timing));
    }

    /// The source is silent, unless its port is known to have gone.
    fn fall_silent(&mut self, now: Uptime, place: usize) {
        let Some(source) = self.sources.get(place) else {
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

/// What of an alarm changed in this step, or that it goes on; born here where there is none yet.
fn net_change(
    alarm: &mut Option<Alarm>,
    now: Uptime,
    finding: Option<Finding>,
    indeterminate: bool,
    worsened: bool,
    timing: &Timing,
    issue: impl FnOnce() -> (AlarmId, Option<Quantity>),
) -> Option<Change> {
    let Some(open) = alarm else {
        let finding = finding?;
        let (id, worst) = issue();
        *alarm = Some(Alarm::born(now, id, finding, worst));
        return Some(Change::new(Phase::Start));
    };
    let mut change = open.judge(finding, indeterminate);
    if worsened && open.signal == Signal::Acknowledged {
        open.annunciate();
        let change = change.get_or_insert_with(|| Change::new(Phase::Update));
        change.reason = Some("worse".into());
    }
    change.or_else(|| open.go_on(now, timing))
}

/// Makes the event of a change, and lets go of an alarm whose story is over.
fn say(
    alarm: &mut Option<Alarm>,
    now: Uptime,
    change: Change,
    facts: Facts,
    timing: &Timing,
) -> Option<AlarmEvent> {
    let event = alarm.as_mut()?.tell(now, change, facts, timing);
    alarm.take_if(|it| it.is_over());
    Some(event)
}
