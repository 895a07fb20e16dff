//! `buffer ls | verify | export | salvage`: what a store holds, for people and for machines.
//!
//! A store at work is asked through its agent's socket; every other one is read from its files, which are not changed.
//! What is looked at is never opened, locked or written to, whatever state it is in.

mod ask;
mod collect;
mod error;
mod export;
mod list;
mod place;
mod progress;
mod salvage;
mod table;

use std::io::Write;
use std::ops::ControlFlow;

pub use self::error::ToolError;
pub use self::export::ExportArguments;
pub(crate) use self::place::CONFIG;
pub use self::place::Place;
pub(crate) use self::place::Source;
pub use self::progress::Progress;
pub use self::salvage::SalvageArguments;
use crate::buffer::inspect::{Ask, Depth, Finding, inspect};

/// What is asked of a store.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Lists what the store holds: lanes, generations, numbers, gaps, what waits for Kafka, what was set aside.
    Ls(LookArguments),
    /// Reads and checks every frame; tells holes and damage. Exit code 65: something is damaged.
    Verify(LookArguments),
    /// Writes readings or alarms, in order, to standard output.
    Export(ExportArguments),
    /// Writes what can be read of a damaged or set-aside directory to a new file, and tells what is missing.
    Salvage(SalvageArguments),
}

/// Which store, and for whom.
#[derive(Debug, Clone, clap::Args)]
pub struct LookArguments {
    #[command(flatten)]
    place: Place,
    /// One JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// How a command went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is well.
    Whole,
    /// It was done, and something is damaged or missing.
    Damaged,
}

/// Runs a command: data to `out`, talk to `talk`, and how far it has come to `progress`.
pub fn run(
    command: &Command,
    out: &mut dyn Write,
    talk: &mut dyn Write,
    progress: &mut Progress,
) -> Result<Outcome, ToolError> {
    let outcome = match command {
        Command::Ls(it) => {
            let found = collect::collect(&it.place.source()?, Depth::Facts, progress)?;
            list::list(&found, it.json, out).map(|()| Outcome::Whole)
        }
        Command::Verify(it) => {
            let found = collect::collect(&it.place.source()?, Depth::Frames, progress)?;
            let outcome = if found.is_damaged() { Outcome::Damaged } else { Outcome::Whole };
            list::verdict(&found, it.json, out).map(|()| outcome)
        }
        Command::Export(it) => export::run(it, out, talk, progress)?,
        Command::Salvage(it) => salvage::run(it, out, talk, progress)?,
    };
    progress.clear();
    match outcome {
        // A reader who has gone away, as `head` does, is no mistake.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Outcome::Whole),
        outcome => outcome.map_err(ToolError::Output),
    }
}

/// Looks at a store wherever it is, and shows each finding but the progress, which it notes.
pub(crate) fn look(
    source: &Source,
    ask: Ask,
    progress: &mut Progress,
    sink: &mut dyn FnMut(Finding) -> ControlFlow<()>,
) -> Result<(), ToolError> {
    let mut note = |finding| match finding {
        Finding::Progress(share) => {
            progress.note(share);
            ControlFlow::Continue(())
        }
        finding => sink(finding),
    };
    match source {
        Source::Directory(dir) => Ok(inspect(dir, ask, None, &mut note)?),
        Source::Socket(path) => Ok(ask::ask(path, ask, &mut note)?),
    }
}
