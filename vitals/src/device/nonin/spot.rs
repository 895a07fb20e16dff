//! Data format 8: four bytes a second, no pleth and no checksum.
//!
//! ```text
//! 1  1 R   OOT LPRF MPRF ARTF HR8 HR7
//! 2  0 HR6 ...                    HR0
//! 3  0 SpO2
//! 4  0 R   SPA R    SNSF R    R   LOWBAT
//! ```
//!
//! Without a checksum a frame is believed only if its marker bits, its reserved bits and both values are possible.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{RATE_MISSING, RATE_RANGE, SATURATION_MISSING, Status};
use crate::device::{Counts, Driver, Fault};
use crate::reading::Reading;
use crate::time::Uptime;

/// Bytes in a frame.
const FRAME: usize = 4;

/// Reads data format 8. The device talks by itself; nothing is ever sent to it.
#[derive(Debug, Default)]
pub struct SpotDriver {
    /// The frame at hand, from its marker on.
    frame: Vec<u8>,
    outcomes: VecDeque<Result<Reading, Fault>>,
    counts: Counts,
}

impl SpotDriver {
    fn take(&mut self, byte: u8) {
        if byte & 0x80 != 0 {
            if !self.frame.is_empty() {
                self.counts.fragments += 1;
                self.outcomes.push_back(Err(Fault::Fragment));
            }
            self.frame.clear();
            self.frame.push(byte);
            return;
        }
        if self.frame.is_empty() {
            self.counts.skipped_bytes += 1;
            return;
        }
        self.frame.push(byte);
        if self.frame.len() == FRAME {
            if let Some(reading) = read(&self.frame) {
                self.counts.frames_good += 1;
                self.counts.observations += 1;
                self.outcomes.push_back(Ok(reading));
            } else {
                self.counts.skipped_bytes += 4;
                self.outcomes.push_back(Err(Fault::Skipped(FRAME)));
            }
            self.frame.clear();
        }
    }
}

fn read(frame: &[u8]) -> Option<Reading> {
    let &[first, low, saturation, fourth] = frame else { return None };
    let rate = u16::from(first & 3) << 7 | u16::from(low);
    let reserved = first & 0x40 != 0 || fourth & 0b0101_0110 != 0;
    let possible = (RATE_RANGE.contains(&rate) || rate == RATE_MISSING)
        && (saturation <= 100 || saturation == SATURATION_MISSING);
    if reserved || !possible {
        return None;
    }
    let status = Status {
        disconnected: false,
        sensor_alarm: fourth & 0x08 != 0,
        out_of_track: first & 0x20 != 0,
        artifact: first & 0x04 != 0,
        low_perfusion: first & 0x10 != 0,
    };
    Some(Reading { measurements: status.measurements(rate, saturation).into(), ..Reading::default() })
}

impl Driver for SpotDriver {
    fn handle_bytes(&mut self, _now: Uptime, bytes: &[u8]) {
        for byte in bytes {
            self.take(*byte);
        }
    }

    fn handle_timeout(&mut self, _now: Uptime) {}

    fn poll_reading(&mut self) -> Option<Result<Reading, Fault>> {
        self.outcomes.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        None
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}
