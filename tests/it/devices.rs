//! Every driver against streams of good records: how fast it is, what damage and noise cost, and what the documents may
//! claim of it.

mod conformance;
mod figures;
mod fuzz;

use std::fs;
use std::path::Path;

use vitals::device::{self, Counts, DeviceModel};
use vitals::reading::Reading;
use vitals::time::Uptime;

/// A stream of good records of a model.
struct Stream {
    model: DeviceModel,
    bytes: Vec<u8>,
    /// Where each frame ends.
    ends: Vec<usize>,
}

impl Stream {
    fn of(model: DeviceModel) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = root.join("captures/authored").join(format!("{model}.raw"));
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut driver = device::driver(model, model.period());
        let mut ends = Vec::new();
        for (index, byte) in bytes.iter().enumerate() {
            let good = driver.counts().frames_good;
            driver.handle_bytes(Uptime::ZERO, &[*byte]);
            // A frame ends where it ends, not where the next one shows that it did.
            driver.handle_pause();
            // Two at once where the second confirms the first: that one has no end of its own.
            ends.extend((good..driver.counts().frames_good).map(|_| index + 1));
        }
        Self { model, bytes, ends }
    }

    fn all() -> impl Iterator<Item = Self> {
        DeviceModel::ALL.into_iter().map(Self::of)
    }

    /// The frame of that number.
    fn frame(&self, number: usize) -> std::ops::Range<usize> {
        let start = number.checked_sub(1).map_or(0, |it| self.ends[it]);
        start..self.ends[number]
    }
}

/// All that comes of a stream, given in pieces of this many bytes.
fn decode(model: DeviceModel, bytes: &[u8], piece: usize) -> (Vec<Reading>, Counts) {
    let mut driver = device::driver(model, model.period());
    let mut readings = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        driver.handle_bytes(Uptime::ZERO, piece);
        readings.extend(std::iter::from_fn(|| driver.poll_reading()).filter_map(Result::ok));
    }
    driver.handle_end();
    readings.extend(std::iter::from_fn(|| driver.poll_reading()).filter_map(Result::ok));
    (readings, driver.counts())
}

/// Frames that were counted as damaged.
fn faults(counts: Counts) -> u64 {
    counts.bad_checksum + counts.bad_length + counts.fragments
}
