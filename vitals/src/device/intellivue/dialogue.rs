//! What is said to the monitor: a request for an association, the answer to its MDS, and polls for numerics and for alarms.
//! Nothing else is ever sent.
//!
//! The request is repeated every 4.4 s until it is answered, as Philips' own test program does. It says a poll period of
//! 0.5 s, from which the monitor takes 10 s of silence as the end of an association, so it is polled every 4 s; and we
//! take 10 s of its silence as the end too. Alarms are polled every 2 s: a monitor answers one poll a second of each class.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::association::ASSOCIATE;
use super::message::Message;
use crate::time::Uptime;

/// Between two requests for an association.
const RETRY: Duration = Duration::from_millis(4400);
/// Between two polls for alarms.
const POLL: Duration = Duration::from_secs(2);
/// Every so many of them one for numerics; each asks for values of 30 s, which the monitor sends by itself.
const NUMERICS_EVERY: u8 = 2;
/// The class of numerics, and that of the alarm monitor.
const NUMERIC: u8 = 0x06;
const ALARM_MONITOR: u8 = 0x36;
/// So long nothing may be heard.
const SILENCE: Duration = Duration::from_secs(10);
/// How long the monitor has to make its MDS before it is polled all the same.
const MDS: Duration = Duration::from_secs(3);

/// What to say, and when.
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    is_associated: bool,
    speak_at: Uptime,
    heard_at: Uptime,
    /// Of the polls of this association.
    number: u16,
    /// Polls for alarms until the next for numerics.
    until_numerics: u8,
    due: VecDeque<Vec<u8>>,
}

