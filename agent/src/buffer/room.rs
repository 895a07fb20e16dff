//! Room on the disk that others fill too: what is free, and a reserve that is given back when nothing is.
//!
//! sled cannot even be opened on a full disk. The reserve is a file that holds the place for that; it is removed when
//! the disk is full at the start, and made again when there is room.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use tracing::{info, warn};

/// So much stays free for a commit of 256 KiB, what sled rewrites with it, and a gap's file, besides what the generation
/// still takes that is written to: below it the oldest readings make room, as when the bound is reached.
pub(super) const FREE_MIN: u64 = 2 << 20;

/// The reserve of a store.
#[derive(Debug, Clone)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    /// Of a store with this bound.
    pub(super) fn new(store: &Path, bound: u64) -> Self {
        Self { path: store.join("reserve"), bytes: (bound / 32).clamp(4 << 20, 32 << 20) }
    }

    /// Takes the place, if there is room for it and for the store to work beside it. What cannot be reserved is no
    /// reason not to work.
    pub(super) fn take(&self) {
        if self.is_whole() || !self.path.parent().is_some_and(|it| self.would_fit(it)) {
            return;
        }
        if let Err(error) = allocate(&self.path, self.bytes) {
            warn!(%error, path = %self.path.display(), "No room can be reserved for a full disk.");
            // Half a reserve only takes room away.
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Whether there is room for it, and for the store to work beside it.
    pub(super) fn would_fit(&self, dir: &Path) -> bool {
        let held = if self.is_whole() { self.bytes } else { 0 };
        free(dir).is_some_and(|it| it + held >= 2 * self.bytes + FREE_MIN)
    }

    fn is_whole(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|it| it.len() >= self.bytes)
    }

    /// Gives the place back; whether there was any.
    pub(super) fn give_back(&self) -> bool {
        let given = fs::remove_file(&self.path).is_ok();
        if given {
            info!(
                bytes = self.bytes,
                "The disk is full: the store's reserve was given back, so that it can be opened."
            );
        }
        given
    }
}

fn allocate(path: &Path, bytes: u64) -> io::Result<()> {
    let file = File::create(path)?;
    fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
    Ok(())
}

/// Bytes that are free for us on the file system of a directory; `None` where it does not say.
pub(super) fn free(dir: &Path) -> Option<u64> {
    statvfs(dir).ok().map(|it| it.f_bavail.saturating_mul(it.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_taken_whole_and_given_back_once() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), 64 << 20);
        assert!(!reserve.give_back());
        reserve.take();
        let blocks =
            std::os::unix::fs::MetadataExt::blocks(&fs::metadata(dir.path().join("reserve")).unwrap());
        assert!(blocks * 512 >= 4 << 20, "a file of holes holds no place: {blocks} blocks");
        assert!(reserve.give_back() && !reserve.give_back());
        assert!(free(dir.path()).unwrap() > 0);
    }
}
