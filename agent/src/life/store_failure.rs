//! Whether the store has failed a short while ago: once, the agent ends and opens it anew; twice, it stays without.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::error;
use vitals::time::Uptime;

use crate::clock;

/// A second failure within this is no accident.
const RECENT: Duration = Duration::from_secs(600);

/// The note of a failure, in the run directory.
pub(super) struct StoreFailure {
    path: PathBuf,
}

impl StoreFailure {
    pub(super) fn new(run_dir: &Path) -> Self {
        Self { path: run_dir.join("store-failed") }
    }

    /// Whether the store failed within the last ten minutes of this boot.
    pub(super) fn is_recent(&self) -> bool {
        let Ok(note) = fs::read_to_string(&self.path) else { return false };
        let Some((boot, up)) = note.split_once(' ') else { return false };
        let Ok(up) = up.trim().parse() else { return false };
        boot == clock::boot_id() && clock::uptime().since(Uptime::from_millis(up)) < RECENT
    }

    /// Notes that it failed now.
    pub(super) fn note(&self) {
        error!(
            "The store has failed. Nothing of its last group was acknowledged; the agent opens it anew once."
        );
        let note = format!("{} {}", clock::boot_id(), clock::uptime().as_millis());
        if let Err(error) = fs::write(&self.path, note) {
            error!(%error, path = %self.path.display(), "The failure cannot be noted: the agent may restart again and again.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_of_this_boot_and_the_last_ten_minutes_counts() {
        let dir = tempfile::tempdir().unwrap();
        let failure = StoreFailure::new(dir.path());
        assert!(!failure.is_recent());
        failure.note();
        assert!(failure.is_recent());
        for note in ["other-boot 1", "", "garbage", "a b c"] {
            fs::write(&failure.path, note).unwrap();
            assert!(!failure.is_recent(), "{note}");
        }
    }
}
