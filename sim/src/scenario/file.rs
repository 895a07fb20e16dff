//! A scenario as a person writes it: TOML, unknown keys refused, durations with units.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Patients, Scenario, ScenarioError, Step, Troubles};
use crate::artefact::{self, Artefact};
use crate::link::{self, Fault};
use crate::patient::body::Kind;
use crate::patient::course::{Cause, Driven, Rhythm, Sign};
use crate::schedule::{Begins, Schedule};

/// The file, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    duration: String,
    hour: Option<f64>,
    cuff_every: Option<String>,
    #[serde(default)]
    patient: Vec<PatientEntry>,
    #[serde(default)]
    step: Vec<StepEntry>,
    #[serde(default)]
    artefact: Vec<ArtefactEntry>,
    #[serde(default)]
    link: Vec<LinkEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatientEntry {
    bed: Option<u64>,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    ventilated: bool,
    #[serde(default)]
    arterial_line: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepEntry {
    bed: Option<u64>,
    at: String,
    over: Option<String>,
    again_every: Option<String>,
    probe: Option<Probe>,
    rhythm: Option<RhythmName>,
    apnea: Option<String>,
    #[serde(default)]
    targets: BTreeMap<SignName, To>,
    #[serde(default)]
    causes: BTreeMap<CauseName, To>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArtefactEntry {
    kind: artefact::Kind,
    bed: Option<u64>,
    at: Option<String>,
    every: Option<String>,
    lasts: Lasts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkEntry {
    fault: link::Kind,
    bed: Option<u64>,
    at: Option<String>,
    every: Option<String>,
    lasts: Lasts,
    rate: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lasts {
    Exactly(String),
    Between(String, String),
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Probe {
    Off,
    On,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum RhythmName {
    Sinus,
    Fibrillation,
    Asystole,
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

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum CauseName {
    BloodLoss,
    Resistance,
    Contractility,
    Drive,
    Metabolism,
    Shunt,
    Diffusion,
    Exhalation,
    InspiredOxygen,
    Fever,
    Stress,
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

impl From<CauseName> for Cause {
    fn from(it: CauseName) -> Self {
        match it {
            CauseName::BloodLoss => Self::BloodLoss,
            CauseName::Resistance => Self::Resistance,
            CauseName::Contractility => Self::Contractility,
            CauseName::Drive => Self::Drive,
            CauseName::Metabolism => Self::Metabolism,
            CauseName::Shunt => Self::Shunt,
            CauseName::Diffusion => Self::Diffusion,
            CauseName::Exhalation => Self::Exhalation,
            CauseName::InspiredOxygen => Self::InspiredOxygen,
            CauseName::Fever => Self::Fever,
            CauseName::Stress => Self::Stress,
        }
    }
}

impl From<RhythmName> for Rhythm {
    fn from(it: RhythmName) -> Self {
        match it {
            RhythmName::Sinus => Self::Sinus,
            RhythmName::Fibrillation => Self::Fibrillation,
            RhythmName::Asystole => Self::Asystole,
        }
    }
}

impl To {
    fn target(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Back(Back::Back) => None,
        }
    }
}

/// Who reads one file, for messages.
struct Reader<'a> {
    name: &'a str,
}

/// Reads a scenario; `name` is for messages.
pub(super) fn parse(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let file: File = toml::from_str(text)
        .map_err(|source| ScenarioError::Parse { name: name.into(), source: Box::new(source) })?;
    let reader = Reader { name };
    let duration_ms = reader.millis(&file.duration)?;
    let mut steps = Vec::new();
    for it in &file.step {
        reader.steps(it, super::seconds(duration_ms), &mut steps)?;
    }
    steps.sort_by(|a, b| a.at.total_cmp(&b.at));
    let cuff_every = file.cuff_every.as_deref().map(|it| reader.millis(it)).transpose()?.map(|ms| ms / 1000);
    let patients = file.patient.iter().map(|it| Patients {
        bed: it.bed,
        kind: it.kind,
        ventilated: it.ventilated,
        arterial_line: it.arterial_line,
    });
    let troubles = Troubles {
        artefacts: file.artefact.iter().map(|it| reader.artefact(it)).collect::<Result<_, _>>()?,
        faults: file.link.iter().map(|it| reader.fault(it)).collect::<Result<_, _>>()?,
    };
    let (about, hour, patients) = (file.about, file.hour.unwrap_or(super::HOUR), patients.collect());
    Ok(Scenario { about, duration_ms, hour, cuff_every, patients, steps, troubles })
}

impl Reader<'_> {
    fn millis(&self, text: &str) -> Result<u64, ScenarioError> {
        super::parse_duration(text)
            .ok_or_else(|| ScenarioError::Duration { name: self.name.into(), text: text.into() })
    }

    fn seconds(&self, text: &str) -> Result<f64, ScenarioError> {
        self.millis(text).map(super::seconds)
    }

    /// A step, and once more for each time that it comes again within the scenario.
    fn steps(&self, it: &StepEntry, duration: f64, steps: &mut Vec<Step>) -> Result<(), ScenarioError> {
        let signs = it.targets.iter().map(|(name, to)| (Driven::Sign((*name).into()), to.target()));
        let causes = it.causes.iter().map(|(name, to)| (Driven::Cause((*name).into()), to.target()));
        let mut step = Step {
            bed: it.bed,
            at: self.seconds(&it.at)?,
            over: it.over.as_deref().map_or(Ok(0.0), |it| self.seconds(it))?,
            targets: signs.chain(causes).collect(),
            probe: it.probe.map(|probe| probe == Probe::On),
            rhythm: it.rhythm.map(Into::into),
            apnea: it.apnea.as_deref().map(|it| self.seconds(it)).transpose()?,
        };
        let again = it.again_every.as_deref().map(|it| self.seconds(it)).transpose()?;
        loop {
            steps.push(step.clone());
            match again {
                Some(again) if again > 0.0 && step.at + again < duration => step.at += again,
                _ => return Ok(()),
            }
        }
    }

    fn artefact(&self, it: &ArtefactEntry) -> Result<(Option<u64>, Artefact), ScenarioError> {
        let schedule = self.schedule(it.at.as_deref(), it.every.as_deref(), &it.lasts)?;
        Ok((it.bed, Artefact { kind: it.kind, schedule }))
    }

    fn fault(&self, it: &LinkEntry) -> Result<(Option<u64>, Fault), ScenarioError> {
        let schedule = self.schedule(it.at.as_deref(), it.every.as_deref(), &it.lasts)?;
        let rate = it.rate.unwrap_or(it.fault.rate());
        if !(0.0..=1.0).contains(&rate) {
            let what = format!("rate = {rate}: write a share from 0 to 1");
            return Err(ScenarioError::Content { name: self.name.into(), what });
        }
        Ok((it.bed, Fault { kind: it.fault, rate, schedule }))
    }

    fn schedule(
        &self,
        at: Option<&str>,
        every: Option<&str>,
        lasts: &Lasts,
    ) -> Result<Schedule, ScenarioError> {
        let lasts = match lasts {
            Lasts::Exactly(it) => (self.seconds(it)?, self.seconds(it)?),
            Lasts::Between(low, high) => (self.seconds(low)?, self.seconds(high)?),
        };
        let begins = match (at, every) {
            (Some(at), None) => Begins::At(self.seconds(at)?),
            (None, Some(every)) if self.millis(every)? > 0 => Begins::Every(self.seconds(every)?),
            _ => {
                let what = "a disturbance has either `at` or `every`, and `every` is above 0".into();
                return Err(ScenarioError::Content { name: self.name.into(), what });
            }
        };
        if lasts.0 > lasts.1 || lasts.1 <= 0.0 {
            let what = "`lasts` is a duration above 0, or the shortest and the longest".into();
            return Err(ScenarioError::Content { name: self.name.into(), what });
        }
        Ok(Schedule { begins, lasts })
    }
}
