//! The station's only question to the operating system for the time.

use std::time::Instant;

use vitals::time::Uptime;

/// The station's own monotonic clock, counting from the moment it was made.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place of the station that asks for the time")]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Now, as the standard library counts it: for the feed's thread, which knows no ward.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.origin + self.origin.elapsed()
    }

    /// Now: what every deadline of the station is measured by.
    #[must_use]
    pub fn uptime(&self) -> Uptime {
        Uptime::ZERO + self.origin.elapsed()
    }

    /// The moment of the runtime's clock that a deadline stands for.
    #[must_use]
    pub fn instant(&self, deadline: Uptime) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.origin + deadline.since(Uptime::ZERO))
    }
}

/// Now, on the wall clock, as records tell it; the epoch where the clock is beyond all years.
#[must_use]
pub fn wall() -> vitals::time::Timestamp {
    let now = timestamp().as_microsecond();
    vitals::time::Timestamp::from_micros(now).unwrap_or(vitals::time::Timestamp::EPOCH)
}

/// Now, on the wall clock: for the first column of a line, and for nothing else.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place of the station that asks for the time")]
pub fn timestamp() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
