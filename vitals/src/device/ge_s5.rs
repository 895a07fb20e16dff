//! GE Datex-Ohmeda S/5 monitors: the Datex Record Interface ("S/5 Computer Interface").
//!
//! Documents: "S/5 Computer Interface" as public decoders read it; checksum, offsets and scaling confirmed on recorded
//! bytes of a real monitor (`tests/captures/ge_s5_db02.raw`). Line: 19200 8E1 with RTS/CTS. Everything little-endian.
//!
//! The monitor is silent until asked: [`dialogue`] asks for displayed values and asks again when they stop. [`frame`]
//! finds records between flags; [`record`] reads the numbers of the basic class. Waves, alarms and the three classes of
//! extensions are good frames without a vital of ours.

mod dialogue;
mod frame;
mod pressure;
mod record;

use alloc::vec::Vec;
use core::time::Duration;

use self::dialogue::Dialogue;
use self::frame::Deframer;
use super::outcomes::Outcomes;
use super::{Counts, Driver, Fault};
use crate::notice::Notice;
use crate::reading::Reading;
use crate::time::Uptime;

/// Speaks with an S/5 monitor.
#[derive(Debug)]
pub(super) struct GeS5Driver {
    deframer: Deframer,
    dialogue: Dialogue,
    outcomes: Outcomes,
}

impl GeS5Driver {
    /// A driver that asks for displayed values at this interval; the monitor grants no less than 5 s.
    #[must_use]
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            deframer: Deframer::default(),
            dialogue: Dialogue::new(interval),
            outcomes: Outcomes::default(),
        }
    }
}

impl Driver for GeS5Driver {
    fn handle_bytes(&mut self, now: Uptime, bytes: &[u8]) {
        for byte in bytes {
            let record = self.deframer.take(*byte, &mut self.outcomes);
            if let Some(reading) = record.as_deref().and_then(record::read) {
                self.dialogue.handle_values(now);
                self.outcomes.reading(reading);
            }
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
        self.dialogue.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        Some(self.dialogue.poll_timeout())
    }

    fn counts(&self) -> Counts {
        self.outcomes.counts()
    }
}
