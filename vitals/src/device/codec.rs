//! A driver made of a codec, and of what is said to its device by the clock alone.

use alloc::vec::Vec;
use core::time::Duration;

use super::outcomes::Outcomes;
use super::schedule::{Phrases, Schedule};
use super::{Counts, Driver, Fault};
use crate::notice::Notice;
use crate::reading::Reading;
use crate::time::Uptime;

/// From bytes to what they mean, for one format; it knows no time and sends nothing.
pub(super) trait Codec: Send {
    /// All that may be said to the device.
    const PHRASES: &'static Phrases = &Phrases::NONE;

    /// Takes a byte.
    fn take(&mut self, byte: u8, out: &mut Outcomes);

    /// Whether something waits for bytes that come within [`PAUSE`] if the device goes on.
    fn is_waiting(&self) -> bool {
        false
    }

    /// Nothing has followed for a moment: what is whole is decided.
    fn pause(&mut self, _out: &mut Outcomes) {}

    /// No byte will follow: what waited for more is decided.
    fn end(&mut self, _out: &mut Outcomes) {}
}

/// Six frames of a device that sends sixty a second: after so long none follows at once, and a number that waits grows old.
const PAUSE: Duration = Duration::from_millis(100);

/// Speaks with a device whose bytes a codec reads.
#[derive(Debug)]
pub(super) struct CodecDriver<C> {
    codec: C,
    schedule: Schedule,
    outcomes: Outcomes,
    /// When bytes last came.
    heard_at: Uptime,
}

impl<C: Codec> CodecDriver<C> {
    pub(super) fn new(codec: C) -> Self {
        let (schedule, outcomes) = (Schedule::new(C::PHRASES), Outcomes::default());
        Self { codec, schedule, outcomes, heard_at: Uptime::ZERO }
    }

    fn pause_at(&self) -> Option<Uptime> {
        self.codec.is_waiting().then(|| self.heard_at + PAUSE)
    }
}

impl<C: Codec> Driver for CodecDriver<C> {
    fn handle_bytes(&mut self, now: Uptime, bytes: &[u8]) {
        let good = self.outcomes.counts().frames_good;
        for byte in bytes {
            self.codec.take(*byte, &mut self.outcomes);
        }
        self.heard_at = now;
        if self.outcomes.counts().frames_good > good {
            self.schedule.handle_heard(now);
        }
    }

    fn handle_end(&mut self) {
        self.codec.end(&mut self.outcomes);
    }

    fn handle_pause(&mut self) {
        self.codec.pause(&mut self.outcomes);
    }

    fn handle_timeout(&mut self, now: Uptime) {
        if self.pause_at().is_some_and(|at| at <= now) {
            self.handle_pause();
        }
        self.schedule.handle_timeout(now);
    }

    fn poll_reading(&mut self) -> Option<Result<Reading, Fault>> {
        self.outcomes.poll()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.schedule.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        self.schedule.poll_timeout().into_iter().chain(self.pause_at()).min()
    }

    fn counts(&self) -> Counts {
        self.outcomes.counts()
    }

    fn poll_notice(&mut self) -> Option<Notice> {
        self.outcomes.poll_notice()
    }
}

/// What comes of a stream, for the tests of the codecs.
#[cfg(test)]
pub(super) fn hear(mut codec: impl Codec, bytes: &[u8]) -> (Vec<Reading>, Counts) {
    let mut out = Outcomes::default();
    for byte in bytes {
        codec.take(*byte, &mut out);
    }
    codec.end(&mut out);
    (core::iter::from_fn(|| out.poll()).filter_map(Result::ok).collect(), out.counts())
}
