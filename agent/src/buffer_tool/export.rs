//! `export`: records in order, as they are sent or as a table.

use std::io::{self, Write};
use std::ops::ControlFlow;

use serde_json::value::RawValue;
use vitals::record::ledger::{Gap, LedgerRecord};

use super::list::name;
use super::table::{Table, columns};
use super::{Outcome, Place, Progress, ToolError, look};
use crate::buffer::inspect::{Ask, Depth, Finding};
use crate::envelope::Lane;

/// What to export, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArguments {
    #[command(flatten)]
    place: Place,
    /// What to export
    #[arg(long, value_enum, default_value_t = Which::Readings)]
    lane: Which,
    /// One JSON object a line, as it is sent to Kafka; gaps stand where records are missing (the default)
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// A table: a line of names, then a line a record; gaps are told on standard error
    #[arg(long)]
    csv: bool,
    /// Only what is not known to be in Kafka
    #[arg(long)]
    pending: bool,
}

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// Readings.
    Readings,
    /// Alarms.
    Alarms,
    /// Both, alarms first; not as a table.
    Both,
}

impl Which {
    fn lane(self) -> Option<Lane> {
        match self {
            Self::Readings => Some(Lane::Readings),
            Self::Alarms => Some(Lane::Alarms),
            Self::Both => None,
        }
    }
}

/// What was written.
#[derive(Debug, Default)]
struct Written {
    records: u64,
    gaps: u64,
    covered: u64,
    unreadable: u64,
    ended: bool,
}

pub(super) fn run(
    arguments: &ExportArguments,
    out: &mut dyn Write,
    talk: &mut dyn Write,
    progress: &mut Progress,
) -> Result<io::Result<Outcome>, ToolError> {
    let lane = arguments.lane.lane();
    let mut form = match (arguments.csv, lane) {
        (false, _) => Form::Lines,
        (true, Some(lane)) => Form::Table(Table::new(columns(lane))),
        (true, None) => {
            return Err(ToolError::Usage("a table holds one lane: --lane readings or --lane alarms"));
        }
    };
    let source = arguments.place.source()?;
    let ask = Ask { depth: Depth::Records, lane, pending: arguments.pending, within: None };
    let (mut written, mut failed) = (Written::default(), form.begin(out).err());
    if failed.is_none() {
        look(&source, ask, progress, &mut |finding| match written.take(finding, &mut form, out, talk) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
    }
    progress.clear();
    let end = failed.map_or_else(|| out.flush(), Err);
    Ok(end.map(|()| written.tell(talk)))
}

/// How records are written.
enum Form {
    Lines,
    Table(Table),
}

impl Form {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Lines => Ok(()),
            Self::Table(table) => table.head(out),
        }
    }

    fn record(&mut self, body: &RawValue, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Lines => writeln!(out, "{}", body.get()),
            Self::Table(table) => table.row(body, out),
        }
    }
}

impl Written {
    fn take(
        &mut self,
        finding: Finding,
        form: &mut Form,
        out: &mut dyn Write,
        talk: &mut dyn Write,
    ) -> io::Result<()> {
        match finding {
            Finding::Record(body) => {
                self.records += 1;
                form.record(&body, out)
            }
            Finding::Gap(line) => {
                if let LedgerRecord::Gap(gap) = &line {
                    self.gaps += 1;
                    self.covered += gap.count;
                    if matches!(form, Form::Table(_)) {
                        // Talk that nobody can read takes nothing away from the records.
                        let _ = writeln!(talk, "{}", told(gap));
                    }
                }
                match form {
                    Form::Lines => {
                        serde_json::to_writer(&mut *out, &line)?;
                        writeln!(out)
                    }
                    Form::Table(_) => Ok(()),
                }
            }
            Finding::Stretch(it) => {
                self.unreadable += it.holes.iter().map(|(first, last)| last + 1 - first).sum::<u64>();
                Ok(())
            }
            Finding::End => {
                self.ended = true;
                Ok(())
            }
            Finding::Store(_) | Finding::Aside(_) | Finding::Progress(_) | Finding::Failed(_) => Ok(()),
        }
    }

    fn tell(&self, talk: &mut dyn Write) -> Outcome {
        let Self { records, gaps, covered, unreadable, .. } = self;
        let gaps = if *gaps == 0 { "no gap".into() } else { format!("{gaps} gaps of {covered} records") };
        let _ = writeln!(talk, "{records} records, {gaps}, {unreadable} numbers cannot be read");
        if self.unreadable == 0 && self.ended { Outcome::Whole } else { Outcome::Damaged }
    }
}

/// A gap, for a person.
pub(super) fn told(gap: &Gap) -> String {
    let Gap { run, lane, first_seq, last_seq, count, reason, .. } = gap;
    let letter = lane.letter();
    format!("gap: {run}/{letter}/{first_seq} to {last_seq}, {count} records: {}", name(*reason))
}
