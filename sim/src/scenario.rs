//! Scenarios: what happens in a ward, as TOML a clinician can read. Unknown keys are errors.

mod file;

use std::path::{Path, PathBuf};

use crate::artefact::Artefact;
use crate::link::Fault;
use crate::patient::body::Kind;
use crate::patient::course::{Course, Driven, Ramp, Rhythm};
use crate::random::Random;
use crate::schedule::{Begins, Schedule};

/// The scenarios that are inside the program, by name.
const SHIPPED: [(&str, &str); 17] = [
    ("stable", include_str!("../../config/scenarios/stable.toml")),
    ("ward-day", include_str!("../../config/scenarios/ward-day.toml")),
    ("sepsis", include_str!("../../config/scenarios/sepsis.toml")),
    ("hypoxia", include_str!("../../config/scenarios/hypoxia.toml")),
    ("haemorrhage", include_str!("../../config/scenarios/haemorrhage.toml")),
    ("opioid", include_str!("../../config/scenarios/opioid.toml")),
    ("cardiac-arrest", include_str!("../../config/scenarios/cardiac-arrest.toml")),
    ("anaphylaxis", include_str!("../../config/scenarios/anaphylaxis.toml")),
    ("copd", include_str!("../../config/scenarios/copd.toml")),
    ("neonate-apnea", include_str!("../../config/scenarios/neonate-apnea.toml")),
    ("artefacts", include_str!("../../config/scenarios/artefacts.toml")),
    ("line-faults", include_str!("../../config/scenarios/line-faults.toml")),
    ("broker-faults", include_str!("../../config/scenarios/broker-faults.toml")),
    ("desaturation", include_str!("../../config/scenarios/desaturation.toml")),
    ("probe-off", include_str!("../../config/scenarios/probe-off.toml")),
    ("tachycardia", include_str!("../../config/scenarios/tachycardia.toml")),
    ("demo", include_str!("../../config/scenarios/demo.toml")),
];

/// The hour at the beginning, where the scenario does not say.
const HOUR: f64 = 8.0;
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
    /// Something that cannot be.
    #[error("{name}: {what}")]
    Content {
        /// The file or the name.
        name: String,
        /// What.
        what: String,
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
    hour: f64,
    cuff_every: Option<u64>,
    patients: Vec<Patients>,
    steps: Vec<Step>,
    troubles: Troubles,
}

/// Who lies in a bed, or in every bed.
#[derive(Debug, Clone, PartialEq)]
struct Patients {
    bed: Option<u64>,
    kind: Kind,
    ventilated: bool,
    arterial_line: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Step {
    /// The number of the bed, from 1; `None`: every bed.
    bed: Option<u64>,
    at: f64,
    over: f64,
    targets: Vec<(Driven, Option<f64>)>,
    probe: Option<bool>,
    rhythm: Option<Rhythm>,
    apnea: Option<f64>,
}

/// What disturbs measurement and lines, and in which bed.
#[derive(Debug, Clone, PartialEq)]
struct Troubles {
    artefacts: Vec<(Option<u64>, Artefact)>,
    faults: Vec<(Option<u64>, Fault)>,
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
        file::parse(name, text)
    }

    /// What it means for the bed of that index, from 0: seeds vary the pace by up to 20 %.
    #[must_use]
    pub fn course(&self, seed: u64, bed: u64) -> Course {
        let pace = pace(seed, bed);
        let patient = self.patients.iter().rev().find(|it| is_of(it.bed, bed));
        let artefacts = self.troubles.artefacts.iter().filter(|(it, _)| is_of(*it, bed));
        let at_pace = |(_, it): &(_, Artefact)| Artefact { schedule: it.schedule.at_pace(pace), ..*it };
        let mut course = Course {
            kind: patient.map_or(Kind::Adult, |it| it.kind),
            ventilated: patient.is_some_and(|it| it.ventilated),
            arterial_line: patient.is_some_and(|it| it.arterial_line),
            hour: self.hour,
            cuff_every: self.cuff_every,
            artefacts: artefacts.map(at_pace).collect(),
            ..Course::default()
        };
        for step in self.steps.iter().filter(|it| is_of(it.bed, bed)) {
            let (at, over) = (step.at * pace, step.over * pace);
            let ramp = |(driven, target): &(Driven, _)| Ramp { driven: *driven, at, over, target: *target };
            course.ramps.extend(step.targets.iter().map(ramp));
            course.probe.extend(step.probe.map(|on| (at, on)));
            course.rhythm.extend(step.rhythm.map(|it| (at, it)));
            course.apnea.extend(step.apnea.map(|it| (at, at + it)));
        }
        course
    }

