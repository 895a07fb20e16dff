//! What operators ask of the agent: by which ways it comes, who may ask for what, and how it is answered.
//!
//! ```text
//! Kafka, vitals.actions.v1 ─┐
//!                           ├─► bedside: the engine decides ─► reply ─► Kafka, and the topic it came by
//! MQTT, a local topic ──────┘
//! ```
//!
//! Kafka knows who writes to a topic (ACLs). A local broker often does not, so that from there only what the
//! configuration names is done.

mod local;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::action::ActionRecord;
use vitals::time::Uptime;

pub use self::local::LocalReplies;
use crate::config::Config;
use crate::kafka;
use crate::mqtt::TlsError;
use crate::source::SourceInput;

/// An action on its way to the bedside task.
#[derive(Debug)]
pub struct Placed {
    /// The bed, which is one of ours.
    pub bed: Arc<Name>,
    /// What is asked.
    pub record: ActionRecord,
    /// How it came.
    pub way: Way,
    /// When.
    pub at: Uptime,
}

/// How an action came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By Kafka: the topic of patients, or that of what is not live.
    Kafka {
        /// Of patients.
        live: bool,
    },
    /// By the local topic of an MQTT broker.
    Mqtt {
        /// Whether the configuration lets this be done from there.
        allowed: bool,
    },
}

/// Why the ways cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Kafka's topic cannot be read.
    #[error("cannot read operator actions from Kafka")]
    Kafka(#[source] kafka::actions::StartError),
    /// The TLS files of an MQTT link cannot be used.
    #[error("cannot read operator actions from the MQTT broker")]
    Mqtt(#[source] TlsError),
}

/// Opens the ways that the configuration names; they end with the agent.
pub fn start(
    config: &Config,
    inbox: &mpsc::Sender<SourceInput>,
    stopped: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<Option<LocalReplies>, StartError> {
    if config.actions.from_kafka {
        let modes = config.modes();
        for live in [true, false] {
            if modes.iter().any(|it| (*it == Mode::Live) == live) {
                kafka::actions::start(config, live, inbox.clone(), stopped.clone())
                    .map_err(StartError::Kafka)?;
            }
        }
    }
    let Some(local) = &config.actions.local else { return Ok(None) };
    local::start(config, local, inbox.clone(), stopped.clone(), tasks).map_err(StartError::Mqtt)
}
