//! Sets stores aside that did not open: renamed at once, never opened again, bounded in number and bytes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tracing::error;

use super::durable::{Doing as _, StoreError, sync_path};
use super::generation::blocks;

/// So many are kept for whoever looks into them, and of bytes as many as so many generations of readings have: of a store
/// of 2 GiB 64 MiB, outside its bound. What is more goes, the oldest first.
const KEPT_MAX: u64 = 8;

/// The directory of what was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quarantine {
    dir: PathBuf,
    bytes_max: u64,
}

impl Quarantine {
    /// Of a store whose readings have generations of so many bytes; both lanes set aside into it.
    pub(super) fn new(store: &Path, generation: u64) -> Self {
        Self { dir: store.join("quarantine"), bytes_max: KEPT_MAX * generation }
    }

    /// Takes a directory out of the way; returns where it now is.
    pub(super) fn take(&self, dir: &Path) -> Result<PathBuf, StoreError> {
        if self.dir.exists() && !self.dir.is_dir() {
            fs::remove_file(&self.dir).doing("remove", &self.dir)?;
        }
        fs::create_dir_all(&self.dir).doing("make", &self.dir)?;
        let lane = dir.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let free = (0..u32::MAX).map(|n| self.dir.join(format!("{lane}-{name}-{n}"))).find(|it| !it.exists());
        let to = free.unwrap_or_else(|| self.dir.join("full"));
        fs::rename(dir, &to).doing("set aside", dir)?;
        sync_path(&self.dir)?;
        dir.parent().map_or(Ok(()), sync_path)?;
        error!(from = %dir.display(), to = %to.display(), "A damaged part of the store was set aside.");
        self.forget(&to);
        Ok(to)
    }

    /// Keeps to the bounds; of what was set aside last, if it alone is too large, the newest generations stay.
    fn forget(&self, newest: &Path) {
        let mut kept = entries(&self.dir);
        kept.retain(|it| it != newest);
        kept.sort_by_key(|it| fs::metadata(it).map(|it| (it.ctime(), it.ctime_nsec())).unwrap_or_default());
        let (mut count, mut bytes) = (kept.len() as u64 + 1, blocks(&self.dir));
        let mut inside = entries(newest);
        inside.retain(|it| it.is_dir() && it.file_name().is_some_and(|it| it != "blobs"));
        inside.sort();
        for path in kept.into_iter().chain(inside) {
            if count <= KEPT_MAX && bytes <= self.bytes_max {
                break;
            }
            bytes = bytes.saturating_sub(blocks(&path));
            count = count.saturating_sub(1);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Ok(()) => {
                    error!(path = %path.display(), "What was set aside is more than may be kept: the oldest was removed.");
                }
                Err(error) => {
                    error!(%error, path = %path.display(), "What was set aside long ago cannot be removed.");
                }
            }
        }
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).map(|entries| entries.flatten().map(|it| it.path()).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENERATION: u64 = 1 << 20;

    fn generation(at: &Path, name: &str) -> PathBuf {
        let dir = at.join(name);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("db"), vec![1; 1 << 20]).unwrap();
        dir
    }

    #[test]
    fn what_is_set_aside_stays_within_its_bounds() {
        let store = tempfile::tempdir().unwrap();
        let quarantine = Quarantine::new(store.path(), GENERATION);
        let lane = store.path().join("readings");
        let mut last = PathBuf::new();
        for n in 0..20 {
            last = quarantine.take(&generation(&lane, &format!("{n:016x}"))).unwrap();
            let aside = entries(&quarantine.dir);
            assert!(aside.len() as u64 <= KEPT_MAX && aside.contains(&last), "{aside:?}");
            assert!(blocks(&quarantine.dir) <= KEPT_MAX * GENERATION + (64 << 10));
        }
        assert!(last.ends_with("readings-0000000000000013-0"));

        // A whole lane, larger than all that may be kept: its newest generations stay.
        for n in 0..20 {
            generation(&lane, &format!("{n:016x}"));
        }
        let aside = quarantine.take(&lane).unwrap();
        let mut left: Vec<_> = entries(&aside).iter().map(|it| it.file_name().unwrap().to_owned()).collect();
        left.sort();
        assert!(left.len() < 9 && left.last().unwrap() == "0000000000000013", "{left:?}");
        assert_eq!(entries(&quarantine.dir), [aside]);
    }
}
