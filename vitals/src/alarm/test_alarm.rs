//! The test alarm (E37): an alarm that is none goes the whole way, so that somebody knows that the way is there.
//!
//! It stands beside the engine of its bed and shares nothing with it but the numbers of alarms: no rule, level, pause or
//! acknowledgement can touch it, and it can touch none of theirs. A patient's alarm that comes meanwhile breaks it off.

mod report;
mod schedule;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::event::{AlarmEvent, AlarmId, AlarmIds, Code, Kind, Phase, Priority, Signal};
use super::object::{Alarm, Change, Facts, Finding};
use super::policy::Timing;
use crate::name::Name;
use crate::reading::Mode;
use crate::time::{Uptime, millis};

pub use report::{TestOutcome, TestReport, TestWord};
pub use schedule::TestSchedule;

/// How long it is on, and how long its words may take to come back. A person in the room has time to look up.
pub const TEST_LASTS: Duration = Duration::from_secs(10);

/// It is over before any of them is due.
const TIMING: Timing =
    Timing { gap_tolerance: TEST_LASTS, continue_every: Duration::MAX, reminder: Duration::MAX };

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRequest {
    /// On which bed.
    pub bed: Arc<Name>,
    /// How urgent it pretends to be.
    pub priority: Priority,
    /// Who wants it: an opaque name.
    pub by: Name,
}

/// Whose word is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestExpects {
    /// The local annunciators that take such an alarm, by name.
    pub annunciators: Vec<String>,
    /// Whether the unit has stations; at least one must say that it has shown it.
    pub stations: bool,
}

/// One test alarm, from its start until its words have come back or can no longer.
#[derive(Debug)]
pub struct TestAlarm {
    request: TestRequest,
    mode: Mode,
    alarm: Alarm,
    begun: Uptime,
    /// When it ended, and whether a patient's alarm made it.
    over: Option<(Uptime, bool)>,
    /// What each annunciator has said; none yet.
    annunciators: BTreeMap<String, Option<Said>>,
    kafka: Option<Uptime>,
    stations: BTreeMap<String, Uptime>,
    stations_expected: bool,
    events: VecDeque<AlarmEvent>,
}

/// What an annunciator has said.
#[derive(Debug, Clone, Copy)]
struct Said {
    at: Uptime,
    taken: bool,
}

impl TestAlarm {
    /// Begins one: its `start` is the first event. `mode` is the bed's.
    #[must_use]
    pub fn begin(
        now: Uptime,
        request: TestRequest,
        expects: TestExpects,
        mode: Mode,
        ids: &mut AlarmIds,
    ) -> Self {
        let finding = Finding {
            level: None,
            priority: request.priority,
            limit: None,
            onset: now,
            decided: now,
            delay: Duration::ZERO,
            latch: false,
        };
        let mut it = Self {
            request,
            mode,
            alarm: Alarm::born(now, ids.issue(), finding, None),
            begun: now,
            over: None,
            annunciators: expects.annunciators.into_iter().map(|name| (name, None)).collect(),
            kafka: None,
            stations: BTreeMap::new(),
            stations_expected: expects.stations,
            events: VecDeque::new(),
        };
        it.tell(now, Change::new(Phase::Start));
        it
    }

    /// Its bed.
    #[must_use]
    pub const fn bed(&self) -> &Arc<Name> {
        &self.request.bed
    }

    /// The mode it was begun in.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &AlarmId {
        &self.alarm.id
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// An annunciator says that it has taken it, or that it could not. Its first word counts.
    pub fn handle_annunciator(&mut self, at: Uptime, name: &str, taken: bool) {
        if let Some(said) = self.annunciators.get_mut(name).filter(|it| it.is_none()) {
            *said = Some(Said { at, taken });
        }
    }

    /// Kafka has confirmed its start.
    pub fn handle_confirmed(&mut self, at: Uptime) {
        self.kafka.get_or_insert(at);
    }

    /// A station says that it has shown it.
    pub fn handle_receipt(&mut self, at: Uptime, station: &str) {
        self.stations.entry(station.into()).or_insert(at);
    }

    /// Takes what was told of another alarm: that of a patient on the same bed ends it at once (E37).
    pub fn handle_event(&mut self, bed: &Name, event: &AlarmEvent) {
        let is_told = event.phase != Phase::Continue && event.signal == Signal::On;
        let of_patient = event.kind == Kind::Physiological && !event.code.is_of_device();
        if is_told && of_patient && *bed == **self.bed() {
            self.end(event.at.max(self.begun), true);
        }
    }

    /// Ends it when its time has come.
    pub fn handle_timeout(&mut self, now: Uptime) {
        let due = self.begun + TEST_LASTS;
        if now >= due {
            self.end(due, false);
        }
    }

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Uptime> {
        (!self.is_over()).then(|| self.begun + TEST_LASTS)
    }

    /// The next thing it has to say: its start, its end.
    pub fn poll_event(&mut self) -> Option<AlarmEvent> {
        self.events.pop_front()
    }

    /// What has come back so far. A word that comes after [`TEST_LASTS`] is none.
    #[must_use]
    pub fn report(&self) -> TestReport {
        let after = |at: Uptime| millis(at.since(self.begun));
        let timely = |at: &Uptime| at.since(self.begun) <= TEST_LASTS;
        let annunciators = self.annunciators.iter().map(|(name, said)| TestWord {
            name: name.clone(),
            after_ms: said.filter(|it| it.taken && timely(&it.at)).map(|it| after(it.at)),
            refused: said.is_some_and(|it| !it.taken),
        });
        let stations = self.stations.iter().filter(|(_, at)| timely(at)).map(|(name, at)| TestWord {
            name: name.clone(),
            after_ms: Some(after(*at)),
            refused: false,
        });
        let (priority, by) = (self.request.priority, self.request.by.to_string());
        TestReport {
            bed: self.bed().to_string(),
            priority,
            by,
            annunciators: annunciators.collect(),
            kafka_after_ms: self.kafka.filter(timely).map(after),
            stations: stations.collect(),
            stations_expected: self.stations_expected,
            outcome: TestOutcome::Waiting,
        }
        .decided(self.over.map(|(_, broken_off)| broken_off))
    }

    fn end(&mut self, now: Uptime, broken_off: bool) {
        if self.is_over() {
            return;
        }
        self.over = Some((now, broken_off));
        if let Some(change) = self.alarm.judge(None, false) {
            let reason = broken_off.then(|| "an alarm of the patient".to_string());
            self.tell(now, Change { reason, ..change });
        }
    }

    fn tell(&mut self, now: Uptime, change: Change) {
        let cause = Some(self.request.by.to_string());
        let facts = Facts { cause, ..Facts::without_value(Code::Test, self.mode) };
        let event = self.alarm.tell(now, change, facts, &TIMING);
        self.events.push_back(event);
    }
}
