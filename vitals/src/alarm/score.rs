//! NEWS2 of one bed: which values it rests on, when it is looked at, and how urgent that is (`docs/alarms.md`, NEWS2).

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::Priority;
use super::snapshot::{Boot, Moved};
use crate::news2::{Breathes, Consciousness, Parameters, Scale, Score, median};
use crate::quantity::Quantity;
use crate::time::Uptime;
use crate::vital::Vital;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(60);
/// What somebody entered counts for so long.
const ENTERED_FOR: Duration = Duration::from_secs(12 * 3600);
/// A median is of this time.
const MEDIAN_OF: Duration = Duration::from_secs(300);
/// One sample is kept for each slot of so many milliseconds.
const SLOT_MS: u64 = 10_000;
/// Slots of a median, and one that has begun.
const SLOTS_MAX: usize = 31;
/// A median of fewer samples is none.
const SAMPLES_MIN: usize = 3;
/// A median whose newest sample is older is none.
const NEWEST_WITHIN: Duration = Duration::from_secs(60);
/// What is measured now and then counts for so long.
const SPARSE_FOR: Duration = Duration::from_secs(4 * 3600);

const RESP_RATES: [Vital; 3] = [Vital::RespRate, Vital::RespRateImpedance, Vital::RespRateCo2];
const PULSES: [Vital; 2] = [Vital::HeartRate, Vital::PulseRate];
const SPARSE: [Vital; 3] = [Vital::NibpSystolic, Vital::TemperatureCore, Vital::Temperature];

/// Something that a person saw of the patient (E24, `observe`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// How awake.
    Consciousness(Consciousness),
    /// Air or oxygen.
    Breathes(Breathes),
    /// Which scale of saturation a physician has prescribed.
    Scale(Scale),
    /// Whether she is pregnant.
    Pregnant(bool),
}

impl Observed {
    /// Reads a name and a value: `consciousness` (`A C V P U`), `oxygen` (`air`, `oxygen`), `scale` (`1`, `2`),
    /// `pregnant` (`yes`, `no`).
    #[must_use]
    pub fn parse(name: &str, value: &str) -> Option<Self> {
        Some(match (name, value) {
            ("consciousness", "A") => Self::Consciousness(Consciousness::Alert),
            ("consciousness", "C") => Self::Consciousness(Consciousness::Confused),
            ("consciousness", "V") => Self::Consciousness(Consciousness::Voice),
            ("consciousness", "P") => Self::Consciousness(Consciousness::Pain),
            ("consciousness", "U") => Self::Consciousness(Consciousness::Unresponsive),
            ("oxygen", "air") => Self::Breathes(Breathes::Air),
            ("oxygen", "oxygen") => Self::Breathes(Breathes::Oxygen),
            ("scale", "1") => Self::Scale(Scale::One),
            ("scale", "2") => Self::Scale(Scale::Two),
            ("pregnant", "yes") => Self::Pregnant(true),
            ("pregnant", "no") => Self::Pregnant(false),
            _ => return None,
        })
    }
}

/// The score of one bed at work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct BedScore {
    /// When it is looked at next; `None`: it is not enabled.
    next: Option<Uptime>,
    samples: BTreeMap<Vital, VecDeque<Sample>>,
    consciousness: Option<(Consciousness, Uptime)>,
    breathes: Option<(Breathes, Uptime)>,
    scale: Scale,
    pregnant: bool,
    /// What the last evaluation came to.
    last: Option<Priority>,
    /// How urgent the alarm is.
    pub(super) grade: Option<Priority>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Sample {
    at: Uptime,
    value: Quantity,
}

impl BedScore {
    pub(super) fn new(enabled: bool, now: Uptime) -> Self {
        Self { next: enabled.then_some(now + EVERY), ..Self::default() }
    }

    /// Takes whether the rules ask for it.
    pub(super) fn take_enabled(&mut self, now: Uptime, enabled: bool) {
        if enabled {
            self.next = self.next.or(Some(now + EVERY));
        } else {
            self.next = None;
            self.forget_grades();
        }
    }

    /// Takes a valid sample of a believed source.
    pub(super) fn note(&mut self, at: Uptime, vital: Vital, value: Quantity) {
        let wanted = vital == Vital::Spo2
            || vital == Vital::AbpSystolic
            || RESP_RATES.contains(&vital)
            || PULSES.contains(&vital)
            || SPARSE.contains(&vital);
        if self.next.is_none() || !wanted {
            return;
        }
        let samples = self.samples.entry(vital).or_default();
        let slot = |it: Uptime| it.as_millis() / SLOT_MS;
        let replaced = samples.back().is_some_and(|it| slot(it.at) == slot(at)) || SPARSE.contains(&vital);
        if replaced {
            samples.pop_back();
        } else if samples.len() == SLOTS_MAX {
            samples.pop_front();
        }
        samples.push_back(Sample { at, value });
    }

