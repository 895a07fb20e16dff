//! The only code that asks the operating system for the time.

use vitals::record::alarm::WallClock;
use vitals::time::{ClockQuality, Timestamp, Uptime};

/// Now, on the boot-time clock, which counts through suspend and never steps.
#[must_use]
pub fn uptime() -> Uptime {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let millis = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000;
    Uptime::from_millis(seconds.saturating_mul(1000).saturating_add(millis))
}

/// Now on both clocks, with how far the wall clock can be believed.
#[must_use]
pub fn wall_clock(quality: ClockQuality) -> WallClock {
    WallClock { up: uptime(), at: timestamp(), quality }
}

/// Now, on the wall clock.
#[must_use]
pub fn timestamp() -> Timestamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
    // A wall clock outside the years −9999 to 9999 is as good as none.
    Timestamp::from_micros(micros).unwrap_or(Timestamp::EPOCH)
}
