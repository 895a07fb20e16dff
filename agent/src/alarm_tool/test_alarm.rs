//! `alarm test`: a test alarm, followed until its words have come back or can no longer (E37).

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use vitals::alarm::event::Priority;
use vitals::alarm::test_alarm::{TEST_LASTS, TestOutcome, TestReport, TestWord};
use vitals::name::Name;

use super::{AlarmToolError, NOTICE, Outcome, open};
use crate::buffer_tool::Place;
use crate::clock;
use crate::socket::{self, Ask};

/// How often the agent is asked what has come back.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The agent decides after [`TEST_LASTS`] at its next turn; one that has not by then never will.
const DECIDED_WITHIN: Duration = TEST_LASTS.saturating_add(Duration::from_secs(3));

/// Which test alarm.
#[derive(Debug, Clone, clap::Args)]
pub struct TestArguments {
    /// The bed.
    #[arg(value_name = "BED")]
    bed: String,
    /// How urgent it pretends to be; programs that are told of some priorities only are tested by those.
    #[arg(long, value_enum, default_value_t = PriorityArgument::High)]
    priority: PriorityArgument,
    /// Who wants it: an opaque name, never a patient's. It stands in the alarm.
    #[arg(long, value_name = "WHO", value_parser = parse_name)]
    by: Name,
    #[command(flatten)]
    place: Place,
    /// One JSON object instead of words.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PriorityArgument {
    High,
    Medium,
    Low,
}

impl From<PriorityArgument> for Priority {
    fn from(it: PriorityArgument) -> Self {
        match it {
            PriorityArgument::High => Self::High,
            PriorityArgument::Medium => Self::Medium,
            PriorityArgument::Low => Self::Low,
        }
    }
}

fn parse_name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}

pub(super) fn run(
    arguments: &TestArguments,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Result<io::Result<Outcome>, AlarmToolError> {
    let path = open::socket(&arguments.place)?;
    if !arguments.json {
        let _ = writeln!(talk, "{NOTICE}");
    }
    let id = begin(&path, arguments)?;
    if !arguments.json {
        let _ = writeln!(talk, "{id} is on for {} s.", TEST_LASTS.as_secs());
    }
    let report = follow(&path, &id)?;
    let written = if arguments.json {
        writeln!(out, "{}", json!({ "version": 1, "id": id, "report": report, "missing": report.missing() }))
    } else {
        write!(out, "{}", told(&report))
    };
    let whole = report.outcome == TestOutcome::Whole;
    Ok(written.map(|()| if whole { Outcome::Done } else { Outcome::Incomplete }))
}

/// Asks for it; its id.
fn begin(path: &Path, arguments: &TestArguments) -> Result<String, AlarmToolError> {
    let wanted =
        json!({ "bed": arguments.bed, "priority": Priority::from(arguments.priority), "by": arguments.by });
    let (status, body) = socket::ask(path, Ask::Post("/alarms/test", &wanted.to_string()))?;
    match status {
        202 => {
            let answer: Value = serde_json::from_str(&body)
                .map_err(|source| AlarmToolError::Answer { path: path.to_owned(), source })?;
            Ok(answer["id"].as_str().unwrap_or_default().to_owned())
        }
        404 | 409 => Err(AlarmToolError::Refused(body.trim().to_owned())),
        _ => Err(AlarmToolError::NotNow(body.trim().to_owned())),
    }
}

/// Asks again and again what has come back.
fn follow(path: &Path, id: &str) -> Result<TestReport, AlarmToolError> {
    let begin = clock::instant();
    loop {
        thread::sleep(LOOK_EVERY);
        let test = open::ask(path)?.test.filter(|it| it.id == id);
        match test {
            Some(it) if it.report.outcome != TestOutcome::Waiting => return Ok(it.report),
            _ if begin.elapsed() > DECIDED_WITHIN => {
                let words =
                    "it no longer knows of the test: it was restarted, or its bedside loop stands still";
                return Err(AlarmToolError::NotNow(words.into()));
            }
            Some(_) | None => {}
        }
    }
}

/// What came back, a line each, and the verdict.
fn told(report: &TestReport) -> String {
    let mut text = String::new();
    let mut line = |what: &str, said: String| {
        let _ = writeln!(text, "{what:<24} {said}");
    };
    for it in &report.annunciators {
        line(&it.name, word("took it", it));
    }
    line(
        "Kafka",
        report
            .kafka_after_ms
            .map_or("HAS NOT CONFIRMED IT".into(), |ms| format!("confirmed it after {ms} ms")),
    );
    for it in &report.stations {
        line(&format!("station {}", it.name), word("showed it", it));
    }
    match (report.stations.is_empty(), report.stations_expected) {
        (true, true) => line(
            "stations",
            "NONE HAS SAID THAT IT SHOWED IT: does one run with --station NAME? ([unit] stations = false where there is none)".into(),
        ),
        (true, false) => line("stations", "none is expected ([unit] stations, [actions] from_kafka)".into()),
        (false, _) => {}
    }
    let bed = &report.bed;
    text + &match report.outcome {
        TestOutcome::Whole => format!("The test alarm of {bed} came back whole.\n"),
        TestOutcome::BrokenOff => {
            format!("An alarm of the patient ended the test of {bed}: attend to that, and try again.\n")
        }
        TestOutcome::Waiting | TestOutcome::Missing => {
            format!("THE TEST ALARM OF {bed} DID NOT COME BACK: missing {}.\n", report.missing().join(", "))
        }
    }
}

fn word(what: &str, it: &TestWord) -> String {
    match (it.after_ms, it.refused) {
        (Some(ms), _) => format!("{what} after {ms} ms"),
        (None, true) => "FAILED: the agent's log says why".into(),
        (None, false) => "HAS NOT ANSWERED".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(changes: Value) -> TestReport {
        let mut it = json!({"bed": "icu-3-07", "priority": "high", "by": "anna", "kafka_after_ms": 34,
            "annunciators": [{"name": "journal", "after_ms": 1, "refused": false}],
            "stations": [{"name": "desk", "after_ms": 412, "refused": false}], "stations_expected": true, "outcome": "whole"});
        let Value::Object(changes) = changes else { unreachable!("changes are fields") };
        it.as_object_mut().unwrap().extend(changes);
        serde_json::from_value(it).unwrap()
    }

    #[test]
    fn what_came_back_is_told_with_its_time_and_what_did_not_in_capitals() {
        let whole = told(&report(json!({})));
        for words in [
            "journal                  took it after 1 ms",
            "confirmed it after 34 ms",
            "station desk             showed it after 412 ms",
            "came back whole",
        ] {
            assert!(whole.contains(words), "{words} is not in:\n{whole}");
        }
        let missing = told(&report(json!({"outcome": "missing", "stations": [], "kafka_after_ms": null,
            "annunciators": [{"name": "2 command /usr/bin/buzzer", "after_ms": null, "refused": true},
                {"name": "1 mqtt ward", "after_ms": null, "refused": false}]})));
        for words in [
            "buzzer FAILED",
            "HAS NOT ANSWERED",
            "HAS NOT CONFIRMED",
            "NONE HAS SAID",
            "missing annunciators, kafka, stations",
        ] {
            assert!(missing.contains(words), "{words} is not in:\n{missing}");
        }
        assert!(
            told(&report(json!({"stations": [], "stations_expected": false}))).contains("none is expected")
        );
        assert!(told(&report(json!({"outcome": "broken_off"}))).contains("An alarm of the patient"));
    }
}
