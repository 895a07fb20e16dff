//! The agent's own technical alarms (E36): what is wrong with us, by the same machine as the equipment's (E30).
//!
//! They belong to no bed: what they cost, they cost every bed of the agent. One alarm for each trouble, never latching.

mod act;
mod trouble;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::action::Outcome;
use super::engine::Answered;
use super::event::{AlarmEvent, AlarmIds, Code, Phase};
use super::inactive::Cover;
use super::level::{Class, Delays, LevelState, Progress};
use super::object::{Alarm, Change, Facts, Finding};
use super::policy::Timing;
use super::snapshot::{Boot, Moved};
use crate::reading::Mode;
use crate::time::Uptime;

pub use trouble::{AgentRule, AgentTrouble, Report, buffer_report, waiting_report};

/// The times of E14, E21 and E27, as for every alarm.
const TIMING: Timing = Timing {
    gap_tolerance: Duration::from_secs(10),
    continue_every: Duration::from_secs(15),
    reminder: Duration::from_secs(180),
};

/// Decides the alarms of one agent about itself.
#[derive(Debug)]
pub struct AgentAlarms {
    mode: Mode,
    alarms: BTreeMap<AgentTrouble, AgentAlarm>,
    /// The time of the newest report or deadline: nothing happens before it any more.
    clock: Uptime,
    /// The first step after a restart is still to come, then.
    first_step: Option<Uptime>,
    /// The newest actions and their outcomes.
    answered: Answered,
    events: VecDeque<AlarmEvent>,
}

/// What of them must survive the process (E34).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSnapshot {
    /// When it was taken.
    pub at: Uptime,
    alarms: Vec<(AgentTrouble, AgentAlarm)>,
    #[serde(default)]
    answered: Vec<(String, Outcome)>,
}

/// One of them at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AgentAlarm {
    state: LevelState,
    /// Kept over a restart, and nothing is known since.
    indeterminate: bool,
    cause: Option<String>,
    alarm: Option<Alarm>,
}

impl AgentAlarms {
    /// Those of an agent about which nothing is known yet; `mode` is the agent's: live if any of its sources is.
    #[must_use]
    pub fn new(mode: Mode, now: Uptime) -> Self {
        let (alarms, events) = (BTreeMap::new(), VecDeque::new());
        Self { mode, alarms, clock: now, first_step: None, answered: Answered::new(), events }
    }

    /// As they were at the snapshot. In the first step, due at `now`, each kept alarm says that it goes on (E35).
    #[must_use]
    pub fn restore(mode: Mode, snapshot: &AgentSnapshot, boot: Boot, now: Uptime) -> Self {
        let moved = Moved { from: snapshot.at, to: now, boot };
        let kept = snapshot.alarms.iter().filter(|(_, it)| it.alarm.is_some());
        let alarms = kept.map(|(trouble, it)| (*trouble, it.restored(moved))).collect();
        let answered = snapshot.answered.iter().cloned().collect();
        Self { alarms, answered, first_step: Some(now), ..Self::new(mode, now) }
    }

    /// All that must survive the process.
    #[must_use]
    pub fn snapshot(&self, now: Uptime) -> AgentSnapshot {
        let alarms = self.alarms.iter().map(|(trouble, it)| (*trouble, it.clone())).collect();
        let answered = self.answered.iter().cloned().collect();
        AgentSnapshot { at: now.max(self.clock), alarms, answered }
    }

    /// Takes what is known of a trouble now; `cause` says what brought it about, and holds from the alarm's birth.
    pub fn handle_report(
        &mut self,
        now: Uptime,
        trouble: AgentTrouble,
        report: Report,
        cause: Option<&str>,
        ids: &mut AlarmIds,
    ) {
        let now = now.max(self.clock);
        self.advance(now, ids);
        self.clock = now;
        let it = self.alarms.entry(trouble).or_insert_with(AgentAlarm::idle);
        it.take(now, report, trouble.rule());
        if it.alarm.is_none() {
            it.cause = cause.map(Into::into);
        }
        self.tell(now, ids);
    }

    /// Does what was due at `poll_timeout`. Called earlier or more often, it changes nothing.
    pub fn handle_timeout(&mut self, now: Uptime, ids: &mut AlarmIds) {
        self.advance(now, ids);
    }

    /// Nobody was looking from `from` to `to`: no delay ran (E6).
    pub fn handle_stall(&mut self, from: Uptime, to: Uptime) {
        let by = to.since(from);
        for it in self.alarms.values_mut() {
            it.state.shift(by);
            if let Some(alarm) = &mut it.alarm {
                alarm.shift(by);
            }
        }
    }

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Uptime> {
        self.alarms.values().filter_map(AgentAlarm::deadline).chain(self.first_step).min()
    }

