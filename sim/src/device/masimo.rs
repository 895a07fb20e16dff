//! A Masimo oximeter, ASCII-1: one line a second, by the Rad-8 operator's manual and logged lines.

use std::collections::BTreeMap;

use vitals::time::Timestamp;
use vitals::vital::Vital;

use super::regular::{Regular, Turn};
use super::{Emission, Observation, Said, quantity, rounded};
use crate::patient::{Numerics, Oximeter, Patient};

/// Exception: the signal is processed, no fault.
const SET_PROCESSING: u32 = 0x800;
/// Exception: the sensor is off the patient.
const SENSOR_OFF: u32 = 0x020;
/// Exceptions: a weak pulse, no pulse yet, a bad signal.
const LOW_PERFUSION: u32 = 0x004;
const PULSE_SEARCH: u32 = 0x008;
const LOW_SIGNAL_IQ: u32 = 0x400;
/// Below this perfusion index the pulse is called weak, %.
const WEAK: f64 = 0.3;

/// A Rad-8 whose menu is set to ASCII 1.
#[derive(Debug)]
pub struct Masimo {
    /// The wall clock at simulated time 0, in whole seconds since 1970: the device writes local time without a zone.
    start: i64,
    serial: u64,
    regular: Regular,
}

impl Masimo {
    pub(super) fn new(start: Timestamp, bed: u64) -> Self {
        let serial = 93_000 + bed;
        Self { start: start.as_micros().div_euclid(1_000_000), serial, regular: Regular::default() }
    }

    pub(super) fn due(&self) -> u64 {
        self.regular.due()
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        let at_ms = match self.regular.turn() {
            Turn::Leaves(slice) => return Some(slice),
            Turn::Speaks(at_ms) => at_ms,
        };
        let now = patient.at(at_ms);
        let clock = self.start + i64::try_from(at_ms / 1000).unwrap_or(0) + now.device.clock_off;
        // A twin is two serial lines away.
        let serial = if now.device.twin { self.serial.saturating_sub(2) } else { self.serial };
        let (line, observation) = said(&now, clock, serial);
        self.regular.put(at_ms, line.as_bytes(), Some(observation));
        None
    }
}

/// The line of one second, and what it says.
fn said(now: &Numerics, clock: i64, serial: u64) -> (String, Observation) {
    let (rate, saturation) = (rounded(now.pulse_rate, 1).clamp(0, 300), rounded(now.spo2, 1).clamp(0, 100));
    let perfusion = rounded(now.perfusion, 100).clamp(2, 2000);
    let at = jiff::Timestamp::from_second(clock).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = jiff::tz::TimeZone::UTC.to_datetime(at);
    let when = local.strftime("%m/%d/%y %H:%M:%S");
    let on = now.oximeter == Oximeter::On;
    let mark = |condition, bit| if condition { bit } else { 0 };
    let numbers = if on {
        let index = format!("{:02}.{:02}", perfusion / 100, perfusion % 100);
        format!("SPO2={saturation:03}% BPM={rate:03} PI={index}")
    } else {
        "SPO2=---% BPM=--- PI=--.--".into()
    };
    let exceptions = match now.oximeter {
        Oximeter::Off => SENSOR_OFF,
        Oximeter::Searching => PULSE_SEARCH,
        Oximeter::On => {
            SET_PROCESSING | mark(now.motion, LOW_SIGNAL_IQ) | mark(now.perfusion < WEAK, LOW_PERFUSION)
        }
    };
    let line = format!(
        "{when} SN={serial:010} {numbers} SPCO=--% SPMET=--.-% SPHB=--.- SPOC=-- RESVD=--- DESAT=-- PIDELTA=+-- \
         PVI=--- ALARM=000000 EXC={exceptions:07X} EXC1=00000000\r\n"
    );
    let say = |steps, parts| {
        let sensor = now.oximeter == Oximeter::Off;
        if on { Said::Value(quantity(steps, parts)) } else { Said::Absent { sensor } }
    };
    let vitals = BTreeMap::from([
        (Vital::PulseRate, say(rate, 1)),
        (Vital::Spo2, say(saturation, 1)),
        (Vital::PerfusionIndex, say(perfusion, 100)),
    ]);
    (line, Observation { seq: None, device_time: Some(local.to_string()), vitals })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    fn numerics(pulse_rate: f64, spo2: f64, perfusion: f64) -> Numerics {
        Numerics { pulse_rate, spo2, perfusion, ..Patient::new(1, 0, Course::default()).at(0) }
    }

    #[test]
    fn a_line_has_the_shape_of_the_logged_one() {
        // 2016-03-17T19:19:36Z
        let (line, observation) = said(&numerics(123.2, 97.6, 0.55), 1_458_242_376, 93_112);
        assert!(
            line.starts_with("03/17/16 19:19:36 SN=0000093112 SPO2=098% BPM=123 PI=00.55 SPCO=--% "),
            "{line}"
        );
        assert!(line.ends_with(" EXC=0000800 EXC1=00000000\r\n"), "{line}");
        assert_eq!(observation.device_time.as_deref(), Some("2016-03-17T19:19:36"));
        assert_eq!(observation.vitals[&Vital::PerfusionIndex], Said::Value(quantity(55, 100)));
    }

    #[test]
    fn without_a_finger_there_are_dashes_and_the_sensor_is_named() {
        let mut now = numerics(72.0, 97.0, 2.0);
        now.oximeter = Oximeter::Off;
        let (line, observation) = said(&now, 0, 1);
        assert!(line.contains("SPO2=---% BPM=--- ") && line.contains("EXC=0000020"), "{line}");
        assert!(observation.vitals.values().all(|it| *it == Said::Absent { sensor: true }));
    }
}
