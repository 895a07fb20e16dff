//! Joins the small frames of a generation that waits for Kafka into full ones, in a thread of its own.
//!
//! At bedside rates a group is a handful of records, and what is on disk is mostly what sled adds to each frame and what
//! each body says anew. Full frames take a tenth of it. The copy is made beside the original and read back; only then may
//! the lane put it in the original's place. Whatever goes wrong costs the copy and nothing else.

mod copy;
mod original;

use std::fmt;
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
use super::durable::{Doing as _, Platter, StoreError};
use super::facts::{Facts, Naming};
use super::generation::{Generation, blocks};
use super::pack::Packer;

/// Records that wait to be packed together: enough to fill a frame however well they shrink, some 600 sets of eight
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

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repacked {
    /// The copy stands beside, holds the same and is smaller.
    Smaller,
    /// The original stays as it is.
    Left(Why),
}

/// Why a generation was left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Cancelled,
    NotSmaller,
    /// Not every number was found in it, or some twice: that is for the reader to tell.
    Incomplete,
    /// The copy did not read like the original.
    Differs,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "it was needed otherwise",
            Self::NotSmaller => "it would take no less room",
            Self::Incomplete => "not everything could be read from it",
            Self::Differs => "the copy did not read like it",
        })
    }
}

/// A generation that is being repacked; dropped, it is left as it is.
#[derive(Debug)]
pub(super) struct Repacking {
    beside: PathBuf,
    cancelled: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Repacked, StoreError>>>,
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

    /// Ends it soon: after the batch that is being written.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for its end. The copy is there afterwards only if it is [`Repacked::Smaller`], and of use only if it takes
    /// the original's place at once.
    pub(super) fn finish(mut self) -> Repacked {
        self.join()
    }

    fn join(&mut self) -> Repacked {
        let Some(thread) = self.thread.take() else { return Repacked::Left(Why::Cancelled) };
        let outcome = match thread.join() {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                warn!(error = error.chain(), "A part of the store cannot be repacked; it stays as it is.");
                Repacked::Left(Why::Incomplete)
            }
            // The panic has been told by its hook.
            Err(_) => Repacked::Left(Why::Incomplete),
        };
        if outcome != Repacked::Smaller {
            remove(&self.beside);
        }
        outcome
    }
}

impl Drop for Repacking {
    fn drop(&mut self) {
        self.cancel();
        if self.join() == Repacked::Smaller {
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

fn beside(dir: &Path) -> PathBuf {
    dir.with_extension("new")
}

/// The thread's work.
fn repack(job: &Job, stop: &AtomicBool) -> Result<Repacked, StoreError> {
    let beside = beside(&job.dir);
    if beside.exists() {
        fs::remove_dir_all(&beside).doing("remove", &beside)?;
    }
    let original = Original::find(&job.dir)?;
    let generation = Generation::create(&beside, &job.naming, &job.facts, job.platter.clone())?;
    let mut copying = Copying::new(generation, blocks(&job.dir), stop);
    let before = match pack(job, &original, &mut copying)? {
        Ok(fingerprint) => fingerprint,
        Err(why) => return Ok(Repacked::Left(why)),
    };
    drop(copying);
    // sled writes its snapshot only when it is opened again, and what was written is to be read.
    let copy = Generation::open(&beside, job.platter.clone())?;
    if copy::fingerprint(&copy)? != Some(before) {
        return Ok(Repacked::Left(Why::Differs));
    }
    drop(copy);
    let smaller = blocks(&beside) < blocks(&job.dir);
    Ok(if smaller { Repacked::Smaller } else { Repacked::Left(Why::NotSmaller) })
}

/// Copies everything, in full frames; returns the fingerprint of what that is.
fn pack(job: &Job, original: &Original, copying: &mut Copying<'_>) -> Result<Result<u64, Why>, StoreError> {
    let mut packer = Packer::new(Effort::Thorough);
    let mut fingerprint = Fingerprint::default();
    let (mut pending, mut weight, mut next) = (Vec::new(), 0, job.facts.first);
    for body in original.bodies() {
        let Some(items) = body else { return Ok(Err(Why::Incomplete)) };
        for item in items {
            let (first, last) = item.range();
            if first != next {
                return Ok(Err(Why::Incomplete));
            }
            next = last + 1;
            weight += item.weight();
            fingerprint.add(&item);
            pending.push(item);
        }
        while weight > PENDING {
            weight -= pack_one(job, &mut packer, &mut pending, copying);
        }
        if let Err(why) = copying.write_blocks()? {
            return Ok(Err(why));
        }
    }
    if next != job.facts.last + 1 {
        return Ok(Err(Why::Incomplete));
    }
    while !pending.is_empty() {
        pack_one(job, &mut packer, &mut pending, copying);
    }
    let Some(specials) = original.specials() else { return Ok(Err(Why::Incomplete)) };
    for (key, frame) in &specials {
        fingerprint.add_special(*key, frame);
    }
    Ok(copying.write_rest(specials)?.map(|()| fingerprint.sum()))
}

/// Packs the first body of what waits; returns what it weighed.
fn pack_one(job: &Job, packer: &mut Packer, pending: &mut Vec<Item>, copying: &mut Copying<'_>) -> usize {
    let taken = packer.pack_next(&job.naming, pending, copying.frames());
    pending.drain(..taken).map(|it| it.weight()).sum()
}
