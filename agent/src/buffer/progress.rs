//! How the store is, for whoever must know: status, metrics, lifecycle.

use std::collections::VecDeque;

use vitals::time::Uptime;

use crate::envelope::{Position, RunId};

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreState {
    /// Groups become durable.
    Ok,
    /// Something has waited for more than two seconds to become durable.
    Stalled,
    /// The disk refused a flush or a sync: nothing more is acknowledged, and the process must restart.
    Failed {
        /// When, on the boot-time clock.
        since: Uptime,
        /// What the system said.
        reason: String,
        /// The disk was only full.
        full: bool,
    },
    /// There is no store: readings go from memory to Kafka and are acknowledged from there.
    Memory,
}

impl StoreState {
    /// The word for status records and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stalled => "stalled",
            Self::Failed { .. } => "failed",
            Self::Memory => "memory",
        }
    }
}

/// How one lane is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneProgress {
    /// The last that is durable (in memory only: the last that is kept).
    pub durable: Position,
    /// The number of the last state of the engines, of those offered alone, that is durable; 0 before the first.
    pub state: u64,
    /// The last that the forwarder says is in Kafka.
    pub acknowledged: Position,
    /// Records kept beyond what is acknowledged.
    pub buffered_records: u64,
    /// Records that made room, ever, in this run.
    pub evicted: u64,
    /// Records that were not taken because the disk did not keep up, in this run.
    pub shed: u64,
    /// Records that were found damaged, in this run.
    pub damaged: u64,
    /// Generations set aside because they did not open, in this run.
    pub set_aside: u64,
    /// Bytes on disk, counted in blocks.
    pub bytes_on_disk: u64,
    /// Generations on disk, the one written to included.
    pub generations: u64,
    /// Groups made durable.
    pub commits: u64,
    /// Calls of fdatasync and fsync.
    pub syncs: u64,
    /// Bytes of frames written.
    pub stored_bytes: u64,
    /// Bytes of records kept, before they were packed.
    pub raw_bytes: u64,
    /// What the lane may grow by before its oldest must make room, bytes on disk.
    pub room: u64,
    /// What of it may be taken at any time by what is not repacked yet.
    pub unpacked_max: u64,
    /// The last generation that was filled in this run.
    pub last_sealed: Option<Sealed>,
    /// What records take once their generation is repacked, where that is known.
    pub packed: Option<Packed>,
    /// A part that waits for Kafka is being made smaller.
    pub repacking: bool,
    /// Records that are neither delivered nor kept nor covered by a gap: 0, or something is wrong.
    pub unaccounted: u64,
    /// The lane has ended in order: everything that was offered is durable.
    pub ended: bool,
}

/// What a filled generation took on disk before it was repacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Bytes of frames written to it.
    pub frames: u64,
    /// Bytes on disk, counted in blocks.
    pub blocks: u64,
}

/// What records took on disk in a generation that was repacked; or would, by a sample of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Bytes of the records, before they were packed.
    pub raw: u64,
    /// Bytes of frames; 0 where they were not counted.
    pub frames: u64,
    /// Bytes on disk, counted in blocks.
    pub blocks: u64,
}

/// What the generations took that were repacked last.
///
/// Sled takes half a MiB at a time, so one takes more than the next, and the last alone would foretell too much or too little.
#[derive(Debug, Default)]
pub(super) struct PackedLately(VecDeque<Packed>);

impl PackedLately {
    /// So many; when there are more, the oldest goes.
    const COUNT: usize = 8;

    pub(super) fn note(&mut self, packed: Packed) {
        if self.0.len() == Self::COUNT {
            self.0.pop_front();
        }
        self.0.push_back(packed);
    }

    /// Bytes that sled takes at a time.
    const STEP: u64 = 512 << 10;

    /// The one that took most for its records; while there are few, the next may take a step more.
    pub(super) fn worst(&self) -> Option<Packed> {
        let more = |a: &&Packed, b: &&Packed| {
            (u128::from(a.blocks) * u128::from(b.raw)).cmp(&(u128::from(b.blocks) * u128::from(a.raw)))
        };
        let step = if self.0.len() < Self::COUNT { Self::STEP } else { 0 };
        self.0.iter().max_by(more).map(|it| Packed { blocks: it.blocks + step, ..*it })
    }
}

impl LaneProgress {
    pub(super) fn new(run: &RunId) -> Self {
        let start = Position { run: run.clone(), seq: 0 };
        Self {
            durable: start.clone(),
            state: 0,
            acknowledged: start,
            buffered_records: 0,
            evicted: 0,
            shed: 0,
            damaged: 0,
            set_aside: 0,
            bytes_on_disk: 0,
            generations: 0,
            commits: 0,
            syncs: 0,
            stored_bytes: 0,
            raw_bytes: 0,
            room: 0,
            unpacked_max: 0,
            last_sealed: None,
            packed: None,
            repacking: false,
            unaccounted: 0,
            ended: false,
        }
    }
}

/// How the store and its lanes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The store.
    pub state: StoreState,
    /// Readings.
    pub readings: LaneProgress,
    /// Alarms.
    pub alarms: LaneProgress,
    /// Bytes on disk, counted in blocks, of both lanes.
    pub bytes_on_disk: u64,
    /// What they may grow to.
    pub bytes_max: u64,
    /// Groups made durable, of both lanes.
    pub commits: u64,
    /// Calls of fdatasync and fsync, of both lanes.
    pub syncs: u64,
    /// Records of both lanes that are neither delivered nor kept nor covered by a gap: 0, or something is wrong.
    pub conservation_error: u64,
}

impl Progress {
    pub(crate) fn new(state: StoreState, run: &RunId, bytes_max: u64) -> Self {
        let lane = LaneProgress::new(run);
        Self {
            state,
            readings: lane.clone(),
            alarms: lane,
            bytes_on_disk: 0,
            bytes_max,
            commits: 0,
            syncs: 0,
            conservation_error: 0,
        }
    }

    pub(super) fn commits_of(&self, lane: crate::envelope::Lane) -> u64 {
        match lane {
            crate::envelope::Lane::Readings => self.readings.commits,
            crate::envelope::Lane::Alarms => self.alarms.commits,
        }
    }

    pub(super) fn add_up(&mut self) {
        self.bytes_on_disk = self.readings.bytes_on_disk + self.alarms.bytes_on_disk;
        self.commits = self.readings.commits + self.alarms.commits;
        self.syncs = self.readings.syncs + self.alarms.syncs;
        self.conservation_error = self.readings.unaccounted + self.alarms.unaccounted;
    }
}
