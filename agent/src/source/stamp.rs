//! What every reading of a source is stamped with: whose it is, how live it is, and whether it is of now.

use std::sync::Arc;

use vitals::freshness::Freshness;
use vitals::name::Name;
use vitals::observation::{Late, Observation};
use vitals::reading::{Mode, Reading};
use vitals::record::alarm::WallClock;

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
}

impl Stamp {
    pub(super) fn new(common: &Source, bed: &Arc<Name>, source: &Arc<Name>, device: &str) -> Self {
        Self {
            bed: Arc::clone(bed),
            source: Arc::clone(source),
            device: device.into(),
            mode: common.mode,
            freshness: Freshness::new(common.period),
        }
    }

    /// Makes an observation of a reading whose last byte came at `wall`.
    ///
    /// What is `known` to be history says nothing of the source's usual lag.
    pub(super) fn observe(&mut self, reading: Reading, wall: WallClock, known: Option<Late>) -> Observation {
        let late = known.or_else(|| {
            self.freshness.handle_arrival(wall.up, reading.device_time).is_late().then_some(Late::Lag)
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
}
