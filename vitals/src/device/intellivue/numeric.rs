//! From observed values to vitals: the physiological id says which, the state whether there is a value at all.
//!
//! A state of invalid, unavailable, test or demo never lets a value through, whatever number stands beside it.

use crate::device::measured::{measured, millimetres_of_mercury, reading as reading_of};
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::vital::Vital;

use super::float;
use super::message::{Observed, Poll};

const INVALID: u16 = 0x8000;
const QUESTIONABLE: u16 = 0x4000;
const UNAVAILABLE: u16 = 0x2000;
const CALIBRATION: u16 = 0x1000;
const TEST: u16 = 0x0800;
const DEMO: u16 = 0x0400;
const EARLY: u16 = 0x0040;

/// Physiological ids (MDC numbers without their partition) and what they are to us; ART and ABP are the same artery.
const VITALS: [(u16, Vital); 27] = [
    (0x4182, Vital::HeartRate),
    (0x4822, Vital::PulseRate),
    (0x481A, Vital::PulseRate),
    (0x4BB8, Vital::Spo2),
    (0x4BB0, Vital::PerfusionIndex),
    (0x4A05, Vital::NibpSystolic),
    (0x4A06, Vital::NibpDiastolic),
    (0x4A07, Vital::NibpMean),
    (0x4A15, Vital::AbpSystolic),
    (0x4A16, Vital::AbpDiastolic),
    (0x4A17, Vital::AbpMean),
    (0x4A11, Vital::AbpSystolic),
    (0x4A12, Vital::AbpDiastolic),
    (0x4A13, Vital::AbpMean),
    (0x4A47, Vital::CvpMean),
    (0x500A, Vital::RespRate),
    (0x501A, Vital::RespRateImpedance),
    (0x5012, Vital::RespRateCo2),
    (0x502A, Vital::RespRateCo2),
    (0x50B0, Vital::Etco2),
    (0x5284, Vital::Fio2),
    (0x4B48, Vital::Temperature),
    (0x4B60, Vital::TemperatureCore),
    (0x4B64, Vital::TemperatureCore),
    (0x4B74, Vital::TemperatureSkin),
    // The group of three itself, where a monitor sends the mean alone.
    (0x4A04, Vital::NibpMean),
    (0x4A44, Vital::CvpMean),
];

/// The groups of three that stand for their mean in a value; in an alarm it is not certain which of the three they are.
const GROUPS: [u16; 2] = [0x4A04, 0x4A44];

/// The vital that a physiological id certainly is.
pub(super) fn measured_vital(physio: u16) -> Option<Vital> {
    let known = VITALS.iter().find(|(it, _)| *it == physio && !GROUPS.contains(it));
    known.map(|(_, vital)| *vital)
}

/// The reading of a poll; `None` if it holds no vital of ours.
pub(super) fn reading(poll: &Poll) -> Option<Reading> {
    reading_of(poll.values.iter().filter_map(measurement).collect(), poll.time)
}

fn measurement(it: &Observed) -> Option<Measurement> {
    let (_, vital) = VITALS.iter().find(|(physio, _)| *physio == it.physio)?;
    let has = |mask: u16| it.state & mask != 0;
    let quality = Quality::QUESTIONABLE
        .when(has(QUESTIONABLE))
        .union(Quality::CALIBRATING.when(has(CALIBRATION)))
        .union(Quality::EARLY.when(has(EARLY)))
        .union(Quality::TEST.when(has(TEST)))
        .union(Quality::DEMO.when(has(DEMO)));
    let absent = |reason| Some(Measurement::absent(*vital, reason).with_quality(quality));
    if has(UNAVAILABLE) {
        return absent(Absent::NotMeasured);
    }
    if has(INVALID | TEST | DEMO) {
        return absent(Absent::Invalid);
    }
    let Some(value) = float::quantity(it.value) else { return absent(Absent::Invalid) };
    match in_unit(*vital, it.unit, value) {
        Some(value) => Some(measured(*vital, value, quality)),
        None => absent(Absent::Unsupported),
    }
}

/// The amount in the vital's unit; `None` for a unit that is not certain.
fn in_unit(vital: Vital, unit: u16, value: Quantity) -> Option<Quantity> {
    match (vital.properties().unit, unit) {
        ("%", 0x0220) | ("/min", 0x0AA0 | 0x0AC0 | 0x0AE0) | ("mm[Hg]", 0x0F20) | ("Cel", 0x17A0) => {
            Some(value)
        }
        ("mm[Hg]", 0x0F03) => Some(millimetres_of_mercury(value)),
        // A perfusion index has no dimension, and is a share in per cent.
        ("%", 0x0200) if vital == Vital::PerfusionIndex => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        physio: u16,
        state: u16,
        unit: u16,
        value: u32,
    ) -> Option<(Vital, Result<Quantity, Absent>, Quality)> {
        measurement(&Observed { physio, state, unit, value }).map(|it| (it.vital, it.value, it.quality))
    }

    #[test]
    fn no_state_of_no_value_lets_one_through() {
        for (state, reason) in [
            (INVALID, Absent::Invalid),
            (UNAVAILABLE, Absent::NotMeasured),
            (INVALID | UNAVAILABLE, Absent::NotMeasured),
            (TEST, Absent::Invalid),
            (DEMO, Absent::Invalid),
            (DEMO | EARLY, Absent::Invalid),
        ] {
            let (_, value, quality) = of(0x4BB8, state, 0x0220, 97).unwrap();
            assert_eq!(value, Err(reason), "{state:04X}");
            assert_eq!(quality.intersects(Quality::DEMO), state & DEMO != 0);
        }
        let ok = Ok(Quantity::from_whole(97));
        // In alarm, alarm inhibited, validated, measurement ongoing: a value all the same.
        assert_eq!(of(0x4BB8, 0x00A3, 0x0220, 97).unwrap(), (Vital::Spo2, ok, Quality::NONE));
        assert_eq!(of(0x4BB8, QUESTIONABLE, 0x0220, 97).unwrap().2, Quality::QUESTIONABLE);
        // NaN without any state.
        assert_eq!(of(0x4BB8, 0, 0x0220, 0x007F_FFFF).unwrap().1, Err(Absent::Invalid));
    }

    #[test]
    fn units_are_converted_or_refused() {
        let five = 0xFF00_0032;
        assert_eq!(of(0x50B0, 0, 0x0F03, five).unwrap().1, Ok(Quantity::from_thousandths(37_503)));
        assert_eq!(of(0x4B48, 0, 0x17C0, 98).unwrap().1, Err(Absent::Unsupported));
        assert_eq!(of(0x4BB8, 0, 0x0F20, 97).unwrap().1, Err(Absent::Unsupported));
        assert_eq!(of(0x0001, 0, 0x0220, 97), None);
    }
}
