//! What the store remembers of the runs before this one: where the last one ended, and of each that it began.
//!
//! A run that never reached Kafka has not told the ledger of itself; the next one that does tells it for all of them,
//! or a consumer could not prove that nothing lies between the runs it knows.

use vitals::record::alarm::WallClock;
use vitals::time::{ClockQuality, Timestamp};

use crate::envelope::RunId;

/// Runs remembered: two months of a restart a day, at 200 bytes each in every generation. Of more, the oldest are
/// forgotten, and the ledger then shows that a run is missing.
const RUNS_MAX: usize = 64;

/// The run before this one, as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Previous {
    /// Its id.
    pub run: RunId,
    /// Its last durable reading; 0: none.
    pub last_reading: u64,
    /// Its last durable alarm record; 0: none.
    pub last_alarm: u64,
}

/// That a run began.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Began {
    /// Its id.
    pub run: RunId,
    /// When, on the wall clock.
    pub started_at: Timestamp,
    /// How far that clock could be believed.
    #[serde(default = "unsynced")]
    pub clock: ClockQuality,
    /// The run before it.
    pub previous: Option<Previous>,
}

/// What came before this run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The run before this one.
    pub previous: Option<Previous>,
    /// The runs before this one, oldest first.
    pub runs: Vec<Began>,
    /// The store could not be opened: what it holds is not known, and this run goes on beside it.
    pub without_store: bool,
}

/// With what each generation begins.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Manifest {
    #[serde(flatten)]
    began: Began,
    #[serde(default)]
    earlier: Vec<Began>,
}

impl Past {
    /// What the newest manifest and the lanes tell.
    pub(super) fn new(manifest: Option<Manifest>, previous: Option<Previous>) -> Self {
        let mut runs = Vec::new();
        if let Some(Manifest { began, earlier }) = manifest {
            runs.extend(earlier);
            runs.push(began);
        }
        runs.drain(..runs.len().saturating_sub(RUNS_MAX));
        Self { previous, runs, without_store: false }
    }

    /// The manifest of the run that follows.
    pub(super) fn manifest(&self, run: &RunId, started: &WallClock) -> Vec<u8> {
        let previous = self.previous.clone();
        let began = Began { run: run.clone(), started_at: started.at, clock: started.quality, previous };
        serde_json::to_vec(&Manifest { began, earlier: self.runs.clone() }).unwrap_or_default()
    }

    /// The runs that the ledger does not know, if the last it knows is this one.
    pub(crate) fn untold(&self, told: Option<&str>) -> &[Began] {
        let known = told.and_then(|told| self.runs.iter().rposition(|it| *it.run == *told));
        &self.runs[known.map_or(0, |it| it + 1)..]
    }
}

const fn unsynced() -> ClockQuality {
    ClockQuality::Unsynced
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals::time::Uptime;

    fn names(runs: &[Began]) -> Vec<&str> {
        runs.iter().map(|it| &*it.run).collect()
    }

    #[test]
    fn runs_that_kafka_never_heard_of_are_told_by_the_next() {
        let started = WallClock { up: Uptime::ZERO, at: Timestamp::EPOCH, quality: ClockQuality::Synced };
        let mut past = Past::default();
        for n in 0..70 {
            let manifest = past.manifest(&format!("run-{n}").into(), &started);
            let previous = Previous { run: format!("run-{n}").into(), last_reading: n, last_alarm: 0 };
            past = Past::new(serde_json::from_slice(&manifest).ok(), Some(previous));
        }
        assert_eq!(names(past.untold(Some("run-67"))), ["run-68", "run-69"]);
        assert_eq!(names(past.untold(Some("run-69"))), [""; 0]);
        assert_eq!(past.untold(None).len(), RUNS_MAX);
        assert_eq!(past.untold(Some("forgotten")).len(), RUNS_MAX);
        let last = past.runs.last().unwrap();
        assert_eq!(last.clock, ClockQuality::Synced);
        assert_eq!(last.previous.as_ref().unwrap().last_reading, 68);
    }

    #[test]
    fn a_manifest_of_an_older_version_is_understood() {
        let old = r#"{"run":"a-1","started_at":"2026-11-23T08:30:00Z","previous":null}"#;
        let past = Past::new(serde_json::from_str(old).ok(), None);
        assert_eq!(names(&past.runs), ["a-1"]);
    }
}
