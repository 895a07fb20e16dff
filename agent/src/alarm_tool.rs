//! `alarm ls | why | test`: which alarms are open, why one came, and whether one would arrive.
//!
//! The open ones are the running agent's word, what is over and what they rest on is read from the store, as `buffer`
//! reads it. Data come on standard output, talk on standard error.

mod error;
#[cfg(test)]
mod example;
mod history;
mod list;
mod open;
mod test_alarm;
mod why;
mod words;

use std::io::Write;

pub use self::error::AlarmToolError;
pub use self::list::LsArguments;
pub use self::test_alarm::TestArguments;
pub use self::why::WhyArguments;
use crate::buffer_tool::Progress;

/// Said to every person before anything else.
const NOTICE: &str = "Secondary notification, not a medical device; bedside monitors remain primary.";

/// What is asked about alarms.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Lists the open alarms of the running agent, the most urgent first.
    Ls(LsArguments),
    /// Tells why an alarm came: its rule, the samples it rests on, and what became of it when.
    Why(WhyArguments),
    /// Makes a test alarm that ends by itself, and tells whether it came back: from the annunciators, Kafka and a station.
    Test(TestArguments),
}

/// What can be drawn where the words go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Screen {
    /// Whether colours underline the marks; they never carry a meaning alone.
    pub colour: bool,
    /// Whether it knows more than ASCII.
    pub unicode: bool,
}

/// How a command went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Done,
    /// It was done, and something is missing: the test alarm did not come back whole, readings are no longer there.
    Incomplete,
}

/// Runs a command: data to `out`, talk to `talk`, and how far a look at the store has come to `progress`.
pub fn run(
    command: &Command,
    screen: Screen,
    out: &mut dyn Write,
    talk: &mut dyn Write,
    progress: &mut Progress,
) -> Result<Outcome, AlarmToolError> {
    let outcome = match command {
        Command::Ls(it) => list::run(it, screen, out, talk, progress)?,
        Command::Why(it) => why::run(it, screen, out, talk, progress)?,
        Command::Test(it) => test_alarm::run(it, out, talk)?,
    };
    progress.clear();
    match outcome {
        // A reader who has gone away, as `head` does, is no mistake.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Outcome::Done),
        outcome => outcome.map_err(AlarmToolError::Output),
    }
}
