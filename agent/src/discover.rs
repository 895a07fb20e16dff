//! `discover`: what is there to read, and the configuration to paste for it.
//!
//! Three looks at once: serial ports, the broadcasts of monitors on the network, and the topics of MQTT brokers. Nothing is
//! sent unless it is asked for (`--ask`), and then only what the agent itself would ask. What a patient's values are is
//! never told: only which device, which format, and which vitals.

mod broker;
mod candidates;
mod lan;
mod names;
mod ports;
mod report;
mod serial;
mod stanza;
mod topic;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::broker::Broker;
use crate::config::load::{self, LoadError};
use crate::config::{MqttLink, alarms};

pub use candidates::Sureness;

/// What a person must have read before anything of this is used.
pub const DISCLAIMER: &str = "Secondary notification, not a medical device; bedside monitors remain primary.";

/// An IntelliVue that is already read by a central station cannot be read by us.
pub const ONE_ASSOCIATION: &str = "An IntelliVue grants one association at a time: whoever asks second, perhaps the central station, gets none.";

/// The longest look.
const FOR_MAX: Duration = Duration::from_secs(3600);

/// What to look at.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// How long to listen.
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = parse_for)]
    pub listen_for: Duration,
    /// A serial port beside those that the machine names itself; may stand several times.
    #[arg(long, value_name = "PATH")]
    pub port: Vec<PathBuf>,
    /// Asks where nothing was heard: the read-only requests of the agent's own drivers, up to 16 s more.
    #[arg(long)]
    pub ask: bool,
    /// An MQTT broker to look at, without a login; may stand several times.
    #[arg(long, value_name = "URL")]
    pub mqtt: Vec<String>,
    /// A configuration whose MQTT brokers are looked at, with their logins.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the broadcasts of monitors are heard.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:24005")]
    pub lan: SocketAddr,
    /// One JSON object on standard output.
    #[arg(long)]
    pub json: bool,
}

/// Why there was no look, or nobody was told.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The configuration cannot be used.
    #[error("the brokers of the configuration cannot be looked at")]
    Config(#[source] LoadError),
    /// An address is none.
    #[error("{0:?} is not the address of an MQTT broker: mqtts://broker.example.org:8883")]
    Address(String),
    /// The operating system denies something.
    #[error("the system gives no runtime")]
    System(#[source] io::Error),
    /// What was found cannot be written.
    #[error("cannot write what was found")]
    Output(#[source] io::Error),
}

/// Whether anything was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A device, a monitor or a topic.
    Found,
    /// Nothing that could be read.
    Nothing,
}

/// Looks, and tells: configuration on `out`, words on `talk`.
pub fn run(
    arguments: &Arguments,
    out: &mut impl Write,
    talk: &mut impl Write,
) -> Result<Outcome, DiscoverError> {
    let links = links(arguments)?;
    let ports = ports::list(Path::new("/dev"), Path::new("/sys"), &arguments.port);
    // Words that nobody reads are no reason to stop.
    let _ = report::begin(talk, arguments, ports.len(), links.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let found = runtime.map_err(DiscoverError::System)?.block_on(async {
        let within = arguments.listen_for;
        let (ports, monitors, brokers) = tokio::join!(
            serial::look(ports, within, arguments.ask),
            lan::look(arguments.lan, within),
            broker::look(links, within),
        );
        report::Report { ports, monitors, brokers }
    });
    let _ = found.tell(talk);
    let written = if arguments.json { found.write_json(out) } else { found.write_configuration(out) };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(DiscoverError::Output(error)),
        _ => {}
    }
    Ok(if found.is_empty() { Outcome::Nothing } else { Outcome::Found })
}

/// The brokers to look at, each under a client id that is nobody's.
fn links(arguments: &Arguments) -> Result<Vec<Broker>, DiscoverError> {
    let mut brokers = Vec::new();
    let client_id = || format!("wardline-discover-{:08x}", crate::random::u32());
    for url in &arguments.mqtt {
        let link = MqttLink::at(url, client_id()).ok_or_else(|| DiscoverError::Address(url.clone()))?;
        brokers.push(Broker { link, url: Some(url.clone()) });
    }
    if let Some(path) = &arguments.config {
        let loaded = load::load(path).map_err(DiscoverError::Config)?;
        let links = loaded.config.mqtt.into_iter();
        brokers.extend(links.map(|it| Broker { link: MqttLink { client_id: client_id(), ..it }, url: None }));
    }
    Ok(brokers)
}

pub(crate) fn parse_for(text: &str) -> Result<Duration, String> {
    let duration = alarms::parse_duration(text).filter(|it| !it.is_zero() && *it <= FOR_MAX);
    duration.ok_or_else(|| "write a time of at most an hour, as 10s or 5m".into())
}
