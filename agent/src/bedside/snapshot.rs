//! The engines' state over a restart: where it is kept, and which of two copies is believed.
//!
//! Two copies, for two kinds of end. The run directory is memory: written every quarter of a second, it survives a
//! killed process with every timer, and no loss of power. The alarm lane of the store gets the beds with open alarms
//! beside each alarm record, and survives both.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::{info, warn};
use vitals::alarm::agent::AgentSnapshot;
use vitals::alarm::snapshot::{Boot, Snapshot};
use vitals::name::Name;
use vitals::time::Uptime;

use super::bed::BedState;
use super::own::OwnAlarms;
use crate::clock;

/// The file in the run directory.
const FILE: &str = "alarms.json";

/// What an earlier run left of one bed.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The engine's state.
    pub snapshot: Snapshot,
    /// Whether the machine has been booted since.
    pub boot: Boot,
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub struct KeptBeds {
    beds: BTreeMap<Name, Kept>,
    agent: Option<(AgentSnapshot, Boot)>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    boot: String,
    run: String,
    up_ms: Uptime,
    beds: BTreeMap<Name, Snapshot>,
    /// The agent's own alarms.
    #[serde(default)]
    agent: Option<AgentSnapshot>,
}

impl KeptBeds {
    /// What an earlier run left: the newer of the run directory's copy and the store's.
    #[must_use]
    pub fn load(run_dir: &Path, store: Option<&[u8]>) -> Self {
        let boot = clock::boot_id();
        let near = match fs::read(run_dir.join(FILE)) {
            Ok(bytes) => parse(&bytes, "the run directory"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                warn!(%error, "The alarms kept in the run directory cannot be read.");
                None
            }
        };
        let far = store.and_then(|bytes| parse(bytes, "the store"));
        let chosen = match (near.filter(|it| it.boot == boot), far) {
            // The store can be ahead of the file by the quarter of a second that the file was not yet written.
            (Some(near), Some(far)) if far.boot == boot && far.up_ms > near.up_ms => Some(far),
            (Some(near), _) => Some(near),
            (None, far) => far,
        };
        let Some(document) = chosen else { return Self::default() };
        let same = if document.boot == boot { Boot::Same } else { Boot::Other };
        let beds: BTreeMap<_, _> =
            document.beds.into_iter().map(|(bed, snapshot)| (bed, Kept { snapshot, boot: same })).collect();
        info!(beds = beds.len(), run = document.run, "The alarms of an earlier run are taken up again.");
        Self { beds, agent: document.agent.map(|it| (it, same)) }
    }

    /// What it left of the agent's own alarms.
    pub(super) fn agent(&self) -> Option<&(AgentSnapshot, Boot)> {
        self.agent.as_ref()
    }

    /// What it left of this bed.
    pub(super) fn take(&mut self, bed: &Name) -> Option<Kept> {
        self.beds.remove(bed)
    }
}

fn parse(bytes: &[u8], place: &str) -> Option<Document> {
    match serde_json::from_slice::<Document>(bytes) {
        Ok(document) if document.version == 1 => Some(document),
        Ok(document) => {
            warn!(
                version = document.version,
                place, "The kept alarms are of another version and are left alone."
            );
            None
        }
        Err(error) => {
            warn!(%error, place, "The kept alarms are damaged and are left alone.");
            None
        }
    }
}

/// Everything, for the run directory.
pub(super) fn whole(
    beds: &BTreeMap<Arc<Name>, BedState>,
    own: &OwnAlarms,
    run: &str,
    now: Uptime,
) -> Arc<[u8]> {
    encode(beds.iter(), own, run, now)
}

/// The beds with open alarms, or with a stay or limits of its own, for the alarm lane.
pub(super) fn durable(beds: &BTreeMap<Arc<Name>, BedState>, own: &OwnAlarms, run: &str) -> Arc<[u8]> {
    encode(beds.iter().filter(|(_, bed)| bed.is_worth_keeping()), own, run, clock::uptime())
}

fn encode<'a>(
    beds: impl Iterator<Item = (&'a Arc<Name>, &'a BedState)>,
    own: &OwnAlarms,
    run: &str,
    now: Uptime,
) -> Arc<[u8]> {
    let document = Document {
        version: 1,
        boot: clock::boot_id().into(),
        run: run.into(),
        up_ms: now,
        beds: beds.map(|(id, bed)| (Name::clone(id), bed.engine().snapshot(now))).collect(),
        agent: Some(own.snapshot(now)),
    };
    serde_json::to_vec(&document).map_or_else(|_| Arc::from([]), Arc::from)
}

/// Takes the newest state of the engines; a newer one replaces one that is not written yet.
pub type Keeping = watch::Sender<Arc<[u8]>>;

/// Writes the engines' state into the run directory, by rename, in a thread of its own: the directory may be a disk.
///
/// The thread ends when the sender is gone, after it has written the last.
pub fn keep_in(run_dir: &Path) -> io::Result<(Keeping, thread::JoinHandle<()>)> {
    let (sender, receiver) = watch::channel(Arc::<[u8]>::from([]));
    let path = run_dir.join(FILE);
    let thread =
        thread::Builder::new().name("keep-alarms".into()).spawn(move || write_all(receiver, &path))?;
    Ok((sender, thread))
}

fn write_all(mut state: watch::Receiver<Arc<[u8]>>, path: &Path) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let mut said = false;
    loop {
        let open = runtime.block_on(state.changed()).is_ok();
        let bytes = state.borrow_and_update().clone();
        match replace(path, &bytes) {
            Ok(()) => said = false,
            Err(error) if !said => {
                warn!(%error, path = %path.display(), "Alarms cannot be kept in the run directory: a restart would not know pending ones.");
                said = true;
            }
            Err(_) => {}
        }
        if !open {
            return;
        }
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let new: PathBuf = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    fs::rename(&new, path)
}
