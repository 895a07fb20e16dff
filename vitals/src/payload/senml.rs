//! Sensor Measurement Lists in JSON (RFC 8428): a pack of records, each a name, a unit and a value, with what they have in
//! common said once.
//!
//! ```json
//! [{"bn": "urn:dev:mac:0011223344556677:", "bt": 1772353800.25, "n": "spo2", "u": "%", "v": 88},
//!  {"n": "pulse_rate", "u": "beat/min", "v": 72}, {"n": "temperature", "vs": "sensor_off"}]
//! ```
//!
//! A record is a vital's if the last part of its name is that vital's, or a name that the configuration gives it. Records of
//! one time are one reading. A time that is told by how long ago it was is no time of the device's: what is not of now is a
//! fault, for nobody here knows when it was. A value without a unit is none.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::value::RawValue;

use super::{FieldFault, FieldProblem, Payload, PayloadError, field, mapped};
use crate::quantity::Quantity;
use crate::reading::Absent;
use crate::time::DeviceTime;
use crate::vital::Vital;

/// The names of vitals that are not our own.
pub type Names = BTreeMap<String, Vital>;

/// From here on a time is one, and below it an offset to now (RFC 8428, 4.5.3), in microseconds.
const ABSOLUTE: i64 = (1 << 28) * 1_000_000;

/// The version that this is (RFC 8428, 4.4).
const VERSION: &str = "10";

/// One record, with its fields as they were written.
type Record<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Reads a pack: one payload for each of its times, the oldest first.
pub fn parse(names: &Names, bytes: &[u8]) -> Result<Vec<Payload>, PayloadError> {
    let records: Vec<Record<'_>> = serde_json::from_slice(bytes)
        .map_err(|error| if error.is_data() { PayloadError::NotAPack } else { PayloadError::NotJson })?;
    let mut base = Base::default();
    let mut of_times: BTreeMap<Option<i64>, Payload> = BTreeMap::new();
    for record in &records {
        base.take(record)?;
        let Some(vital) = base.vital(names, record)? else { continue };
        let (time, fault) = match base.time(record) {
            Ok(time) => (time, None),
            Err(fault) => (None, Some(fault)),
        };
        let payload = of_times.entry(time).or_default();
        if let Some(fault) = fault {
            payload.faults.push(fault);
            continue;
        }
        if payload.reading.measurements.iter().any(|it| it.vital == vital) {
            return Err(PayloadError::DuplicateVital);
        }
        if let Some(value) = base.value(record, vital) {
            payload.take(vital, value);
        }
    }
    of_times.retain(|_, it| !it.reading.measurements.is_empty() || !it.faults.is_empty());
    if of_times.is_empty() {
        return Err(PayloadError::NoVitals);
    }
    Ok(of_times.into_iter().map(|(time, payload)| finish(time, payload)).collect())
}

fn finish(time: Option<i64>, mut payload: Payload) -> Payload {
    payload.reading.measurements.sort_unstable_by_key(|it| it.vital);
    match time.map(jiff::Timestamp::from_microsecond) {
        Some(Ok(at)) => payload.reading.device_time = Some(DeviceTime::Utc(at)),
        Some(Err(_)) => payload.faults.push(FieldFault { vital: None, why: FieldProblem::BadTime }),
        None => {}
    }
    payload
}

/// What holds for a record and those behind it.
#[derive(Default)]
struct Base<'a> {
    name: Cow<'a, str>,
    time: Option<&'a RawValue>,
    unit: Option<&'a RawValue>,
    value: Option<&'a RawValue>,
}

impl<'a> Base<'a> {
    fn take(&mut self, record: &Record<'a>) -> Result<(), PayloadError> {
        if record.get("bver").is_some_and(|it| it.get() != VERSION)
            || record.keys().any(|it| it.ends_with('_'))
        {
            // A label with this ending must be understood (RFC 8428, 4.4).
            return Err(PayloadError::NotAPack);
        }
        if let Some(name) = record.get("bn") {
            self.name = text(name).ok_or(PayloadError::NotAPack)?;
        }
        self.time = record.get("bt").copied().or(self.time);
        self.unit = record.get("bu").copied().or(self.unit);
        self.value = record.get("bv").copied().or(self.value);
        Ok(())
    }

