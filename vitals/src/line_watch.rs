//! What nobody says and everybody can see of a source: how many of its frames come damaged, and whether its clock is wrong.
//!
//! Each tells only when its word changes; the alarms are `bad_data_rate` and `clock_skew` (E30).

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::freshness::Arrived;
use crate::time::{ClockQuality, DeviceTime, Timestamp, Uptime};

/// The frames of the last minute are counted in spans of this length.
const SPAN: Duration = Duration::from_secs(5);
/// Spans in a minute.
const SPANS: usize = 12;
/// One frame in so many may be damaged: 5 %.
const ONE_IN: u64 = 20;
/// What was a bad line is none when no more than one in so many is damaged: 2.5 %.
const WELL_ONE_IN: u64 = 40;
/// A frame or two that a plug has damaged are no bad line.
const DAMAGED_MIN: u64 = 3;

/// How far a device's clock may be off.
const SKEW_MAX_MS: u64 = 60_000;
/// So long after a device's clock was set somebody should look at what it wrote before.
const SET_FOR: Duration = Duration::from_secs(600);

/// The frames of the last minute of one source.
#[derive(Debug, Clone, Default)]
pub struct DataRate {
    /// Since when, how many good, how many damaged; the newest last.
    spans: VecDeque<(Uptime, u64, u64)>,
    is_bad: bool,
}

impl DataRate {
    /// Takes frames that have come by `now`. Whether more than 5 % of the last minute's are damaged, or still more than
    /// 2.5 %, where that changed.
    pub fn handle_frames(&mut self, now: Uptime, good: u64, damaged: u64) -> Option<bool> {
        match self.spans.back_mut() {
            Some((since, goods, bads)) if now.since(*since) < SPAN => {
                *goods += good;
                *bads += damaged;
            }
            _ => self.spans.push_back((now, good, damaged)),
        }
        let oldest = now - SPAN.saturating_mul(u32::try_from(SPANS).unwrap_or(u32::MAX));
        while self.spans.len() > SPANS || self.spans.front().is_some_and(|(since, ..)| *since < oldest) {
            self.spans.pop_front();
        }
        let (all, bad) = self
            .spans
            .iter()
            .fold((0, 0), |(all, bad), (_, good, damaged)| (all + good + damaged, bad + damaged));
        let is_bad =
            if self.is_bad { bad * WELL_ONE_IN > all } else { bad * ONE_IN > all && bad >= DAMAGED_MIN };
        (core::mem::replace(&mut self.is_bad, is_bad) != is_bad).then_some(is_bad)
    }
}

/// The clock of one source, as far as its messages show it.
#[derive(Debug, Clone, Default)]
pub struct DeviceClock {
    set_until: Option<Uptime>,
    /// Whether it was off when it could last be compared.
    is_off: bool,
    is_wrong: bool,
}

impl DeviceClock {
    /// Takes how a message with the device's time arrived. Whether the clock was set within ten minutes or is more than a
    /// minute off, where that changed.
    ///
    /// A clock without a zone is compared with nothing, and none while the agent's own is not `synced`.
    pub fn handle_arrival(
        &mut self,
        now: Uptime,
        arrived: Arrived,
        told: Option<DeviceTime>,
        (wall, quality): (Timestamp, ClockQuality),
    ) -> Option<bool> {
        let told = told?;
        if arrived == Arrived::Rebased {
            self.set_until = Some(now + SET_FOR);
        }
        self.set_until.take_if(|it| *it <= now);
        let wall = wall.as_micros().div_euclid(1000);
        self.is_off = match (told, quality, arrived) {
            (DeviceTime::Utc(_), ClockQuality::Synced, Arrived::Fresh | Arrived::Rebased) => {
                told.as_millis().abs_diff(wall) > SKEW_MAX_MS
            }
            // Nothing to compare with: as it was.
            _ => self.is_off,
        };
        let is_wrong = self.is_off || self.set_until.is_some();
        (core::mem::replace(&mut self.is_wrong, is_wrong) != is_wrong).then_some(is_wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(seconds: u64) -> Uptime {
        Uptime::from_millis(seconds * 1000)
    }

    #[test]
    fn more_than_one_frame_in_twenty_of_the_last_minute() {
        let mut rate = DataRate::default();
        let mut told = alloc::vec::Vec::new();
        for second in 0..200 {
            // A bad half minute.
            let damaged = u64::from((60..90).contains(&second) && second % 4 == 0);
            told.extend(rate.handle_frames(up(second), 1 - damaged, damaged).map(|on| (second, on)));
        }
        let [(on, true), (off, false)] = told[..] else { panic!("{told:?}") };
        assert!((68..76).contains(&on) && (140..151).contains(&off), "{told:?}");
    }

    #[test]
    fn two_damaged_frames_of_a_device_that_seldom_speaks_are_no_bad_line() {
        let mut rate = DataRate::default();
        for second in [0, 20, 40] {
            assert_eq!(rate.handle_frames(up(second), 1, 0), None);
        }
        assert_eq!(rate.handle_frames(up(41), 0, 2), None);
        assert_eq!(rate.handle_frames(up(42), 0, 1), Some(true));
        assert_eq!(rate.handle_frames(up(43), 0, 1), None);
    }

    #[test]
    fn a_clock_that_is_off_or_was_set() {
        let moment = Timestamp::from_micros(1_795_422_600_000_000).unwrap();
        let said = |seconds: i64| {
            let second = moment.as_micros() / 1_000_000 + seconds;
            Some(DeviceTime::Utc(jiff::Timestamp::from_second(second).unwrap()))
        };
        let (synced, unsynced) = ((moment, ClockQuality::Synced), (moment, ClockQuality::Unsynced));
        let mut clock = DeviceClock::default();
        for (second, arrived, off, wall, expected) in [
            (0, Arrived::Fresh, 59, synced, None),
            (1, Arrived::Fresh, 61, unsynced, None),
            (2, Arrived::Fresh, 61, synced, Some(true)),
            (3, Arrived::Fresh, -61, synced, None),
            (4, Arrived::Fresh, -60, synced, Some(false)),
            (5, Arrived::Rebased, 3600, unsynced, Some(true)),
            (604, Arrived::Fresh, 0, synced, None),
            (605, Arrived::Fresh, 0, synced, Some(false)),
            (606, Arrived::Late, 3600, synced, None),
            (607, Arrived::Fresh, 61, synced, Some(true)),
            // What says nothing ends nothing.
            (608, Arrived::Late, 0, synced, None),
            (609, Arrived::Fresh, 0, unsynced, None),
            (610, Arrived::Fresh, 0, synced, Some(false)),
        ] {
            assert_eq!(clock.handle_arrival(up(second), arrived, said(off), wall), expected, "at {second}");
        }
        assert_eq!(clock.handle_arrival(up(611), Arrived::Fresh, None, synced), None);
    }
}
