//! The judge: what the devices said against what is in Kafka, and one line for each of the two.
//!
//! Missing, out of order, wrong, missed, late and false are findings. Duplicates are told and allowed: delivery is at
//! least once. Late readings are told and allowed: a backlog is history.

pub mod alarms;
pub mod readings;
pub mod record;
pub mod topics;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use alarms::Alarms;
use readings::Readings;
use topics::{Place, TopicsError};

use crate::expect;
use crate::expect::limits::{Limits, LimitsError};
use crate::truth::{self, Statement, TruthError};

/// How many findings of a kind are told one by one.
const TOLD: usize = 5;

/// What to judge.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What the devices said, as `run --truth` wrote it.
    #[arg(long, value_name = "FILE")]
    pub truth: PathBuf,
    /// Some of Kafka's brokers.
    #[arg(long, value_name = "HOST:PORT[,HOST:PORT]")]
    pub kafka: String,
    /// What stands before the topics' names.
    #[arg(long, default_value = "sim.")]
    pub prefix: String,
    /// The limits that were in force; default: those that are shipped.
    #[arg(long, value_name = "FILE")]
    pub alarms: Option<PathBuf>,
    /// The profile that was in force.
    #[arg(long, default_value = "adult")]
    pub profile: String,
    /// How long without a new record is the end while readings are wanting.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub patience: Duration,
    /// One JSON object instead of lines.
    #[arg(long)]
    pub json: bool,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// No truth.
    #[error("there is no truth to judge by")]
    Truth(#[source] TruthError),
    /// No limits.
    #[error("there are no limits to judge alarms by")]
    Limits(#[source] LimitsError),
    /// Nothing to judge.
    #[error("there is nothing to judge")]
    Topics(#[source] TopicsError),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Of readings.
    pub readings: Readings,
    /// Of alarms.
    pub alarms: Alarms,
    /// The sources and times of what is missing, in words.
    missing: Vec<String>,
}

/// Judges a file of truth.
pub fn run(arguments: &Arguments) -> Result<Verdict, JudgeError> {
    let said = truth::read(&arguments.truth).map_err(JudgeError::Truth)?;
    let limits = Limits::load(arguments.alarms.as_deref(), &arguments.profile).map_err(JudgeError::Limits)?;
    let place = Place {
        brokers: arguments.kafka.clone(),
        prefix: arguments.prefix.clone(),
        patience: arguments.patience,
        linger: LINGER,
    };
    judge(&said, &place, &limits)
}

/// Time for a record that comes twice, when all have come once.
pub const LINGER: Duration = Duration::from_secs(2);

/// Reads what is in Kafka, and judges it.
pub fn judge(said: &[Statement], place: &Place, limits: &Limits) -> Result<Verdict, JudgeError> {
    let found = place.read(said.len()).map_err(JudgeError::Topics)?;
    Ok(verdict(said, &found.readings, &found.alarms, limits))
}

/// The comparison itself, without Kafka.
#[must_use]
pub fn verdict(
    said: &[Statement],
    readings: &[record::Reading],
    alarms: &[record::Alarm],
    limits: &Limits,
) -> Verdict {
    let readings = readings::compare(said, readings);
    let beds: BTreeSet<&str> = said.iter().map(|it| it.bed.as_str()).collect();
    let alarms = alarms::compare(&expect::expected(said, &readings.history, limits), &beds, alarms);
    let missing = readings.missing.iter().filter_map(|it| said.get(*it)).map(words).collect();
    Verdict { readings, alarms, missing }
}

impl Verdict {
    /// Whether nothing is missing, wrong, missed or false.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Readings { missing, wrong, out_of_order, .. } = &self.readings;
        let Alarms { missed, late, unfounded, .. } = &self.alarms;
        [missing.is_empty(), wrong.is_empty(), missed.is_empty(), late.is_empty(), unfounded.is_empty()]
            .iter()
            .all(|it| *it)
            && *out_of_order == 0
    }

    /// The same for machines.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let (readings, alarms) = (&self.readings, &self.alarms);
        serde_json::json!({
            "version": 1, "clean": self.is_clean(),
            "readings": { "said": readings.said, "delivered": readings.delivered, "missing": self.missing,
                "duplicate": readings.duplicate, "out_of_order": readings.out_of_order, "late": readings.late,
                "wrong": readings.wrong },
            "alarms": { "expected": alarms.expected, "raised": alarms.raised, "missed": alarms.missed,
                "late": alarms.late, "false": alarms.unfounded },
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Readings { said, delivered, duplicate, out_of_order, late, .. } = &self.readings;
        writeln!(
            f,
            "readings: {said} said, {delivered} delivered, {} missing, {duplicate} duplicate, {out_of_order} out of \
             order, {late} late, {} wrong",
            self.missing.len(),
            self.readings.wrong.len(),
        )?;
        let Alarms { expected, raised, missed, late, unfounded } = &self.alarms;
        let (missed_count, late_count, false_count) = (missed.len(), late.len(), unfounded.len());
        write!(
            f,
            "alarms:   {expected} expected, {raised} raised, {missed_count} missed, {late_count} late, \
             {false_count} false"
        )?;
        let kinds = [
            ("missing", &self.missing),
            ("wrong", &self.readings.wrong),
            ("missed", missed),
            ("late alarm", late),
            ("false alarm", unfounded),
        ];
        for (kind, found) in kinds {
            for it in found.iter().take(TOLD) {
                write!(f, "\n  {kind}: {it}")?;
            }
            if let Some(more) = found.len().checked_sub(TOLD).filter(|it| *it > 0) {
                write!(f, "\n  {kind}: and {more} more")?;
            }
        }
        Ok(())
    }
}

fn words(it: &Statement) -> String {
    let at = jiff::Timestamp::from_millisecond(it.at_ms).unwrap_or_default();
    let number = it.seq.map(|it| format!(" number {it}")).unwrap_or_default();
    format!("{}{number} of {at:.3}", it.source)
}

fn duration(text: &str) -> Result<Duration, String> {
    let ms = crate::scenario::parse_duration(text);
    ms.map(Duration::from_millis).ok_or_else(|| "write it as 500ms, 15s, 3m or 1h".into())
}
