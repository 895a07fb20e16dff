//! Frames of a fixed length without a checksum, whose first byte alone carries a marker in bit 7.
//!
//! A marker inside a frame begins a new one. What is damaged is counted once: the pieces that a stray marker makes of one
//! frame are one fragment, and so is a frame that has lost its marker.

use alloc::vec::Vec;

use super::Fault;
use super::outcomes::Outcomes;

/// Finds frames.
#[derive(Debug)]
pub(super) struct Marked {
    length: usize,
    is_start: fn(u8) -> bool,
    /// Which frames may be shorter: those that begin so.
    may_be_short: fn(u8) -> bool,
    /// The frame at hand, from its marker on.
    frame: Vec<u8>,
    /// Bytes since the beginning of a frame that has been counted as damaged: its pieces end where it would have.
    damaged: Option<usize>,
    /// Bytes outside any frame.
    stray: usize,
    /// Whether a good frame has been seen: what stands before the first belongs to no frame.
    found: bool,
}

impl Marked {
    pub(super) fn new(length: usize, is_start: fn(u8) -> bool) -> Self {
        let may_be_short = |_| false;
        Self { length, is_start, may_be_short, frame: Vec::new(), damaged: None, stray: 0, found: false }
    }

    /// The same, where frames that begin so end at the next marker.
    pub(super) fn with_short(self, may_be_short: fn(u8) -> bool) -> Self {
        Self { may_be_short, ..self }
    }

    /// Takes a byte; `read` decides of a whole frame, and gives nothing for one that no device sends.
    pub(super) fn take<T>(
        &mut self,
        byte: u8,
        out: &mut Outcomes,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        if (self.is_start)(byte) {
            self.begin(out);
        } else if self.frame.is_empty() {
            self.handle_stray(out);
            return None;
        }
        self.frame.push(byte);
        self.damaged = self.damaged.map(|since| since + 1);
        if self.frame.len() < self.length {
            return None;
        }
        let read = read(&self.frame);
        self.frame.clear();
        if read.is_some() {
            out.good();
            self.found = true;
            self.damaged = None;
        } else {
            out.fault(Fault::Fragment);
            self.damaged = Some(self.length);
        }
        read
    }

    /// No byte will follow.
    pub(super) fn end(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
    }

    fn begin(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
        if self.frame.is_empty() {
            self.damaged = None;
            return;
        }
        let first = self.frame.first().copied().unwrap_or_default();
        match self.damaged {
            None if self.frame.len() > 1 && (self.may_be_short)(first) => out.good(),
            Some(since) if since < self.length => {}
            Some(since) if since == self.length => self.damaged = None,
            Some(_) | None => {
                out.fault(Fault::Fragment);
                self.damaged = Some(self.frame.len());
            }
        }
        self.frame.clear();
    }

    fn handle_stray(&mut self, out: &mut Outcomes) {
        self.stray += 1;
        if !self.found || self.damaged.is_some() {
            // Before the first frame, or the rest of one that is counted.
            out.skip(1);
            self.stray = 0;
        } else if self.stray == self.length {
            out.fault(Fault::Fragment);
            self.stray = 0;
        }
    }

    fn settle_strays(&mut self, out: &mut Outcomes) {
        match core::mem::take(&mut self.stray) {
            0 => {}
            few if few < self.length / 2 => out.skip(few),
            _ => out.fault(Fault::Fragment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;

    /// Frames of four bytes, the first with bit 7 set, the last zero.
    fn counts(bytes: &[u8]) -> Counts {
        let (mut marked, mut out) = (Marked::new(4, |byte| byte & 0x80 != 0), Outcomes::default());
        for byte in bytes {
            marked.take(*byte, &mut out, |frame| (frame.last() == Some(&0)).then_some(()));
        }
        marked.end(&mut out);
        out.counts()
    }

    #[test]
    fn a_damaged_frame_is_one_fragment_whatever_befell_it() {
        let good = [0x81, 5, 6, 0];
        let lost_marker = [0x01, 5, 6, 0];
        for middle in [
            &lost_marker[..],
            // A marker where none belongs.
            &[0x81, 0x85, 6, 0],
            &[0x81, 5, 0x86, 0],
            &[0x81, 5, 6, 0x80],
            &[0x81, 0x85, 0x86, 0x80],
            // A byte less, and one more.
            &[0x81, 5, 6],
            &[0x81],
            &[5, 6, 0],
            &[0x81, 5, 6, 7, 0],
            // What no device sends.
            &[0x81, 5, 6, 7],
        ] {
            let counts = counts(&[&good[..], middle, &good, &good].concat());
            assert_eq!((counts.frames_good, counts.fragments), (3, 1), "{middle:02X?}");
        }
        assert_eq!(counts(&[&good[..], &lost_marker, &lost_marker, &good].concat()).fragments, 2);
        assert_eq!(counts(&[&good[..], &lost_marker].concat()).fragments, 1);
    }

    #[test]
    fn what_stands_before_the_first_frame_is_skipped() {
        let counts = counts(&[1, 2, 3, 4, 5, 0x81, 5, 6, 0]);
        assert_eq!((counts.frames_good, counts.fragments, counts.skipped_bytes), (1, 0, 5));
    }
}
