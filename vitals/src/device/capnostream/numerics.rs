//! The numbers of a Capnostream, and the limits that are set on it. FF is no value.
//!
//! Offsets in the payload: time 0, EtCO2 4, FiCO2 5, RR 6, SpO2 7, pulse 8, slow status 9, CO2 alarms 13, SpO2 alarms 14,
//! limits 16 to 24 (EtCO2 high and low, RR high and low, FiCO2 high, SpO2 high and low, pulse high and low), unit of
//! CO2 25 (1 mmHg, 2 kPa, 3 per cent), extended status 26.

use alloc::vec::Vec;

use super::said::Bits;
use crate::device::measured::{measured, reading};
use crate::notice::{BedsideLimit, BedsideLimits};
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::time::DeviceTime;
use crate::vital::Vital;

/// The payload's length, bytes.
const PAYLOAD: usize = 27;
/// There is no value.
const MISSING: u8 = 0xFF;
/// The unit of CO2: mmHg.
const MMHG: u8 = 1;

/// What a frame of numbers says.
pub(super) struct Numerics {
    pub(super) reading: Reading,
    pub(super) limits: BedsideLimits,
    pub(super) bits: Bits,
}

/// The numbers of a payload; nothing where it is too short for them.
pub(super) fn read(payload: &[u8]) -> Option<Numerics> {
    let payload = payload.get(..PAYLOAD)?;
    let at = |index: usize| payload.get(index).copied().unwrap_or(MISSING);
    let seconds = u32::from_be_bytes([at(0), at(1), at(2), at(3)]);
    let device_time = jiff::Timestamp::from_second(i64::from(seconds)).ok().map(DeviceTime::Utc);
    let (spo2_alarms, extended, unit) = (at(14), at(26), at(25));
    let oximeter = match spo2_alarms {
        it if it & 0x40 != 0 => Absent::SensorFault,
        it if it & 0x20 != 0 => Absent::SensorOff,
        it if it & 0x01 != 0 => Absent::Searching,
        _ => Absent::Invalid,
    };
    let held = Quality::HELD.when(spo2_alarms & 0x60 != 0);
    // The pump is off: nothing is sampled.
    let capnometer = if extended & 0x04 != 0 { Absent::NotMeasured } else { Absent::Invalid };
    let doubt = Quality::QUESTIONABLE.when(extended & 0x01 != 0);
    let say = |vital, index, reason, quality| match at(index) {
        MISSING => Measurement::absent(vital, reason),
        value => measured(vital, Quantity::from_whole(i16::from(value)), quality),
    };
    // In kPa and in per cent a whole number is too coarse to be converted.
    let co2 = |vital, index| match unit {
        MMHG => say(vital, index, capnometer, doubt),
        _ => Measurement::absent(vital, Absent::Unsupported),
    };
    let reading = reading(
        alloc::vec![
            say(Vital::PulseRate, 8, oximeter, held),
            say(Vital::Spo2, 7, oximeter, held),
            say(Vital::RespRateCo2, 6, capnometer, Quality::NONE),
            co2(Vital::Etco2, 4),
            co2(Vital::Fico2, 5),
        ],
        device_time,
    )?;
    let bits = Bits { co2: at(13), spo2: spo2_alarms, extended };
    Some(Numerics { reading, limits: limits(at, unit), bits })
}

fn limits(at: impl Fn(usize) -> u8, unit: u8) -> BedsideLimits {
    let limit = |index: usize| match at(index) {
        MISSING => None,
        value => Some(Quantity::from_whole(i16::from(value))),
    };
    let mut limits = Vec::from([
        BedsideLimit { vital: Vital::PulseRate, low: limit(24), high: limit(23) },
        BedsideLimit { vital: Vital::Spo2, low: limit(22), high: limit(21) },
        BedsideLimit { vital: Vital::RespRateCo2, low: limit(19), high: limit(18) },
    ]);
    if unit == MMHG {
        limits.push(BedsideLimit { vital: Vital::Etco2, low: limit(17), high: limit(16) });
        limits.push(BedsideLimit { vital: Vital::Fico2, low: None, high: limit(20) });
    }
    BedsideLimits(limits)
}
