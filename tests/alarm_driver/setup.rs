//! The setup of a bed: rules, times, sources.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use vitals::alarm::event::{Direction, Priority};
use vitals::alarm::policy::{
    AlarmPolicy, ApneaRule, LevelRule, LimitRule, Preference, SourceSetup, TechnicalPolicy, TechnicalRule,
    Timing,
};
use vitals::name::Name;
use vitals::quantity::Quantity;
use vitals::reading::Mode;
use vitals::vital::Vital;

use crate::input::{ms, name};

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
    #[serde(default)]
    apnea: Vec<Apnea>,
    #[serde(default)]
    news2: bool,
    profile: Option<String>,
    pub(crate) stay: Option<Name>,
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
struct Apnea {
    vital: Vital,
    time: u64,
    fallback_for: Option<Vital>,
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
    nibp_interval: Option<u64>,
    #[serde(default)]
    same_limb: bool,
}

impl Setup {
    pub(crate) fn policy(&self) -> AlarmPolicy {
        let technical = &self.technical;
        AlarmPolicy {
            profile: self.profile.clone().unwrap_or_else(|| "adult".to_owned()),
            hash: "0".into(),
            rules: self.rules.iter().map(|it| ((it.vital, it.direction), it.rule())).collect(),
            apnea: self.apnea.iter().map(|it| (it.vital, it.rule())).collect(),
            of_stays: BTreeMap::new(),
            news2: self.news2,
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
            nibp_interval: it.nibp_interval.map(ms),
            same_limb: it.same_limb,
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

impl Apnea {
    fn rule(&self) -> ApneaRule {
        ApneaRule { time: ms(self.time), fallback_for: self.fallback_for }
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
