//! `replay`: the alarms that recorded numbers would have raised, one JSON record a line.
//!
//! The same input gives the same bytes: no clock is read, and every id is fixed.

mod burden;
mod error;
mod records;
mod script;
mod staged;
mod summary;
mod table;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use vitals::alarm::AlarmEngine;
use vitals::alarm::event::AlarmIds;
use vitals::alarm::policy::{AlarmPolicy, SourceSetup};
use vitals::name::Name;
use vitals::observation::Observation;
use vitals::reading::{Mode, Reading};
use vitals::record::alarm::WallClock;
use vitals::time::{ClockQuality, Timestamp, Uptime};

use crate::config::alarms;
pub use error::ReplayError;
use records::Records;
use summary::Summary;
pub use table::column::{Renaming, TimeUnit};
use table::{Row, Table};

/// What `replay` is asked to do.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The clinician's file with the limits
    #[arg(long, value_name = "FILE")]
    pub alarms: PathBuf,
    /// The profile to judge by: adult, adolescent, child, infant or neonatal
    #[arg(long, default_value = "adult")]
    pub profile: String,
    /// How often the source says something, as in `1s` or `60` (seconds); default: the median step of `t`
    #[arg(long, value_name = "DURATION", value_parser = parse_period)]
    pub period: Option<Duration>,
    /// How often the cuff measures, as in `15m`; without it its values never become stale
    #[arg(long, value_name = "DURATION", value_parser = parse_period)]
    pub nibp_interval: Option<Duration>,
    /// The unit of `t`, where it is not a date
    #[arg(long, value_enum, default_value_t = TimeUnit::S)]
    pub time_unit: TimeUnit,
    /// Names of columns: `HR_bpm=heart_rate`; with nothing behind the sign the column is left out
    #[arg(long, value_name = "OLD=NEW,…", value_delimiter = ',')]
    pub map: Vec<Renaming>,
    /// Vitals whose 0 means that there was no value
    #[arg(long, value_name = "VITAL,…", value_delimiter = ',')]
    pub zero_absent: Vec<String>,
    /// Also tells which three rules made most alarms, and what a longer delay, or none, would have done; of a table
    #[arg(long)]
    pub burden: bool,
    /// The numbers: first column `t` (seconds, or RFC 3339), the others named as vitals; `-` reads standard input;
    /// or a script of inputs, whose name ends in .jsonl
    #[arg(value_name = "CSV")]
    pub csv: PathBuf,
}

/// Writes the records to `out` and a summary for people to standard error.
pub fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), ReplayError> {
    replay(arguments, out, &mut std::io::stderr().lock())
}

/// The same with a place of its own for what is said to people.
fn replay(arguments: &Arguments, out: &mut impl Write, talk: &mut impl Write) -> Result<(), ReplayError> {
    let rules = Rules::read(arguments, talk)?;
    let policy = rules.policy(&arguments.profile)?;
    let mut summary = Summary::default();
    if arguments.csv.extension().is_some_and(|it| it == "jsonl") {
        let script = script::read(&arguments.csv)?;
        let mut records = Records::new(None);
        staged::play(&rules, policy.clone(), &script, &mut records, (&mut *out, &mut summary))?;
        out.flush().map_err(ReplayError::Output)?;
        // A summary that nobody can read takes nothing away from the records.
        let _ = writeln!(
            talk,
            "{} inputs, profile {}, rules {}",
            script.inputs.len(),
            policy.profile,
            policy.hash
        );
        let _ = summary.write(talk, &policy, None);
        return Ok(());
    }
    let table = table::read(arguments)?;
    let period = arguments.period.unwrap_or(table.median_step());
    let mut bed = Played::new(policy.clone(), arguments, period, &table)?;
    for row in &table.rows {
        bed.live(row);
        bed.records.write(&mut bed.engine, &policy, out, &mut summary)?;
    }
    out.flush().map_err(ReplayError::Output)?;
    // The same.
    let _ = summary::write_table(talk, &policy, &table, period);
    let _ = summary.write(talk, &policy, Some(&table));
    if arguments.burden {
        let again = |policy| counted(policy, arguments, period, &table);
        let burden = burden::weigh(&policy, &summary, &table, again)?;
        let _ = burden.write(talk);
    }
    Ok(())
}

