//! Which of a device's messages never came, by the numbers it gives them.

/// A device that was switched on, or whose counter is full, counts from one of these.
const BEGINNINGS: core::ops::RangeInclusive<u64> = 0..=1;

/// Follows the numbers of one source. Nothing is ever called missing that may only have come in another order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sequence {
    /// The highest number of the present count.
    last: Option<u64>,
}

impl Sequence {
    /// Takes a message's number; how many before it are missing. That is 0 where it cannot be told: for the first message,
    /// for what begins a count, and for a lower number than one that came.
    ///
    /// `again`: it may have come before, as what a broker sends again or had kept; it begins no count.
    pub fn handle(&mut self, seq: u64, again: bool) -> u64 {
        let last = self.last.unwrap_or(seq);
        let begins = !again && BEGINNINGS.contains(&seq);
        self.last = Some(if begins { seq } else { last.max(seq) });
        seq.saturating_sub(last).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn missing(numbers: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut sequence = Sequence::default();
        numbers.into_iter().map(|it| sequence.handle(it, false)).collect()
    }

    #[test]
    fn a_jump_is_missed_and_nothing_else() {
        for (numbers, expected, why) in [
            (&[7, 8, 9][..], &[0, 0, 0][..], "in order; what came before the first nobody knows"),
            (&[7, 8, 12, 13, 15], &[0, 0, 3, 0, 1], "jumps"),
            (&[7, 7, 8], &[0, 0, 0], "a number twice"),
            (&[1000, 0, 1, 2, 5], &[0, 0, 0, 0, 2], "a device that was restarted, and then a jump"),
            (&[1000, 1, 4], &[0, 0, 2], "one that counts from 1"),
            (&[1000, 3, 7, 1001], &[0, 0, 0, 0], "restarted while nothing came: nobody knows"),
            (&[65_535, 0, 1], &[0, 0, 0], "a counter that is full"),
            (&[7, 5, 8], &[0, 0, 0], "in another order"),
            (&[7, 10, 8, 9, 11], &[0, 2, 0, 0, 0], "what was missed came late"),
            (&[u64::MAX, 3, u64::MAX], &[0, 0, 0], "the largest"),
        ] {
            assert_eq!(missing(numbers.iter().copied()), expected, "{numbers:?}: {why}");
        }
    }

    #[test]
    fn what_is_sent_again_misses_nothing_and_begins_nothing() {
        let mut sequence = Sequence::default();
        for (seq, again, expected) in [
            (5, false, 0),
            (6, false, 0),
            (7, false, 0),
            (5, true, 0),
            (6, true, 0),
            (7, true, 0),
            (8, true, 0),
            (9, false, 0),
            (12, true, 2),
        ] {
            assert_eq!(sequence.handle(seq, again), expected, "{seq}");
        }
    }

    proptest! {
        /// Of what a device sent in order, as much is missed as did not come between the first and the last that did.
        #[test]
        fn as_much_is_missed_as_is_missing(lost in proptest::collection::vec(any::<bool>(), 1..200)) {
            let came: Vec<u64> = (1..).zip(&lost).filter(|(_, lost)| !**lost).map(|(seq, _)| seq).collect();
            let span = came.first().zip(came.last()).map_or(0, |(first, last)| last - first + 1);
            let missed: u64 = missing(came.iter().copied()).iter().sum();
            prop_assert_eq!(missed, span - came.len() as u64);
        }
    }
}
