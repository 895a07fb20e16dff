//! Philips IntelliVue monitors: Data Export, over MIB/RS-232 and over LAN.
//!
//! Document: Philips "Data Export Interface Programming Guide" (PN 4535 642 59271), with requests that are identical to
//! those of Philips' own test program and of a recorded client. Line: MIB/RS232, fixed, 115200 8N1; LAN: UDP port 24105.
//! Everything big-endian; the application's messages are the same on both.
//!
//! The monitor is silent until it is asked for an association: [`dialogue`] asks, answers, polls and begins anew when nothing
//! is heard. [`frame`] finds messages on the serial line and [`datagram`] in a stream of datagrams; [`message`] reads
//! them, [`numeric`] the values, [`alarm`] the alarms and [`identity`] who the monitor is. Numerics and the alarm monitor are
//! polled: who the patient is, is never asked for.

mod alarm;
mod association;
mod datagram;
mod dialogue;
mod float;
mod frame;
mod identity;
mod indication;
mod message;
mod numeric;

use alloc::vec::Vec;

use self::alarm::{List, Lists};
use self::dialogue::Dialogue;
pub(super) use self::dialogue::is_permitted;
pub use self::indication::ConnectIndication;

use self::message::Message;
use super::alarms::raised;
use super::outcomes::Outcomes;
use super::{Counts, Driver, Fault};
use crate::notice::Notice;
use crate::reading::Reading;
use crate::time::Uptime;

/// The way to the monitor: what stands around each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Frames with flags, escapes and a checksum.
    Serial,
    /// A datagram each, which says its own length.
    Lan,
}

/// The message of a whole frame of the serial line.
pub(super) fn unframed(frame: &[u8]) -> Option<Vec<u8>> {
    let (mut deframer, mut out) = (frame::Deframer::default(), Outcomes::default());
    frame.iter().find_map(|byte| deframer.take(*byte, &mut out))
}

/// A message as it goes over the serial line.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    frame::enframe(message)
}

/// Speaks with a monitor.
#[derive(Debug)]
pub(super) struct IntellivueDriver {
    finder: Finder,
    way: Way,
    dialogue: Dialogue,
    /// The last of each list.
    patient: List,
    technical: List,
    outcomes: Outcomes,
}

#[derive(Debug)]
enum Finder {
    Serial(frame::Deframer),
    Lan(datagram::Finder),
}

impl IntellivueDriver {
    pub(super) fn new(way: Way) -> Self {
        let finder = match way {
            Way::Serial => Finder::Serial(frame::Deframer::default()),
            Way::Lan => Finder::Lan(datagram::Finder::default()),
        };
        Self {
            finder,
            way,
            dialogue: Dialogue::default(),
            patient: List::default(),
            technical: List::default(),
            outcomes: Outcomes::default(),
        }
    }

    /// Takes a message that passed the checks of its way.
    fn handle_message(&mut self, now: Uptime, bytes: &[u8]) {
        let Some(message) = Message::parse(bytes) else {
            self.outcomes.fault(Fault::BadLength);
            return;
        };
        self.outcomes.good();
        self.dialogue.handle_message(now, &message);
        match message {
            Message::Poll(poll) => {
                if let Some(reading) = numeric::reading(&poll) {
                    self.outcomes.reading(reading);
                }
            }
            Message::Alarms(lists) => self.handle_alarms(lists),
            Message::MdsCreated { identity: Some(identity), .. } => {
                self.outcomes.notice(Notice::Identity(identity));
            }
            Message::MdsCreated { identity: None, .. }
            | Message::Accepted
            | Message::Ended
            | Message::Other => {}
        }
    }

    /// Takes the lists that came; one that did not come is as it was.
    fn handle_alarms(&mut self, lists: Lists) {
        let (has_patient, has_technical) = (lists.patient.is_some(), lists.technical.is_some());
        self.patient = lists.patient.unwrap_or(core::mem::take(&mut self.patient));
        self.technical = lists.technical.unwrap_or(core::mem::take(&mut self.technical));
        if has_patient || has_technical {
            let all = self.patient.alarms.iter().chain(&self.technical.alarms);
            self.outcomes.notice(raised(all.cloned()));
        }
        if has_patient {
            self.outcomes.notice(Notice::Apnea(self.patient.apnea));
        }
        if has_technical {
            self.outcomes.notice(Notice::BatteryLow(self.technical.battery_low));
        }
    }
}

impl Driver for IntellivueDriver {
    fn handle_bytes(&mut self, now: Uptime, bytes: &[u8]) {
        for byte in bytes {
            let found = match &mut self.finder {
                Finder::Serial(it) => it.take(*byte, &mut self.outcomes),
                Finder::Lan(it) => it.take(*byte, &mut self.outcomes),
            };
            if let Some(message) = found {
                self.handle_message(now, &message);
            }
        }
    }

    fn handle_end(&mut self) {
        match &mut self.finder {
            Finder::Serial(it) => it.end(&mut self.outcomes),
            Finder::Lan(_) => {}
        }
    }

    fn handle_timeout(&mut self, now: Uptime) {
        self.dialogue.handle_timeout(now);
    }

    fn poll_reading(&mut self) -> Option<Result<Reading, Fault>> {
        self.outcomes.poll()
    }

    fn poll_notice(&mut self) -> Option<Notice> {
        self.outcomes.poll_notice()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let message = self.dialogue.poll_transmit()?;
        Some(match self.way {
            Way::Serial => frame::enframe(&message),
            Way::Lan => message,
        })
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        Some(self.dialogue.poll_timeout())
    }

    fn counts(&self) -> Counts {
        self.outcomes.counts()
    }
}
