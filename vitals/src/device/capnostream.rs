//! Oridion (Covidien, Medtronic) Capnostream 20: realtime numbers and the CO2 wave.
//!
//! There is no vendor's document at hand: the frame and its bytes are those of a public driver (mdpnp, `devices/oridion`).
//! Line: 115200 8N1.
//!
//! ```text
//! 85  length (payload + 1)  code  payload  CHK      CHK = exclusive or of length to payload
//! ```
//!
//! Behind the 85, an 85 is sent as 80 05 and an 80 as 80 00: an 85 always begins a frame. Code 1 has the numbers, code 0
//! the wave; code 4, which says who the device is, is read where it comes unasked. The codes of patients are passed over.

mod numerics;
mod said;

use alloc::vec::Vec;
use core::time::Duration;

use super::Fault;
use super::codec::Codec;
use super::outcomes::Outcomes;
use super::schedule::Phrases;
use crate::notice::Notice;

const START: u8 = 0x85;
const ESCAPE: u8 = 0x80;
/// The code of the numbers.
const NUMERICS: u8 = 1;
/// The code of who the device is.
const IDENTITY: u8 = 4;

/// Enable, start realtime, and "the link is active" every second. Disable, stop and the host's id are not in this table.
const PHRASES: Phrases = Phrases {
    opening: &[&[0x85, 0x01, 0x01, 0x00], &[0x85, 0x01, 0x04, 0x05]],
    at_once: true,
    patience: Duration::from_secs(5),
    repeated: Some((&[0x85, 0x01, 0x06, 0x07], Duration::from_secs(1))),
};

/// Reads frames.
#[derive(Debug, Default)]
pub(super) struct CapnostreamCodec {
    /// The frame at hand without its start, escapes undone; `None` outside any.
    frame: Option<Vec<u8>>,
    escaped: bool,
    /// Something was escaped that never is.
    broken: bool,
    /// How much of a damaged frame a stray start has left.
    rest: Option<usize>,
    /// Whether a frame has been seen, and none has been damaged since: only then strays are a frame without its start.
    in_step: bool,
    /// Bytes outside any frame.
    stray: usize,
}

impl Codec for CapnostreamCodec {
    const PHRASES: &'static Phrases = &PHRASES;

    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        if byte == START {
            self.begin(out);
            return;
        }
        let Some(frame) = &mut self.frame else {
            self.stray += 1;
            return;
        };
        match (core::mem::take(&mut self.escaped), byte) {
            (false, ESCAPE) => self.escaped = true,
            (true, byte) => {
                // Only an 80 and an 85 are ever escaped.
                self.broken |= !matches!(byte, 0x00 | 0x05);
                frame.push(ESCAPE | byte);
            }
            (false, byte) => frame.push(byte),
        }
        // Length, what it counts, and the sum.
        let whole = frame.first().is_some_and(|length| frame.len() == usize::from(*length) + 2);
        if whole && !self.escaped {
            let frame = core::mem::take(frame);
            self.frame = None;
            self.end_frame(&frame, out);
        }
    }

    fn end(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
    }
}

impl CapnostreamCodec {
    fn begin(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
        (self.escaped, self.broken) = (false, false);
        let Some(frame) = self.frame.replace(Vec::new()) else { return };
        if !self.is_rest(frame.len()) {
            self.lose(Fault::Fragment, out);
            // A length that was not yet said may be any.
            let length = usize::from(frame.first().copied().unwrap_or(u8::MAX));
            self.rest = (length + 2).checked_sub(frame.len());
        }
    }

