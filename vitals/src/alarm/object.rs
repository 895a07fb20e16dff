//! The alarm object: from its birth to its end one id, and a signal that is not its condition (E18 to E22).

mod attention;
mod unheard;

use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{
    Acknowledgement, AlarmEvent, AlarmId, Code, Condition, Kind, Level, Phase, Priority, SampledValue, Signal,
};
use super::inactive::Cover;
use super::policy::Timing;
use super::snapshot::{Boot, Moved};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::reading::{Absent, Mode, Quality};
use crate::time::Uptime;
use attention::{Attention, Need};
use unheard::Unheard;

/// The shortest interval of a signal timer: a policy that says zero must not make time stand still.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// What the levels of a rule say: the highest level that is present (E12, E20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) level: Option<Level>,
    pub(super) priority: Priority,
    pub(super) limit: Option<Quantity>,
    pub(super) onset: Uptime,
    pub(super) decided: Uptime,
    /// Kept apart from the two times, because those of another boot cannot be subtracted.
    pub(super) delay: Duration,
    /// Whether a level reached latches.
    pub(super) latch: bool,
}

impl Finding {
    /// With its times on the clock of now.
    fn moved(self, moved: Moved) -> Self {
        Self { onset: moved.time(self.onset), decided: moved.time(self.decided), ..self }
    }

    /// With the delay told before, if it is still about the same decision.
    fn or_delay_of(self, told: &Self) -> Self {
        let same = self.level == told.level && self.decided == told.decided;
        Self { delay: if same { told.delay } else { self.delay }, ..self }
    }
}

/// What the levels and the value of a rule mean for its alarm in one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) finding: Option<Finding>,
    pub(super) indeterminate: bool,
    /// It became worse than what was acknowledged (E23).
    pub(super) worsened: bool,
    /// The newest word, if it was a value: what an alarm that is born now has come to.
    pub(super) worst: Option<Quantity>,
}

impl Standing {
    /// The condition of what is present.
    pub(super) fn condition(self) -> Condition {
        if self.indeterminate { Condition::Indeterminate } else { Condition::Present }
    }
}

/// One alarm, open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Alarm {
    pub(super) id: AlarmId,
    revision: u32,
    pub(super) finding: Finding,
    peak: Priority,
    pub(super) condition: Condition,
    pub(super) signal: Signal,
    latching: bool,
    pub(super) worst: Option<Quantity>,
    acknowledged: Option<Acknowledgement>,
    continue_at: Uptime,
    pub(super) remind_at: Option<Uptime>,
    /// How long the operator paused its sound (E25).
    #[serde(default)]
    pub(super) audio_paused_until: Option<Uptime>,
    /// What covered it when it was told last.
    #[serde(default)]
    cover: Cover,
    #[serde(default)]
    attention: Attention,
    /// Set by a restart, until the first step after it has told so (E35).
    pub(super) restarted: bool,
    /// What has become of it over a restart, until that is told.
    #[serde(default)]
    unheard: Option<Unheard>,
}

/// What is told of an alarm beyond its own state.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    pub(super) code: Code,
    pub(super) source: Option<Arc<Name>>,
    pub(super) value: Option<SampledValue>,
    pub(super) absent: Option<Absent>,
    pub(super) quality: Quality,
    pub(super) low: Option<Quantity>,
    pub(super) high: Option<Quantity>,
    pub(super) cause: Option<String>,
    pub(super) mode: Mode,
    pub(super) text: Option<String>,
}

impl Facts {
    /// Of an alarm that is of no value and of no source.
    pub(super) fn without_value(code: Code, mode: Mode) -> Self {
        Self {
            kind: code.kind(),
            code,
            source: None,
            value: None,
            absent: None,
            quality: Quality::NONE,
            low: None,
            high: None,
            cause: None,
            mode,
            text: None,
        }
    }
}

/// What one step changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) phase: Phase,
    pub(super) previous_priority: Option<Priority>,
    pub(super) reason: Option<String>,
    pub(super) reminder: bool,
}

