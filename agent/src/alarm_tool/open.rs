//! Where the agent is asked, and what it says is open.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use vitals::record::alarm::AlarmRecord;

use super::AlarmToolError;
use crate::bedside::TestStatus;
use crate::buffer_tool::{Place, Source, ToolError};
use crate::socket::{self, Ask};

/// The socket of an agent whose configuration cannot be read by whoever asks.
const SOCKET: &str = "/run/wardline/agent.sock";

/// What the agent says of its alarms.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) agent: String,
    /// Whether the bedside loop turns: otherwise all of this is old.
    pub(super) turns: bool,
    /// The most urgent first.
    pub(super) alarms: Vec<AlarmRecord>,
    pub(super) test: Option<TestStatus>,
}

/// Who tells: as the arguments say; where they say nothing and the configuration may not be read, the usual socket.
pub(super) fn source(place: &Place) -> Result<Source, AlarmToolError> {
    match place.source() {
        Err(ToolError::Config(_)) if place.config.is_none() && Path::new(SOCKET).exists() => {
            Ok(Source::Socket(SOCKET.into()))
        }
        source => Ok(source?),
    }
}

/// The socket of the agent that must be running.
pub(super) fn socket(place: &Place) -> Result<PathBuf, AlarmToolError> {
    match source(place)? {
        Source::Socket(path) => Ok(path),
        Source::Directory(dir) => Err(AlarmToolError::NoAgent { dir }),
    }
}

/// Asks what is open.
pub(super) fn ask(path: &Path) -> Result<Said, AlarmToolError> {
    let (status, body) = socket::ask(path, Ask::Get("/alarms.json"))?;
    if status != 200 {
        return Err(AlarmToolError::NotNow(body.trim().to_owned()));
    }
    serde_json::from_str(&body).map_err(|source| AlarmToolError::Answer { path: path.to_owned(), source })
}
