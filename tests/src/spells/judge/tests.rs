//! The judge on a spell of its own making: right as it should be, and the control: each thing that a lost memory does.

use serde_json::json;

use super::*;

const RULE: Rule = Rule { delay_ms: 2500, clear_ms: 1000 };

/// Well to 10 s, low to 15 s, well to 20 s; a message every quarter of a second, taken 5 ms later.
fn told() -> Vec<Told> {
    (0..80).map(|seq| Told { seq, low: (40..60).contains(&seq), at_ms: seq * 250 }).collect()
}

/// All but those of `lost` were taken as of now.
fn taken(lost: std::ops::Range<u64>) -> BTreeMap<u64, u64> {
    (0..80).filter(|seq| !lost.contains(seq)).map(|seq| (seq, seq * 250 + 5)).collect()
}

fn record(id: &str, phase: &str, revision: u64, up_ms: u64, onset_ms: u64) -> Record {
    let time = |ms: u64| {
        vitals::time::Timestamp::from_micros(i64::try_from(ms * 1000).unwrap() + 777).unwrap().to_string()
    };
    let body = json!({"id": id, "phase": phase, "revision": revision, "up_ms": up_ms, "generation_delay_ms": 3,
        "condition_delay_ms": 2500, "signalled_at": time(up_ms + 3), "onset_at": time(onset_ms)});
    Record { key: String::new(), headers: BTreeMap::new(), body, bytes: 0, at_ms: 0 }
}

fn story(id: &str, onset_ms: u64, end_ms: u64) -> [Record; 2] {
    [record(id, "start", 1, onset_ms + 2500, onset_ms), record(id, "end", 2, end_ms, onset_ms)]
}

fn judged(lost: std::ops::Range<u64>, alarms: &[Record], downs: &[Down]) -> Findings {
    judge(&told(), &taken(lost), alarms, downs, RULE).unwrap()
}

fn down(from_ms: u64, back_ms: u64) -> Down {
    Down { from_ms, gone_ms: from_ms + 10, back_ms }
}

#[test]
fn an_alarm_is_expected_to_the_millisecond() {
    let right = Findings { expected: 1, right: 1, ..Findings::default() };
    assert_eq!(judged(0..0, &story("a", 10_005, 16_005), &[]), right);
    for wrong in [story("a", 10_006, 16_005), story("a", 10_005, 16_006), story("a", 10_005, 16_004)] {
        assert_ne!(judged(0..0, &wrong, &[]).faults, Vec::<String>::new(), "{wrong:?}");
    }
    // The same record twice is one.
    let [start, end] = story("a", 10_005, 16_005);
    assert_eq!(judged(0..0, &[start.clone(), start, end.clone(), end], &[]), right);
}

#[test]
fn what_came_while_it_was_away_is_missed_and_no_more() {
    // Killed at 9.9 s, back at 11.1 s: 10 to 11 s are history.
    let killed = [down(9_900, 11_100)];
    let right = Findings { expected: 1, right: 1, ..Findings::default() };
    assert_eq!(judged(40..45, &story("a", 11_255, 16_005), &killed), right);
    assert_ne!(judged(40..45, &story("a", 11_505, 16_005), &killed).faults, Vec::<String>::new());
    // Killed 1.4 s into the spell: a delay that began anew is a fault.
    let killed = [down(11_400, 11_700)];
    assert_eq!(judged(46..47, &story("a", 10_005, 16_005), &killed), right);
    assert_ne!(judged(46..47, &story("a", 11_755, 16_005), &killed).faults, Vec::<String>::new());
    // 200 ms into it, its first message may be forgotten.
    let killed = [down(10_200, 11_100)];
    assert_eq!(judged(41..45, &story("a", 11_255, 16_005), &killed), right);
    assert_eq!(judged(41..45, &story("a", 10_005, 16_005), &killed), right);
}

#[test]
fn what_a_lost_memory_does_is_seen() {
    let killed = [down(13_500, 14_000)];
    let mut forgotten = vec![record("a", "start", 1, 12_505, 10_005)];
    forgotten.extend(story("b", 14_005, 16_005));
    let faults = judged(54..56, &forgotten, &killed).faults;
    assert_eq!(
        faults.len(),
        3,
        "one never ended, none of the spell did, another is of no spell: {faults:#?}"
    );
    assert_eq!(judged(54..56, &[], &killed).faults.len(), 1);
    let twice = [story("a", 10_005, 16_005), story("b", 10_005, 16_005)].concat();
    assert_eq!(judged(54..56, &twice, &killed).faults.len(), 1);
    let reset = [story("a", 10_005, 16_005).to_vec(), vec![record("a", "reset", 3, 16_100, 10_005)]].concat();
    assert_eq!(judged(54..56, &reset, &killed).faults.len(), 1);
}

#[test]
fn what_was_told_at_the_very_kill_may_be_told_anew() {
    let killed = [down(12_550, 12_900)];
    let mut alarms = vec![record("a", "start", 1, 12_505, 10_005)];
    alarms.extend(story("b", 10_005, 16_005));
    let findings = judged(51..52, &alarms, &killed);
    assert_eq!(findings, Findings { expected: 1, right: 1, told_anew: 1, ..Findings::default() });
    // Long before it, not.
    let findings = judged(52..53, &alarms, &[down(12_800, 13_000)]);
    assert_eq!(findings.faults.len(), 1, "{findings:?}");
}
