//! The numbers in a record: displayed values of the basic class.
//!
//! Offsets are inside the subrecord of 278 bytes. Each group begins with four bytes of status (bit 0: the module exists)
//! and two of label, right before its first value. A group whose module does not exist says nothing at all. Invasive
//! pressures are left out: without their labels nobody knows which vessel they come from.

use alloc::vec::Vec;

use super::frame::HEADER;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::time::DeviceTime;
use crate::vital::Vital;

/// A numeric subrecord's length, bytes.
const SUBRECORD: usize = 278;
/// The main type of numeric records.
const NUMERIC: i16 = 0;
/// The type of displayed values; trends repeat what was displayed.
const DISPLAYED: u8 = 1;
/// What ends the list of subrecords.
const END: u8 = 0xFF;

/// How a raw number becomes thousandths of the vital's unit.
#[derive(Debug, Clone, Copy)]
enum Scale {
    /// Whole units.
    One,
    /// Hundredths.
    Hundredth,
    /// Hundredths of a percent of the ambient pressure, to tenths of mmHg as the monitor shows them.
    OfAmbient,
}

/// Where a vital stands: its group's status, its own value.
struct Field {
    vital: Vital,
    status: usize,
    value: usize,
    scale: Scale,
}

const fn field(vital: Vital, status: usize, value: usize, scale: Scale) -> Field {
    Field { vital, status, value, scale }
}

/// The amplitude of the infra-red signal in per cent is what other makers call the perfusion index.
const FIELDS: [Field; 14] = [
    field(Vital::HeartRate, 4, 10, Scale::One),
    field(Vital::PulseRate, 122, 130, Scale::One),
    field(Vital::Spo2, 122, 128, Scale::Hundredth),
    field(Vital::PerfusionIndex, 122, 132, Scale::Hundredth),
    field(Vital::RespRateImpedance, 4, 18, Scale::One),
    field(Vital::RespRateCo2, 136, 146, Scale::One),
    field(Vital::NibpSystolic, 76, 82, Scale::Hundredth),
    field(Vital::NibpDiastolic, 76, 84, Scale::Hundredth),
    field(Vital::NibpMean, 76, 86, Scale::Hundredth),
    field(Vital::Temperature, 90, 96, Scale::Hundredth),
    field(Vital::Etco2, 136, 142, Scale::OfAmbient),
    field(Vital::Fico2, 136, 144, Scale::OfAmbient),
    field(Vital::Fio2, 150, 158, Scale::Hundredth),
    // ST comes in hundredths of a millimetre.
    field(Vital::St1, 4, 12, Scale::Hundredth),
];

/// The ambient pressure, in tenths of mmHg.
const AMBIENT: usize = 148;

/// The reading of a record that carries displayed values; `None` for any other.
pub(super) fn read(record: &[u8]) -> Option<Reading> {
    if i16_at(record, 14)? != NUMERIC {
        return None;
    }
    let seconds = u32::from_le_bytes(record.get(6..10)?.try_into().ok()?);
    let device_time = jiff::Timestamp::from_second(i64::from(seconds)).ok().map(DeviceTime::Utc);
    for entry in 0..8 {
        let at = 16 + entry * 3;
        let kind = *record.get(at + 2)?;
        if kind == END {
            break;
        }
        let offset = usize::try_from(i16_at(record, at)?).ok()?;
        let subrecord = record.get(HEADER + offset..)?.get(..SUBRECORD);
        let basic = |it: &&[u8]| i16_at(it, 276).is_some_and(|class| class & 0x0F00 == 0);
        if let (DISPLAYED, Some(subrecord)) = (kind, subrecord.filter(basic)) {
            let mut measurements: Vec<_> = FIELDS.iter().filter_map(|it| it.read(subrecord)).collect();
            measurements.sort_unstable_by_key(|it| it.vital);
            return (!measurements.is_empty()).then_some(Reading {
                measurements,
                device_time,
                ..Reading::default()
            });
        }
    }
    None
}

impl Field {
    fn read(&self, subrecord: &[u8]) -> Option<Measurement> {
        let status = u32::from_le_bytes(subrecord.get(self.status..self.status + 4)?.try_into().ok()?);
        if status & 1 == 0 {
            return None;
        }
        let raw = i16_at(subrecord, self.value)?;
        let absent = |reason| Some(Measurement::absent(self.vital, reason));
        match raw {
            -32_766 => None,
            -32_767 | -32_765 => absent(Absent::Invalid),
            -32_764 => absent(Absent::UnderRange),
            -32_763 => absent(Absent::OverRange),
            -32_762 => absent(Absent::NotCalibrated),
            ..=-32_001 => absent(Absent::Invalid),
            _ => {
                let value = Quantity::from_thousandths(self.scale.apply(i32::from(raw), subrecord)?);
                Some(Measurement::value(self.vital, value).with_quality(self.quality(status)))
            }
        }
    }

    /// The ECG module marks noise (bit 7) and artifact (bit 8) for what it counts.
    fn quality(&self, status: u32) -> Quality {
        if self.vital != Vital::HeartRate {
            return Quality::NONE;
        }
        Quality::QUESTIONABLE.when(status & 1 << 7 != 0).union(Quality::ARTIFACT.when(status & 1 << 8 != 0))
    }
}

impl Scale {
    fn apply(self, raw: i32, subrecord: &[u8]) -> Option<i32> {
        match self {
            Self::One => raw.checked_mul(1000),
            Self::Hundredth => raw.checked_mul(10),
            Self::OfAmbient => {
                let ambient = i32::from(i16_at(subrecord, AMBIENT).filter(|it| *it > 0)?);
                // 1/100 % × 1/10 mmHg = 10^-5 mmHg; rounded to tenths, halves away from zero.
                let product = raw.checked_mul(ambient)?;
                let half = if product < 0 { -5000 } else { 5000 };
                (product.checked_add(half)? / 10_000).checked_mul(100)
            }
        }
    }
}

fn i16_at(bytes: &[u8], at: usize) -> Option<i16> {
    let &[low, high] = bytes.get(at..at + 2)? else { return None };
    Some(i16::from_le_bytes([low, high]))
}
