//! An alarm record: one change of one alarm as `vitals.alarms.v1`.

mod wall;
mod words;

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::reading::{Association, Origin, is_false};
use super::state::LatestValue;
use crate::alarm::event::{
    AlarmEvent, Code, Condition, Direction, Inactivation, Kind, Level, Phase, Priority, Signal,
};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::reading::{Absent, Mode, Quality};
use crate::time::{ClockQuality, Timestamp, Uptime, millis};
use crate::vital::Vital;

pub use wall::WallClock;

/// The topic and the schema of alarm records.
pub const ALARMS: &str = "vitals.alarms.v1";
/// The origin of what the engine decided.
pub const WARDLINE: &str = "wardline";
/// The origin of what a device raises itself.
pub const DEVICE: &str = "device";

/// One change of one alarm. What does not apply is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the record, there only where it is true"
)]
pub struct AlarmRecord {
    /// Always [`ALARMS`].
    pub schema: Cow<'static, str>,
    /// `agent/run/n`: constant for the alarm's life. The run is the one it was born in.
    pub id: String,
    /// Counts the alarm's records, from 1.
    pub revision: u32,
    /// The agent that decided it.
    pub agent: String,
    /// The run that says this.
    pub run: String,
    /// Its number in that run's alarm records; left out in a `continue`, which is never stored.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seq: Option<u64>,
    /// When it changed, on the agent's boot-time clock, ms.
    pub up_ms: Uptime,
    /// The bed.
    pub bed: String,
    /// What is written on the bed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bed_label: Option<String>,
    /// The stay of the patient in the bed, an opaque token; left out where nobody was admitted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stay: Option<String>,
    /// How the patient is known; left out where only the bed is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub association: Option<Association>,
    /// The profile in force.
    pub profile: String,
    /// The source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// The least live mode of the data behind it.
    pub mode: Mode,
    /// Who decided: `wardline`, or the `device` itself.
    pub origin: Cow<'static, str>,
    /// Whose trouble it is.
    pub kind: Kind,
    /// Which alarm.
    pub code: String,
    /// The IEEE 11073 code of the vital.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mdc: Option<u32>,
    /// The vital.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vital: Option<Vital>,
    /// The level.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<Level>,
    /// How urgent.
    pub priority: Priority,
    /// How urgent before, where that changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous_priority: Option<Priority>,
    /// The most urgent it has been.
    pub peak_priority: Priority,
    /// What happened.
    pub phase: Phase,
    /// Whether the reason is there.
    pub condition: Condition,
    /// What the operator perceives.
    pub signal: Signal,
    /// Whether the signal latches.
    pub latching: bool,
    /// What stands between condition and signal.
    pub inactivation: Inactivation,
    /// Until when, on the wall clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
    /// The newest value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<Quantity>,
    /// How old that value was at `up_ms`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value_age_ms: Option<u64>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub absent: Option<Absent>,
    /// What the device said of the quality.
    #[serde(skip_serializing_if = "Quality::is_empty", default)]
    pub quality: Quality,
    /// The value furthest out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub worst: Option<Quantity>,
    /// The unit's UCUM code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Cow<'static, str>>,
    /// The limit of the level.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<Quantity>,
    /// On which side.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub direction: Option<Direction>,
    /// The lower alarm limit in force.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub low: Option<Quantity>,
    /// The upper alarm limit in force.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub high: Option<Quantity>,
    /// When it began, on the wall clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub onset_at: Option<Timestamp>,
    /// When it was decided, on the wall clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decided_at: Option<Timestamp>,
    /// When this record was handed to the annunciators, on the wall clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signalled_at: Option<Timestamp>,
    /// When it ended, on the wall clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    /// How long it has been present, ms.
    pub present_ms: u64,
    /// From onset to decision, ms.
    pub condition_delay_ms: u64,
    /// From decision to annunciation, ms.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub generation_delay_ms: Option<u64>,
    /// How far the wall clock can be believed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clock: Option<ClockQuality>,
    /// The rule that decided it.
    pub rule: RuleRecord,
    /// The readings it rests on; left out where there was none, and in a `replay`, whose readings have no number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<Evidence>,
    /// What else the bed's devices said last: heart rate, oxygen, breath and pressure, each with its age.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub context: BTreeMap<Vital, LatestValue>,
    /// Who acknowledged it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub acknowledged_by: Option<String>,
    /// When, on the wall clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub acknowledged_at: Option<Timestamp>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// 1 or 2 for a high alarm that nobody acknowledges.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub escalation_level: u8,
    /// What brought a technical alarm about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
    /// Whether it only tests the way of alarms (E37): nothing is wrong with anybody.
    #[serde(skip_serializing_if = "is_false", default)]
    pub test: bool,
    /// Whether it reminds of an acknowledged alarm.
    #[serde(skip_serializing_if = "is_false", default)]
    pub reminder: bool,
    /// Whether it tells of an alarm kept over a restart.
    #[serde(skip_serializing_if = "is_false", default)]
    pub restarted: bool,
    /// Until when it may be shown without another word, on the wall clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_until: Option<Timestamp>,
    /// One line for a person.
    pub text: String,
}

