//! `alarm ls`: the open alarms, the most urgent first, and with `--all` what the store still has of those that are over.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::json;
use vitals::record::alarm::AlarmRecord;

use super::words::{bed, clock, coloured, doubt, duration, kind, mark, printable, standing};
use super::{AlarmToolError, NOTICE, Outcome, Screen, history, open};
use crate::buffer_tool::{Place, Progress, Source};

/// Alarms that are over and told to a person; a machine gets all.
const ENDED_MAX: usize = 50;

/// Whose alarms, and for whom.
#[derive(Debug, Clone, clap::Args)]
pub struct LsArguments {
    #[command(flatten)]
    place: Place,
    /// Only those of this bed; the agent's id for what is wrong with the agent itself.
    #[arg(long, value_name = "BED")]
    bed: Option<String>,
    /// Also those that are over, as far as the store still has their records; of a stopped agent too.
    #[arg(long)]
    all: bool,
    /// One JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// What there is to list.
struct Found {
    agent: Option<String>,
    open: Vec<AlarmRecord>,
    /// Over, or of an agent that said no more.
    past: Vec<AlarmRecord>,
    stands_still: bool,
}

pub(super) fn run(
    arguments: &LsArguments,
    screen: Screen,
    out: &mut dyn Write,
    talk: &mut dyn Write,
    progress: &mut Progress,
) -> Result<io::Result<Outcome>, AlarmToolError> {
    let source = open::source(&arguments.place)?;
    let mut found = match &source {
        Source::Socket(path) => {
            let said = open::ask(path)?;
            let stands_still = !said.turns;
            Found { agent: Some(said.agent), open: said.alarms, past: Vec::new(), stands_still }
        }
        Source::Directory(_) if arguments.all => {
            Found { agent: None, open: Vec::new(), past: Vec::new(), stands_still: false }
        }
        Source::Directory(dir) => return Err(AlarmToolError::NoAgent { dir: dir.clone() }),
    };
    if arguments.all {
        let open: BTreeSet<&str> = found.open.iter().map(|it| it.id.as_str()).collect();
        let mut past = history::newest(&source, progress)?;
        past.retain(|it| !open.contains(it.id.as_str()));
        found.past = past;
        progress.clear();
    }
    if let Some(bed) = &arguments.bed {
        found.open.retain(|it| it.bed == *bed);
        found.past.retain(|it| it.bed == *bed);
    }
    let written = if arguments.json {
        let document = json!({ "version": 1, "agent": found.agent, "stands_still": found.stands_still,
            "open": found.open, "past": arguments.all.then_some(&found.past) });
        writeln!(out, "{document}")
    } else {
        // Talk that nobody can read takes nothing away from the alarms.
        let _ = writeln!(talk, "{NOTICE}");
        found.tell(arguments.all, screen, out)
    };
    Ok(written.map(|()| Outcome::Done))
}

impl Found {
    fn tell(&self, all: bool, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
        if self.stands_still {
            writeln!(out, "THE BEDSIDE LOOP STANDS STILL: no alarm is decided. What follows is old.")?;
        }
        match (&self.agent, self.open.as_slice()) {
            (None, _) => writeln!(out, "No agent works on this store: nothing is watched now.")?,
            (Some(_), []) => writeln!(out, "No open alarm.")?,
            (Some(_), open) => {
                for it in open {
                    writeln!(out, "{}", coloured(screen, it.priority, &line(it)))?;
                }
            }
        }
        if !all {
            return Ok(());
        }
        writeln!(out, "Over, as far as the store has them, the newest first:")?;
        for it in self.past.iter().take(ENDED_MAX) {
            writeln!(out, "{}", line(it))?;
        }
        let more = self.past.len().saturating_sub(ENDED_MAX);
        if more > 0 {
            writeln!(out, "and {more} older (--json has all)")?;
        }
        Ok(())
    }
}

/// One alarm: priority, bed, text, since, how it stands, id.
pub(super) fn line(record: &AlarmRecord) -> String {
    let (mark, kind, bed) = (mark(record.priority), kind(record), bed(record));
    let lasted = duration(record.condition_delay_ms.saturating_add(record.present_ms));
    let doubt = doubt(record.clock);
    let when = match (record.onset_at, record.ended_at) {
        (Some(onset), Some(end)) => format!("{} to {}{doubt}, {lasted}", clock(onset), clock(end)),
        (Some(onset), None) => format!("since {}{doubt}", clock(onset)),
        (None, _) => format!("for {lasted}"),
    };
    let reason = record.reason.as_deref().map(|it| format!(" ({})", printable(it))).unwrap_or_default();
    format!(
        "{mark:<3} {kind}{bed}  {}  {when}  {}{reason}  {}",
        printable(&record.text),
        standing(record),
        record.id
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::alarm;
    use super::*;

    #[test]
    fn a_line_has_priority_bed_text_since_signal_and_id() {
        for (changes, words) in [
            (json!({}), "!!  Bed 7 (icu-3-07)  SpO2 low 88 < 90  since 14:01:55Z  signal on  icu-3/r1/12"),
            (
                json!({"mode": "simulated", "priority": "high", "bed_label": "icu-3-07", "clock": "unsynced"}),
                "!!! SIMULATED icu-3-07  SpO2 low 88 < 90  since 14:01:55Z by a clock that was never set  signal on  icu-3/r1/12",
            ),
            (
                json!({"test": true, "code": "test", "text": "TEST by anna: nothing is wrong here", "priority": "low"}),
                "!   TEST Bed 7 (icu-3-07)  TEST by anna: nothing is wrong here  since 14:01:55Z  signal on  icu-3/r1/12",
            ),
            (
                json!({"phase": "end", "signal": "off", "ended_at": "2026-11-23T14:03:00Z", "present_ms": 50_000}),
                "!!  Bed 7 (icu-3-07)  SpO2 low 88 < 90  14:01:55Z to 14:03:00Z, 1 min 5 s  ended  icu-3/r1/12",
            ),
        ] {
            assert_eq!(line(&alarm(&changes)), words);
        }
    }

    #[test]
    fn a_loop_that_stands_still_and_a_stopped_agent_are_said_first() {
        let told = |found: Found, all| {
            let mut out = Vec::new();
            found.tell(all, Screen::default(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let found = |agent: Option<&str>, stands_still| Found {
            agent: agent.map(Into::into),
            open: vec![],
            past: vec![alarm(&json!({})); ENDED_MAX + 2],
            stands_still,
        };
        assert!(told(found(Some("a"), true), false).starts_with("THE BEDSIDE LOOP STANDS STILL"));
        assert_eq!(told(found(Some("a"), false), false), "No open alarm.\n");
        let stopped = told(found(None, false), true);
        assert!(stopped.starts_with("No agent works on this store"), "{stopped}");
        assert!(stopped.ends_with("and 2 older (--json has all)\n"), "{stopped}");
    }
}
