//! From what a device says to a reading: in the order of the table of vitals, and nothing that no patient could have.

use alloc::vec::Vec;

use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::time::DeviceTime;
use crate::vital::Vital;

/// A value, or `invalid` where no patient could have it.
pub(super) fn measured(vital: Vital, value: Quantity, quality: Quality) -> Measurement {
    if vital.is_plausible(value) {
        Measurement::value(vital, value).with_quality(quality)
    } else {
        Measurement::absent(vital, Absent::Invalid)
    }
}

/// A reading of these; of a vital said twice the first counts, or the other where that has no value. `None` where nothing was said.
pub(super) fn reading(
    mut measurements: Vec<Measurement>,
    device_time: Option<DeviceTime>,
) -> Option<Reading> {
    measurements.sort_by_key(|it| (it.vital, it.value.is_err()));
    measurements.dedup_by_key(|it| it.vital);
    (!measurements.is_empty()).then_some(Reading { measurements, device_time, ..Reading::default() })
}

/// A local time of six numbers, the year with its century; `None` if there is no such moment.
pub(super) fn local_time(year: i16, [month, day, hour, minute, second]: [i8; 5]) -> Option<DeviceTime> {
    jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok().map(DeviceTime::Local)
}

/// The year of a two-digit year: devices of this kind were made from 1970 on.
pub(super) fn century(year: i8) -> i16 {
    i16::from(year) + if year >= 70 { 1900 } else { 2000 }
}

/// 1 kPa is 7.50062 mmHg; rounded to thousandths, halves away from zero.
pub(super) fn millimetres_of_mercury(kilopascal: Quantity) -> Quantity {
    let product = i64::from(kilopascal.thousandths()) * 750_062;
    let half = if product < 0 { -50_000 } else { 50_000 };
    let bounded = ((product + half) / 100_000).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    Quantity::from_thousandths(i32::try_from(bounded).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_vital_said_twice_the_first_value_counts() {
        let absent = Measurement::absent(Vital::Temperature, Absent::Invalid);
        let value = |whole| Measurement::value(Vital::Temperature, Quantity::from_whole(whole));
        for (said, expected) in [
            ([absent, value(37)], value(37)),
            ([value(37), absent], value(37)),
            ([value(36), value(37)], value(36)),
        ] {
            assert_eq!(reading(said.into(), None).unwrap().measurements, [expected]);
        }
    }
}
