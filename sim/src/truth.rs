//! The ground truth of a run: what every device said, as JSON lines, for whoever judges.
//!
//! ```json
//! {"kind":"start","version":2,"scenario":"desaturation","seed":7,"beds":2,"mode":"simulated","at":"2026-11-23T08:00:00Z"}
//! {"kind":"said","at":"2026-11-23T08:00:01.002Z","bed":"sim-ward-01","source":"device-01","vitals":{"spo2":97,"pulse_rate":{"absent":"sensor"}}}
//! {"kind":"event","at":"2026-11-23T08:00:20Z","bed":"sim-ward-01","what":"the probe comes off"}
//! {"kind":"end","at":"2026-11-23T08:05:00Z","said":4711}
//! ```
//!
//! A value is a number in the vital's unit, rounded as the device rounds it; `{"absent":"sensor"}` where the device names
//! its sensor as the cause, `{"absent":"other"}` where it does not, `"held"` where it repeats an old value marked as old.
//! `"doubtful":true` stands where the way was damaged: it may have arrived, or not, or as something else. `"repeats":true`
//! stands where the device says so sixty times a second, and only what is news is told. An event is what a
//! scenario did; nobody judges by it. A file without its end is not judged: what was said after its last line is not known.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vitals::quantity::Quantity;
use vitals::reading::Mode;
use vitals::time::Timestamp;
use vitals::vital::Vital;

use crate::device::Said;

/// The version of the format.
const VERSION: u32 = 2;

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
    /// Whether its way was damaged: it may have arrived, or not, or as something else.
    pub doubtful: bool,
    /// Whether the device says it sixty times a second: of that, what is news is told here, a change at once and the same once a
    /// second.
    pub repeats: bool,
    /// How often a device of its kind speaks, ms, where that is so seldom that its silence counts later than that of others.
    pub every_ms: Option<i64>,
}

/// How a run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The scenario's name.
    pub scenario: String,
    /// What makes it repeat itself.
    pub seed: u64,
    /// How many beds.
    pub beds: u64,
}

/// Why there is no truth.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line that is none of the truth's.
    #[error("{path}, line {line}: not a line of ground truth", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It does not begin, or does not end, or counts otherwise.
    #[error("{path} is not whole ({why}): the run was killed, or is still going on", path = path.display())]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Start {
        version: u32,
        mode: Mode,
        at: Timestamp,
        #[serde(flatten)]
        start: Start,
    },
    Said(Entry),
    Event {
        at: Timestamp,
        bed: String,
        what: String,
    },
    End {
        at: Timestamp,
        said: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Entry {
    at: Timestamp,
    bed: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    seq: Option<u64>,
    vitals: BTreeMap<Vital, Word>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    doubtful: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    repeats: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    every_ms: Option<i64>,
}

/// What was said of one vital, as written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Word {
    Value(Quantity),
    Absent { absent: Cause },
    Held(Held),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cause {
    Sensor,
    Other,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Held {
    Held,
}

impl From<Said> for Word {
    fn from(said: Said) -> Self {
        match said {
            Said::Value(value) => Self::Value(value),
            Said::Absent { sensor } => {
                Self::Absent { absent: if sensor { Cause::Sensor } else { Cause::Other } }
            }
            Said::Held => Self::Held(Held::Held),
        }
    }
}

impl From<Word> for Said {
    fn from(word: Word) -> Self {
        match word {
            Word::Value(value) => Self::Value(value),
            Word::Absent { absent } => Self::Absent { sensor: matches!(absent, Cause::Sensor) },
            Word::Held(Held::Held) => Self::Held,
        }
    }
}

/// Writes the truth while it happens.
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<File>,
    said: u64,
}

impl Writer {
    /// Begins a file; an older one of that name is replaced.
    pub fn create(path: &Path, start: &Start, at_ms: i64) -> io::Result<Self> {
        let mut it = Self { file: BufWriter::new(File::create(path)?), said: 0 };
        let (start, at) = (start.clone(), time(at_ms));
        it.write(&Line::Start { version: VERSION, mode: Mode::Simulated, at, start })?;
        Ok(it)
    }

    /// Adds what a device said.
    pub fn say(&mut self, it: &Statement) -> io::Result<()> {
        let vitals = it.vitals.iter().map(|(vital, said)| (*vital, (*said).into())).collect();
        let (bed, source) = (it.bed.clone(), it.source.clone());
        self.said += 1;
        let (at, seq, doubtful, repeats) = (time(it.at_ms), it.seq, it.doubtful, it.repeats);
        let every_ms = it.every_ms;
        self.write(&Line::Said(Entry { at, bed, source, seq, vitals, doubtful, repeats, every_ms }))
    }

    /// Adds that something happens to a patient, a sensor or a line.
    pub fn happen(&mut self, at_ms: i64, bed: &str, what: &str) -> io::Result<()> {
        self.write(&Line::Event { at: time(at_ms), bed: bed.into(), what: what.into() })
    }

    /// Ends the file.
    pub fn end(mut self, at_ms: i64) -> io::Result<()> {
        let said = self.said;
        self.write(&Line::End { at: time(at_ms), said })?;
        self.file.flush()
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, line)?;
        self.file.write_all(b"\n")
    }
}

