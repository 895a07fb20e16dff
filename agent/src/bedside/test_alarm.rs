//! Test alarms of the agent's beds (E37): who may begin one, whose words come back, and those that the agent makes by itself.
//!
//! One at a time. It is told as every alarm is, after whatever an engine has to say, and stands behind the bed's own.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};
use vitals::alarm::agent::Report;
use vitals::alarm::event::{AlarmEvent, AlarmId, Kind, Priority, Signal};
use vitals::alarm::test_alarm::{TestAlarm, TestExpects, TestOutcome, TestReport, TestRequest, TestSchedule};
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::alarm::{AlarmRecord, WARDLINE, WallClock};
use vitals::record::reading::Origin;
use vitals::time::Uptime;

use super::Bedside;
use super::bed::BedState;
use super::voice::{self, Voice};
use crate::annunciator::Words;
use crate::clock;
use crate::forwarder::ForwarderProgress;

/// Questions on their way: people at a shell. When full, the next is told to ask again.
pub const QUESTIONS_MAX: usize = 4;

/// How urgent those pretend to be that the agent makes by itself: nobody has to run at night.
const SCHEDULED: Priority = Priority::Low;

/// Somebody wants a test alarm.
#[derive(Debug)]
pub struct TestQuestion {
    /// On which bed.
    pub bed: String,
    /// How urgent.
    pub priority: Priority,
    /// Who: an opaque name.
    pub by: Name,
    /// Where its id, or why there is none, is told.
    pub answer: oneshot::Sender<Result<String, TestRefusal>>,
}

/// Why there is no test alarm now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TestRefusal {
    /// Not a bed of this agent.
    #[error("this agent has no such bed")]
    NoSuchBed,
    /// Another is not over.
    #[error("another test alarm is still on: try again in ten seconds")]
    Busy,
    /// The patient's own come first.
    #[error("an alarm of the patient is on at this bed: attend to it first, or test another bed")]
    Patient,
}

/// The newest test alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestStatus {
    /// Its id.
    pub id: String,
    /// What has come back.
    #[serde(flatten)]
    pub report: TestReport,
}

/// What the tests need to begin.
#[derive(Debug)]
pub struct TestSetup {
    /// How often the agent makes one by itself.
    pub every: Option<Duration>,
    /// Whether a station must say that it has shown it.
    pub stations: bool,
}

/// The test alarms of an agent.
pub(super) struct Tests {
    schedule: TestSchedule,
    stations: bool,
    words: Words,
    forwarder: watch::Receiver<ForwarderProgress>,
    /// The bed that was tested by the schedule last.
    last_bed: Option<Arc<Name>>,
    current: Option<Current>,
}

/// The newest.
struct Current {
    test: TestAlarm,
    id: String,
    scheduled: bool,
    /// Whether the schedule knows what became of it.
    judged: bool,
}

impl Tests {
    pub(super) fn new(
        setup: &TestSetup,
        words: Words,
        forwarder: watch::Receiver<ForwarderProgress>,
        now: Uptime,
    ) -> Self {
        let schedule = TestSchedule::new(setup.every, now);
        Self { schedule, stations: setup.stations, words, forwarder, last_bed: None, current: None }
    }

    /// Takes what was told of a bed's alarm.
    pub(super) fn handle_event(&mut self, bed: &Name, event: &AlarmEvent) {
        if let Some(it) = &mut self.current {
            it.test.handle_event(bed, event);
        }
    }

    /// A station has shown an alarm, of patients (`live`) or not.
    pub(super) fn handle_receipt(&mut self, alarm: &AlarmId, station: &str, live: bool) {
        let Some(it) = self.current.as_mut().filter(|it| it.test.id() == alarm) else { return };
        if live == (it.test.mode() == Mode::Live) {
            it.test.handle_receipt(clock::uptime(), station);
        }
    }

    /// What they say of the way of alarms.
    pub(super) fn report(&self) -> (Report, Option<&str>) {
        self.schedule.report()
    }

    pub(super) fn status(&self) -> Option<TestStatus> {
        self.current.as_ref().map(|it| TestStatus { id: it.id.clone(), report: it.test.report() })
    }

    fn is_busy(&self) -> bool {
        self.current.as_ref().is_some_and(|it| !it.test.is_over())
    }

    /// Takes the words that have come, and what they come to.
    fn look(&mut self, now: Uptime) {
        let Some(it) = &mut self.current else { return };
        for word in self.words.borrow().iter().filter(|word| word.alarm == it.id) {
            it.test.handle_annunciator(word.at, &word.annunciator, word.taken);
        }
        if let Some((_, at)) = self.forwarder.borrow().tested.as_ref().filter(|(id, _)| **id == *it.id) {
            it.test.handle_confirmed(*at);
        }
        it.test.handle_timeout(now);
        let report = it.test.report();
        if it.judged || report.outcome == TestOutcome::Waiting {
            return;
        }
        it.judged = true;
        self.schedule.handle_report(now, &report, it.scheduled);
        let (id, bed, missing) = (&it.id, &report.bed, report.missing().join(", "));
        match report.outcome {
            TestOutcome::Whole => info!(id, bed, "A test alarm came back whole."),
            TestOutcome::BrokenOff => info!(id, bed, "An alarm of the patient ended a test alarm."),
            TestOutcome::Waiting | TestOutcome::Missing => {
                warn!(
                    id,
                    bed, missing, "A test alarm did not come back: who is told when there is a real one?"
                );
            }
        }
    }
}