impl Change {
    pub(super) fn new(phase: Phase) -> Self {
        Self { phase, previous_priority: None, reason: None, reminder: false }
    }
}

impl Alarm {
    /// Born when a level first becomes present (E18).
    pub(super) fn born(now: Uptime, id: AlarmId, finding: Finding, worst: Option<Quantity>) -> Self {
        Self {
            id,
            revision: 0,
            finding,
            peak: finding.priority,
            condition: Condition::Present,
            signal: Signal::On,
            latching: finding.latch,
            worst,
            acknowledged: None,
            continue_at: now,
            remind_at: None,
            audio_paused_until: None,
            cover: Cover::NONE,
            attention: Attention::default(),
            restarted: false,
            unheard: None,
        }
    }

    /// Compares what the levels say now with what was told last; the net change of the step (E4, E19, E20, E22).
    pub(super) fn judge(&mut self, finding: Option<Finding>, indeterminate: bool) -> Option<Change> {
        let Some(finding) = finding else {
            return self.lose();
        };
        let finding = finding.or_delay_of(&self.finding);
        let was = (self.condition, self.finding.level, self.finding.limit);
        let last = self.finding.priority;
        let latched = self.condition == Condition::Clear;
        self.finding = finding;
        self.latching |= finding.latch;
        self.peak = self.peak.max(finding.priority);
        self.condition = if indeterminate { Condition::Indeterminate } else { Condition::Present };
        let escalated = finding.priority > last;
        if escalated || latched {
            self.annunciate();
        }
        let phase = match () {
            () if escalated => Phase::Escalate,
            () if latched => Phase::Update,
            () if finding.priority < last => Phase::DeEscalate,
            () if was != (self.condition, finding.level, finding.limit) => Phase::Update,
            () => return None,
        };
        let previous_priority = (last != finding.priority).then_some(last);
        Some(Change { previous_priority, ..Change::new(phase) })
    }

    /// All levels are clear (E19).
    fn lose(&mut self) -> Option<Change> {
        if self.condition == Condition::Clear {
            return None;
        }
        self.condition = Condition::Clear;
        if self.latching && self.signal == Signal::On {
            self.signal = Signal::Latched;
            return Some(Change::new(Phase::Update));
        }
        self.signal = Signal::Off;
        Some(Change::new(Phase::End))
    }

    /// An operator has seen it.
    pub(super) fn acknowledge(&mut self, now: Uptime, by: &str, timing: &Timing) -> Change {
        self.signal = Signal::Acknowledged;
        self.audio_paused_until = None;
        self.acknowledged = Some(Acknowledgement { by: by.into(), at: now });
        self.remind_at = Some(now + timing.reminder.max(INTERVAL_MIN));
        Change::new(Phase::Update)
    }

    /// It escalated (E22), became worse than what was acknowledged (E23), or a restart made the acknowledgement void (E34).
    pub(super) fn annunciate(&mut self) {
        self.signal = Signal::On;
        self.audio_paused_until = None;
        self.forget_acknowledgement();
    }

    /// Takes what covers it now, and whether it is ours to see that somebody attends to it. Whether that, or its being
    /// unattended, is news (E23a, E25).
    pub(super) fn settle(&mut self, now: Uptime, cover: Cover, ours: bool) -> bool {
        let covered = self.cover != cover;
        self.cover = cover;
        let need = match (self.signal, self.finding.priority, self.condition) {
            _ if !ours => Need::None,
            (Signal::On, Priority::High, Condition::Present) if cover == Cover::NONE => Need::Unattended,
            (Signal::On, Priority::High, _) => Need::Waiting,
            _ => Need::None,
        };
        self.attention.take(now, need) || covered
    }

    /// Its audio pause is over.
    pub(super) fn expire_pause(&mut self, now: Uptime) {
        self.audio_paused_until.take_if(|at| *at <= now);
    }

