//! What the agent says of itself, second by second: delays, ends, restarts, and that what comes and goes is one alarm.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::*;
use crate::alarm::event::{Condition, Kind, Priority, Signal};

fn at(seconds: u64) -> Uptime {
    Uptime::from_millis(seconds * 1000)
}

/// An agent's alarms with what they have said.
struct Rig {
    alarms: AgentAlarms,
    ids: AlarmIds,
    said: Vec<AlarmEvent>,
}

impl Rig {
    fn new() -> Self {
        Self::of(AgentAlarms::new(Mode::Live, at(0)), "run-1")
    }

    fn of(alarms: AgentAlarms, run: &str) -> Self {
        Self { alarms, ids: AlarmIds::new(run.into()), said: Vec::new() }
    }

    fn report(&mut self, now: u64, trouble: AgentTrouble, report: Report) {
        self.alarms.handle_report(at(now), trouble, report, Some("why"), &mut self.ids);
        self.said.extend(core::iter::from_fn(|| self.alarms.poll_event()));
    }

    fn pass(&mut self, now: u64) {
        self.alarms.handle_timeout(at(now), &mut self.ids);
        self.said.extend(core::iter::from_fn(|| self.alarms.poll_event()));
    }

    /// What was said since the last time: second, code, phase.
    fn said(&mut self) -> Vec<String> {
        let line = |it: AlarmEvent| format!("{} {} {:?}", it.at.as_millis() / 1000, it.code, it.phase);
        core::mem::take(&mut self.said).into_iter().map(line).collect()
    }
}

#[test]
fn a_trouble_is_an_alarm_after_its_delay_goes_on_and_ends_when_it_has_been_well_for_long_enough() {
    let mut rig = Rig::new();
    let down = AgentTrouble::ForwardingDown;
    rig.report(10, down, Report::Since(at(8)));
    rig.report(22, down, Report::Since(at(8)));
    assert!(rig.said().is_empty());
    rig.pass(60);
    assert_eq!(
        rig.said(),
        [
            "23 forwarding_down Start",
            "38 forwarding_down Continue",
            "43 forwarding_down Update",
            "58 forwarding_down Continue"
        ],
        "nobody attends to it (E23a)"
    );
    rig.report(61, down, Report::Well);
    rig.report(63, down, Report::Since(at(63)));
    rig.report(64, down, Report::Well);
    rig.pass(100);
    assert_eq!(rig.said(), ["69 forwarding_down End"]);
    assert_eq!(rig.alarms.poll_timeout(), None, "nothing is left to do");
    rig.report(200, down, Report::Since(at(100)));
    assert_eq!(rig.said.pop().unwrap().id.number, 2, "numbers have no holes");
}

#[test]
fn its_record_says_what_and_why_and_never_latches() {
    let mut rig = Rig::new();
    rig.report(100, AgentTrouble::StoreFailed, Report::Since(at(90)));
    let event = rig.said.pop().unwrap();
    assert_eq!((event.kind, event.priority, event.latching), (Kind::Technical, Priority::High, false));
    assert_eq!((event.onset_at, event.decided_at, event.condition_delay.as_secs()), (at(90), at(100), 10));
    assert_eq!(event.cause.as_deref(), Some("why"));
    assert_eq!(event.text.as_deref(), Some(AgentTrouble::StoreFailed.text()));
    rig.report(110, AgentTrouble::StoreFailed, Report::Well);
    rig.pass(200);
    let event = rig.said.last().unwrap();
    assert_eq!((event.phase, event.signal, event.condition), (Phase::End, Signal::Off, Condition::Clear));
}

#[test]
fn what_comes_and_goes_is_one_alarm() {
    let mut rig = Rig::new();
    // A machine that stands still again and again.
    for minute in 0..60 {
        rig.report(minute * 50, AgentTrouble::BedsideStalled, Report::Since(at(minute * 50)));
        rig.report(minute * 50 + 1, AgentTrouble::BedsideStalled, Report::Well);
    }
    rig.pass(10_000);
    let said = rig.said();
    assert_eq!(said.iter().filter(|it| !it.ends_with("Continue")).count(), 2, "{said:?}");
    assert_eq!(said.last().unwrap(), "3011 bedside_stalled End");
}

