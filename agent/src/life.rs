//! The life of the agent: build, wire, run, drain. The wiring diagram, in code.
//!
//! Shutdown flows downstream by dropping senders: sources hear the stop, the bedside task ends when they are gone, the
//! store commits and ends when the bedside task is gone, and the forwarder sends what it can until its deadline. A
//! part that ends early ends the process: systemd restarts it, and the buffer and the kept alarms are its memory.

mod end;
mod notify;
mod reload;
mod store;
mod store_failure;
mod store_return;
mod wall_clock;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::info;
use vitals::alarm::policy;
use vitals::time::ClockQuality;

use self::reload::Reload;
use self::store_failure::StoreFailure;
use crate::bedside::{
    self, Bedside, INBOX_MAX, KeptBeds, QUESTIONS_MAX, SourceSetup, TestQuestion, TestSetup,
};
use crate::buffer;
use crate::config::again::Again;
use crate::config::{Config, TopicBed};
use crate::metrics::Metrics;
use crate::quarantine::Quarantine;
use crate::{actions, annunciator, clock, forwarder, http, source};

/// Why the agent could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run directory cannot be made.
    #[error("cannot make the run directory {path}: create it and give it to the user of the agent")]
    RunDirectory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another agent works on the same store.
    #[error("cannot open the store: stop the other agent, or give this one a state_dir of its own")]
    Store(#[source] buffer::OpenError),
    /// librdkafka does not take the configuration.
    #[error("cannot set up the connection to Kafka: correct [kafka] in the configuration")]
    Kafka(#[source] forwarder::StartError),
    /// The TLS files of an MQTT link cannot be used.
    #[error(
        "cannot set up the connection to the MQTT broker {link}: correct [mqtt.{link}] in the configuration"
    )]
    Mqtt {
        /// Which link.
        link: String,
        /// Why.
        #[source]
        source: crate::mqtt::TlsError,
    },
    /// The ways of operator actions cannot be opened.
    #[error("cannot listen for operator actions")]
    Actions(#[source] actions::StartError),
    /// The local annunciators cannot be set up.
    #[error("cannot set up the annunciators")]
    Annunciators(#[source] annunciator::StartError),
    /// The operating system gives no thread, socket or signal.
    #[error("cannot start {what}")]
    System {
        /// What for.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store failed, and a restart may help.
    #[error("the store failed; the agent ends once to open it anew")]
    StoreFailed,
    /// There was no store, and now there can be one.
    #[error("the disk takes a store again; the agent ends once to open it")]
    StoreReturned,
    /// A part that should never end has ended.
    #[error("{0} has ended, which is a fault of the program; the agent ends so that it is started anew")]
    Ended(&'static str),
}

/// Runs the agent until it is told to stop, or cannot go on.
///
/// `again` gives other rules of alarms when it is told to (SIGHUP).
pub fn run(config: Config, again: Again) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("io")
        .enable_all()
        .build()
        .map_err(|source| RunError::System { what: "the runtime", source })?;
    let outcome = runtime.block_on(live(config, again));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn live(config: Config, again: Again) -> Result<(), RunError> {
    let signals = end::Signals::listen()?;
    make_run_dir(&config.agent.run_dir)?;
    let run: Arc<str> = clock::run_id().into();
    let failure = StoreFailure::new(&config.agent.run_dir);
    let (metrics, mut tasks) = (Metrics::new(), JoinSet::new());
    let (stop, stopped) = watch::channel(false);
    let (clock, reckoning) = wall_clock::watch(&mut tasks, stopped.clone());

    let opened = store::open(&config, &run, failure.is_final(), *clock.borrow())?;
    let (told, state) = store::learn(opened.found, !KeptBeds::is_near(&config.agent.run_dir))?;
    let kept = KeptBeds::load(&config.agent.run_dir, state.as_deref());
    let (kept_sender, keeper) = bedside::keep_in(&config.agent.run_dir).map_err(no("the kept alarms"))?;
    let progress = opened.intake.progress();
    let marks: Vec<_> = (0..config.mqtt.len()).map(|link| opened.intake.marks(link)).collect();

    let quarantine = Quarantine::start(config.agent.state_dir.join("quarantine"))
        .map_err(no("the quarantine of messages"))?;
    let settings = forwarder::Settings::new(&config, &run, told.past, reckoning, quarantine.clone());
    let (forwarder, inputs) =
        forwarder::start(settings, opened.readings, opened.alarms).map_err(RunError::Kafka)?;
    let annunciators =
        annunciator::start(&config, &metrics, &stopped, &mut tasks).map_err(RunError::Annunciators)?;
    let health = health(told.replaced, &progress, &forwarder, &annunciators, &clock);
    let (inbox, receiver) = mpsc::channel(INBOX_MAX);
    let local_replies = actions::start(&config, &inbox, &stopped, &mut tasks).map_err(RunError::Actions)?;
    let (loop_, status) = Bedside::new(
        bedside::Setup {
            agent: config.agent.id.clone(),
            run: Arc::clone(&run),
            beds: config.beds.clone(),
            sources: source_setups(&config),
            kept,
            outlets: bedside::Outlets {
                annunciators,
                alarms: inputs.alarms,
                store: opened.intake,
                state: inputs.state,
                local_replies,
                kept: kept_sender,
            },
            health,
            receipts: config.unit.receipts,
            tests: test_setup(&config),
            mode: config.mode(),
            buffer_max: config.buffer.size,
        },
        clock::uptime(),
    );
    let (tests, questions) = mpsc::channel(QUESTIONS_MAX);
    let bedside = start_bedside(loop_, receiver, questions)?;
    let mqtt = (&marks[..], &told.stored);
    start_sources(&config, &run, &inbox, mqtt, &clock, &quarantine, &metrics, &stopped, &mut tasks)?;
    let reload = Reload::new(again, inbox, metrics.clone());
    let parts = (status.clone(), progress.clone(), forwarder.progress());
    be_seen(&config, &seen(&config, &run, parts, metrics, tests), &stopped, &mut tasks);
    let returned = store_return::wait(&config, failure.is_final(), progress.clone(), status.clone());
    let why = end::wait(signals, reload, &mut tasks, status, progress, failure, returned).await;
    let _ = stop.send(true);
    end::drain(tasks, bedside, forwarder, keeper, &why, config.agent.shutdown_grace).await;
    why
}

/// What the parts of the agent say of themselves.
fn health(
    replaced: Arc<OnceLock<bool>>,
    store: &watch::Receiver<buffer::Progress>,
    forwarder: &forwarder::Handle,
    annunciators: &annunciator::Outlet,
    clock: &watch::Receiver<ClockQuality>,
) -> bedside::Health {
    bedside::Health {
        store: store.clone(),
        replaced,
        forwarder: forwarder.progress(),
        annunciators: annunciators.failed(),
        clock: clock.clone(),
    }
}

fn make_run_dir(path: &Path) -> Result<(), RunError> {
    std::fs::create_dir_all(path).map_err(|source| RunError::RunDirectory { path: path.to_owned(), source })
}

/// The accounts of the bedside loop, the store and the forwarder, with the counters.
fn seen(
    config: &Config,
    run: &Arc<str>,
    (status, store, forwarder): (
        watch::Receiver<bedside::BedsideStatus>,
        watch::Receiver<buffer::Progress>,
        watch::Receiver<forwarder::ForwarderProgress>,
    ),
    metrics: Metrics,
    tests: mpsc::Sender<TestQuestion>,
) -> http::Seen {
    let (agent, run) = (config.agent.id.to_string(), run.to_string());
    http::Seen { agent, run, status, store, forwarder, metrics, tests }
}

/// What of test alarms: stations are heard by the topic of actions alone.
fn test_setup(config: &Config) -> TestSetup {
    let stations = config.unit.stations && config.actions.from_kafka;
    TestSetup { every: config.unit.test_alarm_every, stations }
}

/// From here on the agent is there for everybody: HTTP, systemd, the journal.
fn be_seen(config: &Config, seen: &http::Seen, stopped: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
    http::start(config, seen, stopped, tasks);
    notify::ready(config);
    tasks.spawn(notify::feed(seen.status.clone(), stopped.clone()));
    info!(agent = seen.agent, run = seen.run, beds = config.beds.len(), "The agent watches.");
    info!(
        lasts = buffer::foretold(config.buffer.size),
        "Without Kafka, the store keeps every reading for so long."
    );
}

/// What the operating system would not give.
fn no(what: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::System { what, source }
}

/// Waits for the next tick; false when the agent is to stop.
async fn timeout_or_stop(ticks: &mut tokio::time::Interval, stopped: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = stopped.wait_for(|it| *it) => false,
        _ = ticks.tick() => true,
    }
}

/// What the engines must know of the sources whose names the configuration gives.
///
/// A filter with a level for the bed stands for sources that may never speak: their silence is no alarm until their
/// first word.
fn source_setups(config: &Config) -> Vec<SourceSetup> {
    let setup = |common: &crate::config::Source, bed: &Arc<vitals::name::Name>, device: &str| SourceSetup {
        bed: Arc::clone(bed),
        engine: policy::SourceSetup {
            source: Arc::clone(&common.id),
            period: common.period,
            critical: common.critical,
            mode: common.mode,
            nibp_interval: common.nibp_interval,
            same_limb: common.same_limb,
        },
        device: device.into(),
    };
    let devices = config.devices.iter().map(|it| setup(&it.common, &it.bed, it.device.name()));
    let topics = config.topics.iter().filter_map(|it| match &it.bed {
        TopicBed::Fixed(bed) => Some(setup(&it.common, bed, it.format.name())),
        TopicBed::Level(_) => None,
    });
    devices.chain(topics).collect()
}

/// Gives the bedside loop a thread and a runtime of its own: nothing else can keep it from turning.
fn start_bedside(
    bedside: Bedside,
    inbox: mpsc::Receiver<source::SourceInput>,
    questions: mpsc::Receiver<TestQuestion>,
) -> Result<thread::JoinHandle<()>, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|source| RunError::System { what: "the bedside loop", source })?;
    thread::Builder::new()
        .name("bedside".into())
        .spawn(move || runtime.block_on(bedside.run(inbox, questions)))
        .map_err(|source| RunError::System { what: "the bedside loop", source })
}

