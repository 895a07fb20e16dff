//! Joins the small frames of a generation that waits for Kafka into full ones, in a thread of its own.
//!
//! At bedside rates a group is a handful of records, and what is on disk is mostly what sled adds to each frame and what
//! each body says anew. Full frames take a tenth of it. The copy is made beside the original and read back; only then may
//! the lane put it in the original's place. Whatever goes wrong costs the copy and nothing else.

mod copy;
mod original;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tracing::warn;

use self::copy::{Copying, Fingerprint};
use self::original::Original;
use super::Item;
use super::codec::Effort;
use super::durable::{Platter, StoreError};
use super::facts::{Facts, Naming};
use super::generation::{Generation, beside, blocks};
use super::pack::Packer;

/// Records that wait to be packed together: enough to fill a frame however well they shrink, some 800 sets of eight
/// vitals. More is never held, but for one body of the original.
const PENDING: usize = 768 << 10;

/// What is repacked, and for whom.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) dir: PathBuf,
    /// Of the run that wrote it.
    pub(super) naming: Naming,
    pub(super) facts: Facts,
    pub(super) platter: Platter,
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
    thread: Option<JoinHandle<Result<(), Left>>>,
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

    /// Waits for its end. If all went well, the copy stands beside, holds the same and is smaller, and is of use only if it
    /// takes the original's place at once; otherwise it is gone.
    pub(super) fn finish(mut self) -> Result<(), Left> {
        self.join()
    }

    fn join(&mut self) -> Result<(), Left> {
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

/// The thread's work.
fn repack(job: &Job, stop: &AtomicBool) -> Result<(), Left> {
    let original = Original::find(&job.dir, stop)?;
    let generation = Generation::create_beside(&job.dir, &job.naming, &job.facts, job.platter.clone())?;
    let mut copying = Copying::new(generation, blocks(&job.dir), stop);
    let expected = pack(job, &original, &mut copying)?;
    drop(copying);
    let beside = beside(&job.dir);
    // sled writes its snapshot only when it is opened again, and what was written is to be read.
    let copy = Generation::open(&beside, job.platter.clone())?;
    if copy::fingerprint(&copy, stop)? != expected {
        return Err(Left::Differs);
    }
    drop(copy);
    if blocks(&beside) < blocks(&job.dir) { Ok(()) } else { Err(Left::NotSmaller) }
}

/// Copies everything, in full frames; returns the fingerprint of what that is.
fn pack(job: &Job, original: &Original, copying: &mut Copying<'_>) -> Result<u64, Left> {
    let mut packer = Packer::new(Effort::Thorough);
    let mut fingerprint = Fingerprint::default();
    let (mut pending, mut weight, mut next) = (Vec::new(), 0, job.facts.first);
    for body in original.bodies() {
        for item in body.ok_or(Left::Incomplete)? {
            let (first, last) = item.range();
            if first != next {
                return Err(Left::Incomplete);
            }
            next = last + 1;
            weight += item.weight();
            fingerprint.add(&item);
            pending.push(item);
        }
        while weight > PENDING {
            weight -= pack_one(job, &mut packer, &mut pending, copying);
        }
        copying.write_blocks()?;
    }
    if next != job.facts.last + 1 {
        return Err(Left::Incomplete);
    }
    while !pending.is_empty() {
        pack_one(job, &mut packer, &mut pending, copying);
    }
    let specials = original.specials().ok_or(Left::Incomplete)?;
    for (key, frame) in &specials {
        fingerprint.add_special(*key, frame);
    }
    copying.write_rest(specials)?;
    Ok(fingerprint.sum())
}

/// Packs the first body of what waits; returns what it weighed.
fn pack_one(job: &Job, packer: &mut Packer, pending: &mut Vec<Item>, copying: &mut Copying<'_>) -> usize {
    let taken = packer.pack_next(&job.naming, pending, copying.frames());
    pending.drain(..taken).map(|it| it.weight()).sum()
}
