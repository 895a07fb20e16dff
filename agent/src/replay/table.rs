//! A table of numbers as CSV: columns named as vitals, rows of one moment each, every mistake with its line.

pub(super) mod column;

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use vitals::quantity::Quantity;
use vitals::reading::{Absent, Measurement};
use vitals::time::{Timestamp, Uptime};
use vitals::vital::Vital;

use super::Arguments;
use super::error::ReplayError;
use column::{Column, TIME, TimeUnit};

/// The longest step between two rows: an alarm that is open goes on every 15 s, and more is a mistake in the file.
const STEP_MAX: Duration = Duration::from_secs(31 * 24 * 3600);
/// The period of a table with a single row.
const PERIOD_OF_ONE: Duration = Duration::from_secs(1);

/// Numbers over time.
#[derive(Debug)]
pub(super) struct Table {
    /// Its rows, none before the one above it.
    pub(super) rows: Vec<Row>,
    /// The wall clock at zero, where the times are dates.
    pub(super) origin: Option<Timestamp>,
    /// The lines of rows that are earlier than the one above them: refused (E5).
    pub(super) refused: Vec<u64>,
}

/// One moment.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) at: Uptime,
    /// What was measured, in the order of the table of vitals. Nothing: the source said nothing, and time went by.
    pub(super) measurements: Vec<Measurement>,
}

impl Table {
    /// From its first row to its last.
    pub(super) fn length(&self) -> Duration {
        let ends = self.rows.first().zip(self.rows.last());
        ends.map_or(Duration::ZERO, |(first, last)| last.at.since(first.at))
    }

    /// The median of the steps of time; of an even number the mean of the two in the middle.
    pub(super) fn median_step(&self) -> Duration {
        let times = self.rows.iter().map(|row| row.at);
        let mut steps: Vec<Duration> = times.clone().zip(times.skip(1)).map(|(a, b)| b.since(a)).collect();
        steps.retain(|it| !it.is_zero());
        steps.sort_unstable();
        let upper = steps.get(steps.len() / 2);
        let lower = steps.get(steps.len().saturating_sub(1) / 2);
        upper.zip(lower).map_or(PERIOD_OF_ONE, |(a, b)| (*a + *b) / 2)
    }
}

/// Reads a table. All its mistakes are told at once.
pub(super) fn read(arguments: &Arguments) -> Result<Table, ReplayError> {
    let path = arguments.csv.as_path();
    let text =
        text_of(path).map_err(|source| ReplayError::CsvUnreadable { path: path.to_owned(), source })?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let mut records = reader.records();
    let wrong = |line, what: String| ReplayError::wrong_csv(path, &[(line, what)]);
    let header = match records.next() {
        Some(Ok(header)) => header,
        Some(Err(error)) => return Err(wrong(1, error.to_string())),
        None => return Err(wrong(1, "there is not even a header".to_owned())),
    };
    let columns = column::read(arguments, &header)?;
    let mut rows = Rows { unit: arguments.time_unit, ..Rows::default() };
    for record in records {
        match record {
            Ok(record) => rows.take(&record, &header, &columns),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                rows.mistakes.push((line, format!("not CSV: {error}")));
            }
        }
    }
    if rows.mistakes.is_empty() {
        return Ok(Table { rows: rows.taken, origin: rows.origin, refused: rows.refused });
    }
    Err(ReplayError::wrong_csv(path, &rows.mistakes))
}

fn text_of(path: &Path) -> std::io::Result<String> {
    if path.as_os_str() != "-" {
        return std::fs::read_to_string(path);
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

/// The rows read so far.
#[derive(Debug, Default)]
struct Rows {
    unit: TimeUnit,
    taken: Vec<Row>,
    origin: Option<Timestamp>,
    refused: Vec<u64>,
    mistakes: Vec<(u64, String)>,
}

impl Rows {
    fn take(&mut self, record: &csv::StringRecord, header: &csv::StringRecord, columns: &[Column]) {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() > columns.len() {
            self.mistakes.push((line, format!("{} cells under {} columns", record.len(), columns.len())));
            return;
        }
        let at = match self.time(record.get(0).unwrap_or_default()) {
            Ok(at) => at,
            Err(what) => return self.mistakes.push((line, what)),
        };
        let mut measurements = Vec::new();
        for ((cell, column), name) in record.iter().zip(columns).zip(header) {
            match (column, cell) {
                (Column::Time | Column::LeftOut, _) | (_, "") => {}
                (Column::Vital { vital, zero_absent }, cell) => match measurement(*vital, *zero_absent, cell)
                {
                    Ok(measurement) => measurements.push(measurement),
                    Err(what) => self.mistakes.push((line, format!("column {name:?}: {what}"))),
                },
            }
        }
        measurements.sort_by_key(|it| it.vital);
        match self.taken.last().map(|it| it.at) {
            Some(last) if at < last => self.refused.push(line),
            Some(last) if at.since(last) > STEP_MAX => {
                self.mistakes.push((line, "more than 31 days after the row above".to_owned()));
            }
            Some(_) | None => self.taken.push(Row { at, measurements }),
        }
    }

    /// A row's time: of dates the milliseconds since the first.
    fn time(&mut self, text: &str) -> Result<Uptime, String> {
        let first = self.taken.is_empty() && self.origin.is_none();
        let date = text.parse::<jiff::Timestamp>().ok();
        let date = date.and_then(|it| Timestamp::from_micros(it.as_microsecond()));
        match (date, self.origin) {
            (Some(date), None) if first => {
                self.origin = Some(date);
                Ok(Uptime::ZERO)
            }
            (Some(date), Some(origin)) => {
                let micros = date.as_micros().saturating_sub(origin.as_micros());
                // A date before the first is before the row above it: refused there.
                u64::try_from(micros.div_euclid(1000))
                    .map(Uptime::from_millis)
                    .map_err(|_| format!("{text:?} is before the first row"))
            }
            (None, None) => self.unit.parse(text).map(Uptime::from_millis).ok_or_else(|| {
                format!("{TIME} is {text:?}: write a number from 0 on, or a date with its zone (RFC 3339)")
            }),
            (Some(_), None) | (None, Some(_)) => {
                Err(format!("{TIME} is {text:?}: the rows above have the other kind of time"))
            }
        }
    }
}

fn measurement(vital: Vital, zero_absent: bool, cell: &str) -> Result<Measurement, String> {
    if let Some(reason) = Absent::from_name(cell) {
        return Ok(Measurement::absent(vital, reason));
    }
    match Quantity::parse(cell) {
        Ok(Quantity::ZERO) if zero_absent => Ok(Measurement::absent(vital, Absent::Invalid)),
        Ok(value) => Ok(Measurement::value(vital, value)),
        Err(error) => Err(format!("{cell:?} is {error}, nor a reason for none")),
    }
}