    fn end_frame(&mut self, frame: &[u8], out: &mut Outcomes) {
        let broken = core::mem::take(&mut self.broken);
        let right = !broken && frame.iter().fold(0, |sum, byte| sum ^ byte) == 0;
        let (code, payload) = match frame {
            [_, code, payload @ .., _] => (*code, payload),
            _ => (0, &[][..]),
        };
        let numerics = if code == NUMERICS { numerics::read(payload) } else { None };
        let fault = match (right, frame.len(), code) {
            (false, ..) => Some(Fault::BadChecksum),
            // A length of 0 leaves no place for a code.
            (true, ..=2, _) => Some(Fault::BadLength),
            (true, _, NUMERICS) if numerics.is_none() => Some(Fault::BadLength),
            (true, ..) => None,
        };
        match fault {
            None => {
                out.good();
                self.in_step = true;
                self.rest = None;
            }
            Some(_) if self.is_rest(frame.len()) => {}
            Some(fault) => self.lose(fault, out),
        }
        if let (true, Some(numerics)) = (right, numerics) {
            out.notice(Notice::Limits(numerics.limits));
            numerics.bits.tell(out);
            out.reading(numerics.reading);
        }
        if right && code == IDENTITY {
            if let Some(identity) = said::identity(payload) {
                out.notice(Notice::Identity(identity));
            }
        }
    }

    fn lose(&mut self, fault: Fault, out: &mut Outcomes) {
        out.fault(fault);
        self.in_step = false;
        self.rest = None;
    }

    /// Whether so many bytes behind a start belong to what a damaged frame has left.
    fn is_rest(&mut self, bytes: usize) -> bool {
        self.rest = self.rest.and_then(|it| it.checked_sub(bytes + 1));
        self.rest.is_some()
    }

    /// Bytes between frames: a frame that has lost its start, or what stood before the first.
    fn settle_strays(&mut self, out: &mut Outcomes) {
        match core::mem::take(&mut self.stray) {
            0 => {}
            // Shorter than any frame of the device.
            few if few < 4 || !self.in_step => out.skip(few),
            _ => self.lose(Fault::Fragment, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;
    use crate::quantity::Quantity;
    use crate::reading::Reading;
    use crate::vital::Vital;

    const NUMBERS: [u8; 32] = [
        0x85, 0x1C, 0x01, 0x5B, 0x63, 0x15, 0x7C, 0x26, 0x01, 0x0E, 0x60, 0x55, 0x80, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x04, 0x00, 0x3C, 0x0F, 0x1E, 0x05, 0x08, 0x64, 0x5C, 0x78, 0x32, 0x01, 0x00, 0x87,
    ];
    const WAVE: [u8; 9] = [0x85, 0x05, 0x00, 0x05, 0x25, 0x80, 0x00, 0x08, 0xAD];

    fn hear(bytes: &[u8]) -> (Vec<Reading>, Counts) {
        crate::device::codec::hear(CapnostreamCodec::default(), bytes)
    }

    #[test]
    fn numbers_limits_and_waves() {
        let (mut codec, mut out) = (CapnostreamCodec::default(), Outcomes::default());
        for byte in [&WAVE[..], &NUMBERS].concat() {
            codec.take(byte, &mut out);
        }
        assert_eq!((out.counts().frames_good, out.counts().observations), (2, 1));
        let Some(Notice::Limits(limits)) = out.poll_notice() else { panic!("no limits") };
        let spo2 = limits.0.iter().find(|it| it.vital == Vital::Spo2).unwrap();
        assert_eq!((spo2.low, spo2.high), (Some(Quantity::from_whole(92)), Some(Quantity::from_whole(100))));
    }

    #[test]
    fn each_damage_is_counted_once_and_costs_its_own_frame() {
        for at in 0..NUMBERS.len() {
            for byte in [NUMBERS[at] ^ 0x40, START] {
                let mut damaged = NUMBERS;
                damaged[at] = byte;
                if damaged == NUMBERS {
                    continue;
                }
                let (readings, counts) = hear(&[NUMBERS, damaged, NUMBERS, NUMBERS].concat());
                assert_eq!(readings.len(), 3, "byte {at} became {byte:02X}: {counts:?}");
                let faults = counts.bad_checksum + counts.bad_length + counts.fragments;
                assert_eq!(faults, 1, "byte {at} became {byte:02X}: {counts:?}");
            }
        }
    }
}
