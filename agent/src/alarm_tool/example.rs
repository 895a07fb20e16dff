//! An alarm record as the agent writes it, for tests: read from JSON, like the real ones.

use serde_json::{Value, json};
use vitals::record::alarm::AlarmRecord;

/// An SpO2 alarm of bed 7 at its start, with some fields changed.
pub(super) fn alarm(changes: &Value) -> AlarmRecord {
    let mut it = json!({
        "schema": "vitals.alarms.v1", "id": "icu-3/r1/12", "revision": 1, "agent": "icu-3", "run": "r1", "seq": 1,
        "up_ms": 112_000, "bed": "icu-3-07", "bed_label": "Bed 7", "profile": "adult", "source": "monitor-07",
        "mode": "live", "origin": "wardline", "kind": "physiological", "code": "spo2_low", "vital": "spo2",
        "level": "limit", "priority": "medium", "peak_priority": "medium", "phase": "start",
        "condition": "present", "signal": "on", "latching": false, "inactivation": "none", "value": 88,
        "value_age_ms": 0, "unit": "%", "limit": 90, "direction": "low",
        "onset_at": "2026-11-23T14:01:55Z", "decided_at": "2026-11-23T14:02:10Z",
        "signalled_at": "2026-11-23T14:02:10.020Z", "present_ms": 0, "condition_delay_ms": 15_000,
        "generation_delay_ms": 20, "clock": "synced", "rule": {"id": "adult/spo2_low", "hash": "c0ffee"},
        "evidence": {"run": "r1", "first": 101, "last": 116}, "text": "SpO2 low 88 < 90"
    });
    for (name, value) in changes.as_object().unwrap() {
        it.as_object_mut().unwrap().insert(name.clone(), value.clone());
    }
    serde_json::from_value(it).unwrap()
}
