//! Times of the boot-time clock, told by the wall clock.

use crate::time::{ClockQuality, Timestamp, Uptime};

/// The wall clock as seen at one moment: enough to tell other moments of the same boot by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallClock {
    /// The moment on the boot-time clock.
    pub up: Uptime,
    /// The same moment on the wall clock.
    pub at: Timestamp,
    /// How far the wall clock can be believed.
    pub quality: ClockQuality,
}

impl WallClock {
    /// What this wall clock would have shown at another moment.
    #[must_use]
    pub fn at(&self, moment: Uptime) -> Option<Timestamp> {
        let offset = i64::try_from(moment.as_millis()).ok()? - i64::try_from(self.up.as_millis()).ok()?;
        Timestamp::from_micros(self.at.as_micros().checked_add(offset.checked_mul(1000)?)?)
    }
}
