//! The truth: what the devices said, one JSON object a line.
//!
//! ```text
//! {"at":"2026-11-23T08:30:00.250Z","bed":"sim-ward-02","source":"ward-sim-ward-02","seq":7,
//!  "vitals":{"heart_rate":80,"temperature":36.7,"spo2":"sensor","resp_rate":"absent","pulse_rate":"held"}}
//! ```
//!
//! `at`: when the last byte had left the device, on the wall clock. `seq`: the number that the device gave it, where it
//! counts. A vital is a number in its own unit (`docs/glossary.md`), or `sensor`: no value, and the device names the
//! sensor; `absent`: no value; `held`: an old value, marked as old. Lines are in order of time.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vitals::quantity::Quantity;
use vitals::time::Timestamp;
use vitals::vital::Vital;

use crate::device::Said;

/// What one device said at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The source, as in records.
    pub source: String,
    /// The bed.
    pub bed: String,
    /// When the last byte had left, ms of the wall clock.
    pub at_ms: i64,
    /// The number that the device gave it, where it counts.
    pub seq: Option<u64>,
    /// What it said of each vital.
    pub vitals: BTreeMap<Vital, Said>,
}

/// Why there is no truth.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is none of ours.
    #[error("{path}:{line} is not a line of truth")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: Timestamp,
    bed: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    seq: Option<u64>,
    vitals: BTreeMap<Vital, Value>,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Value {
    Number(f64),
    Word(Word),
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Word {
    Sensor,
    Absent,
    Held,
}

/// Reads a file of truth.
pub fn read(path: &Path) -> Result<Vec<Statement>, TruthError> {
    let failed = |source| TruthError::Read { path: path.into(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut statements = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line: Line = serde_json::from_str(&line.map_err(failed)?).map_err(|source| TruthError::Line {
            path: path.into(),
            line: index + 1,
            source,
        })?;
        statements.push(line.into());
    }
    Ok(statements)
}

/// Writes one line of truth.
pub fn write(out: &mut impl Write, statement: &Statement) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line::from(statement))?;
    out.write_all(b"\n")
}

impl From<&Statement> for Line {
    fn from(it: &Statement) -> Self {
        let value = |said: &Said| match said {
            Said::Value(value) => Value::Number(f64::from(value.thousandths()) / 1000.0),
            Said::Absent { sensor: true } => Value::Word(Word::Sensor),
            Said::Absent { sensor: false } => Value::Word(Word::Absent),
            Said::Held => Value::Word(Word::Held),
        };
        Self {
            at: Timestamp::from_micros(it.at_ms.saturating_mul(1000)).unwrap_or(Timestamp::EPOCH),
            bed: it.bed.clone(),
            source: it.source.clone(),
            seq: it.seq,
            vitals: it.vitals.iter().map(|(vital, said)| (*vital, value(said))).collect(),
        }
    }
}

impl From<Line> for Statement {
    fn from(it: Line) -> Self {
        let said = |value| match value {
            Value::Number(number) => Said::Value(thousandths(number)),
            Value::Word(Word::Sensor) => Said::Absent { sensor: true },
            Value::Word(Word::Absent) => Said::Absent { sensor: false },
            Value::Word(Word::Held) => Said::Held,
        };
        Self {
            source: it.source,
            bed: it.bed,
            at_ms: it.at.as_micros().div_euclid(1000),
            seq: it.seq,
            vitals: it.vitals.into_iter().map(|(vital, value)| (vital, said(value))).collect(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to what a quantity can be")]
fn thousandths(number: f64) -> Quantity {
    Quantity::from_thousandths((number * 1000.0).round().clamp(-2e9, 2e9) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let statement = Statement {
            source: "device-01".into(),
            bed: "sim-ward-01".into(),
            at_ms: 1_795_422_600_250,
            seq: Some(7),
            vitals: BTreeMap::from([
                (Vital::HeartRate, Said::Value(Quantity::from_whole(80))),
                (Vital::Temperature, Said::Value(Quantity::from_thousandths(36_700))),
                (Vital::Spo2, Said::Absent { sensor: true }),
                (Vital::RespRate, Said::Absent { sensor: false }),
                (Vital::PulseRate, Said::Held),
            ]),
        };
        let uncounted = Statement { seq: None, ..statement.clone() };
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for it in [&statement, &uncounted] {
            write(&mut file, it).unwrap();
        }
        assert_eq!(read(file.path()).unwrap(), [statement, uncounted]);
        file.write_all(b"{}\n").unwrap();
        assert!(read(file.path()).unwrap_err().to_string().contains(":3 is not"));
    }
}
