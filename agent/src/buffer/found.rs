//! Looks for what earlier runs left, whatever state it is in: what does not open is set aside, and without a disk there
//! is memory.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vitals::record::ledger::Lane;

use super::disk::{Bound, DiskLane, Place, Recovered, Yields};
use super::durable::{Doing as _, Platter, StoreError, replace_file};
use super::facts::Naming;
use super::format;
use super::outage::readings_max;
use super::quarantine::Quarantine;
use super::room::{self, FREE_MIN, Reserve};
use super::through::Through;
use super::{Past, Previous, SIZE_MIN, Settings};
use crate::config::WhenFull;

/// Readings whose messages a broker may send again: as many as MQTT lets it have outstanding.
const REPEATABLE_MAX: usize = 65_535;

/// A generation is no larger, however large the store: after a kill the newest one is read, and held, whole before
/// anything else is kept, and a generation is what is lost at once when the store is full.
const GENERATION_MAX: u64 = 8 << 20;

/// A block: what is smaller may find room where nothing else does.
const PROBE: usize = 4096;

/// What opening has found.
#[derive(Debug)]
pub struct Found {
    /// The engines' newest state.
    pub state: Option<Arc<[u8]>>,
    /// The identities of the last readings that have one, oldest first: what a broker may send again.
    pub stored: Vec<u64>,
    /// What came before this run.
    pub past: Past,
    /// What an operator must know.
    pub remarks: Vec<Remark>,
}

impl Found {
    pub(super) fn nothing(remark: Remark) -> Self {
        Self {
            state: None,
            stored: Vec::new(),
            past: Past { without_store: true, ..Past::default() },
            remarks: vec![remark],
        }
    }
}

/// What an operator must know about how the store opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// Parts of the store were damaged; what could be read was kept, the rest is a gap.
    SetAside {
        /// How many generations.
        generations: u64,
        /// Where they lie now.
        dir: PathBuf,
    },
    /// The store as a whole did not open and was renamed; a fresh one was started.
    Replaced {
        /// Where it lies now.
        dir: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// There is no store: readings go from memory to Kafka, and what memory cannot hold is a gap.
    MemoryOnly {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetAside { generations, dir } => write!(
                f,
                "{generations} damaged parts of the store were set aside in {}; what could be read was kept",
                dir.display()
            ),
            Self::Replaced { dir, reason } => write!(
                f,
                "the store did not open ({reason}) and was set aside as {}; a fresh one was started",
                dir.display()
            ),
            Self::MemoryOnly { reason } => write!(
                f,
                "there is no store ({reason}): readings go from memory to Kafka; make the directory usable and restart"
            ),
        }
    }
}

/// Both lanes on disk, before they have threads.
pub(super) struct Lanes {
    pub(super) readings: DiskLane,
    pub(super) alarms: DiskLane,
}

/// Opens both lanes; without, there is memory.
pub(super) fn lanes(settings: &Settings, platter: &Platter) -> (Option<Lanes>, Found) {
    let mut found = Found { state: None, stored: Vec::new(), past: Past::default(), remarks: Vec::new() };
    let reserve = Reserve::new(&settings.dir, settings.size);
    let mut usable = probe(&settings.dir, platter);
    if usable.as_ref().is_err_and(StoreError::is_full) && reserve.give_back() {
        usable = probe(&settings.dir, platter);
    }
    let opened = usable.and_then(|()| format::enter(&settings.dir)).and_then(|()| {
        open_lanes(settings, platter, &mut found).or_else(|error| {
            // A store on a full disk is not damaged.
            if reserve.give_back() {
                return open_lanes(settings, platter, &mut found);
            }
            replace(settings, &error, &mut found.remarks)?;
            open_lanes(settings, platter, &mut found)
        })
    });
    reserve.take();
    match opened {
        Ok(lanes) => (Some(lanes), found),
        Err(error) => {
            found.remarks.push(Remark::MemoryOnly { reason: error.chain() });
            (None, Found { past: Past { without_store: true, ..Past::default() }, ..found })
        }
    }
}

/// Makes sure that the disk takes anything before sled meets it: sled may end the process where it does not, and a
/// store on a disk that takes nothing is not damaged and must not be set aside.
pub(super) fn probe(dir: &Path, platter: &Platter) -> Result<(), StoreError> {
    let path = dir.join("probe");
    replace_file(&path, &[0; PROBE])?;
    let file = fs::File::open(&path).doing("open", &path)?;
    platter.sync(&file).doing("sync", &path)?;
    match room::free(dir) {
        Some(free) if free < FREE_MIN => {
            Err(io::ErrorKind::StorageFull.into()).doing("find room for a store in", dir)
        }
        _ => Ok(()),
    }
}

