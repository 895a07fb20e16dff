//! What tells one message from another that says the same: the time or the number that the device gave it.
//!
//! It is computed from what is stored as well as from what arrives, so that a message which a broker sends again after a
//! crash is known by the records of the run before.

use std::hash::{DefaultHasher, Hasher};

use vitals::observation::Observation;
use vitals::record::reading::{ReadingRecord, VitalRecord};
use vitals::time::DeviceTime;

/// A message's identity, hashed with its source and all it says. Means nothing outside this process.
pub(crate) type Identity = u64;

/// Of an observation; `None` where the device gave it neither time nor number.
pub(super) fn of_observation(it: &Observation) -> Option<Identity> {
    let vitals: Vec<VitalRecord> = it.reading.measurements.iter().map(VitalRecord::from).collect();
    of(it.source.as_str(), it.reading.device_time, it.reading.device_seq, &vitals)
}

/// Of a stored reading record.
pub(crate) fn of_body(body: &[u8]) -> Option<Identity> {
    let record: ReadingRecord<'_> = serde_json::from_slice(body).ok()?;
    of(&record.source, record.device_time, record.device_seq, &record.vitals)
}

fn of(source: &str, time: Option<DeviceTime>, seq: Option<u64>, vitals: &[VitalRecord]) -> Option<Identity> {
    if time.is_none() && seq.is_none() {
        return None;
    }
    let said = serde_json::to_vec(&(source, time, seq, vitals)).ok()?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&said);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use vitals::name::Name;
    use vitals::payload::wardline;
    use vitals::reading::Mode;
    use vitals::record::reading::Origin;
    use vitals::time::{ClockQuality, Timestamp, Uptime};

    fn observation(payload: &str) -> Observation {
        Observation {
            bed: Arc::new(Name::parse("bed-1").unwrap()),
            source: Arc::new(Name::parse("monitor-1").unwrap()),
            reading: wardline::parse(payload.as_bytes()).unwrap().reading,
            at: Uptime::from_millis(5),
            received_at: Timestamp::EPOCH,
            clock: ClockQuality::Unsynced,
            mode: Mode::Live,
            late: None,
            redelivered: false,
        }
    }

    #[test]
    fn what_was_stored_is_known_again_and_nothing_else_is() {
        let origin = Origin { agent: "a".into(), run: "r".into() };
        for (payload, known) in [
            (r#"{"time":"2026-11-23T20:24:27.123Z","spo2":97.5,"heart_rate":"absent"}"#, true),
            (r#"{"time":"2026-11-23T20:24:27","spo2":97}"#, true),
            (r#"{"seq":7,"spo2":97,"temperature":36.6}"#, true),
            (r#"{"spo2":97}"#, false),
        ] {
            let it = observation(payload);
            let record = ReadingRecord::new(&origin, 9, "wardline", &it);
            let stored = of_body(&serde_json::to_vec(&record).unwrap());
            assert_eq!(stored, of_observation(&it), "{payload}");
            assert_eq!(stored.is_some(), known, "{payload}");
        }
        let one = of_observation(&observation(r#"{"seq":7,"spo2":97}"#));
        for other in
            [r#"{"seq":8,"spo2":97}"#, r#"{"seq":7,"spo2":96}"#, r#"{"seq":7,"spo2":97,"heart_rate":60}"#]
        {
            assert_ne!(one, of_observation(&observation(other)), "{other}");
        }
    }
}
