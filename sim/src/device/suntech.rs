//! A SunTech OEM cuff: it answers what it is asked, and says by itself only that a measurement is done. By the frames of
//! `com.ak.comm.bytes.suntech`.

use std::collections::{BTreeMap, VecDeque};

use vitals::vital::Vital;

use super::line::Line;
use super::nibp::{Newest, Pressures};
use super::{Emission, Observation, Said, quantity};
use crate::artefact::Voice;
use crate::patient::Patient;

/// 9600 baud, ten bits a byte.
const BYTES_A_SECOND: u64 = 960;
/// From a question to its answer, ms. No document gives a number.
const ANSWERS_IN_MS: u64 = 50;
/// Questions that wait for their answers; more are not heard. An answer leaves long before a host asks again.
const ASKED_MAX: usize = 4;

/// What opens a frame of the host, and of the module.
const HOST: u8 = 0x3A;
const MODULE: u8 = 0x3E;
/// A frame of the host is at most so long.
const FRAME_MAX: usize = 5;
/// The whole length of an answer with a result.
const RESULT: usize = 24;
/// A measurement is done.
const DONE: [u8; 2] = [0x04, 0x4B];

/// What the host asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The last result.
    Result,
    /// The pressure in the cuff.
    CuffPressure,
    /// A measurement.
    Start,
}

impl Asked {
    /// From a frame with its sum.
    fn from_frame(frame: &[u8]) -> Option<Self> {
        if frame.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) != 0 {
            return None;
        }
        match frame {
            [HOST, 0x79, 0x03, 0x00, _] => Some(Self::Result),
            [HOST, 0x79, 0x05, 0x00, _] => Some(Self::CuffPressure),
            [HOST, 0x20, _] => Some(Self::Start),
            _ => None,
        }
    }
}

/// A frame of the module: the sum of all its bytes is 0.
fn enclose(content: &[u8]) -> Vec<u8> {
    let mut frame = [&[MODULE], content].concat();
    frame.push(frame.iter().fold(0, |sum: u8, byte| sum.wrapping_sub(*byte)));
    frame
}

/// The answer with the last result, and what it says; zeros before there is one.
fn answer(result: Option<Pressures>) -> (Vec<u8>, Observation) {
    let mut content = [0; RESULT - 2];
    let vitals = [Vital::NibpSystolic, Vital::NibpDiastolic, Vital::NibpMean, Vital::PulseRate];
    let Pressures { systolic, diastolic, mean, pulse } =
        result.unwrap_or(Pressures { systolic: 0, diastolic: 0, mean: 0, pulse: 0 });
    let numbers = [systolic, diastolic, mean, pulse];
    content[0] = u8::try_from(RESULT).unwrap_or(0);
    // Places in the frame, whose first byte is not content.
    for (place, number) in [2, 4, 18, 16].into_iter().zip(numbers) {
        let bytes = i16::try_from(number).unwrap_or(0).to_le_bytes();
        content.iter_mut().skip(place - 1).zip(bytes).for_each(|(to, byte)| *to = byte);
    }
    let say = |number| match result {
        Some(_) => Said::Value(quantity(number, 1)),
        None => Said::Absent { sensor: false },
    };
    let vitals: BTreeMap<Vital, Said> = vitals.into_iter().zip(numbers.map(say)).collect();
    (enclose(&content), Observation { vitals, ..Observation::default() })
}

/// A module inside a monitor, which starts the cuff.
#[derive(Debug, Default)]
pub struct SunTech {
    seconds: u64,
    heard: Vec<u8>,
    asked: VecDeque<(u64, Asked)>,
    newest: Newest,
    line: Line,
}

impl SunTech {
    pub(super) fn due(&self) -> u64 {
        let answer = self.asked.front().map_or(u64::MAX, |(at_ms, _)| *at_ms);
        self.line.due().unwrap_or(answer.min((self.seconds + 1) * 1000))
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        if self.line.due().is_some() {
            return self.line.next();
        }
        let at_ms = self.due();
        let now = patient.at(at_ms);
        let brought = self.newest.look(&now);
        if at_ms == (self.seconds + 1) * 1000 {
            self.seconds += 1;
        }
        if now.device.voice == Voice::Silent {
            // Switched off, it has heard nothing.
            self.asked.clear();
            return None;
        }
        if brought {
            self.line.put(at_ms, &enclose(&DONE), None, BYTES_A_SECOND);
        }
        if self.asked.front().is_some_and(|(due, _)| *due <= at_ms) {
            match self.asked.pop_front().map(|(_, asked)| asked) {
                Some(Asked::Result) => {
                    let (frame, observation) = answer(self.newest.result());
                    self.line.put(at_ms, &frame, Some(observation), BYTES_A_SECOND);
                }
                // It is asked between two measurements, when the cuff is empty.
                Some(Asked::CuffPressure) => {
                    self.line.put(at_ms, &enclose(&[0x05, 0, 0]), None, BYTES_A_SECOND);
                }
                // The patient's cuff is the monitor's: it measures when that wants it, and says when it is done.
                Some(Asked::Start) | None => {}
            }
        }
        // The first bytes leave a little later.
        None
    }

