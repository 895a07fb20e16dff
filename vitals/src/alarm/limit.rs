//! One rule: a vital, a direction, two levels, one alarm (E12, E15, E16, E23).

mod kept;
mod off;
mod worse;

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{Code, Direction, Level};
use super::gate::Gate;
use super::level::{Class, Delays, Input, LevelState};
use super::object::{Alarm, Finding, Standing};
use super::policy::{LevelRule, LimitRule};
use super::snapshot::Moved;
use crate::quantity::Quantity;
use crate::time::Uptime;
use crate::vital::Vital;
pub(super) use off::RuleOff;
use worse::Worse;

/// One limit rule of a bed at work.
#[derive(Debug, Clone)]
pub(super) struct LimitAlarm {
    pub(super) vital: Vital,
    pub(super) direction: Direction,
    pub(super) rule: LimitRule,
    pub(super) state: LimitState,
}

/// What a rule has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LimitState {
    limit: LevelState,
    extreme: LevelState,
    /// The hidden level that an acknowledgement creates.
    worse: Option<Worse>,
    /// When the present alarm becomes indeterminate, while there is no value.
    indeterminate_at: Option<Uptime>,
    pub(super) indeterminate: bool,
    /// The last valid value, unless it went beyond the range on this side since: what an acknowledgement is measured from.
    last: Option<Quantity>,
    /// The newest word, if it was a value: what an alarm that is born has come to so far.
    #[serde(default)]
    newest: Option<Quantity>,
    /// Since when nothing but what was known before a restart has been heard.
    #[serde(default)]
    kept: Option<Uptime>,
    gate: Gate,
    /// Who switched it off, until when (E26).
    #[serde(default)]
    off: Option<RuleOff>,
    pub(super) alarm: Option<Alarm>,
}

impl LimitAlarm {
    pub(super) fn new(vital: Vital, direction: Direction, rule: &LimitRule, now: Uptime) -> Self {
        let gate = rule.fallback_for.map_or(Gate::Open, |_| Gate::Shut.take(now, true));
        let state = LimitState {
            limit: LevelState::Clear,
            extreme: LevelState::Clear,
            worse: None,
            indeterminate_at: None,
            indeterminate: false,
            last: None,
            newest: None,
            kept: None,
            gate,
            off: None,
            alarm: None,
        };
        let rule = if vital.is_discrete() { discrete(rule) } else { rule.clone() };
        Self { vital, direction, rule, state }
    }

    /// Takes what the vital has to say now; G is that of the source that says it.
    ///
    /// `sampled`: when it was said. After a restart what is present stays indeterminate until a word that is new (E35);
    /// its levels go on as ever.
    pub(super) fn take(&mut self, now: Uptime, sampled: Uptime, input: Input, gap: Duration) {
        let waits = self.is_present() && self.state.kept.is_some_and(|at| sampled < at);
        let input = if self.is_gated() { self.shut() } else { input };
        let LimitRule { hysteresis, clear_delay, .. } = self.rule;
        let delays = |rule: &LevelRule| Delays { delay: rule.delay, clear: clear_delay, gap };
        let class = input.class(self.direction, self.rule.limit.limit, hysteresis);
        // That there is no value is no word that it waits for.
        if !waits && (class != Class::Void || !self.is_present()) {
            self.state.kept = None;
        }
        let off = self.state.off.as_ref();
        if off.is_none() {
            self.state.limit.take(now, class, delays(&self.rule.limit));
        }
        if let Some(extreme) = self.rule.extreme.as_ref().filter(|_| off.is_none_or(|it| !it.include_extreme))
        {
            let class = input.class(self.direction, extreme.limit, hysteresis);
            self.state.extreme.take(now, class, delays(extreme));
            self.nest(now);
        }
        if let Some(worse) = &mut self.state.worse {
            worse.take(
                now,
                self.direction,
                input,
                Delays { delay: shortest(&self.rule), clear: Duration::ZERO, gap },
            );
        }
        if class == Class::Void {
            if self.is_present() && gap.is_zero() {
                self.state.indeterminate = true;
            } else if self.is_present() && !self.state.indeterminate {
                self.state.indeterminate_at = self.state.indeterminate_at.or(Some(now + gap));
            }
        } else if !waits {
            self.state.indeterminate_at = None;
            self.state.indeterminate = false;
        }
        match input {
            Input::Value(value) => self.note(value),
            Input::UnderRange | Input::OverRange => {
                self.state.newest = None;
                // Beyond the range on this side nothing is worse.
                self.state.last = self.state.last.filter(|_| class != Class::Out);
            }
            Input::Void => {}
        }
    }

