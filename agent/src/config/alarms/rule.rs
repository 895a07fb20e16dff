//! From what the file says of a vital to the two rules that the engine follows; every check of limits is here.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use vitals::alarm::event::{Direction, Priority};
use vitals::alarm::policy::{ApneaRule, LevelRule, LimitRule};
use vitals::quantity::Quantity;
use vitals::vital::Vital;

use super::draft::{LimitsDraft, SideDraft, VitalDraft};
use crate::config::section::Mistakes;

/// How long without breath may be an alarm: monitors offer 10 to 45 s.
const APNEA: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(60);

/// What `[defaults]` says of rules.
#[derive(Debug, Clone)]
pub(super) struct RuleDefaults {
    pub(super) clear_delay: Duration,
    pub(super) limit: LevelDefaults,
    pub(super) extreme: LevelDefaults,
}

/// How urgent a level is and whether it latches, unless a rule says otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelDefaults {
    pub(super) priority: Priority,
    pub(super) latch: bool,
}

/// The rules of one vital, low before high.
pub(super) fn rules(
    vital: Vital,
    draft: &VitalDraft,
    defaults: &RuleDefaults,
    mistakes: &mut Mistakes,
) -> Vec<(Direction, LimitRule)> {
    check_amounts(vital, draft, mistakes);
    let mut rules = Vec::new();
    for (direction, side) in [(Direction::Low, &draft.low), (Direction::High, &draft.high)] {
        if let Some(SideDraft::On(limits, span)) = side {
            let Some(limit) = &limits.limit else {
                let what = format!("{} {} has no limit", vital.name(), word(direction));
                mistakes.add(span.clone(), what, "add limit = …, or write \"off\"");
                continue;
            };
            check_limits(vital, direction, limits, mistakes);
            rules.push((direction, rule(draft, limits, *limit.get_ref(), defaults)));
        }
    }
    check_both(vital, draft, mistakes);
    rules
}

fn rule(draft: &VitalDraft, limits: &LimitsDraft, limit: Quantity, defaults: &RuleDefaults) -> LimitRule {
    let it = limits;
    let extreme = it.extreme.as_ref().map(|extreme| LevelRule {
        limit: *extreme.get_ref(),
        delay: said(it.extreme_delay.as_ref()).unwrap_or(Duration::ZERO),
        priority: said(it.extreme_priority.as_ref()).unwrap_or(defaults.extreme.priority),
        latch: said(it.extreme_latch.as_ref()).unwrap_or(defaults.extreme.latch),
    });
    LimitRule {
        limit: LevelRule {
            limit,
            delay: said(it.delay.as_ref()).unwrap_or(Duration::ZERO),
            priority: said(it.priority.as_ref()).unwrap_or(defaults.limit.priority),
            latch: said(it.latch.as_ref()).unwrap_or(defaults.limit.latch),
        },
        extreme,
        hysteresis: said(draft.hysteresis.as_ref()).unwrap_or(Quantity::ZERO),
        clear_delay: said(draft.clear_delay.as_ref()).unwrap_or(defaults.clear_delay),
        worse_by: said(draft.worse_by.as_ref()),
        fallback_for: said(draft.fallback_for.as_ref()),
    }
}

/// The apnea rule of a respiratory rate, if it has one (E32).
pub(super) fn apnea(draft: &VitalDraft) -> Option<ApneaRule> {
    let time = said(draft.apnea.as_ref())?;
    Some(ApneaRule { time, fallback_for: said(draft.fallback_for.as_ref()) })
}

fn said<T: Copy>(it: Option<&Spanned<T>>) -> Option<T> {
    it.map(|it| *it.get_ref())
}

/// What is an amount must not be negative; and a worsening by nothing is none.
fn check_amounts(vital: Vital, draft: &VitalDraft, mistakes: &mut Mistakes) {
    if let Some(it) = draft.hysteresis.as_ref().filter(|it| *it.get_ref() < Quantity::ZERO) {
        mistakes.add(it.span(), "hysteresis is negative", "use 0 or more");
    }
    if let Some(it) = draft.worse_by.as_ref().filter(|it| *it.get_ref() <= Quantity::ZERO) {
        mistakes.add(it.span(), "worse_by is not above 0", "use more than 0, or leave it out for never");
    }
    if let Some(it) = draft.fallback_for.as_ref().filter(|it| *it.get_ref() == vital) {
        mistakes.add(it.span(), "a vital cannot fall back for itself", "name the vital whose place it takes");
    }
    let breath = matches!(vital, Vital::RespRate | Vital::RespRateImpedance | Vital::RespRateCo2);
    if let Some(it) = draft.apnea.as_ref().filter(|_| !breath) {
        mistakes.add(
            it.span(),
            format!("apnea cannot be seen in {}", vital.name()),
            "put it under a resp_rate",
        );
    }
    if let Some(it) = draft.apnea.as_ref().filter(|it| !APNEA.contains(it.get_ref())) {
        mistakes.add(it.span(), "no device tells apnea so soon, and no patient waits so long", "5s to 60s");
    }
}