    /// Takes what the host asks; what has a wrong sum, or is not known, is ignored.
    pub(super) fn handle_host_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        for byte in bytes {
            self.heard.push(*byte);
            // A frame may begin at any byte that could open one: the sum decides.
            let found = (0..self.heard.len()).find_map(|from| Asked::from_frame(self.heard.get(from..)?));
            if let Some(asked) = found {
                self.heard.clear();
                if self.asked.len() < ASKED_MAX {
                    self.asked.push_back((now_ms + ANSWERS_IN_MS, asked));
                }
            } else if self.heard.len() >= FRAME_MAX {
                self.heard.remove(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    const QUESTION: [u8; 5] = [0x3A, 0x79, 0x03, 0x00, 0x4A];

    #[test]
    fn frames_are_as_in_the_worked_examples() {
        let result = Pressures { systolic: 120, diastolic: 80, mean: 93, pulse: 72 };
        let (frame, observation) = answer(Some(result));
        let mut worked = [0; 24];
        (worked[0], worked[1], worked[2], worked[4]) = (0x3E, 0x18, 0x78, 0x50);
        (worked[16], worked[18], worked[23]) = (0x48, 0x5D, 0x3D);
        assert_eq!(frame, worked);
        assert_eq!(observation.vitals[&Vital::NibpMean], Said::Value(quantity(93, 1)));
        assert_eq!(enclose(&[0x05, 150, 0]), [0x3E, 0x05, 0x96, 0x00, 0x27]);
        assert_eq!(enclose(&DONE), [0x3E, 0x04, 0x4B, 0x73]);
        assert_eq!(Asked::from_frame(&[0x3A, 0x20, 0xA6]), Some(Asked::Start));
        assert_eq!(Asked::from_frame(&[0x3A, 0x79, 0x05, 0x00, 0x48]), Some(Asked::CuffPressure));
    }

    /// What it says until then: when, and the bytes.
    fn heard(module: &mut SunTech, patient: &mut Patient, until_ms: u64) -> Vec<(u64, Vec<u8>)> {
        let mut heard = Vec::new();
        while module.due() <= until_ms {
            heard.extend(module.emit(patient).map(|it| (it.at_ms, it.bytes)));
        }
        heard
    }

    #[test]
    fn it_answers_what_it_is_asked_and_repeats_its_last_result() {
        let (mut module, mut patient) = (SunTech::default(), Patient::new(1, 0, Course::default()));
        assert!(heard(&mut module, &mut patient, 10_000).is_empty());
        module.handle_host_bytes(10_000, &QUESTION);
        let none = heard(&mut module, &mut patient, 15_000);
        assert_eq!(none.concat_bytes(), answer(None).0, "no result yet: zeros");
        // The first measurement is over after 20 s.
        let done = heard(&mut module, &mut patient, 60_000);
        assert_eq!(done.concat_bytes(), enclose(&DONE));
        module.handle_host_bytes(60_000, &QUESTION[..2]);
        module.handle_host_bytes(60_003, &QUESTION[2..]);
        let first = heard(&mut module, &mut patient, 90_000);
        // 24 bytes take 25 ms.
        assert_eq!(first.last().unwrap().0, 60_003 + ANSWERS_IN_MS + 25);
        assert_ne!(first.concat_bytes(), answer(None).0);
        module.handle_host_bytes(90_000, &QUESTION);
        assert_eq!(heard(&mut module, &mut patient, 100_000).concat_bytes(), first.concat_bytes());
    }

    #[test]
    fn a_wrong_sum_is_ignored_and_what_follows_is_heard() {
        let (mut module, mut patient) = (SunTech::default(), Patient::new(1, 0, Course::default()));
        let mut wrong = QUESTION;
        wrong[4] ^= 1;
        module.handle_host_bytes(0, &wrong);
        module.handle_host_bytes(0, &[0x3A, 0x20, 0xA6]);
        assert!(heard(&mut module, &mut patient, 5000).is_empty());
        module.handle_host_bytes(5000, &[0x3A, 0x79]);
        module.handle_host_bytes(5000, &QUESTION);
        assert_eq!(heard(&mut module, &mut patient, 6000).concat_bytes().len(), RESULT);
    }

    trait Bytes {
        fn concat_bytes(&self) -> Vec<u8>;
    }

    impl Bytes for Vec<(u64, Vec<u8>)> {
        fn concat_bytes(&self) -> Vec<u8> {
            self.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
        }
    }
}
