//! The command line: what was asked, and the exit code that says how it went.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use wardline_sim::demo::{self, Ending, Environment};
use wardline_sim::expect::listing;
use wardline_sim::judge::{self, JudgeError};
use wardline_sim::play::{self, PlayError, Played};
use wardline_sim::run::{self, RunError};

/// Patients that do not exist, on devices that speak their real wire formats.
#[derive(Debug, Parser)]
#[command(name = "wardline-sim", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows everything at work in about 80 seconds: ward, agent, Kafka, station, an outage, and the judge.
    Demo(demo::Arguments),
    /// Plays a ward, in real time or faster, over pseudo-terminals and an MQTT broker.
    Run(run::Arguments),
    /// Plays recorded bytes of a device through a pseudo-terminal.
    Play(play::Arguments),
    /// Compares what the devices said with what is in Kafka, or with the alarms of a replay.
    Judge(judge::Arguments),
    /// Tells which alarms a truth calls for: each with its earliest and latest time, one JSON object a line.
    Expect(listing::Arguments),
}

/// Exit codes, as sysexits.h names them, and the shell's for Ctrl-C.
mod exit {
    pub(crate) const USAGE: u8 = 64;
    pub(crate) const DATA: u8 = 65;
    pub(crate) const UNAVAILABLE: u8 = 69;
    pub(crate) const INTERNAL: u8 = 70;
    pub(crate) const INTERRUPTED: u8 = 130;
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(exit::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match arguments.command {
        Command::Demo(it) => run_demo(&it),
        Command::Run(it) => run_ward(&it),
        Command::Play(it) => match play::run(&it) {
            Ok(Played::Whole) => ExitCode::SUCCESS,
            Ok(Played::Interrupted) => ExitCode::from(exit::INTERRUPTED),
            Err(error @ PlayError::Capture { .. }) => fail(&error, exit::DATA),
            Err(error) => fail(&error, exit::INTERNAL),
        },
        Command::Judge(it) => run_judge(&it),
        Command::Expect(it) => match listing::run(&it, &mut std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, exit::DATA),
        },
    }
}

fn run_demo(arguments: &demo::Arguments) -> ExitCode {
    match demo::run(arguments, environment()) {
        Ok(Ending::Judged(verdict)) => told(&verdict, false),
        Ok(Ending::Interrupted) => ExitCode::from(exit::INTERRUPTED),
        Err(error) => fail(&error, exit::INTERNAL),
    }
}

fn run_ward(arguments: &run::Arguments) -> ExitCode {
    match run::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = match &error {
                RunError::Usage(_) | RunError::Remote { .. } | RunError::Scenario(_) => exit::USAGE,
                RunError::Broker { .. } | RunError::Untaken(_) => exit::UNAVAILABLE,
                RunError::Line(_) | RunError::Write { .. } | RunError::System { .. } => exit::INTERNAL,
            };
            fail(&error, code)
        }
    }
}

fn run_judge(arguments: &judge::Arguments) -> ExitCode {
    match judge::run(arguments) {
        Ok(verdict) => told(&verdict, arguments.json),
        Err(error) => {
            let code = match &error {
                JudgeError::Topics(topics) if !topics.is_of_record() => exit::UNAVAILABLE,
                _ => exit::DATA,
            };
            fail(&error, code)
        }
    }
}

/// Prints a verdict; a reader who has gone away is no mistake.
fn told(verdict: &judge::Verdict, json: bool) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let _ = if json { writeln!(out, "{}", verdict.json()) } else { writeln!(out, "{verdict}") };
    if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(exit::DATA) }
}

#[expect(clippy::disallowed_methods, reason = "the environment is read in main.rs alone")]
fn environment() -> Environment {
    Environment {
        cargo: std::env::var_os("CARGO"),
        no_colour: std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty()),
    }
}

/// Tells an error with everything behind it, once.
fn fail(error: &dyn Error, code: u8) -> ExitCode {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(it) = source {
        text = format!("{text}\n  because: {it}");
        source = it.source();
    }
    let _ = writeln!(std::io::stderr().lock(), "wardline-sim: {text}");
    ExitCode::from(code)
}
