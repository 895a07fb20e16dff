//! Dräger ventilators and anaesthesia machines (Evita, V500, Apollo, Primus, Babylog): Medibus and Medibus.X.
//!
//! Document: "Medibus for Draeger devices RS-232 rev 6.00", as public decoders read it (mdpnp `devices/draeger`). Line by
//! device: Apollo and Primus 9600 8E1, Evita 4 19200 8E1, Evita XL and V500 19200 8N1. Medibus.X keeps the frames.
//!
//! Both sides speak and both sides answer: [`dialogue`] opens the line, asks and replies. [`frame`] finds messages, which
//! may stand inside each other and have a stream of waves running through them; [`data`] reads the measured values.

mod data;
mod dialogue;
mod frame;

use alloc::vec::Vec;
use core::time::Duration;

use self::dialogue::Dialogue;
use self::frame::{Deframer, Kind};
use super::outcomes::Outcomes;
use super::{Counts, Driver, Fault};
use crate::notice::Notice;
use crate::reading::Reading;
use crate::time::Uptime;

/// The code of measured values, code page 1.
const MEASURED: u8 = 0x24;

/// Speaks with a device.
#[derive(Debug)]
pub(super) struct MedibusDriver {
    deframer: Deframer,
    dialogue: Dialogue,
    outcomes: Outcomes,
}

impl MedibusDriver {
    /// A driver that asks for measured values this often.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            deframer: Deframer::default(),
            dialogue: Dialogue::new(interval),
            outcomes: Outcomes::default(),
        }
    }
}

impl Driver for MedibusDriver {
    fn handle_bytes(&mut self, now: Uptime, bytes: &[u8]) {
        for byte in bytes {
            let Some(message) = self.deframer.take(*byte, &mut self.outcomes) else { continue };
            self.dialogue.handle_message(now, &message);
            if (message.kind, message.code) == (Kind::Response, MEASURED) {
                if let Some(reading) = data::read(&message.data) {
                    self.outcomes.reading(reading);
                }
            }
        }
    }

    fn handle_end(&mut self) {
        self.deframer.end(&mut self.outcomes);
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
        self.dialogue.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        Some(self.dialogue.poll_timeout())
    }

    fn counts(&self) -> Counts {
        self.outcomes.counts()
    }
}
