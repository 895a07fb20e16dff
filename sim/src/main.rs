//! The command line: what was asked, and the exit code that says how it went.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use wardline_sim::judge::{self, JudgeError};

/// Patients that do not exist, on devices that speak their real wire formats.
#[derive(Debug, Parser)]
#[command(name = "wardline-sim", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compares what the devices said with what is in Kafka.
    Judge(judge::Arguments),
}

/// Exit codes, as sysexits.h names them.
mod exit {
    pub(crate) const USAGE: u8 = 64;
    pub(crate) const DATA: u8 = 65;
    pub(crate) const UNAVAILABLE: u8 = 69;
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
        Command::Judge(it) => run_judge(&it),
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
