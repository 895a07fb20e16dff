//! What is said to the monitor: a request for displayed values, again when they stop, and to a monitor that can send alarms, "which
//! are there now?". Nothing else is ever sent. The mode in which a monitor sends alarms whenever they change is not used: a
//! record that is lost would hide one.

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
/// The level from which on alarms are available.
pub(super) const LEVEL_OF_ALARMS: u8 = 10;
/// Between two requests for alarms: a monitor sends no two of their records in less.
const ALARMS_EVERY: Duration = Duration::from_secs(2);
/// The length of that request, bytes: a header, the command and ten that are reserved.
const ALARM_REQUEST: usize = 52;
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
    /// When to ask for alarms next; `None` of a monitor that has not said that it can send them.
    alarms_at: Option<Uptime>,
    asks_for_alarms: bool,
}

impl Dialogue {
    pub(super) fn new(interval: Duration) -> Self {
        let interval = interval.max(INTERVAL_MIN);
        Self { interval, ask_at: Uptime::ZERO, asked: 0, alarms_at: None, asks_for_alarms: false }
    }

    /// Values came, of this level of the interface: the monitor has not forgotten us.
    pub(super) fn handle_values(&mut self, now: Uptime, level: u8) {
        self.ask_at = now + self.patience();
        self.alarms_at = (level >= LEVEL_OF_ALARMS).then(|| self.alarms_at.unwrap_or(now));
    }

    pub(super) fn handle_timeout(&mut self, now: Uptime) {
        if now >= self.ask_at {
            self.ask_at = now + self.patience();
            self.asked = LEVELS.len();
            // It was switched off, or is another one.
            self.alarms_at = None;
        }
        if self.alarms_at.is_some_and(|at| at <= now) {
            self.alarms_at = Some(now + ALARMS_EVERY);
            self.asks_for_alarms = true;
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let Some(left) = self.asked.checked_sub(1) else {
            return core::mem::take(&mut self.asks_for_alarms).then(request_for_alarms);
        };
        self.asked = left;
        LEVELS.iter().rev().nth(self.asked).map(|level| request(self.interval, *level))
    }

    pub(super) fn poll_timeout(&self) -> Uptime {
        self.alarms_at.map_or(self.ask_at, |at| at.min(self.ask_at))
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

/// The request for the alarms that are there now: main type 4, command 0.
fn request_for_alarms() -> Vec<u8> {
    let mut record = alloc::vec![52, 0, 0, 0];
    record.resize(14, 0);
    record.push(4);
    record.resize(21, 0);
    record.push(0xFF);
    record.resize(ALARM_REQUEST, 0);
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
    fn alarms_are_asked_for_every_two_seconds_while_values_come() {
        let mut dialogue = Dialogue::new(Duration::from_secs(5));
        dialogue.handle_timeout(Uptime::from_millis(1));
        while dialogue.poll_transmit().is_some() {}
        let mut asked = Vec::new();
        for second in 100..130_u64 {
            if second % 5 == 0 && second <= 105 {
                dialogue.handle_values(Uptime::from_millis(second * 1000), 10);
            }
            if dialogue.poll_timeout() <= Uptime::from_millis(second * 1000) {
                dialogue.handle_timeout(Uptime::from_millis(second * 1000));
            }
            let said =
                core::iter::from_fn(|| dialogue.poll_transmit()).filter(|it| *it == request_for_alarms());
            asked.extend(said.map(|_| second));
        }
        assert_eq!(asked, [100, 102, 104, 106, 108, 110, 112, 114, 116, 118]);
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
            dialogue.handle_values(at(second), 9);
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
