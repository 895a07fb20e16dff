//! Whether the store has failed a short while ago: once, the agent ends and opens it anew; twice, it stays without.

use std::fs;
use std::io;
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

    /// Whether the store failed twice within the last ten minutes of this boot, or four times for want of room: then it
    /// is not tried again.
    pub(super) fn is_final(&self) -> bool {
        self.recent() >= 4
    }

    /// The weight of the failures in this boot, each within ten minutes of the one before and of now.
    fn recent(&self) -> u32 {
        let Ok(note) = fs::read_to_string(&self.path) else { return 0 };
        let mut words = note.split_whitespace();
        let (boot, up, weight) = (words.next(), words.next(), words.next());
        let Some(up) = up.and_then(|it| it.parse().ok()).map(Uptime::from_millis) else { return 0 };
        if boot != Some(clock::boot_id()) || clock::uptime().since(up) >= RECENT {
            return 0;
        }
        weight.and_then(|it| it.parse().ok()).unwrap_or(2)
    }

    /// Forgets what failed: the disk takes everything again.
    pub(super) fn forget(&self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                error!(%error, path = %self.path.display(), "A failure that is over cannot be forgotten.");
            }
            _ => {}
        }
    }

    /// Notes that it failed now.
    ///
    /// A disk that was only full is to be trusted when it has room.
    pub(super) fn note(&self, full: bool) {
        error!(
            "The store has failed. Nothing of its last group was acknowledged; the agent opens it anew once."
        );
        let note = format!(
            "{} {} {}",
            clock::boot_id(),
            clock::uptime().as_millis(),
            self.recent() + if full { 1 } else { 2 }
        );
        if let Err(error) = fs::write(&self.path, note) {
            error!(%error, path = %self.path.display(), "The failure cannot be noted: the agent may restart again and again.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_failures_of_this_boot_and_the_last_ten_minutes_count() {
        let dir = tempfile::tempdir().unwrap();
        let failure = StoreFailure::new(dir.path());
        assert!(!failure.is_final());
        failure.note(false);
        assert!(!failure.is_final(), "the store is opened anew once");
        failure.note(true);
        assert!(!failure.is_final(), "it was only full");
        failure.note(false);
        assert!(failure.is_final());
        for note in ["other-boot 1 7", "", "garbage", "a b c"] {
            fs::write(&failure.path, note).unwrap();
            assert!(!failure.is_final(), "{note}");
        }
        failure.note(false);
        failure.note(false);
        failure.forget();
        assert!(!failure.is_final());
    }
}
