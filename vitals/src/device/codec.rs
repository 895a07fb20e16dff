//! A driver made of a codec, and of what is said to its device by the clock alone.

use alloc::vec::Vec;

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

    /// No byte will follow: what waited for more is decided.
    fn end(&mut self, _out: &mut Outcomes) {}
}

/// Speaks with a device whose bytes a codec reads.
#[derive(Debug)]
pub(super) struct CodecDriver<C> {
    codec: C,
    schedule: Schedule,
    outcomes: Outcomes,
}

impl<C: Codec> CodecDriver<C> {
    pub(super) fn new(codec: C) -> Self {
        Self { codec, schedule: Schedule::new(C::PHRASES), outcomes: Outcomes::default() }
    }
}

impl<C: Codec> Driver for CodecDriver<C> {
    fn handle_bytes(&mut self, now: Uptime, bytes: &[u8]) {
        let good = self.outcomes.counts().frames_good;
        for byte in bytes {
            self.codec.take(*byte, &mut self.outcomes);
        }
        if self.outcomes.counts().frames_good > good {
            self.schedule.handle_heard(now);
        }
    }

    fn handle_end(&mut self) {
        self.codec.end(&mut self.outcomes);
    }

    fn handle_timeout(&mut self, now: Uptime) {
        self.schedule.handle_timeout(now);
    }

    fn poll_reading(&mut self) -> Option<Result<Reading, Fault>> {
        self.outcomes.poll()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.schedule.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        self.schedule.poll_timeout()
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
