//! The only code that asks the operating system for the time.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use vitals::alarm::snapshot::Boot;
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

/// Now, for deadlines that never leave this process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub fn instant() -> std::time::Instant {
    std::time::Instant::now()
}

/// Now, on the wall clock, as the C library tells it: librdkafka and TLS ask the same one.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub fn timestamp() -> Timestamp {
    let micros = |it: Duration| i64::try_from(it.as_micros()).unwrap_or(i64::MAX);
    let micros = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => micros(since),
        Err(before) => -micros(before.duration()),
    };
    // A wall clock outside the years −9999 to 9999 is as good as none.
    Timestamp::from_micros(micros).unwrap_or(Timestamp::EPOCH)
}

/// The time that Kafka is told of a record, milliseconds since 1970; −1, which is none, while no time source disciplines
/// the wall clock.
///
/// A broker refuses a record that seems to lie more than an hour ahead (`message.timestamp.after.max.ms`), and deletes at
/// once what seems to be older than its retention.
#[must_use]
pub fn kafka_timestamp() -> i64 {
    match quality(ClockQuality::Unsynced) {
        ClockQuality::Synced => timestamp().as_micros() / 1000,
        ClockQuality::Holdover | ClockQuality::Unsynced => -1,
    }
}

/// How the wall clock and the boot-time clock stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reckoning {
    /// When the boot-time clock stood at zero, on the wall clock.
    pub boot_at: Timestamp,
    /// How far the wall clock can be believed.
    pub quality: ClockQuality,
}

/// A disciplined clock is slewed by at most half a millisecond a second; what moves by so much between two looks, or
/// over days, makes times worth correcting.
const STEP_MICROS: u64 = 500_000;

impl Reckoning {
    /// Whether the wall clock was set, found or lost between the two.
    #[must_use]
    pub fn differs(&self, before: &Self) -> bool {
        let moved = self.boot_at.as_micros().abs_diff(before.boot_at.as_micros());
        self.quality != before.quality || moved >= STEP_MICROS
    }
}

/// How the clocks stand now, given how far the wall clock could be believed before.
#[must_use]
pub fn reckoning(before: ClockQuality) -> Reckoning {
    let up = i64::try_from(uptime().as_millis()).unwrap_or(i64::MAX).saturating_mul(1000);
    let boot_at = Timestamp::from_micros(timestamp().as_micros().saturating_sub(up));
    Reckoning { boot_at: boot_at.unwrap_or(Timestamp::EPOCH), quality: quality(before) }
}

/// This boot of the machine, for ever unlike any other: from the unit where `/proc` is hidden, else from the kernel.
pub fn boot_id() -> &'static str {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "the unit passes the boot id by this variable")]
        let given = std::env::var("WARDLINE_BOOT_ID").ok();
        let id = given.or_else(|| std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok());
        // Without either, this process is as far as anything can be resumed.
        let id = id.unwrap_or_else(|| format!("unknown-{}", timestamp().as_micros()));
        id.trim().replace('-', "")
    })
}

/// A name for this life of the process, unique without any disk: boot id and start time.
#[must_use]
pub fn run_id() -> String {
    let boot: String = boot_id().chars().take(8).collect();
    format!("{boot}-{:x}", uptime().as_millis())
}

/// Of which boot a run is.
#[must_use]
pub fn boot_of(run: &str) -> Boot {
    let this = run.split_once('-').is_some_and(|(boot, _)| boot_id().get(..8) == Some(boot));
    if this { Boot::Same } else { Boot::Other }
}

/// The kernel's flag for a clock that no time source disciplines: `STA_UNSYNC` of `adjtimex(2)`.
const STA_UNSYNC: i32 = 0x40;

/// How far the wall clock can be believed, given how far it could be before.
#[must_use]
pub fn quality(before: ClockQuality) -> ClockQuality {
    let mut query = rtime_clock::adjtime::Timex::new();
    let synced = rtime_clock::adjtime::adjtimex(&mut query).is_ok() && query.0.status & STA_UNSYNC == 0;
    match (synced, before) {
        (true, _) => ClockQuality::Synced,
        (false, ClockQuality::Unsynced) => ClockQuality::Unsynced,
        (false, ClockQuality::Synced | ClockQuality::Holdover) => ClockQuality::Holdover,
    }
}
