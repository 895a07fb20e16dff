//! Dräger ventilators and anaesthesia machines (Evita, V500, Apollo, Primus, Babylog): Medibus and Medibus.X.
//!
//! Document: "Medibus for Draeger devices RS-232 rev 6.00", as public decoders read it (mdpnp `devices/draeger`). Line by
//! device: Apollo and Primus 9600 8E1, Evita 4 19200 8E1, Evita XL and V500 19200 8N1. Medibus.X keeps the frames.
//!
//! Both sides speak and both sides answer: [`dialogue`] opens the line, asks and replies; what it has said itself it may hear again
//! ([`echo`]). [`frame`] finds messages, which may stand inside each other and have a stream of waves running through them; [`data`]
//! reads the measured values, [`alarms`], [`limits`] and [`identity`] what else is asked for. Code page 2 has no measured value of ours that page 1 has not.

mod alarms;
mod data;
mod dialogue;
mod echo;
mod frame;
mod identity;
mod limits;

use alloc::vec::Vec;
use core::time::Duration;

use self::alarms::{Alarms, Page};
use self::dialogue::Dialogue;
use self::frame::{Deframer, Kind};
use self::limits::{Limits, Side};
use super::outcomes::Outcomes;
use super::{Counts, Driver, Fault};
use crate::notice::Notice;
use crate::reading::Reading;
use crate::time::Uptime;

/// What is asked for, by its code: measured values, low and high limits and alarms of code page 1; alarms of code page 2; who
/// the device is.
const MEASURED: u8 = 0x24;
const LOW_LIMITS: u8 = 0x25;
const HIGH_LIMITS: u8 = 0x26;
const ALARMS: u8 = 0x27;
const ALARMS_2: u8 = 0x2E;
const IDENTITY: u8 = 0x52;

/// Speaks with a device.
#[derive(Debug)]
pub(super) struct MedibusDriver {
    deframer: Deframer,
    dialogue: Dialogue,
    alarms: Alarms,
    limits: Limits,
    outcomes: Outcomes,
}

impl MedibusDriver {
    /// A driver that asks for measured values this often.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            deframer: Deframer::default(),
            dialogue: Dialogue::new(interval),
            alarms: Alarms::default(),
            limits: Limits::default(),
            outcomes: Outcomes::default(),
        }
    }

    fn handle_answer(&mut self, code: u8, data: &[u8]) {
        let out = &mut self.outcomes;
        match code {
            MEASURED => data::read(data).into_iter().for_each(|it| out.reading(it)),
            LOW_LIMITS => self.limits.handle_page(Side::Low, data, out),
            HIGH_LIMITS => self.limits.handle_page(Side::High, data, out),
            ALARMS => self.alarms.handle_page(Page::One, data, out),
            ALARMS_2 => self.alarms.handle_page(Page::Two, data, out),
            IDENTITY => identity::read(data).into_iter().for_each(|it| out.notice(Notice::Identity(it))),
            _ => {}
        }
    }
}

impl Driver for MedibusDriver {
    fn handle_bytes(&mut self, now: Uptime, bytes: &[u8]) {
        for byte in bytes {
            let Some(message) = self.deframer.take(*byte, &mut self.outcomes) else { continue };
            if !self.dialogue.handle_message(now, &message) {
                continue;
            }
            self.outcomes.good();
            if message.kind == Kind::Response {
                self.handle_answer(message.code, &message.data);
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
