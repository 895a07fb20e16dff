//! A device's answer, found among the data that it goes on sending.
//!
//! 06 and 15 are bytes of every frame of data too. Frames are passed over whole, and only what begins between two of them is
//! an answer: whoever listens for a second before anything is sent knows where frames begin.

use alloc::collections::VecDeque;

use jiff::civil::DateTime;

use super::Answer;
use crate::device::measured::century;

const ACK: u8 = 0x06;
const NAK: u8 = 0x15;
/// More than the longest frame of those passed over.
const BYTES_MAX: usize = 64;

/// What a device has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has taken the message.
    Taken,
    /// It does not support it.
    Refused,
    /// This is its time.
    Time(DateTime),
}

/// Finds the answer in what a device sends.
#[derive(Debug, Default)]
pub struct AnswerFinder {
    bytes: VecDeque<u8>,
}

impl AnswerFinder {
    /// Takes the next bytes; gives the first answer of this kind in them.
    ///
    /// The same bytes, however split, give the same answers.
    pub fn handle_bytes(&mut self, awaited: Answer, bytes: &[u8]) -> Option<Verdict> {
        let mut found = None;
        for byte in bytes {
            self.bytes.push_back(*byte);
            loop {
                let held = self.bytes.make_contiguous();
                let Some((length, verdict)) = next(awaited, held) else { break };
                self.bytes.drain(..length.min(self.bytes.len()));
                found = found.or(verdict);
            }
            if self.bytes.len() > BYTES_MAX {
                self.bytes.clear();
            }
        }
        found
    }
}

/// How many bytes the first thing takes, and what it answers; `None` until more bytes tell.
fn next(awaited: Answer, bytes: &[u8]) -> Option<(usize, Option<Verdict>)> {
    match (awaited, bytes) {
        (_, []) | (Answer::Time, [0x02] | [0x02, 0xF2]) => None,
        (Answer::Feedback(command), _) => feedback(command, bytes),
        (Answer::Acknowledgement, [ACK, ..]) => Some((1, Some(Verdict::Taken))),
        (Answer::Acknowledgement, [NAK, ..]) => Some((1, Some(Verdict::Refused))),
        (Answer::Time, [0x02, 0xF2, 0x06, ..]) => {
            let [_, _, _, year, month, day, hour, minute, second, end] = *bytes.get(..10)? else {
                return None;
            };
            let time = (end == 0x03).then(|| time([year, month, day, hour, minute, second])).flatten();
            Some((10, time.map(Verdict::Time)))
        }
        (Answer::Acknowledgement | Answer::Time | Answer::Nothing, _) => Some((nonin_data(bytes)?, None)),
    }
}

/// The length of a frame of Nonin's data formats 2, 7, 8 and 13 that begins here; 1 if none does.
fn nonin_data(bytes: &[u8]) -> Option<usize> {
    let is_summed = |frame: &[u8]| {
        let [body @ .., sum] = frame else { return false };
        body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == *sum
    };
    match *bytes {
        [0x00 | 0x01] | [0x00, 0x02] | [0x00, 0x02, 0x00] => None,
        [0x00, 0x02, 0x00, 0x0D, ..] => (bytes.len() >= 22).then_some(22),
        [0x01, status, ..] if status >= 0x80 => {
            let frame = bytes.get(..5)?;
            Some(if is_summed(frame) { 5 } else { 1 })
        }
        [0x80..=0xFF, ..] => {
            let frame = bytes.get(..5)?;
            let is_short = frame.iter().skip(1).take(3).all(|byte| *byte < 0x80);
            // Format 8 has no sum: an answer may be the fifth byte.
            Some(match (is_summed(frame), is_short) {
                (true, _) => 5,
                (false, true) => 4,
                (false, false) => 1,
            })
        }
        _ => Some(1),
    }
}

