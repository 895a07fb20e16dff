//! GE Datex-Ohmeda S/5 monitors: the Datex Record Interface ("S/5 Computer Interface").
//!
//! Documents: "S/5 Computer Interface" as public decoders read it; checksum, offsets and scaling confirmed on recorded
//! bytes of a real monitor (`tests/captures/ge_s5_db02.raw`). Line: 19200 8E1 with RTS/CTS. Everything little-endian.
//!
//! The monitor is silent until asked: [`dialogue`] asks for displayed values and asks again when they stop. [`frame`]
//! finds records between flags; [`record`] reads the numbers of the basic class.

mod dialogue;
mod frame;
mod record;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use self::dialogue::Dialogue;
use self::frame::Deframer;
use super::{Counts, Driver, Fault};
use crate::reading::Reading;
use crate::time::Uptime;

/// Speaks with an S/5 monitor.
#[derive(Debug)]
pub struct GeS5Driver {
    deframer: Deframer,
    dialogue: Dialogue,
    outcomes: VecDeque<Result<Reading, Fault>>,
    observations: u64,
}

impl GeS5Driver {
    /// A driver that asks for displayed values at this interval; the monitor grants no less than 5 s.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self {
            deframer: Deframer::default(),
            dialogue: Dialogue::new(interval),
            outcomes: VecDeque::new(),
            observations: 0,
        }
    }
}

impl Driver for GeS5Driver {
    fn handle_bytes(&mut self, now: Uptime, bytes: &[u8]) {
        for byte in bytes {
            match self.deframer.take(*byte) {
                None => {}
                Some(Err(fault)) => self.outcomes.push_back(Err(fault)),
                Some(Ok(bytes)) => {
                    if let Some(reading) = record::read(&bytes) {
                        self.dialogue.handle_values(now);
                        self.observations += 1;
                        self.outcomes.push_back(Ok(reading));
                    }
                }
            }
        }
    }

    fn handle_timeout(&mut self, now: Uptime) {
        self.dialogue.handle_timeout(now);
    }

    fn poll_reading(&mut self) -> Option<Result<Reading, Fault>> {
        self.outcomes.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.dialogue.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        Some(self.dialogue.poll_timeout())
    }

    fn counts(&self) -> Counts {
        Counts { observations: self.observations, ..self.deframer.counts() }
    }
}
