//! The simulator's clock: the only place that asks the time.

use std::time::Instant;

use vitals::time::Timestamp;

/// A moment on the monotonic clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that asks")]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock, as the devices and the truth write it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that asks")]
pub fn wall() -> Timestamp {
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond()).unwrap_or(Timestamp::EPOCH)
}
