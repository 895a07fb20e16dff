//! The segments of a message that carry numbers, and what they say.
//!
//! Values come with their name (`101^HR`); the cuff's are also told by their numbers, for an invasive line has a "Sys" too.
//! -100 is no valid value. Only messages 204 and 503 carry values of the patient: 205 has limits under the same names, of which
//! no example is at hand; those that are tell levels of alarms alone, so it is passed over.

use alloc::vec::Vec;

use super::alarm;
use crate::device::alarms::ALARMS_MAX;
use crate::device::measured::{local_time, measured};
use crate::notice::DeviceAlarm;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality};
use crate::time::DeviceTime;
use crate::vital::Vital;

/// There is no valid value.
const INVALID: Quantity = Quantity::from_whole(-100);
/// The message of periodic values, and that of the cuff.
const PERIODIC: &str = "204";
const APERIODIC: &str = "503";
/// The message of the patient's alarms, and that of the equipment's.
const PHYSIOLOGICAL: &str = "54";
const TECHNICAL: &str = "56";

/// What becomes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    /// It may carry a number.
    Kept,
    /// Who the patient is, where, and what else is none of ours.
    Passed,
}

impl Segment {
    pub(super) fn kind(bytes: &[u8]) -> Self {
        let known = [&b"PID"[..], b"PV1", b"OBR", b"NTE", b"ZMA", b"EVN", b"NK1"];
        // What is neither known to be passed over nor a segment of ours is judged there.
        if known.iter().any(|it| bytes.starts_with(it)) { Self::Passed } else { Self::Kept }
    }
}

/// Which alarms a message lists, all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// Those of the patient.
    Physiological,
    /// Those of the equipment.
    Technical,
}

/// What a message has said so far.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// Something stood in it that cannot.
    pub(super) is_damaged: bool,
    has_header: bool,
    carries_values: bool,
    /// Which list of alarms it is, if it is one.
    list: Option<List>,
    alarms: Vec<DeviceAlarm>,
    measurements: Vec<Measurement>,
    time: Option<DeviceTime>,
}

impl Message {
    /// Takes MSH, OBX, or a segment that nobody knows.
    pub(super) fn handle_segment(&mut self, text: &str) {
        let fields: Vec<&str> = text.split('|').collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or_default();
        // What is coded, or a text, is in the monitor's language.
        let has_words = matches!((field(0), field(2)), ("OBX", "CE" | "ST" | "TX"));
        let is_plain = |(index, it): (usize, &&str)| {
            (has_words && index == 5) || it.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        let printable = fields.iter().enumerate().all(is_plain);
        match field(0) {
            _ if !printable => self.is_damaged = true,
            "MSH" => {
                self.is_damaged |= self.has_header || !field(8).starts_with("ORU");
                self.has_header = true;
                self.carries_values = matches!(field(9), PERIODIC | APERIODIC);
                self.list = match field(9) {
                    PHYSIOLOGICAL => Some(List::Physiological),
                    TECHNICAL => Some(List::Technical),
                    _ => None,
                };
            }
            "OBX" => self.handle_observation(&fields),
            name => {
                let plain = name.len() == 3
                    && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
                self.is_damaged |= !plain;
            }
        }
    }

    fn handle_observation(&mut self, fields: &[&str]) {
        let field = |index: usize| fields.get(index).copied().unwrap_or_default();
        // The state of the result stands behind the value: without it the segment has lost its end.
        if !matches!(field(11), "F" | "R" | "P") {
            self.is_damaged = true;
            return;
        }
        if let Some(list) = self.list.filter(|_| field(2) == "CE" && self.alarms.len() < ALARMS_MAX) {
            self.alarms.extend(alarm::read(field(3), field(5), list));
        }
        let (number, name) = field(3).split_once('^').unwrap_or((field(3), ""));
        let name = name.split('^').next().unwrap_or_default();
        let Some(vital) = vital(number, name).filter(|_| field(2) == "NM" && self.carries_values) else {
            return;
        };
        let plain = field(5).bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
        let said = match Quantity::parse(field(5)).ok().filter(|_| plain) {
            _ if field(5).is_empty() => Measurement::absent(vital, Absent::NotMeasured),
            Some(INVALID) => Measurement::absent(vital, Absent::Invalid),
            Some(value) => measured(vital, value, Quality::NONE),
            None => {
                self.is_damaged = true;
                return;
            }
        };
        self.measurements.push(said);
        if let Some(time) = time(field(14)) {
            self.time = Some(time);
        }
    }

    /// Whether it begins as a message does, and nothing in it is damaged.
    pub(super) fn is_whole(&self) -> bool {
        self.has_header && !self.is_damaged
    }

    /// The alarms it lists, and which list it is, if it is one.
    pub(super) fn take_alarms(&mut self) -> Option<(List, Vec<DeviceAlarm>)> {
        Some((self.list?, core::mem::take(&mut self.alarms)))
    }

    pub(super) fn into_parts(self) -> (Vec<Measurement>, Option<DeviceTime>) {
        (self.measurements, self.time)
    }
}

fn vital(number: &str, name: &str) -> Option<Vital> {
    Some(match (number, name) {
        ("170", "Sys") => Vital::NibpSystolic,
        ("171", "Dia") => Vital::NibpDiastolic,
        ("172", "Mean") => Vital::NibpMean,
        ("101", "HR") => Vital::HeartRate,
        (_, "PR") => Vital::PulseRate,
        (_, "SpO2") => Vital::Spo2,
        (_, "RR") => Vital::RespRate,
        (_, "T1") => Vital::Temperature,
        _ => return None,
    })
}

/// `20070106191915`, local time.
fn time(text: &str) -> Option<DeviceTime> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize| text.get(from..from + 2)?.parse::<i8>().ok();
    let year = text.get(..4)?.parse().ok()?;
    local_time(year, [part(4)?, part(6)?, part(8)?, part(10)?, part(12)?])
}
