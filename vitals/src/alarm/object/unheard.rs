//! What becomes of an alarm while nobody listens, and what the first step after a restart tells of it (E35).

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::attention::Need;
use super::{Alarm, Change, Finding, Standing};
use crate::alarm::event::{AlarmId, Condition, Phase, Priority, Signal};
use crate::alarm::snapshot::Moved;
use crate::time::Uptime;

/// What nobody has heard of an alarm yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Unheard {
    /// That there is one. It has no number before its first record.
    Birth,
    /// What has become of it since it was told last.
    Change {
        /// What was told.
        told: Told,
        /// Why it is on again.
        reason: Option<String>,
    },
}

/// What was told of an alarm last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    condition: Condition,
    signal: Signal,
    finding: Finding,
    peak: Priority,
}

impl Alarm {
    /// From the restart on nobody hears of it, until the next record.
    pub(super) fn fall_unheard(&mut self, moved: Moved) {
        self.finding = self.finding.moved(moved);
        match &mut self.unheard {
            // There was no record since the restart before this one.
            Some(Unheard::Change { told, .. }) => told.finding = told.finding.moved(moved),
            Some(Unheard::Birth) => {}
            None => {
                let Self { condition, signal, finding, peak, .. } = *self;
                let told = Told { condition, signal, finding, peak };
                self.unheard = Some(Unheard::Change { told, reason: None });
            }
        }
    }

    /// Brings an alarm in line with its levels, without a word.
    ///
    /// What has ended is kept until that is told: if it begins again before, it is the same alarm, and on.
    pub(in crate::alarm) fn go_unheard(
        alarm: &mut Option<Self>,
        now: Uptime,
        standing: Standing,
        ours: bool,
    ) {
        let Some(open) = alarm else {
            *alarm = standing.finding.map(|finding| Self {
                unheard: Some(Unheard::Birth),
                condition: standing.condition(),
                ..Self::born(now, AlarmId::unissued(), finding, standing.worst)
            });
            return;
        };
        open.judge(standing.finding, standing.indeterminate);
        if standing.worsened && open.signal == Signal::Acknowledged {
            open.annunciate();
            open.note_reason(Some("worse"));
        }
        if open.condition == Condition::Clear {
            open.note_reason(None);
        }
        open.stand_still(now, ours);
        alarm.take_if(|it| it.came_and_went());
    }

    /// Whether it is over before anybody heard of it: nobody need.
    pub(in crate::alarm) fn came_and_went(&self) -> bool {
        self.is_over() && self.unheard == Some(Unheard::Birth)
    }

    /// What there is to tell of what nobody has heard; what was `judged` now where everything was told.
    pub(in crate::alarm) fn take_unheard(
        &mut self,
        judged: Option<Change>,
        id: impl FnOnce() -> AlarmId,
    ) -> Option<Change> {
        match self.unheard.take() {
            None => judged,
            Some(Unheard::Birth) => {
                self.id = id();
                self.peak = self.finding.priority;
                Some(Change::new(Phase::Start))
            }
            Some(Unheard::Change { told, reason }) => {
                self.change_since(&told).map(|change| Change { reason, ..change })
            }
        }
    }

    /// The net change since it was told; that nobody can tell any more is none.
    fn change_since(&mut self, told: &Told) -> Option<Change> {
        if self.condition == Condition::Clear {
            // A record without a present level keeps the last that was told (E20).
            (self.finding, self.peak) = (told.finding, told.peak);
            let is_news = (told.condition, told.signal) != (self.condition, self.signal);
            let phase = if self.is_over() { Phase::End } else { Phase::Update };
            return is_news.then(|| Change::new(phase));
        }
        let (last, priority) = (told.finding.priority, self.finding.priority);
        self.peak = told.peak.max(priority);
        let latched = told.condition == Condition::Clear;
        let known = if self.condition == Condition::Indeterminate { told.condition } else { self.condition };
        let state = |condition, signal, it: &Finding| (condition, signal, it.level, it.limit);
        let is_news =
            state(known, self.signal, &self.finding) != state(told.condition, told.signal, &told.finding);
        let phase = match () {
            () if priority > last => Phase::Escalate,
            () if priority < last && !latched => Phase::DeEscalate,
            () if is_news || latched => Phase::Update,
            () => return None,
        };
        Some(Change { previous_priority: (last != priority).then_some(last), ..Change::new(phase) })
    }

    fn note_reason(&mut self, why: Option<&str>) {
        if let Some(Unheard::Change { reason, .. }) = &mut self.unheard {
            *reason = why.map(Into::into);
        }
    }

    /// Nobody could attend to it (E23a).
    fn stand_still(&mut self, now: Uptime, ours: bool) {
        let need = match (self.signal, self.finding.priority) {
            (Signal::On, Priority::High) if ours => Need::Waiting,
            _ => Need::None,
        };
        self.attention.take(now, need);
    }
}
