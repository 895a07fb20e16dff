//! What stations say that they have shown (E36, `not_received`).

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::script::{policy, run};
use crate::alarm::agent::Report;
use crate::alarm::event::{AlarmEvent, Priority};
use crate::alarm::shown::Shown;
use crate::name::Name;

/// Extreme at 5 s (high), at 13 s medium, at 25 s extreme again, acknowledged at 30 s.
const SCRIPT: &str = "spo2 78@0..7, 85@8..19, 78@20..
                      ack@30
                      until 32";

fn bed() -> Arc<Name> {
    Arc::new(Name::parse("icu-3-07").unwrap())
}

/// The reports after each event, as the second since which a receipt is missing.
fn reports(shown: &mut Shown, events: &[AlarmEvent]) -> Vec<Option<u64>> {
    let step = |event| {
        shown.handle_event(&bed(), event);
        match shown.report().0 {
            Report::Since(at) => Some(at.as_millis() / 1000),
            Report::Unknown | Report::Well | Report::Between => None,
        }
    };
    events.iter().map(step).collect()
}

#[test]
fn e36_a_high_alarm_is_missed_until_it_is_shown_attended_to_or_less() {
    let events = run(policy(), SCRIPT);
    let phases: Vec<_> = events.iter().map(|it| (it.at.as_millis() / 1000, it.phase)).collect();
    let mut shown = Shown::new(true);
    let told = reports(&mut shown, &events);
    for ((second, phase), since) in phases.iter().zip(told) {
        let expected = match second {
            5..13 => Some(5),
            25..30 => Some(25),
            _ => None,
        };
        assert_eq!(since, expected, "{phase:?} at {second} s");
    }
}

#[test]
fn e36_a_receipt_counts_for_what_it_has_shown() {
    let events = run(policy(), "spo2 88@0..19, 78@20..\nuntil 26");
    let mut shown = Shown::new(false);
    assert_eq!(shown.report(), (Report::Unknown, None));
    for event in &events {
        shown.handle_event(&bed(), event);
    }
    let high = events.iter().find(|it| it.priority == Priority::High).unwrap();
    assert_eq!(shown.report().0, Report::Unknown, "nobody knows of a station");
    shown.handle_receipt(&high.id, high.revision - 1);
    assert_eq!(shown.report(), (Report::Since(high.at), Some(&*bed())), "it was shown before it was high");
    shown.handle_receipt(&high.id, high.revision + 1);
    assert_eq!(shown.report(), (Report::Well, None));
}
