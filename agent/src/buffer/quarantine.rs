//! Sets stores aside that did not open: renamed at once, never opened again, the oldest forgotten.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tracing::error;

use super::durable::{Doing as _, StoreError, sync_path};

/// So many are kept for whoever looks into them: 8 of at most 16 MiB, 128 MiB outside the bound.
const KEPT_MAX: usize = 8;

/// The directory of what was set aside.
#[derive(Debug, Clone)]
pub(super) struct Quarantine {
    dir: PathBuf,
}

impl Quarantine {
    pub(super) fn new(store: &Path) -> Self {
        Self { dir: store.join("quarantine") }
    }

    /// Takes a directory out of the way; returns where it now is.
    pub(super) fn take(&self, dir: &Path) -> Result<PathBuf, StoreError> {
        fs::create_dir_all(&self.dir).doing("make", &self.dir)?;
        self.forget_oldest();
        let lane = dir.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let free = (0..u32::MAX).map(|n| self.dir.join(format!("{lane}-{name}-{n}"))).find(|it| !it.exists());
        let to = free.unwrap_or_else(|| self.dir.join("full"));
        fs::rename(dir, &to).doing("set aside", dir)?;
        sync_path(&self.dir)?;
        dir.parent().map_or(Ok(()), sync_path)?;
        error!(from = %dir.display(), to = %to.display(), "A damaged part of the store was set aside.");
        Ok(to)
    }

    fn forget_oldest(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let age =
            |path: &Path| path.metadata().and_then(|it| it.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut kept: Vec<PathBuf> = entries.flatten().map(|it| it.path()).collect();
        kept.sort_by_key(|it| age(it));
        let many = (kept.len() + 1).saturating_sub(KEPT_MAX);
        for path in kept.into_iter().take(many) {
            if let Err(error) = fs::remove_dir_all(&path) {
                error!(%error, path = %path.display(), "What was set aside long ago cannot be removed.");
            }
        }
    }
}
