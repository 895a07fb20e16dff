//! The command line: what was asked, and the exit code that says how it went.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use wardline_agent::alarm_tool::{self, Screen};
use wardline_agent::buffer::OpenError;
use wardline_agent::buffer_tool::{self, Outcome};
use wardline_agent::config::load::{self, LoadError, Loaded};
use wardline_agent::config::show;
use wardline_agent::decode::{self, DecodeError};
use wardline_agent::discover::DiscoverError;
use wardline_agent::life::RunError;
use wardline_agent::{capture, device_setup, discover, life, logging, replay, status};

/// Bedside vital signs to Kafka, alarms decided on the spot.
///
/// Secondary notification, not a medical device: bedside monitors remain primary.
#[derive(Debug, Parser)]
#[command(name = "wardline-agent", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the agent.
    Run(Config),
    /// Tells every mistake in the configuration, with its place and what to write instead.
    Check {
        #[command(flatten)]
        config: Config,
        /// One JSON object instead of words.
        #[arg(long)]
        json: bool,
    },
    /// Asks the running agent how it is.
    Status(status::Arguments),
    /// Decodes recorded bytes of a device: one JSON line per observation, counters on standard error.
    Decode(decode::Arguments),
    /// Finds devices on serial ports, on the network and behind MQTT brokers, and prints the configuration to paste.
    Discover(discover::Arguments),
    /// Records the bytes of one device with their times, without what tells who the patient is.
    Capture(capture::Arguments),
    /// Configures a device, which the agent never does by itself.
    Device {
        #[command(subcommand)]
        command: device_setup::Command,
    },
    /// Tells the alarms that recorded numbers would have raised, one JSON record a line.
    Replay(replay::Arguments),
    /// Lists open alarms, tells why one came, and tests whether one would arrive.
    Alarm {
        #[command(subcommand)]
        command: alarm_tool::Command,
    },
    /// Looks at the store: lists, verifies, exports, salvages. Changes nothing, whether the agent runs or not.
    Buffer {
        #[command(subcommand)]
        command: buffer_tool::Command,
    },
}

#[derive(Debug, clap::Args)]
struct Config {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/wardline/wardline.toml")]
    config: PathBuf,
}

/// Exit codes, as sysexits.h names them.
mod exit {
    pub(crate) const USAGE: u8 = 64;
    pub(crate) const DATA: u8 = 65;
    pub(crate) const UNAVAILABLE: u8 = 69;
    pub(crate) const INTERNAL: u8 = 70;
    pub(crate) const CONFIG: u8 = 78;
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
        Command::Run(it) => run(&it.config),
        Command::Check { config, json } => check(&config.config, json),
        Command::Status(it) => match status::run(&it, &mut std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, exit::UNAVAILABLE),
        },
        Command::Decode(it) => decode(&it),
        Command::Discover(it) => discover(&it),
        Command::Capture(it) => match capture::run(&it, &mut std::io::stderr().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, error.exit_code()),
        },
        Command::Device { command } => match device_setup::run(&command, &mut std::io::stderr().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, error.exit_code()),
        },
        Command::Alarm { command } => alarm(&command),
        Command::Buffer { command } => buffer(&command),
        Command::Replay(it) => match replay::run(&it, &mut std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let code = error.exit_code();
                fail(&error, code)
            }
        },
    }
}

fn run(path: &Path) -> ExitCode {
    logging::start();
    let Loaded { config, warnings, again } = match load::load(path) {
        Ok(loaded) => loaded,
        Err(error) => return fail(&error, exit::CONFIG),
    };
    load::warn_of(&warnings);
    match life::run(config, again) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = match &error {
                RunError::Store(OpenError::AlreadyInUse { .. }) => exit::UNAVAILABLE,
                RunError::Kafka(_)
                | RunError::Mqtt { .. }
                | RunError::Actions(_)
                | RunError::Annunciators(_)
                | RunError::RunDirectory { .. } => exit::CONFIG,
                RunError::Store(OpenError::Thread(_))
                | RunError::System { .. }
                | RunError::StoreFailed
                | RunError::StoreReturned
                | RunError::Ended(_) => exit::INTERNAL,
            };
            fail(&error, code)
        }
    }
}