    /// The vital of a record; `None` for what is none of ours.
    fn vital(&self, names: &Names, record: &Record<'a>) -> Result<Option<Vital>, PayloadError> {
        let own = record.get("n").map(|it| text(it).ok_or(PayloadError::NotAPack)).transpose()?;
        let own = own.unwrap_or_default();
        let whole = alloc::format!("{}{own}", self.name);
        let last = whole.rsplit([':', '/', '.']).next().unwrap_or_default();
        let given = [&*whole, &*own, last].into_iter().find_map(|it| names.get(it).copied());
        Ok(given.or_else(|| Vital::from_name(last)))
    }

    /// When it was, in microseconds since 1970; `None`: now.
    fn time(&self, record: &Record<'a>) -> Result<Option<i64>, FieldFault> {
        let bad = FieldFault { vital: None, why: FieldProblem::BadTime };
        let micros = |raw: Option<&&RawValue>| raw.map_or(Some(0), |it| field::micros(it.get()));
        let (base, own) = (micros(self.time.as_ref()), micros(record.get("t")));
        let at = base.zip(own).and_then(|(base, own)| base.checked_add(own)).ok_or(bad)?;
        match at {
            0 => Ok(None),
            ABSOLUTE.. => Ok(Some(at)),
            _ => Err(bad),
        }
    }

    /// What is said of the vital; `None` where only a sum is told.
    fn value(
        &self,
        record: &Record<'a>,
        vital: Vital,
    ) -> Option<Result<Result<Quantity, Absent>, FieldProblem>> {
        if let Some(value) = record.get("v") {
            return Some(self.amount(value, record, vital).map(Ok));
        }
        if let Some(said) = record.get("vs") {
            let reason = text(said).and_then(|it| Absent::from_name(&it));
            return Some(reason.map(Err).ok_or(FieldProblem::UnknownReason));
        }
        let other = record.contains_key("vb") || record.contains_key("vd");
        other.then_some(Err(FieldProblem::NotANumber))
    }

    fn amount(&self, value: &RawValue, record: &Record<'a>, vital: Vital) -> Result<Quantity, FieldProblem> {
        let number = |raw: &RawValue| match field::value(raw)? {
            Ok(amount) => Ok(amount),
            Err(_) => Err(FieldProblem::NotANumber),
        };
        let own = number(value)?;
        let base = self.value.map_or(Ok(Quantity::ZERO), number)?;
        let amount = own.thousandths().checked_add(base.thousandths()).ok_or(FieldProblem::OutOfRange)?;
        let unit = record.get("u").copied().or(self.unit).and_then(text).ok_or(FieldProblem::UnknownUnit)?;
        let conversion = mapped::conversion(vital, ucum(&unit)).ok_or(FieldProblem::UnknownUnit)?;
        conversion.apply(Quantity::from_thousandths(amount)).ok_or(FieldProblem::OutOfRange)
    }
}

