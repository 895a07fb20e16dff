//! When the agent tests its alarms by itself, and what it makes of a test that did not come back (E37).

use alloc::string::String;
use core::time::Duration;

use super::{TestOutcome, TestReport};
use crate::alarm::agent::Report;
use crate::time::Uptime;

/// The first test comes so long after the start, and the next so long after one that did not come back: a way that was
/// mended is soon known to be.
const SOON: Duration = Duration::from_secs(600);

/// So long after one that could not be done, or was broken off.
const AGAIN: Duration = Duration::from_secs(60);

/// When the next test is due, and how the last one went.
#[derive(Debug)]
pub struct TestSchedule {
    /// `None`: none is wanted.
    every: Option<Duration>,
    due: Uptime,
    last: Last,
}

#[derive(Debug, PartialEq, Eq)]
enum Last {
    /// There was none since the start.
    Unknown,
    Whole,
    Missing {
        since: Uptime,
        what: String,
    },
}

impl TestSchedule {
    /// Of an agent that starts now.
    #[must_use]
    pub fn new(every: Option<Duration>, now: Uptime) -> Self {
        let first = every.map_or(SOON, |it| it.min(SOON));
        Self { every, due: now + first, last: Last::Unknown }
    }

    /// Whether a test is due.
    #[must_use]
    pub fn is_due(&self, now: Uptime) -> bool {
        self.every.is_some() && now >= self.due
    }

    /// One was due, and could not be done now.
    pub fn handle_postponed(&mut self, now: Uptime) {
        self.due = now + self.at_most(AGAIN);
    }

    /// A test is over; `scheduled`: it was one of ours. Somebody else's, who sees what became of it, can only bring the
    /// good news.
    pub fn handle_report(&mut self, now: Uptime, report: &TestReport, scheduled: bool) {
        match report.outcome {
            TestOutcome::Whole => {
                self.last = Last::Whole;
                if scheduled {
                    self.due = now + self.at_most(Duration::MAX);
                }
            }
            TestOutcome::BrokenOff if scheduled => self.handle_postponed(now),
            TestOutcome::Missing if scheduled => {
                let since = if let Last::Missing { since, .. } = self.last { since } else { now };
                self.last = Last::Missing { since, what: report.missing().join(", ") };
                self.due = now + self.at_most(SOON);
            }
            TestOutcome::Waiting | TestOutcome::BrokenOff | TestOutcome::Missing => {}
        }
    }

    /// What the tests say of the way of alarms, and what did not come back.
    #[must_use]
    pub fn report(&self) -> (Report, Option<&str>) {
        match &self.last {
            _ if self.every.is_none() => (Report::Well, None),
            Last::Unknown => (Report::Unknown, None),
            Last::Whole => (Report::Well, None),
            Last::Missing { since, what } => (Report::Since(*since), Some(what)),
        }
    }

    fn at_most(&self, most: Duration) -> Duration {
        self.every.map_or(most, |every| every.min(most))
    }
}
