//! What was offered to a lane and its owner has not taken yet, and when the owner is to be woken for it.
//!
//! A reading that comes while a group gathers wakes nobody: the owner sleeps until the group's age is over, or is woken
//! when enough has come to close it. At 500 readings a second that spares a hundred wakes for each group.

#![expect(
    clippy::disallowed_types,
    reason = "a queue between two threads, no state of anybody: a channel wakes who reads it for each entry"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::entry::Entry;

/// How much must come before the owner is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) receipts: usize,
    /// Bytes in memory.
    pub(super) weight: usize,
}

impl Wanted {
    /// Whatever comes.
    pub(super) const ANYTHING: Self = Self { receipts: 0, weight: 0 };
    /// Nothing that is offered: something else must happen first.
    pub(super) const NOTHING: Self = Self { receipts: usize::MAX, weight: usize::MAX };
}

/// Between the intake and the owner of a lane.
#[derive(Debug, Default)]
pub(super) struct Offers(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    entries: Vec<Entry>,
    receipts: usize,
    weight: usize,
    /// What the owner sleeps for; `None` while it is awake, or has been told to wake.
    asleep: Option<Wanted>,
}

impl Offers {
    /// Takes an entry; whether the owner must be woken.
    #[must_use]
    pub(super) fn push(&self, entry: Entry) -> bool {
        let mut queue = self.lock();
        queue.receipts += usize::from(entry.has_receipt());
        queue.weight += entry.weight();
        queue.entries.push(entry);
        let wakes = queue.asleep.is_some_and(|it| queue.has(it));
        if wakes {
            queue.asleep = None;
        }
        wakes
    }

    /// All that has come.
    pub(super) fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.lock()).entries
    }

    /// The owner is about to sleep until so much has come; false if it has already.
    #[must_use]
    pub(super) fn may_sleep(&self, wanted: Wanted) -> bool {
        let mut queue = self.lock();
        let sleeps = !queue.has(wanted);
        queue.asleep = sleeps.then_some(wanted);
        sleeps
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn has(&self, wanted: Wanted) -> bool {
        !self.entries.is_empty() && (self.receipts >= wanted.receipts || self.weight >= wanted.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::entry::OVERHEAD;
    use crate::envelope::Receipt;

    fn nothing(ordinal: u64) -> Entry {
        Entry::Nothing(Receipt { link: 0, generation: 1, ordinal })
    }

    #[test]
    fn the_owner_is_woken_once_and_when_enough_has_come() {
        let offers = Offers::default();
        assert!(!offers.push(nothing(1)), "it is awake");
        assert!(!offers.may_sleep(Wanted::ANYTHING), "there is something already");
        assert_eq!(offers.take().len(), 1);
        assert!(offers.may_sleep(Wanted::ANYTHING));
        assert_eq!([2, 3].map(|it| offers.push(nothing(it))), [true, false], "told once");
        assert_eq!(offers.take().len(), 2);

        assert!(offers.may_sleep(Wanted { receipts: 3, weight: usize::MAX }));
        assert_eq!([4, 5, 6, 7].map(|it| offers.push(nothing(it))), [false, false, true, false]);
        assert_eq!(offers.take().len(), 4);
        assert!(offers.may_sleep(Wanted { receipts: usize::MAX, weight: 2 * OVERHEAD }));
        assert_eq!([8, 9].map(|it| offers.push(nothing(it))), [false, true]);
        assert!(offers.may_sleep(Wanted::NOTHING));
        assert!(!offers.push(nothing(10)));
        assert_eq!(offers.take().len(), 3);
    }
}
