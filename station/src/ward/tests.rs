//! The ward as tables: what happens when, and the words of what is news (P8, P10).

use super::*;
use crate::example::{alarm, arrival, bed, silence, status};
use crate::wording::Wording;
use serde_json::json;

/// One thing that happens to a station.
enum Event {
    Alarm(Box<AlarmRecord>),
    Bed(BedRecord),
    Status(StatusRecord),
    /// Kafka answers that there is nothing new.
    Kafka,
    /// Time passes.
    Nothing,
}

use Event::{Alarm, Bed, Kafka as Answer, Nothing, Status};

fn alarmed(record: AlarmRecord) -> Event {
    Alarm(Box::new(record))
}

/// Plays events at their milliseconds; each deadline in between is kept to the millisecond. Returns what was said.
fn play(events: Vec<(u64, Event)>) -> Vec<(u64, String)> {
    let mut ward = Ward::new(Uptime::ZERO);
    let mut said = Vec::new();
    for (at, event) in events {
        let at = Uptime::from_millis(at);
        while let Some(deadline) = ward.poll_timeout().filter(|deadline| *deadline < at) {
            ward.handle_timeout(deadline);
            drain(&mut ward, deadline, &mut said);
            assert_ne!(ward.poll_timeout(), Some(deadline), "a deadline that was served comes back");
        }
        match event {
            Alarm(it) => ward.handle_record(at, arrival(Record::Alarm(it))),
            Bed(it) => ward.handle_record(at, arrival(Record::Bed(Box::new(it)))),
            Status(it) => ward.handle_record(at, arrival(Record::Status(Box::new(it)))),
            Answer => ward.handle_kafka(at),
            Nothing => ward.handle_timeout(at),
        }
        drain(&mut ward, at, &mut said);
    }
    said
}

fn drain(ward: &mut Ward, at: Uptime, said: &mut Vec<(u64, String)>) {
    let wording = Wording { zone: jiff::tz::TimeZone::UTC, colour: false, simulated: false };
    while let Some(change) = ward.poll_change() {
        said.push((at.as_millis(), wording.words(&change)));
    }
}

/// Heartbeats and answers each second, from `from` to `to` seconds.
fn beats(run: &str, from: u64, to: u64) -> Vec<(u64, Event)> {
    (from..=to).map(|second| (second * 1000, Status(status(run, second * 1000, second)))).collect()
}

fn answers(from: u64, to: u64) -> Vec<(u64, Event)> {
    (from..=to).map(|second| (second * 1000, Answer)).collect()
}

fn words(said: &[(u64, String)]) -> Vec<(u64, &str)> {
    said.iter().map(|(at, words)| (*at, words.as_str())).collect()
}

#[test]
fn an_agent_without_heartbeat_for_5_s_is_lost_and_said_to_be_back() {
    let mut events = beats("r1", 1, 10);
    events.extend(answers(11, 20));
    events.extend(beats("r1", 21, 22));
    assert_eq!(
        words(&play(events)),
        [
            (1000, "Agent icu-3 heard: 8 beds, 1 open alarm"),
            (15_000, "AGENT LOST icu-3: no heartbeat for 5 s"),
            (21_000, "Agent icu-3 back"),
        ]
    );
}

#[test]
fn an_agent_known_from_its_beds_alone_is_lost_too() {
    let mut events = vec![(0, Bed(bed("r1", 0, &[])))];
    events.extend(answers(1, 6));
    assert_eq!(words(&play(events)), [(5000, "AGENT LOST icu-3: no heartbeat for 5 s")]);
}

#[test]
fn heartbeats_without_turns_of_the_bedside_loop_are_an_agent_that_is_stuck() {
    let mut events = beats("r1", 1, 10);
    events.extend((11..=16).map(|second| (second * 1000, Status(status("r1", second * 1000, 10)))));
    events.push((17_000, Status(status("r1", 17_000, 11))));
    assert_eq!(
        words(&play(events))[1..],
        [(15_000, "AGENT STUCK icu-3: it has decided nothing for 5 s"), (17_000, "Agent icu-3 back")]
    );
}

#[test]
fn a_lost_kafka_is_told_as_such_and_no_agent_is_blamed() {
    let mut events = beats("r1", 1, 10);
    events.push((40_000, Status(status("r1", 40_000, 40))));
    events.extend(answers(41, 43));
    events.push((43_500, Nothing));
    assert_eq!(
        words(&play(events))[1..],
        [(15_000, "STATION\u{2013}KAFKA LOST: nothing heard for 5 s"), (40_000, "Station\u{2013}Kafka back")]
    );
}

#[test]
fn an_agent_that_died_with_kafka_is_lost_5_s_after_kafka_is_back() {
    let mut events = beats("r1", 1, 10);
    events.extend(answers(40, 50));
    assert_eq!(words(&play(events)).last(), Some(&(45_000, "AGENT LOST icu-3: no heartbeat for 5 s")));
}

#[test]
fn a_station_that_slept_blames_nobody() {
    let mut ward = Ward::new(Uptime::ZERO);
    ward.handle_record(Uptime::from_millis(1000), arrival(Record::Status(Box::new(status("r1", 1000, 1)))));
    while ward.poll_change().is_some() {}
    ward.handle_timeout(Uptime::from_millis(61_000));
    assert_eq!(ward.poll_change(), None);
}

