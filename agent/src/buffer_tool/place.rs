//! Where the store is, and who must be asked about it.

use std::path::{Path, PathBuf};

use super::ToolError;
use crate::buffer;
use crate::config::load;
use crate::http::SOCKET;

/// The configuration that is read when nothing else is said.
pub(crate) const CONFIG: &str = "/etc/wardline/wardline.toml";

/// Which store.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Place {
    /// The configuration that names the store and the agent's socket [default: /etc/wardline/wardline.toml]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["store", "socket"])]
    pub config: Option<PathBuf>,
    /// A store, a lane, a generation or what was set aside: a directory that no agent works on
    #[arg(long, value_name = "DIR", conflicts_with = "socket")]
    pub store: Option<PathBuf>,
    /// The socket of the agent to ask
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// Who tells what the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Its agent.
    Socket(PathBuf),
    /// Its files.
    Directory(PathBuf),
}

impl Place {
    /// A store that somebody works on is asked for; every other is read.
    pub(crate) fn source(&self) -> Result<Source, ToolError> {
        if let Some(path) = &self.socket {
            return Ok(Source::Socket(path.clone()));
        }
        if let Some(dir) = &self.store {
            return match buffer::is_in_use(dir) {
                Ok(true) => Err(ToolError::InUse { dir: dir.clone() }),
                // What cannot be asked cannot be read either, which reading will say.
                Ok(false) | Err(_) => Ok(Source::Directory(dir.clone())),
            };
        }
        let path = self.config.as_deref().unwrap_or(Path::new(CONFIG));
        let agent = load::load(path).map_err(ToolError::Config)?.config.agent;
        let (dir, socket) = (agent.store_dir(), agent.run_dir.join(SOCKET));
        // Who may not look into the directory may still be allowed to ask the agent.
        let asks = buffer::is_in_use(&dir).unwrap_or(socket.exists());
        Ok(if asks { Source::Socket(socket) } else { Source::Directory(dir) })
    }
}