#[test]
fn between_its_two_limits_a_buffer_stays_what_it_was() {
    let mut rig = Rig::new();
    let full = |bytes, now| buffer_report(bytes, 1000, at(now));
    assert_eq!(
        [full(750, 1), full(749, 1), full(809, 1), full(810, 1)],
        [Report::Between, Report::Well, Report::Between, Report::Since(at(1))]
    );
    assert_eq!(buffer_report(u64::MAX, 0, at(1)), Report::Since(at(1)), "no bound is full at once");
    let filling = AgentTrouble::BufferFilling;
    rig.report(0, filling, full(800, 0));
    rig.report(10, filling, full(850, 10));
    rig.report(20, filling, full(800, 20));
    rig.report(100, filling, full(790, 100));
    let said = rig.said();
    assert!(said.first().unwrap() == "15 buffer_filling Start" && !said.iter().any(|it| it.ends_with("End")));
    rig.report(110, filling, full(700, 110));
    rig.pass(139);
    assert!(!rig.said().iter().any(|it| it.ends_with("End")), "30 s of room are wanted");
    rig.pass(140);
    assert_eq!(rig.said(), ["140 buffer_filling End"]);
}

#[test]
fn what_waits_for_a_moment_is_no_trouble_and_later_is_one_from_its_beginning() {
    assert_eq!(waiting_report(None, at(9)), Report::Well);
    assert_eq!(waiting_report(Some(at(5)), Uptime::from_millis(9_999)), Report::Well);
    assert_eq!(waiting_report(Some(at(5)), at(10)), Report::Since(at(5)));
}

#[test]
fn over_a_restart_an_alarm_goes_on_until_something_is_known() {
    for (boot, now) in [(Boot::Same, 30), (Boot::Other, 3)] {
        let mut before = Rig::new();
        before.report(20, AgentTrouble::DuplicateAgent, Report::Since(at(20)));
        before.report(20, AgentTrouble::ForwardingDown, Report::Since(at(20)));
        let id = before.said.first().unwrap().id.clone();
        let kept = before.alarms.snapshot(at(21));
        let mut rig = Rig::of(AgentAlarms::restore(Mode::Live, &kept, boot, at(now)), "run-2");
        rig.report(now, AgentTrouble::DuplicateAgent, Report::Unknown);
        let first = rig.said.first().unwrap();
        assert!(
            first.restarted && first.id == id && first.condition == Condition::Indeterminate,
            "{first:?}"
        );
        assert_eq!(rig.said(), [format!("{now} duplicate_agent Continue")], "what was pending is not kept");
        rig.report(now + 2, AgentTrouble::DuplicateAgent, Report::Since(at(now + 2)));
        assert_eq!(rig.said(), [format!("{} duplicate_agent Update", now + 2)], "it is there again");
        rig.report(now + 4, AgentTrouble::DuplicateAgent, Report::Well);
        rig.pass(now + 60);
        assert_eq!(rig.said(), [format!("{} duplicate_agent End", now + 4)]);
    }
}

#[test]
fn a_time_in_which_nobody_looked_counts_for_no_delay() {
    let mut rig = Rig::new();
    rig.report(10, AgentTrouble::StoreStalled, Report::Since(at(10)));
    rig.alarms.handle_stall(at(11), at(31));
    rig.pass(39);
    assert!(rig.said().is_empty());
    rig.pass(40);
    assert_eq!(rig.said(), ["40 store_stalled Start"]);
}

#[test]
fn alarms_of_one_moment_are_told_in_the_order_of_the_table() {
    let mut rig = Rig::new();
    for trouble in AgentTrouble::ALL.into_iter().rev() {
        rig.report(0, trouble, Report::Since(at(0)));
    }
    rig.said.clear();
    rig.pass(15);
    let order = vec![
        "2 annunciator_failed Start",
        "5 buffer_filling Start",
        "10 not_received Start",
        "10 store_stalled Start",
        "15 forwarding_down Start",
        "15 store_failed Continue",
        "15 bedside_stalled Continue",
        "15 duplicate_agent Continue",
        "15 kafka_cluster_changed Continue",
        "15 record_refused Continue",
        "15 test_alarm_failed Continue",
        "15 store_set_aside Continue",
    ];
    assert_eq!(rig.said(), order);
}
