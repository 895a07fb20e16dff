//! The lines a nurse reads, word for word.

use std::time::Duration;

use super::*;
use crate::example::{alarm, silence};
use crate::ward::News;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use vitals::record::alarm::AlarmRecord;

fn wording() -> Wording {
    Wording { zone: TimeZone::UTC, colour: false, simulated: false }
}

fn line(record: AlarmRecord, news: News, late: bool) -> String {
    let at = "2026-11-23T14:02:07Z".parse().unwrap();
    wording().line(at, &Change::Alarm { record: Box::new(record), news, late })
}

#[test]
fn alarms_are_read_out() {
    let lines: [(Value, &str); 13] = [
        (json!({}), "14:02:07  !!! Bed 7    SpO2 low 78 < 80, for 12 s (signal on)"),
        (
            json!({"test": true, "code": "test", "text": "TEST by anna: nothing is wrong here", "condition_delay_ms": 0}),
            "14:02:07  !!! TEST Bed 7    TEST by anna: nothing is wrong here, for 0 s (signal on)",
        ),
        (
            json!({"phase": "escalate"}),
            "14:02:07  !!! Bed 7    SpO2 low 78 < 80, for 12 s (now high priority; signal on)",
        ),
        (
            json!({"phase": "de_escalate", "priority": "medium", "present_ms": 188_000}),
            "14:02:07  !!  Bed 7    SpO2 low 78 < 80, for 3 min 20 s (down to medium priority; signal on)",
        ),
        (
            json!({"phase": "update", "signal": "acknowledged", "acknowledged_by": "ward-board",
                   "acknowledged_at": "2026-11-23T14:02:06Z"}),
            "14:02:07  !!! Bed 7    SpO2 low 78 < 80, for 12 s (acknowledged by ward-board at 14:02:06)",
        ),
        (
            json!({"phase": "update", "condition": "clear", "signal": "latched", "text": "SpO2 low (limit 80), now 95"}),
            "14:02:07  !!! Bed 7    SpO2 low (limit 80), now 95, for 12 s (the value is back within its limits; \
             signal latched until somebody resets it)",
        ),
        (
            json!({"phase": "update", "condition": "indeterminate",
                   "text": "SpO2 low (limit 80), no value now: sensor_off"}),
            "14:02:07  !!! Bed 7    SpO2 low (limit 80), no value now: sensor_off, for 12 s (no value: nobody \
             can tell whether it goes on; signal on)",
        ),
        (
            json!({"phase": "update", "inactivation": "audio_paused", "until": "2026-11-23T14:04:00Z"}),
            "14:02:07  !!! Bed 7    SpO2 low 78 < 80, for 12 s (signal on; audio paused until 14:04:00)",
        ),
        (
            json!({"phase": "update", "escalation_level": 1, "present_ms": 20_000}),
            "14:02:07  !!! Bed 7    SpO2 low 78 < 80, for 32 s (nobody has acknowledged it; signal on)",
        ),
        (
            json!({"phase": "end", "condition": "clear", "signal": "off", "present_ms": 28_000}),
            "14:02:07  !!! Bed 7    SpO2 low 78 < 80: ended after 40 s",
        ),
        (
            json!({"phase": "reset", "condition": "clear", "signal": "off", "reason": "discharge"}),
            "14:02:07  !!! Bed 7    SpO2 low 78 < 80: reset after 12 s (discharge)",
        ),
        (
            json!({"mode": "simulated", "bed_label": null}),
            "14:02:07  !!! SIMULATED icu-3-07 SpO2 low 78 < 80, for 12 s (signal on)",
        ),
        (
            json!({"mode": "replay", "priority": "low"}),
            "14:02:07  !   REPLAY Bed 7    SpO2 low 78 < 80, for 12 s (signal on)",
        ),
    ];
    for (changes, expected) in lines {
        assert_eq!(line(alarm(&changes), News::Told, false), expected);
    }
}

#[test]
fn a_silence_is_told_by_its_beginning_unless_the_clock_was_never_set() {
    assert_eq!(
        line(silence(&json!({})), News::Told, false),
        "14:02:07  !!  Bed 7    No data since 14:01:55 (signal on)"
    );
    assert_eq!(
        line(silence(&json!({"clock": "unsynced"})), News::Told, false),
        "14:02:07  !!  Bed 7    No data, for 12 s (signal on)"
    );
}

#[test]
fn what_comes_late_says_when_it_was() {
    let old = json!({"signalled_at": "2026-11-23T13:40:12Z"});
    assert_eq!(
        line(alarm(&old), News::Told, true),
        "14:02:07  !!! Bed 7    SpO2 low 78 < 80, for 12 s (signal on) \u{2014} late, from 13:40:12"
    );
    let doubtful = json!({"signalled_at": "1970-01-01T00:00:12Z", "clock": "unsynced"});
    assert!(
        line(alarm(&doubtful), News::Told, true)
            .ends_with("\u{2014} late, from 00:00:12 by a clock that was never set")
    );
}

#[test]
fn losses_of_us_are_marked_like_the_worst_that_they_may_hide() {
    let at = "2026-11-23T14:02:07Z".parse().unwrap();
    let agent = |news| Change::Agent { agent: "icu-3".into(), news };
    let five = Duration::from_secs(5);
    for (change, expected) in [
        (agent(AgentNews::Lost(five)), "14:02:07  !!! AGENT LOST icu-3: no heartbeat for 5 s"),
        (agent(AgentNews::Stuck(five)), "14:02:07  !!! AGENT STUCK icu-3: it has decided nothing for 5 s"),
        (agent(AgentNews::Back), "14:02:07      Agent icu-3 back"),
        (
            Change::Kafka(KafkaNews::Lost(five)),
            "14:02:07  !!! STATION\u{2013}KAFKA LOST: nothing heard for 5 s. Alarms cannot be shown here: \
             watch the bedside monitors",
        ),
        (Change::Kafka(KafkaNews::Back), "14:02:07      Station\u{2013}Kafka back"),
    ] {
        assert_eq!(wording().line(at, &change), expected);
        let simulated = Wording { simulated: true, ..wording() };
        assert!(simulated.line(at, &change).contains("SIMULATED "));
    }
}

#[test]
fn a_label_cannot_play_with_the_terminal() {
    let line = line(alarm(&json!({"bed_label": "Bed\u{1b}[2J\n7\u{202e}"})), News::Told, false);
    assert!(line.contains("Bed\u{fffd}[2J\u{fffd}7\u{fffd}"), "{line:?}");
}

#[test]
fn colour_never_carries_a_meaning_alone() {
    let at = "2026-11-23T14:02:07Z".parse().unwrap();
    let coloured = Wording { colour: true, ..wording() };
    let change = Change::Alarm { record: Box::new(alarm(&json!({}))), news: News::Told, late: false };
    let line = coloured.line(at, &change);
    assert_eq!(line, format!("\u{1b}[1;31m{}\u{1b}[0m", wording().line(at, &change)));
}

#[test]
fn durations_are_said_as_people_say_them() {
    for (seconds, expected) in
        [(0, "0 s"), (59, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (3600, "1 h"), (7530, "2 h 5 min")]
    {
        assert_eq!(duration(Duration::from_secs(seconds)), expected);
    }
}
