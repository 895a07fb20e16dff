//! Wardline's own payload: a flat JSON object of the names of vitals.
//!
//! ```json
//! {"heart_rate": 72, "spo2": 97.5, "resp_rate": null, "temperature": "sensor_off",
//!  "time": "2026-11-23T11:52:14.445821Z", "seq": 123, "mode": "live"}
//! ```
//!
//! A number is a value in the vital's unit, `null` says that it was not measured, a text names the reason for its
//! absence. `time` (RFC 3339, or seconds since 1970), `seq` and `mode` may be left out; other names are passed over.

use alloc::borrow::Cow;
use core::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::{Payload, PayloadError, field};
use crate::vital::Vital;

/// Reads a payload.
pub fn parse(bytes: &[u8]) -> Result<Payload, PayloadError> {
    // What is passed over is not looked into, so the text as a whole must be one first.
    let text = core::str::from_utf8(bytes).map_err(|_| PayloadError::NotJson)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let visited = serde::Deserializer::deserialize_map(&mut deserializer, Object).and_then(|payload| {
        deserializer.end()?;
        Ok(payload)
    });
    let (mut payload, duplicate) = match visited {
        Ok(found) => found,
        Err(error) if error.is_data() => return Err(PayloadError::NotAnObject),
        Err(_) => return Err(PayloadError::NotJson),
    };
    if duplicate {
        return Err(PayloadError::DuplicateVital);
    }
    if payload.reading.measurements.is_empty() {
        return Err(PayloadError::NoVitals);
    }
    payload.reading.measurements.sort_unstable_by_key(|it| it.vital);
    Ok(payload)
}

struct Object;

impl<'de> Visitor<'de> for Object {
    /// The payload, and whether a vital stood in it twice.
    type Value = (Payload, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut payload = Payload::default();
        let mut duplicate = false;
        while let Some(key) = map.next_key::<Key<'de>>()? {
            match &*key.0 {
                "time" => match field::time(map.next_value()?) {
                    Ok(time) => payload.reading.device_time = time,
                    Err(fault) => payload.faults.push(fault),
                },
                "seq" => match field::seq(map.next_value()?) {
                    Ok(seq) => payload.reading.device_seq = seq,
                    Err(fault) => payload.faults.push(fault),
                },
                "mode" => {
                    let (mode, fault) = field::mode(map.next_value()?);
                    payload.reading.mode = Some(mode);
                    payload.faults.extend(fault);
                }
                name => match Vital::from_name(name) {
                    Some(vital) => {
                        duplicate |= payload.reading.measurements.iter().any(|it| it.vital == vital);
                        payload.take(vital, field::value(map.next_value()?));
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        Ok((payload, duplicate))
    }
}

/// A key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::super::FieldProblem;
    use super::*;
    use crate::reading::Mode;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn said(text: &str) -> String {
        let payload = parse(text.as_bytes()).unwrap();
        let mut words: Vec<String> = payload
            .reading
            .measurements
            .iter()
            .map(|it| match it.value {
                Ok(value) => alloc::format!("{}={value}", it.vital.name()),
                Err(reason) => alloc::format!("{}:{}", it.vital.name(), reason.name()),
            })
            .collect();
        words.extend(payload.faults.iter().map(|it| alloc::format!("!{}", it.reason())));
        words.join(" ")
    }

    #[test]
    fn values_absences_and_faults() {
        for (text, expected) in [
            (r#"{"spo2":97.5,"heart_rate":72.0}"#, "heart_rate=72 spo2=97.5"),
            (
                r#"{"spo2":null,"heart_rate":"lead_off","x":{"y":[1]}}"#,
                "heart_rate:lead_off spo2:not_measured",
            ),
            (r#"{"spo2":"97","heart_rate":72}"#, "heart_rate=72 spo2:invalid !not_a_number"),
            (r#"{"spo2":1e999}"#, "spo2:invalid !out_of_range"),
            (r#"{"spo2":[97]}"#, "spo2:invalid !not_a_number"),
            (r#"{"spo2":true}"#, "spo2:invalid !not_a_number"),
            (r#"{"spo2":"gone fishing"}"#, "spo2:invalid !unknown_reason"),
            (r#"{"spo2":97,"time":"soon","seq":-1}"#, "spo2=97 !bad_time !bad_seq"),
            ("{\"sp\\u006f2\":97}", "spo2=97"),
            (r#" {"temperature":-0.0001} "#, "temperature=0"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }

    #[test]
    fn messages_that_cannot_be_used_say_why() {
        for (text, expected) in [
            ("", PayloadError::NotJson),
            ("{", PayloadError::NotJson),
            (r#"{"spo2":NaN}"#, PayloadError::NotJson),
            (r#"{"spo2":97}x"#, PayloadError::NotJson),
            ("\u{feff}{\"spo2\":97}", PayloadError::NotJson),
            ("[97]", PayloadError::NotAnObject),
            ("97", PayloadError::NotAnObject),
            ("{}", PayloadError::NoVitals),
            (r#"{"puls":70}"#, PayloadError::NoVitals),
            (r#"{"spo2":97,"spo2":98}"#, PayloadError::DuplicateVital),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(expected), "{text}");
        }
        let deep = alloc::format!("{{\"x\":{}", "[".repeat(100_000));
        assert_eq!(parse(deep.as_bytes()), Err(PayloadError::NotJson));
        assert_eq!(parse(b"{\"x\":\"\xff\",\"spo2\":97}"), Err(PayloadError::NotJson));
    }

    #[test]
    fn time_number_and_mode_are_kept_as_said() {
        let payload =
            parse(br#"{"spo2":97,"time":"2026-11-23T11:52:14.445821Z","seq":7,"mode":"replay"}"#).unwrap();
        let reading = payload.reading;
        assert_eq!(reading.device_time.unwrap().to_string(), "2026-11-23T11:52:14.445821Z");
        assert_eq!((reading.device_seq, reading.mode), (Some(7), Some(Mode::Replay)));
        let payload = parse(br#"{"spo2":97,"time":1795434734.445821,"mode":"prod"}"#).unwrap();
        assert_eq!(payload.reading.device_time.unwrap().to_string(), "2026-11-23T11:52:14.445821Z");
        assert_eq!(payload.reading.mode, Some(Mode::Simulated));
        assert_eq!(payload.faults[0].why, FieldProblem::BadMode);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn never_panics_on_what_looks_like_json(text in r#"[{}\[\]",:0-9a-z_.\\-]{0,80}"#) {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn every_number_survives_exactly(thousandths: i32) {
            let quantity = crate::quantity::Quantity::from_thousandths(thousandths);
            let payload = parse(alloc::format!("{{\"spo2\":{quantity}}}").as_bytes()).unwrap();
            prop_assert_eq!(payload.reading.measurements[0].value, Ok(quantity));
        }
    }
}
