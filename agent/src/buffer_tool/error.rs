//! Why a store could not be looked at, in words that say what to do.

use std::io;
use std::path::PathBuf;

use super::ask::AskError;
use crate::buffer::inspect::InspectError;
use crate::config::load::LoadError;

/// Why a store could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The configuration that names the store cannot be used.
    #[error("the configuration does not say where the store is: name it with --store DIR, or correct this")]
    Config(#[source] LoadError),
    /// An agent works on the store.
    #[error(
        "an agent works on the store in {dir}: ask it, with --config FILE or --socket PATH (agent.sock in its run directory)"
    )]
    InUse {
        /// The store.
        dir: PathBuf,
    },
    /// The agent gives no answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The directory gives none.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The arguments contradict each other.
    #[error("{0}")]
    Usage(&'static str),
    /// The file to write to cannot be made.
    #[error("cannot write {path}: name a file that does not exist yet, outside of what is salvaged")]
    Create {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was found cannot be written.
    #[error("cannot write what was found")]
    Output(#[source] io::Error),
}

impl ToolError {
    /// The exit code of the program: 64 usage, 65 bad input data, 69 no answer, 70 internal, 78 bad configuration.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Create { .. } => 64,
            Self::Inspect(_) => 65,
            Self::InUse { .. } | Self::Ask(_) => 69,
            Self::Output(_) => 70,
            Self::Config(_) => 78,
        }
    }
}
