//! What came back of a test alarm, for whoever asked and for the alarm that it did not.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::alarm::event::Priority;

/// What came back of a test alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// Its bed.
    pub bed: String,
    /// How urgent it pretended to be.
    pub priority: Priority,
    /// Who wanted it.
    pub by: String,
    /// Each local annunciator that takes such an alarm.
    pub annunciators: Vec<TestWord>,
    /// After how many milliseconds Kafka confirmed its start; `None`: not in time.
    pub kafka_after_ms: Option<u64>,
    /// The stations that said that they have shown it.
    pub stations: Vec<TestWord>,
    /// Whether at least one must.
    pub stations_expected: bool,
    /// What that comes to.
    pub outcome: TestOutcome,
}

/// What one of them said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestWord {
    /// Whose word.
    pub name: String,
    /// After how many milliseconds it came; `None`: not in time.
    pub after_ms: Option<u64>,
    /// Whether it said that it could not.
    pub refused: bool,
}

/// What the words come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// Some may still come.
    Waiting,
    /// All came.
    Whole,
    /// Its time is over, and some did not.
    Missing,
    /// An alarm of the patient ended it before all had come.
    BrokenOff,
}

impl TestReport {
    /// What did not come back: `annunciators`, `kafka`, `stations`.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let annunciators = self.annunciators.iter().any(|it| it.after_ms.is_none());
        let stations = self.stations_expected && self.stations.is_empty();
        let all = [
            (annunciators, "annunciators"),
            (self.kafka_after_ms.is_none(), "kafka"),
            (stations, "stations"),
        ];
        all.into_iter().filter(|(missing, _)| *missing).map(|(_, name)| name).collect()
    }

    /// With its outcome; `over`: it has ended, and whether it was broken off.
    pub(super) fn decided(self, over: Option<bool>) -> Self {
        let outcome = match (self.missing().is_empty(), over) {
            (true, _) => TestOutcome::Whole,
            (false, None) => TestOutcome::Waiting,
            (false, Some(false)) => TestOutcome::Missing,
            (false, Some(true)) => TestOutcome::BrokenOff,
        };
        Self { outcome, ..self }
    }
}
