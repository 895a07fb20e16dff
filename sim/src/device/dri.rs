//! A GE Datex-Ohmeda S/5 monitor behind its computer interface (DRI): it says nothing until it is asked.

pub mod frame;
pub mod record;

use vitals::time::Timestamp;

use super::Emission;
use super::line::Line;
use crate::patient::Patient;
use frame::Deframer;
use record::Classes;

/// 19,200 baud, eleven bits a byte (8E1).
const BYTES_A_SECOND: u64 = 19_200 / 11;
/// From a request to the first record, ms.
const ANSWERS_IN: u64 = 250;
/// The shortest interval that the interface grants, s.
const INTERVAL_MIN: i16 = 5;

/// What the host has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    /// How often, s; `None`: once.
    every: Option<u64>,
    classes: Classes,
}

/// A monitor of DRI level 0A.
#[derive(Debug)]
pub struct Dri {
    /// The wall clock at simulated time 0, s since 1970.
    start: i64,
    deframer: Deframer,
    asked: Option<Asked>,
    due: u64,
    number: u8,
    line: Line,
}

impl Dri {
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start: start.as_micros().div_euclid(1_000_000),
            deframer: Deframer::default(),
            asked: None,
            due: 0,
            number: 0,
            line: Line::default(),
        }
    }

    pub(super) fn due(&self) -> Option<u64> {
        self.line.due().or(self.asked.map(|_| self.due))
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        if let (None, Some(asked)) = (self.line.due(), self.asked) {
            let at_ms = self.due;
            match asked.every {
                Some(every) => self.due += every * 1000,
                None => self.asked = None,
            }
            let now = patient.at(at_ms);
            let clock = self.start + i64::try_from(at_ms / 1000).unwrap_or(0) + now.device.clock_off;
            self.number = self.number.wrapping_add(1);
            let (record, observation) = record::displayed(&now, self.number, clock, asked.classes);
            self.line.put(at_ms, &frame::enclose(&record), Some(observation), BYTES_A_SECOND);
            // Its first bytes have left a little later.
            return None;
        }
        self.line.next()
    }

    pub(super) fn handle_host_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        for request in bytes.iter().filter_map(|byte| self.deframer.take(*byte)).collect::<Vec<_>>() {
            self.handle_request(now_ms, &request);
        }
    }

    /// Takes a request for displayed values; any other is ignored, as a monitor does.
    fn handle_request(&mut self, now_ms: u64, request: &[u8]) {
        let Some([kind, low, high, mask, ..]) = request.get(40..49) else { return };
        if *kind != 1 || request.get(14..16) != Some(&[0, 0]) {
            return;
        }
        let interval = i16::from_le_bytes([*low, *high]);
        let every = match interval {
            0 => {
                self.asked = None;
                return;
            }
            -1 => None,
            seconds => Some(u64::try_from(seconds.max(INTERVAL_MIN)).unwrap_or(0)),
        };
        let asked = Asked { every, classes: Classes::from_mask(*mask) };
        // Asking again for the same does not disturb what is going on.
        if self.asked != Some(asked) {
            self.asked = Some(asked);
            self.due = now_ms + ANSWERS_IN;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    /// The request of the worked example: displayed values every 10 s, all classes.
    const REQUEST: [u8; 52] = [
        0x7E, 0x31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x0A, 0, 0x0E, 0, 0, 0, 0, 0, 0x49, 0x7E,
    ];
    const STOP: [u8; 52] = {
        let mut stop = REQUEST;
        (stop[42], stop[44], stop[50]) = (0, 0, 0x31);
        stop
    };

    fn monitor() -> (Dri, Patient) {
        let start = Timestamp::from_micros(1_532_624_765_000_000).unwrap();
        (Dri::new(start), Patient::new(1, 0, Course::default()))
    }

    #[test]
    fn it_says_nothing_until_asked_then_at_the_interval_then_nothing() {
        let (mut dri, mut patient) = monitor();
        assert_eq!(dri.due(), None);
        dri.handle_host_bytes(1000, &REQUEST[..20]);
        dri.handle_host_bytes(1000, &REQUEST[20..]);
        assert_eq!(dri.due(), Some(1250));
        let mut said = Vec::new();
        while dri.due().is_some_and(|due| due <= 32_000) {
            let Some(emission) = dri.emit(&mut patient) else { continue };
            if emission.observation.is_some() {
                said.push(emission.at_ms);
            }
            // Asking again changes nothing.
            dri.handle_host_bytes(emission.at_ms, &REQUEST);
        }
        // A record of more than 1,150 bytes takes two thirds of a second.
        assert_eq!(said.len(), 4, "{said:?}");
        for (index, at) in (0..).zip(&said) {
            assert!((1900..2100).contains(&(at - index * 10_000)), "{said:?}");
        }
        dri.handle_host_bytes(33_000, &STOP);
        assert_eq!(dri.due(), None);
    }

    #[test]
    fn a_request_with_a_wrong_sum_is_ignored() {
        let (mut dri, _) = monitor();
        let mut request = REQUEST;
        request[50] ^= 1;
        dri.handle_host_bytes(0, &request);
        assert_eq!(dri.due(), None);
        dri.handle_host_bytes(0, &REQUEST);
        assert!(dri.due().is_some());
    }
}
