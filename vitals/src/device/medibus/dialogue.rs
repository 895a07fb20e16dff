//! What is said to the device: open the line, ask for measured values, keep it alive, answer. Nothing else is ever sent.
//!
//! The device may ask too, and stops when it gets no answer within 3 s: each of its commands is answered by its code. Each
//! side must say something every 3 s; after 10 s of silence the line is opened anew.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::MEASURED;
use super::frame::{Kind, Message, enframe};
use crate::time::Uptime;

/// Initialise communication.
const ICC: u8 = 0x51;
/// No operation.
const NOP: u8 = 0x30;
/// The other side stops.
const STOP: u8 = 0x55;

/// At least this often something is said.
const TURN: Duration = Duration::from_secs(2);
/// So long nothing may be heard.
const SILENCE: Duration = Duration::from_secs(10);
/// Between two tries to open the line.
const RETRY: Duration = Duration::from_secs(3);
/// Answers that wait for the line: more in one read is no device.
const ANSWERS_MAX: usize = 8;

/// What to say, and when.
#[derive(Debug)]
pub(super) struct Dialogue {
    interval: Duration,
    /// When measured values are due; `None` while the line is not open.
    ask_at: Option<Uptime>,
    /// When something must be said.
    speak_at: Uptime,
    heard_at: Uptime,
    due: VecDeque<Vec<u8>>,
}

impl Dialogue {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, ask_at: None, speak_at: Uptime::ZERO, heard_at: Uptime::ZERO, due: VecDeque::new() }
    }

    pub(super) fn handle_message(&mut self, now: Uptime, message: &Message) {
        self.heard_at = now;
        if message.kind == Kind::Command && self.due.len() < ANSWERS_MAX {
            self.due.push_back(enframe(Kind::Response, message.code));
        }
        if (message.kind, message.code) == (Kind::Command, STOP) {
            self.ask_at = None;
            self.speak_at = now + SILENCE;
        } else if self.ask_at.is_none() && message.code == ICC {
            self.ask_at = Some(now);
            self.speak_at = now;
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Uptime) {
        if now < self.speak_at {
            return;
        }
        if now.since(self.heard_at) >= SILENCE {
            self.ask_at = None;
        }
        let (code, next) = match self.ask_at {
            None => (ICC, RETRY),
            Some(at) if at <= now => {
                self.ask_at = Some(now + self.interval);
                (MEASURED, TURN.min(self.interval))
            }
            Some(at) => (NOP, TURN.min(at.since(now))),
        };
        self.speak_at = now + next;
        self.due.push_back(enframe(Kind::Command, code));
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.due.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Uptime {
        self.speak_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Uptime {
        Uptime::from_millis(second * 1000)
    }

    fn said(dialogue: &mut Dialogue, second: u64) -> Vec<u8> {
        if dialogue.poll_timeout() <= at(second) {
            dialogue.handle_timeout(at(second));
        }
        // The code of each message that is sent.
        core::iter::from_fn(|| dialogue.poll_transmit()).map(|it| it[1]).collect()
    }

    fn message(kind: Kind, code: u8) -> Message {
        Message { kind, code, data: Vec::new() }
    }

    #[test]
    fn opens_asks_keeps_alive_and_opens_again_after_ten_seconds_of_silence() {
        let mut dialogue = Dialogue::new(Duration::from_secs(5));
        assert_eq!(said(&mut dialogue, 100), [ICC]);
        assert!(said(&mut dialogue, 102).is_empty());
        assert_eq!(said(&mut dialogue, 103), [ICC]);
        dialogue.handle_message(at(104), &message(Kind::Response, ICC));
        let turns: Vec<_> = (104..=109).map(|second| said(&mut dialogue, second)).collect();
        assert_eq!(turns, [&[MEASURED][..], &[], &[NOP], &[], &[NOP], &[MEASURED]]);
        assert_eq!(said(&mut dialogue, 113), [NOP]);
        assert_eq!(said(&mut dialogue, 116), [ICC], "nothing was heard since 104");
    }

    #[test]
    fn each_command_of_the_device_is_answered_and_stop_is_obeyed() {
        let mut dialogue = Dialogue::new(Duration::from_secs(1));
        dialogue.handle_message(at(100), &message(Kind::Command, ICC));
        assert_eq!(said(&mut dialogue, 100), [ICC, MEASURED]);
        dialogue.handle_message(at(100), &message(Kind::Command, 0x49));
        assert_eq!(dialogue.poll_transmit().unwrap(), enframe(Kind::Response, 0x49));
        dialogue.handle_message(at(101), &message(Kind::Command, STOP));
        assert_eq!(said(&mut dialogue, 105), [STOP]);
        assert_eq!(said(&mut dialogue, 111), [ICC]);
        for _ in 0..100 {
            dialogue.handle_message(at(112), &message(Kind::Command, NOP));
        }
        assert_eq!(core::iter::from_fn(|| dialogue.poll_transmit()).count(), ANSWERS_MAX);
    }
}
