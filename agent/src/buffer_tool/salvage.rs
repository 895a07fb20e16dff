//! `salvage`: what can be read of a damaged or set-aside directory goes to a new file; nothing goes back into the store.
//!
//! A reading's number is its name for ever. What the agent could read when it set a part aside, it has kept and sends by
//! itself; what it could not read, the ledger has called a gap, and the cursor has gone on. A reading that came after
//! that would stand in Kafka beside the gap that says it never will, out of order. So salvage writes lines: whoever
//! wants them beside the topic joins them by `id`, as often as they like.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use vitals::record::ledger::{GapReason, LedgerRecord};
use vitals::record::reading::READINGS;

use super::list::ranges;
use super::{Outcome, Progress, Source, ToolError, look};
use crate::buffer;
use crate::buffer::inspect::{Ask, Depth, Finding, Ranges};
use crate::envelope::Lane;

/// What to salvage, and where to.
#[derive(Debug, Clone, clap::Args)]
pub struct SalvageArguments {
    /// A store that no agent works on, one of its lanes or generations, or what was set aside (state_dir/store/quarantine/…)
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A new file for the records, one JSON object a line [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Tells what was found as one JSON object, on standard error
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    arguments: &SalvageArguments,
    out: &mut dyn Write,
    talk: &mut dyn Write,
    progress: &mut Progress,
) -> Result<io::Result<Outcome>, ToolError> {
    let dir = &arguments.dir;
    if buffer::is_in_use(dir).unwrap_or(false) {
        return Err(ToolError::InUse { dir: dir.clone() });
    }
    let mut salvaged = Salvaged::default();
    let written = match &arguments.output {
        None => salvaged.write(dir, out, progress)?,
        Some(path) => {
            let file =
                create(path, dir).map_err(|source| ToolError::Create { path: path.clone(), source })?;
            let mut file = BufWriter::new(file);
            let written = salvaged.write(dir, &mut file, progress)?;
            written.and_then(|()| file.into_inner()?.sync_all())
        }
    };
    progress.clear();
    Ok(written.map(|()| salvaged.tell(arguments.json, talk)))
}

/// A new file, outside of what is salvaged.
fn create(path: &Path, dir: &Path) -> io::Result<File> {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if fs::canonicalize(parent)?.starts_with(fs::canonicalize(dir)?) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it lies in the directory itself"));
    }
    File::create_new(path)
}

/// What was found of all runs.
#[derive(Debug, Default)]
struct Salvaged {
    runs: BTreeMap<(Lane, String), Numbers>,
    /// Records that came a second time, from a copy.
    again: u64,
    trouble: Vec<String>,
}

/// The numbers of one run and lane.
#[derive(Debug, Default)]
struct Numbers {
    records: Ranges,
    /// Told by the store itself as gaps.
    gaps: Ranges,
    /// What the directories say they held.
    held: Ranges,
}

#[derive(Deserialize)]
struct Named<'a> {
    schema: &'a str,
    run: &'a str,
    seq: u64,
}

#[derive(Serialize)]
struct Account<'a> {
    lane: Lane,
    run: &'a str,
    records: u64,
    missing: Vec<(u64, u64)>,
}

