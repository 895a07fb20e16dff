//! Sensor Measurement Lists (RFC 8428), in JSON or in CBOR: a pack of records, each a name, a unit and a value, with what they
//! have in common said once.
//!
//! ```json
//! [{"bn": "urn:dev:mac:0011223344556677:", "bt": 1772353800.25, "n": "spo2", "u": "%", "v": 88},
//!  {"n": "pulse_rate", "u": "beat/min", "v": 72}, {"n": "temperature", "vs": "sensor_off"}]
//! ```
//!
//! The first byte tells which of both a pack is in; what it means is one thing. A record is a vital's if the last part of its
//! name is that vital's, or a name that the configuration gives it. Records of one time are one reading. A time that is told by
//! how long ago it was is no time of the device's: what is not of now is a fault, for nobody here knows when it was. A value
//! without a unit is none.

mod cbor;
mod json;
mod record;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use self::record::{Label, Record, Said};
use super::{FieldFault, FieldProblem, Payload, PayloadError, field, mapped};
use crate::quantity::{ParseQuantityError, Quantity};
use crate::reading::Absent;
use crate::time::DeviceTime;
use crate::vital::Vital;

/// The names of vitals that are not our own.
pub type Names = BTreeMap<String, Vital>;

/// From here on a time is one, and below it an offset to now (RFC 8428, 4.5.3), in microseconds.
const ABSOLUTE: i64 = (1 << 28) * 1_000_000;

/// The newest version that is understood (RFC 8428, 4.4).
const VERSION: u32 = 10;

/// Reads a pack: one payload for each of its times, the oldest first.
pub fn parse(names: &Names, bytes: &[u8]) -> Result<Vec<Payload>, PayloadError> {
    let records = if cbor::is_meant(bytes) { cbor::records(bytes)? } else { json::records(bytes)? };
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
    name: &'a str,
    time: Option<&'a Said<'a>>,
    unit: Option<&'a Said<'a>>,
    value: Option<&'a Said<'a>>,
}

impl<'a> Base<'a> {
    fn take(&mut self, record: &'a Record<'_>) -> Result<(), PayloadError> {
        if let Some(version) = record.get(Label::Version) {
            let version = version.number().and_then(|it| it.parse().ok());
            version.filter(|it| (1..=VERSION).contains(it)).ok_or(PayloadError::NotAPack)?;
        }
        if let Some(name) = record.get(Label::BaseName) {
            self.name = name.text().ok_or(PayloadError::NotAPack)?;
        }
        self.time = record.get(Label::BaseTime).or(self.time);
        self.unit = record.get(Label::BaseUnit).or(self.unit);
        self.value = record.get(Label::BaseValue).or(self.value);
        Ok(())
    }

    /// The vital of a record; `None` for what is none of ours.
    fn vital(&self, names: &Names, record: &Record<'_>) -> Result<Option<Vital>, PayloadError> {
        let own = record.get(Label::Name).map(|it| it.text().ok_or(PayloadError::NotAPack)).transpose()?;
        let own = own.unwrap_or_default();
        let whole = alloc::format!("{}{own}", self.name);
        let last = whole.rsplit([':', '/', '.']).next().unwrap_or_default();
        let given = [&*whole, own, last].into_iter().find_map(|it| names.get(it).copied());
        Ok(given.or_else(|| Vital::from_name(last)))
    }

    /// When it was, in microseconds since 1970; `None`: now.
    fn time(&self, record: &Record<'_>) -> Result<Option<i64>, FieldFault> {
        let bad = FieldFault { vital: None, why: FieldProblem::BadTime };
        let micros = |said: Option<&Said<'_>>| said.map_or(Some(0), |it| field::micros(it.number()?));
        let (base, own) = (micros(self.time), micros(record.get(Label::Time)));
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
        record: &Record<'_>,
        vital: Vital,
    ) -> Option<Result<Result<Quantity, Absent>, FieldProblem>> {
        if let Some(value) = record.get(Label::Value) {
            return Some(self.amount(value, record, vital).map(Ok));
        }
        if let Some(said) = record.get(Label::Text) {
            let reason = said.text().and_then(Absent::from_name);
            return Some(reason.map(Err).ok_or(FieldProblem::UnknownReason));
        }
        let other = record.get(Label::Boolean).or(record.get(Label::Data));
        other.map(|_| Err(FieldProblem::NotANumber))
    }

    fn amount(&self, value: &Said<'_>, record: &Record<'_>, vital: Vital) -> Result<Quantity, FieldProblem> {
        let own = quantity(value)?;
        let base = self.value.map_or(Ok(Quantity::ZERO), quantity)?;
        let amount = own.thousandths().checked_add(base.thousandths()).ok_or(FieldProblem::OutOfRange)?;
        let unit = record.get(Label::Unit).or(self.unit);
        let unit = unit.and_then(Said::text).ok_or(FieldProblem::UnknownUnit)?;
        let conversion = mapped::conversion(vital, ucum(unit)).ok_or(FieldProblem::UnknownUnit)?;
        conversion.apply(Quantity::from_thousandths(amount)).ok_or(FieldProblem::OutOfRange)
    }
}

