//! Scenarios: what happens in a ward, as TOML a clinician can read. Unknown keys are errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::patient::course::{Course, Ramp, Sign};
use crate::random::Random;

/// The scenarios that are inside the program, by name.
const SHIPPED: [(&str, &str); 5] = [
    ("stable", include_str!("../../config/scenarios/stable.toml")),
    ("desaturation", include_str!("../../config/scenarios/desaturation.toml")),
    ("probe-off", include_str!("../../config/scenarios/probe-off.toml")),
    ("tachycardia", include_str!("../../config/scenarios/tachycardia.toml")),
    ("demo", include_str!("../../config/scenarios/demo.toml")),
];

/// How much seeds vary pace and onset: ±20 %.
const VARIATION: f64 = 0.2;

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is neither shipped nor a file.
    #[error("there is no scenario {name:?}: name a file, or one of {}", names())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not a scenario.
    #[error("{name} is not a scenario")]
    Parse {
        /// The file or the name.
        name: String,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A duration without a unit, or none at all.
    #[error("{name}: {text:?} is not a duration: write 500ms, 15s, 3m or 1h")]
    Duration {
        /// The file or the name.
        name: String,
        /// What stands there.
        text: String,
    },
}

fn names() -> String {
    SHIPPED.map(|(name, _)| name).join(", ")
}

/// What happens in a ward.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// One sentence.
    pub about: String,
    /// How long it lasts, ms.
    pub duration_ms: u64,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
struct Step {
    /// The number of the bed, from 1; `None`: every bed.
    bed: Option<u64>,
    at: f64,
    over: f64,
    targets: Vec<(Sign, Option<f64>)>,
    probe: Option<bool>,
}

impl Scenario {
    /// The shipped scenario of that name, or the one in that file.
    pub fn load(name: &str) -> Result<Self, ScenarioError> {
        if let Some((_, text)) = SHIPPED.iter().find(|(it, _)| *it == name) {
            return Self::parse(name, text);
        }
        let path = Path::new(name);
        if !path.exists() {
            return Err(ScenarioError::Unknown { name: name.into() });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Read { path: path.into(), source })?;
        Self::parse(name, &text)
    }

    /// Reads a scenario; `name` is for messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text)
            .map_err(|source| ScenarioError::Parse { name: name.into(), source: Box::new(source) })?;
        let duration = |text: &str| {
            parse_duration(text)
                .ok_or_else(|| ScenarioError::Duration { name: name.into(), text: text.into() })
        };
        let mut steps = Vec::new();
        for it in &file.step {
            let targets = it.targets.iter().map(|(sign, to)| ((*sign).into(), to.target())).collect();
            let probe = it.probe.map(|probe| probe == Probe::On);
            let over = it.over.as_deref().map_or(Ok(0), duration)?;
            steps.push(Step {
                bed: it.bed,
                at: seconds(duration(&it.at)?),
                over: seconds(over),
                targets,
                probe,
            });
        }
        steps.sort_by(|a, b| a.at.total_cmp(&b.at));
        Ok(Self { about: file.about, duration_ms: duration(&file.duration)?, steps })
    }

    /// What it means for the bed of that index, from 0: seeds vary the pace by up to 20 %.
    #[must_use]
    pub fn course(&self, seed: u64, bed: u64) -> Course {
        let pace = pace(seed, bed);
        let mut course = Course::default();
        for step in self.steps.iter().filter(|it| it.is_of(bed)) {
            let (at, over) = (step.at * pace, step.over * pace);
            course.ramps.extend(step.targets.iter().map(|(sign, target)| Ramp {
                sign: *sign,
                at,
                over,
                target: *target,
            }));
            course.probe.extend(step.probe.map(|on| (at, on)));
        }
        course
    }
}

