//! Gives the store its threads at once, and lets them wait for what is found on disk.
//!
//! A slow disk must not delay the first alarm: bedside and forwarder get their ends before the disk has been asked.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::sync::watch;
use vitals::record::ledger::Lane;

use super::disk::DiskLane;
use super::durable::Platter;
use super::entry::Load;
use super::facts::Naming;
use super::feed::Feed;
use super::found::{self, Found, Remark, naming};
use super::group::Pending;
use super::intake::{Intake, LaneIntake};
use super::memory::MemoryLane;
use super::offers::Offers;
use super::progress::{Progress, StoreState};
use super::reader::LaneReader;
use super::rescue::Rescue;
use super::writer::{ALARMS_COALESCE, Course, Medium, Owner, beginning};
use super::{Mark, Settings};
use crate::clock;

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

/// The store's ends. What is offered before the disk has answered waits in memory.
#[derive(Debug)]
pub struct Opened {
    /// Bedside's end.
    pub intake: Intake,
    /// The forwarder's end of the readings.
    pub readings: LaneReader,
    /// The forwarder's end of the alarms.
    pub alarms: LaneReader,
    /// Gets once what was found on disk.
    pub found: mpsc::Receiver<Found>,
}

/// Begins to open the store. Only a second agent on the same directory is refused.
pub fn open(settings: Settings) -> Result<Opened, OpenError> {
    open_on(settings, Platter::System)
}

pub(super) fn open_on(settings: Settings, platter: Platter) -> Result<Opened, OpenError> {
    let (lock, no_disk) = match lock(&settings.dir) {
        Ok(lock) => {
            let failed = "it failed a short while ago".to_owned();
            (Some(Arc::new(lock)), settings.memory_only.then_some(failed))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(OpenError::AlreadyInUse { dir: settings.dir });
        }
        Err(error) => (None, Some(format!("{} cannot be used: {error}", settings.dir.display()))),
    };
    let progress = Arc::new(watch::Sender::new(Progress::new(StoreState::Ok, &settings.run, settings.size)));
    let (senders, marks) = (0..settings.links).map(|_| watch::channel(Mark::default())).unzip();
    let spawn = |lane, marks, age| {
        let rescue = Rescue { settings: settings.clone(), platter: platter.clone() };
        spawn_lane(naming(&settings, lane), Arc::clone(&progress), marks, age, lock.clone(), rescue)
            .map_err(OpenError::Thread)
    };
    let readings = spawn(Lane::Readings, senders, settings.commit_every)?;
    let alarms = spawn(Lane::Alarms, Vec::new(), ALARMS_COALESCE)?;
    let (tell, found) = mpsc::sync_channel(1);
    let search =
        Search { progress: Arc::clone(&progress), readings: readings.disk, alarms: alarms.disk, tell };
    thread::Builder::new()
        .name("store-open".into())
        .spawn(move || search.run(&settings, &platter, no_disk))
        .map_err(OpenError::Thread)?;
    let intake = Intake { readings: readings.intake, alarms: alarms.intake, progress, marks };
    Ok(Opened { intake, readings: readings.reader, alarms: alarms.reader, found })
}

/// A look at whether an agent works here takes the lock for a moment, which is no reason not to start.
const LOCK_WAIT: Duration = Duration::from_millis(300);

fn lock(dir: &Path) -> io::Result<File> {
    fs::create_dir_all(dir)?;
    let file = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    let begin = clock::instant();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if begin.elapsed() < LOCK_WAIT => thread::sleep(LOCK_WAIT / 30),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether an agent works on a store: asked without changing anything, and without keeping one from starting.
pub fn is_in_use(dir: &Path) -> io::Result<bool> {
    let file = match File::open(dir.join("lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// What a lane's thread waits for: its part of the disk, or word that there is none.
type Disk = Option<Box<DiskLane>>;

/// The search on the disk, which may take as long as the disk does.
struct Search {
    progress: Arc<watch::Sender<Progress>>,
    readings: mpsc::SyncSender<Disk>,
    alarms: mpsc::SyncSender<Disk>,
    tell: mpsc::SyncSender<Found>,
}

impl Search {
    fn run(self, settings: &Settings, platter: &Platter, no_disk: Option<String>) {
        let (lanes, found) = match no_disk {
            Some(reason) => (None, Found::nothing(Remark::MemoryOnly { reason })),
            None => found::lanes(settings, platter),
        };
        if lanes.is_none() {
            self.progress.send_modify(|it| it.state = StoreState::Memory);
        }
        let (readings, alarms) = lanes.map(|it| (Box::new(it.readings), Box::new(it.alarms))).unzip();
        // Whoever is gone by now needs nothing.
        let _ = self.tell.send(found);
        let _ = self.readings.send(readings);
        let _ = self.alarms.send(alarms);
    }
}

/// A lane's thread, by its ends.
struct Ends {
    intake: LaneIntake,
    reader: LaneReader,
    disk: mpsc::SyncSender<Disk>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "bounded in bytes by `intake::QUEUE_MAX` and `feed::FEED_MAX`, which no count of messages can do"
)]
fn spawn_lane(
    naming: Naming,
    progress: Arc<watch::Sender<Progress>>,
    marks: Vec<watch::Sender<Mark>>,
    age: Duration,
    lock: Option<Arc<File>>,
    rescue: Rescue,
) -> io::Result<Ends> {
    let (commands, taken) = mpsc::channel();
    let (to_reader, meals) = mpsc::channel();
    let (disk, found) = mpsc::sync_channel::<Disk>(1);
    let (load, reader_load) = (Arc::new(Load::default()), Arc::new(Load::default()));
    let shed = Arc::new(watch::Sender::new(None));
    let offers = Arc::new(Offers::default());
    let (taken_from, weighed) = (Arc::clone(&offers), Arc::clone(&load));
    let intake = LaneIntake::new(naming.lane, commands.clone(), taken_from, weighed, Arc::clone(&shed));
    let reader = LaneReader::new(commands, meals, Arc::clone(&reader_load));
    thread::Builder::new().name(format!("store-{}", naming.lane.letter())).spawn(move || {
        let Ok(disk) = found.recv() else { return };
        let medium = match disk {
            Some(disk) => Medium::Disk(disk),
            None => Medium::Memory(MemoryLane::new(naming.clone())),
        };
        let start = match &medium {
            Medium::Disk(disk) => disk.acknowledged().clone(),
            Medium::Memory(_) => beginning(&naming),
        };
        let feed = Feed::new(to_reader, reader_load, start);
        let (pending, course) = (Pending::default(), Course::default());
        Owner {
            naming,
            commands: taken,
            offers,
            load,
            shed,
            medium,
            feed,
            lock,
            progress,
            marks,
            age,
            rescue,
            pending,
            course,
        }
        .run();
    })?;
    Ok(Ends { intake, reader, disk })
}