fn quantity(said: &Said<'_>) -> Result<Quantity, FieldProblem> {
    Quantity::parse(said.number().ok_or(FieldProblem::NotANumber)?).map_err(|why| match why {
        ParseQuantityError::OutOfRange => FieldProblem::OutOfRange,
        ParseQuantityError::NotANumber => FieldProblem::NotANumber,
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Measurement;
    use alloc::string::ToString as _;
    use minicbor::data::Tag;
    use minicbor::encode::Encoder;
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
    fn a_time_may_have_an_exponent_and_an_older_version_is_understood() {
        let pack = r#"[{"bver":5,"bt":1.276020076001e+09,"n":"spo2","u":"%","v":0.88e2,"t":-5}]"#;
        let payloads = read(pack).unwrap();
        assert_eq!(told(&payloads[0]), ["spo2 88"]);
        let time = payloads[0].reading.device_time.unwrap().to_string();
        assert!(time.starts_with("2010-06-08T18:01:11.001"), "{time}");
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
            (r#"[{"n":"spo2","u":"%","v":88,"v":99}]"#, PayloadError::NotAPack),
            ("\u{feff}[]", PayloadError::NotJson),
            ("[", PayloadError::NotJson),
            ("[]", PayloadError::NoVitals),
            (r#"[{"n":"spo2","s":5}]"#, PayloadError::NoVitals),
        ] {
            assert_eq!(read(pack), Err(why), "{pack}");
        }
    }

    /// A number in CBOR, in the first way of these that can hold it.
    #[derive(Debug, Clone, Copy)]
    enum Way {
        Whole,
        Single,
        Double,
        Fraction,
    }

    fn write(encoder: &mut Encoder<&mut Vec<u8>>, way: Way, number: Quantity) {
        let (thousandths, text) = (number.thousandths(), number.to_string());
        match way {
            Way::Whole if thousandths % 1000 == 0 => encoder.i32(thousandths / 1000),
            // Beyond 2^23 thousandths a single float has no place for the last.
            Way::Single if thousandths.abs() < 1 << 23 => encoder.f32(text.parse().unwrap()),
            Way::Whole | Way::Single | Way::Double => encoder.f64(text.parse().unwrap()),
            Way::Fraction => {
                encoder.tag(Tag::new(4)).unwrap().array(2).unwrap().i8(-3).unwrap().i32(thousandths)
            }
        }
        .unwrap();
    }

    /// The same pack in JSON and in CBOR.
    fn both(records: &[(&str, &str, Way, Quantity, u32)]) -> (String, Vec<u8>) {
        let (mut json, mut cbor) = (String::from("["), Vec::new());
        let mut encoder = Encoder::new(&mut cbor);
        encoder.begin_array().unwrap();
        for (index, (name, unit, way, value, seconds)) in records.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let record = alloc::format!(r#"{{"n":"{name}","u":"{unit}","v":{value},"t":{seconds}}}"#);
            json.extend([comma, &record]);
            encoder.map(4).unwrap().u8(0).unwrap().str(name).unwrap().u8(1).unwrap().str(unit).unwrap();
            encoder.u8(2).unwrap();
            write(&mut encoder, *way, *value);
            encoder.u8(6).unwrap().u32(*seconds).unwrap();
        }
        encoder.end().unwrap();
        json.push(']');
        (json, cbor)
    }

    proptest! {
        #[test]
        fn the_same_pack_in_json_and_in_cbor_gives_the_same(
            records in proptest::collection::vec(
                (
                    prop::sample::select(&["spo2", "urn:x:pulse_rate", "temperature", "pr", "battery"][..]),
                    prop::sample::select(&["%", "/", "beat/min", "Cel", "K", "m"][..]),
                    prop::sample::select(&[Way::Whole, Way::Single, Way::Double, Way::Fraction][..]),
                    prop_oneof![any::<i32>(), (-400_i32..400).prop_map(|it| it * 1000), 0..200_000_i32]
                        .prop_map(Quantity::from_thousandths),
                    prop_oneof![Just(0), any::<u32>(), 1_772_353_800..1_772_353_803_u32],
                ),
                0..6,
            ),
        ) {
            let names = Names::from([("pr".into(), Vital::PulseRate)]);
            let (json, cbor) = both(&records);
            prop_assert_eq!(parse(&names, json.as_bytes()), parse(&names, &cbor), "{}", json);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), t: i64, v: i64) {
            let _ = parse(&Names::new(), &bytes);
            let _ = parse(&Names::new(), &[&[0x9F, 0xBF][..], &bytes].concat());
            let pack = alloc::format!(r#"[{{"bn":"a/","bt":{t},"n":"spo2","t":{v},"u":"%","bv":{v},"v":{v}}}]"#);
            let _ = parse(&Names::new(), pack.as_bytes());
        }
    }
}
