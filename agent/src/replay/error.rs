//! Why a replay cannot be done, in words that say where and what to do.

use std::io;
use std::path::{Path, PathBuf};

use vitals::name::ParseNameError;

use super::shown;
use crate::config::mistake::Mistake;

/// Mistakes of one file that are told at once; a file with more is told how many more there are.
const TOLD_MAX: usize = 20;

/// Why a replay cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The alarms file cannot be read.
    #[error("cannot read the alarms file {path}", path = path.display())]
    AlarmsUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The alarms file has mistakes.
    #[error("the alarms file is wrong\n{0}")]
    AlarmsWrong(String),
    /// The alarms file has no such profile.
    #[error("{path} has no profile {profile:?}: it has {known}", path = path.display())]
    UnknownProfile {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        profile: String,
        /// What there is.
        known: String,
    },
    /// An argument does not fit the table.
    #[error("{0}")]
    Usage(String),
    /// The numbers cannot be read.
    #[error("cannot read the numbers from {path}", path = shown(path))]
    CsvUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The numbers are not what they should be.
    #[error("the numbers are wrong\n{0}")]
    CsvWrong(String),
    /// The records cannot be written.
    #[error("cannot write the records")]
    Output(#[source] io::Error),
    /// The fixed name of the replay's bed is none.
    #[error("the replay's own name is not a name")]
    Name(#[source] ParseNameError),
}

impl ReplayError {
    /// The exit code of the program: 64 usage, 65 bad input data, 70 internal, 78 bad configuration.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::UnknownProfile { .. } | Self::Usage(_) => 64,
            Self::CsvUnreadable { .. } | Self::CsvWrong(_) => 65,
            Self::Output(_) | Self::Name(_) => 70,
            Self::AlarmsUnreadable { .. } | Self::AlarmsWrong(_) => 78,
        }
    }

    pub(super) fn wrong_alarms(path: &Path, text: &str, mistakes: &[Mistake]) -> Self {
        Self::AlarmsWrong(listed(mistakes.iter().map(|it| in_file(path, text, it))))
    }

    pub(super) fn wrong_csv(path: &Path, mistakes: &[(u64, String)]) -> Self {
        let path = shown(path);
        Self::CsvWrong(listed(mistakes.iter().map(|(line, what)| format!("{path}:{line}: {what}"))))
    }
}

/// A mistake with its line and column.
pub(super) fn in_file(path: &Path, text: &str, mistake: &Mistake) -> String {
    let before = text.get(..mistake.span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|it| *it != '\n').count() + 1;
    let fix = mistake.fix.as_ref().map_or(String::new(), |fix| format!(" ({fix})"));
    format!("{}:{line}:{column}: {}{fix}", path.display(), mistake.what)
}

fn listed(mistakes: impl Iterator<Item = String>) -> String {
    let mut lines: Vec<String> = mistakes.collect();
    let more = lines.len().saturating_sub(TOLD_MAX);
    lines.truncate(TOLD_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}