#[expect(clippy::too_many_arguments, reason = "wiring: each is a different thing that every source needs")]
fn start_sources(
    config: &Config,
    run: &Arc<str>,
    inbox: &mpsc::Sender<source::SourceInput>,
    (marks, stored): (&[watch::Receiver<buffer::Mark>], &source::mqtt::Stored),
    clock: &watch::Receiver<ClockQuality>,
    quarantine: &Quarantine,
    metrics: &Metrics,
    stopped: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<(), RunError> {
    for source in &config.devices {
        let setup = source::device::Setup {
            source: source.clone(),
            inbox: inbox.clone(),
            clock: clock.clone(),
            quarantine: quarantine.clone(),
            metrics: metrics.clone(),
            stop: stopped.clone(),
        };
        source::device::start(setup, tasks);
    }
    let beds: BTreeSet<_> = config.beds.iter().map(|it| Arc::clone(&it.id)).collect();
    for (index, (link, marks)) in config.mqtt.iter().zip(marks).enumerate() {
        let sources: Vec<_> = config.topics.iter().filter(|it| it.link == index).cloned().collect();
        if sources.is_empty() {
            continue;
        }
        let name = link.name.to_string();
        let setup = source::mqtt::Setup {
            index,
            links: config.mqtt.len(),
            link: link.clone(),
            sources,
            beds: beds.clone(),
            run: Arc::clone(run),
            inbox: inbox.clone(),
            marks: marks.clone(),
            stored: Arc::clone(stored),
            clock: clock.clone(),
            quarantine: quarantine.clone(),
            metrics: metrics.clone(),
            stop: stopped.clone(),
        };
        source::mqtt::start(setup, tasks).map_err(|source| RunError::Mqtt { link: name, source })?;
    }
    Ok(())
}