impl Bedside {
    /// Begins a test alarm for somebody, or says why not.
    pub(super) fn handle_question(&mut self, question: TestQuestion) {
        // Whoever has been told that the loop stands still expects no test any more.
        if question.answer.is_closed() {
            return;
        }
        let bed = self.beds.keys().find(|it| it.as_str() == question.bed).cloned();
        let begun = match bed {
            Some(bed) => {
                self.begin_test(TestRequest { bed, priority: question.priority, by: question.by }, false)
            }
            None => Err(TestRefusal::NoSuchBed),
        };
        // Whoever has gone away hears nothing.
        let _ = question.answer.send(begun);
    }

    /// Looks what has come back, and begins one where the schedule wants it.
    pub(super) fn look_at_tests(&mut self, now: Uptime) {
        self.tests.look(now);
        self.announce_test();
        if !self.tests.schedule.is_due(now) || self.tests.is_busy() {
            return;
        }
        // That nothing reaches Kafka is an alarm already.
        let bed = if self.own.is_forwarding_down() { None } else { self.next_to_test() };
        let by = Name::parse("schedule").ok();
        let request = bed.zip(by).map(|(bed, by)| TestRequest { bed, priority: SCHEDULED, by });
        let begun = request.is_some_and(|it| {
            self.tests.last_bed = Some(Arc::clone(&it.bed));
            self.begin_test(it, true).is_ok()
        });
        if !begun {
            self.tests.schedule.handle_postponed(now);
        }
    }

    /// The bed after the one that was tested last, of those whose patients have no alarm that is on.
    fn next_to_test(&self) -> Option<Arc<Name>> {
        let quiet = || self.beds.iter().filter(|(_, bed)| !has_patient_alarm(bed)).map(|(id, _)| id);
        let after = quiet().find(|id| self.tests.last_bed.as_ref().is_none_or(|last| *id > last));
        after.or_else(|| quiet().next()).cloned()
    }

    fn begin_test(&mut self, request: TestRequest, scheduled: bool) -> Result<String, TestRefusal> {
        if self.tests.is_busy() {
            return Err(TestRefusal::Busy);
        }
        let bed = self.beds.get(&request.bed).ok_or(TestRefusal::NoSuchBed)?;
        if has_patient_alarm(bed) {
            return Err(TestRefusal::Patient);
        }
        let annunciators = self.outlets.annunciators.names(request.priority);
        let expects = TestExpects { annunciators, stations: self.tests.stations };
        info!(bed = %request.bed, by = %request.by, priority = ?request.priority, "A test alarm begins.");
        // A bed of which nobody has spoken yet is no more live than its agent.
        let mode = bed.mode().max(self.own.mode());
        let test = TestAlarm::begin(clock::uptime(), request, expects, mode, &mut self.ids);
        let id = format!("{}/{}/{}", self.origin.agent, test.id().run, test.id().number);
        self.tests.current = Some(Current { test, id: id.clone(), scheduled, judged: false });
        self.announce_test();
        Ok(id)
    }

    /// Makes known what a test has to say.
    pub(super) fn announce_test(&mut self) {
        let Some(it) = &mut self.tests.current else { return };
        let id = Arc::clone(it.test.bed());
        let Some(bed) = self.beds.get_mut(&id) else { return };
        let mut tested = Tested { test: &mut it.test, bed };
        let quality = *self.clock.borrow();
        let (seq, outlets) = (&mut self.alarm_seq, &mut self.outlets);
        let records = voice::annunciate(&mut tested, &id, &self.origin, quality, seq, outlets);
        self.told.extend(records);
    }
}

/// Whether an alarm of the patient asks for somebody here; what a device raises it sounds itself.
fn has_patient_alarm(bed: &BedState) -> bool {
    let asks = |it: &AlarmRecord| {
        let on = matches!(it.signal, Signal::On | Signal::Latched);
        it.kind == Kind::Physiological && it.origin == WARDLINE && on
    };
    bed.open_alarms().iter().any(|it| asks(it))
}

/// A test speaks with its bed's voice.
struct Tested<'a> {
    test: &'a mut TestAlarm,
    bed: &'a mut BedState,
}

impl Voice for Tested<'_> {
    fn poll_event(&mut self) -> Option<AlarmEvent> {
        self.test.poll_event()
    }

    fn record(
        &mut self,
        event: &AlarmEvent,
        seq: Option<u64>,
        origin: &Origin,
        signalled: WallClock,
    ) -> (Arc<AlarmRecord>, Vec<Arc<AlarmRecord>>) {
        self.bed.record(event, seq, origin, signalled)
    }
}
