//! The demo: a simulated ward, the real agent and the real station, Kafka taken away and brought back, and the judge.
//!
//! ```text
//! ward ─► ptys, MQTT broker (inside) ─► wardline-agent ─► Kafka's stand-in (inside) ─► wardline-station
//!   └────────────────────► judge ◄──────────────────────────────┘
//! ```

mod acts;
pub mod broker;
pub mod child;
pub mod kafka;
mod news;
pub mod programs;
mod screen;
mod seen;
pub mod stage;
mod view;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::channel;
use tokio::task::JoinSet;

use self::child::{Running, StartError, Who};
use self::kafka::KafkaStandIn;
use self::news::NEWS_MAX;
use self::programs::Programs;
use self::screen::Screen;
use self::seen::Seen;
use self::stage::{Signals, Stage, StageError};
use crate::carrier::CarrierError;
use crate::clock;
use crate::judge::topics::Place;
use crate::judge::{JudgeError, LINGER, Verdict};
use crate::live::{Live, Memory};
use crate::scenario::{Scenario, ScenarioError};
use crate::site::Surroundings;
use crate::ward::{Ward, Ways};

/// How many beds there are.
const BEDS: u64 = 8;
/// How their devices are connected.
const WAYS: Ways = Ways::Both;
/// How long without a new record is the end, for the judge.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what still runs may take to notice that all is over.
const OVER_WITHIN: Duration = Duration::from_millis(500);

/// How to show it.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Goes on until it is stopped, and judges nothing.
    #[arg(long)]
    pub keep: bool,
    /// Other patients.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

/// What `main` knows of where we are.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// cargo, if it started us.
    pub cargo: Option<OsString>,
    /// Whether the user asks for no colour.
    pub no_colour: bool,
}

/// How it ended.
#[derive(Debug)]
pub enum Ending {
    /// By itself.
    Judged(Box<Verdict>),
    /// Somebody stopped it.
    Interrupted,
}

