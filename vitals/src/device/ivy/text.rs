//! The text of an ANSAR-B message: `NAME=number;field;field;…`, a parameter a line.
//!
//! An empty field is absent, and a text says why, or is a setting. The number right behind `=` differs by parameter, and
//! nobody knows what it means: nothing is taken from it. Pressures and the second temperature have no label and are left
//! out; EtCO2 has no unit, and only a whole number can be mmHg.

use alloc::vec::Vec;

use crate::device::measured::{measured, reading};
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::vital::Vital;

/// The parameters that a message of this monitor holds.
const NAMES: [&str; 10] = ["HR", "RR", "ETCO2", "SPO2", "NIBP", "P1", "P2", "T1", "T2", "CO2"];

/// What a text says; nothing for a text that is damaged.
#[expect(clippy::option_option, reason = "a damaged message is not one without numbers")]
pub(super) fn read(text: &str) -> Option<Option<Reading>> {
    let mut measurements = Vec::new();
    let mut lines = text.split('\r').filter(|it| !it.trim().is_empty()).peekable();
    lines.peek()?;
    for line in lines {
        let (name, rest) = line.trim_start_matches('\n').split_once('=')?;
        if !rest.ends_with(';') || !rest.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return None;
        }
        let mut fields = rest.split(';').map(str::trim);
        // The number whose meaning nobody knows.
        whole(fields.next()?)?;
        if !NAMES.contains(&name) {
            return None;
        }
        measurements.extend(parameter(name, &fields.collect::<Vec<_>>())?);
    }
    Some(reading(measurements, None))
}

fn parameter(name: &str, fields: &[&str]) -> Option<Vec<Measurement>> {
    let field = |index: usize| fields.get(index).copied().unwrap_or_default();
    Some(match name {
        "HR" => {
            // The monitor counts where it can: only what it counts on the ECG is a heart rate.
            let on_ecg = field(1).is_empty() || field(1).starts_with("ECG") || field(1).contains("LEAD");
            let vital = if on_ecg { Vital::HeartRate } else { Vital::PulseRate };
            alloc::vec![said(vital, field(0), field(1))?]
        }
        "RR" => alloc::vec![said(Vital::RespRate, field(0), field(1))?],
        "ETCO2" => alloc::vec![said(Vital::Etco2, field(0), field(1))?],
        "SPO2" => {
            let pulse = field(1).strip_prefix("PR=").map_or("", str::trim);
            alloc::vec![said(Vital::PulseRate, pulse, field(1))?, said(Vital::Spo2, field(0), field(1))?]
        }
        "NIBP" => {
            let why = field(4);
            alloc::vec![
                said(Vital::NibpSystolic, field(0), why)?,
                said(Vital::NibpDiastolic, field(1), why)?,
                said(Vital::NibpMean, field(2), why)?,
            ]
        }
        "T1" => alloc::vec![temperature(field(0), field(1))?],
        _ => Vec::new(),
    })
}

/// A whole number of three digits at most, or the reason why there is none; nothing for damage.
fn said(vital: Vital, field: &str, why: &str) -> Option<Measurement> {
    if field.is_empty() {
        return Some(Measurement::absent(vital, reason(why)));
    }
    Some(measured(vital, Quantity::from_whole(whole(field)?), Quality::NONE))
}

/// A temperature in degrees Celsius; in Fahrenheit no patient could have it.
fn temperature(field: &str, why: &str) -> Option<Measurement> {
    if field.is_empty() {
        return Some(Measurement::absent(Vital::Temperature, reason(why)));
    }
    let value = Quantity::parse(field).ok().filter(|_| field.len() <= 5)?;
    Some(measured(Vital::Temperature, value, Quality::NONE))
}

fn whole(field: &str) -> Option<i16> {
    let plain = (1..=3).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit());
    if plain { field.parse().ok() } else { None }
}

/// Why there is no value, as far as the text says it.
fn reason(why: &str) -> Absent {
    let says = |words: &[&str]| words.iter().any(|it| why.contains(it));
    match () {
        () if says(&["LEAD"]) => Absent::LeadOff,
        () if says(&["NO TRANSDUCER", "NO SENSOR", "DISCONNECT", "UNPLUG", "FAULT"]) => Absent::SensorFault,
        () if says(&["OFF", "FINGER"]) => Absent::SensorOff,
        () if says(&["SEARCH"]) => Absent::Searching,
        () if why.is_empty() => Absent::NotMeasured,
        () => Absent::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    fn values(text: &str) -> Option<Vec<(Vital, Result<String, Absent>)>> {
        let measurements = read(text)?.map(|it| it.measurements).unwrap_or_default();
        Some(measurements.into_iter().map(|it| (it.vital, it.value.map(|it| it.to_string()))).collect())
    }

    #[test]
    fn parameters_are_read_by_their_names() {
        let text = "HR=1;72;ECG-II-DIAG;\rRR=1;14;APNEA: 20 SEC;\rETCO2=1;;;\rSPO2=1;97;PR=71 ;\r\
                    NIBP=4;128;82;97;70;;\rP1=3;119;77;91;;\rP2=3;;;;NO TRANSDUCER;\rT1=1;36.6;;\rT2=1;;;\r";
        let value = |it: &str| Ok(it.to_string());
        assert_eq!(
            values(text).unwrap(),
            [
                (Vital::HeartRate, value("72")),
                (Vital::PulseRate, value("71")),
                (Vital::Spo2, value("97")),
                (Vital::RespRate, value("14")),
                (Vital::NibpSystolic, value("128")),
                (Vital::NibpDiastolic, value("82")),
                (Vital::NibpMean, value("97")),
                (Vital::Temperature, value("36.6")),
                (Vital::Etco2, Err(Absent::NotMeasured)),
            ]
        );
    }

    #[test]
    fn a_text_says_why_there_is_no_value() {
        for (line, expected) in [
            ("HR=1;;LEAD OFF;", (Vital::HeartRate, Err(Absent::LeadOff))),
            ("HR=1;72;PLETH;", (Vital::PulseRate, Ok("72".to_string()))),
            ("T1=1;98.6;;", (Vital::Temperature, Err(Absent::Invalid))),
        ] {
            assert_eq!(values(line).unwrap(), [expected], "{line}");
        }
        let off = values("SPO2=1;;SENSOR OFF;").unwrap();
        assert!(off.iter().all(|(_, value)| *value == Err(Absent::SensorOff)), "{off:?}");
    }

    #[test]
    fn a_line_with_what_cannot_stand_there_is_damage() {
        for text in [
            "",
            "R=1;14;;",
            "HR=1;7 2;ECG;",
            "HR=1;72;ECG",
            "HR=1;1720;ECG;",
            "HR;72;",
            "HR=x;72;;",
            "T1=1;3.66E1;;",
        ] {
            assert_eq!(values(text), None, "{text}");
        }
    }
}
