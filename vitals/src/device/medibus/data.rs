//! Measured values of code page 1: a code of two hexadecimal digits and four characters each.
//!
//! Codes and units: the table of measured data, code page 1. One mbar is 1.02 cmH2O; the devices themselves show both as
//! one number, and so do we. Left out: the temperature of the gas (C1), which is none of the patient's, EtCO2 in per
//! cent (DB), which needs the ambient pressure, and a tidal volume with a decimal point, whose unit is not certain.

use alloc::vec::Vec;

use crate::device::measured::{measured, millimetres_of_mercury, reading};
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::vital::Vital;

/// How a number becomes one in the vital's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// It is in that unit.
    Same,
    /// It must be a whole number to be in that unit.
    Whole,
    /// Kilopascals become millimetres of mercury.
    Kilopascal,
}

/// Of a vital that has two codes the first that is there counts.
const VALUES: [(&[u8; 2], Vital, Unit); 17] = [
    (b"E1", Vital::PulseRate, Unit::Same),
    (b"EB", Vital::Spo2, Unit::Same),
    (b"D6", Vital::RespRate, Unit::Same),
    (b"D7", Vital::RespRate, Unit::Same),
    (b"B4", Vital::RespRate, Unit::Same),
    (b"D9", Vital::RespRate, Unit::Same),
    (b"D5", Vital::RespRateCo2, Unit::Same),
    (b"E6", Vital::Etco2, Unit::Same),
    (b"E3", Vital::Etco2, Unit::Kilopascal),
    (b"E5", Vital::Fico2, Unit::Same),
    (b"F0", Vital::Fio2, Unit::Same),
    (b"7D", Vital::AirwayPressurePeak, Unit::Same),
    (b"73", Vital::AirwayPressureMean, Unit::Same),
    (b"74", Vital::AirwayPressurePlateau, Unit::Same),
    (b"78", Vital::Peep, Unit::Same),
    (b"88", Vital::TidalVolume, Unit::Whole),
    (b"B9", Vital::MinuteVolume, Unit::Same),
];

/// The reading of a page; `None` if it holds no vital of ours.
pub(super) fn read(data: &[u8]) -> Option<Reading> {
    let value = |(code, vital, unit): &(&[u8; 2], Vital, Unit)| {
        let entry = data.chunks_exact(6).find(|it| it.starts_with(*code))?;
        Some(measurement(*vital, *unit, entry.get(2..)?))
    };
    reading(VALUES.iter().filter_map(value).collect::<Vec<_>>(), None)
}

fn measurement(vital: Vital, unit: Unit, text: &[u8]) -> Measurement {
    let text = core::str::from_utf8(text).unwrap_or("?").trim_matches(' ');
    // Blank or stars: there is none.
    if text.is_empty() || text.bytes().all(|byte| byte == b'*') {
        return Measurement::absent(vital, Absent::NotMeasured);
    }
    let digits = text.strip_prefix('+').unwrap_or(text);
    // Quantity knows exponents, the device does not.
    let plain = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
    let Some(value) = Quantity::parse(digits).ok().filter(|_| plain) else {
        return Measurement::absent(vital, Absent::Invalid);
    };
    match unit {
        Unit::Whole if digits.contains('.') => Measurement::absent(vital, Absent::Unsupported),
        Unit::Same | Unit::Whole => measured(vital, value, Quality::NONE),
        Unit::Kilopascal => measured(vital, millimetres_of_mercury(value), Quality::NONE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    fn values(data: &[u8]) -> Vec<(Vital, Result<String, Absent>)> {
        let measurements = read(data).map(|it| it.measurements).unwrap_or_default();
        measurements.into_iter().map(|it| (it.vital, it.value.map(|it| it.to_string()))).collect()
    }

    #[test]
    fn a_page_is_read_by_its_codes() {
        let value = |it: &str| Ok(it.to_string());
        assert_eq!(
            values(b"7D  2178 5.0D6  14EB  97E1  72E6  38C1  3688 450B9 6.2"),
            [
                (Vital::PulseRate, value("72")),
                (Vital::Spo2, value("97")),
                (Vital::RespRate, value("14")),
                (Vital::Etco2, value("38")),
                (Vital::AirwayPressurePeak, value("21")),
                (Vital::Peep, value("5")),
                (Vital::TidalVolume, value("450")),
                (Vital::MinuteVolume, value("6.2")),
            ]
        );
    }

    #[test]
    fn blank_and_stars_are_absent_and_doubtful_units_unsupported() {
        for (entry, expected) in [
            (b"EB    ", (Vital::Spo2, Err(Absent::NotMeasured))),
            (b"EB****", (Vital::Spo2, Err(Absent::NotMeasured))),
            (b"EB 9e1", (Vital::Spo2, Err(Absent::Invalid))),
            (b"EB 140", (Vital::Spo2, Err(Absent::Invalid))),
            (b"88 5.3", (Vital::TidalVolume, Err(Absent::Unsupported))),
            (b"E3 5.0", (Vital::Etco2, Ok("37.503".to_string()))),
            (b"78 - 2", (Vital::Peep, Err(Absent::Invalid))),
            (b"78  -2", (Vital::Peep, Ok("-2".to_string()))),
        ] {
            assert_eq!(values(entry), [expected]);
        }
        assert_eq!(values(b"C1  36DB 5.0"), []);
    }
}
