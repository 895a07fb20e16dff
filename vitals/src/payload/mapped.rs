//! A foreign JSON payload, read by JSON pointers (RFC 6901) and brought into our units.

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::{FieldFault, FieldProblem, Mapping, Payload, PayloadError, field};
use crate::quantity::Quantity;
use crate::reading::Absent;
use crate::vital::Vital;

/// How an amount in one unit becomes one in another: `(amount + offset) × numerator / denominator`, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    offset: i64,
    numerator: i64,
    denominator: i64,
}

/// The conversion from a unit (UCUM code) to the vital's own; `None` where none is certain.
#[must_use]
pub fn conversion(vital: Vital, unit: &str) -> Option<Conversion> {
    let linear = |numerator, denominator| Some(Conversion { offset: 0, numerator, denominator });
    match (unit, vital.properties().unit) {
        (from, to) if from == to => linear(1, 1),
        ("[degF]", "Cel") => Some(Conversion { offset: -32_000, numerator: 5, denominator: 9 }),
        ("K", "Cel") => Some(Conversion { offset: -273_150, numerator: 1, denominator: 1 }),
        // 1 kPa = 7.500616827 mm[Hg] (conventional millimetre of mercury, 133.322387415 Pa).
        ("kPa", "mm[Hg]") => linear(7_500_616_827, 1_000_000_000),
        ("1", "%") => linear(100, 1),
        ("Hz", "/min") => linear(60, 1),
        ("{beats}/min" | "{breaths}/min" | "1/min", "/min") => linear(1, 1),
        ("L", "mL") => linear(1000, 1),
        ("mL/min", "L/min") => linear(1, 1000),
        _ => None,
    }
}

impl Conversion {
    /// Converts, rounding halves away from zero to thousandths; `None` beyond the bounds of a quantity.
    #[must_use]
    pub fn apply(self, amount: Quantity) -> Option<Quantity> {
        let product = (i64::from(amount.thousandths()) + self.offset).checked_mul(self.numerator)?;
        let half = self.denominator / 2;
        let rounded = if product < 0 { product.checked_sub(half)? } else { product.checked_add(half)? };
        i32::try_from(rounded / self.denominator).ok().map(Quantity::from_thousandths)
    }
}

/// Reads a payload.
pub fn parse(mapping: &Mapping, bytes: &[u8]) -> Result<Payload, PayloadError> {
    let document: Value = serde_json::from_slice(bytes).map_err(|_| PayloadError::NotJson)?;
    let mut payload = Payload::default();
    for (vital, it) in &mapping.fields {
        let Some(found) = document.pointer(&it.at) else { continue };
        payload.take(*vital, read(found, *vital, &it.unit));
    }
    if payload.reading.measurements.is_empty() {
        return Err(PayloadError::NoVitals);
    }
    read_envelope(mapping, &document, &mut payload);
    Ok(payload)
}

fn read(found: &Value, vital: Vital, unit: &str) -> Result<Result<Quantity, Absent>, FieldProblem> {
    let text: String = alloc::string::ToString::to_string(found);
    let raw = serde_json::value::RawValue::from_string(text).map_err(|_| FieldProblem::NotANumber)?;
    match field::value(&raw)? {
        Ok(amount) => {
            let conversion = conversion(vital, unit).ok_or(FieldProblem::NotANumber)?;
            conversion.apply(amount).map(Ok).ok_or(FieldProblem::OutOfRange)
        }
        absent => Ok(absent),
    }
}

fn read_envelope(mapping: &Mapping, document: &Value, payload: &mut Payload) {
    let raw = |at: &Option<String>| {
        let found = document.pointer(at.as_ref()?)?;
        serde_json::value::RawValue::from_string(alloc::string::ToString::to_string(found)).ok()
    };
    let mut faults: Vec<FieldFault> = Vec::new();
    if let Some(raw) = raw(&mapping.time) {
        match field::time(&raw) {
            Ok(time) => payload.reading.device_time = time,
            Err(fault) => faults.push(fault),
        }
    }
    if let Some(raw) = raw(&mapping.seq) {
        match field::seq(&raw) {
            Ok(seq) => payload.reading.device_seq = seq,
            Err(fault) => faults.push(fault),
        }
    }
    payload.faults.extend(faults);
}

#[cfg(test)]
mod tests {
    use super::super::MappedField;
    use super::*;
    use proptest::prelude::*;

    fn mapping(fields: &[(Vital, &str, &str)]) -> Mapping {
        let fields = fields
            .iter()
            .map(|(vital, at, unit)| (*vital, MappedField { at: (*at).into(), unit: (*unit).into() }))
            .collect();
        Mapping { time: Some("/ts".into()), seq: Some("/n".into()), fields }
    }

    #[test]
    fn units_are_converted_exactly() {
        for (vital, unit, from, to) in [
            (Vital::Temperature, "[degF]", "98.6", "37"),
            (Vital::Temperature, "[degF]", "100.4", "38"),
            (Vital::Temperature, "K", "310.15", "37"),
            (Vital::Etco2, "kPa", "5.07", "38.028"),
            (Vital::Spo2, "1", "0.97", "97"),
            (Vital::Spo2, "%", "97", "97"),
            (Vital::RespRate, "Hz", "0.25", "15"),
        ] {
            let amount = Quantity::parse(from).unwrap();
            let converted = conversion(vital, unit).unwrap().apply(amount).unwrap();
            assert_eq!(alloc::format!("{converted}"), to, "{from} {unit}");
        }
        assert_eq!(conversion(Vital::Spo2, "mm[Hg]"), None);
    }

    #[test]
    fn pointers_find_what_is_nested_and_leave_the_rest() {
        let mapping = mapping(&[(Vital::Spo2, "/o2/sat", "%"), (Vital::PulseRate, "/hr/0", "/min")]);
        let payload =
            parse(&mapping, br#"{"o2":{"sat":97},"hr":[72],"ts":1795434734,"n":4,"name":"x"}"#).unwrap();
        assert_eq!(payload.reading.measurements.len(), 2);
        assert_eq!(payload.reading.device_seq, Some(4));
        assert!(payload.reading.device_time.is_some());
        let payload = parse(&mapping, br#"{"o2":{"sat":"97"},"ts":"x"}"#).unwrap();
        assert_eq!(payload.reading.measurements[0].value, Err(Absent::Invalid));
        assert_eq!(payload.faults.len(), 2);
        assert_eq!(parse(&mapping, b"{}"), Err(PayloadError::NoVitals));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), amount: i32) {
            let _ = parse(&mapping(&[(Vital::Spo2, "/a", "1")]), &bytes);
            for unit in ["[degF]", "K", "kPa", "1", "Hz"] {
                for vital in Vital::all() {
                    if let Some(it) = conversion(vital, unit) {
                        let _ = it.apply(Quantity::from_thousandths(amount));
                    }
                }
            }
        }
    }
}
