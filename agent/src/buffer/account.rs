//! Conservation of a lane: what was taken is delivered, or on disk, or in a gap, and what is none of these is an error.
//!
//! The numbers come from different hands, or the sum would prove nothing: what was taken from bedside's numbers (`group`),
//! what is on disk from the frames that were found there, what was delivered from the forwarder's count of what Kafka
//! acknowledged.

use crate::envelope::RunId;

/// What the forwarder saw Kafka take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Records.
    pub records: u64,
    /// Records that gap records stand for.
    pub covered: u64,
}

/// Sequence numbers of a run that no frame on disk covers, and no gap record yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) run: RunId,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// The account of one lane.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Numbers that the cursor passed and that Kafka did not take as a record or in a gap, or took twice.
    unexplained: u64,
    /// What is missing on disk, until a gap record of it is in Kafka.
    holes: Vec<Hole>,
}

impl Account {
    /// The cursor passed so many numbers, of which Kafka took these.
    pub(super) fn handle_delivered(&mut self, passed: u64, delivered: Delivered) {
        self.unexplained += passed.abs_diff(delivered.records + delivered.covered);
    }

    /// These numbers cannot be read.
    pub(super) fn handle_hole(&mut self, hole: Hole) {
        let known =
            self.holes.iter().any(|it| it.run == hole.run && it.first <= hole.first && hole.last <= it.last);
        if !known {
            self.holes.push(hole);
        }
    }

    /// Forgets the holes of which Kafka has a gap record.
    pub(super) fn retain_holes(&mut self, is_untold: impl Fn(&Hole) -> bool) {
        self.holes.retain(is_untold);
    }

    /// Records that are nowhere: 0, or something is wrong.
    pub(super) fn error(&self) -> u64 {
        let holes: u64 = self.holes.iter().map(|it| it.last + 1 - it.first).sum();
        self.unexplained + holes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(first: u64, last: u64) -> Hole {
        Hole { run: "run-1".into(), first, last }
    }

    #[test]
    fn whatever_is_nowhere_shows() {
        let mut account = Account::default();
        account.handle_delivered(10, Delivered { records: 7, covered: 3 });
        assert_eq!(account.error(), 0);
        account.handle_delivered(10, Delivered { records: 9, covered: 0 });
        assert_eq!(account.error(), 1, "the cursor went over one that Kafka does not have");
        account.handle_delivered(10, Delivered { records: 11, covered: 0 });
        assert_eq!(account.error(), 2, "Kafka took one twice");
    }

    #[test]
    fn a_hole_is_an_error_until_it_is_told() {
        let mut account = Account::default();
        account.handle_hole(hole(3, 7));
        account.handle_hole(hole(4, 6));
        assert_eq!(account.error(), 5);
        account.retain_holes(|it| it.last > 7);
        assert_eq!(account.error(), 0);
    }
}