    /// An operator, or a rule that is no more, ends it.
    pub(super) fn reset(&mut self, reason: Option<&str>) -> Change {
        self.condition = Condition::Clear;
        self.signal = Signal::Off;
        self.attention = Attention::default();
        Change { reason: reason.map(Into::into), ..Change::new(Phase::Reset) }
    }

    fn forget_acknowledgement(&mut self) {
        self.acknowledged = None;
        self.remind_at = None;
    }

    /// Whether it is time to remind of it; the next time counts from now (E27).
    pub(super) fn take_reminder(&mut self, now: Uptime, timing: &Timing) -> bool {
        let due = self.remind_at.is_some_and(|at| at <= now);
        if due {
            self.remind_at = Some(now + timing.reminder.max(INTERVAL_MIN));
        }
        due
    }

    /// That it goes on, if it is time to say so (E21), or to remind of it.
    pub(super) fn go_on(&self, now: Uptime, reminder: bool) -> Option<Change> {
        (reminder || self.continue_at <= now).then(|| Change::new(Phase::Continue))
    }

    /// Tells a change: gives it its revision and starts the `continue` timer anew.
    pub(super) fn tell(&mut self, at: Uptime, change: Change, facts: Facts, timing: &Timing) -> AlarmEvent {
        self.continue_at = at + timing.continue_every.max(INTERVAL_MIN);
        if change.phase != Phase::Continue {
            self.revision = self.revision.saturating_add(1);
        }
        let restarted = core::mem::take(&mut self.restarted);
        self.unheard = None;
        AlarmEvent { restarted, ..self.event(at, change, facts) }
    }

    /// Its whole state as an event.
    pub(super) fn event(&self, at: Uptime, change: Change, facts: Facts) -> AlarmEvent {
        AlarmEvent {
            at,
            id: self.id.clone(),
            revision: self.revision,
            phase: change.phase,
            kind: facts.kind,
            code: facts.code,
            source: facts.source,
            level: self.finding.level,
            priority: self.finding.priority,
            previous_priority: change.previous_priority,
            peak_priority: self.peak,
            condition: self.condition,
            signal: self.signal,
            latching: self.latching,
            inactivation: self.cover.by,
            until: self.cover.until,
            value: facts.value,
            absent: facts.absent,
            quality: facts.quality,
            worst: self.worst,
            limit: self.finding.limit,
            low: facts.low,
            high: facts.high,
            onset_at: self.finding.onset,
            decided_at: self.finding.decided,
            ended_at: change.phase.is_over().then_some(at),
            condition_delay: self.finding.delay,
            acknowledged: self.acknowledged.clone(),
            reason: change.reason,
            escalation_level: self.attention.level,
            cause: facts.cause,
            reminder: change.reminder,
            restarted: false,
            mode: facts.mode,
            text: facts.text,
        }
    }

    /// Whether its story is over.
    pub(super) fn is_over(&self) -> bool {
        self.signal == Signal::Off
    }

    /// It was kept over a restart: nobody knows how the patient is, and the next step says that it goes on (E35).
    pub(super) fn restart(&mut self, moved: Moved) {
        self.fall_unheard(moved);
        self.restarted = true;
        self.continue_at = moved.to;
        self.remind_at = self.remind_at.map(|at| moved.time(at).max(moved.to));
        if self.condition == Condition::Present {
            self.condition = Condition::Indeterminate;
        }
        self.attention.freeze(moved.from);
        self.audio_paused_until = self.audio_paused_until.filter(|_| moved.is_same_boot());
        if moved.boot == Boot::Other && self.signal == Signal::Acknowledged {
            self.annunciate();
        }
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        // What nobody has heard yet is told by the first step, and does not go on before.
        let goes_on = self.unheard.is_none().then_some(self.continue_at);
        let all = [goes_on, self.remind_at, self.attention.deadline(), self.audio_paused_until];
        all.into_iter().flatten().min()
    }

    pub(super) fn shift(&mut self, by: Duration) {
        self.continue_at = self.continue_at + by;
        self.remind_at = self.remind_at.map(|at| at + by);
        self.attention.shift(by);
    }
}
