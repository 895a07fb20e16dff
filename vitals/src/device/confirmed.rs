//! Whether a device is there at all, for formats without a checksum: three good frames in a row say so.
//!
//! Of thousands of bytes of noise one frame looks right, and hardly ever three in a row. What was read meanwhile is
//! not lost: it is given when the device has been found.

use alloc::vec::Vec;

use super::outcomes::Outcomes;
use crate::reading::Reading;

/// Good frames in a row that are a device, and damaged ones in a row that are none.
const IN_A_ROW: u32 = 3;
/// Readings that wait: some frames around two damaged ones.
const WAITING_MAX: usize = 8;

/// Holds readings back until the device is found.
#[derive(Debug, Default)]
pub(super) struct Confirmation {
    connected: bool,
    /// Good frames in a row while not connected, damaged ones in a row while connected.
    row: u32,
    /// Damaged frames since the first of those that wait.
    damaged: u32,
    waiting: Vec<Reading>,
}

impl Confirmation {
    /// A good frame gave this.
    pub(super) fn handle_reading(&mut self, reading: Reading, out: &mut Outcomes) {
        if self.connected {
            self.row = 0;
            out.reading(reading);
            return;
        }
        self.row += 1;
        if self.waiting.len() == WAITING_MAX {
            self.waiting.remove(0);
        }
        self.waiting.push(reading);
        if self.row == IN_A_ROW {
            self.connected = true;
            self.release(out);
        }
    }

    /// A frame was damaged.
    pub(super) fn handle_damage(&mut self) {
        if self.connected {
            self.row += 1;
            self.connected = self.row < IN_A_ROW;
            self.damaged = 0;
        } else {
            self.damaged += 1;
            if self.damaged == IN_A_ROW {
                self.damaged = 0;
                self.waiting.clear();
            }
        }
        if !self.connected {
            self.row = 0;
        }
    }

    /// No frame will follow: a few frames with nothing else around them are a device too.
    pub(super) fn end(&mut self, out: &mut Outcomes) {
        let counts = out.counts();
        if !self.connected && counts.fragments == 0 && counts.skipped_bytes == 0 {
            self.release(out);
        }
    }

    fn release(&mut self, out: &mut Outcomes) {
        self.row = 0;
        self.damaged = 0;
        for reading in core::mem::take(&mut self.waiting) {
            out.reading(reading);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames, `+` good and `-` damaged, to the number of readings that come out before the end.
    fn readings(frames: &str) -> u64 {
        let (mut confirmation, mut out) = (Confirmation::default(), Outcomes::default());
        for frame in frames.chars() {
            match frame {
                '+' => confirmation.handle_reading(Reading::default(), &mut out),
                _ => confirmation.handle_damage(),
            }
        }
        out.counts().observations
    }

    #[test]
    fn three_in_a_row_are_a_device_and_lose_nothing() {
        for (frames, expected) in [
            ("++", 0),
            ("+++", 3),
            ("+-+++", 4),
            ("++-+-+++", 6),
            ("+---+++", 3),
            ("+-+-+-+-+-", 0),
            ("+++-+--+", 5),
            ("+++---+", 3),
            ("+++---+++", 6),
        ] {
            assert_eq!(readings(frames), expected, "{frames}");
        }
    }
}
