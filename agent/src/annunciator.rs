//! Where an alarm is made known at once, before it is stored or sent.
//!
//! The bedside task offers and goes on: whatever happens behind an [`Outlet`] cannot hold it up. The journal is always
//! one; others are configured.

mod command;
mod gpio;
mod journal;
mod mqtt;
mod word;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use vitals::alarm::event::{Phase, Priority};
use vitals::name::Name;
use vitals::record::alarm::AlarmRecord;
use vitals::time::Uptime;

use self::command::Commands;
use self::gpio::Indicator;
use self::mqtt::BedTopics;
use self::word::Mouth;
pub use self::word::{Word, Words};
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

/// Where an annunciator says that it does not work, and that it does again.
type Failed = watch::Sender<BTreeSet<String>>;

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
    indicators: Vec<Indicator>,
    failed: Failed,
    journal: Mouth,
    words: watch::Sender<Vec<Word>>,
    metrics: Metrics,
}

/// Starts the configured annunciators.
pub fn start(
    config: &Config,
    metrics: &Metrics,
    stopped: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<Outlet, StartError> {
    let words = watch::Sender::new(Vec::new());
    let journal = Mouth::new("journal".into(), &words);
    let mut outlet = Outlet {
        topics: Vec::new(),
        commands: Vec::new(),
        indicators: Vec::new(),
        failed: Failed::new(BTreeSet::new()),
        journal,
        words,
        metrics: metrics.clone(),
    };
    for (index, it) in config.annunciators.iter().enumerate() {
        // As a person counts them in the file.
        let mouth = |what: &str| Mouth::new(format!("{} {what}", index + 1), &outlet.words);
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
                let mouth = mouth(&format!("mqtt {}", link.name));
                let topics = BedTopics::start(settings, link, mouth, metrics, stopped.clone(), tasks)
                    .map_err(|source| StartError::Mqtt { link: link.name.to_string(), source })?;
                outlet.topics.push(topics);
            }
            Annunciator::Command { command, priorities } => {
                let program = command.first().map_or("", String::as_str);
                let mouth = mouth(&format!("command {program}"));
                let commands = Commands::start(command.clone(), priorities.clone(), mouth, metrics, tasks);
                outlet.commands.push(commands);
            }
            Annunciator::Gpio(gpio) => {
                let settings = gpio::Settings {
                    gpio: gpio.clone(),
                    agent: Arc::new(config.agent.id.clone()),
                    mouth: mouth(&format!("gpio {}", gpio.chip)),
                    failed: outlet.failed.clone(),
                    metrics: metrics.clone(),
                };
                outlet.indicators.push(Indicator::start(settings, stopped.clone(), tasks));
            }
        }
    }
    Ok(outlet)
}

impl Outlet {
    /// What the annunciators say of test alarms.
    #[must_use]
    pub fn words(&self) -> Words {
        self.words.subscribe()
    }

    /// The names of those that take alarms of this priority.
    #[must_use]
    pub fn names(&self, priority: Priority) -> Vec<String> {
        let topics = self.topics.iter().map(BedTopics::name);
        let commands = self.commands.iter().filter(|it| it.takes(priority)).map(Commands::name);
        let indicators = self.indicators.iter().filter(|it| it.takes(priority)).map(Indicator::name);
        let all = [self.journal.name()].into_iter().chain(topics).chain(commands).chain(indicators);
        all.map(str::to_owned).collect()
    }

    /// Makes a change known. Never waits.
    pub fn offer(&mut self, announcement: &Announcement) {
        let record = &announcement.record;
        if matches!(record.phase, Phase::Start | Phase::Escalate) && !record.test {
            let generation = Duration::from_millis(record.generation_delay_ms.unwrap_or(0));
            let condition = Duration::from_millis(record.condition_delay_ms);
            self.metrics.signal(record.priority, condition, generation);
        }
        if record.phase != Phase::Continue {
            journal::tell(announcement);
            self.journal.say(record, true);
            self.metrics.annunciate("journal", "sent");
        }
        for commands in &self.commands {
            commands.offer(announcement);
        }
        for indicator in &mut self.indicators {
            indicator.offer(announcement);
        }
        for topics in &self.topics {
            topics.offer(announcement);
        }
    }

    /// The bedside loop turns: what shows that it lives goes on.
    pub fn beat(&self, now: Uptime) {
        self.indicators.iter().for_each(|it| it.beat(now));
    }

    /// The names of those that know that they do not work.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<BTreeSet<String>> {
        self.failed.subscribe()
    }
}
