//! Several sources of one bed (E33). `b.spo2` is what source `b` says; `prefer spo2 monitor b` says who is believed.

use core::time::Duration;

use super::script::{check, check_policy, policy, rule};
use crate::alarm::event::{Direction, Priority};
use crate::alarm::policy::LimitRule;
use crate::vital::Vital;

#[test]
fn e33_a_switch_of_sources_is_said_for_a_minute() {
    check(
        "prefer spo2 monitor b
         spo2 97@0..9, searching@10..
         b.spo2 96@1..
         until 81",
        "20.000 source_switched start low present on cause=spo2 source=b
         35.000 source_switched continue
         40.000 no_value start low
         50.000 source_switched continue
         55.000 no_value continue
         65.000 source_switched continue
         70.000 no_value continue
         80.000 source_switched end low clear off",
    );
}

#[test]
fn e33_what_two_sources_say_may_differ_a_little_and_not_for_long() {
    check(
        "spo2 97@0..
         b.spo2 92@0..9, 91@10..50, 97@51..
         until 60",
        "40.000 sources_disagree start low present on onset=10.000 cause=spo2 source=b
         54.000 sources_disagree end low clear off",
    );
}

/// What was pending when the other vital came back does not go on when it goes again, however long G is.
#[test]
fn e33_a_shut_gate_drops_what_is_pending() {
    let mut policy = policy();
    policy.timing.gap_tolerance = Duration::from_secs(20);
    check_policy(
        policy,
        "pulse_rate 45@0..
         heart_rate 80@15, searching@16..
         until 40",
        "36.000 pulse_rate_low start medium present on onset=26.000 delay=10000",
    );
}

/// Two vitals that fall back for a third: neither becomes present behind a shut gate before its own next word.
#[test]
fn e33_a_gate_shuts_for_all_that_fall_back_for_a_vital() {
    let mut policy = policy();
    let breath = rule((8, 10, Priority::Medium, false), None, 1, 2);
    let breath = LimitRule { fallback_for: Some(Vital::HeartRate), ..breath };
    policy.rules.insert((Vital::RespRate, Direction::Low), breath);
    check_policy(
        policy,
        "period 60
         pulse_rate 45@12
         resp_rate 5@12
         heart_rate 80@15
         until 60",
        "",
    );
}

/// The other vital that is back at the very moment at which the gate would open keeps it shut: words that come in a step
/// count after its timers (E3), and what the gate let in for that moment is dropped.
#[test]
fn e33_a_value_at_the_moment_of_opening_shuts() {
    check(
        "pulse_rate 45@0..
         heart_rate 80@10..
         until 40",
        "",
    );
}