/// The rule behind an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRecord {
    /// The rule: profile and code.
    pub id: String,
    /// The hash of the rule set.
    pub hash: String,
}

/// What a record says of the bed and of wall time, which the engine does not know.
#[derive(Debug, Clone, Copy)]
pub struct AlarmContext<'a> {
    /// Agent and run.
    pub origin: &'a Origin,
    /// The bed.
    pub bed: &'a str,
    /// What is written on it.
    pub bed_label: Option<&'a str>,
    /// The stay of the patient in the bed, where one was admitted.
    pub stay: Option<&'a Name>,
    /// The profile in force.
    pub profile: &'a str,
    /// The hash of the rule set.
    pub rule_hash: &'a str,
    /// The wall clock at a moment of the boot-time clock; `None` in a replay by numbers, where there is no wall clock.
    pub wall: Option<WallClock>,
    /// When the record is handed to the annunciators.
    pub signalled_at: Option<Uptime>,
    /// The newest values of the bed; only those that belong in a record are taken.
    pub newest: &'a BTreeMap<Vital, LatestValue>,
    /// The readings that the alarm rests on.
    pub evidence: Option<&'a Evidence>,
}

/// What a person wants to see beside an alarm, whatever it is of.
const CONTEXT: [Vital; 12] = [
    Vital::HeartRate,
    Vital::PulseRate,
    Vital::Spo2,
    Vital::RespRate,
    Vital::RespRateImpedance,
    Vital::RespRateCo2,
    Vital::NibpSystolic,
    Vital::NibpDiastolic,
    Vital::NibpMean,
    Vital::AbpSystolic,
    Vital::AbpDiastolic,
    Vital::AbpMean,
];

impl AlarmRecord {
    /// The record of an event; `seq` is its number in the run's alarm lane, `None` for a `continue`.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one line for each field of the record")]
    pub fn new(event: &AlarmEvent, seq: Option<u64>, context: &AlarmContext<'_>) -> Self {
        let wall = |moment: Uptime| context.wall.and_then(|clock| clock.at(moment));
        let (vital, direction) = (event.code.vital(), event.code.direction());
        let id = &event.id;
        let agent = &context.origin.agent;
        let mut it = Self {
            schema: Cow::Borrowed(ALARMS),
            id: alloc::format!("{agent}/{}/{}", id.run, id.number),
            revision: event.revision,
            agent: agent.clone(),
            run: context.origin.run.clone(),
            seq,
            up_ms: event.at,
            bed: context.bed.into(),
            bed_label: context.bed_label.map(Into::into),
            stay: context.stay.map(ToString::to_string),
            association: context.stay.map(|_| Association::Confirmed),
            profile: context.profile.into(),
            source: event.source.as_ref().map(|it| it.as_str().into()),
            mode: event.mode,
            origin: Cow::Borrowed(if event.code.is_of_device() { DEVICE } else { WARDLINE }),
            kind: event.kind,
            code: event.code.to_string(),
            mdc: vital.and_then(|it| it.properties().mdc),
            vital,
            level: event.level,
            priority: event.priority,
            previous_priority: event.previous_priority,
            peak_priority: event.peak_priority,
            phase: event.phase,
            condition: event.condition,
            signal: event.signal,
            latching: event.latching,
            inactivation: event.inactivation,
            until: event.until.and_then(wall),
            value: event.value.map(|it| it.value),
            value_age_ms: event.value.map(|it| millis(event.at.since(it.at))),
            absent: event.absent,
            quality: event.quality,
            worst: event.worst,
            unit: vital.map(|it| Cow::Borrowed(it.properties().unit)),
            limit: event.limit,
            direction,
            low: event.low,
            high: event.high,
            onset_at: wall(event.onset_at),
            decided_at: wall(event.decided_at),
            signalled_at: context.signalled_at.and_then(wall),
            ended_at: event.ended_at.and_then(wall),
            present_ms: millis(event.ended_at.unwrap_or(event.at).since(event.decided_at)),
            condition_delay_ms: millis(event.condition_delay),
            generation_delay_ms: context.signalled_at.map(|at| millis(at.since(event.at))),
            clock: context.wall.map(|it| it.quality),
            rule: RuleRecord {
                id: alloc::format!("{}/{}", context.profile, event.code),
                hash: context.rule_hash.into(),
            },
            evidence: context.evidence.cloned(),
            context: CONTEXT
                .iter()
                .filter_map(|vital| context.newest.get(vital).map(|it| (*vital, it.clone())))
                .collect(),
            acknowledged_by: event.acknowledged.as_ref().map(|it| it.by.clone()),
            acknowledged_at: event.acknowledged.as_ref().and_then(|it| wall(it.at)),
            reason: event.reason.clone(),
            escalation_level: event.escalation_level,
            cause: event.cause.clone(),
            test: event.code == Code::Test,
            reminder: event.reminder,
            restarted: event.restarted,
            valid_until: wall(event.at + VALIDITY),
            text: String::new(),
        };
        it.text = event.text.clone().unwrap_or_else(|| it.words());
        it
    }
}

/// How long a record may be shown without another word: two `continue`s and some for the way.
pub const VALIDITY: core::time::Duration = core::time::Duration::from_secs(35);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(it: &u8) -> bool {
    *it == 0
}
