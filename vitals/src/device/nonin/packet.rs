//! Data formats 2 and 7: 75 frames a second of five bytes, 25 frames a packet, three packets a second.
//!
//! ```text
//! format 2   01      STATUS     pleth      slot   CHK      CHK = sum of the four bytes before it, modulo 256
//! format 7   STATUS  pleth MSB  pleth LSB  slot   CHK
//! ```
//!
//! Here frames are found. Where bytes are lost they are found again where two of them follow each other; what lies between
//! is counted as the frames it was. What a packet says is read in [`Assembly`].

use alloc::collections::VecDeque;

use super::assembly::{Assembly, Frame};
use crate::device::Fault;
use crate::device::codec::Codec;
use crate::device::outcomes::Outcomes;

/// Bytes in a frame.
const FRAME: usize = 5;
/// Bytes that are looked at behind a damaged frame, with itself.
const LOOK_AHEAD: usize = 4 * FRAME;

/// Which of the two layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::device) enum PacketFormat {
    /// 8-bit pleth.
    Df2,
    /// 16-bit pleth.
    Df7,
}

impl PacketFormat {
    /// The frame at the beginning of these bytes, if its sum and its fixed bits are right.
    fn frame(self, bytes: &[u8]) -> Option<Frame> {
        let &[first, second, third, slot, sum] = bytes.get(..FRAME)? else { return None };
        let right = first.wrapping_add(second).wrapping_add(third).wrapping_add(slot) == sum;
        let status = match self {
            Self::Df2 if first == 1 => second,
            Self::Df2 => return None,
            Self::Df7 => first,
        };
        (right && status & 0x80 != 0).then_some(Frame { status, slot })
    }

    /// Whether a damaged frame stands here and the next where it should: two of the three behind it are good, or one
    /// is and none are found elsewhere. One sum of eight bits alone is too often right by chance.
    fn is_aligned(self, bytes: &[u8]) -> bool {
        let is_good = |at: usize| bytes.get(at..).is_some_and(|it| self.frame(it).is_some());
        let good = (1..4).filter(|it| is_good(it * FRAME)).count();
        let elsewhere = (1..2 * FRAME).any(|at| at % FRAME != 0 && is_good(at) && is_good(at + FRAME));
        good >= 2 || (good == 1 && !elsewhere) || bytes.len() < 2 * FRAME
    }

    /// Whether a byte may stand at this place of a frame.
    fn fits(self, place: usize, byte: u8) -> bool {
        match (self, place) {
            (Self::Df2, 0) => byte == 1,
            (Self::Df2, 1) | (Self::Df7, 0) => byte & 0x80 != 0,
            _ => true,
        }
    }
}

/// Reads data format 2 or 7. The device talks by itself; nothing is ever sent to it.
#[derive(Debug)]
pub(in crate::device) struct PacketCodec {
    format: PacketFormat,
    /// Bytes without a place yet: at most four frames.
    bytes: VecDeque<u8>,
    sync: Sync,
    assembly: Assembly,
}

/// Whether the boundaries of frames are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// They never were, for so many bytes; whether those look like frames with wrong sums.
    Never(usize, bool),
    /// The next byte begins a frame.
    Held,
    /// They were, this many bytes ago.
    Lost(usize),
}

impl PacketCodec {
    pub(in crate::device) fn new(format: PacketFormat) -> Self {
        Self { format, bytes: VecDeque::new(), sync: Sync::Never(0, true), assembly: Assembly::default() }
    }

    /// Takes what can be decided; whether anything was. With the `last` bytes it is decided from what is there.
    fn step(&mut self, last: bool, out: &mut Outcomes) -> bool {
        let bytes = self.bytes.make_contiguous();
        let here = self.format.frame(bytes);
        if let (Sync::Held, Some(frame)) = (self.sync, here) {
            out.good();
            self.assembly.handle_frame(frame, out);
            self.bytes.drain(..FRAME);
            return true;
        }
        // What follows tells a damaged frame from lost bytes.
        let enough = if self.sync == Sync::Held { LOOK_AHEAD } else { 2 * FRAME };
        if bytes.len() < FRAME || (bytes.len() < enough && !last) {
            return false;
        }
        let next = bytes.get(FRAME..).and_then(|it| self.format.frame(it));
        let found = here.is_some() && next.is_some();
        match self.sync {
            Sync::Held if self.format.is_aligned(bytes) => {
                self.assembly.handle_damage(FRAME, next, out);
                self.bytes.drain(..FRAME);
            }
            Sync::Held => self.sync = Sync::Lost(0),
            Sync::Never(count, framed) if found => {
                if framed && count % FRAME == 0 {
                    self.assembly.handle_damage(count, here, out);
                } else {
                    out.skip(count);
                }
                self.sync = Sync::Held;
            }
            Sync::Lost(count) if found => {
                self.assembly.handle_damage(count, here, out);
                self.sync = Sync::Held;
            }
            Sync::Never(count, framed) => {
                let fits = self.bytes.pop_front().is_some_and(|it| self.format.fits(count % FRAME, it));
                self.sync = Sync::Never(count + 1, framed && fits);
            }
            Sync::Lost(count) => {
                self.bytes.pop_front();
                self.sync = Sync::Lost(count + 1);
            }
        }
        true
    }
}

impl Codec for PacketCodec {
    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        self.bytes.push_back(byte);
        while self.step(false, out) {}
    }

    /// What waits is frames, damaged ones among them, and at last one that has not been finished.
    fn end(&mut self, out: &mut Outcomes) {
        while self.step(true, out) {}
        let waiting = self.bytes.len();
        match self.sync {
            Sync::Held => self.assembly.handle_end(waiting / FRAME, out),
            Sync::Lost(count) => self.assembly.handle_end((count + waiting) / FRAME, out),
            Sync::Never(count, _) => out.skip(count + waiting),
        }
        self.bytes.clear();
    }
}

/// How many damaged frames so many bytes between two good ones were.
pub(super) fn damaged_frames(bytes: usize, out: &mut Outcomes) {
    for _ in 0..bytes / FRAME {
        out.fault(Fault::BadChecksum);
    }
    match bytes % FRAME {
        0 => {}
        // Bytes that came into a damaged frame.
        few if few <= 2 && bytes > FRAME => out.skip(few),
        _ => out.fault(Fault::Fragment),
    }
}
