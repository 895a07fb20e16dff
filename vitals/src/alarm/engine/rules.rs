//! Other rules within a run: another file, another profile, or limits that an operator changed (E29).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::AlarmEngine;
use super::act::Place;
use crate::alarm::action::Refusal;
use crate::alarm::apnea::ApneaAlarm;
use crate::alarm::event::{AlarmIds, Direction};
use crate::alarm::limit::LimitAlarm;
use crate::alarm::policy::{AlarmPolicy, LimitRule};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::time::Uptime;
use crate::vital::Vital;

/// Limits that an operator set for this stay, laid over the file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::alarm) struct Limits {
    pub(in crate::alarm) limit: Quantity,
    /// `None`: as the file says.
    pub(in crate::alarm) extreme: Option<Quantity>,
}

/// The limits that operators changed.
pub(in crate::alarm) type Changes = BTreeMap<(Vital, Direction), Limits>;

impl AlarmEngine {
    /// Follows other rules from now on: what has not changed keeps its state (E29).
    pub fn handle_policy(&mut self, now: Uptime, policy: AlarmPolicy, ids: &mut AlarmIds) {
        let now = now.max(self.clock);
        self.begin(now, ids);
        self.score.take_enabled(now, policy.scores());
        self.follow(now, policy);
        // The device's word that is on is the first rule's, and what a rule watches is missed (E32, H6).
        self.judge_flag(now);
        for place in 0..self.sources.len() {
            self.judge_troubles(now, place);
        }
        self.tell(now, ids);
    }

    /// An operator's limits for this stay.
    pub(super) fn change_limits(
        &mut self,
        now: Uptime,
        key: (Vital, Direction),
        limits: Limits,
    ) -> Result<(), Refusal> {
        let rule = self.policy.rules.get(&key).ok_or(Refusal::NoSuchRule)?;
        let opposite = match key.1 {
            Direction::Low => Direction::High,
            Direction::High => Direction::Low,
        };
        let opposite = self.policy.rules.get(&(key.0, opposite)).map(|it| it.limit.limit);
        if !is_sensible(key, &over(rule, limits), opposite) {
            return Err(Refusal::NotSensible);
        }
        self.changes.insert(key, limits);
        let file = self.file.clone();
        self.follow(now, file);
        Ok(())
    }

    /// Lays what operators changed over the file's rules for the stay, and takes over the state of what stays.
    pub(super) fn follow(&mut self, now: Uptime, file: AlarmPolicy) {
        self.policy = with_changes(&file, self.stay.as_ref(), &self.changes);
        self.file = file;
        self.drop_rules(now);
        let (mut limits, mut apneas) = (Vec::new(), Vec::new());
        let mut olds = core::mem::take(&mut self.limits);
        for ((vital, direction), rule) in &self.policy.rules {
            let mut new = LimitAlarm::new(*vital, *direction, rule, now);
            let old = olds.iter().position(|it| it.code() == new.code()).map(|place| olds.swap_remove(place));
            limits.push(old.as_ref().is_none_or(|it| it.rule != new.rule));
            if let Some(old) = old {
                new = old.adopting(new);
            }
            self.limits.push(new);
        }
        let mut olds = core::mem::take(&mut self.apneas);
        for (vital, rule) in &self.policy.apnea {
            let new = ApneaAlarm::new(*vital, rule, now);
            let old = olds.iter().position(|it| it.vital == *vital).map(|place| olds.swap_remove(place));
            let is_changed = old.as_ref().is_none_or(|it| it.rule != *rule);
            let mut it = old.unwrap_or(new);
            if is_changed {
                it.adopt(now, rule);
            }
            apneas.push(is_changed);
            self.apneas.push(it);
        }
        self.notice_fallbacks(now);
        let changed =
            |list: Vec<bool>| list.into_iter().enumerate().filter_map(|(place, it)| it.then_some(place));
        changed(limits).for_each(|place| self.judge_limit(now, place));
        changed(apneas).for_each(|place| self.judge_apnea(now, place));
        (0..self.sources.len()).for_each(|place| self.judge_device(now, place));
    }

    /// Ends the alarms of rules that are no more.
    fn drop_rules(&mut self, now: Uptime) {
        let has =
            |policy: &AlarmPolicy, it: &LimitAlarm| policy.rules.contains_key(&(it.vital, it.direction));
        let limits = self.limits.iter().enumerate().filter(|(_, it)| !has(&self.policy, it));
        let mut gone: Vec<Place> = limits.map(|(place, _)| Place::Limit(place)).collect();
        let apneas = self.apneas.iter().enumerate();
        let apneas = apneas.filter(|(_, it)| !self.policy.apnea.contains_key(&it.vital));
        gone.extend(apneas.map(|(place, _)| Place::Apnea(place)));
        self.sort_places(&mut gone);
        for place in gone {
            self.change(now, &place, |alarm| alarm.reset(Some("rule removed")));
        }
    }
}

/// A file's rules for a stay, with what operators changed over them.
pub(super) fn with_changes(file: &AlarmPolicy, stay: Option<&Name>, changes: &Changes) -> AlarmPolicy {
    let mut policy = file.in_stay(stay);
    for (key, limits) in changes {
        if let Some(rule) = policy.rules.get_mut(key) {
            *rule = over(rule, *limits);
        }
    }
    policy
}

fn over(rule: &LimitRule, limits: Limits) -> LimitRule {
    let mut rule = rule.clone();
    rule.limit.limit = limits.limit;
    if let (Some(extreme), Some(limit)) = (&mut rule.extreme, limits.extreme) {
        extreme.limit = limit;
    }
    rule
}

/// Whether a file with this rule would be taken; `opposite` is the limit on the other side.
fn is_sensible((vital, side): (Vital, Direction), rule: &LimitRule, opposite: Option<Quantity>) -> bool {
    let limit = rule.limit.limit;
    let extreme = rule.extreme.as_ref().map(|it| it.limit);
    let plausible = vital.is_plausible(limit) && extreme.is_none_or(|it| vital.is_plausible(it));
    let properties = vital.properties();
    match side {
        Direction::Low => {
            let top = opposite.unwrap_or(properties.highest);
            let apart = opposite.is_none_or(|it| limit < it);
            let room = limit.saturating_add(rule.hysteresis) <= top;
            plausible && extreme.is_none_or(|it| it < limit) && apart && room
        }
        Direction::High => {
            let bottom = opposite.unwrap_or(properties.lowest);
            let apart = opposite.is_none_or(|it| limit > it);
            let room = limit.saturating_sub(rule.hysteresis) >= bottom;
            plausible && extreme.is_none_or(|it| it > limit) && apart && room
        }
    }
}
