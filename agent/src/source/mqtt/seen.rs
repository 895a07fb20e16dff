//! Which messages were taken before: what the broker sends again is stored once.
//!
//! A broker sends again what it has no acknowledgement of, marked as such; the acknowledgement may have been lost after
//! the record was stored, even with the process that stored it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, OnceLock};

use crate::source::identity::Identity;

/// Messages remembered: as many as MQTT lets a broker have outstanding. The oldest is forgotten first.
const SEEN_MAX: usize = 65_535;

/// What earlier runs have stored, once the disk has told.
pub(crate) type Stored = Arc<OnceLock<Vec<Identity>>>;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is stored, or on its way to the store, already.
    Known,
    /// It was not taken before.
    New,
    /// The broker sends it again, and the disk has not told yet whether it was stored.
    Unsure,
}

/// The identities of the last messages of one broker.
pub(super) struct Seen {
    stored: Stored,
    absorbed: bool,
    order: VecDeque<Identity>,
    known: HashSet<Identity>,
}

impl Seen {
    pub(super) fn new(stored: Stored) -> Self {
        Self { stored, absorbed: false, order: VecDeque::new(), known: HashSet::new() }
    }

    /// Takes a message, by what it says at each of its times; `None` for what has no identity, and no verdict. Only of a
    /// message that the broker says it sends again anything can be known, and nothing by another part of itself.
    pub(super) fn handle(
        &mut self,
        identities: &[Option<Identity>],
        redelivered: bool,
    ) -> Vec<Option<Verdict>> {
        if redelivered {
            self.absorb();
        }
        let judge = |it: &Option<Identity>| it.map(|identity| self.judge(identity, redelivered));
        let verdicts = identities.iter().map(judge).collect();
        for identity in identities.iter().flatten() {
            self.remember(*identity);
        }
        verdicts
    }

    fn judge(&self, identity: Identity, redelivered: bool) -> Verdict {
        match redelivered {
            true if self.known.contains(&identity) => Verdict::Known,
            true if !self.absorbed => Verdict::Unsure,
            _ => Verdict::New,
        }
    }

    /// Takes what earlier runs have stored, as older than everything of this run.
    fn absorb(&mut self) {
        if self.absorbed {
            return;
        }
        let Some(stored) = self.stored.get() else { return };
        self.absorbed = true;
        for identity in stored.iter().rev().take(SEEN_MAX - self.order.len().min(SEEN_MAX)) {
            if self.known.insert(*identity) {
                self.order.push_front(*identity);
            }
        }
    }

    fn remember(&mut self, identity: Identity) {
        if !self.known.insert(identity) {
            return;
        }
        self.order.push_back(identity);
        if self.order.len() > SEEN_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_one(seen: &mut Seen, identity: Identity, redelivered: bool) -> Verdict {
        seen.handle(&[Some(identity)], redelivered)[0].unwrap()
    }

    #[test]
    fn only_what_is_sent_again_and_was_taken_before_is_known() {
        let stored = Stored::default();
        let mut seen = Seen::new(Arc::clone(&stored));
        for (identity, redelivered, verdict, why) in [
            (1, false, Verdict::New, ""),
            (1, false, Verdict::New, "two messages that say the same are two"),
            (1, true, Verdict::Known, ""),
            (2, true, Verdict::Unsure, "the disk has not told"),
            (2, true, Verdict::Known, ""),
        ] {
            assert_eq!(of_one(&mut seen, identity, redelivered), verdict, "{identity}: {why}");
        }
        stored.set(vec![3, 4]).unwrap();
        for (identity, verdict) in [(3, Verdict::Known), (4, Verdict::Known), (5, Verdict::New)] {
            assert_eq!(of_one(&mut seen, identity, true), verdict, "{identity}");
        }
    }

    #[test]
    fn of_a_message_each_part_is_known_by_itself_and_none_by_another() {
        let stored = Stored::default();
        stored.set(vec![1, 2]).unwrap();
        let mut seen = Seen::new(stored);
        let (known, new) = (Some(Verdict::Known), Some(Verdict::New));
        let pack = [Some(1), None, Some(7), Some(7), Some(2)];
        assert_eq!(seen.handle(&pack, true), [known, None, new, new, known], "stored in part");
        assert_eq!(seen.handle(&pack, true), [known, None, known, known, known]);
        assert_eq!(seen.handle(&pack, false), [new, None, new, new, new], "sent for the first time");
    }

    #[test]
    fn no_more_is_remembered_than_a_broker_may_have_outstanding_and_the_oldest_goes_first() {
        let max = SEEN_MAX as u64;
        let stored = Stored::default();
        stored.set((0..2 * max).collect()).unwrap();
        let mut seen = Seen::new(stored);
        assert_eq!(of_one(&mut seen, max - 1, true), Verdict::New, "older than what is remembered");
        assert_eq!(of_one(&mut seen, 2 * max - 1, true), Verdict::Known, "the newest of the store");
        assert_eq!(seen.order.len(), SEEN_MAX);
        for it in 0..max {
            of_one(&mut seen, 3 * max + it, false);
        }
        assert_eq!((seen.order.len(), seen.known.len()), (SEEN_MAX, SEEN_MAX));
        assert_eq!(of_one(&mut seen, 2 * max - 1, true), Verdict::New, "pushed out by newer ones");
    }
}
