//! What durable means: `flush` and then `fdatasync` on our own handle, and no second try.

use std::error::Error as _;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// The store failed at something.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// The disk refused.
    #[error("cannot {what} {path}")]
    Disk {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// sled refused.
    #[error("sled cannot {what} {path}: {reason}")]
    Sled { what: &'static str, path: PathBuf, reason: String },
    /// A newer version of this program has written it.
    #[error(
        "the store in {path} has format {found}, and this version knows formats up to {known}: install the version that wrote it, or move the directory away"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
}

impl StoreError {
    /// Whether the disk is full, and not broken.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Disk { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            // sled only gives its error as a text where it came through a panic or a poisoned store.
            Self::Sled { reason, .. } => reason.contains("StorageFull") || reason.contains("os error 28"),
            Self::Newer { .. } => false,
        }
    }

    /// The error and what caused it, on one line.
    pub(super) fn chain(&self) -> String {
        match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

/// Adds what was done to what to an error of the disk.
pub(super) trait Doing<T> {
    fn doing(self, what: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Disk { what, path: path.to_owned(), source })
    }
}

/// The way to the platter: the system's, or in tests one that can be made to fail.
#[derive(Debug, Clone)]
pub(super) enum Platter {
    System,
    /// Fails from the moment the switch is on.
    #[cfg(test)]
    Failing(std::sync::Arc<std::sync::atomic::AtomicBool>),
    /// Hangs while the switch is on.
    #[cfg(test)]
    Hanging(std::sync::Arc<std::sync::atomic::AtomicBool>),
}

impl Platter {
    /// Returns when the file's bytes and size are on the platter.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        match self {
            Self::System => file.sync_data(),
            #[cfg(test)]
            Self::Failing(on) if on.load(std::sync::atomic::Ordering::SeqCst) => {
                Err(io::Error::from_raw_os_error(5))
            }
            #[cfg(test)]
            Self::Failing(_) => file.sync_data(),
            #[cfg(test)]
            Self::Hanging(on) => {
                while on.load(std::sync::atomic::Ordering::SeqCst) {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                file.sync_data()
            }
        }
    }
}

/// Returns when a file or directory, and what is known of it, is on the platter.
pub(super) fn sync_path(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|it| it.sync_all()).doing("sync", path)
}

/// Writes a small file so that after a power cut there is the old one or the new one, whole.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, bytes).doing("write", &fresh)?;
    sync_path(&fresh)?;
    std::fs::rename(&fresh, path).doing("rename into place", path)?;
    path.parent().map_or(Ok(()), sync_path)
}

/// Runs a call of sled, which may panic on a damaged store, and makes an error of either.
pub(super) fn guarded<T, E: std::fmt::Display>(
    what: &'static str,
    path: &Path,
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T, StoreError> {
    let reason = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it panicked".to_owned(),
    };
    Err(StoreError::Sled { what, path: path.to_owned(), reason })
}