/// The UCUM code of a unit of SenML (RFC 8428, 12.1, and RFC 8798); what is the same in both, or in neither, as it is.
fn ucum(unit: &str) -> &str {
    match unit {
        "/" => "1",
        "beat/min" | "1/min" => "/min",
        "l" => "L",
        other => other,
    }
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Measurement;
    use alloc::string::ToString as _;
    use proptest::prelude::*;

    fn read(pack: &str) -> Result<Vec<Payload>, PayloadError> {
        parse(&Names::from([("pr".into(), Vital::PulseRate)]), pack.as_bytes())
    }

    fn told(payload: &Payload) -> Vec<String> {
        let one = |it: &Measurement| match it.value {
            Ok(value) => alloc::format!("{} {value}", it.vital.name()),
            Err(reason) => alloc::format!("{} {}", it.vital.name(), reason.name()),
        };
        payload.reading.measurements.iter().map(one).collect()
    }

    #[test]
    fn a_pack_is_one_reading_of_its_time() {
        let pack = r#"[{"bn":"urn:dev:mac:0011223344556677:","bt":1772353800.25,"bver":10,"n":"spo2","u":"%","v":88},
            {"n":"pr","u":"beat/min","v":72},{"n":"temperature","u":"K","v":310.15},
            {"n":"nibp_mean","vs":"sensor_off"},{"n":"battery","u":"%EL","v":50},{"n":"resp_rate","u":"Hz","v":0.25}]"#;
        let payloads = read(pack).unwrap();
        assert_eq!(payloads.len(), 1);
        let expected = ["pulse_rate 72", "spo2 88", "resp_rate 15", "nibp_mean sensor_off", "temperature 37"];
        assert_eq!(told(&payloads[0]), expected);
        assert!(payloads[0].faults.is_empty());
        let time = payloads[0].reading.device_time.unwrap().to_string();
        assert!(time.starts_with("2026-03-01T08:30:00.25"), "{time}");
    }

    #[test]
    fn each_time_is_a_reading_the_oldest_first_and_what_is_common_holds_on() {
        let pack = r#"[{"bn":"ward/bed/","bt":1772353800,"bu":"%","n":"spo2","t":2,"v":97},{"n":"spo2","v":88},
            {"n":"spo2","t":1,"v":0.9,"u":"/"}]"#;
        let payloads = read(pack).unwrap();
        assert_eq!(payloads.iter().map(told).collect::<Vec<_>>(), [["spo2 88"], ["spo2 90"], ["spo2 97"]]);
        let with_base = r#"[{"bn":"spo2","bu":"%","bv":90,"v":5},{"n":"","v":6}]"#;
        assert_eq!(read(with_base), Err(PayloadError::DuplicateVital));
        assert_eq!(told(&read(r#"[{"n":"spo2","bu":"%","bv":90,"v":5.5}]"#).unwrap()[0]), ["spo2 95.5"]);
    }

    #[test]
    fn what_nobody_can_place_in_time_or_unit_is_no_value() {
        let ago = &read(r#"[{"n":"spo2","u":"%","v":88,"t":-3600}]"#).unwrap()[0];
        assert!(ago.reading.measurements.is_empty());
        assert_eq!(ago.faults, [FieldFault { vital: None, why: FieldProblem::BadTime }]);
        for (record, why) in [
            (r#"{"n":"spo2","v":88}"#, FieldProblem::UnknownUnit),
            (r#"{"n":"spo2","u":"Pa","v":88}"#, FieldProblem::UnknownUnit),
            (r#"{"n":"spo2","u":"%","vb":true}"#, FieldProblem::NotANumber),
            (r#"{"n":"spo2","u":"%","v":"88"}"#, FieldProblem::NotANumber),
            (r#"{"n":"spo2","u":"%","v":1e9}"#, FieldProblem::OutOfRange),
            (r#"{"n":"spo2","vs":"tired"}"#, FieldProblem::UnknownReason),
        ] {
            let payload = &read(&alloc::format!("[{record}]")).unwrap()[0];
            assert_eq!(told(payload), ["spo2 invalid"], "{record}");
            assert_eq!(payload.faults, [FieldFault { vital: Some(Vital::Spo2), why }], "{record}");
        }
    }

    #[test]
    fn what_is_no_pack_or_another_version_is_refused() {
        for (pack, why) in [
            ("{}", PayloadError::NotAPack),
            (r#"[{"bver":11,"n":"spo2","u":"%","v":88}]"#, PayloadError::NotAPack),
            (r#"[{"n":"spo2","u":"%","v":88,"must_":1}]"#, PayloadError::NotAPack),
            (r#"[{"n":7,"v":88}]"#, PayloadError::NotAPack),
            ("[", PayloadError::NotJson),
            ("[]", PayloadError::NoVitals),
            (r#"[{"n":"spo2","s":5}]"#, PayloadError::NoVitals),
        ] {
            assert_eq!(read(pack), Err(why), "{pack}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), t: i64, v: i64) {
            let _ = parse(&Names::new(), &bytes);
            let pack = alloc::format!(r#"[{{"bn":"a/","bt":{t},"n":"spo2","t":{v},"u":"%","bv":{v},"v":{v}}}]"#);
            let _ = parse(&Names::new(), pack.as_bytes());
        }
    }
}
