//! The alarms of a replay: what `wardline-agent replay` wrote of one bed's table.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use super::record::{Alarm, RecordError};
use crate::truth::Statement;

/// Why a replay cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum ReplayedError {
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line that is no alarm record.
    #[error("{path}, line {line}: not an alarm record", path = path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: RecordError,
    },
    /// Which bed it was is not clear.
    #[error("the truth speaks of {beds}: say with --bed whose table was replayed")]
    Bed {
        /// The beds of the truth.
        beds: String,
    },
}

/// The statements of the bed that was replayed, and the alarms.
pub fn read(
    path: &Path,
    said: Vec<Statement>,
    bed: Option<&str>,
) -> Result<(Vec<Statement>, Vec<Alarm>), ReplayedError> {
    let beds: BTreeSet<&str> = said.iter().map(|it| it.bed.as_str()).collect();
    let bed = match (bed, beds.first()) {
        (Some(bed), _) if beds.contains(bed) => bed.to_owned(),
        (None, Some(bed)) if beds.len() == 1 => (*bed).to_owned(),
        _ => {
            let beds = beds.into_iter().take(10).collect::<Vec<_>>().join(", ");
            return Err(ReplayedError::Bed { beds });
        }
    };
    let said: Vec<Statement> = said.into_iter().filter(|it| it.bed == bed).collect();
    let zero_ms = said.first().map_or(0, |it| it.at_ms);
    let failed = |source| ReplayedError::Read { path: path.into(), source };
    let mut alarms = Vec::new();
    for (index, line) in BufReader::new(File::open(path).map_err(failed)?).lines().enumerate() {
        let alarm = Alarm::parse_replayed(line.map_err(failed)?.as_bytes(), &bed, zero_ms);
        let unfit = |source| ReplayedError::Record { path: path.into(), line: index + 1, source };
        alarms.push(alarm.map_err(unfit)?);
    }
    Ok((said, alarms))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn statement(bed: &str, at_ms: i64) -> Statement {
        let (source, vitals) = ("s".into(), BTreeMap::new());
        Statement {
            source,
            bed: bed.into(),
            at_ms,
            seq: None,
            vitals,
            doubtful: false,
            repeats: false,
            every_ms: None,
        }
    }

    #[test]
    fn times_count_from_the_first_row_of_the_bed_that_was_replayed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alarms.jsonl");
        let line = r#"{"id":"replay/replay/1","revision":1,"bed":"replay","code":"spo2_low","level":"limit",
            "phase":"start","condition":"present","up_ms":25000}"#;
        std::fs::write(&path, line.replace('\n', "")).unwrap();
        let said = vec![statement("a", 500), statement("b", 1000), statement("b", 2000)];
        let (of_b, alarms) = read(&path, said.clone(), Some("b")).unwrap();
        assert_eq!((of_b.len(), alarms[0].at_ms, alarms[0].bed.as_str()), (2, 26_000, "b"));
        let error = read(&path, said, None).unwrap_err();
        assert!(error.to_string().contains("a, b"), "{error}");
        std::fs::write(&path, "{}\n").unwrap();
        let error = read(&path, vec![statement("a", 0)], None).unwrap_err();
        assert!(matches!(error, ReplayedError::Record { line: 1, .. }));
    }
}
