//! Where an alarm is made known at once, before it is stored or sent.
//!
//! The bedside task offers and goes on: whatever happens behind an [`Outlet`] cannot hold it up. The journal is always
//! one; others are configured.

mod command;
mod journal;
mod mqtt;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use vitals::alarm::event::Phase;
use vitals::name::Name;
use vitals::record::alarm::AlarmRecord;

use self::command::Commands;
use self::mqtt::BedTopics;
use crate::config::{Annunciator, Config};
use crate::metrics::Metrics;
use crate::mqtt::TlsError;

/// One change of an alarm, with everything that is open on its bed after the change.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// The bed.
    pub bed: Arc<Name>,
    /// The change.
    pub record: Arc<AlarmRecord>,
    /// The newest record of each open alarm of the bed, the most urgent first.
    pub open: Vec<Arc<AlarmRecord>>,
}

/// Why the annunciators cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The TLS files of an MQTT link cannot be used.
    #[error("cannot set up the MQTT annunciator on {link}")]
    Mqtt {
        /// Which link.
        link: String,
        /// Why.
        #[source]
        source: TlsError,
    },
}

/// All annunciators, as the bedside task sees them.
#[derive(Debug)]
pub struct Outlet {
    topics: Vec<BedTopics>,
    commands: Vec<Commands>,
    metrics: Metrics,
}

/// Starts the configured annunciators.
pub fn start(
    config: &Config,
    metrics: &Metrics,
    stopped: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<Outlet, StartError> {
    let mut outlet = Outlet { topics: Vec::new(), commands: Vec::new(), metrics: metrics.clone() };
    for (index, it) in config.annunciators.iter().enumerate() {
        match it {
            Annunciator::Mqtt { link, topic } => {
                let Some(link) = config.mqtt.get(*link) else { continue };
                let beds = config.beds.iter().map(|it| Arc::clone(&it.id)).collect();
                let settings = mqtt::Settings {
                    agent: Arc::new(config.agent.id.clone()),
                    index,
                    topic: topic.clone(),
                    beds,
                };
                let topics = BedTopics::start(settings, link, metrics, stopped.clone(), tasks)
                    .map_err(|source| StartError::Mqtt { link: link.name.to_string(), source })?;
                outlet.topics.push(topics);
            }
            Annunciator::Command { command, priorities } => {
                outlet.commands.push(Commands::start(command.clone(), priorities.clone(), metrics, tasks));
            }
        }
    }
    Ok(outlet)
}

impl Outlet {
    /// Makes a change known. Never waits.
    pub fn offer(&mut self, announcement: &Announcement) {
        let record = &announcement.record;
        if matches!(record.phase, Phase::Start | Phase::Escalate) {
            let generation = Duration::from_millis(record.generation_delay_ms.unwrap_or(0));
            let condition = Duration::from_millis(record.condition_delay_ms);
            self.metrics.signal(record.priority, condition, generation);
        }
        if record.phase != Phase::Continue {
            journal::tell(announcement);
            self.metrics.annunciate("journal", "sent");
        }
        for commands in &self.commands {
            commands.offer(announcement);
        }
        for topics in &self.topics {
            topics.offer(announcement);
        }
    }
}