impl Salvaged {
    fn write(
        &mut self,
        dir: &Path,
        out: &mut dyn Write,
        progress: &mut Progress,
    ) -> Result<io::Result<()>, ToolError> {
        let mut aside: Vec<PathBuf> = fs::read_dir(dir.join("quarantine"))
            .map(|entries| entries.flatten().map(|it| it.path()).collect())
            .unwrap_or_default();
        aside.sort();
        let ask = Ask { depth: Depth::Records, lane: None, pending: false, within: None };
        let mut failed = None;
        for dir in [dir.to_owned()].into_iter().chain(aside) {
            let source = Source::Directory(dir);
            look(&source, ask, progress, &mut |finding| match self.take(finding, out) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            })?;
        }
        Ok(failed.map_or_else(|| self.write_missing(out).and_then(|()| out.flush()), Err))
    }

    fn take(&mut self, finding: Finding, out: &mut dyn Write) -> io::Result<()> {
        match finding {
            Finding::Record(body) => self.take_record(&body, out),
            Finding::Gap(LedgerRecord::Gap(gap)) if gap.reason != GapReason::StoreDamaged => {
                self.of(gap.lane, &gap.run).gaps.insert(gap.first_seq, gap.last_seq);
                line(&LedgerRecord::Gap(gap), out)
            }
            Finding::Stretch(it) => {
                self.of(it.lane, &it.run).held.insert(it.first, it.last);
                self.trouble.extend(it.trouble.map(|trouble| format!("{}: {trouble}", it.name)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn take_record(&mut self, body: &RawValue, out: &mut dyn Write) -> io::Result<()> {
        let Ok(Named { schema, run, seq }) = serde_json::from_str(body.get()) else { return Ok(()) };
        let lane = if schema == READINGS { Lane::Readings } else { Lane::Alarms };
        let numbers = self.of(lane, run);
        if numbers.records.contains(seq) {
            self.again += 1;
            return Ok(());
        }
        numbers.records.insert(seq, seq);
        writeln!(out, "{}", body.get())
    }

    fn of(&mut self, lane: Lane, run: &str) -> &mut Numbers {
        self.runs.entry((lane, run.to_owned())).or_default()
    }

    /// Says in the file too what is missing.
    fn write_missing(&self, out: &mut dyn Write) -> io::Result<()> {
        for ((lane, run), numbers) in &self.runs {
            for (first, last) in numbers.missing() {
                let gap = serde_json::json!({ "type": "gap", "schema": "vitals.ledger.v1", "run": run,
                    "lane": lane, "first_seq": first, "last_seq": last, "count": last - first + 1,
                    "reason": GapReason::StoreDamaged });
                writeln!(out, "{gap}")?;
            }
        }
        Ok(())
    }

    fn tell(&self, json: bool, talk: &mut dyn Write) -> Outcome {
        let accounts: Vec<Account<'_>> = self
            .runs
            .iter()
            .map(|((lane, run), it)| Account {
                lane: *lane,
                run,
                records: it.records.count(),
                missing: it.missing(),
            })
            .collect();
        let records: u64 = accounts.iter().map(|it| it.records).sum();
        // Talk that nobody can read takes nothing away from the records.
        let _ = if json {
            let document = serde_json::json!({ "version": 1, "records": records, "again": self.again,
                "runs": accounts, "trouble": self.trouble });
            writeln!(talk, "{document}")
        } else {
            self.tell_in_words(records, &accounts, talk)
        };
        let whole = records > 0 && self.trouble.is_empty() && accounts.iter().all(|it| it.missing.is_empty());
        if whole { Outcome::Whole } else { Outcome::Damaged }
    }

    fn tell_in_words(&self, records: u64, accounts: &[Account<'_>], talk: &mut dyn Write) -> io::Result<()> {
        writeln!(talk, "{records} records salvaged")?;
        for it in accounts {
            let missing = match it.missing.as_slice() {
                [] => "none missing".into(),
                missing => format!("MISSING {}", ranges(missing)),
            };
            writeln!(talk, "  {}/{}: {} records, {missing}", it.run, it.lane.letter(), it.records)?;
        }
        for it in &self.trouble {
            writeln!(talk, "  {it}")?;
        }
        Ok(())
    }
}

impl Numbers {
    fn missing(&self) -> Vec<(u64, u64)> {
        let mut there = self.records.clone();
        for (first, last) in self.gaps.iter() {
            there.insert(first, last);
        }
        self.held.iter().flat_map(|(first, last)| there.holes(first, last)).collect()
    }
}

fn line(what: &LedgerRecord, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, what)?;
    writeln!(out)
}
