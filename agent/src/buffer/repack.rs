//! Joins the small frames of a generation that waits for Kafka into full ones, in a thread of its own; where there is no
//! more room for alarms, it merges those that are over as well.
//!
//! At bedside rates a group is a handful of records, and what is on disk is mostly what sled adds to each frame and what
//! each body says anew. Full frames take a tenth of it. The copy is made beside the original and read back; only then may
//! the lane put it in the original's place. Whatever goes wrong costs the copy and nothing else.

mod copy;
mod merge;
mod original;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tracing::warn;

use self::copy::{Copying, Fingerprint};
use self::merge::Merger;
use self::original::Original;
use super::Item;
use super::codec::Effort;
use super::durable::{Platter, StoreError};
use super::facts::{Facts, Naming};
use super::generation::{Generation, beside, blocks};
use super::pack::Packer;
use super::sample;

/// Records that wait to be packed together: enough to fill a frame however well they shrink, some 1,600 sets of eight
/// vitals. More is never held, but for one body of the original.
const PENDING: usize = 1536 << 10;

/// What is repacked, and for whom.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) dir: PathBuf,
    /// Of the run that wrote it.
    pub(super) naming: Naming,
    pub(super) facts: Facts,
    pub(super) platter: Platter,
    pub(super) work: Work,
    pub(super) effort: Effort,
}

/// What is done with a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Its frames are filled.
    Repack,
    /// Of alarms that are over, what lies between start and end goes as well.
    Merge,
}

/// Why a generation was left as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Left {
    #[error("it was needed otherwise")]
    Cancelled,
    #[error("it would take no less room")]
    NotSmaller,
    /// Not every number was found in it, or some twice: that is for the reader to tell.
    #[error("not everything could be read from it")]
    Incomplete,
    #[error("the copy did not read like it")]
    Differs,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A generation that is being repacked; dropped, it is left as it is.
#[derive(Debug)]
pub(super) struct Repacking {
    beside: PathBuf,
    cancelled: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Repacked, Left>>>,
}

/// What a copy holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Repacked {
    pub(super) records: u64,
    /// Bytes of its records before they were packed.
    pub(super) raw: u64,
    /// Bytes of its frames.
    pub(super) frames: u64,
}

impl Repacking {
    pub(super) fn start(job: Job) -> io::Result<Self> {
        let beside = beside(&job.dir);
        let cancelled = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&cancelled);
        let thread = thread::Builder::new().name("store-repack".into()).spawn(move || repack(&job, &stop))?;
        Ok(Self { beside, cancelled, thread: Some(thread) })
    }

    /// Where the copy is.
    pub(super) fn beside(&self) -> &Path {
        &self.beside
    }

    /// Ends it soon: after the batch that is being written, or the body that is being read.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for its end. If all went well, the copy stands beside, holds what it should and is smaller, and is of use only
    /// if it takes the original's place at once. Otherwise it is gone.
    pub(super) fn finish(mut self) -> Result<Repacked, Left> {
        self.join()
    }

    fn join(&mut self) -> Result<Repacked, Left> {
        let thread = self.thread.take().ok_or(Left::Cancelled)?;
        // A panic has been told by its hook.
        let outcome = thread.join().unwrap_or(Err(Left::Incomplete));
        if outcome.is_err() {
            remove(&self.beside);
        }
        outcome
    }
}

impl Drop for Repacking {
    fn drop(&mut self) {
        self.cancel();
        if self.join().is_ok() {
            remove(&self.beside);
        }
    }
}

fn remove(beside: &Path) {
    match fs::remove_dir_all(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            warn!(%error, path = %beside.display(), "A copy cannot be removed; the next start does it.");
        }
        _ => {}
    }
}

/// The thread's work; returns what the copy holds.
fn repack(job: &Job, stop: &AtomicBool) -> Result<Repacked, Left> {
    let original = Original::find(&job.dir, stop)?;
    let merger = match job.work {
        Work::Repack => None,
        Work::Merge => Some(Merger::find(original.bodies())?),
    };
    let generation = Generation::create_beside(&job.dir, &job.naming, &job.facts, job.platter.clone())?;
    let mut copying = Copying::new(generation, blocks(&job.dir), stop);
    let mut packing = Packing::new(job, merger);
    packing.pack(&original, &mut copying)?;
    drop(copying);
    let beside = beside(&job.dir);
    // sled writes its snapshot only when it is opened again, and what was written is to be read.
    let copy = Generation::open(&beside, job.platter.clone())?;
    if copy::fingerprint(&copy, stop)? != packing.fingerprint.sum() {
        return Err(Left::Differs);
    }
    drop(copy);
    if blocks(&beside) < blocks(&job.dir) { Ok(packing.repacked) } else { Err(Left::NotSmaller) }
}

/// What is on its way from the original to the copy.
struct Packing<'a> {
    job: &'a Job,
    /// Where alarms are merged; of readings nobody looks into the bodies.
    merger: Option<Merger>,
    packer: Packer,
    pending: Vec<Item>,
    weight: usize,
    /// Of all that has been packed.
    fingerprint: Fingerprint,
    repacked: Repacked,
}

impl<'a> Packing<'a> {
    fn new(job: &'a Job, merger: Option<Merger>) -> Self {
        Self {
            job,
            merger,
            packer: Packer::new(job.effort),
            pending: Vec::new(),
            weight: 0,
            fingerprint: Fingerprint::default(),
            repacked: Repacked::default(),
        }
    }

    /// Copies everything that is to stay, in full frames.
    fn pack(&mut self, original: &Original, copying: &mut Copying<'_>) -> Result<(), Left> {
        let mut next = self.job.facts.first;
        for body in original.bodies() {
            for item in body.ok_or(Left::Incomplete)? {
                let (first, last) = item.range();
                if first != next {
                    return Err(Left::Incomplete);
                }
                next = last + 1;
                self.take(item);
            }
            while self.weight > PENDING {
                self.pack_one(copying);
            }
            copying.write_blocks()?;
        }
        if next != self.job.facts.last + 1 {
            return Err(Left::Incomplete);
        }
        while !self.pending.is_empty() {
            self.pack_one(copying);
        }
        let specials = original.specials().ok_or(Left::Incomplete)?;
        for (key, frame) in &specials {
            self.fingerprint.add_special(*key, frame);
        }
        copying.write_rest(specials)?;
        self.repacked.frames = copying.stored();
        Ok(())
    }

    fn take(&mut self, item: Item) {
        let item = match &self.merger {
            Some(merger) => merger.merge(&self.job.naming, item),
            None => item,
        };
        if !self.pending.last_mut().is_some_and(|it| merge::join(it, &item)) {
            self.weight += item.weight();
            self.pending.push(item);
        }
    }

    /// Packs the first body of what waits.
    fn pack_one(&mut self, copying: &mut Copying<'_>) {
        let taken = self.packer.pack_next(&self.job.naming, &self.pending, copying.frames());
        for item in self.pending.drain(..taken) {
            self.weight -= item.weight();
            self.fingerprint.add(&item);
            self.repacked.records += u64::from(matches!(item, Item::Record(_)));
            self.repacked.raw += sample::bytes(&item);
        }
    }
}
