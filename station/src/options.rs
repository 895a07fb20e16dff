//! The command line: what may be said, and what it means.

mod act;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::{fs, io};

use clap::{Args, Parser, Subcommand};

pub use self::act::{Act, ActCommand, ActorArgs, AdmitArgs, LimitArgs, ObserveArgs, RoleArg};
use crate::feed::FeedOptions;
use crate::handoff::{PostError, Way, Webhook};

/// Follows the alarms of a ward in Kafka.
///
/// Secondary notification. Not a medical device; bedside monitors remain primary.
#[derive(Debug, Parser)]
#[command(name = "wardline-station", version)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the station can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints each change of an alarm as one line, and says when an agent or Kafka is lost.
    Tail(TailArgs),
    /// Proves from Kafka alone, agent by agent, that no reading is missing and none is there twice.
    ///
    /// Ends with 0 when all is complete, with 65 and the missing numbers when not.
    Completeness(KafkaArgs),
    /// Does something to the alarms of a bed, and waits for the agent's answer.
    #[command(flatten)]
    Act(ActCommand),
}

/// Where to read.
#[derive(Debug, Args)]
pub struct KafkaArgs {
    /// Some of Kafka's brokers.
    #[arg(long, value_name = "HOST:PORT[,HOST:PORT]")]
    brokers: String,
    /// What stands before the topics' names.
    #[arg(long, default_value = "")]
    prefix: String,
    /// Follow simulated and replayed data: the prefix `sim.`, and SIMULATED on every line.
    #[arg(long, conflicts_with = "prefix")]
    simulated: bool,
    /// A property of librdkafka, for TLS and login: security.protocol=SASL_SSL, sasl.username=station, …
    #[arg(long = "kafka-property", value_name = "NAME=VALUE", value_parser = property)]
    kafka_properties: Vec<(String, String)>,
    /// A file with Kafka's password (sasl.password), so that it shows in no list of processes.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// How to follow.
#[derive(Debug, Args)]
pub struct TailArgs {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// Only these beds, by id; loss of agents and of Kafka is always told.
    #[arg(long = "bed", value_name = "BED", num_args = 1..)]
    beds: Vec<String>,
    /// One JSON object a line instead of words.
    #[arg(long)]
    json: bool,
    /// This is the nurses' station NAME: tell the agents which high alarms it has shown.
    ///
    /// An agent whose high alarm no station has shown within ten seconds says so at the bedside. Only for a station that
    /// somebody looks at; it needs WRITE on vitals.actions.v1.
    #[arg(long, value_name = "NAME")]
    station: Option<String>,
    /// A program to start for each change, with the record on its standard input; no shell.
    #[arg(long, value_name = "PROGRAM")]
    exec: Option<OsString>,
    /// A web address to post each change to.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
}

/// How to follow, understood.
#[derive(Debug)]
pub struct Tail {
    /// Where to read.
    pub feed: FeedOptions,
    /// Only these beds; empty: all.
    pub beds: Vec<String>,
    /// JSON instead of words.
    pub json: bool,
    /// The name of a station that somebody looks at.
    pub station: Option<String>,
    /// Whether the topics hold no patients.
    pub simulated: bool,
    /// Where to hand changes on.
    pub ways: Vec<Way>,
}

/// Why a command line cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The password file cannot be read.
    #[error("the password file {path} cannot be read")]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A password stands on the command line, where every user of the machine can read it.
    #[error("{0} does not belong on the command line: use --password-file")]
    SecretInTheOpen(String),
    /// The webhook is none.
    #[error("--webhook cannot be used")]
    Webhook(#[source] PostError),
}

impl TryFrom<KafkaArgs> for FeedOptions {
    type Error = OptionsError;

    fn try_from(it: KafkaArgs) -> Result<Self, OptionsError> {
        let mut properties: BTreeMap<String, String> = it.kafka_properties.into_iter().collect();
        if let Some(name) = properties.keys().find(|it| it.ends_with("password")) {
            return Err(OptionsError::SecretInTheOpen(name.clone()));
        }
        if let Some(path) = it.password_file {
            let password = fs::read_to_string(&path)
                .map_err(|source| OptionsError::PasswordFile { path: path.clone(), source })?;
            properties.insert("sasl.password".into(), password.trim_end_matches(['\r', '\n']).into());
        }
        let prefix = if it.simulated { "sim.".into() } else { it.prefix };
        Ok(Self { brokers: it.brokers, prefix, properties })
    }
}

impl TryFrom<TailArgs> for Tail {
    type Error = OptionsError;

    fn try_from(it: TailArgs) -> Result<Self, OptionsError> {
        let feed = FeedOptions::try_from(it.kafka)?;
        let simulated = feed.prefix.starts_with("sim.");
        let webhook = it.webhook.map(|url| Webhook::new(&url)).transpose().map_err(OptionsError::Webhook)?;
        let ways = it.exec.map(Way::Command).into_iter().chain(webhook.map(Way::Webhook)).collect();
        Ok(Self { feed, beds: it.beds, json: it.json, station: it.station, simulated, ways })
    }
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("it must be NAME=VALUE, as in security.protocol=SASL_SSL".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(arguments: &[&str]) -> Result<Tail, String> {
        let arguments = ["wardline-station", "tail", "--brokers", "k:9092"].iter().chain(arguments);
        let Command::Tail(it) = Options::try_parse_from(arguments).map_err(|it| it.to_string())?.command
        else {
            unreachable!()
        };
        Tail::try_from(it).map_err(|it| it.to_string())
    }

    #[test]
    fn simulated_is_a_prefix_and_a_mark() {
        assert_eq!(tail(&["--simulated"]).unwrap().feed.prefix, "sim.");
        assert!(tail(&["--prefix", "sim."]).unwrap().simulated);
        assert!(!tail(&[]).unwrap().simulated);
        assert!(tail(&["--simulated", "--prefix", "x."]).is_err());
    }

    #[test]
    fn a_password_comes_from_a_file_and_never_from_the_command_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secret\n").unwrap();
        let it = tail(&["--password-file", file.path().to_str().unwrap()]).unwrap();
        assert_eq!(it.feed.properties.get("sasl.password").map(String::as_str), Some("secret"));
        assert!(tail(&["--kafka-property", "sasl.password=secret"]).unwrap_err().contains("--password-file"));
        assert!(tail(&["--kafka-property", "nonsense"]).is_err());
    }
}
