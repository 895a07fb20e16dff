//! `wardline-station`: arguments, logging, exit code.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use clap::error::ErrorKind;
use jiff::tz::TimeZone;
use tracing_subscriber::EnvFilter;
use wardline_station::act::{Answer, PerformError, perform};
use wardline_station::clock::Clock;
use wardline_station::completeness::Verdict;
use wardline_station::completeness::read::read;
use wardline_station::feed::FeedOptions;
use wardline_station::options::{Act, ActCommand, Command, KafkaArgs, Options, Tail};
use wardline_station::tail::tail;
use wardline_station::wording::{NOTICE, Wording, reply};

const USAGE: u8 = 64;
const DATA: u8 = 65;
const UNAVAILABLE: u8 = 69;
const INTERNAL: u8 = 70;
const CONFIGURATION: u8 = 78;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Nobody left to tell if even this fails.
            drop(error.print());
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { USAGE });
        }
    };
    let plain = has_no_color();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(!plain && io::stderr().is_terminal())
        .with_target(false)
        .with_env_filter(EnvFilter::new("info"))
        .init();
    let arguments = match options.command {
        Command::Tail(arguments) => arguments,
        Command::Completeness(arguments) => return prove(arguments),
        Command::Act(command) => return act(command),
    };
    let tail = match Tail::try_from(arguments).context("The command line cannot be followed") {
        Ok(tail) => tail,
        Err(error) => return fail(&error, CONFIGURATION),
    };
    let colour = !plain && io::stdout().is_terminal();
    let wording = Wording { zone: TimeZone::system(), colour, simulated: tail.simulated };
    match follow(tail, wording) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, INTERNAL),
    }
}

fn follow(options: Tail, wording: Wording) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("The runtime cannot be started")?;
    runtime.block_on(tail(options, wording)).context("The station has ended")
}

/// Tells each agent's verdict, one below the other.
fn prove(arguments: KafkaArgs) -> ExitCode {
    let options = match FeedOptions::try_from(arguments).context("The command line cannot be followed") {
        Ok(options) => options,
        Err(error) => return fail(&error, CONFIGURATION),
    };
    let account = match read(&options).context("Nothing can be proven") {
        Ok(account) => account,
        Err(error) => return fail(&error, UNAVAILABLE),
    };
    let verdicts = account.verdicts();
    for verdict in &verdicts {
        println!("{verdict}");
    }
    if account.truncated {
        println!(
            "Kafka has deleted old readings: of each run, only what follows its first reading there was proven."
        );
    }
    ExitCode::from(if verdicts.iter().all(Verdict::is_clean) { 0 } else { DATA })
}

/// Asks the agent, and tells its answers, one a line.
fn act(command: ActCommand) -> ExitCode {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let act = match Act::new(command, &machine).context("The command line cannot be followed") {
        Ok(act) => act,
        Err(error) => return fail(&error, CONFIGURATION),
    };
    eprintln!("{NOTICE}");
    let done = match perform(&act, Clock::start()) {
        Ok(done) => done,
        Err(error) => {
            let code = if matches!(error, PerformError::Screen(_)) { DATA } else { UNAVAILABLE };
            return fail(&anyhow::Error::new(error), code);
        }
    };
    for Answer { bed, asked, reply } in &done.answers {
        println!("{}", if act.json { reply::json(reply) } else { reply::line(bed, asked, reply) });
    }
    for limits in &done.left_behind {
        eprintln!("{}", reply::left_behind(limits));
    }
    ExitCode::from(if done.is_all_done() { 0 } else { DATA })
}

/// The chain of an error, printed once.
fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    tracing::error!("{error:#}.");
    ExitCode::from(code)
}

/// Whether the user asks for no colour, by the convention of no-color.org.
#[expect(clippy::disallowed_methods, reason = "the environment is read in main.rs alone")]
fn has_no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty())
}
