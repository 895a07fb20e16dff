//! The lines as they are read: a setup, or one input of a bed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use vitals::alarm::engine::Flag;
use vitals::alarm::snapshot::Boot;
use vitals::name::Name;
use vitals::quantity::Quantity;
use vitals::reading::{Absent, Measurement, Quality};
use vitals::vital::Vital;

use crate::act::Act;
use crate::setup::Setup;

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
    PortGone(Port),
    /// Another device is on the source's line.
    Device(String),
    Flag(Flagged),
    Poll(()),
    /// From when nobody was reading, to the line's own time.
    Stall(u64),
    Act(Act),
    /// Other rules within the run.
    Reload(Box<Setup>),
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

/// A link's port that has gone, and why where it is a link of several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Port {
    Source(String),
    Of { source: String, cause: Option<String> },
}

#[derive(Deserialize)]
pub(crate) struct Flagged {
    pub(crate) source: String,
    pub(crate) flag: Flag,
    pub(crate) on: bool,
}

#[derive(Deserialize)]
pub(crate) struct Restart {
    /// Until when the old run listened; the new one does from the line's own time.
    pub(crate) stopped: u64,
    pub(crate) boot: BootWord,
    pub(crate) setup: Setup,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BootWord {
    #[default]
    Same,
    Other,
}

impl BootWord {
    pub(crate) fn boot(self) -> Boot {
        match self {
            Self::Same => Boot::Same,
            Self::Other => Boot::Other,
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

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
