//! Opens the store, whatever state it is in: what does not open is set aside, and without a disk there is memory.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::sync::watch;
use vitals::record::ledger::Lane;

use super::disk::{Bound, DiskLane, Place, Recovered};
use super::durable::{Platter, StoreError};
use super::entry::Load;
use super::facts::Naming;
use super::feed::Feed;
use super::group::Pending;
use super::intake::{Intake, LaneIntake};
use super::memory::MemoryLane;
use super::progress::{Progress, StoreState};
use super::quarantine::Quarantine;
use super::reader::LaneReader;
use super::writer::{ALARMS_COALESCE, Course, Medium, Owner, beginning};
use super::{EngineState, Mark, Previous, SIZE_MIN, Settings};

/// Why the store was not opened, not even in memory.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two agents on one store would tear it apart.
    #[error("another agent works on the store in {dir}")]
    AlreadyInUse {
        /// The store's directory.
        dir: PathBuf,
    },
    /// The system gives no thread.
    #[error("cannot start a thread for the store")]
    Thread(#[source] io::Error),
}

/// The store, open.
#[derive(Debug)]
pub struct Opened {
    /// Bedside's end.
    pub intake: Intake,
    /// The forwarder's end of the readings.
    pub readings: LaneReader,
    /// The forwarder's end of the alarms.
    pub alarms: LaneReader,
    /// The engines' newest state.
    pub state: Option<Arc<[u8]>>,
    /// The run before this one.
    pub previous: Option<Previous>,
    /// What an operator must know.
    pub remarks: Vec<Remark>,
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

/// Opens the store. Only a second agent on the same directory is refused.
#[expect(clippy::needless_pass_by_value, reason = "settings belong to the store that was made of them")]
pub fn open(settings: Settings) -> Result<Opened, OpenError> {
    let mut remarks = Vec::new();
    let store = Store::open(&settings, &Platter::System, &mut remarks)?;
    start(&settings, store, remarks)
}

#[cfg(test)]
pub(super) fn open_on(settings: &Settings, platter: &Platter) -> Result<Opened, OpenError> {
    let mut remarks = Vec::new();
    let store = Store::open(settings, platter, &mut remarks)?;
    start(settings, store, remarks)
}

/// Both lanes, before they have threads.
struct Store {
    /// Held while anybody uses the directory, or chose not to.
    lock: Option<Arc<File>>,
    lanes: Option<(DiskLane, DiskLane)>,
    state: Option<EngineState>,
    previous: Option<Previous>,
}

impl Store {
    const fn memory(lock: Option<Arc<File>>) -> Self {
        Self { lock, lanes: None, state: None, previous: None }
    }

    fn open(settings: &Settings, platter: &Platter, remarks: &mut Vec<Remark>) -> Result<Self, OpenError> {
        let lock = match lock(&settings.dir) {
            Ok(lock) => Arc::new(lock),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(OpenError::AlreadyInUse { dir: settings.dir.clone() });
            }
            Err(error) => {
                let reason = format!("{} cannot be used: {error}", settings.dir.display());
                remarks.push(Remark::MemoryOnly { reason });
                return Ok(Self::memory(None));
            }
        };
        if settings.memory_only {
            let reason = "it failed twice within a short time".to_owned();
            remarks.push(Remark::MemoryOnly { reason });
            return Ok(Self::memory(Some(lock)));
        }
        let lanes = Self::lanes(settings, platter, remarks).or_else(|error| {
            Self::replace(&settings.dir, &error, remarks)?;
            Self::lanes(settings, platter, remarks)
        });
        Ok(match lanes {
            Ok(store) => Self { lock: Some(lock), ..store },
            Err(error) => {
                remarks.push(Remark::MemoryOnly { reason: error.chain() });
                Self::memory(Some(lock))
            }
        })
    }

    fn lanes(settings: &Settings, platter: &Platter, remarks: &mut Vec<Remark>) -> Result<Self, StoreError> {
        let readings = Recovered::read(place(settings, Lane::Readings, platter))?;
        let alarms = Recovered::read(place(settings, Lane::Alarms, platter))?;
        let generations = readings.set_aside + alarms.set_aside;
        if generations > 0 {
            remarks.push(Remark::SetAside { generations, dir: settings.dir.join("quarantine") });
        }
        let run = alarms.newest_run().or_else(|| readings.newest_run());
        let previous = run.map(|run| Previous {
            last_reading: readings.last_of(&run),
            last_alarm: alarms.last_of(&run),
            run,
        });
        let state = alarms.state.clone();
        let manifest = serde_json::json!({
            "run": &*settings.run,
            "started_at": settings.started.at.to_string(),
            "previous": &previous,
        });
        let readings = readings.begin(manifest.to_string().into(), None)?;
        let alarms = alarms.begin(manifest.to_string().into(), state.clone())?;
        Ok(Self { lock: None, lanes: Some((readings, alarms)), state, previous })
    }