    /// What disturbs the way of the bed of that index, from 0.
    #[must_use]
    pub fn faults(&self, seed: u64, bed: u64) -> Vec<Fault> {
        let pace = pace(seed, bed);
        let faults = self.troubles.faults.iter().filter(|(it, _)| is_of(*it, bed));
        faults.map(|(_, it)| Fault { schedule: it.schedule.at_pace(pace), ..*it }).collect()
    }

    /// What happens in a ward of that many beds, in order, in words; times in ms of the ward's own time. What comes by
    /// chance is not in it.
    #[must_use]
    pub fn happenings(&self, seed: u64, beds: u64) -> Vec<Happening> {
        let mut happenings = Vec::new();
        for bed in 0..beds {
            let pace = pace(seed, bed);
            let mut tell = |at: f64, words| happenings.push(Happening { at_ms: millis(at), bed, words });
            for step in self.steps.iter().filter(|it| is_of(it.bed, bed)) {
                tell(step.at * pace, step.words(pace));
            }
            let artefacts = self.troubles.artefacts.iter().filter(|(it, _)| is_of(*it, bed));
            let artefacts = artefacts.map(|(_, it)| (format!("{:?}", it.kind), it.schedule));
            let faults = self.troubles.faults.iter().filter(|(it, _)| is_of(*it, bed));
            let faults = faults.map(|(_, it)| (format!("{:?}", it.kind), it.schedule));
            for (name, schedule) in artefacts.chain(faults) {
                if let Begins::At(at) = schedule.begins {
                    tell(at * pace, format!("{name} for {} s", schedule.lasts.0.round()));
                }
            }
        }
        happenings.sort();
        happenings
    }
}

/// Something that happens in a ward.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Happening {
    /// When, ms of the ward's own time.
    pub at_ms: u64,
    /// The index of the bed, from 0.
    pub bed: u64,
    /// What, in words.
    pub words: String,
}

/// Whether what is for this bed, or for every bed, is for the bed of that index, from 0.
fn is_of(number: Option<u64>, bed: u64) -> bool {
    number.is_none_or(|it| it == bed + 1)
}

impl Step {
    fn words(&self, pace: f64) -> String {
        let over = (self.over * pace).round();
        let targets = self.targets.iter().map(|(driven, target)| {
            let name = match driven {
                Driven::Sign(sign) => format!("{sign:?}"),
                Driven::Cause(cause) => format!("{cause:?}"),
            };
            match target {
                Some(target) => format!("{name} to {target} within {over} s"),
                None => format!("{name} back within {over} s"),
            }
        });
        let probe =
            self.probe.map(|on| String::from(if on { "the probe is put on" } else { "the probe comes off" }));
        let rhythm = self.rhythm.map(|it| format!("{it:?}"));
        let apnea = self.apnea.map(|it| format!("no breath for {it} s"));
        targets.chain(probe).chain(rhythm).chain(apnea).collect::<Vec<_>>().join(", ")
    }
}

impl Schedule {
    /// The same for a patient of another pace: what comes at a moment moves, what comes by chance does not.
    fn at_pace(self, pace: f64) -> Self {
        match self.begins {
            Begins::At(at) => Self { begins: Begins::At(at * pace), ..self },
            Begins::Every(_) => self,
        }
    }
}

/// One factor a bed, so that steps never overtake each other.
pub(crate) fn pace(seed: u64, bed: u64) -> f64 {
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
        let stable = Scenario::load("stable").unwrap().course(1, 0);
        assert_eq!(stable, Course { hour: HOUR, ..Course::default() });
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
            "about = \"a\"\nduration = \"1m\"\n[[step]]\nat = \"1s\"\ncauses.blood_los = 1\n",
            "about = \"a\"\nduration = \"1m\"\n[[artefact]]\nkind = \"moton\"\nat = \"1s\"\nlasts = \"1s\"\n",
            "about = \"a\"\nduration = \"1m\"\n[[artefact]]\nkind = \"motion\"\nlasts = \"1s\"\n",
            "about = \"a\"\nduration = \"1m\"\n[[artefact]]\nkind = \"motion\"\nat = \"1s\"\nlasts = [\"2s\", \"1s\"]\n",
            "about = \"a\"\nduration = \"1m\"\n[[link]]\nfault = \"bit_errors\"\nat = \"1s\"\nlasts = \"1s\"\nrate = 2\n",
        ];
        for text in wrong {
            assert!(Scenario::parse("test", text).is_err(), "{text}");
        }
        assert!(Scenario::load("nothing").unwrap_err().to_string().contains("desaturation"));
    }
}
