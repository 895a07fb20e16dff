//! From the store to Kafka: three producers with three tempers.
//!
//! *Readings* go strictly in order and exactly once: a batch, its ledger records and the cursor are one transaction,
//! then the store may forget them. *Alarms* go at once, in parallel with the disk, the most urgent first; after an
//! outage first the newest record of each open alarm, then the lane, all of it marked late. *State* (newest values, beds, heartbeats) is never
//! buffered: a newer one replaces one that has not gone.
//!
//! What is not live goes to topics prefixed `sim.`, each record by its own mode. Cursor, ledger and heartbeat go there
//! too when no source of the agent is live.

mod alarms;
mod batch;
mod cluster;
mod cursor;
mod ledger;
mod message;
mod open;
mod producer;
mod readings;
mod refused;
mod state;
mod urgency;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::error::KafkaError;
use tokio::sync::watch;
use tracing::warn;
use vitals::reading::Mode;
use vitals::record::alarm::AlarmRecord;
use vitals::time::Uptime;

use self::cluster::Cluster;
use self::urgency::Urgency;
use crate::buffer::{LaneReader, Past};
use crate::clock::{self, Reckoning};
use crate::config::{Config, Kafka};
use crate::envelope::{Envelope, RunId};
use crate::kafka::Troubles;
use crate::quarantine::Quarantine;

/// Alarm records on their way to the producer: a storm of 200 beds with two records each, and as many again. What does
/// not fit comes from the lane.
const LIVE_MAX: usize = 1024;

/// States on their way: each bed and source of a large unit. What does not fit is told by the next.
const STATE_MAX: usize = 1024;

/// What the forwarder needs to begin.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) kafka: Kafka,
    /// Where it is kept which cluster the readings go to.
    pub(crate) state_dir: PathBuf,
    pub(crate) agent: String,
    pub(crate) run: RunId,
    /// The mode of cursor, ledger and heartbeat: live if any source is.
    pub(crate) mode: Mode,
    /// Set once the disk has told.
    pub(crate) past: Arc<OnceLock<Past>>,
    /// How the clocks stand.
    pub(crate) reckoning: watch::Receiver<Reckoning>,
    /// For what Kafka refuses for ever.
    pub(crate) quarantine: Quarantine,
}

impl Settings {
    /// What the configuration says.
    #[must_use]
    pub fn new(
        config: &Config,
        run: &RunId,
        past: Arc<OnceLock<Past>>,
        reckoning: watch::Receiver<Reckoning>,
        quarantine: Quarantine,
    ) -> Self {
        Self {
            kafka: config.kafka.clone(),
            state_dir: config.agent.state_dir.clone(),
            agent: config.agent.id.to_string(),
            run: Arc::clone(run),
            mode: config.mode(),
            past,
            reckoning,
            quarantine,
        }
    }
}

/// Why the forwarder cannot start. That Kafka is away is none.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// librdkafka does not take a setting.
    #[error("librdkafka does not take the settings")]
    Settings(#[source] KafkaError),
    /// The system gives no thread.
    #[error("cannot start a thread of the forwarder")]
    Thread(#[source] io::Error),
}

/// How the forwarder is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForwarderProgress {
    /// Kafka took the last record that was sent.
    pub connected: bool,
    /// Readings that Kafka has acknowledged in this run.
    pub delivered_readings: u64,
    /// Alarm records that Kafka has acknowledged in this run.
    pub delivered_alarms: u64,
    /// Records that Kafka refused for ever in this run.
    pub refused: Refused,
    /// Times a producer was thrown away and made anew.
    pub producers_recreated: u64,
    /// What is wrong.
    pub trouble: Option<&'static str>,
    /// How this agent stands with the Kafka that answers.
    pub standing: Standing,
    /// The cluster that answers, where it tells its id.
    pub cluster: Option<String>,
    /// Since when something has waited for Kafka's word without one, for each [`Way`].
    pub waiting: [Option<Uptime>; 3],
    /// The newest test alarm whose start Kafka has confirmed, and when.
    pub tested: Option<(Arc<str>, Uptime)>,
}

/// How many records of each lane Kafka has refused for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Readings.
    pub readings: u64,
    /// Alarm records.
    pub alarms: u64,
}

/// A way to Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Alarms.
    Alarms,
    /// Newest values, states and heartbeats.
    State,
    /// Readings.
    Readings,
}

impl Way {
    const ALL: [Self; 3] = [Self::Alarms, Self::State, Self::Readings];

    /// The word in logs and for the cause of an alarm.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alarms => "alarms",
            Self::State => "state",
            Self::Readings => "readings",
        }
    }
}

impl ForwarderProgress {
    /// Since when something has waited for Kafka's word without one, on the way where it has waited longest.
    #[must_use]
    pub fn waiting(&self) -> (Option<Uptime>, Option<&'static str>) {
        let ways = Way::ALL.iter().filter_map(|way| Some((self.waiting[*way as usize]?, way.name())));
        ways.min_by_key(|(since, _)| *since).unzip()
    }
}

/// How an agent stands with the Kafka that answers: whether its readings may go there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// It has not answered yet.
    #[default]
    Unknown,
    /// They may.
    Welcome,
    /// It is another cluster than readings have gone to, and nobody has confirmed the move.
    OtherCluster,
    /// What this agent had written there is gone.
    Forgotten,
    /// Another agent sends under our id.
    Duplicate,
}