    /// Takes what a person saw.
    pub(super) fn observe(&mut self, at: Uptime, observed: Observed) {
        match observed {
            Observed::Consciousness(it) => self.consciousness = Some((it, at)),
            Observed::Breathes(it) => self.breathes = Some((it, at)),
            Observed::Scale(it) => self.scale = it,
            Observed::Pregnant(it) => self.pregnant = it,
        }
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        self.next
    }

    /// Looks at the score if it is time; `period` is that of the source believed for a vital. What it says of itself.
    pub(super) fn run(
        &mut self,
        now: Uptime,
        resting: bool,
        period: impl Fn(Vital) -> Duration,
    ) -> Option<String> {
        self.next = Some(self.next.filter(|at| *at <= now)? + EVERY);
        if resting {
            return None;
        }
        let score = Score::of(&self.parameters(now, period));
        let grade = match score {
            _ if self.pregnant => None,
            Score { least: 7.., .. } => Some(Priority::High),
            Score { least: 5.., .. } | Score { red: true, .. } => Some(Priority::Medium),
            Score { .. } => None,
        };
        let (lesser, greater) = (grade.min(self.last), grade.max(self.last));
        self.last = grade;
        self.grade = self.grade.max(lesser).min(greater);
        let Score { least, greatest, partial, .. } = score;
        Some(if partial { format!("{least} to {greatest}") } else { format!("{least}") })
    }

    fn parameters(&self, now: Uptime, period: impl Fn(Vital) -> Duration) -> Parameters {
        let median = |vital: &Vital| self.median(now, *vital, period(*vital));
        let sparse = |vital: Vital| {
            let last = self.samples.get(&vital).and_then(VecDeque::back);
            last.filter(|it| now.since(it.at) <= SPARSE_FOR).map(|it| it.value)
        };
        let entered = |at: Uptime| now.since(at) < ENTERED_FOR;
        let temperature = sparse(Vital::TemperatureCore).or_else(|| sparse(Vital::Temperature));
        Parameters {
            resp_rate: RESP_RATES.iter().find_map(median),
            spo2: median(&Vital::Spo2),
            scale: self.scale,
            breathes: self.breathes.filter(|(_, at)| entered(*at)).map(|it| it.0),
            systolic: median(&Vital::AbpSystolic).or_else(|| sparse(Vital::NibpSystolic)),
            pulse: PULSES.iter().find_map(median),
            consciousness: self.consciousness.filter(|(_, at)| entered(*at)).map(|it| it.0),
            temperature,
        }
    }

    fn median(&self, now: Uptime, vital: Vital, period: Duration) -> Option<Quantity> {
        let samples = self.samples.get(&vital)?;
        let newest = samples.back()?;
        if period > NEWEST_WITHIN {
            return Some(newest.value).filter(|_| now.since(newest.at) <= period.saturating_mul(3));
        }
        let recent = samples.iter().filter(|it| now.since(it.at) < MEDIAN_OF).map(|it| it.value);
        let mut values: Vec<Quantity> = recent.collect();
        let enough = values.len() >= SAMPLES_MIN && now.since(newest.at) <= NEWEST_WITHIN;
        if enough { median(&mut values) } else { None }
    }

    /// Nothing has been measured, and nothing is urgent.
    pub(super) fn forget_grades(&mut self) {
        self.samples.clear();
        self.last = None;
        self.grade = None;
    }

    /// Another patient.
    pub(super) fn forget_stay(&mut self) {
        *self = Self { next: self.next, ..Self::default() };
    }

    /// As it is after a restart (E34); `fresh` is as at a start.
    pub(super) fn restored(&self, fresh: Self, moved: Moved) -> Self {
        let enabled = fresh.next.is_some();
        match moved.boot {
            Boot::Same => Self { next: self.next.or(fresh.next).filter(|_| enabled), ..self.clone() },
            Boot::Other => {
                let Self { scale, pregnant, last, grade, .. } = self.clone();
                Self { scale, pregnant, last, grade, ..fresh }
            }
        }
    }

    pub(super) fn shift(&mut self, by: Duration) {
        self.next = self.next.map(|at| at + by);
    }
}
