//! The delays of the rule that decided an alarm: those of the clinician's file, if it is still the same.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use vitals::alarm::event::{Code, Level};
use vitals::alarm::policy::AlarmPolicy;
use vitals::quantity::Quantity;
use vitals::record::alarm::AlarmRecord;
use vitals::time::millis;

use crate::buffer_tool::{CONFIG, Place};
use crate::config::load;

/// What the rule said of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Delays {
    /// How long the value must be out.
    pub(super) delay_ms: u64,
    /// How long it must be in again.
    pub(super) clear_delay_ms: u64,
    /// How far in.
    pub(super) hysteresis: Option<Quantity>,
}

/// The delays, if the configuration can be read and its rules have the hash that the record names.
pub(super) fn delays(place: &Place, record: &AlarmRecord) -> Option<Delays> {
    let path = place.config.as_deref().unwrap_or(Path::new(CONFIG));
    let config = load::load(path).ok()?.config;
    let bed = config.beds.into_iter().find(|it| it.id.as_str() == record.bed)?;
    (bed.policy.hash == record.rule.hash && bed.policy.profile == record.profile)
        .then(|| of(&bed.policy, record))
        .flatten()
}

fn of(policy: &AlarmPolicy, record: &AlarmRecord) -> Option<Delays> {
    let delays = |delay: Duration, clear: Duration, hysteresis| {
        Some(Delays { delay_ms: millis(delay), clear_delay_ms: millis(clear), hysteresis })
    };
    if let Some(Code::Limit(vital, direction)) = Code::of_rule(&record.code) {
        let rule = policy.rules.get(&(vital, direction))?;
        let level = rule.level(record.level.unwrap_or(Level::Limit))?;
        return delays(level.delay, rule.clear_delay, Some(rule.hysteresis));
    }
    let technical = match record.code.as_str() {
        "sensor_off" => &policy.technical.sensor_off,
        "no_value" | "implausible" => &policy.technical.no_value,
        "apnea" => return delays(policy.apnea.get(&record.vital?)?.time, Duration::ZERO, None),
        _ => return None,
    };
    delays(technical.delay, technical.clear_delay, None)
}
