//! Why nothing can be told of an alarm, in words that say what to do.

use std::io;
use std::path::PathBuf;

use crate::buffer_tool::ToolError;
use crate::socket::SocketError;

/// Why nothing can be told of an alarm.
#[derive(Debug, thiserror::Error)]
pub enum AlarmToolError {
    /// The store cannot be found or read.
    #[error(transparent)]
    Store(#[from] ToolError),
    /// The agent gives no answer.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The agent is not running.
    #[error(
        "no agent works on the store in {dir}, so that no alarm is watched: start it (systemctl start wardline-agent), or see with --all what it has left"
    )]
    NoAgent {
        /// The store.
        dir: PathBuf,
    },
    /// What the agent says is not understood.
    #[error("the agent on {path} is of another version than this program: its answer is not understood")]
    Answer {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The agent says why not.
    #[error("the agent says: {0}")]
    Refused(String),
    /// The agent says why not now.
    #[error("the agent says: {0}")]
    NotNow(String),
    /// No such alarm.
    #[error(
        "no alarm {id} is open, and the store has no record of one: it may have been delivered and made room; its records are in vitals.alarms.v1"
    )]
    NoSuchAlarm {
        /// What was asked for.
        id: String,
    },
    /// More than one alarm.
    #[error("{id} may be any of {candidates}: write more of it")]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// What there is.
        candidates: String,
    },
    /// What was found cannot be written.
    #[error("cannot write what was found")]
    Output(#[source] io::Error),
}

impl AlarmToolError {
    /// The exit code of the program: 64 usage, 65 refused or not there, 69 no answer, 70 internal, 78 bad configuration.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(error) => error.exit_code(),
            Self::Ambiguous { .. } => 64,
            Self::NoSuchAlarm { .. } | Self::Refused(_) => 65,
            Self::Socket(_) | Self::NoAgent { .. } | Self::Answer { .. } | Self::NotNow(_) => 69,
            Self::Output(_) => 70,
        }
    }
}
