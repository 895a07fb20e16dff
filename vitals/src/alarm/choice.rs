//! Which source is believed where several give one vital to one bed (E33).

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Uptime;

/// How long a preferred source must be valid again before it is believed again.
const RETURN_AFTER: Duration = Duration::from_secs(30);

/// The sources of one vital, the most preferred first, and the one that is believed.
///
/// A source is named by its place in the engine's list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Choice {
    candidates: Vec<Candidate>,
    current: Option<usize>,
    /// When the believed source is given up for want of a valid value.
    leave_at: Option<Uptime>,
    /// It has been given up, and no other was there.
    left: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Candidate {
    source: usize,
    valid: bool,
    /// When it will have been valid for long enough to be believed again.
    return_at: Option<Uptime>,
}

impl Choice {
    /// The sources in the order of preference; others follow as they first speak.
    pub(super) fn preferring(sources: impl Iterator<Item = usize>) -> Self {
        let candidate = |source| Candidate { source, valid: false, return_at: None };
        Self { candidates: sources.map(candidate).collect(), ..Self::default() }
    }

    /// The source that is believed.
    pub(super) fn current(&self) -> Option<usize> {
        self.current
    }

    /// Takes whether a source has a valid value in force now, and G of that source.
    pub(super) fn take(&mut self, now: Uptime, source: usize, valid: bool, gap: Duration) {
        self.give_up(now);
        self.take_aged(now, source, valid, gap);
    }

    /// The same within a deadline: what is given up then is so when every value has aged (E3).
    pub(super) fn take_aged(&mut self, now: Uptime, source: usize, valid: bool, gap: Duration) {
        let place = self.place(source);
        let preferred = self.current.is_some_and(|it| place < self.place(it));
        if let Some(candidate) = self.candidates.get_mut(place) {
            candidate.valid = valid;
            candidate.return_at =
                if valid && preferred { candidate.return_at.or(Some(now + RETURN_AFTER)) } else { None };
        }
        match self.current {
            None => {
                self.current = Some(source);
                self.left = !valid;
            }
            Some(current) if current == source && valid => {
                self.leave_at = None;
                self.left = false;
            }
            Some(current) if current == source && !self.left => {
                self.leave_at = self.leave_at.or(Some(now + gap));
            }
            Some(_) => {}
        }
        self.replace_left();
    }

    /// Does what is due: gives up the believed source, or goes back to a preferred one.
    pub(super) fn run(&mut self, now: Uptime) {
        self.give_up(now);
        self.replace_left();
        let returned = |it: &&Candidate| it.return_at.is_some_and(|at| at <= now);
        if let Some(source) = self.candidates.iter().find(returned).map(|it| it.source) {
            self.believe(source);
        }
    }

    /// Gives up the believed source if it is due; with one source nobody waited for that.
    fn give_up(&mut self, now: Uptime) {
        if self.leave_at.take_if(|at| *at <= now).is_some() {
            self.left = true;
        }
    }

    fn replace_left(&mut self) {
        if let Some(source) = self.candidates.iter().find(|it| self.left && it.valid).map(|it| it.source) {
            self.believe(source);
        }
    }

    fn believe(&mut self, source: usize) {
        self.current = Some(source);
        self.leave_at = None;
        self.left = false;
        let place = self.place(source);
        for candidate in self.candidates.iter_mut().skip(place) {
            candidate.return_at = None;
        }
    }

    /// The place of a source in the order of preference; last, and from now on, if it has none.
    fn place(&mut self, source: usize) -> usize {
        if let Some(place) = self.candidates.iter().position(|it| it.source == source) {
            return place;
        }
        self.candidates.push(Candidate { source, valid: false, return_at: None });
        self.candidates.len() - 1
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        self.candidates.iter().filter_map(|it| it.return_at).chain(self.leave_at_of_several()).min()
    }

    /// With one source there is nothing to leave for.
    fn leave_at_of_several(&self) -> Option<Uptime> {
        self.leave_at.filter(|_| self.candidates.len() > 1)
    }

    /// The same with the sources' places in another list; what is not there is left out.
    ///
    /// If that is the believed one, the first that is valid is believed, or else the first that speaks.
    pub(super) fn renumbered(&self, place: impl Fn(usize) -> Option<usize>) -> Self {
        let candidate = |it: &Candidate| Some(Candidate { source: place(it.source)?, ..it.clone() });
        let candidates = self.candidates.iter().filter_map(candidate).collect();
        let current = self.current.and_then(&place);
        let mut it = Self { candidates, current, ..self.clone() };
        if self.current.is_some() && current.is_none() {
            it.leave_at = None;
            it.left = true;
            it.replace_left();
        }
        it
    }

    pub(super) fn shift(&mut self, by: Duration) {
        for at in self.candidates.iter_mut().filter_map(|it| it.return_at.as_mut()).chain(&mut self.leave_at)
        {
            *at = *at + by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const G: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Uptime {
        Uptime::from_millis(seconds * 1000)
    }

    #[test]
    fn the_preferred_source_is_left_after_g_and_believed_again_after_thirty_seconds() {
        let mut it = Choice::preferring([4, 7].into_iter());
        it.take(at(0), 4, true, G);
        it.take(at(0), 7, true, G);
        assert_eq!((it.current(), it.deadline()), (Some(4), None));
        it.take(at(5), 4, false, G);
        assert_eq!((it.current(), it.deadline()), (Some(4), Some(at(15))));
        it.run(at(15));
        assert_eq!((it.current(), it.deadline()), (Some(7), None));
        it.take(at(20), 4, true, G);
        it.take(at(21), 4, true, G);
        assert_eq!((it.current(), it.deadline()), (Some(7), Some(at(50))));
        it.take(at(49), 4, false, G);
        it.take(at(50), 4, true, G);
        it.run(at(80));
        assert_eq!((it.current(), it.deadline()), (Some(4), None));
    }

    #[test]
    fn a_source_that_was_alone_when_it_was_due_to_be_left_is_left_at_the_first_word_of_another() {
        let mut it = Choice::default();
        it.take(at(0), 1, true, G);
        it.take(at(1), 1, false, G);
        it.take(at(12), 2, true, G);
        assert_eq!((it.current(), it.deadline()), (Some(2), None), "and nothing is due in the past");
    }

    #[test]
    fn a_source_given_up_with_no_other_there_is_left_as_soon_as_another_is_valid() {
        let mut it = Choice::preferring([1, 2].into_iter());
        it.take(at(0), 1, true, G);
        it.take(at(1), 1, false, G);
        it.run(at(11));
        assert_eq!(it.current(), Some(1));
        it.take(at(40), 2, true, G);
        assert_eq!(it.current(), Some(2));
    }
}
