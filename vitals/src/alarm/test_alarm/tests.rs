//! What comes back, what does not, and what a patient's alarm does to a test.

use alloc::vec;

use super::*;
use crate::alarm::agent::Report;
use crate::alarm::event::{Condition, Signal};
use crate::priority::Direction;
use crate::vital::Vital;

fn at(millis: u64) -> Uptime {
    Uptime::from_millis(millis)
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A test of the bed `a` that begins at 1 s and waits for a lamp, Kafka and a station.
fn begun() -> TestAlarm {
    let request = TestRequest { bed: Arc::new(name("a")), priority: Priority::High, by: name("anna") };
    let expects = TestExpects { annunciators: vec!["mqtt 1".into()], stations: true };
    TestAlarm::begin(at(1000), request, expects, Mode::Simulated, &mut AlarmIds::new("r".into()))
}

fn said(test: &mut TestAlarm) -> Vec<(u64, Phase)> {
    core::iter::from_fn(|| test.poll_event()).map(|it| (it.at.as_millis(), it.phase)).collect()
}

/// Another alarm's event, as of a patient.
fn other(code: Code, phase: Phase) -> AlarmEvent {
    let mut test = begun();
    let event = test.poll_event().unwrap();
    let signal = if phase.is_over() { Signal::Off } else { Signal::On };
    AlarmEvent { at: at(4000), code, kind: code.kind(), phase, signal, ..event }
}

#[test]
fn it_is_an_alarm_like_any_other_and_ends_by_itself() {
    let mut test = begun();
    let start = test.poll_event().unwrap();
    assert_eq!((start.phase, start.priority, start.kind), (Phase::Start, Priority::High, Kind::Technical));
    assert_eq!((start.condition, start.signal), (Condition::Present, Signal::On));
    assert_eq!((start.mode, start.cause.as_deref(), start.latching), (Mode::Simulated, Some("anna"), false));
    assert_eq!(test.poll_timeout(), Some(at(11_000)));
    test.handle_timeout(at(10_999));
    assert_eq!(said(&mut test), []);
    test.handle_timeout(at(12_000));
    assert_eq!(said(&mut test), [(11_000, Phase::End)], "at its own time, however late somebody asks");
    test.handle_timeout(at(30_000));
    assert_eq!((said(&mut test), test.poll_timeout()), (vec![], None));
}

#[test]
fn it_is_whole_when_the_last_word_has_come_and_not_before() {
    let mut test = begun();
    let outcome = |test: &TestAlarm| (test.report().outcome, test.report().missing());
    assert_eq!(outcome(&test), (TestOutcome::Waiting, vec!["annunciators", "kafka", "stations"]));
    test.handle_annunciator(at(1010), "mqtt 1", true);
    test.handle_annunciator(at(1010), "a lamp of somebody else", true);
    test.handle_confirmed(at(1030));
    assert_eq!(outcome(&test), (TestOutcome::Waiting, vec!["stations"]));
    test.handle_receipt(at(1300), "desk");
    test.handle_receipt(at(1400), "desk");
    test.handle_receipt(at(1500), "corridor");
    let report = test.report();
    assert_eq!((report.outcome, report.kafka_after_ms), (TestOutcome::Whole, Some(30)));
    let words: Vec<_> = report.stations.iter().map(|it| (it.name.as_str(), it.after_ms)).collect();
    assert_eq!(words, [("corridor", Some(500)), ("desk", Some(300))], "the first word of each counts");
    assert!(!test.is_over(), "a person still has time to look up");
}

#[test]
fn a_word_too_late_is_none() {
    let mut test = begun();
    test.handle_annunciator(at(1010), "mqtt 1", true);
    test.handle_receipt(at(1300), "desk");
    test.handle_timeout(at(11_000));
    test.handle_confirmed(at(11_001));
    assert_eq!((test.report().outcome, test.report().missing()), (TestOutcome::Missing, vec!["kafka"]));
}

#[test]
fn an_annunciator_that_failed_is_missing_whatever_it_says_later() {
    let mut test = begun();
    test.handle_annunciator(at(1010), "mqtt 1", false);
    test.handle_annunciator(at(1020), "mqtt 1", true);
    let report = test.report();
    assert!(report.annunciators[0].refused && report.missing().contains(&"annunciators"), "{report:?}");
}

#[test]
fn an_alarm_of_the_patient_breaks_it_off_and_nothing_else_does() {
    let low = Code::Limit(Vital::Spo2, Direction::Low);
    for (bed, code, phase) in [
        ("b", low, Phase::Start),
        ("a", Code::NoData, Phase::Start),
        ("a", low, Phase::Continue),
        ("a", low, Phase::End),
    ] {
        let mut test = begun();
        said(&mut test);
        test.handle_event(&name(bed), &other(code, phase));
        assert_eq!(said(&mut test), [], "{bed} {code} {phase:?}");
    }
    let mut test = begun();
    test.handle_event(&name("a"), &other(low, Phase::Start));
    test.handle_event(&name("a"), &other(low, Phase::Escalate));
    assert_eq!(said(&mut test), [(1000, Phase::Start), (4000, Phase::End)]);
    assert_eq!(test.report().outcome, TestOutcome::BrokenOff);
}

#[test]
fn what_has_no_station_and_no_annunciator_needs_kafka_alone() {
    let request = TestRequest { bed: Arc::new(name("a")), priority: Priority::Low, by: name("schedule") };
    let expects = TestExpects { annunciators: Vec::new(), stations: false };
    let mut test = TestAlarm::begin(at(0), request, expects, Mode::Live, &mut AlarmIds::new("r".into()));
    test.handle_confirmed(at(5));
    assert_eq!(test.report().outcome, TestOutcome::Whole);
}

fn reported(outcome: TestOutcome) -> TestReport {
    let mut test = begun();
    test.handle_confirmed(at(1030));
    TestReport { outcome, ..test.report() }
}

#[test]
fn a_test_that_did_not_come_back_is_a_trouble_until_one_does() {
    let day = Duration::from_secs(24 * 3600);
    let mut schedule = TestSchedule::new(Some(day), at(0));
    assert_eq!(schedule.report(), (Report::Unknown, None));
    assert!(!schedule.is_due(at(599_999)) && schedule.is_due(at(600_000)), "soon after the start");
    schedule.handle_report(at(610_000), &reported(TestOutcome::Missing), true);
    assert_eq!(schedule.report(), (Report::Since(at(610_000)), Some("annunciators, stations")));
    assert!(schedule.is_due(at(1_210_000)), "again soon");
    schedule.handle_report(at(1_220_000), &reported(TestOutcome::Missing), true);
    assert_eq!(schedule.report().0, Report::Since(at(610_000)), "since the first");
    schedule.handle_report(at(1_830_000), &reported(TestOutcome::BrokenOff), true);
    assert!(schedule.is_due(at(1_890_000)) && schedule.report().0 != Report::Well);
    schedule.handle_report(at(1_900_000), &reported(TestOutcome::Whole), true);
    assert_eq!(schedule.report(), (Report::Well, None));
    assert!(!schedule.is_due(at(1_900_000) + day - Duration::from_millis(1)));
    assert!(schedule.is_due(at(1_900_000) + day));
}

#[test]
fn what_somebody_tests_by_hand_can_only_bring_good_news() {
    let mut schedule = TestSchedule::new(Some(Duration::from_secs(20)), at(0));
    assert!(schedule.is_due(at(20_000)), "what is wanted more often comes sooner");
    schedule.handle_report(at(5000), &reported(TestOutcome::Missing), false);
    assert_eq!(schedule.report().0, Report::Unknown);
    schedule.handle_report(at(30_000), &reported(TestOutcome::Missing), true);
    schedule.handle_report(at(31_000), &reported(TestOutcome::Whole), false);
    assert_eq!(schedule.report().0, Report::Well);
    assert!(schedule.is_due(at(50_000)), "and moves no test of ours");
    let mut none = TestSchedule::new(None, at(0));
    none.handle_report(at(1000), &reported(TestOutcome::Missing), true);
    assert_eq!((none.report(), none.is_due(at(u64::MAX))), ((Report::Well, None), false));
}
