//! Records as an agent writes them, for tests: read from JSON, like the real ones.

use serde_json::{Value, json};
use vitals::record::alarm::AlarmRecord;
use vitals::record::state::{BedRecord, StatusRecord};

use crate::ward::{Arrival, Record};

/// An SpO2 alarm of bed 7 at its start, with some fields changed.
pub(crate) fn alarm(changes: &Value) -> AlarmRecord {
    let mut it = json!({
        "schema": "vitals.alarms.v1", "id": "icu-3/r1/1", "revision": 1, "agent": "icu-3", "run": "r1", "seq": 1,
        "up_ms": 100_000, "bed": "icu-3-07", "bed_label": "Bed 7", "profile": "adult", "source": "monitor-07",
        "mode": "live", "origin": "wardline", "kind": "physiological", "code": "spo2_low", "vital": "spo2",
        "level": "extreme", "priority": "high", "peak_priority": "high", "phase": "start",
        "condition": "present", "signal": "on", "latching": true, "inactivation": "none", "value": 78,
        "value_age_ms": 0, "unit": "%", "limit": 80, "direction": "low",
        "onset_at": "2026-11-23T14:01:55Z", "decided_at": "2026-11-23T14:02:07Z",
        "signalled_at": "2026-11-23T14:02:07Z", "present_ms": 0, "condition_delay_ms": 12_000,
        "clock": "synced", "rule": {"id": "adult/spo2_low", "hash": "0"}, "text": "SpO2 low 78 < 80"
    });
    merge(&mut it, changes);
    serde_json::from_value(it).unwrap()
}

/// A silence of monitor-07, with some fields changed.
pub(crate) fn silence(changes: &Value) -> AlarmRecord {
    let mut it = serde_json::to_value(alarm(&json!({}))).unwrap();
    for field in ["vital", "level", "value", "value_age_ms", "unit", "limit", "direction"] {
        it.as_object_mut().unwrap().remove(field);
    }
    let silence = json!({
        "id": "icu-3/r1/2", "kind": "technical", "code": "no_data", "priority": "medium",
        "peak_priority": "medium", "latching": false, "text": "No data"
    });
    merge(&mut it, &silence);
    merge(&mut it, changes);
    serde_json::from_value(it).unwrap()
}

/// The state of bed 7 in a run, at a moment of the agent's clock, with its open alarms.
pub(crate) fn bed(run: &str, up_ms: u64, alarms: &[AlarmRecord]) -> BedRecord {
    serde_json::from_value(json!({
        "schema": "vitals.beds.v1", "agent": "icu-3", "run": run, "up_ms": up_ms,
        "at": "2026-11-23T14:02:07Z", "clock": "synced", "bed": "icu-3-07", "bed_label": "Bed 7",
        "profile": "adult", "mode": "live", "alarms": alarms, "sources": [], "rule_hash": "0"
    }))
    .unwrap()
}

/// A heartbeat.
pub(crate) fn status(run: &str, up_ms: u64, turns: u64) -> StatusRecord {
    serde_json::from_value(json!({
        "schema": "vitals.status.v1", "agent": "icu-3", "run": run, "version": "0.1.0", "up_ms": up_ms,
        "at": "2026-11-23T14:02:07Z", "clock": "synced", "turns": turns, "beds": 8, "alarms": 1,
        "accepted": 0, "buffered": 0, "buffer_bytes": 0, "buffer_bytes_max": 0, "store": "ok",
        "reading_seq": 0, "alarm_seq": 0
    }))
    .unwrap()
}

/// Something that arrives now.
pub(crate) fn arrival(record: Record) -> Arrival {
    Arrival { record, late: false, age: None }
}

fn merge(into: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        into.as_object_mut().unwrap().insert(name.clone(), value.clone());
    }
}