/// One direction: limits that a patient can have, the extreme further out, and nothing that a cuff cannot do.
fn check_limits(vital: Vital, direction: Direction, limits: &LimitsDraft, mistakes: &mut Mistakes) {
    let properties = vital.properties();
    for (name, limit) in [("limit", &limits.limit), ("extreme", &limits.extreme)] {
        if let Some(limit) = limit.as_ref().filter(|it| !vital.is_plausible(*it.get_ref())) {
            let what = format!("{name} {} of {} is outside what is plausible", limit.get_ref(), vital.name());
            let fix = format!("{} to {} {}", properties.lowest, properties.highest, properties.unit);
            mistakes.add(limit.span(), what, fix);
        }
    }
    if let (Some(limit), Some(extreme)) = (&limits.limit, &limits.extreme) {
        let further = match direction {
            Direction::Low => extreme.get_ref() < limit.get_ref(),
            Direction::High => extreme.get_ref() > limit.get_ref(),
        };
        if !further {
            let (side, sign) = (word(direction), if direction == Direction::Low { "below" } else { "above" });
            let what =
                format!("extreme {} of {} {side} lies inside its limit", extreme.get_ref(), vital.name());
            mistakes.add(extreme.span(), what, format!("it must be {sign} {}", limit.get_ref()));
        }
    }
    let alone = [
        limits.extreme_delay.as_ref().map(Spanned::span),
        limits.extreme_priority.as_ref().map(Spanned::span),
        limits.extreme_latch.as_ref().map(Spanned::span),
    ];
    if let Some(span) = alone.into_iter().flatten().next().filter(|_| limits.extreme.is_none()) {
        mistakes.add(span, "this belongs to an extreme, and there is none", "add extreme = …, or remove it");
    }
    let delays = [&limits.delay, &limits.extreme_delay].into_iter().flatten();
    for delay in delays.filter(|it| vital.is_discrete() && !it.get_ref().is_zero()) {
        let what = format!("{} is measured now and then: it has no delay", vital.name());
        mistakes.add(delay.span(), what, "remove the delay");
    }
}

/// Both directions together: there must be room between them, and a way back inside.
fn check_both(vital: Vital, draft: &VitalDraft, mistakes: &mut Mistakes) {
    let limit = |side: &Option<SideDraft>| match side {
        Some(SideDraft::On(limits, _)) => limits.limit.clone(),
        Some(SideDraft::Off) | None => None,
    };
    let (low, high) = (limit(&draft.low), limit(&draft.high));
    let hysteresis = said(draft.hysteresis.as_ref()).unwrap_or(Quantity::ZERO).max(Quantity::ZERO);
    if let (Some(low), Some(high)) = (&low, &high) {
        if low.get_ref() >= high.get_ref() {
            let what = format!(
                "{}: low limit {} is not below high limit {}",
                vital.name(),
                low.get_ref(),
                high.get_ref()
            );
            mistakes.add(low.span(), what, "swap or move them");
            return;
        }
    }
    let properties = vital.properties();
    let top = high.as_ref().map_or(properties.highest, |it| *it.get_ref());
    let bottom = low.as_ref().map_or(properties.lowest, |it| *it.get_ref());
    let too_wide = low.as_ref().is_some_and(|it| it.get_ref().saturating_add(hysteresis) > top)
        || high.as_ref().is_some_and(|it| it.get_ref().saturating_sub(hysteresis) < bottom);
    if let Some(it) = draft.hysteresis.as_ref().filter(|_| too_wide) {
        let what = format!(
            "hysteresis {} of {} leaves no value at which an alarm can clear",
            it.get_ref(),
            vital.name()
        );
        mistakes.add(it.span(), what, "make it smaller");
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Low => "low",
        Direction::High => "high",
    }
}