/// `0B high command reason`, among packages whose first byte alone has bit 7 clear.
fn feedback(command: u8, bytes: &[u8]) -> Option<(usize, Option<Verdict>)> {
    if bytes.first() != Some(&0x0B) {
        return Some((1, None));
    }
    let [_, high, said, reason] = *bytes.get(..4)? else { return None };
    let whole = |byte: u8, bit: u8| (byte & 0x7F) | (high >> bit & 1) << 7;
    if whole(said, 0) != command {
        return Some((4, None));
    }
    let verdict = if whole(reason, 1) == 0 { Verdict::Taken } else { Verdict::Refused };
    Some((4, Some(verdict)))
}

fn time(parts: [u8; 6]) -> Option<DateTime> {
    let [year, month, day, hour, minute, second] = parts.map(|it| i8::try_from(it).unwrap_or(-1));
    let year = if year < 0 { return None } else { century(0) + i16::from(year) };
    DateTime::new(year, month, day, hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(awaited: Answer, bytes: &[u8]) -> Option<Verdict> {
        let whole = AnswerFinder::default().handle_bytes(awaited, bytes);
        for piece in 1..bytes.len() {
            let mut finder = AnswerFinder::default();
            let found = bytes.chunks(piece).fold(None, |found, it| {
                let next = finder.handle_bytes(awaited, it);
                found.or(next)
            });
            assert_eq!(found, whole, "in pieces of {piece}");
        }
        whole
    }

    #[test]
    fn an_answer_is_no_byte_of_a_frame() {
        let acknowledgement = |bytes: &[u8]| verdicts(Answer::Acknowledgement, bytes);
        assert_eq!(acknowledgement(&[ACK]), Some(Verdict::Taken));
        assert_eq!(acknowledgement(&[NAK, ACK]), Some(Verdict::Refused));
        // Formats 8, 2 and 7 with 06 and 15 inside.
        assert_eq!(acknowledgement(&[0x80, 0x15, 0x61, 0x00, 0x80, 0x06, 0x61, 0x00]), None);
        assert_eq!(
            acknowledgement(&[0x80, 0x15, 0x61, 0x00, ACK, 0x80, 0x06, 0x61, 0x00]),
            Some(Verdict::Taken)
        );
        assert_eq!(acknowledgement(&[0x01, 0x80, 0x06, 0x15, 0x9C, NAK]), Some(Verdict::Refused));
        assert_eq!(acknowledgement(&[0x80, 0x80, 0x06, 0x15, 0x1B, 0x80, 0x80, 0x15, 0x06, 0x1B]), None);
        let spot = [
            0x00, 0x02, 0x00, 0x0D, 0x00, 0x0E, 0x20, 0x18, 0x07, 0x26, 0x17, 0x06, 0x05, 0x00, 0x02, 0x00,
            0x00, 0x48, 0x00, 0x61, 0x32, 0x03,
        ];
        assert_eq!(acknowledgement(&spot), None);
        assert_eq!(acknowledgement(&[&spot[..], &[ACK]].concat()), Some(Verdict::Taken));
    }

    #[test]
    fn a_time_and_a_feedback_are_read() {
        let at = jiff::civil::date(2050, 12, 31).at(14, 30, 15, 0);
        let answer = [0x80, 0x48, 0x61, 0x00, 0x02, 0xF2, 0x06, 0x32, 0x0C, 0x1F, 0x0E, 0x1E, 0x0F, 0x03];
        assert_eq!(verdicts(Answer::Time, &answer), Some(Verdict::Time(at)));
        assert_eq!(
            verdicts(Answer::Time, &[0x02, 0xF2, 0x06, 0x32, 0x0D, 0x1F, 0x0E, 0x1E, 0x0F, 0x03]),
            None
        );
        let realtime = [0x01, 0xE0, 0x85, 0xB3, 0x96, 0xC1, 0xE1, 0xFF, 0xFF];
        let feedback = |reason: u8| [&realtime[..], &[0x0B, 0x81, 0xB2, reason]].concat();
        assert_eq!(verdicts(Answer::Feedback(0xB2), &feedback(0x80)), Some(Verdict::Taken));
        assert_eq!(verdicts(Answer::Feedback(0xB2), &feedback(0x85)), Some(Verdict::Refused));
        assert_eq!(verdicts(Answer::Feedback(0xB1), &feedback(0x80)), None);
    }
}