fn check(path: &Path, json: bool) -> ExitCode {
    let (problems, warnings) = match load::load(path) {
        Ok(loaded) => (Vec::new(), loaded.warnings),
        Err(LoadError::Mistakes(problems)) => (problems, Vec::new()),
        Err(error) => return fail(&error, exit::CONFIG),
    };
    if json {
        let document = serde_json::json!({ "version": 1, "errors": problems, "warnings": warnings });
        print_out(&document.to_string());
    } else {
        for it in &warnings {
            print_out(&show::problem("warning", it));
        }
        print_out(&match problems.as_slice() {
            [] => format!("{} can be used", path.display()),
            problems => load::told(problems),
        });
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::CONFIG) }
}

fn decode(arguments: &decode::Arguments) -> ExitCode {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match decode::run(arguments, &mut out, &mut std::io::stderr().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = match &error {
                DecodeError::Input { .. } | DecodeError::NothingFound { .. } => exit::DATA,
                DecodeError::Output(_) => exit::INTERNAL,
            };
            fail(&error, code)
        }
    }
}

fn discover(arguments: &discover::Arguments) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match discover::run(arguments, &mut out, &mut std::io::stderr().lock()) {
        Ok(discover::Outcome::Found) => ExitCode::SUCCESS,
        Ok(discover::Outcome::Nothing) => ExitCode::from(exit::UNAVAILABLE),
        Err(error) => {
            let code = match &error {
                DiscoverError::Config(_) => exit::CONFIG,
                DiscoverError::Address(_) => exit::USAGE,
                DiscoverError::System(_) | DiscoverError::Output(_) => exit::INTERNAL,
            };
            fail(&error, code)
        }
    }
}

fn buffer(command: &buffer_tool::Command) -> ExitCode {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut progress = buffer_tool::Progress::on_terminal();
    match buffer_tool::run(command, &mut out, &mut std::io::stderr().lock(), &mut progress) {
        Ok(Outcome::Whole) => ExitCode::SUCCESS,
        Ok(Outcome::Damaged) => ExitCode::from(exit::DATA),
        Err(error) => {
            let code = error.exit_code();
            fail(&error, code)
        }
    }
}

fn alarm(command: &alarm_tool::Command) -> ExitCode {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut progress = buffer_tool::Progress::on_terminal();
    let outcome = alarm_tool::run(command, screen(), &mut out, &mut std::io::stderr().lock(), &mut progress);
    match outcome.map(|it| (it, std::io::Write::flush(&mut out))) {
        // A reader who has gone away is no mistake.
        Ok((alarm_tool::Outcome::Done, _)) => ExitCode::SUCCESS,
        Ok((alarm_tool::Outcome::Incomplete, _)) => ExitCode::from(exit::DATA),
        Err(error) => {
            let code = error.exit_code();
            fail(&error, code)
        }
    }
}

/// What standard output can show: colours unless `NO_COLOR` says otherwise (no-color.org), more than ASCII where the
/// locale says so.
#[expect(clippy::disallowed_methods, reason = "the environment is read in main.rs alone")]
fn screen() -> Screen {
    let said = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    let locale = said("LC_ALL").or_else(|| said("LC_CTYPE")).or_else(|| said("LANG")).unwrap_or_default();
    let is_dumb = said("TERM").is_none_or(|it| it == "dumb");
    let colour = std::io::stdout().is_terminal() && !is_dumb && said("NO_COLOR").is_none();
    let locale = locale.to_ascii_lowercase();
    Screen { colour, unicode: locale.ends_with("utf-8") || locale.ends_with("utf8") }
}

/// Prints to standard output; a reader who has gone away is no mistake.
fn print_out(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Tells an error with everything behind it, once.
fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    use std::io::Write as _;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(it) = source {
        text = format!("{text}\n  because: {it}");
        source = it.source();
    }
    let _ = writeln!(std::io::stderr().lock(), "wardline-agent: {text}");
    ExitCode::from(code)
}
