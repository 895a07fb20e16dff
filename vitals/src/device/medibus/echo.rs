//! What comes back of what was said: a line of two wires, a plug that joins both directions and some adapters send everything
//! that is written to them back.
//!
//! A message that was said and comes again within a second may be such an echo; a device may say the same, a sign of life or
//! the opening of the line. What no device says is a request for measured values: once that has come back the line echoes, for
//! that is how it is wired, and what comes again from then on is nobody's word.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::MEASURED;
use super::frame::{Kind, Message};
use crate::time::Uptime;

/// So long what was said may come back: a line, an adapter and a reader that is late.
const WITHIN: Duration = Duration::from_secs(1);
/// Messages said in that time.
const SAID_MAX: usize = 32;

/// What a message that has come is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The device's.
    Device,
    /// The same that was said before: perhaps the device's.
    Doubtful,
    /// Our own, for the first time without doubt.
    Discovered,
    /// Our own.
    Echo,
}

/// Compares what comes with what was said.
#[derive(Debug, Default)]
pub(super) struct Echo {
    said: VecDeque<(Uptime, Message)>,
    /// Whether the line is known to echo.
    is_known: bool,
}

impl Echo {
    /// This goes out.
    pub(super) fn handle_said(&mut self, now: Uptime, message: &Message) {
        if self.said.len() == SAID_MAX {
            self.said.pop_front();
        }
        self.said.push_back((now, message.clone()));
    }

    /// This has come.
    pub(super) fn handle_message(&mut self, now: Uptime, message: &Message) -> Origin {
        self.said.retain(|(at, _)| now.since(*at) <= WITHIN);
        // An echo keeps the order: what was said before it and has not come back got lost on the way.
        let Some(place) = self.said.iter().position(|(_, it)| it == message) else { return Origin::Device };
        self.said.drain(..=place);
        if self.is_known {
            return Origin::Echo;
        }
        if (message.kind, message.code) == (Kind::Command, MEASURED) {
            self.is_known = true;
            return Origin::Discovered;
        }
        Origin::Doubtful
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn message(kind: Kind, code: u8) -> Message {
        Message { kind, code, data: Vec::new() }
    }

    #[test]
    fn an_echo_is_known_by_what_no_device_says() {
        let at = Uptime::from_millis;
        let nop = message(Kind::Command, 0x30);
        let values = message(Kind::Command, MEASURED);
        let mut echo = Echo::default();
        assert_eq!(echo.handle_message(at(0), &values), Origin::Device, "nothing was said");
        echo.handle_said(at(0), &nop);
        assert_eq!(echo.handle_message(at(5), &nop), Origin::Doubtful);
        assert_eq!(echo.handle_message(at(6), &nop), Origin::Device, "once said, it comes back once");
        echo.handle_said(at(10), &nop);
        echo.handle_said(at(10), &values);
        assert_eq!(echo.handle_message(at(20), &values), Origin::Discovered);
        assert_eq!(echo.handle_message(at(21), &nop), Origin::Device, "its echo was lost");
        echo.handle_said(at(30), &nop);
        assert_eq!(echo.handle_message(at(40), &message(Kind::Response, 0x30)), Origin::Device);
        assert_eq!(echo.handle_message(at(1000), &nop), Origin::Echo);
        echo.handle_said(at(2000), &nop);
        assert_eq!(echo.handle_message(at(3001), &nop), Origin::Device, "too late");
    }
}
