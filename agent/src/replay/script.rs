//! A script of inputs, one JSON object a line: everything that can happen to an engine (`docs/alarms.md`, Replay).

mod action;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use vitals::alarm::action::Action;
use vitals::alarm::engine::{Flag, PortState};
use vitals::alarm::policy::{Preference, SourceSetup};
use vitals::alarm::snapshot::Boot;
use vitals::name::Name;
use vitals::quantity::Quantity;
use vitals::reading::{Absent, Measurement, Mode, Quality, Reading};
use vitals::time::{DeviceTime, Uptime};
use vitals::vital::Vital;

use super::error::ReplayError;
use action::{SaidAction, SaidBoot};

/// What is played.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) sources: Vec<SourceSetup>,
    pub(super) prefer: Preference,
    pub(super) start: Uptime,
    pub(super) stay: Option<Name>,
    /// Inputs with their times, none before the one above it.
    pub(super) inputs: Vec<(Uptime, Input)>,
}

/// What happens at one moment.
#[derive(Debug)]
pub(super) enum Input {
    Observation(Arc<Name>, Reading),
    Frame(Name),
    Late(Name),
    Device(Name),
    Port(Name, PortState, Option<String>),
    Flag(Name, Flag, bool),
    Stall(Uptime),
    Profile(String),
    Restart(Boot, Uptime),
    Action(Box<Action>),
    /// Time goes by.
    Nothing,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Setup {
    sources: Vec<SetupSource>,
    prefer: BTreeMap<Vital, Vec<Name>>,
    start_ms: u64,
    stay: Option<Name>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetupSource {
    name: Name,
    #[serde(default = "second")]
    period_ms: u64,
    #[serde(default)]
    critical: bool,
    #[serde(default)]
    nibp_interval_ms: Option<u64>,
    #[serde(default)]
    same_limb: bool,
}

fn second() -> u64 {
    1000
}

/// One line; which of the keys are there says what it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Line {
    t: u64,
    source: Option<Name>,
    vitals: Option<BTreeMap<Vital, Said>>,
    quality: BTreeMap<Vital, Quality>,
    device_time: Option<DeviceTime>,
    frame: Option<Name>,
    late: Option<Name>,
    device: Option<Name>,
    port: Option<PortState>,
    cause: Option<String>,
    flag: Option<Flag>,
    on: bool,
    stall_to: Option<u64>,
    profile: Option<String>,
    restart: Option<SaidBoot>,
    up: u64,
    action: Option<SaidAction>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Said {
    Value(Quantity),
    Absent(Absent),
}

/// Reads a script. All its mistakes are told at once.
pub(super) fn read(path: &Path) -> Result<Script, ReplayError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ReplayError::CsvUnreadable { path: path.to_owned(), source })?;
    let mut setup = Setup::default();
    let mut inputs: Vec<(Uptime, Input)> = Vec::new();
    let mut mistakes = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        if number == 1 && !line.contains("\"t\"") {
            match serde_json::from_str(line) {
                Ok(it) => setup = it,
                Err(error) => mistakes.push((number, error.to_string())),
            }
            continue;
        }
        let input = serde_json::from_str::<Line>(line).map_err(|error| error.to_string());
        match input.and_then(|line| Ok((Uptime::from_millis(line.t), input_of(line)?))) {
            Ok((at, _)) if inputs.last().is_some_and(|(last, _)| at < *last) => {
                mistakes.push((number, "t falls".to_owned()));
            }
            Ok(input) => inputs.push(input),
            Err(what) => mistakes.push((number, what)),
        }
    }
    if !mistakes.is_empty() {
        return Err(ReplayError::wrong_csv(path, &mistakes));
    }
    Ok(setup.into_script(inputs))
}

impl Setup {
    fn into_script(self, inputs: Vec<(Uptime, Input)>) -> Script {
        let source = |it: SetupSource| SourceSetup {
            critical: it.critical,
            nibp_interval: it.nibp_interval_ms.map(Duration::from_millis),
            same_limb: it.same_limb,
            ..SourceSetup::new(Arc::new(it.name), Duration::from_millis(it.period_ms.max(1)), Mode::Replay)
        };
        let names = |names: Vec<Name>| names.into_iter().map(Arc::new).collect();
        Script {
            sources: self.sources.into_iter().map(source).collect(),
            prefer: self.prefer.into_iter().map(|(vital, it)| (vital, names(it))).collect(),
            start: Uptime::from_millis(self.start_ms),
            stay: self.stay,
            inputs,
        }
    }
}

fn input_of(line: Line) -> Result<Input, String> {
    let source = |source: Option<Name>| source.ok_or_else(|| "source is missing".to_owned());
    Ok(match line {
        Line { vitals: Some(vitals), .. } => {
            let measurement = |(vital, said): (Vital, Said)| {
                let quality = line.quality.get(&vital).copied().unwrap_or(Quality::NONE);
                let it = match said {
                    Said::Value(value) => Measurement::value(vital, value),
                    Said::Absent(reason) => Measurement::absent(vital, reason),
                };
                it.with_quality(quality)
            };
            let measurements = vitals.into_iter().map(measurement).collect();
            let reading = Reading { measurements, device_time: line.device_time, ..Reading::default() };
            Input::Observation(Arc::new(source(line.source)?), reading)
        }
        Line { frame: Some(source), .. } => Input::Frame(source),
        Line { late: Some(source), .. } => Input::Late(source),
        Line { device: Some(source), .. } => Input::Device(source),
        Line { port: Some(state), .. } => Input::Port(source(line.source)?, state, line.cause),
        Line { flag: Some(flag), .. } => Input::Flag(source(line.source)?, flag, line.on),
        Line { stall_to: Some(to), .. } => Input::Stall(Uptime::from_millis(to)),
        Line { profile: Some(profile), .. } => Input::Profile(profile),
        Line { restart: Some(boot), .. } => Input::Restart(boot.boot(), Uptime::from_millis(line.up)),
        Line { action: Some(action), .. } => Input::Action(Box::new(action.action()?)),
        Line { .. } => Input::Nothing,
    })
}
