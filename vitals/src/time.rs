//! The two kinds of time: [`Uptime`] has arithmetic and decides, [`Timestamp`] has none and is only told.
//!
//! A Pi has no battery clock, so wall time may jump by decades. Order, delays and ages come from the boot-time clock
//! alone; that a wall clock cannot be subtracted is what keeps a clock step from moving an alarm.

use alloc::string::String;
use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the machine booted, counting through suspend (`CLOCK_BOOTTIME`): `up_ms` in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uptime(u64);

impl Uptime {
    /// The moment of boot.
    pub const ZERO: Self = Self(0);

    /// A moment, in milliseconds since boot.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since boot.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Uptime {
    type Output = Self;

    /// Sums, stopping at the end of time. Parts of a millisecond are cut.
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(millis(rhs)))
    }
}

impl Sub<Duration> for Uptime {
    type Output = Self;

    /// Goes back, stopping at boot.
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(millis(rhs)))
    }
}

/// Whole milliseconds of a duration, stopping at `u64::MAX`.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A moment of UTC as the wall clock told it. It cannot be subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// 1970-01-01T00:00:00Z, where a clock without a battery starts.
    pub const EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);

    /// A moment, in microseconds since 1970-01-01T00:00:00Z; `None` outside the years −9999 to 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        jiff::Timestamp::from_microsecond(micros).ok().map(Self)
    }

    /// Microseconds since 1970-01-01T00:00:00Z, for message headers; never to compute a delay or an age.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0.as_microsecond()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-11-23T08:30:00.250Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// How far the wall clock can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockQuality {
    /// Disciplined by a time source now.
    Synced,
    /// Was synchronised in this boot, and is not now.
    Holdover,
    /// Never synchronised since boot.
    Unsynced,
}

/// The time a device wrote on its own data, as sent; never used to order or to delay anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceTime {
    /// The device said which moment it means.
    Utc(jiff::Timestamp),
    /// The device said a date and a time of day, and not where: kept without a zone.
    Local(jiff::civil::DateTime),
}

/// Midnight of 1970-01-01, without a zone.
const EPOCH: jiff::civil::DateTime = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);

impl DeviceTime {
    /// Reads RFC 3339 (with a zone) or ISO 8601 without a zone; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.parse::<jiff::Timestamp>() {
            Ok(at) => Some(Self::Utc(at)),
            Err(_) => text.parse::<jiff::civil::DateTime>().ok().map(Self::Local),
        }
    }

    /// Milliseconds on the device's own scale, for the difference between two times of one device.
    ///
    /// The two kinds must not be compared with each other.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        match self {
            Self::Utc(at) => at.as_millisecond(),
            Self::Local(at) => i64::try_from(at.duration_since(EPOCH).as_millis()).unwrap_or(0),
        }
    }
}

impl fmt::Display for DeviceTime {
    /// RFC 3339: with `Z` where the device named a moment, without a zone where it did not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utc(at) => at.fmt(f),
            Self::Local(at) => at.fmt(f),
        }
    }
}

impl Serialize for DeviceTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(alloc::format!("{text:?} is not a date with a time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn uptime_stops_at_both_ends() {
        assert_eq!(Uptime::ZERO - Duration::from_secs(1), Uptime::ZERO);
        assert_eq!(Uptime::from_millis(u64::MAX) + Duration::from_secs(1), Uptime::from_millis(u64::MAX));
        assert_eq!(Uptime::from_millis(5).since(Uptime::from_millis(9)), Duration::ZERO);
    }

    #[test]
    fn timestamps_are_written_with_milliseconds() {
        let at = Timestamp::from_micros(1_795_422_600_250_999).unwrap();
        assert_eq!(at.to_string(), "2026-11-23T08:30:00.250Z");
    }

    #[test]
    fn device_times_keep_what_was_said() {
        for text in ["2026-11-23T11:52:14.445821Z", "2016-03-17T19:19:36"] {
            assert_eq!(DeviceTime::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(DeviceTime::parse("yesterday"), None);
    }
}
