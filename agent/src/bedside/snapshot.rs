//! The engines' state over a restart: where it is kept, and which of two copies is believed.
//!
//! Two copies, for two kinds of end. The run directory is memory: written every quarter of a second, it survives a
//! killed process with every timer, and no loss of power. The alarm lane of the store gets the beds with something that a
//! loss of power must not take beside each alarm record, and survives both. The newest of each bed is believed: the store
//! is ahead by what happened in the last quarter of a second, and says nothing of the other beds.
//!
//! A bed is encoded when its engine has changed, and not with every document: most beds of a large floor are as they were a
//! quarter of a second ago. It is the document that says until when a bed was watched.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
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

/// Written at once, bytes: some beds of some kilobytes each.
const WRITE: usize = 64 * 1024;

/// The number of the next document; a process is one run.
static NUMBER: AtomicU64 = AtomicU64::new(1);

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
    beds: BTreeMap<Arc<Name>, Kept>,
    agent: Option<(AgentSnapshot, Boot)>,
}

/// A bed's snapshot, encoded; its `at` is when the engine changed last, or later.
pub(super) type EncodedBed = Arc<RawValue>;

/// What is kept of all beds, as it is written.
pub type EncodedDocument = Document<EncodedBed>;

/// The engines' state at one moment.
#[derive(Debug, Serialize, Deserialize)]
pub struct Document<B> {
    version: u32,
    boot: String,
    run: String,
    /// Until when every bed in it was watched.
    up_ms: Uptime,
    /// Its number in its run, from 1: one millisecond may see several. 0 of a version that did not count.
    #[serde(default)]
    number: u64,
    beds: BTreeMap<Arc<Name>, B>,
    /// The agent's own alarms.
    #[serde(default)]
    agent: Option<AgentSnapshot>,
}

impl KeptBeds {
    /// What an earlier run left: of each bed the newest that the run directory or the store has.
    #[must_use]
    pub fn load(run_dir: &Path, store: Option<&[u8]>) -> Self {
        let near = match fs::read(run_dir.join(FILE)) {
            Ok(bytes) => parse(&bytes, "the run directory"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                warn!(%error, "The alarms kept in the run directory cannot be read.");
                None
            }
        };
        let far = store.and_then(|bytes| parse(bytes, "the store"));
        let Some(document) = newest(near, far, clock::boot_id()) else { return Self::default() };
        let boot = if document.boot == clock::boot_id() { Boot::Same } else { Boot::Other };
        let beds: BTreeMap<_, _> =
            document.beds.into_iter().map(|(bed, snapshot)| (bed, Kept { snapshot, boot })).collect();
        info!(beds = beds.len(), run = document.run, "The alarms of an earlier run are taken up again.");
        Self { beds, agent: document.agent.map(|it| (it, boot)) }
    }

    /// Whether the run directory remembers something of this boot.
    #[must_use]
    pub fn is_near(run_dir: &Path) -> bool {
        let near = fs::read(run_dir.join(FILE)).ok();
        near.and_then(|it| parse(&it, "the run directory")).is_some_and(|it| it.boot == clock::boot_id())
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

/// What is newest of each bed in the run directory, of this boot, and in the store.
fn newest(
    near: Option<Document<Snapshot>>,
    far: Option<Document<Snapshot>>,
    boot: &str,
) -> Option<Document<Snapshot>> {
    match (near.filter(|it| it.boot == boot), far) {
        (Some(near), Some(far)) if far.is_newer_than(&near) => Some(near.brought_up_by(far)),
        (Some(near), _) => Some(near),
        (None, far) => far,
    }
}

impl Document<Snapshot> {
    fn is_newer_than(&self, other: &Self) -> bool {
        if self.run == other.run {
            self.number > other.number
        } else {
            self.boot == other.boot && self.up_ms > other.up_ms
        }
    }

    /// The whole of a moment, with what the store got later.
    fn brought_up_by(mut self, newer: Self) -> Self {
        // Of a bed that the newer does not name nothing was worth keeping by then: what this has of it is over.
        self.beds.retain(|bed, snapshot| newer.beds.contains_key(bed) || !snapshot.is_worth_keeping());
        self.beds.extend(newer.beds);
        Self { beds: self.beds, ..newer }
    }

    /// A bed in which nothing has happened since was watched all the same: what counts from a snapshot, as silence does
    /// over a restart (E34), counts from the document.
    fn watched(mut self) -> Self {
        for snapshot in self.beds.values_mut() {
            snapshot.at = snapshot.at.max(self.up_ms);
        }
        self
    }
}

fn parse(bytes: &[u8], place: &str) -> Option<Document<Snapshot>> {
    match serde_json::from_slice::<Document<Snapshot>>(bytes) {
        Ok(document) if document.version == 1 => Some(document.watched()),
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
    beds: &mut BTreeMap<Arc<Name>, BedState>,
    own: &OwnAlarms,
    run: &str,
    now: Uptime,
) -> Option<Arc<EncodedDocument>> {
    document(beds.iter_mut(), own, run, now).map(Arc::new)
}

/// The beds with open alarms, or with a stay or limits of its own, for the alarm lane.
pub(super) fn durable(
    beds: &mut BTreeMap<Arc<Name>, BedState>,
    own: &OwnAlarms,
    run: &str,
    now: Uptime,
) -> Arc<[u8]> {
    let document = document(beds.iter_mut().filter(|(_, bed)| bed.is_worth_keeping()), own, run, now);
    document.and_then(|it| serde_json::to_vec(&it).ok()).map_or_else(|| Arc::from([]), Arc::from)
}

/// None where a bed cannot be encoded: a document without it would say that nothing of it was worth keeping.
fn document<'a>(
    beds: impl Iterator<Item = (&'a Arc<Name>, &'a mut BedState)>,
    own: &OwnAlarms,
    run: &str,
    now: Uptime,
) -> Option<EncodedDocument> {
    Some(Document {
        version: 1,
        boot: clock::boot_id().into(),
        run: run.into(),
        up_ms: now,
        number: NUMBER.fetch_add(1, Ordering::Relaxed),
        beds: beds.map(|(id, bed)| Some((Arc::clone(id), bed.encoded(now)?))).collect::<Option<_>>()?,
        agent: Some(own.snapshot(now)),
    })
}

/// Takes the newest state of the engines; a newer one replaces one that is not written yet.
pub type Keeping = watch::Sender<Option<Arc<EncodedDocument>>>;

/// Writes the engines' state into the run directory, by rename, in a thread of its own: the directory may be a disk.
///
/// The thread ends when the sender is gone, after it has written the last.
pub fn keep_in(run_dir: &Path) -> io::Result<(Keeping, thread::JoinHandle<()>)> {
    let (sender, receiver) = watch::channel(None);
    let path = run_dir.join(FILE);
    let thread =
        thread::Builder::new().name("keep-alarms".into()).spawn(move || write_all(receiver, &path))?;
    Ok((sender, thread))
}

fn write_all(mut state: watch::Receiver<Option<Arc<EncodedDocument>>>, path: &Path) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let mut said = false;
    loop {
        let open = runtime.block_on(state.changed()).is_ok();
        let newest = state.borrow_and_update().clone();
        match newest.map_or(Ok(()), |it| replace(path, &it)) {
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

fn replace(path: &Path, state: &EncodedDocument) -> io::Result<()> {
    let new: PathBuf = path.with_extension("new");
    let mut file = BufWriter::with_capacity(WRITE, fs::File::create(&new)?);
    serde_json::to_writer(&mut file, state)?;
    file.flush()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests;
