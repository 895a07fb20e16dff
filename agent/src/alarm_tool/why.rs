//! `alarm why`: the rule, the samples that an alarm rests on, and what became of it when.
//!
//! Everything told is what was recorded then: nothing is judged anew.

mod chart;
mod rule;
mod samples;
mod story;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::json;
use vitals::record::alarm::AlarmRecord;

use self::rule::Delays;
use self::samples::Samples;
use self::story::Moment;
use super::{AlarmToolError, NOTICE, Outcome, Screen, history, open};
use crate::buffer_tool::{Place, Progress, Source};

/// Which alarm, and for whom.
#[derive(Debug, Clone, clap::Args)]
pub struct WhyArguments {
    /// Its id, as `alarm ls` tells it; the end of it after a `/` will do where no other ends so.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    place: Place,
    /// One JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// All that is known of an alarm.
struct Known {
    /// Its records, in order; never empty.
    records: Vec<AlarmRecord>,
    /// Its newest.
    newest: AlarmRecord,
    moments: Vec<Moment>,
    samples: Samples,
    delays: Option<Delays>,
}

pub(super) fn run(
    arguments: &WhyArguments,
    screen: Screen,
    out: &mut dyn Write,
    talk: &mut dyn Write,
    progress: &mut Progress,
) -> Result<io::Result<Outcome>, AlarmToolError> {
    let source = open::source(&arguments.place)?;
    let records = records(&source, &arguments.id, progress)?;
    let Some(newest) = records.last().cloned() else {
        return Err(AlarmToolError::NoSuchAlarm { id: arguments.id.clone() });
    };
    let samples = Samples::read(&source, &records, &newest, progress)?;
    progress.clear();
    let moments = story::moments(&records);
    let delays = rule::delays(&arguments.place, &newest);
    let known = Known { records, newest, moments, samples, delays };
    let written = if arguments.json {
        writeln!(out, "{}", known.json())
    } else {
        // Talk that nobody can read takes nothing away from the answer.
        let _ = writeln!(talk, "{NOTICE}");
        write!(out, "{}", told::told(&known, screen))
    };
    let complete = known.samples.missing.is_empty();
    Ok(written.map(|()| if complete { Outcome::Done } else { Outcome::Incomplete }))
}

/// The records of the one alarm that is meant, each revision once, in order.
fn records(source: &Source, id: &str, progress: &mut Progress) -> Result<Vec<AlarmRecord>, AlarmToolError> {
    let is_meant = |it: &str| it == id || it.strip_suffix(id).is_some_and(|rest| rest.ends_with('/'));
    let mut all = match source {
        Source::Socket(path) => open::ask(path)?.alarms,
        Source::Directory(_) => Vec::new(),
    };
    all.retain(|it| is_meant(&it.id));
    all.extend(history::of(source, is_meant, progress)?);
    let ids: BTreeSet<&str> = all.iter().map(|it| it.id.as_str()).collect();
    if ids.len() > 1 && !ids.contains(id) {
        let candidates = ids.into_iter().collect::<Vec<_>>().join(", ");
        return Err(AlarmToolError::Ambiguous { id: id.to_owned(), candidates });
    }
    if all.iter().any(|it| it.id == id) {
        all.retain(|it| it.id == id);
    }
    Ok(in_order(all))
}

/// Each revision once, as it was told first; the last as it was told last, which is how far the alarm has come.
fn in_order(all: Vec<AlarmRecord>) -> Vec<AlarmRecord> {
    let newest = all.iter().max_by_key(|it| (it.revision, it.up_ms)).cloned();
    let mut revisions: BTreeMap<u32, AlarmRecord> = BTreeMap::new();
    for record in all {
        let known = revisions.entry(record.revision).or_insert_with(|| record.clone());
        if record.up_ms < known.up_ms {
            *known = record;
        }
    }
    let mut records: Vec<_> = revisions.into_values().collect();
    records.extend(newest.filter(|it| records.last().is_some_and(|last| last.up_ms < it.up_ms)));
    records
}

impl Known {
    fn json(&self) -> serde_json::Value {
        json!({
            "version": 1, "alarm": self.newest, "records": self.records, "moments": self.moments,
            "delays": self.delays, "samples": self.samples.of_alarm, "heard_last": self.samples.heard_last,
            "readings": { "found": self.samples.found, "missing": self.samples.missing, "evidence": self.samples.ranges },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::alarm;
    use super::*;

    #[test]
    fn each_revision_stands_once_and_a_later_word_on_the_last_behind_it() {
        let record = |revision: u32, up: u64, phase: &str| {
            alarm(&json!({"revision": revision, "up_ms": up, "phase": phase}))
        };
        let told = |all: Vec<AlarmRecord>| {
            in_order(all).iter().map(|it| (it.revision, it.up_ms.as_millis())).collect::<Vec<_>>()
        };
        let (start, ack) = (record(1, 100, "start"), record(2, 200, "update"));
        let goes_on = record(2, 300, "continue");
        assert_eq!(
            told(vec![goes_on, start.clone(), ack.clone(), ack.clone()]),
            [(1, 100), (2, 200), (2, 300)]
        );
        assert_eq!(told(vec![ack.clone(), start, ack]), [(1, 100), (2, 200)]);
        assert_eq!(told(vec![]), []);
    }
}
