//! What a store holds, in words or as one JSON object.

use std::fmt::Write as _;
use std::io::{self, Write};

use vitals::record::ledger::GapReason;

use super::collect::{Found, LaneFound};
use super::progress::size;
use crate::buffer::inspect::{Form, Stretch};
use crate::envelope::Lane;

/// Runs of one lane whose generations are told one by one; of more, only how many.
const RANGES_MAX: usize = 10;

/// `ls`.
pub(super) fn list(found: &Found, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        return as_json(found, out);
    }
    head(found, out)?;
    for lane in &found.lanes {
        writeln!(out, "{}", totals(lane))?;
        for stretch in &lane.stretches {
            writeln!(out, "  {}", line(stretch))?;
        }
    }
    aside(found, out)?;
    out.flush()
}

/// `verify`: what is wrong, and what is well.
pub(super) fn verdict(found: &Found, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        return as_json(found, out);
    }
    head(found, out)?;
    for lane in &found.lanes {
        writeln!(out, "{}", totals(lane))?;
        let wrong = |it: &&Stretch| !it.holes.is_empty() || !it.unfinished.is_empty() || it.trouble.is_some();
        for stretch in lane.stretches.iter().filter(wrong) {
            writeln!(out, "  {}", line(stretch))?;
        }
    }
    aside(found, out)?;
    let frames: u64 =
        found.lanes.iter().flat_map(|it| &it.stretches).map(|it| it.frames.unwrap_or_default()).sum();
    let missing: u64 = found.lanes.iter().map(|it| it.missing).sum();
    if found.is_damaged() {
        writeln!(out, "DAMAGED: {missing} numbers cannot be read; {frames} frames are good")?;
        writeln!(
            out,
            "The agent tells them in the ledger by itself, as gaps. Nothing needs to be done here."
        )?;
    } else {
        writeln!(out, "whole: {frames} frames read, each as it was written")?;
    }
    out.flush()
}

fn as_json(found: &Found, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, found)?;
    writeln!(out)?;
    out.flush()
}

fn head(found: &Found, out: &mut dyn Write) -> io::Result<()> {
    let at_work = match &found.run {
        Some(run) => format!("the agent works on it, run {run}"),
        None => "nobody works on it".into(),
    };
    writeln!(out, "{}: {at_work}", found.dir.display())
}

fn totals(lane: &LaneFound) -> String {
    let name = match lane.lane {
        Lane::Readings => "readings",
        Lane::Alarms => "alarms",
    };
    let generations = lane.generations;
    let plural = if generations == 1 { "" } else { "s" };
    let missing = match lane.missing {
        0 => String::new(),
        count => format!("; {count} numbers cannot be read"),
    };
    format!(
        "{name}: {} records in {generations} generation{plural}, {}; {} wait for Kafka{missing}",
        lane.records,
        size(lane.bytes),
        lane.pending
    )
}

/// One stretch.
fn line(it: &Stretch) -> String {
    let place = if it.name.is_empty() { "-" } else { &it.name };
    let range = if it.last < it.first { "nothing".into() } else { ranges(&[(it.first, it.last)]) };
    let what = match it.form {
        Form::Sealed if it.pending == 0 => format!("{} records, delivered", it.records),
        Form::Sealed => format!("{} records, {} wait", it.records, it.pending),
        Form::Open => format!("{} records, {} wait, not sealed", it.records, it.pending),
        Form::Gap => format!("a gap: {}", it.reason.map(self::name).unwrap_or_default()),
        Form::Missing => "MISSING".into(),
    };
    let mut line = format!("{place:<20} {}  {range}  {what}  {}", it.run, size(it.bytes));
    for (words, list) in
        [("CANNOT BE READ", &it.holes), ("of the batch that was being written there is no", &it.unfinished)]
    {
        if !list.is_empty() {
            let _ = write!(line, "  {words}: {}", ranges(list));
        }
    }
    if let Some(trouble) = &it.trouble {
        let _ = write!(line, "  {trouble}");
    }
    line
}

fn aside(found: &Found, out: &mut dyn Write) -> io::Result<()> {
    if found.quarantine.is_empty() {
        return Ok(());
    }
    let bytes: u64 = found.quarantine.iter().map(|it| it.bytes).sum();
    let dir = found.dir.join("quarantine");
    writeln!(out, "set aside in {}: {} parts, {}", dir.display(), found.quarantine.len(), size(bytes))?;
    for it in &found.quarantine {
        let records = it.records.map_or(String::new(), |it| format!("  {it} records can be read"));
        writeln!(out, "  {:<32} {}{records}", it.name, size(it.bytes))?;
    }
    Ok(())
}

/// Ranges of numbers: `1–20, 31–40`.
pub(super) fn ranges(list: &[(u64, u64)]) -> String {
    let range = |(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    let mut words: Vec<String> = list.iter().take(RANGES_MAX).map(range).collect();
    if list.len() > RANGES_MAX {
        words.push(format!("and {} more ranges", list.len() - RANGES_MAX));
    }
    words.join(", ")
}

/// A reason as the ledger writes it.
pub(super) fn name(reason: GapReason) -> String {
    serde_json::to_value(reason).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
}
