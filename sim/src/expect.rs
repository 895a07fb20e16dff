//! Which alarms must come, and which may: computed from what the devices said, by another hand than the product's.
//!
//! Only what is beyond doubt is a `Must`: a value that was out without a break for longer than its delay and the
//! tolerance. Only what nothing explains is false: an alarm outside every `May`. What lies between, where a
//! millisecond of the line decides, is neither.

pub mod limits;
pub mod listing;
mod series;
mod technical;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use vitals::vital::Vital;

use crate::device::Said;
use crate::truth::Statement;
use limits::{Grade, Limit, Limits, Side};
use series::{Class, Sample, Watch};
use technical::technical;

/// What pace, line, scheduler and signal may take together, ms: an alarm this much off its time is on time.
pub const TOLERANCE_MS: i64 = 2000;
/// The shortest time after which a silent source has no value any more, ms; otherwise three of its periods.
const STALE_MS: i64 = 5000;
/// A cuff's value holds until the next measurement, ms.
const CUFF_HOLDS_MS: i64 = 900_000;
/// A stand-in is judged when the other has been missing for this long, ms.
const STANDS_IN_AFTER_MS: i64 = 10_000;
/// The longest delay, and some: so long behind damage an alarm may come of it, ms.
const DAMAGE_LASTS_MS: i64 = 90_000;
/// The codes of a sensor that is off and of a value that is missing.
const SENSOR_OFF: &str = "sensor_off";
const NO_VALUE: &str = "no_value";
/// The code of a silent source.
pub const NO_DATA: &str = "no_data";

/// An alarm that must be signalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Must {
    /// The bed.
    pub bed: String,
    /// The alarm's code.
    pub code: String,
    /// How far out; `Limit` for technical alarms.
    pub grade: Grade,
    /// It is on at some moment from here, ms of the wall clock…
    pub from_ms: i64,
    /// …to here.
    pub by_ms: i64,
}

/// A time in which an alarm may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct May {
    /// The bed.
    pub bed: String,
    /// The alarm's code.
    pub code: String,
    /// How far out.
    pub grade: Grade,
    /// From, ms of the wall clock.
    pub from_ms: i64,
    /// Until.
    pub until_ms: i64,
}

/// What is expected of a ward.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// What must come.
    pub must: Vec<Must>,
    /// What may.
    pub may: Vec<May>,
    /// The codes of all alarms that the truth can speak of.
    pub codes: BTreeSet<String>,
}

/// A statement, and whether it came to be judged.
#[derive(Debug, Clone, Copy)]
struct Heard<'a> {
    said: &'a Statement,
    judged: bool,
}

impl Deref for Heard<'_> {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        self.said
    }
}

/// What these statements call for; those of `history`, by index, reached the agent too late to be judged.
#[must_use]
pub fn expected(statements: &[Statement], history: &BTreeSet<usize>, limits: &Limits) -> Expected {
    let mut expected = Expected { codes: codes(limits), ..Expected::default() };
    let mut beds: BTreeMap<&str, Vec<Heard<'_>>> = BTreeMap::new();
    let mut sources: BTreeMap<(&str, &str), Vec<Heard<'_>>> = BTreeMap::new();
    for (index, said) in statements.iter().enumerate() {
        let heard = Heard { said, judged: !history.contains(&index) && !said.doubtful };
        beds.entry(&said.bed).or_default().push(heard);
        sources.entry((&said.bed, &said.source)).or_default().push(heard);
    }
    for (bed, mut said) in beds {
        said.sort_by_key(|it| it.at_ms);
        let vitals: BTreeSet<Vital> = said.iter().flat_map(|it| it.vitals.keys().copied()).collect();
        for limit in limits.limits.iter().filter(|it| vitals.contains(&it.vital)) {
            let watch = Watch {
                bed,
                code: &limit.code(),
                grade: limit.grade,
                delay_ms: limit.delay_ms,
                // A silent vital counts as missing only when it has become stale.
                slack_ms: if limit.stands_in_for.is_some() { STALE_MS } else { 0 },
                hold_ms: if limit.vital.is_discrete() { CUFF_HOLDS_MS } else { hold(&said, limit.vital) },
            };
            watch.follow(&of_limit(&said, limit), &mut expected);
        }
        damaged(bed, &said, &mut expected);
    }
    for ((bed, _), mut said) in sources {
        said.sort_by_key(|it| it.at_ms);
        technical(bed, &said, limits, &mut expected);
    }
    expected
}

/// The codes of all alarms that can be expected.
fn codes(limits: &Limits) -> BTreeSet<String> {
    let technical = [SENSOR_OFF, NO_VALUE, NO_DATA].map(String::from);
    limits.limits.iter().map(Limit::code).chain(technical).collect()
}

/// While a way is damaged, and for as long as an alarm may take, anything may alarm.
fn damaged(bed: &str, said: &[Heard<'_>], expected: &mut Expected) {
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for it in said.iter().filter(|it| it.doubtful) {
        match stretches.last_mut() {
            Some((_, until)) if it.at_ms <= *until => *until = it.at_ms + DAMAGE_LASTS_MS,
            _ => stretches.push((it.at_ms - TOLERANCE_MS, it.at_ms + DAMAGE_LASTS_MS)),
        }
    }
    for (from_ms, until_ms) in stretches {
        for code in &expected.codes {
            let may = |grade| May { bed: bed.into(), code: code.clone(), grade, from_ms, until_ms };
            expected.may.extend([Grade::Limit, Grade::Extreme].map(may));
        }
    }
}

/// How a limit sees each statement.
fn of_limit(said: &[Heard<'_>], limit: &Limit) -> Vec<Sample> {
    let mut missing_since = said.first().map_or(0, |it| it.at_ms);
    let mut samples = Vec::new();
    for it in said {
        let other = limit.stands_in_for.and_then(|it_stands_for| it.vitals.get(&it_stands_for));
        if matches!(other, Some(Said::Value(_))) {
            missing_since = it.at_ms;
        }
        let Some(said) = it.vitals.get(&limit.vital) else { continue };
        let class = match said {
            Said::Value(value) => class(limit, value.thousandths()),
            Said::Absent { .. } | Said::Held => Class::Void,
        };
        let stands_in = limit.stands_in_for.is_none() || it.at_ms >= missing_since + STANDS_IN_AFTER_MS;
        let class = if stands_in { class } else { Class::Void };
        samples.push(Sample { at_ms: it.at_ms, class, sure: it.judged });
    }
    samples
}

fn class(limit: &Limit, value: i32) -> Class {
    // As if the limit were always below: further out is greater.
    let beyond = match limit.side {
        Side::Low => limit.at.saturating_sub(value),
        Side::High => value.saturating_sub(limit.at),
    };
    match beyond {
        1.. => Class::Out,
        it if it <= -limit.hysteresis => Class::In,
        _ => Class::Band,
    }
}

/// How long a value of that vital is in force.
fn hold(said: &[Heard<'_>], vital: Vital) -> i64 {
    let of_it: Vec<Heard<'_>> = said.iter().filter(|it| it.vitals.contains_key(&vital)).copied().collect();
    STALE_MS.max(3 * period(&of_it))
}

/// How often these were said: as often as such a device speaks, or the middle one of the times from one to the next, ms.
fn period(said: &[Heard<'_>]) -> i64 {
    if let Some(every) = said.iter().filter_map(|it| it.every_ms).max() {
        return every;
    }
    let times: Vec<i64> = said.iter().map(|it| it.at_ms).collect();
    let mut gaps: Vec<i64> = times.iter().zip(times.iter().skip(1)).map(|(a, b)| b - a).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
