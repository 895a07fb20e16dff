//! What is said, and when, to a device that must be asked with fixed words: a closed table of messages.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use crate::time::Uptime;

/// All that is ever said to a kind of device.
#[derive(Debug)]
pub(super) struct Phrases {
    /// Said one after the other when a device has said nothing for `patience`.
    pub(super) opening: &'static [&'static [u8]],
    /// Whether the opening is also said at the beginning, before any silence.
    pub(super) at_once: bool,
    /// How long nothing may be heard.
    pub(super) patience: Duration,
    /// Said again and again at this interval.
    pub(super) repeated: Option<(&'static [u8], Duration)>,
}

impl Phrases {
    /// Of a device that talks by itself.
    pub(super) const NONE: Self =
        Self { opening: &[], at_once: false, patience: Duration::MAX, repeated: None };
}

/// When which of the phrases is due.
#[derive(Debug)]
pub(super) struct Schedule {
    phrases: &'static Phrases,
    /// When the opening is due; `None` before the first look at a clock, and for who is never asked.
    open_at: Option<Uptime>,
    repeat_at: Option<Uptime>,
    /// At most the opening and one repeated phrase.
    due: VecDeque<&'static [u8]>,
}

impl Schedule {
    pub(super) const fn new(phrases: &'static Phrases) -> Self {
        Self { phrases, open_at: None, repeat_at: None, due: VecDeque::new() }
    }

    /// The device was heard.
    pub(super) fn handle_heard(&mut self, now: Uptime) {
        if self.open_at.is_some() {
            self.open_at = Some(now + self.phrases.patience);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Uptime) {
        if !self.is_talkative() {
            return;
        }
        let first = self.open_at.is_none();
        let silent = self.open_at.is_some_and(|at| at <= now);
        if first || silent {
            self.open_at = Some(now + self.phrases.patience);
        }
        if (first && self.phrases.at_once) || silent {
            self.due = self.phrases.opening.iter().copied().collect();
        }
        if let Some((phrase, every)) = self.phrases.repeated {
            if self.repeat_at.is_some_and(|at| at <= now) {
                self.due.push_back(phrase);
            }
            if self.repeat_at.is_none_or(|at| at <= now) {
                self.repeat_at = Some(now + every);
            }
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.due.pop_front().map(<[u8]>::to_vec)
    }

    pub(super) fn poll_timeout(&self) -> Option<Uptime> {
        if !self.is_talkative() {
            return None;
        }
        // The first look at a clock is due at once.
        let open_at = self.open_at.unwrap_or(Uptime::ZERO);
        Some(self.repeat_at.map_or(open_at, |at| at.min(open_at)))
    }

    fn is_talkative(&self) -> bool {
        !self.phrases.opening.is_empty() || self.phrases.repeated.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASES: Phrases = Phrases {
        opening: &[b"open", b"start"],
        at_once: true,
        patience: Duration::from_secs(5),
        repeated: Some((b"here", Duration::from_secs(2))),
    };
    const ON_SILENCE: Phrases = Phrases { at_once: false, repeated: None, ..PHRASES };

    /// What is said in the seconds of a range, with the second; the device is heard in those of `heard`.
    fn said(
        phrases: &'static Phrases,
        seconds: u64,
        heard: impl Fn(u64) -> bool,
    ) -> Vec<(u64, &'static str)> {
        let mut schedule = Schedule::new(phrases);
        let mut said = Vec::new();
        for second in 100..100 + seconds {
            let now = Uptime::from_millis(second * 1000);
            if heard(second - 100) {
                schedule.handle_heard(now);
            }
            if schedule.poll_timeout().is_some_and(|at| at <= now) {
                schedule.handle_timeout(now);
            }
            while let Some(bytes) = schedule.poll_transmit() {
                let known = ["open", "start", "here"].into_iter().find(|it| it.as_bytes() == bytes);
                said.push((second - 100, known.unwrap()));
            }
        }
        said
    }

    #[test]
    fn opens_at_once_repeats_and_opens_again_when_nothing_is_heard() {
        let expected = [(0, "open"), (0, "start"), (2, "here"), (4, "here"), (6, "here")];
        assert_eq!(said(&PHRASES, 7, |_| true), expected);
        let again = said(&PHRASES, 7, |second| second == 1);
        assert!(again.contains(&(6, "open")) && again.contains(&(6, "here")), "{again:?}");
    }

    #[test]
    fn who_talks_is_not_asked_and_who_talks_by_itself_never_is() {
        assert_eq!(said(&ON_SILENCE, 60, |_| true), []);
        assert_eq!(said(&ON_SILENCE, 7, |_| false), [(5, "open"), (5, "start")]);
        assert_eq!(Schedule::new(&Phrases::NONE).poll_timeout(), None);
    }
}
