//! SunTech OEM cuffs: asked for their last result, and never started.
//!
//! There is no vendor's document at hand: frames and offsets are those of a public driver (`ak-git`,
//! `com.ak.comm.bytes.suntech`). Line: 9600 8N1.
//!
//! ```text
//! to the module     3A command … CHK
//! from the module   3E length data … CHK      the length is that of the whole frame; all its bytes sum to 0
//! 3E 18: systolic i16 at 2, diastolic at 4, pulse at 16, mean at 18, little-endian
//! 3E 05: the pressure in the cuff, i16 at 2    3E 04 4B: a measurement is done
//! ```
//!
//! The pressure is an answer to a question that is not ours: whether the cuff inflates is told only where it comes unasked.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::Fault;
use super::codec::Codec;
use super::measured::{self, measured};
use super::outcomes::Outcomes;
use super::schedule::Phrases;
use crate::notice::Notice;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::vital::Vital;

const START: u8 = 0x3E;
/// The shortest frame: a start, a length, one byte and a sum.
const FRAME_MIN: usize = 4;
/// Longer than any frame that is known.
const FRAME_MAX: usize = 64;
/// The length of a frame with a result.
const RESULT: usize = 24;
/// The one byte of the frame that says that a measurement is done.
const DONE: u8 = 0x4B;
/// The pressure of an empty cuff, mmHg, at most: the lowest mean pressure that a cuff can find in a patient.
const DEFLATED: i16 = 10;

/// "What was the last result?", every 30 s. To start a cuff is to control the device: it is not in this table.
const PHRASES: Phrases = Phrases {
    opening: &[ASK],
    at_once: true,
    patience: Duration::from_secs(90),
    repeated: Some((ASK, Duration::from_secs(30))),
};
const ASK: &[u8] = &[0x3A, 0x79, 0x03, 0x00, 0x4A];

/// Reads frames.
#[derive(Debug, Default)]
pub(super) struct SunTechCodec {
    /// At most one frame.
    bytes: VecDeque<u8>,
    /// Bytes that belong to a frame already counted as damaged.
    damaged: usize,
    /// Bytes outside any frame.
    stray: usize,
    /// Whether a frame has been seen, and none has been damaged since: only then strays are a frame without its start.
    in_step: bool,
}

impl Codec for SunTechCodec {
    const PHRASES: &'static Phrases = &PHRASES;

    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        self.bytes.push_back(byte);
        while self.step(out) {}
    }

    /// What is left is a frame that has not been finished, or hides good ones behind a length that is too great.
    fn end(&mut self, out: &mut Outcomes) {
        while !self.bytes.is_empty() {
            self.drop_first();
            while self.step(out) {}
        }
        self.settle_strays(out);
    }
}

impl SunTechCodec {
    /// Takes what can be decided; whether anything was.
    fn step(&mut self, out: &mut Outcomes) -> bool {
        let bytes = self.bytes.make_contiguous();
        let length = match bytes {
            [] | [START] => return false,
            [START, length, ..] => usize::from(*length),
            _ => {
                self.drop_first();
                return true;
            }
        };
        if !(FRAME_MIN..=FRAME_MAX).contains(&length) {
            self.fail(2, Fault::BadLength, out);
            return true;
        }
        let Some(frame) = bytes.get(..length) else { return false };
        if frame.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) != 0 {
            self.fail(length, Fault::BadChecksum, out);
            return true;
        }
        let reading = read(frame);
        let inflating = is_inflating(frame);
        self.bytes.drain(..length);
        self.settle_strays(out);
        out.good();
        (self.in_step, self.damaged) = (true, 0);
        if let Some(reading) = reading {
            out.reading(reading);
        }
        if let Some(inflating) = inflating {
            out.notice(Notice::CuffInflating(inflating));
        }
        true
    }

    /// A frame of this length is damaged. The next may begin inside it, so only its start is dropped.
    fn fail(&mut self, length: usize, fault: Fault, out: &mut Outcomes) {
        if self.damaged == 0 {
            self.settle_strays(out);
            out.fault(fault);
            (self.in_step, self.damaged) = (false, length);
        }
        self.drop_first();
    }

    fn drop_first(&mut self) {
        self.bytes.pop_front();
        match self.damaged.checked_sub(1) {
            Some(left) => self.damaged = left,
            None => self.stray += 1,
        }
    }

    /// Bytes between frames: a frame that has lost its start, or what stood before the first.
    fn settle_strays(&mut self, out: &mut Outcomes) {
        match core::mem::take(&mut self.stray) {
            0 => {}
            few if few < FRAME_MIN - 1 || !self.in_step => out.skip(few),
            _ => out.fault(Fault::Fragment),
        }
    }
}

