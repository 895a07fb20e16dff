//! What a step has to say: at most one record for each alarm, in the order of E4.

use super::AlarmEngine;
use crate::alarm::event::{AlarmEvent, AlarmIds, Code, Phase, Signal};
use crate::alarm::inactive::{Cover, Inactivations};
use crate::alarm::object::{Alarm, Change, Facts, Standing};
use crate::alarm::policy::Timing;
use crate::alarm::technical::{Key, TechnicalAlarm};
use crate::time::Uptime;

/// What telling an alarm needs to know of the step and of the bed.
struct Step<'a> {
    now: Uptime,
    code: Code,
    timing: &'a Timing,
    inactive: &'a Inactivations,
}

impl AlarmEngine {
    /// Tells each alarm's net change, or that it goes on.
    pub(super) fn tell(&mut self, now: Uptime, ids: &mut AlarmIds) {
        self.judge_inactive(now);
        let mut apnea = 0;
        for place in 0..self.limits.len() {
            let vital = self.limits.get(place).map(|it| it.vital);
            while self.apneas.get(apnea).is_some_and(|it| Some(it.vital) < vital) {
                self.tell_apnea(now, apnea, ids);
                apnea += 1;
            }
            self.tell_limit(now, place, ids);
        }
        for place in apnea..self.apneas.len() {
            self.tell_apnea(now, place, ids);
        }
        let mut technical = core::mem::take(&mut self.technical);
        for (key, it) in &mut technical {
            self.tell_technical(now, key, it, ids);
        }
        technical.retain(|_, it| !it.is_idle());
        self.technical = technical;
        self.remind_of_audio_off(now);
    }

    fn tell_limit(&mut self, now: Uptime, place: usize, ids: &mut AlarmIds) {
        let Some(it) = self.limits.get_mut(place) else {
            return;
        };
        let standing = it.standing();
        if standing.finding.is_none() && it.state.alarm.is_none() {
            return;
        }
        let step = Step { now, code: it.code(), timing: &self.policy.timing, inactive: &self.inactive };
        let change = step.net_change(&mut it.state.alarm, standing, ids);
        if it.state.alarm.as_ref().is_some_and(|alarm| alarm.signal != Signal::Acknowledged) {
            it.stop_watching();
        }
        if let Some(change) = change {
            self.say_limit(now, place, change);
        }
    }

    fn tell_apnea(&mut self, now: Uptime, place: usize, ids: &mut AlarmIds) {
        let Some(it) = self.apneas.get_mut(place) else {
            return;
        };
        let (code, standing) = (it.code(), it.standing());
        let step = Step { now, code, timing: &self.policy.timing, inactive: &self.inactive };
        let change = step.net_change(&mut it.state.alarm, standing, ids);
        if let Some(change) = change {
            self.say_apnea(now, place, change);
        }
    }

    fn tell_technical(&mut self, now: Uptime, key: &Key, it: &mut TechnicalAlarm, ids: &mut AlarmIds) {
        let (code, standing) = (key.trouble.code(), it.standing(key.rule(&self.policy.technical)));
        let step = Step { now, code, timing: &self.policy.timing, inactive: &self.inactive };
        let change = step.net_change(&mut it.alarm, standing, ids);
        let reminder = change.as_ref().is_some_and(|it| it.reminder);
        let news = it.take_news().then(|| Change { reminder, ..Change::new(Phase::Update) });
        let change = change.filter(|it| it.phase != Phase::Continue || news.is_none()).or(news);
        if let Some(change) = change {
            self.say_technical(now, key, it, change);
        }
    }

    /// Brings every alarm in line with its levels, without a word (E35).
    pub(super) fn tell_nobody(&mut self, now: Uptime) {
        for it in &mut self.limits {
            let standing = it.standing();
            Alarm::go_unheard(&mut it.state.alarm, now, standing, true);
            if it.state.alarm.as_ref().is_some_and(|alarm| alarm.signal != Signal::Acknowledged) {
                it.stop_watching();
            }
        }
        for it in &mut self.apneas {
            let standing = it.standing();
            Alarm::go_unheard(&mut it.state.alarm, now, standing, true);
        }
        for (key, it) in &mut self.technical {
            let standing = it.standing(key.rule(&self.policy.technical));
            Alarm::go_unheard(&mut it.alarm, now, standing, !key.trouble.code().is_of_device());
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

    /// Puts an event of an apnea alarm into the queue.
    pub(super) fn say_apnea(&mut self, now: Uptime, place: usize, change: Change) {
        let Some(facts) = self.apneas.get(place).map(|it| self.apnea_facts(it.vital)) else {
            return;
        };
        let alarm = self.apneas.get_mut(place).map(|it| &mut it.state.alarm);
        if let Some(event) = alarm.and_then(|it| say(it, now, change, facts, &self.policy.timing)) {
            self.events.push_back(event);
        }
    }

    /// Puts an event of a technical alarm or an advisory into the queue.
    pub(super) fn say_technical(&mut self, now: Uptime, key: &Key, it: &mut TechnicalAlarm, change: Change) {
        let facts = self.technical_facts(key, it);
        self.events.extend(say(&mut it.alarm, now, change, facts, &self.policy.timing));
    }

    /// Takes what covers an alarm before its change is told.
    pub(super) fn settle(inactive: &Inactivations, now: Uptime, code: Code, alarm: &mut Alarm) -> bool {
        // What a device raises itself it sounds itself: no pause of ours covers it, and nobody is sent to it by us (E38).
        let ours = !code.is_of_device();
        let cover = if ours { inactive.cover(code.kind(), code, alarm) } else { Cover::NONE };
        alarm.settle(now, cover, ours)
    }
}

impl Step<'_> {
    /// What of an alarm changed in this step, or that it goes on; born here where there is none yet.
    fn net_change(
        &self,
        alarm: &mut Option<Alarm>,
        standing: Standing,
        ids: &mut AlarmIds,
    ) -> Option<Change> {
        let judged = alarm.as_mut().and_then(|it| it.judge(standing.finding, standing.indeterminate));
        alarm.take_if(|it| it.came_and_went());
        let (open, mut change) = if let Some(open) = alarm {
            let change = open.take_unheard(judged, || ids.issue());
            (open, change)
        } else {
            let finding = standing.finding?;
            let open = alarm.insert(Alarm::born(self.now, ids.issue(), finding, standing.worst));
            open.condition = standing.condition();
            (open, Some(Change::new(Phase::Start)))
        };
        if standing.worsened && open.signal == Signal::Acknowledged {
            open.annunciate();
            let change = change.get_or_insert_with(|| Change::new(Phase::Update));
            change.reason = Some("worse".into());
        }
        if AlarmEngine::settle(self.inactive, self.now, self.code, open) {
            change.get_or_insert_with(|| Change::new(Phase::Update));
        }
        let reminder = open.take_reminder(self.now, self.timing);
        let change = change.or_else(|| open.go_on(self.now, reminder));
        // What is over reminds of nothing.
        change.map(|it| Change { reminder: reminder && it.phase != Phase::End, ..it })
    }
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