    /// The next thing an alarm has to say.
    pub fn poll_event(&mut self) -> Option<AlarmEvent> {
        self.events.pop_front()
    }

    /// Runs every timer up to `now`, each at its own deadline (E2).
    fn advance(&mut self, now: Uptime, ids: &mut AlarmIds) {
        while let Some(deadline) = self.poll_timeout().filter(|at| *at <= now) {
            self.clock = self.clock.max(deadline);
            self.first_step = None;
            for it in self.alarms.values_mut() {
                it.state.mature(deadline);
                it.state.expire(deadline);
                it.state.clear(deadline);
            }
            self.tell(deadline, ids);
        }
    }

    /// Tells each alarm's net change, or that it goes on (E4).
    fn tell(&mut self, now: Uptime, ids: &mut AlarmIds) {
        for (trouble, it) in &mut self.alarms {
            let Some(change) = it.change(now, *trouble, ids) else { continue };
            let facts = it.facts(*trouble, self.mode);
            self.events.extend(it.alarm.as_mut().map(|alarm| alarm.tell(now, change, facts, &TIMING)));
            it.alarm.take_if(|it| it.is_over());
        }
    }
}

impl AgentAlarm {
    const fn idle() -> Self {
        Self { state: LevelState::Clear, indeterminate: false, cause: None, alarm: None }
    }

    fn take(&mut self, now: Uptime, report: Report, rule: AgentRule) {
        let delays = Delays { delay: rule.delay, clear: rule.clear_delay, gap: TIMING.gap_tolerance };
        self.indeterminate &= report == Report::Unknown;
        match (report, self.state) {
            // It may have begun before anybody looked; its delay runs from there.
            (Report::Since(since), LevelState::Clear) => {
                let onset = since.min(now);
                self.state =
                    LevelState::Pending { onset, progress: Progress::Running { due: onset + rule.delay } };
                self.state.mature(now);
            }
            (Report::Since(_), _) => self.state.take(now, Class::Out, delays),
            (Report::Well, _) => self.state.take(now, Class::In, delays),
            (Report::Between, _) => self.state.take(now, Class::Band, delays),
            (Report::Unknown, LevelState::Pending { .. }) => self.state.take(now, Class::Void, delays),
            (Report::Unknown, LevelState::Clear | LevelState::Present { .. }) => {}
        }
    }

    /// What of it changed in this step, or that it goes on; born here where there is none yet.
    fn change(&mut self, now: Uptime, trouble: AgentTrouble, ids: &mut AlarmIds) -> Option<Change> {
        let finding = self.finding(trouble);
        let Some(open) = &mut self.alarm else {
            let finding = finding?;
            let mut born = Alarm::born(now, ids.issue(), finding, None);
            born.settle(now, Cover::NONE, true);
            self.alarm = Some(born);
            return Some(Change::new(Phase::Start));
        };
        let change = open.judge(finding, self.indeterminate);
        let change = open.take_unheard(change, || ids.issue());
        // Nothing of the agent can be paused or off; whether anybody attends to it is told as of every alarm (E23a).
        let news = open.settle(now, Cover::NONE, true).then(|| Change::new(Phase::Update));
        let reminder = open.take_reminder(now, &TIMING);
        let told = change.or(news).or_else(|| open.go_on(now, reminder))?;
        // What is over reminds of nothing (E27).
        Some(Change { reminder: reminder && told.phase != Phase::End, ..told })
    }

    fn finding(&self, trouble: AgentTrouble) -> Option<Finding> {
        let LevelState::Present { onset, decided, .. } = self.state else { return None };
        let priority = trouble.rule().priority;
        let delay = decided.since(onset);
        Some(Finding { level: None, priority, limit: None, onset, decided, delay, latch: false })
    }

    fn facts(&self, trouble: AgentTrouble, mode: Mode) -> Facts {
        Facts {
            cause: self.cause.clone(),
            text: Some(trouble.text().into()),
            ..Facts::without_value(Code::Agent(trouble), mode)
        }
    }

    /// As it is after a restart: nobody knows yet whether the trouble is still there.
    fn restored(&self, moved: Moved) -> Self {
        let mut it = self.clone();
        if moved.boot == Boot::Other {
            it.state = it.state.rebased(moved);
        }
        it.indeterminate = it.state.is_present();
        if let Some(alarm) = &mut it.alarm {
            alarm.restart(moved);
        }
        it
    }

    fn deadline(&self) -> Option<Uptime> {
        [self.state.deadline(), self.alarm.as_ref().and_then(Alarm::deadline)].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