/// Whether the cuff presses: of its pressure, and of the word that a measurement is done. The module is asked for neither.
fn is_inflating(frame: &[u8]) -> Option<bool> {
    match *frame {
        [START, 5, low, high, _] => Some(i16::from_le_bytes([low, high]) > DEFLATED),
        [START, 4, DONE, _] => Some(false),
        _ => None,
    }
}

/// The numbers of a result; nothing for any other frame.
fn read(frame: &[u8]) -> Option<Reading> {
    if frame.len() != RESULT {
        return None;
    }
    let word = |at: usize| match frame.get(at..at + 2) {
        Some(&[low, high]) => i16::from_le_bytes([low, high]),
        _ => 0,
    };
    let say = |vital, at| match word(at) {
        // Nothing has been measured yet, or the measurement failed.
        0 => Measurement::absent(vital, Absent::NotMeasured),
        value => measured(vital, Quantity::from_whole(value), Quality::NONE),
    };
    measured::reading(
        alloc::vec![
            say(Vital::PulseRate, 16),
            say(Vital::NibpSystolic, 2),
            say(Vital::NibpDiastolic, 4),
            say(Vital::NibpMean, 18),
        ],
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const RESULT_120: [u8; RESULT] = [
        0x3E, 0x18, 0x78, 0x00, 0x50, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x48, 0x00, 0x5D, 0x00, 0x00, 0x00,
        0x00, 0x3D,
    ];
    const DONE_FRAME: [u8; 4] = [0x3E, 0x04, 0x4B, 0x73];
    const CUFF: [u8; 5] = [0x3E, 0x05, 0x96, 0x00, 0x27];

    fn hear(bytes: &[u8]) -> (Vec<Reading>, super::super::Counts) {
        crate::device::codec::hear(SunTechCodec::default(), bytes)
    }

    #[test]
    fn a_result_is_read_and_the_cuff_pressure_is_none() {
        let (readings, counts) = hear(&[&CUFF[..], &DONE_FRAME, &RESULT_120].concat());
        assert_eq!((counts.frames_good, counts.observations, counts.skipped_bytes), (3, 1, 0));
        let values: Vec<_> = readings[0].measurements.iter().map(|it| (it.vital, it.value)).collect();
        let whole = |value| Ok(Quantity::from_whole(value));
        assert_eq!(
            values,
            [
                (Vital::PulseRate, whole(72)),
                (Vital::NibpSystolic, whole(120)),
                (Vital::NibpDiastolic, whole(80)),
                (Vital::NibpMean, whole(93))
            ]
        );
    }

    #[test]
    fn a_pressure_that_comes_unasked_says_that_the_cuff_inflates() {
        let (mut codec, mut out) = (SunTechCodec::default(), Outcomes::default());
        let mut heard = |bytes: &[u8]| {
            for byte in bytes {
                codec.take(*byte, &mut out);
            }
            out.poll_notice()
        };
        assert_eq!(heard(&RESULT_120), None);
        assert_eq!(heard(&CUFF), Some(Notice::CuffInflating(true)));
        assert_eq!(heard(&CUFF), None);
        assert_eq!(heard(&[0x3E, 0x05, 0x96, 0x00, 0x28]), None, "a wrong sum");
        assert_eq!(heard(&DONE_FRAME), Some(Notice::CuffInflating(false)));
        assert_eq!(
            heard(&[&CUFF[..], &[0x3E, 0x05, 0x03, 0x00, 0xBA]].concat()),
            Some(Notice::CuffInflating(true))
        );
    }

    #[test]
    fn a_damaged_result_is_counted_once_and_costs_no_other() {
        for at in 1..RESULT {
            let mut damaged = RESULT_120;
            damaged[at] ^= 0x10;
            let (readings, counts) = hear(&[&RESULT_120[..], &damaged, &RESULT_120, &RESULT_120].concat());
            assert_eq!(readings.len(), 3, "byte {at}: {counts:?}");
            assert_eq!(counts.bad_checksum + counts.bad_length, 1, "byte {at}: {counts:?}");
        }
    }
}
