//! What a ventilator measures: a code and four characters each, and what they say.

use std::collections::BTreeMap;

use vitals::vital::Vital;

use crate::device::{Said, quantity, rounded};
use crate::patient::{Numerics, Oximeter};

/// What is set at the ventilator: positive end-expiratory pressure, mbar; inspired oxygen, %.
const PEEP: i32 = 5;
const OXYGEN: i32 = 40;
/// The minute volume that it aims at, mL/min, and the breath that it may give, mL.
const MINUTE_VOLUME: i32 = 6500;
const BREATH: (i32, i32) = (250, 800);
/// Compliance, and the same with what the tubes resist, mL/mbar.
const COMPLIANCE: i32 = 40;
const DYNAMIC_COMPLIANCE: i32 = 30;

/// A measured value: its code, its four characters, and what it says, where it is a vital of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    code: &'static str,
    text: String,
    vital: Option<(Vital, Said)>,
}

impl Value {
    /// A number without a fraction.
    fn whole(code: &'static str, vital: Vital, number: i32) -> Self {
        Self { vital: Some((vital, Said::Value(quantity(number, 1)))), ..Self::other(code, number) }
    }

    /// A number of tenths.
    fn tenths(code: &'static str, vital: Vital, tenths: i32) -> Self {
        let text = format!("{}.{}", tenths / 10, tenths % 10);
        let text = format!("{text:>4}");
        Self { code, text, vital: Some((vital, Said::Value(quantity(tenths, 10)))) }
    }

    /// A number that is no vital of ours.
    fn other(code: &'static str, number: i32) -> Self {
        Self { code, text: format!("{number:>4}"), vital: None }
    }
}

/// How the ventilator breathes for the patient.
struct Breath {
    /// Breaths a minute.
    rate: i32,
    /// Tidal volume, mL.
    volume: i32,
}

impl Breath {
    fn of(now: &Numerics) -> Self {
        let rate = rounded(now.resp_rate, 1);
        let volume = MINUTE_VOLUME.checked_div(rate).map_or(0, |it| it.clamp(BREATH.0, BREATH.1));
        Self { rate, volume }
    }
}

/// The first page: pressures, volumes, rates, gases, oximeter.
pub(super) fn first_page(now: &Numerics) -> Vec<Value> {
    let breath = Breath::of(now);
    let above = breath.volume / DYNAMIC_COMPLIANCE;
    let mut values = vec![
        Value::whole("7D", Vital::AirwayPressurePeak, PEEP + above),
        Value::tenths("78", Vital::Peep, PEEP * 10),
        Value::whole("74", Vital::AirwayPressurePlateau, PEEP + breath.volume / COMPLIANCE),
        Value::whole("73", Vital::AirwayPressureMean, PEEP + above / 3),
        // Now, in the middle of a breath; compliance; the temperature of the gas.
        Value::other("05", PEEP + above / 2),
        Value::other("06", COMPLIANCE),
        Value::other("C1", 36),
        Value::whole("88", Vital::TidalVolume, breath.volume),
        Value::tenths("B9", Vital::MinuteVolume, (breath.volume * breath.rate + 50) / 100),
        Value::whole("D6", Vital::RespRate, breath.rate),
        Value::whole("F0", Vital::Fio2, OXYGEN),
    ];
    values.extend(oximeter(now));
    values.extend([
        Value::whole("D5", Vital::RespRateCo2, breath.rate),
        // Nothing is breathed in again.
        Value::whole("E5", Vital::Fico2, 0),
        Value::whole("E6", Vital::Etco2, rounded(now.etco2, 1)),
    ]);
    values
}

fn oximeter(now: &Numerics) -> [Value; 2] {
    let values = [
        Value::whole("EB", Vital::Spo2, rounded(now.spo2, 1)),
        Value::whole("E1", Vital::PulseRate, rounded(now.pulse_rate, 1)),
    ];
    // Blanks where nothing measures, stars where a value is not there yet; neither names the sensor.
    let missing = match now.oximeter {
        Oximeter::On => return values,
        Oximeter::Off => "    ",
        Oximeter::Searching => "****",
    };
    let absent = |vital| (vital, Said::Absent { sensor: false });
    values.map(|it| Value { text: missing.into(), vital: it.vital.map(|(vital, _)| absent(vital)), ..it })
}

/// The second page: the breath's volume as it comes back.
pub(super) fn second_page(now: &Numerics) -> Vec<Value> {
    let Breath { volume, .. } = Breath::of(now);
    vec![Value::whole("21", Vital::TidalVolume, volume), Value::other("22", volume), Value::other("06", 25)]
}

/// The limits that are set at the ventilator.
pub(super) fn low_limits() -> Vec<Value> {
    [("B9", 3), ("EB", 90), ("E1", 50), ("E6", 20), ("F0", 35)]
        .map(|(code, it)| Value::other(code, it))
        .into()
}

/// The same, upper ones.
pub(super) fn high_limits() -> Vec<Value> {
    let limits = [("7D", 40), ("B9", 12), ("D6", 35), ("E1", 120), ("E6", 60), ("F0", 50)];
    limits.map(|(code, it)| Value::other(code, it)).into()
}

/// Values as a response carries them.
pub(super) fn bytes(values: &[Value]) -> Vec<u8> {
    values.iter().flat_map(|it| [it.code.as_bytes(), it.text.as_bytes()].concat()).collect()
}

/// What values say.
pub(super) fn vitals(values: &[Value]) -> BTreeMap<Vital, Said> {
    values.iter().filter_map(|it| it.vital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Patient;
    use crate::patient::course::Course;

    fn now() -> Numerics {
        let now = Patient::new(1, 0, Course::default()).at(0);
        Numerics { resp_rate: 14.0, spo2: 97.3, pulse_rate: 71.6, etco2: 38.0, ..now }
    }

    /// The values of the worked response, each where it is there.
    #[test]
    fn values_are_written_as_in_the_worked_response() {
        let bytes = String::from_utf8(bytes(&first_page(&now()))).unwrap();
        assert_eq!(bytes.len() % 6, 0);
        for value in ["78 5.0", "D6  14", "EB  97", "E1  72", "E6  38", "7D  20", "88 464", "B9 6.5"] {
            let place = bytes.find(value).unwrap_or_else(|| panic!("{value} in {bytes}"));
            assert_eq!(place % 6, 0, "{value}");
        }
    }

    #[test]
    fn a_missing_probe_is_blank_and_a_missing_breath_is_zero() {
        let off = first_page(&Numerics { oximeter: Oximeter::Off, resp_rate: 0.0, ..now() });
        let bytes = String::from_utf8(bytes(&off)).unwrap();
        assert!(bytes.contains("EB    E1    D5"), "{bytes}");
        assert!(bytes.contains("88   0B9 0.0D6   0F0"), "{bytes}");
        let said = vitals(&off);
        assert_eq!(said[&Vital::Spo2], Said::Absent { sensor: false });
        assert_eq!(said[&Vital::RespRate], Said::Value(quantity(0, 1)));
        assert_eq!(said[&Vital::AirwayPressurePeak], Said::Value(quantity(5, 1)));
    }
}