impl Standing {
    /// The word for status and for the cause of an alarm.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Welcome => "welcome",
            Self::OtherCluster => "other_cluster",
            Self::Forgotten => "cursor_gone",
            Self::Duplicate => "duplicate",
        }
    }
}

/// A state for Kafka, as it is now.
#[derive(Debug, Clone)]
pub struct StateUpdate {
    /// Which kind.
    pub topic: StateTopic,
    /// Decides the topic's prefix.
    pub mode: Mode,
    /// Kafka's key: a newer update of the same topic and key replaces this one.
    pub key: Box<str>,
    /// What it is about, where the key alone would let one update replace another that must go too.
    pub about: Option<Box<str>>,
    /// The JSON body.
    pub body: Box<[u8]>,
}

/// A topic of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateTopic {
    /// Newest values.
    Latest,
    /// Beds.
    Beds,
    /// Heartbeats.
    Status,
    /// Replies to operator actions.
    Actions,
}

/// An alarm record on its way to Kafka at once.
#[derive(Debug, Clone)]
pub struct LiveAlarm {
    pub(crate) id: String,
    pub(crate) open: bool,
    /// Whether somebody waits for Kafka's word on it (E37).
    pub(crate) test: bool,
    urgency: Urgency,
    /// `seq` 0 in a `continue`, which is never stored.
    pub(crate) envelope: Envelope,
}

impl LiveAlarm {
    /// A record with what the way to Kafka must know of it.
    #[must_use]
    pub fn new(record: &AlarmRecord, envelope: Envelope) -> Self {
        let open = !record.phase.is_over();
        let (test, urgency) = (record.test && open, Urgency::of(record));
        Self { id: record.id.clone(), open, test, urgency, envelope }
    }
}

/// The bedside task's end for alarms.
#[derive(Debug)]
pub struct AlarmOutlet(SyncSender<LiveAlarm>);

impl AlarmOutlet {
    /// Hands over what was told at one moment, the most urgent first. Never waits: what does not fit comes from the lane.
    pub fn offer(&mut self, mut alarms: Vec<LiveAlarm>) {
        urgency::most_urgent_first(&mut alarms, |it| it);
        for alarm in alarms {
            let _ = self.0.try_send(alarm);
        }
    }
}

/// The bedside task's end for states.
#[derive(Debug)]
pub struct StateOutlet(SyncSender<StateUpdate>);

impl StateOutlet {
    /// Hands a state over. Never waits: what does not fit is told by the next.
    pub fn offer(&mut self, update: StateUpdate) {
        let _ = self.0.try_send(update);
    }
}

/// The ends that the bedside task gets.
#[derive(Debug)]
pub struct Inputs {
    /// For alarms.
    pub alarms: AlarmOutlet,
    /// For states.
    pub state: StateOutlet,
}

/// The running forwarder.
#[derive(Debug)]
pub struct Handle {
    threads: Vec<JoinHandle<()>>,
    deadline: watch::Sender<Option<Uptime>>,
    progress: watch::Sender<ForwarderProgress>,
}

/// Starts the three producers.
pub fn start(
    settings: Settings,
    readings: LaneReader,
    alarms: LaneReader,
) -> Result<(Handle, Inputs), StartError> {
    let progress = watch::Sender::new(ForwarderProgress::default());
    let deadline = watch::Sender::new(None);
    let (live, live_alarms) = sync_channel(LIVE_MAX);
    let (state, states) = sync_channel(STATE_MAX);
    let troubles = |way| Troubles::new(way, progress.clone());
    let end = || deadline.subscribe();
    let cluster = Cluster::new(&settings.state_dir, settings.kafka.cluster_id.clone());
    let verdict = cluster.verdict();
    let readings =
        readings::Readings::new(settings.clone(), cluster, readings, troubles(Way::Readings), end());
    let alarms =
        alarms::Alarms::new(settings.clone(), verdict, alarms, live_alarms, troubles(Way::Alarms), end());
    let states = state::States::new(settings, states, &troubles(Way::State), end());
    let (readings, alarms, states) = (
        readings.map_err(StartError::Settings)?,
        alarms.map_err(StartError::Settings)?,
        states.map_err(StartError::Settings)?,
    );
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name.into()).spawn(run).map_err(StartError::Thread)
    };
    let threads = vec![
        spawn("to-kafka-r", Box::new(move || readings.run()))?,
        spawn("to-kafka-a", Box::new(move || alarms.run()))?,
        spawn("to-kafka-s", Box::new(move || states.run()))?,
    ];
    let inputs = Inputs { alarms: AlarmOutlet(live), state: StateOutlet(state) };
    Ok((Handle { threads, deadline, progress }, inputs))
}

impl Handle {
    /// How it is.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<ForwarderProgress> {
        self.progress.subscribe()
    }

    /// Ends it: each producer sends what it can within `grace`. Blocks that long at most, and a little.
    pub fn stop(self, grace: Duration) {
        self.deadline.send_replace(Some(clock::uptime() + grace));
        for thread in self.threads {
            if thread.join().is_err() {
                warn!("A producer has ended with a panic.");
            }
        }
    }
}
