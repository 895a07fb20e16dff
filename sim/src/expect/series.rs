//! One rule over one series of samples: when it must have alarmed, and when it may.

use super::limits::Grade;
use super::{Expected, May, Must, TOLERANCE_MS};

/// How a sample stands to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Beyond the limit.
    Out,
    /// Inside, by more than the hysteresis.
    In,
    /// Between the two.
    Band,
    /// No value.
    Void,
}

/// One sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) at_ms: i64,
    pub(super) class: Class,
    /// Whether an engine must have seen it so.
    pub(super) sure: bool,
}

/// A rule.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    pub(super) bed: &'a str,
    pub(super) code: &'a str,
    pub(super) grade: Grade,
    pub(super) delay_ms: i64,
    /// How much later an engine may begin to count.
    pub(super) slack_ms: i64,
    /// How long a sample is in force without a next one.
    pub(super) hold_ms: i64,
}

/// From the first sample that is out to the first that is in.
#[derive(Debug, Default)]
struct Excursion {
    /// How long it has been out, all together.
    out_ms: i64,
    /// From when on an alarm may begin.
    may_from: Option<i64>,
    /// Since when it has been out without a break, for sure.
    unbroken_since: Option<i64>,
    /// Whether the alarm is on in any case.
    must: bool,
}

impl Watch<'_> {
    /// Adds what this rule expects over the samples, which are in order of time.
    pub(super) fn follow(&self, samples: &[Sample], expected: &mut Expected) {
        let mut excursion: Option<Excursion> = None;
        for (index, it) in samples.iter().enumerate() {
            // After the last sample nobody knows: nothing must come of it.
            let next_at = samples.get(index + 1).map_or(it.at_ms, |next| next.at_ms);
            match it.class {
                Class::In => {
                    let ended = excursion.take().and_then(|it| it.may_from);
                    expected.may.extend(ended.map(|from| self.may(from, it.at_ms + TOLERANCE_MS)));
                }
                Class::Band | Class::Void => {
                    if let Some(excursion) = &mut excursion {
                        excursion.unbroken_since = None;
                    }
                }
                Class::Out => {
                    let now = excursion.get_or_insert_default();
                    expected.must.extend(self.out(now, *it, next_at));
                    let last = index + 1 == samples.len();
                    let until = if last { it.at_ms + self.hold_ms } else { next_at };
                    self.grow(now, it.at_ms, until.min(it.at_ms + self.hold_ms));
                }
            }
        }
        let ended = excursion.and_then(|it| it.may_from);
        expected.may.extend(ended.map(|from| self.may(from, i64::MAX)));
    }

    /// Whether this sample, in force until the next, makes the alarm certain.
    fn out(&self, excursion: &mut Excursion, it: Sample, next_at: i64) -> Option<Must> {
        let in_force_until = next_at.min(it.at_ms + self.hold_ms);
        if !it.sure {
            excursion.unbroken_since = None;
            return None;
        }
        let since = *excursion.unbroken_since.get_or_insert(it.at_ms);
        if next_at > in_force_until {
            excursion.unbroken_since = None;
        }
        let due = since + self.delay_ms;
        if excursion.must || in_force_until <= due + self.slack_ms + TOLERANCE_MS {
            return None;
        }
        excursion.must = true;
        Some(Must {
            bed: self.bed.into(),
            code: self.code.into(),
            grade: self.grade,
            from_ms: due - TOLERANCE_MS,
            by_ms: due + self.slack_ms + TOLERANCE_MS,
        })
    }

    /// Counts the time out, and notes when that may have been enough.
    fn grow(&self, excursion: &mut Excursion, at_ms: i64, until_ms: i64) {
        let wanting = self.delay_ms - TOLERANCE_MS - excursion.out_ms;
        if excursion.may_from.is_none() && wanting <= until_ms - at_ms {
            // A tolerance early, too: the engine's clock began when the bytes had arrived, ours when they left.
            excursion.may_from = Some(at_ms + wanting);
        }
        excursion.out_ms += until_ms - at_ms;
    }

    fn may(&self, from_ms: i64, until_ms: i64) -> May {
        May { bed: self.bed.into(), code: self.code.into(), grade: self.grade, from_ms, until_ms }
    }
}
