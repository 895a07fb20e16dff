//! What a screen needs at once: `vitals.latest.v1`, `vitals.beds.v1` and `vitals.status.v1`. Never buffered.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::alarm::AlarmRecord;
use super::reading::is_false;
use crate::alarm::engine::{Inactive, Inactivity, LimitsInForce};
use crate::notice::{BedsideLimits, DeviceIdentity};
use crate::quantity::Quantity;
use crate::reading::{Absent, Mode, Quality};
use crate::time::{ClockQuality, Timestamp, Uptime, millis};
use crate::vital::Vital;

/// The topic of newest values, compacted.
pub const LATEST: &str = "vitals.latest.v1";
/// The topic of the states of beds, compacted.
pub const BEDS: &str = "vitals.beds.v1";
/// The topic of heartbeats.
pub const STATUS: &str = "vitals.status.v1";

/// The newest value of each vital of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestRecord {
    /// Always [`LATEST`].
    pub schema: String,
    /// The agent.
    pub agent: String,
    /// The run.
    pub run: String,
    /// The agent's boot-time clock when this was written, ms.
    pub up_ms: Uptime,
    /// The wall clock when this was written.
    pub at: Timestamp,
    /// The bed.
    pub bed: String,
    /// The source.
    pub source: String,
    /// Live, simulated or replay.
    pub mode: Mode,
    /// The newest of each vital.
    pub vitals: BTreeMap<Vital, LatestValue>,
}

/// The newest value of one vital.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestValue {
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<Quantity>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub absent: Option<Absent>,
    /// What the device said of the quality.
    #[serde(skip_serializing_if = "Quality::is_empty", default)]
    pub quality: Quality,
    /// How old it was at `up_ms`, on the agent's clock.
    pub age_ms: u64,
    /// The age at which it must no longer be shown as a value of now.
    pub stale_after_ms: u64,
}

/// The state of one bed: authoritative. An open alarm that it does not list has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BedRecord {
    /// Always [`BEDS`].
    pub schema: String,
    /// The agent.
    pub agent: String,
    /// The run.
    pub run: String,
    /// The agent's boot-time clock, ms.
    pub up_ms: Uptime,
    /// The wall clock.
    pub at: Timestamp,
    /// How far that clock can be believed.
    pub clock: ClockQuality,
    /// The bed.
    pub bed: String,
    /// What is written on it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bed_label: Option<String>,
    /// The profile in force.
    pub profile: String,
    /// Live, simulated or replay.
    pub mode: Mode,
    /// The open alarms, each as its newest record.
    pub alarms: Vec<AlarmRecord>,
    /// The sources and how they are.
    pub sources: Vec<SourceState>,
    /// The hash of the rule set.
    pub rule_hash: String,
    /// The stay of the patient, an opaque token; left out where nobody was admitted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stay: Option<String>,
    /// What makes no signal now, or less: the bed as a whole first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub inactive: Vec<InactiveState>,
    /// The limits in force, by the table of vitals; of an `alarm_off` too, for when it ends.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub limits: Vec<LimitsState>,
    /// Whether what the file says for one stay in this bed is in force; left out where it says nothing for any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stay_rules: Option<bool>,
}

/// Something of a bed that makes no signal, or less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InactiveState {
    /// What.
    pub what: Inactivity,
    /// The rule's code; left out for the bed as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
    /// Who wanted it.
    pub by: String,
    /// In whose words why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// How much longer, ms on the agent's clock; left out where nobody said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub left_ms: Option<u64>,
}

impl InactiveState {
    /// As it is now.
    #[must_use]
    pub fn new(it: Inactive, now: Uptime) -> Self {
        Self {
            what: it.what,
            rule: it.rule.map(|it| it.to_string()),
            by: it.by,
            reason: it.reason,
            left_ms: it.until.map(|at| millis(at.since(now))),
        }
    }
}

/// Limits of one rule, in the unit of its vital.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsState {
    /// The rule's code.
    pub rule: String,
    /// The alarm limit.
    pub limit: Quantity,
    /// The limit further out, where the rule has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub extreme: Option<Quantity>,
    /// Whether an operator set them for this stay; else they are the file's.
    #[serde(skip_serializing_if = "is_false", default)]
    pub changed: bool,
}

impl From<LimitsInForce> for LimitsState {
    fn from(it: LimitsInForce) -> Self {
        Self { rule: it.rule.to_string(), limit: it.limit, extreme: it.extreme, changed: it.changed }
    }
}

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// The source.
    pub source: String,
    /// The device model or payload format.
    pub device: String,
    /// Whether its port or its topic's link is there.
    pub connected: bool,
    /// How long ago it said something, ms; left out if never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub age_ms: Option<u64>,
    /// Who the device is, where its protocol tells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity: Option<DeviceIdentity>,
    /// The alarm limits set on the device itself, where its protocol tells them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bedside_limits: Option<BedsideLimits>,
}

/// The heartbeat of an agent, each second, at most 1 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRecord {
    /// Always [`STATUS`].
    pub schema: String,
    /// The agent.
    pub agent: String,
    /// The run.
    pub run: String,
    /// The program's version.
    pub version: String,
    /// The agent's boot-time clock, ms.
    pub up_ms: Uptime,
    /// The wall clock.
    pub at: Timestamp,
    /// How far that clock can be believed.
    pub clock: ClockQuality,
    /// The hash of the rule set that the beds follow; left out where there is no bed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule_hash: Option<String>,
    /// Turns of the bedside loop: must grow from one heartbeat to the next.
    pub turns: u64,
    /// Beds under watch.
    pub beds: u32,
    /// Open alarms.
    pub alarms: u32,
    /// Readings accepted since the start of the run.
    pub accepted: u64,
    /// Records of both lanes that wait for Kafka.
    pub buffered: u64,
    /// Bytes on disk that hold them.
    pub buffer_bytes: u64,
    /// The bound of those bytes.
    pub buffer_bytes_max: u64,
    /// The store: `ok`, `stalled`, `failed` or `missing`.
    pub store: String,
    /// The last number given in the readings lane.
    pub reading_seq: u64,
    /// The last number given in the alarm lane.
    pub alarm_seq: u64,
}