impl Scenario {
    /// What happens in a ward of that many beds, in order, in words; times in ms of the ward's own time.
    #[must_use]
    pub fn happenings(&self, seed: u64, beds: u64) -> Vec<(u64, String)> {
        let mut happenings = Vec::new();
        for bed in 0..beds {
            let pace = pace(seed, bed);
            for step in self.steps.iter().filter(|it| it.is_of(bed)) {
                happenings.push((millis(step.at * pace), format!("bed {}: {}", bed + 1, step.words(pace))));
            }
        }
        happenings.sort();
        happenings
    }
}

impl Step {
    /// Whether it is for the bed of that index, from 0.
    fn is_of(&self, bed: u64) -> bool {
        self.bed.is_none_or(|number| number == bed + 1)
    }

    fn words(&self, pace: f64) -> String {
        let over = (self.over * pace).round();
        let targets = self.targets.iter().map(|(sign, target)| match target {
            Some(target) => format!("{sign:?} to {target} within {over} s"),
            None => format!("{sign:?} back within {over} s"),
        });
        let probe =
            self.probe.map(|on| String::from(if on { "the probe is put on" } else { "the probe comes off" }));
        targets.chain(probe).collect::<Vec<_>>().join(", ")
    }
}

/// One factor a bed, so that steps never overtake each other.
fn pace(seed: u64, bed: u64) -> f64 {
    Random::new(seed, 1_000_000 + bed).between(1.0 - VARIATION, 1.0 + VARIATION)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of a scenario: hours, from 0"
)]
fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

/// The file, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    duration: String,
    #[serde(default)]
    step: Vec<StepEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepEntry {
    bed: Option<u64>,
    at: String,
    over: Option<String>,
    probe: Option<Probe>,
    #[serde(default)]
    targets: BTreeMap<SignName, To>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Probe {
    Off,
    On,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum SignName {
    HeartRate,
    Spo2,
    RespRate,
    Temperature,
    Etco2,
    NibpSystolic,
    NibpDiastolic,
}

impl From<SignName> for Sign {
    fn from(it: SignName) -> Self {
        match it {
            SignName::HeartRate => Self::HeartRate,
            SignName::Spo2 => Self::Spo2,
            SignName::RespRate => Self::RespRate,
            SignName::Temperature => Self::Temperature,
            SignName::Etco2 => Self::Etco2,
            SignName::NibpSystolic => Self::Systolic,
            SignName::NibpDiastolic => Self::Diastolic,
        }
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum To {
    Value(f64),
    Back(Back),
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Back {
    Back,
}

impl To {
    fn target(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Back(Back::Back) => None,
        }
    }
}

/// A duration with its unit, in ms.
#[must_use]
pub fn parse_duration(text: &str) -> Option<u64> {
    let digits = text.find(|it: char| !it.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[expect(clippy::cast_precision_loss, reason = "a scenario lasts days, not 2^53 ms")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_scenario_can_be_used() {
        for (name, _) in SHIPPED {
            let scenario = Scenario::load(name).unwrap();
            assert!(scenario.duration_ms > 0 && !scenario.about.is_empty(), "{name}");
        }
        assert_eq!(Scenario::load("stable").unwrap().course(1, 0), Course::default());
        assert!(!Scenario::load("desaturation").unwrap().course(1, 0).ramps.is_empty());
    }

    #[test]
    fn unknown_keys_and_wrong_durations_are_errors() {
        let wrong = [
            "about = \"a\"\nduration = \"1m\"\nspeed = 2\n",
            "about = \"a\"\nduration = \"1m\"\n[[step]]\nat = \"1s\"\nbde = 1\n",
            "about = \"a\"\nduration = \"1m\"\n[[step]]\nat = \"1s\"\ntargets.spo3 = 1\n",
            "about = \"a\"\nduration = \"1m\"\n[[step]]\nat = \"1s\"\ntargets.spo2 = \"up\"\n",
            "about = \"a\"\nduration = \"60\"\n",
        ];
        for text in wrong {
            assert!(Scenario::parse("test", text).is_err(), "{text}");
        }
        assert!(Scenario::load("nothing").unwrap_err().to_string().contains("desaturation"));
    }
}