/// Reads a whole file of truth.
pub fn read(path: &Path) -> Result<Vec<Statement>, TruthError> {
    let failed = |source| TruthError::Read { path: path.into(), source };
    let not_whole = |why| Err(TruthError::NotWhole { path: path.into(), why });
    let mut statements = Vec::new();
    let mut ended = None;
    for (index, text) in BufReader::new(File::open(path).map_err(failed)?).lines().enumerate() {
        let line = serde_json::from_str(&text.map_err(failed)?).map_err(|source| TruthError::Line {
            path: path.into(),
            line: index + 1,
            source,
        })?;
        match line {
            Line::Start { version, .. } if index == 0 && version == VERSION => {}
            Line::Start { .. } => return not_whole("a start that is none, or of another version"),
            _ if index == 0 => return not_whole("it has no start"),
            Line::Said(it) => statements.push(Statement {
                source: it.source,
                bed: it.bed,
                at_ms: it.at.as_micros() / 1000,
                seq: it.seq,
                vitals: it.vitals.into_iter().map(|(vital, word)| (vital, word.into())).collect(),
                doubtful: it.doubtful,
                repeats: it.repeats,
                every_ms: it.every_ms,
            }),
            Line::Event { .. } => {}
            Line::End { said, .. } => ended = Some(said),
        }
    }
    match ended {
        Some(said) if said == statements.len() as u64 => Ok(statements),
        Some(_) => not_whole("lines are missing"),
        None => not_whole("it has no end"),
    }
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_micros(ms.saturating_mul(1000)).unwrap_or(Timestamp::EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        Statement {
            source: "device-01".into(),
            bed: "sim-ward-01".into(),
            at_ms: 1_795_422_600_250,
            seq: Some(7),
            vitals: BTreeMap::from([
                (Vital::Spo2, Said::Value(Quantity::from_thousandths(96_650))),
                (Vital::PulseRate, Said::Absent { sensor: true }),
                (Vital::RespRate, Said::Absent { sensor: false }),
                (Vital::Temperature, Said::Held),
            ]),
            doubtful: true,
            repeats: true,
            every_ms: Some(30_000),
        }
    }

    fn written(ends: bool) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("truth.jsonl");
        let start = Start { scenario: "stable".into(), seed: 7, beds: 1 };
        let mut writer = Writer::create(&path, &start, 1_795_422_600_000).unwrap();
        writer.happen(1_795_422_600_000, "sim-ward-01", "the probe comes off").unwrap();
        writer.say(&statement()).unwrap();
        if ends {
            writer.end(1_795_422_601_000).unwrap();
        }
        (dir, path)
    }

    #[test]
    fn what_is_written_is_read() {
        let (_dir, path) = written(true);
        assert_eq!(read(&path).unwrap(), [statement()]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().nth(2).unwrap().contains(r#""spo2":96.65"#), "{text}");
        assert!(text.starts_with(r#"{"kind":"start","version":2,"mode":"simulated""#), "{text}");
    }

    #[test]
    fn what_was_cut_short_is_not_judged() {
        let (_dir, path) = written(false);
        assert!(matches!(read(&path), Err(TruthError::NotWhole { why: "it has no end", .. })));
        let (_dir, path) = written(true);
        let text = std::fs::read_to_string(&path).unwrap();
        let without: Vec<&str> = text.lines().filter(|it| !it.contains("said\":{")).collect();
        std::fs::write(&path, [without[0], without[1], without[3]].join("\n")).unwrap();
        assert!(matches!(read(&path), Err(TruthError::NotWhole { why: "lines are missing", .. })));
        std::fs::write(&path, "hello\n").unwrap();
        assert!(matches!(read(&path), Err(TruthError::Line { line: 1, .. })));
    }
}
