//! A reading record: one observation set as `vitals.readings.v1`.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::observation::Observation;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Mode, Quality};
use crate::time::{ClockQuality, DeviceTime, Timestamp, Uptime};
use crate::vital::Vital;

/// The topic and the schema of reading records.
pub const READINGS: &str = "vitals.readings.v1";

/// One observation set. What does not apply is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadingRecord<'a> {
    /// Always [`READINGS`].
    pub schema: Cow<'a, str>,
    /// `agent/run/r/seq`: its name for ever.
    pub id: Cow<'a, str>,
    /// The agent that took it.
    pub agent: Cow<'a, str>,
    /// The life of that agent's process.
    pub run: Cow<'a, str>,
    /// Its number in that run's readings, without gaps.
    pub seq: u64,
    /// When its last byte was read, on the agent's boot-time clock, ms.
    pub up_ms: Uptime,
    /// The bed.
    pub bed: Cow<'a, str>,
    /// The source.
    pub source: Cow<'a, str>,
    /// The device model, or the payload's format.
    pub device: Cow<'a, str>,
    /// Live, simulated or replay.
    pub mode: Mode,
    /// When it arrived, on the wall clock.
    pub received_at: Timestamp,
    /// How far that clock can be believed.
    pub clock: ClockQuality,
    /// The time the device wrote on it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_time: Option<DeviceTime>,
    /// The number the device gave it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_seq: Option<u64>,
    /// How many of the device's messages between the one that came before and this one never came, by its own numbers; left
    /// out where none is known to be missing.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub device_missed: u64,
    /// Whether it was history when it arrived, and was not judged.
    #[serde(skip_serializing_if = "is_false", default)]
    pub late: bool,
    /// The stay of the patient in the bed when it came, an opaque token; left out where nobody was admitted, and of what was
    /// history when it arrived, which may be another patient's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stay: Option<Cow<'a, str>>,
    /// How the patient is known; left out where only the bed is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub association: Option<Association>,
    /// Whether the broker had sent it before and it carries no identity to tell whether it was stored before.
    #[serde(skip_serializing_if = "is_false", default)]
    pub redelivered: bool,
    /// What was measured.
    pub vitals: Vec<VitalRecord>,
}

/// One vital in a reading record: with a value or with the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VitalRecord {
    /// Which vital.
    pub name: Vital,
    /// Its value in `unit`, at most three decimals.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<Quantity>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub absent: Option<Absent>,
    /// The unit's UCUM code.
    pub unit: Cow<'static, str>,
    /// The IEEE 11073 code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mdc: Option<u32>,
    /// What the device said of the quality.
    #[serde(skip_serializing_if = "Quality::is_empty", default)]
    pub quality: Quality,
}

/// Who stores a record: what all records of one run have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The agent's id.
    pub agent: String,
    /// The run.
    pub run: String,
}

impl<'a> ReadingRecord<'a> {
    /// The record of an observation, numbered `seq` in its run.
    #[must_use]
    pub fn new(origin: &'a Origin, seq: u64, device: &'a str, observation: &'a Observation) -> Self {
        Self {
            schema: Cow::Borrowed(READINGS),
            id: Cow::Owned(alloc::format!("{}/{}/r/{seq}", origin.agent, origin.run)),
            agent: Cow::Borrowed(&origin.agent),
            run: Cow::Borrowed(&origin.run),
            seq,
            up_ms: observation.at,
            bed: Cow::Borrowed(observation.bed.as_str()),
            source: Cow::Borrowed(observation.source.as_str()),
            device: Cow::Borrowed(device),
            mode: observation.mode,
            received_at: observation.received_at,
            clock: observation.clock,
            device_time: observation.reading.device_time,
            device_seq: observation.reading.device_seq,
            device_missed: observation.reading.device_missed,
            late: observation.late.is_some(),
            stay: None,
            association: None,
            redelivered: observation.redelivered,
            vitals: observation.reading.measurements.iter().map(VitalRecord::from).collect(),
        }
    }

    /// The same of the patient who is in the bed, where one was admitted.
    #[must_use]
    pub fn of_stay(self, stay: Option<&'a Name>) -> Self {
        let stay = stay.filter(|_| !self.late).map(|it| Cow::Borrowed(it.as_str()));
        Self { association: stay.as_ref().map(|_| Association::Confirmed), stay, ..self }
    }
}

/// How records and a patient belong together (IHE PCD-01 and ACM call it so).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Association {
    /// Somebody said who lies in the bed.
    Confirmed,
}

impl From<&Measurement> for VitalRecord {
    fn from(it: &Measurement) -> Self {
        let properties = it.vital.properties();
        Self {
            name: it.vital,
            value: it.value.ok(),
            absent: it.value.err(),
            unit: Cow::Borrowed(properties.unit),
            mdc: properties.mdc,
            quality: it.quality,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(it: &u64) -> bool {
    *it == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(super) fn is_false(it: &bool) -> bool {
    !it
}