#[test]
fn a_restarted_agent_is_told_and_its_former_run_cannot_come_back() {
    let mut events = beats("r1", 1, 2);
    events.push((3000, Status(status("r2", 3000, 1))));
    events.push((4000, Status(status("r1", 2500, 3))));
    assert_eq!(words(&play(events))[1..], [(3000, "Agent icu-3 was restarted")]);
}

#[test]
fn a_newer_run_ends_what_it_does_not_list() {
    let events = vec![
        (0, Status(status("r1", 99_000, 1))),
        (100, alarmed(alarm(&json!({})))),
        (500, Bed(bed("r1", 100_000, &[alarm(&json!({}))]))),
        (2000, Bed(bed("r2", 200_000, &[]))),
    ];
    assert_eq!(
        words(&play(events))[1..],
        [
            (100, "SpO2 low 78 < 80, for 12 s (signal on)"),
            (2000, "SpO2 low 78 < 80: over (the bed no longer lists it)"),
        ]
    );
}

#[test]
fn the_same_run_has_5_s_to_say_how_an_alarm_ended() {
    let start = || (0, alarmed(alarm(&json!({}))));
    let unlisted = || (1000, Bed(bed("r1", 101_000, &[])));
    let end =
        json!({"revision": 2, "phase": "end", "condition": "clear", "signal": "off", "present_ms": 1000});
    let told = play(vec![start(), unlisted(), (2000, alarmed(alarm(&end))), (6500, Answer)]);
    assert_eq!(words(&told)[1..], [(2000, "SpO2 low 78 < 80: ended after 13 s")]);
    let late_end = vec![(4000, Answer), (7000, Answer), (7500, alarmed(alarm(&end))), (7600, Answer)];
    let untold = play([start(), unlisted()].into_iter().chain(late_end).collect());
    assert_eq!(words(&untold)[1..2], [(6000, "SpO2 low 78 < 80: over (the bed no longer lists it)")]);
    assert_eq!(untold.iter().filter(|(_, it)| it.contains("SpO2")).count(), 2, "{untold:?}");
}

#[test]
fn an_older_state_of_the_bed_ends_nothing() {
    let events = vec![(0, alarmed(alarm(&json!({})))), (100, Bed(bed("r1", 99_999, &[]))), (9000, Answer)];
    assert!(!play(events).iter().any(|(_, it)| it.contains("over")));
}

#[test]
fn a_revision_is_news_once_and_a_continue_never() {
    let events = vec![
        (0, alarmed(alarm(&json!({})))),
        (1, alarmed(alarm(&json!({})))),
        (2, alarmed(alarm(&json!({"revision": 2, "phase": "continue", "present_ms": 15_000})))),
        (3, alarmed(alarm(&json!({"revision": 3, "phase": "end", "signal": "off", "condition": "clear"})))),
        (4, alarmed(alarm(&json!({"revision": 3, "phase": "end", "signal": "off", "condition": "clear"})))),
        (5, alarmed(alarm(&json!({"revision": 2, "phase": "continue"})))),
    ];
    assert_eq!(
        words(&play(events)),
        [(0, "SpO2 low 78 < 80, for 12 s (signal on)"), (3, "SpO2 low 78 < 80: ended after 12 s")]
    );
}

#[test]
fn what_is_open_at_the_start_is_found_in_the_state_of_the_bed() {
    let mut ward = Ward::new(Uptime::ZERO);
    let record = Record::Bed(Box::new(bed("r1", 100_000, &[silence(&json!({})), alarm(&json!({}))])));
    ward.handle_record(Uptime::ZERO, arrival(record));
    for _ in 0..2 {
        let change = ward.poll_change();
        assert!(matches!(change, Some(Change::Alarm { news: News::Found, late: false, .. })), "{change:?}");
    }
    let codes: Vec<_> = ward.open().iter().map(|it| it.code.clone()).collect();
    assert_eq!(codes, ["spo2_low", "no_data"], "the most urgent first");
}

#[test]
fn history_is_told_late_and_opens_nothing() {
    let now = Uptime::from_millis(1000);
    for (what, events) in [
        ("a run that is over", vec![Record::Status(Box::new(status("r1", 0, 1))), status_r2()]),
        ("long behind its agent", vec![Record::Status(Box::new(status("r1", 200_000, 1)))]),
    ] {
        let mut ward = Ward::new(Uptime::ZERO);
        for record in events {
            ward.handle_record(now, arrival(record));
        }
        while ward.poll_change().is_some() {}
        ward.handle_record(now, arrival(Record::Alarm(Box::new(alarm(&json!({}))))));
        let change = ward.poll_change();
        assert!(matches!(change, Some(Change::Alarm { late: true, .. })), "{what}: {change:?}");
        assert_eq!(ward.open().is_empty(), what == "a run that is over");
    }
    let mut ward = Ward::new(Uptime::ZERO);
    let header = Arrival { late: true, ..arrival(Record::Alarm(Box::new(alarm(&json!({}))))) };
    ward.handle_record(now, header);
    assert!(matches!(ward.poll_change(), Some(Change::Alarm { late: true, .. })));
}

fn status_r2() -> Record {
    Record::Status(Box::new(status("r2", 0, 1)))
}
