//! The judge: what the devices said against what is in Kafka, or what a replay said, and one line for each of the two.
//!
//! Missing, out of order, wrong, missed, late and false are findings. Duplicates are told and allowed: delivery is at
//! least once. Late readings are told and allowed: a backlog is history.

pub mod alarms;
pub mod readings;
pub mod record;
pub mod replayed;
pub mod topics;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use alarms::Alarms;
use readings::Readings;
use replayed::ReplayedError;
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
    #[arg(long, value_name = "HOST:PORT[,HOST:PORT]", required_unless_present = "replayed")]
    pub kafka: Option<String>,
    /// Judges only the alarms, and those that `wardline-agent replay` wrote into this file.
    #[arg(long, value_name = "FILE", conflicts_with = "kafka")]
    pub replayed: Option<PathBuf>,
    /// The bed that was replayed, where the truth has more than one.
    #[arg(long, value_name = "BED", requires = "replayed")]
    pub bed: Option<String>,
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
    /// Nothing to judge.
    #[error("there is nothing to judge")]
    Replayed(#[source] ReplayedError),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Of readings; a replay has none.
    pub readings: Option<Readings>,
    /// Of alarms.
    pub alarms: Alarms,
    /// The sources and times of what is missing, in words.
    missing: Vec<String>,
}

/// Judges a file of truth.
pub fn run(arguments: &Arguments) -> Result<Verdict, JudgeError> {
    let said = truth::read(&arguments.truth).map_err(JudgeError::Truth)?;
    let limits = Limits::load(arguments.alarms.as_deref(), &arguments.profile).map_err(JudgeError::Limits)?;
    if let Some(path) = &arguments.replayed {
        let (said, alarms) =
            replayed::read(path, said, arguments.bed.as_deref()).map_err(JudgeError::Replayed)?;
        let alarms = compare_alarms(&said, &BTreeSet::new(), &alarms, &limits);
        return Ok(Verdict { readings: None, alarms, missing: Vec::new() });
    }
    let place = Place {
        brokers: arguments.kafka.clone().unwrap_or_default(),
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
    let wanted = said.iter().filter(|it| !it.doubtful).count();
    let found = place.read(wanted).map_err(JudgeError::Topics)?;
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
    let alarms = compare_alarms(said, &readings.history, alarms, limits);
    let missing = readings.missing.iter().filter_map(|it| said.get(*it)).map(words).collect();
    Verdict { readings: Some(readings), alarms, missing }
}

fn compare_alarms(
    said: &[Statement],
    history: &BTreeSet<usize>,
    alarms: &[record::Alarm],
    limits: &Limits,
) -> Alarms {
    let beds: BTreeSet<&str> = said.iter().map(|it| it.bed.as_str()).collect();
    alarms::compare(&expect::expected(said, history, limits), &beds, alarms)
}

impl Verdict {
    /// Whether nothing is missing, wrong, missed or false.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Alarms { missed, late, unfounded, .. } = &self.alarms;
        let readings = self
            .readings
            .as_ref()
            .is_none_or(|it| it.missing.is_empty() && it.wrong.is_empty() && it.out_of_order == 0);
        readings && missed.is_empty() && late.is_empty() && unfounded.is_empty()
    }

    /// The same for machines.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let alarms = &self.alarms;
        let readings = self.readings.as_ref().map(|readings| serde_json::json!({ "said": readings.said, "delivered": readings.delivered, "missing": self.missing,
                "duplicate": readings.duplicate, "out_of_order": readings.out_of_order, "late": readings.late,
                "wrong": readings.wrong, "doubtful": readings.doubtful }));
        serde_json::json!({
            "version": 1, "clean": self.is_clean(), "readings": readings,
            "alarms": { "expected": alarms.expected, "raised": alarms.raised, "missed": alarms.missed,
                "late": alarms.late, "false": alarms.unfounded,
                "others": alarms.others },
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(it) = &self.readings {
            let Readings { said, delivered, duplicate, out_of_order, late, doubtful, .. } = it;
            let (missing, wrong) = (it.missing.len(), it.wrong.len());
            let doubts = if *doubtful > 0 { format!(", {doubtful} doubtful") } else { String::new() };
            writeln!(
                f,
                "readings: {said} said, {delivered} delivered, {missing} missing, {duplicate} duplicate, \
                 {out_of_order} out of order, {late} late, {wrong} wrong{doubts}"
            )?;
        }
        let Alarms { expected, raised, missed, late, unfounded, .. } = &self.alarms;
        let (missed_count, late_count, false_count) = (missed.len(), late.len(), unfounded.len());
        write!(
            f,
            "alarms:   {expected} expected, {raised} raised, {missed_count} missed, {late_count} late, \
             {false_count} false"
        )?;
        let none = Vec::new();
        let kinds = [
            ("missing", &self.missing),
            ("wrong", self.readings.as_ref().map_or(&none, |it| &it.wrong)),
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
