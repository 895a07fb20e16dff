//! The numbers of the Capnostream: 27 bytes, in which FF is no value.

use std::collections::BTreeMap;

use vitals::vital::Vital;

use crate::device::{Observation, Said, quantity, rounded};
use crate::patient::{Numerics, Oximeter};

/// No value.
const NONE: u8 = 0xFF;
/// The slow status of an adult with Masimo's oximeter.
const SLOW_STATUS: u8 = 0x80;
/// The limits as they are set: EtCO2 high and low, RR high and low, FiCO2 high, SpO2 high and low, pulse high and low.
const LIMITS: [u8; 9] = [60, 15, 30, 5, 8, 100, 92, 120, 50];
/// The unit: mmHg.
const MMHG: u8 = 1;
/// Extended status: the battery is low.
const BATTERY_LOW: u8 = 0x80;

/// What the monitor shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    etco2: u8,
    fico2: u8,
    resp_rate: u8,
    /// Saturation and pulse rate.
    oximeter: Option<(u8, u8)>,
    /// Its alarms of CO2 and breath: no breath; EtCO2 high, low; rate high, low; FiCO2 high.
    co2_alarms: u8,
    /// Its alarms of the oximeter: no pulse; SpO2 high, low; pulse high, low; sensor off.
    spo2_alarms: u8,
    no_breath_s: u8,
    extended: u8,
}

impl Shown {
    fn of(now: &Numerics, no_breath_s: u64) -> Self {
        let byte = |value: f64| u8::try_from(rounded(value, 1).clamp(0, 250)).unwrap_or(NONE);
        let (etco2, resp_rate) = (byte(now.etco2.min(150.0)), byte(now.resp_rate.min(150.0)));
        let oximeter = (now.oximeter == Oximeter::On)
            .then(|| (byte(now.spo2.clamp(1.0, 100.0)), byte(now.pulse_rate.clamp(20.0, 250.0))));
        let [et_high, et_low, rr_high, rr_low, _, spo2_high, spo2_low, pulse_high, pulse_low] = LIMITS;
        let breathes = resp_rate > 0;
        let co2_alarms = marks([
            !breathes,
            etco2 > et_high,
            breathes && etco2 < et_low,
            resp_rate > rr_high,
            breathes && resp_rate < rr_low,
        ]);
        let (on, (spo2, pulse)) = (oximeter.is_some(), oximeter.unwrap_or_default());
        let spo2_alarms = marks([
            now.oximeter == Oximeter::Searching,
            on && spo2 > spo2_high,
            on && spo2 < spo2_low,
            on && pulse > pulse_high,
            on && pulse < pulse_low,
            now.oximeter == Oximeter::Off,
        ]);
        Self {
            etco2,
            // Nothing is breathed in again.
            fico2: 0,
            resp_rate,
            oximeter,
            co2_alarms,
            spo2_alarms,
            no_breath_s: u8::try_from(no_breath_s).unwrap_or(NONE),
            extended: if now.device.battery_low { BATTERY_LOW } else { 0 },
        }
    }

    /// The payload of the message.
    #[must_use]
    fn payload(&self, clock: i64) -> [u8; 27] {
        let [t3, t2, t1, t0] = u32::try_from(clock).unwrap_or(0).to_be_bytes();
        let (spo2, pulse) = self.oximeter.unwrap_or((NONE, NONE));
        let Self { etco2, fico2, resp_rate, co2_alarms, spo2_alarms, no_breath_s, extended, .. } = *self;
        let [l0, l1, l2, l3, l4, l5, l6, l7, l8] = LIMITS;
        [
            t3,
            t2,
            t1,
            t0,
            etco2,
            fico2,
            resp_rate,
            spo2,
            pulse,
            SLOW_STATUS,
            0,
            0,
            0,
            co2_alarms,
            spo2_alarms,
            no_breath_s,
            l0,
            l1,
            l2,
            l3,
            l4,
            l5,
            l6,
            l7,
            l8,
            MMHG,
            extended,
        ]
    }

    fn vitals(&self, sensor_off: bool) -> BTreeMap<Vital, Said> {
        let whole = |it: u8| Said::Value(quantity(i32::from(it), 1));
        let absent = Said::Absent { sensor: sensor_off };
        BTreeMap::from([
            (Vital::Etco2, whole(self.etco2)),
            (Vital::Fico2, whole(self.fico2)),
            (Vital::RespRateCo2, whole(self.resp_rate)),
            (Vital::Spo2, self.oximeter.map_or(absent, |it| whole(it.0))),
            (Vital::PulseRate, self.oximeter.map_or(absent, |it| whole(it.1))),
        ])
    }
}

/// Bits, the lowest first.
fn marks<const N: usize>(conditions: [bool; N]) -> u8 {
    conditions.iter().rev().fold(0, |bits, condition| bits << 1 | u8::from(*condition))
}

/// The payload, and what it says.
pub(super) fn said(now: &Numerics, clock: i64, no_breath_s: u64) -> ([u8; 27], Observation) {
    let shown = Shown::of(now, no_breath_s);
    let at = jiff::Timestamp::from_second(clock).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let vitals = shown.vitals(now.oximeter == Oximeter::Off);
    let observation = Observation { device_time: Some(at.to_string()), vitals, ..Observation::default() };
    (shown.payload(clock), observation)
}

#[cfg(test)]
mod tests {
    use super::super::frame::enclose;
    use super::*;
    use crate::patient::Patient;
    use crate::patient::course::Course;

    #[test]
    fn the_numbers_are_as_in_the_worked_example() {
        let shown = Shown {
            etco2: 38,
            fico2: 1,
            resp_rate: 14,
            oximeter: Some((96, 85)),
            co2_alarms: 0,
            spo2_alarms: 4,
            no_breath_s: 0,
            extended: 0,
        };
        let worked = [
            0x85, 0x1C, 0x01, 0x5B, 0x63, 0x15, 0x7C, 0x26, 0x01, 0x0E, 0x60, 0x55, 0x80, 0x00, 0, 0, 0, 0,
            0x04, 0, 0x3C, 0x0F, 0x1E, 0x05, 0x08, 0x64, 0x5C, 0x78, 0x32, 0x01, 0x00, 0x87,
        ];
        assert_eq!(enclose(1, &shown.payload(0x5B63_157C)), worked);
    }

    #[test]
    fn alarms_sensor_and_battery_have_their_bits() {
        let now = Patient::new(1, 0, Course::default()).at(0);
        let mut now = Numerics { etco2: 65.4, resp_rate: 4.0, spo2: 85.0, pulse_rate: 130.0, ..now };
        now.device.battery_low = true;
        let (payload, observation) = said(&now, 0, 0);
        assert_eq!((payload[13], payload[14], payload[26]), (0x12, 0x0C, 0x80));
        assert_eq!(observation.vitals[&Vital::Etco2], Said::Value(quantity(65, 1)));
        let off = Numerics { oximeter: Oximeter::Off, resp_rate: 0.0, etco2: 0.0, ..now };
        let (payload, observation) = said(&off, 0, 300);
        assert_eq!(payload[4..9], [0, 0, 0, 0xFF, 0xFF]);
        assert_eq!((payload[13], payload[14], payload[15]), (0x01, 0x20, 0xFF));
        assert_eq!(observation.vitals[&Vital::Spo2], Said::Absent { sensor: true });
        assert_eq!(observation.vitals[&Vital::RespRateCo2], Said::Value(quantity(0, 1)));
        let searching = Numerics { oximeter: Oximeter::Searching, ..off };
        assert_eq!(said(&searching, 0, 0).0[14], 0x01);
    }
}