/// Whether a disk that took no store before would take one now, with room to work.
#[must_use]
pub fn can_open(dir: &Path, size: u64) -> bool {
    let reserve = Reserve::new(dir, size);
    fs::create_dir_all(dir).is_ok()
        && probe(dir, &Platter::System).and_then(|()| format::enter(dir)).is_ok()
        && reserve.would_fit(dir)
}

fn open_lanes(settings: &Settings, platter: &Platter, found: &mut Found) -> Result<Lanes, StoreError> {
    let mut readings = Recovered::read(place(settings, Lane::Readings, platter))?;
    let alarms = Recovered::read(place(settings, Lane::Alarms, platter))?;
    found.stored = readings.newest_identities(REPEATABLE_MAX, settings.identify);
    let generations = readings.set_aside + alarms.set_aside;
    if generations > 0 {
        found.remarks.push(Remark::SetAside { generations, dir: settings.dir.join("quarantine") });
    }
    let run = alarms.newest_run().or_else(|| readings.newest_run());
    let previous = run.map(|run| Previous {
        last_reading: readings.last_of(&run),
        last_alarm: alarms.last_of(&run),
        run,
    });
    found.past = Past::new(alarms.manifest.clone().or_else(|| readings.manifest.clone()), previous);
    found.state.clone_from(&alarms.state);
    let manifest = found.past.manifest(&settings.run, &settings.started);
    let readings = readings.begin(1, manifest.clone(), None)?;
    let alarms = alarms.begin(1, manifest, found.state.clone())?;
    Ok(Lanes { readings, alarms })
}

/// Takes both lanes out of the way, whole.
fn replace(settings: &Settings, error: &StoreError, remarks: &mut Vec<Remark>) -> Result<(), StoreError> {
    let quarantine = place(settings, Lane::Readings, &Platter::System).quarantine;
    for lane in ["readings", "alarms"] {
        let lane = settings.dir.join(lane);
        if lane.exists() {
            let aside = quarantine.take(&lane)?;
            remarks.push(Remark::Replaced { dir: aside, reason: error.chain() });
        }
    }
    Ok(())
}

pub(super) fn place(settings: &Settings, lane: Lane, platter: &Platter) -> Place {
    let size = settings.size.max(SIZE_MIN);
    let (name, share, yields) = match (lane, settings.when_full) {
        (Lane::Readings, WhenFull::DropOldestReadings) => ("readings", readings_max(size), Yields::Oldest),
        (Lane::Readings, WhenFull::Wait) => ("readings", readings_max(size), Yields::Nothing),
        (Lane::Alarms, _) => ("alarms", size - readings_max(size), Yields::Middles),
    };
    let generation = generation(share);
    Place {
        dir: settings.dir.join(name),
        // Both lanes' parts lie there: one bound, or the smaller lane would throw away what the larger may keep.
        quarantine: Quarantine::new(&settings.dir, self::generation(readings_max(size))),
        naming: naming(settings, lane),
        bound: Bound {
            bytes: share,
            generation,
            yields,
            // The generation that is written to must be able to grow to its end, and the next to begin. Alarms take what
            // there is: readings make room for them.
            free_min: if lane == Lane::Readings { generation + FREE_MIN } else { 0 },
        },
        platter: platter.clone(),
        through: Through::new(settings.run_dir.as_deref(), lane),
    }
}

/// The bytes of a generation in a lane of so many.
fn generation(share: u64) -> u64 {
    (share / 32).clamp(1 << 20, GENERATION_MAX)
}

pub(super) fn naming(settings: &Settings, lane: Lane) -> Naming {
    Naming { agent: settings.agent.clone(), run: settings.run.clone(), lane }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::store_tests::settings;
    use super::*;

    #[test]
    fn both_lanes_set_aside_within_one_bound() {
        for size in [SIZE_MIN, 1 << 30, 2 << 30] {
            let settings = Settings { size, ..settings(Path::new("store"), "run-1") };
            let of = |lane| place(&settings, lane, &Platter::System).quarantine;
            assert_eq!(of(Lane::Readings), of(Lane::Alarms));
        }
    }
}
