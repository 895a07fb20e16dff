//! The lines as they are read: a setup, or one input of a bed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use vitals::alarm::event::{Direction, Priority};
use vitals::alarm::policy::{
    AlarmPolicy, LevelRule, LimitRule, Preference, SourceSetup, TechnicalPolicy, TechnicalRule, Timing,
};
use vitals::name::Name;
use vitals::quantity::Quantity;
use vitals::reading::{Absent, Measurement, Mode, Quality};
use vitals::vital::Vital;

#[derive(Deserialize)]
pub(crate) struct Line {
    pub(crate) t: u64,
    #[serde(flatten)]
    pub(crate) input: Input,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Input {
    Setup(Box<Setup>),
    Observe(Observe),
    Frame(String),
    Late(String),
    PortGone(String),
    Poll(()),
    /// From when nobody was reading, to the line's own time.
    Stall(u64),
    Act(Act),
    Restart(Box<Restart>),
}

#[derive(Deserialize)]
pub(crate) struct Observe {
    pub(crate) source: String,
    pub(crate) vitals: BTreeMap<Vital, Said>,
    pub(crate) device_time: Option<String>,
}

/// Thousandths, a reason for absence, or either with marks of quality.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Said {
    Value(i32),
    Absent(Absent),
    Marked { value: i32, quality: Quality },
}

#[derive(Deserialize)]
pub(crate) struct Act {
    pub(crate) id: String,
    #[serde(rename = "do")]
    pub(crate) what: Verb,
    /// Code, and for technical alarms source and sensor, of the newest such alarm; none: the bed.
    pub(crate) alarm: Option<Vec<String>>,
    pub(crate) seen: Option<Priority>,
    pub(crate) seen_ms: u64,
    pub(crate) by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Acknowledge,
    Reset,
}

#[derive(Deserialize)]
pub(crate) struct Restart {
    /// Until when the old run listened; the new one does from the line's own time.
    pub(crate) stopped: u64,
    pub(crate) boot: BootWord,
    pub(crate) setup: Setup,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BootWord {
    Same,
    Other,
}

#[derive(Deserialize)]
pub(crate) struct Setup {
    pub(crate) run: String,
    pub(crate) rules: Vec<Rule>,
    gap_tolerance: u64,
    continue_every: u64,
    reminder: u64,
    technical: Technical,
    sources: Vec<Source>,
    #[serde(default)]
    prefer: BTreeMap<Vital, Vec<String>>,
}

#[derive(Deserialize)]
pub(crate) struct Rule {
    vital: Vital,
    direction: Direction,
    hysteresis: i32,
    clear_delay: u64,
    worse_by: Option<i32>,
    fallback_for: Option<Vital>,
    limit: Level,
    extreme: Option<Level>,
}

#[derive(Deserialize)]
struct Level {
    at: i32,
    delay: u64,
    priority: Priority,
    latch: bool,
}

#[derive(Deserialize)]
struct Technical {
    sensor_off: Trouble,
    no_value: Trouble,
    no_data: Silence,
}

#[derive(Deserialize)]
struct Trouble {
    delay: u64,
    clear_delay: u64,
    medium_after: u64,
}

#[derive(Deserialize)]
struct Silence {
    high_after: u64,
}

#[derive(Deserialize)]
struct Source {
    name: String,
    period: u64,
    #[serde(default)]
    critical: bool,
}

impl Setup {
    pub(crate) fn policy(&self) -> AlarmPolicy {
        let technical = &self.technical;
        AlarmPolicy {
            profile: "adult".into(),
            hash: "0".into(),
            rules: self.rules.iter().map(|it| ((it.vital, it.direction), it.rule())).collect(),
            // Neither is compared yet.
            apnea: BTreeMap::new(),
            news2: false,
            technical: TechnicalPolicy {
                sensor_off: technical.sensor_off.rule(),
                no_value: technical.no_value.rule(),
                no_data: TechnicalRule {
                    delay: Duration::ZERO,
                    priority: Priority::Medium,
                    escalation: Some((ms(technical.no_data.high_after), Priority::High)),
                    clear_delay: Duration::ZERO,
                },
            },
            timing: Timing {
                gap_tolerance: ms(self.gap_tolerance),
                continue_every: ms(self.continue_every),
                reminder: ms(self.reminder),
            },
        }
    }

    pub(crate) fn sources(&self) -> Vec<SourceSetup> {
        let sources = self.sources.iter().map(|it| SourceSetup {
            source: name(&it.name),
            period: ms(it.period),
            critical: it.critical,
            mode: Mode::Simulated,
            nibp_interval: None,
            same_limb: false,
        });
        sources.collect()
    }

    pub(crate) fn prefer(&self) -> Preference {
        let order = |it: &Vec<String>| it.iter().map(|it| name(it)).collect();
        self.prefer.iter().map(|(vital, names)| (*vital, order(names))).collect()
    }
}

impl Rule {
    fn rule(&self) -> LimitRule {
        LimitRule {
            limit: self.limit.rule(),
            extreme: self.extreme.as_ref().map(Level::rule),
            hysteresis: Quantity::from_thousandths(self.hysteresis),
            clear_delay: ms(self.clear_delay),
            worse_by: self.worse_by.map(Quantity::from_thousandths),
            fallback_for: self.fallback_for,
        }
    }
}

impl Level {
    fn rule(&self) -> LevelRule {
        let limit = Quantity::from_thousandths(self.at);
        LevelRule { limit, delay: ms(self.delay), priority: self.priority, latch: self.latch }
    }
}

impl Trouble {
    fn rule(&self) -> TechnicalRule {
        TechnicalRule {
            delay: ms(self.delay),
            priority: Priority::Low,
            escalation: Some((ms(self.medium_after), Priority::Medium)),
            clear_delay: ms(self.clear_delay),
        }
    }
}

impl Said {
    pub(crate) fn measurement(&self, vital: Vital) -> Measurement {
        match self {
            Self::Value(value) => Measurement::value(vital, Quantity::from_thousandths(*value)),
            Self::Absent(reason) => Measurement::absent(vital, *reason),
            Self::Marked { value, quality } => {
                Measurement::value(vital, Quantity::from_thousandths(*value)).with_quality(*quality)
            }
        }
    }
}

pub(crate) fn name(text: &str) -> Arc<Name> {
    Arc::new(Name::parse(text).unwrap())
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