    /// What is pending behind a shut gate is dropped, and begins anew if it opens again.
    fn shut(&mut self) -> Input {
        self.state.limit.drop_pending();
        self.state.extreme.drop_pending();
        Input::Void
    }

    fn note(&mut self, value: Quantity) {
        self.state.last = Some(value);
        self.state.newest = Some(value);
        if let Some(alarm) = &mut self.state.alarm {
            alarm.worst = Some(further_out(self.direction, alarm.worst, value));
        }
    }

    /// Takes whether a vital has no value. Whether it is one that this falls back for, and evaluated no more since it has one.
    pub(super) fn fall_back(&mut self, now: Uptime, vital: Vital, void: bool) -> bool {
        self.rule.fallback_for == Some(vital) && self.state.gate.notice(now, void)
    }

    /// Opens the gate if it is due. Whether it did.
    pub(super) fn open_gate(&mut self, now: Uptime) -> bool {
        self.state.gate.open(now)
    }

    /// Not evaluated now. An alarm that is present is judged by its own vital until it has cleared.
    fn is_gated(&self) -> bool {
        self.rule.fallback_for.is_some() && self.state.gate != Gate::Open && !self.is_present()
    }

    /// Levels whose delay is over become present (the first class of E3).
    pub(super) fn mature(&mut self, now: Uptime) {
        self.state.limit.mature(now);
        self.state.extreme.mature(now);
        self.nest(now);
        if let Some(worse) = &mut self.state.worse {
            worse.state.mature(now);
        }
    }

    /// What has been frozen, or without a value, for G (the third class of E3).
    pub(super) fn expire(&mut self, now: Uptime) {
        self.state.limit.expire(now);
        self.state.extreme.expire(now);
        if let Some(worse) = &mut self.state.worse {
            worse.state.expire(now);
        }
        if self.state.indeterminate_at.is_some_and(|at| at <= now) {
            self.state.indeterminate_at = None;
            self.state.indeterminate = true;
        }
    }

    /// Levels whose clear delay is over (the fourth class of E3).
    pub(super) fn clear(&mut self, now: Uptime) {
        self.state.limit.clear(now);
        self.state.extreme.clear(now);
    }

    /// What the levels mean for the alarm in this step: the highest that is present counts.
    pub(super) fn standing(&mut self) -> Standing {
        let finding = self.level_finding(Level::Extreme).or_else(|| self.level_finding(Level::Limit));
        if finding.is_none() {
            self.forget_void();
        }
        let LimitState { indeterminate, newest, .. } = self.state;
        Standing { finding, indeterminate, worsened: self.has_worsened(), worst: newest }
    }

    fn level_finding(&self, level: Level) -> Option<Finding> {
        let state = match level {
            Level::Limit => self.state.limit,
            Level::Extreme => self.state.extreme,
        };
        let (LevelState::Present { onset, decided, .. }, Some(rule)) = (state, self.rule.level(level)) else {
            return None;
        };
        Some(Finding {
            level: Some(level),
            priority: rule.priority,
            limit: Some(rule.limit),
            onset,
            decided,
            delay: decided.since(onset),
            // With the extreme level the limit is reached too, but where it is switched off.
            latch: rule.latch || (self.state.limit.is_present() && self.rule.limit.latch),
        })
    }

    pub(super) fn code(&self) -> Code {
        Code::Limit(self.vital, self.direction)
    }

