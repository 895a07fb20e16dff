//! Frames of a fixed length without a checksum, whose first byte alone carries a marker in bit 7.
//!
//! A marker inside a frame begins a new one. What is damaged is counted once: the pieces that a stray marker makes of one
//! frame are one fragment, and so is a frame that has lost its marker, or that has grown. Where the device repeats itself many
//! times a second, a frame is whole when the next marker stands behind it, and its neighbours decide whether it is believed.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Fault;
use super::neighbours::{Candidate, Neighbours, Verdict, words};
use super::outcomes::Outcomes;
use crate::reading::Reading;

/// The form of the frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<T> {
    /// Bytes in one.
    pub(super) length: usize,
    /// What begins one.
    pub(super) is_start: fn(u8) -> bool,
    /// Which may be shorter, and end at the next marker: those that begin so.
    pub(super) may_be_short: fn(u8) -> bool,
    /// What a whole one says; nothing for one that no device sends.
    pub(super) read: fn(&[u8]) -> Option<T>,
    /// The numbers in what it says.
    pub(super) reading: fn(&T) -> Option<&Reading>,
}

/// Finds frames.
#[derive(Debug)]
pub(super) struct Marked<T> {
    form: Form<T>,
    /// The frame at hand, from its marker on.
    frame: Vec<u8>,
    /// Bytes outside any frame that may be nobody's.
    stray: usize,
    /// Whether a good frame has been seen: what stands before the first belongs to no frame.
    found: bool,
    /// What is damaged since the last whole frame.
    damage: Damage,
    /// Bytes that belonged to no frame, or damage, stand before the frame at hand.
    beside_damage: bool,
    /// A frame that is whole if a marker follows.
    whole: Option<Candidate<T>>,
    /// `None`: each frame is believed at once, for the next is long in coming.
    neighbours: Option<Neighbours<T>>,
    /// What is believed, on its way out: of one byte at most the two frames that it decides.
    words: VecDeque<T>,
}

impl<T> Marked<T> {
    /// Believes each frame at once.
    pub(super) fn at_once(form: Form<T>) -> Self {
        Self {
            form,
            frame: Vec::new(),
            stray: 0,
            found: false,
            damage: Damage::default(),
            beside_damage: false,
            whole: None,
            neighbours: None,
            words: VecDeque::new(),
        }
    }

    /// Believes a frame by its neighbours, where they come within a moment.
    pub(super) fn by_neighbours(form: Form<T>) -> Self {
        Self { neighbours: Some(Neighbours::default()), ..Self::at_once(form) }
    }

    pub(super) fn take(&mut self, byte: u8, out: &mut Outcomes) {
        if (self.form.is_start)(byte) {
            self.begin(out);
        } else if self.frame.is_empty() {
            return self.handle_stray(out);
        }
        self.frame.push(byte);
        if self.frame.len() == self.form.length {
            self.complete(out);
        }
    }

    /// What a frame says that is believed.
    pub(super) fn poll(&mut self) -> Option<T> {
        self.words.pop_front()
    }

    /// Whether something waits for the next frame.
    pub(super) fn is_waiting(&self) -> bool {
        self.whole.is_some() || self.neighbours.as_ref().is_some_and(Neighbours::is_waiting)
    }

    /// No byte will follow, or none did in time: what waits is decided.
    pub(super) fn end(&mut self, out: &mut Outcomes) {
        self.settle(out);
        if let Some(verdict) = self.neighbours.as_mut().and_then(Neighbours::end) {
            self.handle_verdict(verdict, out);
        }
    }

    fn complete(&mut self, out: &mut Outcomes) {
        let read = (self.form.read)(&self.frame);
        self.frame.clear();
        let Some(word) = read else { return self.lose(self.form.length, out) };
        self.found = true;
        let before = core::mem::take(&mut self.damage);
        let beside_damage = core::mem::take(&mut self.beside_damage);
        if self.neighbours.is_some() {
            let words = (self.form.reading)(&word).map(words);
            self.whole = Some(Candidate { word, words, beside_damage, before, strays: 0 });
        } else {
            out.good();
            self.words.push_back(word);
        }
    }

    fn begin(&mut self, out: &mut Outcomes) {
        self.settle(out);
        let Some(first) = self.frame.first() else { return };
        let length = self.frame.len();
        if self.damage.counted == 0 && length > 1 && (self.form.may_be_short)(*first) {
            out.good();
        } else {
            self.lose(length, out);
        }
        self.frame.clear();
    }

    fn handle_stray(&mut self, out: &mut Outcomes) {
        if !self.found {
            out.skip(1);
        } else if self.damage.counted > 0 && self.whole.is_none() {
            // The rest of what is counted.
            self.lose(1, out);
        } else {
            self.stray += 1;
        }
    }

    /// A marker, or the end: what stood before it is over.
    fn settle(&mut self, out: &mut Outcomes) {
        let strays = core::mem::take(&mut self.stray);
        let Some(mut whole) = self.whole.take() else { return self.settle_strays(strays, out) };
        whole.strays = strays;
        whole.beside_damage |= strays > 0;
        let verdicts = self.neighbours.as_mut().map(|it| it.take(whole)).unwrap_or_default();
        for verdict in verdicts {
            self.handle_verdict(verdict, out);
        }
        self.beside_damage |= strays > 0;
    }

    fn handle_verdict(&mut self, (frame, believed): Verdict<T>, out: &mut Outcomes) {
        if believed {
            out.good();
            self.words.push_back(frame.word);
            self.settle_strays(frame.strays, out);
        } else {
            // What is behind a frame that has grown is its end.
            let mut damage = frame.before;
            damage.lose(self.form.length + frame.strays, self.form.length, out);
        }
    }

    fn settle_strays(&mut self, strays: usize, out: &mut Outcomes) {
        if strays >= self.form.length / 2 {
            self.lose(strays, out);
        } else {
            out.skip(strays);
            self.beside_damage |= strays > 0;
        }
    }

    fn lose(&mut self, bytes: usize, out: &mut Outcomes) {
        self.damage.lose(bytes, self.form.length, out);
        self.beside_damage = true;
    }
}

/// Bytes in a row that no good frame is made of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Damage {
    bytes: usize,
    /// How many frames they were counted as.
    counted: usize,
}

impl Damage {
    /// Some more. They are as many frames as they have the length of, and at least one: nearly a whole length is one.
    fn lose(&mut self, bytes: usize, length: usize, out: &mut Outcomes) {
        self.bytes += bytes;
        let frames = (self.bytes + length / 4) / length;
        for _ in self.counted..frames.max(1) {
            out.fault(Fault::Fragment);
            self.counted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;

    /// Frames of four bytes, the first with bit 7 set, the last zero.
    const FORM: Form<()> = Form {
        length: 4,
        is_start: |byte| byte & 0x80 != 0,
        may_be_short: |_| false,
        read: |frame| if frame.last() == Some(&0) { Some(()) } else { None },
        reading: |()| None,
    };

    fn counts(bytes: &[u8]) -> Counts {
        let (mut marked, mut out) = (Marked::at_once(FORM), Outcomes::default());
        for byte in bytes {
            marked.take(*byte, &mut out);
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