impl Dialogue {
    pub(super) fn handle_message(&mut self, now: Uptime, message: &Message) {
        self.heard_at = now;
        match message {
            Message::Accepted if !self.is_associated => {
                self.is_associated = true;
                (self.number, self.until_numerics) = (0, 0);
                self.speak_at = now + MDS;
            }
            Message::Ended => {
                self.is_associated = false;
                self.speak_at = now + RETRY;
            }
            Message::MdsCreated { invoke, time, .. } => {
                // Only the newest waits for an answer.
                self.due.clear();
                self.due.push_back(created(*invoke, *time));
                self.is_associated = true;
                self.until_numerics = 0;
                self.speak_at = now;
            }
            // Values, after a restart of ours: the association is there.
            Message::Poll(_) | Message::Alarms(_) if !self.is_associated => {
                self.is_associated = true;
                self.until_numerics = 0;
                self.speak_at = now;
            }
            Message::Accepted | Message::Poll(_) | Message::Alarms(_) | Message::Other => {}
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Uptime) {
        if now < self.speak_at {
            return;
        }
        if now.since(self.heard_at) >= SILENCE {
            self.is_associated = false;
        }
        if self.is_associated {
            if self.until_numerics == 0 {
                self.until_numerics = NUMERICS_EVERY;
                self.poll(extended_poll);
            }
            self.until_numerics -= 1;
            self.poll(alarm_poll);
            self.speak_at = now + POLL;
        } else {
            self.due.push_back(ASSOCIATE.to_vec());
            self.speak_at = now + RETRY;
        }
    }

    fn poll(&mut self, request: fn(u16) -> Vec<u8>) {
        self.number = self.number.wrapping_add(1);
        self.due.push_back(request(self.number));
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.due.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Uptime {
        self.speak_at
    }
}

/// Whether a message is one of those that may be said: the numbers of a poll or of an answer may be any.
pub(in crate::device) fn is_permitted(message: &[u8]) -> bool {
    let number = |at: usize| match message.get(at..at + 2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    let time = u32::from(number(20)) << 16 | u32::from(number(22));
    message == ASSOCIATE
        || message == extended_poll(number(8))
        || message == alarm_poll(number(8))
        || message == created(number(8), time)
}

/// An extended poll for numerics for 30 s, under this number.
fn extended_poll(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let mut message =
        alloc::vec![0xE1, 0x00, 0x00, 0x02, 0x00, 0x01, 0x00, 0x28, high, low, 0x00, 0x07, 0x00, 0x22];
    // The MDS, without a scope; extended poll.
    message.extend([0x00, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0xF1, 0x3B, 0x00, 0x14]);
    // Number, partition 1, class numeric, all groups; for 30 s, in eighths of a millisecond.
    message.extend([high, low, 0x00, 0x01, 0x00, NUMERIC, 0, 0, 0x00, 0x01, 0x00, 0x08]);
    message.extend([0xF1, 0x3E, 0x00, 0x04, 0x00, 0x03, 0xA9, 0x80]);
    message
}

/// A single poll for the alarm monitor, under this number.
fn alarm_poll(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let mut message =
        alloc::vec![0xE1, 0x00, 0x00, 0x02, 0x00, 0x01, 0x00, 0x1C, high, low, 0x00, 0x07, 0x00, 0x16];
    // The MDS, without a scope; single poll.
    message.extend([0x00, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0x0C, 0x16, 0x00, 0x08]);
    // Number, partition 1, class alarm monitor, all groups.
    message.extend([high, low, 0x00, 0x01, 0x00, ALARM_MONITOR, 0, 0]);
    message
}

/// The answer to the event MDS create.
fn created(invoke: u16, time: u32) -> Vec<u8> {
    let [high, low] = invoke.to_be_bytes();
    let mut message =
        alloc::vec![0xE1, 0x00, 0x00, 0x02, 0x00, 0x02, 0x00, 0x14, high, low, 0x00, 0x01, 0x00, 0x0E];
    message.extend([0x00, 0x21, 0, 0, 0, 0]);
    message.extend(time.to_be_bytes());
    message.extend([0x0D, 0x06, 0x00, 0x00]);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::intellivue::frame::enframe;
    use alloc::format;
    use alloc::string::String;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|it| format!("{it:02X}")).collect::<Vec<_>>().join(" ")
    }

    fn at(millis: u64) -> Uptime {
        Uptime::from_millis(100_000 + millis)
    }

    fn said(dialogue: &mut Dialogue, millis: u64) -> Vec<Vec<u8>> {
        if dialogue.poll_timeout() <= at(millis) {
            dialogue.handle_timeout(at(millis));
        }
        core::iter::from_fn(|| dialogue.poll_transmit()).collect()
    }

    #[test]
    fn polls_and_answers_are_those_of_real_hosts() {
        assert_eq!(
            hex(&enframe(&extended_poll(1))),
            "C0 11 01 00 30 E1 00 00 02 00 01 00 28 00 01 00 07 00 22 00 21 00 00 00 00 00 00 00 00 F1 3B 00 14 00 01 \
             00 01 00 06 00 00 00 01 00 08 F1 3E 00 04 00 03 A9 80 58 71 C1"
        );
        // The document's single poll, but for the class and with it the sum.
        assert_eq!(
            hex(&alarm_poll(1)),
            "E1 00 00 02 00 01 00 1C 00 01 00 07 00 16 00 21 00 00 00 00 00 00 00 00 0C 16 00 08 00 01 00 01 00 36 00 00"
        );
        assert_eq!(
            hex(&enframe(&created(1, 0x000A_BD00))),
            "C0 11 01 00 1C E1 00 00 02 00 02 00 14 00 01 00 01 00 0E 00 21 00 00 00 00 00 0A BD 00 0D 06 00 00 39 17 C1"
        );
    }

    #[test]
    fn associates_answers_polls_and_begins_anew_after_silence() {
        let mut dialogue = Dialogue::default();
        assert_eq!(said(&mut dialogue, 0), [ASSOCIATE.to_vec()]);
        assert_eq!(said(&mut dialogue, 4399), Vec::<Vec<u8>>::new());
        assert_eq!(said(&mut dialogue, 4400), [ASSOCIATE.to_vec()]);
        dialogue.handle_message(at(5000), &Message::Accepted);
        assert_eq!(said(&mut dialogue, 5000), Vec::<Vec<u8>>::new());
        dialogue.handle_message(at(5100), &Message::MdsCreated { invoke: 7, time: 42, identity: None });
        assert_eq!(said(&mut dialogue, 5100), [created(7, 42), extended_poll(1), alarm_poll(2)]);
        assert_eq!(said(&mut dialogue, 7100), [alarm_poll(3)]);
        assert_eq!(said(&mut dialogue, 9100), [extended_poll(4), alarm_poll(5)]);
        dialogue.handle_message(at(9200), &Message::Other);
        assert_eq!(said(&mut dialogue, 11_100), [alarm_poll(6)]);
        assert_eq!(said(&mut dialogue, 13_100), [extended_poll(7), alarm_poll(8)]);
        assert_eq!(said(&mut dialogue, 15_100), [alarm_poll(9)]);
        assert_eq!(said(&mut dialogue, 17_100), [extended_poll(10), alarm_poll(11)]);
        assert_eq!(said(&mut dialogue, 19_100), [alarm_poll(12)]);
        assert_eq!(said(&mut dialogue, 21_100), [ASSOCIATE.to_vec()], "nothing was heard since 9.2 s");
        dialogue.handle_message(at(22_000), &Message::Accepted);
        dialogue.handle_message(at(22_500), &Message::Ended);
        assert_eq!(said(&mut dialogue, 26_800), Vec::<Vec<u8>>::new());
        assert_eq!(said(&mut dialogue, 26_900), [ASSOCIATE.to_vec()]);
    }

    #[test]
    fn only_these_are_permitted() {
        for message in [&ASSOCIATE[..], &extended_poll(77), &alarm_poll(78), &created(9, 0xDEAD_BEEF)] {
            assert!(is_permitted(message));
            let mut other = message.to_vec();
            other[5] ^= 1;
            assert!(!is_permitted(&other));
        }
        // Patients are of the class 002A.
        for mut demographics in [extended_poll(1), alarm_poll(1)] {
            demographics[33] = 0x2A;
            assert!(!is_permitted(&demographics));
        }
        // Numerics are polled in the extended way alone.
        let mut numerics = alarm_poll(1);
        numerics[33] = NUMERIC;
        assert!(!is_permitted(&numerics));
    }
}