/// Why it could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No agent, no station.
    #[error("the programs to show are not there")]
    Programs(#[source] programs::ProgramsError),
    /// No scenario.
    #[error("the demo's scenario cannot be used")]
    Scenario(#[source] ScenarioError),
    /// The system denies something.
    #[error("the system gives no {what}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No broker.
    #[error("there is no MQTT broker")]
    Broker(#[source] broker::BrokerError),
    /// No Kafka.
    #[error("there is no Kafka")]
    Kafka(#[source] kafka::KafkaStandInError),
    /// No serial line.
    #[error("there is no serial line")]
    Line(#[source] CarrierError),
    /// A program does not start.
    #[error("a program does not start")]
    Start(#[source] StartError),
    /// The agent refuses what we wrote.
    #[error("wardline-agent does not take the demo's configuration:\n{0}")]
    Refused(String),
    /// The agent is not there in time.
    #[error("the agent did not watch all its beds in time; its last words:\n{0}")]
    NotReady(String),
    /// It cannot go on.
    #[error("the demo cannot go on")]
    Stage(#[source] StageError),
    /// The ward has ended early.
    #[error("the ward has ended by itself")]
    Ward,
    /// No verdict.
    #[error("the judge has no verdict")]
    Judge(#[source] JudgeError),
}

/// Shows it.
pub fn run(arguments: &Arguments, environment: Environment) -> Result<Ending, DemoError> {
    let programs = Programs::find(environment.cargo).map_err(DemoError::Programs)?;
    let system = |what| move |source| DemoError::System { what, source };
    let runtime = Runtime::new().map_err(system("runtime"))?;
    // Its end, at the latest when we return, takes everything with it that was written.
    let dir = tempfile::Builder::new().prefix("wardline-demo-").tempdir().map_err(system("directory"))?;
    // On this very thread: the children are told of its end, whatever brings it about.
    let outcome = runtime.block_on(show(arguments, environment.no_colour, &programs, &dir));
    runtime.shutdown_timeout(OVER_WITHIN);
    match outcome {
        Err(DemoError::Stage(StageError::Interrupted)) => Ok(Ending::Interrupted),
        outcome => outcome,
    }
}

async fn show(
    arguments: &Arguments,
    no_colour: bool,
    programs: &Programs,
    dir: &TempDir,
) -> Result<Ending, DemoError> {
    let signals = Signals::listen().map_err(DemoError::Stage)?;
    let scenario = Scenario::load("demo").map_err(DemoError::Scenario)?;
    let ward = Ward::new(&scenario, BEDS, arguments.seed, WAYS, clock::wall());
    let port = broker::start().await.map_err(DemoError::Broker)?;
    let kafka = KafkaStandIn::start().map_err(DemoError::Kafka)?;
    let brokers = kafka.bootstrap();
    let surroundings = Surroundings::below(dir.path(), &brokers, &format!("127.0.0.1:{port}"));
    let config = configure(&surroundings, &ward, &programs.agent)?;
    let carriers = surroundings.places.open(&ward.beds).map_err(DemoError::Line)?;

    let (sender, news) = channel(NEWS_MAX);
    let mut tasks = JoinSet::new();
    tasks.spawn(news::ask_agent(surroundings.run_dir(), sender.clone()));
    tasks.spawn(news::listen_at_bedside(port, sender.clone()));
    let (followed, followers) = (brokers.clone(), sender.clone());
    tasks.spawn_blocking(move || news::follow_latest(&followed, &followers));
    let start = |who, program: &Path, arguments: &[&str], tasks: &mut JoinSet<()>| {
        Running::start(who, program, arguments, &sender, tasks).map_err(DemoError::Start)
    };
    let config = config.to_string_lossy();
    let agent = start(Who::Agent, &programs.agent, &["run", "--config", &config], &mut tasks)?;
    let terminal = io::stdout().is_terminal();
    let screen =
        Screen::begin(terminal, !no_colour).map_err(|source| DemoError::System { what: "screen", source })?;
    let seen = Seen::new(&ward.beds);
    let act = String::from("the agent starts");
    let mut stage = Stage { news, signals, agent, station: None, seen, screen, start: None, act };
    let memory = if arguments.keep { Memory::Nothing } else { Memory::Said(Vec::new()) };
    let (mut play, messenger) = Live::new(ward, carriers, ("127.0.0.1", port), memory);
    tasks.spawn(messenger.run());
    let follow = ["tail", "--brokers", &brokers, "--simulated"];
    let ending = async {
        acts::ready(&mut stage, &mut play).await?;
        stage.station = Some(start(Who::Station, &programs.station, &follow, &mut tasks)?);
        let end_ms = (!arguments.keep).then_some(scenario.duration_ms);
        let played = acts::perform(&mut stage, play, &kafka, end_ms).await?;
        let place = Place {
            brokers: brokers.clone(),
            prefix: kafka::PREFIX.into(),
            patience: PATIENCE,
            linger: LINGER,
        };
        acts::verdict(&mut stage, played, place).await
    };
    let ending = ending.await;
    stage.strike().await;
    ending.map(|it| Ending::Judged(Box::new(it)))
}

/// Writes the agent's files, and lets the agent itself say whether they can be used.
fn configure(surroundings: &Surroundings<'_>, ward: &Ward, agent: &Path) -> Result<PathBuf, DemoError> {
    let system = |what| move |source| DemoError::System { what, source };
    let config = surroundings.write(&ward.beds).map_err(system("file for the agent's configuration"))?;
    let checked = Command::new(agent).args(["check", "--config"]).arg(&config).output();
    let Output { status, stdout, .. } = checked.map_err(system("child"))?;
    if status.success() {
        Ok(config)
    } else {
        Err(DemoError::Refused(String::from_utf8_lossy(&stdout).into_owned()))
    }
}