    /// Takes both lanes out of the way, whole.
    fn replace(dir: &Path, error: &StoreError, remarks: &mut Vec<Remark>) -> Result<(), StoreError> {
        let quarantine = Quarantine::new(dir);
        for lane in ["readings", "alarms"] {
            let lane = dir.join(lane);
            if lane.exists() {
                let aside = quarantine.take(&lane)?;
                remarks.push(Remark::Replaced { dir: aside, reason: error.chain() });
            }
        }
        Ok(())
    }
}

fn lock(dir: &Path) -> io::Result<File> {
    fs::create_dir_all(dir)?;
    let file = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

fn place(settings: &Settings, lane: Lane, platter: &Platter) -> Place {
    let size = settings.size.max(SIZE_MIN);
    let (name, share, evicts) = match lane {
        Lane::Readings => ("readings", size - size / 8, true),
        Lane::Alarms => ("alarms", size / 8, false),
    };
    Place {
        dir: settings.dir.join(name),
        quarantine: Quarantine::new(&settings.dir),
        naming: naming(settings, lane),
        bound: Bound {
            bytes: evicts.then_some(share),
            generation: (share / 32).clamp(1 << 20, 16 << 20),
            when_full: settings.when_full,
        },
        platter: platter.clone(),
    }
}

fn naming(settings: &Settings, lane: Lane) -> Naming {
    Naming { agent: settings.agent.clone(), run: settings.run.clone(), lane }
}

/// Gives each lane its thread.
fn start(settings: &Settings, store: Store, remarks: Vec<Remark>) -> Result<Opened, OpenError> {
    let state = if store.lanes.is_some() { StoreState::Ok } else { StoreState::Memory };
    let progress = Arc::new(watch::Sender::new(Progress::new(state, &settings.run, settings.size)));
    let (senders, marks) = (0..settings.links).map(|_| watch::channel(Mark::default())).unzip();
    let (readings, alarms) = store.lanes.unzip();
    let spawn = |lane, disk: Option<DiskLane>, marks, age| {
        let naming = naming(settings, lane);
        let medium = match disk {
            Some(disk) => Medium::Disk(Box::new(disk)),
            None => Medium::Memory(MemoryLane::new(naming.clone())),
        };
        spawn_lane(naming, medium, Arc::clone(&progress), marks, age, store.lock.clone())
            .map_err(OpenError::Thread)
    };
    let (readings_in, readings) = spawn(Lane::Readings, readings, senders, settings.commit_every)?;
    let (alarms_in, alarms) = spawn(Lane::Alarms, alarms, Vec::new(), ALARMS_COALESCE)?;
    Ok(Opened {
        intake: Intake { readings: readings_in, alarms: alarms_in, progress, marks },
        readings,
        alarms,
        state: store.state,
        previous: store.previous,
        remarks,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "bounded in bytes by `intake::QUEUE_MAX` and `feed::FEED_MAX`, which no count of messages can do"
)]
fn spawn_lane(
    naming: Naming,
    medium: Medium,
    progress: Arc<watch::Sender<Progress>>,
    marks: Vec<watch::Sender<Mark>>,
    age: Duration,
    lock: Option<Arc<File>>,
) -> io::Result<(LaneIntake, LaneReader)> {
    let (commands, taken) = mpsc::channel();
    let (to_reader, fed) = mpsc::channel();
    let (load, reader_load) = (Arc::new(Load::default()), Arc::new(Load::default()));
    let shed = Arc::new(watch::Sender::new(None));
    let start = match &medium {
        Medium::Disk(disk) => disk.acknowledged().clone(),
        Medium::Memory(_) => beginning(&naming),
    };
    let lane = naming.lane;
    let owner = Owner {
        naming,
        commands: taken,
        load: Arc::clone(&load),
        shed: Arc::clone(&shed),
        medium,
        feed: Feed::new(to_reader, Arc::clone(&reader_load), start),
        progress,
        marks,
        age,
        pending: Pending::default(),
        course: Course::default(),
        lock,
    };
    thread::Builder::new().name(format!("store-{}", lane.letter())).spawn(move || owner.run())?;
    let intake = LaneIntake::new(lane, commands.clone(), load, shed);
    Ok((intake, LaneReader::new(commands, fed, reader_load)))
}
