//! What every reading of a source is stamped with: whose it is, how live it is, and whether it is of now.

use std::sync::Arc;

use vitals::alarm::engine::Flag;
use vitals::device::Counts;
use vitals::freshness::Freshness;
use vitals::line_watch::{DataRate, DeviceClock};
use vitals::name::Name;
use vitals::notice::Notice;
use vitals::observation::{Late, Observation};
use vitals::reading::{Mode, Reading};
use vitals::record::alarm::WallClock;
use vitals::time::Uptime;

use super::{SourceInput, Word};
use crate::config::Source;

/// Stamps the readings of one source.
#[derive(Debug)]
pub(super) struct Stamp {
    pub(super) bed: Arc<Name>,
    pub(super) source: Arc<Name>,
    /// The device model or payload format, as records name it.
    pub(super) device: Arc<str>,
    mode: Mode,
    freshness: Freshness,
    clock: DeviceClock,
    rate: DataRate,
    /// Whether the device's clock is wrong, where that has changed.
    skew: Option<bool>,
}

impl Stamp {
    pub(super) fn new(common: &Source, bed: &Arc<Name>, source: &Arc<Name>, device: &str) -> Self {
        Self {
            bed: Arc::clone(bed),
            source: Arc::clone(source),
            device: device.into(),
            mode: common.mode,
            freshness: Freshness::new(common.period),
            clock: DeviceClock::default(),
            rate: DataRate::default(),
            skew: None,
        }
    }

    /// Makes an observation of a reading whose last byte came at `wall`.
    ///
    /// What is `known` to be history says nothing of the source's usual lag.
    pub(super) fn observe(&mut self, reading: Reading, wall: WallClock, known: Option<Late>) -> Observation {
        let late = known.or_else(|| {
            let arrived = self.freshness.handle_arrival(wall.up, reading.device_time);
            let clock = (wall.at, wall.quality);
            self.skew = self.clock.handle_arrival(wall.up, arrived, reading.device_time, clock).or(self.skew);
            arrived.is_late().then_some(Late::Lag)
        });
        Observation {
            bed: Arc::clone(&self.bed),
            source: Arc::clone(&self.source),
            at: wall.up,
            received_at: wall.at,
            clock: wall.quality,
            // The less live of what the configuration and the payload say.
            mode: self.mode.max(reading.mode.unwrap_or(Mode::Live)),
            late,
            redelivered: false,
            reading,
        }
    }

    /// Returns the word that the device's clock is wrong, or no more, where that has changed.
    pub(super) fn poll_skew(&mut self, at: Uptime) -> Option<SourceInput> {
        self.skew.take().map(|on| self.flag(Flag::ClockSkew, on, at))
    }

    /// Takes what a driver had counted before some bytes, and after. The word that many frames come damaged, or no more, where
    /// that has changed.
    pub(super) fn handle_counts(&mut self, at: Uptime, before: Counts, after: Counts) -> Option<SourceInput> {
        let good = after.frames_good - before.frames_good;
        let changed = self.rate.handle_frames(at, good, after.damaged() - before.damaged());
        changed.map(|on| self.flag(Flag::BadDataRate, on, at))
    }

    /// That something of the source is the matter, or is no more.
    fn flag(&self, flag: Flag, on: bool, at: Uptime) -> SourceInput {
        self.word(Word::Flag(flag, on), at)
    }

    /// What the device has said beside its readings.
    pub(super) fn notice(&self, notice: Notice, at: Uptime) -> SourceInput {
        self.word(Word::Notice(self.mode, notice), at)
    }

    /// What there is to tell of the source.
    pub(super) fn word(&self, word: Word, at: Uptime) -> SourceInput {
        SourceInput::Word { bed: Arc::clone(&self.bed), source: Arc::clone(&self.source), word, at }
    }
}
