//! Whether a device is there at all, for formats without a checksum: some good frames in a row say so.
//!
//! Of thousands of bytes of noise one frame looks right, and hardly ever some in a row. After damage more are asked for than
//! before any; a damaged frame takes back half of what a good one says, so that a bad line is known as a device all the same.
//! What was read meanwhile is not lost: it is given when the device has been found.

use alloc::vec::Vec;

use super::outcomes::Outcomes;
use crate::reading::Reading;

/// What a good frame says for a device; a damaged one says one against it.
const GOOD: u32 = 2;
/// Damaged frames in a row that are none, and those before them neither.
const DAMAGED_MAX: u32 = 3;
/// The longest frame of these formats: a recording may begin in its middle.
const FRAME_MAX: u64 = 9;
/// Readings that wait: some frames around damaged ones.
const WAITING_MAX: usize = 16;

/// Holds readings back until the device is found.
#[derive(Debug)]
pub(super) struct Confirmation {
    /// Good frames in a row that are a device while none has been damaged.
    at_first: u32,
    /// The same later.
    again: u32,
    /// What is said for it now.
    said: u32,
    found: bool,
    /// Damaged frames in a row.
    row: u32,
    /// Damaged frames that have been seen.
    seen: u64,
    waiting: Vec<Reading>,
}

impl Confirmation {
    /// Finds a device by so many good frames in a row at first, and by so many once one has been damaged.
    pub(super) fn new(at_first: u32, again: u32) -> Self {
        Self { at_first, again, said: 0, found: false, row: 0, seen: 0, waiting: Vec::new() }
    }

    /// A good frame gave this.
    pub(super) fn handle_reading(&mut self, reading: Reading, out: &mut Outcomes) {
        let enough = GOOD * if self.seen == 0 { self.at_first } else { self.again };
        self.row = 0;
        self.said = enough.min(self.said + GOOD);
        self.found |= self.said == enough;
        if self.waiting.len() == WAITING_MAX {
            self.waiting.remove(0);
        }
        self.waiting.push(reading);
        if self.found {
            self.release(out);
        }
    }

    /// Whether there is a device.
    pub(super) fn is_found(&self) -> bool {
        self.found
    }

    /// Some bytes have been read: were frames among them that are damaged?
    pub(super) fn handle_damage(&mut self, out: &Outcomes) {
        for _ in self.seen..out.counts().fragments {
            self.row += 1;
            self.said = self.said.saturating_sub(1);
            if self.row >= DAMAGED_MAX {
                self.found = false;
                self.said = 0;
                self.waiting.clear();
            }
        }
        self.seen = out.counts().fragments;
    }

    /// No frame will follow: where more were good than not, they were a device's.
    pub(super) fn end(&mut self, out: &mut Outcomes) {
        let counts = out.counts();
        let skipped_max = counts.frames_good.max(FRAME_MAX);
        if counts.frames_good >= counts.fragments && counts.skipped_bytes <= skipped_max {
            self.release(out);
        }
    }

    fn release(&mut self, out: &mut Outcomes) {
        for reading in core::mem::take(&mut self.waiting) {
            out.reading(reading);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Fault;

    /// Frames, `+` good and `-` damaged, to the number of readings that come out before the end, and with it.
    fn readings(mut confirmation: Confirmation, frames: &str) -> (u64, u64) {
        let mut out = Outcomes::default();
        for frame in frames.chars() {
            if frame == '+' {
                out.good();
                confirmation.handle_reading(Reading::default(), &mut out);
            } else {
                out.fault(Fault::Fragment);
            }
            confirmation.handle_damage(&out);
        }
        let before = out.counts().observations;
        confirmation.end(&mut out);
        (before, out.counts().observations)
    }

    #[test]
    fn three_in_a_row_are_a_device_and_lose_nothing() {
        for (frames, expected) in [
            ("++", 0),
            ("+++", 3),
            ("+-+++", 4),
            ("+--+++", 4),
            ("++-+-+++", 6),
            ("+---+++", 3),
            ("+---+---+---+---", 0),
            ("+++-+--+", 5),
            ("+++---+", 3),
            ("+++---+++", 6),
        ] {
            assert_eq!(readings(Confirmation::new(3, 3), frames).0, expected, "{frames}");
        }
    }

    #[test]
    fn a_stream_of_which_half_is_damaged_is_a_device_too() {
        assert_eq!(readings(Confirmation::new(3, 3), &"+-".repeat(6)).0, 6);
        assert_eq!(readings(Confirmation::new(3, 5), &"-+".repeat(10)).0, 10);
        assert_eq!(readings(Confirmation::new(3, 5), "-++-++-++-++").0, 8);
    }

    #[test]
    fn where_frames_are_seldom_the_first_is_believed_and_after_damage_the_third() {
        for (frames, expected) in [
            ("+", 1),
            ("++", 2),
            ("-++", 0),
            ("-+++", 3),
            ("+-+", 2),
            ("+--+", 2),
            ("+---+", 1),
            ("+---+++", 4),
        ] {
            assert_eq!(readings(Confirmation::new(1, 3), frames).0, expected, "{frames}");
        }
    }

    #[test]
    fn at_the_end_what_waits_is_given_where_more_was_good_than_not() {
        for (frames, expected) in [("+", 1), ("+-+", 2), ("+-", 1), ("-+-", 0)] {
            assert_eq!(readings(Confirmation::new(3, 3), frames), (0, expected), "{frames}");
        }
    }
}
