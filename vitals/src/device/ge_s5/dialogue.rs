//! What is said to the monitor: a request for displayed values, again when they stop. Nothing else is ever sent.

use alloc::vec::Vec;
use core::time::Duration;

use super::frame::enframe;
use crate::time::Uptime;

/// The shortest interval that the monitor grants.
const INTERVAL_MIN: Duration = Duration::from_secs(5);
/// The request's length, bytes: a header and the nine bytes of what is asked for.
const REQUEST: usize = 49;
/// The levels of the interface that are asked, each by itself: a monitor ignores those it does not know. 0 is that of
/// the document's example, 0A that of the recorded monitor.
const LEVELS: [u8; 2] = [0x00, 0x0A];
/// Displayed values, of the types of numeric records.
const DISPLAYED: u8 = 1;
/// All classes: basic and the three extensions.
const ALL_CLASSES: u8 = 0x0E;

/// When to ask.
#[derive(Debug)]
pub(super) struct Dialogue {
    interval: Duration,
    /// When to ask next; the first time at once.
    ask_at: Uptime,
    /// Requests on their way out.
    asked: usize,
}

impl Dialogue {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval: interval.max(INTERVAL_MIN), ask_at: Uptime::ZERO, asked: 0 }
    }

    /// Values came: the monitor has not forgotten us.
    pub(super) fn handle_values(&mut self, now: Uptime) {
        self.ask_at = now + self.patience();
    }

    pub(super) fn handle_timeout(&mut self, now: Uptime) {
        if now >= self.ask_at {
            self.ask_at = now + self.patience();
            self.asked = LEVELS.len();
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.asked = self.asked.checked_sub(1)?;
        LEVELS.iter().rev().nth(self.asked).map(|level| request(self.interval, *level))
    }

    pub(super) fn poll_timeout(&self) -> Uptime {
        self.ask_at
    }

    /// Three intervals of silence: the monitor was switched off, or its cable out.
    fn patience(&self) -> Duration {
        self.interval.saturating_mul(3)
    }
}

/// The request to a level of the interface for displayed values of all classes at an interval.
fn request(interval: Duration, level: u8) -> Vec<u8> {
    let seconds = i16::try_from(interval.as_secs()).unwrap_or(i16::MAX).to_le_bytes();
    let mut record = Vec::with_capacity(REQUEST);
    record.extend([49, 0, 0, level]);
    record.resize(21, 0);
    // The list of subrecords has one entry, of type 0, and ends.
    record.push(0xFF);
    record.resize(40, 0);
    record.push(DISPLAYED);
    record.extend(seconds);
    record.push(ALL_CLASSES);
    record.resize(REQUEST, 0);
    enframe(&record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_that_of_the_document() {
        let expected = "7E 31 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 FF 00 00 00 00 00 00 00 00 \
                        00 00 00 00 00 00 00 00 00 00 01 0A 00 0E 00 00 00 00 00 49 7E";
        let hex: Vec<_> =
            request(Duration::from_secs(10), 0).iter().map(|it| alloc::format!("{it:02X}")).collect();
        assert_eq!(hex.join(" "), expected);
    }

    #[test]
    fn asks_at_once_and_again_only_when_values_stop() {
        let at = |second: u64| Uptime::from_millis(second * 1000);
        let mut dialogue = Dialogue::new(Duration::from_secs(5));
        assert_eq!(dialogue.poll_transmit(), None);
        dialogue.handle_timeout(at(100));
        let asked: Vec<_> = core::iter::from_fn(|| dialogue.poll_transmit()).collect();
        assert_eq!(asked, LEVELS.map(|level| request(Duration::from_secs(5), level)));
        for second in (101..200).step_by(5) {
            dialogue.handle_values(at(second));
            dialogue.handle_timeout(at(second + 4));
            assert_eq!(dialogue.poll_transmit(), None, "{second}");
        }
        // Three intervals of silence.
        dialogue.handle_timeout(at(196 + 14));
        assert_eq!(dialogue.poll_transmit(), None);
        dialogue.handle_timeout(at(196 + 15));
        assert!(dialogue.poll_transmit().is_some());
    }
}