    /// The state of the same rule as it was, under this one (E29): what has not become present begins anew.
    pub(super) fn adopting(self, new: Self) -> Self {
        if self.rule == new.rule {
            return self;
        }
        let mut state = self.state;
        state.limit.drop_pending();
        state.extreme.drop_pending();
        if let Some(worse) = &mut state.worse {
            worse.state = LevelState::Clear;
        }
        if self.rule.fallback_for != new.rule.fallback_for {
            state.gate = new.state.gate;
        }
        let mut it = Self { state, ..new };
        it.drop_levels();
        it
    }

    /// Takes over what was kept over a restart (E34).
    pub(super) fn restore(&mut self, kept: &LimitState, moved: Moved) {
        self.state.restore(kept, moved);
        self.drop_levels();
    }

    /// Levels that the rule has not are Clear (E29).
    fn drop_levels(&mut self) {
        if self.rule.extreme.is_none() {
            self.state.extreme = LevelState::Clear;
        }
        if self.rule.worse_by.is_none() {
            self.state.worse = None;
        }
    }

    pub(super) fn is_present(&self) -> bool {
        self.state.limit.is_present() || self.state.extreme.is_present()
    }

    /// The limit becomes present with the extreme; it may clear before it (E15).
    fn nest(&mut self, now: Uptime) {
        match self.state.extreme {
            LevelState::Present { onset, decided, .. } if decided == now && self.state.off.is_none() => {
                self.state.limit.nest(now, onset);
            }
            LevelState::Present { .. } | LevelState::Clear | LevelState::Pending { .. } => {}
        }
    }

    /// Puts the hidden level where an acknowledgement asks for it.
    pub(super) fn watch_for_worse(&mut self) {
        let (Some(by), Some(last)) = (self.rule.worse_by, self.state.last) else {
            return;
        };
        let threshold = match self.direction {
            Direction::Low => last.saturating_sub(by),
            Direction::High => last.saturating_add(by),
        };
        self.state.worse = Some(Worse { threshold, state: LevelState::Clear });
    }

    /// Whether the alarm became worse than what was acknowledged; the hidden level ends with that.
    fn has_worsened(&mut self) -> bool {
        self.state.worse.take_if(|it| it.state.is_present()).is_some()
    }

    pub(super) fn stop_watching(&mut self) {
        self.state.worse = None;
    }

    /// All levels clear, whatever the value (E24, reset of an indeterminate alarm).
    pub(super) fn reset_levels(&mut self) {
        self.state.limit = LevelState::Clear;
        self.state.extreme = LevelState::Clear;
        self.forget_void();
        self.stop_watching();
    }

    /// With no level present there is nothing to be indeterminate.
    fn forget_void(&mut self) {
        self.state.indeterminate_at = None;
        self.state.indeterminate = false;
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        let state = &self.state;
        let worse = state.worse.as_ref().and_then(|it| it.state.deadline());
        let alarm = state.alarm.as_ref().and_then(Alarm::deadline);
        let levels = [state.limit.deadline(), state.extreme.deadline()];
        levels
            .into_iter()
            .chain([state.indeterminate_at, state.gate.deadline(), self.off_until(), worse, alarm])
            .flatten()
            .min()
    }
}

/// A cuff measures now and then: no delay, no clear delay, no hysteresis (E31).
fn discrete(rule: &LimitRule) -> LimitRule {
    let undelayed = |level: &LevelRule| LevelRule { delay: Duration::ZERO, ..level.clone() };
    LimitRule {
        limit: undelayed(&rule.limit),
        extreme: rule.extreme.as_ref().map(undelayed),
        hysteresis: Quantity::ZERO,
        clear_delay: Duration::ZERO,
        ..rule.clone()
    }
}

fn shortest(rule: &LimitRule) -> Duration {
    rule.extreme.iter().map(|it| it.delay).fold(rule.limit.delay, Duration::min)
}

fn further_out(direction: Direction, worst: Option<Quantity>, value: Quantity) -> Quantity {
    match (worst, direction) {
        (None, _) => value,
        (Some(worst), Direction::Low) => worst.min(value),
        (Some(worst), Direction::High) => worst.max(value),
    }
}
