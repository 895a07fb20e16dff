//! What is asked for what a screen shows.

use serde_json::json;
use vitals::alarm::event::Priority;
use vitals::time::Uptime;

use super::*;
use crate::example;

fn actor() -> Actor {
    Actor { by: "anna".into(), role: Role::Nurse, reason: None, workstation: "desk-1".into() }
}

/// Bed 7 with an SpO2 alarm that is on, one that somebody has acknowledged, a silent source, and a test.
fn screen() -> BedRecord {
    let spo2 = example::alarm(&json!({}));
    let pulse = json!({"id": "icu-3/r1/3", "code": "pulse_rate_high", "signal": "acknowledged"});
    let test = example::silence(&json!({"id": "icu-3/r1/4", "code": "test", "test": true}));
    example::bed("r1", 93_000, &[spo2, example::alarm(&pulse), example::silence(&json!({})), test])
}

fn ask(deed: &Deed) -> Result<Vec<ActionRecord>, ActError> {
    records(deed, &actor(), &screen(), "a", Timestamp::EPOCH)
}

#[test]
fn acknowledging_a_bed_acknowledges_each_alarm_that_is_on_as_it_was_shown() {
    let asked = ask(&Deed::Acknowledge(None)).unwrap();
    let told: Vec<_> =
        asked.iter().map(|it| (it.id.as_str(), it.alarm.as_deref(), it.seen_priority)).collect();
    let (high, medium) = (Some(Priority::High), Some(Priority::Medium));
    assert_eq!(told, [("a-0", Some("icu-3/r1/1"), high), ("a-1", Some("icu-3/r1/2"), medium)]);
    for it in &asked {
        let screen = (it.bed.as_str(), it.seen_run.as_deref(), it.seen_up_ms.map(Uptime::as_millis));
        assert_eq!(screen, ("icu-3-07", Some("r1"), Some(93_000)), "how new the screen was");
        assert_eq!((it.actor.as_str(), it.role), ("anna", Role::Nurse));
    }
}

#[test]
fn an_alarm_is_named_by_its_code_or_its_id() {
    for name in ["no_data", "icu-3/r1/2"] {
        let asked = ask(&Deed::Acknowledge(Some(name.into()))).unwrap();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked.first().unwrap().alarm.as_deref(), Some("icu-3/r1/2"));
        let asked = ask(&Deed::Reset(Some(name.into()))).unwrap();
        assert_eq!(asked.first().unwrap().alarm.as_deref(), Some("icu-3/r1/2"));
    }
    assert_eq!(ask(&Deed::Reset(None)).unwrap().first().unwrap().alarm, None);
}

#[test]
fn what_is_not_on_the_screen_is_not_asked_for() {
    let error = ask(&Deed::Acknowledge(Some("apnea".into()))).unwrap_err().to_string();
    assert_eq!(error, "icu-3-07 has no open alarm apnea; open: spo2_low, pulse_rate_high, no_data");
    let quiet = example::bed("r1", 1, &[]);
    let error = records(&Deed::Acknowledge(None), &actor(), &quiet, "a", Timestamp::EPOCH).unwrap_err();
    assert_eq!(error.to_string(), "icu-3-07 has no alarm that is on");
}

#[test]
fn a_rule_that_is_switched_off_is_named_with_its_time() {
    let rule = "spo2_low".to_owned();
    let deed = Deed::AlarmOff { rule, duration: Duration::from_secs(60), include_extreme: true };
    let asked = ask(&deed).unwrap();
    let asked = asked.first().unwrap();
    assert_eq!(
        (asked.rule.as_deref(), asked.duration_ms, asked.include_extreme),
        (Some("spo2_low"), Some(60_000), true)
    );
}