/// The alarms that these rules would have raised, counted and not told.
fn counted(
    policy: AlarmPolicy,
    arguments: &Arguments,
    period: Duration,
    table: &Table,
) -> Result<Summary, ReplayError> {
    let mut summary = Summary::default();
    let mut bed = Played::new(policy, arguments, period, table)?;
    for row in &table.rows {
        bed.live(row);
        while let Some(event) = bed.engine.poll_event() {
            summary.note(&event);
        }
    }
    Ok(summary)
}

/// The rules of the file.
struct Rules {
    path: PathBuf,
    file: alarms::AlarmsFile,
}

impl Rules {
    fn read(arguments: &Arguments, talk: &mut impl Write) -> Result<Self, ReplayError> {
        let path = arguments.alarms.clone();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ReplayError::AlarmsUnreadable { path: path.clone(), source })?;
        let file =
            alarms::parse(&text).map_err(|mistakes| ReplayError::wrong_alarms(&path, &text, &mistakes))?;
        for notice in &file.notices {
            let _ = writeln!(talk, "note: {}", error::in_file(&path, &text, notice));
        }
        Ok(Self { path, file })
    }

    fn policy(&self, profile: &str) -> Result<AlarmPolicy, ReplayError> {
        self.file.policy(profile, None).ok_or_else(|| ReplayError::UnknownProfile {
            path: self.path.clone(),
            profile: profile.to_owned(),
            known: self.file.profiles().collect::<Vec<_>>().join(", "),
        })
    }
}

/// Seconds, or a number with a unit.
fn parse_period(text: &str) -> Result<Duration, String> {
    let seconds = || TimeUnit::S.parse(text).map(Duration::from_millis);
    alarms::parse_duration(text)
        .or_else(seconds)
        .filter(|it| !it.is_zero())
        .ok_or_else(|| "write seconds, or a number with ms, s, m or h, above 0".to_owned())
}

/// The one word that stands for agent, run, bed and source.
const REPLAY: &str = "replay";

/// The one bed of a table.
struct Played {
    engine: AlarmEngine,
    ids: AlarmIds,
    source: Arc<Name>,
    wall: Option<WallClock>,
    records: Records,
}

impl Played {
    fn new(
        policy: AlarmPolicy,
        arguments: &Arguments,
        period: Duration,
        table: &Table,
    ) -> Result<Self, ReplayError> {
        let name = Arc::new(Name::parse(REPLAY).map_err(ReplayError::Name)?);
        let setup = SourceSetup::new(Arc::clone(&name), period, Mode::Replay);
        let setup = SourceSetup { nibp_interval: arguments.nibp_interval, ..setup };
        let start = table.rows.first().map_or(Uptime::ZERO, |row| row.at);
        let wall = table.origin.map(|at| WallClock { up: Uptime::ZERO, at, quality: ClockQuality::Unsynced });
        Ok(Self {
            engine: AlarmEngine::new(policy, vec![setup], BTreeMap::new(), start),
            ids: AlarmIds::new(REPLAY.into()),
            source: name,
            wall,
            records: Records::new(wall),
        })
    }

    /// Lets everything fall due up to a row, and then observes it.
    fn live(&mut self, row: &Row) {
        self.engine.handle_timeout(row.at, &mut self.ids);
        if !row.measurements.is_empty() {
            self.observe(row);
        }
    }

    fn observe(&mut self, row: &Row) {
        let observation = Observation {
            bed: Arc::clone(&self.source),
            source: Arc::clone(&self.source),
            reading: Reading { measurements: row.measurements.clone(), ..Reading::default() },
            at: row.at,
            received_at: self.wall.and_then(|wall| wall.at(row.at)).unwrap_or(Timestamp::EPOCH),
            clock: ClockQuality::Unsynced,
            mode: Mode::Replay,
            late: None,
            redelivered: false,
        };
        // The table has no row before the one above it.
        let _ = self.engine.handle_observation(&observation, &mut self.ids);
    }
}

/// The path as people wrote it.
fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

#[cfg(test)]
mod tests;
