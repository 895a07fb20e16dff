//! The frame of the MIB/RS-232 line.
//!
//! ```text
//! C0  11 01  length (2)  message  FCS (2, low byte first)  C1      inside, C0, C1 and 7D are sent as 7D and byte ^ 20
//! ```
//!
//! FCS is the CRC-16 of X.25 over header and message.

use alloc::vec::Vec;

use crate::device::Fault;
use crate::device::outcomes::Outcomes;

const BEGIN: u8 = 0xC0;
const END: u8 = 0xC1;
const ESCAPE: u8 = 0x7D;
/// Protocol and kind of message; the length follows.
const HEADER: [u8; 2] = [0x11, 0x01];
/// Bytes before the message, and behind it.
const HEADER_LENGTH: usize = 4;
const FCS_LENGTH: usize = 2;
/// The interface's largest message is 1456 bytes; a monitor may be set to more.
const FRAME_MAX: usize = 4096;

/// Finds frames.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    /// The frame at hand, escapes undone; `None` outside any.
    frame: Option<Vec<u8>>,
    escaped: bool,
    /// A stray flag has cut the frame at hand out of one that is counted already.
    is_counted: bool,
    /// Bytes outside any frame.
    stray: usize,
    /// Whether a frame has been seen, and none has been damaged since: only then strays are one without its flag.
    in_step: bool,
}

impl Deframer {
    /// Takes a byte; gives the message of a frame that is whole.
    pub(super) fn take(&mut self, byte: u8, out: &mut Outcomes) -> Option<Vec<u8>> {
        match (byte, &mut self.frame) {
            (BEGIN, _) => self.begin(out),
            (END, Some(_)) => return self.end_frame(out),
            (END, None) => self.settle_strays(out),
            (_, None) => self.stray += 1,
            (ESCAPE, Some(_)) => self.escaped = true,
            (byte, Some(frame)) if frame.len() < FRAME_MAX => {
                frame.push(if core::mem::take(&mut self.escaped) { byte ^ 0x20 } else { byte });
            }
            (_, Some(_)) => {
                self.frame = None;
                self.lose(Fault::BadLength, out);
            }
        }
        None
    }

    pub(super) fn end(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
    }

    fn begin(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
        self.escaped = false;
        let Some(cut) = self.frame.replace(Vec::new()) else { return };
        if cut.is_empty() || core::mem::take(&mut self.is_counted) {
            return;
        }
        self.lose(Fault::Fragment, out);
        // With its checksum it lacks nothing but its end, and what follows is another frame; else it was cut in two.
        self.is_counted = check(&cut).is_err();
    }

    fn end_frame(&mut self, out: &mut Outcomes) -> Option<Vec<u8>> {
        self.escaped = false;
        let mut frame = self.frame.take()?;
        let is_counted = core::mem::take(&mut self.is_counted);
        match check(&frame) {
            Ok(()) => {
                self.in_step = true;
                frame.truncate(frame.len() - FCS_LENGTH);
                frame.drain(..HEADER_LENGTH);
                Some(frame)
            }
            Err(fault) => {
                if !is_counted {
                    self.lose(fault, out);
                }
                None
            }
        }
    }

    fn lose(&mut self, fault: Fault, out: &mut Outcomes) {
        out.fault(fault);
        self.in_step = false;
    }

    /// Bytes between frames: one that has lost its flag, the rest of a damaged one, or what stood before the first.
    fn settle_strays(&mut self, out: &mut Outcomes) {
        match core::mem::take(&mut self.stray) {
            0 => {}
            few if few < HEADER_LENGTH + FCS_LENGTH || !self.in_step => out.skip(few),
            _ => self.lose(Fault::Fragment, out),
        }
    }
}

/// A frame is judged by the first check it fails: too short for its header, checksum, length.
fn check(frame: &[u8]) -> Result<(), Fault> {
    if frame.len() < HEADER_LENGTH + FCS_LENGTH {
        return Err(Fault::Fragment);
    }
    let (body, said) = frame.split_at(frame.len() - FCS_LENGTH);
    if crc(body).to_le_bytes() != *said {
        return Err(Fault::BadChecksum);
    }
    let &[first, second, high, low, ref message @ ..] = body else { return Err(Fault::Fragment) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if [first, second] != HEADER || length != message.len() { Err(Fault::BadLength) } else { Ok(()) }
}

/// CRC-16 of X.25: reflected polynomial 8408, begun with ones, complemented.
fn crc(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0xFFFF, |crc: u16, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0x8408 })
    })
}

/// A message as it goes over the line.
pub(super) fn enframe(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut body = [&HEADER[..], &length, message].concat();
    body.extend(crc(&body).to_le_bytes());
    let mut frame = alloc::vec![BEGIN];
    for byte in body {
        match byte {
            BEGIN | END | ESCAPE => frame.extend([ESCAPE, byte ^ 0x20]),
            byte => frame.push(byte),
        }
    }
    frame.push(END);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;

    fn hear(bytes: &[u8]) -> (Vec<Vec<u8>>, Counts) {
        let (mut deframer, mut out) = (Deframer::default(), Outcomes::default());
        let messages = bytes.iter().filter_map(|byte| deframer.take(*byte, &mut out)).collect();
        deframer.end(&mut out);
        (messages, out.counts())
    }

    #[test]
    fn the_checksum_is_that_of_the_worked_frames() {
        assert_eq!(crc(&[0x3A, 0x71]).to_le_bytes(), [0x9B, 0x26]);
        assert_eq!(crc(&[0x3A, 0x91]).to_le_bytes(), [0x95, 0xC1]);
        // Right sums, and no header: too short.
        let (messages, counts) =
            hear(&[0xC0, 0x3A, 0x71, 0x9B, 0x26, 0xC1, 0xC0, 0x3A, 0x91, 0x95, 0x7D, 0xE1, 0xC1]);
        assert_eq!((messages.len(), counts.fragments, counts.bad_checksum), (0, 2, 0));
    }

    #[test]
    fn any_byte_that_becomes_another_costs_one_frame_and_is_counted_once() {
        let message: Vec<u8> = (0..=255).collect();
        let good = enframe(&message);
        assert_eq!(hear(&good).0, [message]);
        for at in 0..good.len() {
            for byte in [BEGIN, END, ESCAPE, good[at] ^ 1, good[at] ^ 0x20] {
                let mut damaged = good.clone();
                damaged[at] = byte;
                if damaged == good {
                    continue;
                }
                let (messages, counts) = hear(&[&good[..], &damaged, &good].concat());
                let faults = counts.bad_checksum + counts.bad_length + counts.fragments;
                assert_eq!((messages.len(), faults), (2, 1), "byte {at} became {byte:02X}: {counts:?}");
            }
        }
    }
}
