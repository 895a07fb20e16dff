//! The clinician's file read again while the agent watches.
//!
//! `wardline.toml` is taken as it was at the start: what it says is wired for a life of the process. Only the rules of
//! alarms may change within it.

use std::fmt;
use std::path::PathBuf;

use super::load::{LoadError, Loaded, load_with, read_text};

/// What is needed to read `alarms.toml` again.
#[derive(Clone)]
pub struct Again {
    path: PathBuf,
    /// `wardline.toml` as it was read.
    text: String,
}

impl Again {
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        Self { path, text }
    }

    /// Reads it, with everything that is wrong with it.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        load_with(&self.path, self.text.clone())
    }

    /// Whether `wardline.toml` is no longer what it was, so that a restart would change more than the rules.
    #[must_use]
    pub fn is_other_file(&self) -> bool {
        read_text(&self.path).map_or(true, |it| it != self.text)
    }
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may hold what is nobody's business.
        f.debug_struct("Again").field("path", &self.path).finish_non_exhaustive()
    }
}
