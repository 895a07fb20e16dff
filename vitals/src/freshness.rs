//! Whether what a source says is of now: the backlog of a device is history, not a patient (design, section 2, rule 8).
//!
//! A device's clock may be wrong by years and right in its pace. So what counts is the lag (arrival on the agent's
//! boot-time clock minus the device's own time) against the smallest lag of the last ten minutes: what comes much
//! later than the source can deliver has waited somewhere.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::time::{DeviceTime, Uptime};

/// The smallest lags are kept for this many spans: ten minutes.
const SPANS_MAX: usize = 10;
/// One span.
const SPAN: Duration = Duration::from_secs(60);
/// A lag below this beyond the smallest is never late.
const TOLERANCE_MIN: Duration = Duration::from_secs(10);

/// What an arrival is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// Of now.
    Fresh,
    /// Of the past.
    Late,
    /// Of now: the lag had been late and steady for three periods, so the device's clock was set. For `clock_skew`.
    Rebased,
}

impl Arrived {
    /// Whether it must not be judged.
    #[must_use]
    pub const fn is_late(self) -> bool {
        matches!(self, Self::Late)
    }
}

/// The lags of one source.
#[derive(Debug, Clone)]
pub struct Freshness {
    period: Duration,
    /// The smallest lag of each span, the newest last, ms.
    smallest: VecDeque<(Uptime, i64)>,
    /// Since when, and at which lag, late arrivals have been steady.
    steady: Option<Steady>,
}

#[derive(Debug, Clone, Copy)]
struct Steady {
    since: Uptime,
    last: Uptime,
    lag: i64,
}

impl Freshness {
    /// A source of which nothing is known but its period.
    #[must_use]
    pub fn new(period: Duration) -> Self {
        Self { period, smallest: VecDeque::new(), steady: None }
    }

    /// Takes an arrival. Without a device time it is of now: the fence alone can tell otherwise.
    pub fn handle_arrival(&mut self, at: Uptime, device_time: Option<DeviceTime>) -> Arrived {
        let Some(device_time) = device_time else { return Arrived::Fresh };
        let lag = i64::try_from(at.as_millis()).unwrap_or(i64::MAX).saturating_sub(device_time.as_millis());
        self.forget(at);
        let smallest = self.smallest.iter().map(|(_, lag)| *lag).min().unwrap_or(lag);
        if lag.saturating_sub(smallest) <= millis(self.tolerance()) {
            self.steady = None;
            self.note(at, lag);
            return Arrived::Fresh;
        }
        let steady = match self.steady {
            // A backlog arrives faster than it was made, so its lag shrinks; a clock that was set keeps its new lag.
            Some(it) if lag.abs_diff(it.lag) <= self.jitter() && !self.is_burst(it, at) => {
                Steady { last: at, ..it }
            }
            _ => Steady { since: at, last: at, lag },
        };
        self.steady = Some(steady);
        if at.since(steady.since) < self.period.saturating_mul(3) || at == steady.since {
            return Arrived::Late;
        }
        self.steady = None;
        self.smallest.clear();
        self.note(at, lag);
        Arrived::Rebased
    }

    fn tolerance(&self) -> Duration {
        TOLERANCE_MIN.max(self.period.saturating_mul(3))
    }

    /// How far lags of a steady source lie apart: half a period, and a little for the way.
    fn jitter(&self) -> u64 {
        u64::try_from(millis(self.period / 2)).unwrap_or(0).saturating_add(250)
    }

    /// Whether arrivals come faster than the source speaks.
    fn is_burst(&self, steady: Steady, at: Uptime) -> bool {
        at.since(steady.last) < self.period / 4
    }

    fn forget(&mut self, at: Uptime) {
        let oldest = at - SPAN.saturating_mul(10);
        while self.smallest.front().is_some_and(|(since, _)| *since < oldest) {
            self.smallest.pop_front();
        }
    }

    fn note(&mut self, at: Uptime, lag: i64) {
        match self.smallest.back_mut() {
            Some((since, smallest)) if at.since(*since) < SPAN => *smallest = (*smallest).min(lag),
            _ => {
                if self.smallest.len() == SPANS_MAX {
                    self.smallest.pop_front();
                }
                self.smallest.push_back((at, lag));
            }
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// A device's clock, `skew` seconds beside the boot-time clock.
    fn said(second: i64) -> DeviceTime {
        DeviceTime::Utc(jiff::Timestamp::from_second(1_700_000_000 + second).unwrap())
    }

    fn up(second: i64) -> Uptime {
        Uptime::from_millis(u64::try_from(second * 1000).unwrap())
    }

    fn source() -> Freshness {
        let mut it = Freshness::new(Duration::from_secs(1));
        for second in 0..60 {
            assert_eq!(it.handle_arrival(up(second), Some(said(second))), Arrived::Fresh);
        }
        it
    }

    #[test]
    fn a_backlog_after_an_outage_is_late_and_what_follows_is_not() {
        let mut it = source();
        let backlog: Vec<_> =
            (60..300).map(|second| it.handle_arrival(up(300), Some(said(second)))).collect();
        let late = backlog.iter().filter(|it| it.is_late()).count();
        assert_eq!(late, 300 - 60 - 10, "all but the last ten seconds");
        assert!(!backlog.contains(&Arrived::Rebased));
        assert_eq!(it.handle_arrival(up(301), Some(said(301))), Arrived::Fresh);
    }

    #[test]
    fn a_clock_that_was_set_back_is_believed_after_three_periods() {
        let mut it = source();
        let arrivals: Vec<_> =
            (60..66).map(|second| it.handle_arrival(up(second), Some(said(second - 3600)))).collect();
        assert_eq!(
            arrivals,
            [Arrived::Late, Arrived::Late, Arrived::Late, Arrived::Rebased, Arrived::Fresh, Arrived::Fresh]
        );
    }

    #[test]
    fn a_clock_that_was_set_forward_is_fresh_at_once() {
        let mut it = source();
        assert_eq!(it.handle_arrival(up(60), Some(said(60 + 86_400 * 365 * 56))), Arrived::Fresh);
    }

    #[test]
    fn neither_a_suspend_nor_a_leap_second_makes_anything_late() {
        let mut it = source();
        // Ten minutes in which nobody read: the device's time and the boot-time clock both went on.
        assert_eq!(it.handle_arrival(up(660), Some(said(660))), Arrived::Fresh);
        // A device that has lived through a leap second is one behind from then on, or was ahead for the day before.
        for second in 661..700 {
            assert_eq!(it.handle_arrival(up(second), Some(said(second - 1))), Arrived::Fresh, "{second}");
        }
        for second in 700..720 {
            assert_eq!(it.handle_arrival(up(second), Some(said(second))), Arrived::Fresh, "{second}");
        }
    }

    #[test]
    fn a_drifting_clock_is_followed_and_no_time_is_no_reason() {
        let mut it = source();
        for second in 60..7200 {
            // 1 % slow: 70 s in the two hours, and 6 s in ten minutes.
            assert_eq!(
                it.handle_arrival(up(second), Some(said(second - second / 100))),
                Arrived::Fresh,
                "{second}"
            );
        }
        assert_eq!(it.handle_arrival(up(7200), None), Arrived::Fresh);
        assert!(it.smallest.len() <= SPANS_MAX);
    }
}
