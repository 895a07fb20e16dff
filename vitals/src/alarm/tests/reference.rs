//! What an independent implementation of `docs/alarms.md` found here: each with the smallest script that shows it.

use core::time::Duration;

use super::script::{check, check_policies, check_policy, policy, rule};
use crate::alarm::event::{Direction, Priority};
use crate::alarm::policy::{AlarmPolicy, ApneaRule};
use crate::vital::Vital;

fn with_spo2(delay: u64, latch: bool, clear: u64) -> AlarmPolicy {
    let mut policy = policy();
    let mut spo2 = rule((90, delay, Priority::Medium, latch), None, 0, 3);
    spo2.clear_delay = Duration::from_secs(clear);
    policy.rules.insert((Vital::Spo2, Direction::Low), spo2);
    policy
}

#[test]
fn no_record_of_a_deadline_carries_what_came_after_it() {
    let mut policy = with_spo2(0, false, 0);
    policy.timing.gap_tolerance = Duration::ZERO;
    check_policy(
        policy,
        "spo2 80@0
         b.spo2 95@7.5
         until 8",
        "0.000 spo2_low start medium present on
         5.000 no_data start
         7.000 spo2_low update medium indeterminate on
         7.500 spo2_low end medium clear off value=95 source=b
         7.500 source_switched start",
    );
}

#[test]
fn a_reset_of_what_is_latched_takes_no_delay_away() {
    check_policy(
        with_spo2(1, true, 0),
        "spo2 85@0..1, 95@2, 85@3..
         reset 1@3.5
         until 4",
        "1.000 spo2_low start medium present on
         2.000 spo2_low update medium clear latched
         3.500 spo2_low reset medium clear off
         4.000 spo2_low start medium present on onset=3.000",
    );
}

#[test]
fn what_became_present_while_nobody_listened_and_then_void_is_indeterminate() {
    check(
        "spo2 88@0..13
         kill@13..60
         until 60",
        "60.000 spo2_low start medium indeterminate on onset=0.000 decided=15.000 absent=stale",
    );
}

#[test]
fn what_is_worst_is_of_this_alarm() {
    check(
        "spo2 97@0..4, under_range@5..
         until 10",
        "10.000 spo2_low start high present on !worst !value absent=under_range",
    );
}

#[test]
fn an_alarm_that_changes_as_it_reminds_is_told_once() {
    let mut policy = policy();
    policy.timing.reminder = Duration::from_secs(14);
    check_policy(
        policy,
        "spo2 88@0..19, searching@20..31
         ack@16
         until 31",
        "15.000 spo2_low start medium present on
         16.000 spo2_low update medium present acknowledged
         30.000 spo2_low update medium indeterminate acknowledged reminder=yes",
    );
}

#[test]
fn what_a_restart_made_indeterminate_waits_for_a_word_that_is_new() {
    // The oximeter says nothing new; the thermometer does.
    check(
        "spo2 sensor_off@0..12
         temperature 37@14..16
         kill@12..13
         until 17",
        "10.000 sensor_off start low present on
         13.000 sensor_off continue low indeterminate on restarted=yes",
    );
    // The pulse's old value is looked at again as the heart rate goes, and is no word of now.
    check(
        "pulse_rate 40@0..26, over_range@29
         heart_rate 70@0..4, invalid@5..26, invalid@28
         kill@26..27
         until 29",
        "25.000 pulse_rate_low start medium present on
         27.000 pulse_rate_low continue medium indeterminate on restarted=yes",
    );
}

#[test]
fn a_sensor_that_never_left_its_trouble_has_waited_long_enough() {
    check(
        "spo2 searching@0..30, sensor_off@31..34, searching@35..
         until 35",
        "30.000 no_value start low present on onset=0.000
         31.000 sensor_off start low present on onset=0.000
         34.000 no_value end low clear off
         35.000 no_value start low present on onset=0.000 decided=35.000",
    );
}

#[test]
fn a_port_that_is_gone_excuses_what_was_no_longer_named() {
    check(
        "spo2 97@0..4
         temperature 37@0..20
         gone@20
         until 40",
        "20.000 port_gone start medium present on
         35.000 port_gone continue",
    );
}

#[test]
fn what_was_acknowledged_gets_worse_while_its_limit_is_off() {
    check(
        "spo2 78@0..19, 74@20..
         alarm_off spo2_low 60@0
         ack@10
         until 25",
        "0.000 alarms_inactive start low present on
         5.000 spo2_low start high present on level=extreme
         10.000 spo2_low update high present acknowledged
         15.000 alarms_inactive continue
         25.000 spo2_low update high present on reason=worse",
    );
}

#[test]
fn what_was_latched_and_became_present_while_nobody_listened_tells_its_new_onset() {
    check(
        "spo2 78@0..7, 93@8..14, 78@15
         kill@16..60
         until 60",
        "5.000 spo2_low start high present on onset=0.000 decided=5.000
         13.000 spo2_low update high clear latched
         60.000 spo2_low update high indeterminate on onset=15.000 decided=20.000 restarted=yes",
    );
}

#[test]
fn what_is_reset_while_its_sensor_is_in_trouble_has_its_delay_from_then_on() {
    // Known before the restart, and said again only 2 s after the reset.
    check(
        "etco2 searching@0..31, searching@35..
         kill@31..32
         reset@33
         until 63",
        "30.000 no_value start low present on
         32.000 no_value continue low indeterminate on restarted=yes
         33.000 no_value reset low clear off
         63.000 no_value start low present on onset=33.000 decided=63.000",
    );
}

#[test]
fn what_ends_with_its_rule_over_a_restart_is_covered_by_nothing() {
    let mut without = policy();
    without.rules.remove(&(Vital::Spo2, Direction::Low));
    check_policies(
        &[policy(), without],
        "spo2 88@0..19
         audio_paused 60@16
         next 1@19
         kill@20..21
         until 21",
        "15.000 spo2_low start medium present on
         16.000 spo2_low update medium present on by=audio_paused until=76.000
         21.000 spo2_low reset medium clear off reason=rule_removed restarted=yes !by !until",
    );
}

#[test]
fn what_ends_with_its_rule_over_a_restart_is_told_as_it_is_after_the_step() {
    let mut without = policy();
    without.rules.remove(&(Vital::Spo2, Direction::Low));
    check_policies(
        &[policy(), without],
        "spo2 88@0..19
         next 1@19
         kill@20..24
         until 24",
        "15.000 spo2_low start medium present on
         24.000 spo2_low reset medium clear off reason=rule_removed restarted=yes absent=stale !value",
    );
}

#[test]
fn a_rule_that_comes_with_a_restart_falls_back_for_nothing_that_has_a_value() {
    // The heart rate is in force until 63.000; its source, that is slow, says nothing more.
    let pulse = (Vital::PulseRate, Direction::Low);
    let mut without = policy();
    without.rules.remove(&pulse);
    check_policies(
        &[without, policy()],
        "period 20
         heart_rate 70@0
         b.pulse_rate 40@21, 40@24, 40@27, 40@30, 40@33, 40@36, 40@39
         policy 0@0
         next 1@20
         kill@20..21
         until 42",
        "",
    );
}

#[test]
fn whether_a_source_is_announced_the_configuration_of_now_says() {
    // Known by its first word; then announced; then neither.
    check(
        "spo2 97@0..16
         b.temperature 37@0..8
         announce b@4
         kill@5..6
         remove b@9
         kill@14..15
         until 16",
        "13.000 no_data start medium present on source=b
         15.000 no_data reset medium clear off source=b reason=source_removed restarted=yes",
    );
}

#[test]
fn what_is_on_again_clears_by_its_own_time() {
    // The limit, on again at 20.000 with a value that is in, clears at 25.000; the extreme, whose time the stall moves by
    // 47 s, at 62.000, and then all is clear.
    check(
        "spo2 78@0..9, 95@10..12
         alarm_off spo2_low 20@0
         stall@13..60
         until 62",
        "0.000 alarms_inactive start
         5.000 spo2_low start high present on
         20.000 alarms_inactive end
         62.000 spo2_low update high clear latched",
    );
}

/// E29: over a restart the next value is judged by the new limit; what another source said, and is too old by now, is none.
#[test]
fn the_age_of_another_sources_value_is_no_word_for_a_rule_that_came_with_a_restart() {
    let mut without = policy();
    without.rules.remove(&(Vital::Spo2, Direction::Low));
    check_policies(
        &[without, policy()],
        "period 20
         spo2 88@0
         b.spo2 97@18
         policy 0@0
         next 1@19
         kill@20..26
         until 43",
        "29.000 no_data start medium present on source=b",
    );
}

#[test]
fn a_rule_that_is_no_longer_the_first_loses_the_device_s_word() {
    let of = |vitals: &[Vital]| {
        let rule = ApneaRule { time: Duration::from_secs(20), fallback_for: None };
        AlarmPolicy { apnea: vitals.iter().map(|it| (*it, rule.clone())).collect(), ..policy() }
    };
    // The device says it to the end: of the rule that is the first then.
    check_policies(
        &[of(&[Vital::RespRateImpedance]), of(&[Vital::RespRate, Vital::RespRateImpedance])],
        "resp_rate_impedance 12@0..
         flag apnea on@3
         policy 1@6
         reset 1@7
         until 8",
        "3.000 apnea start high present on
         6.000 apnea start high present on
         6.000 apnea update high clear latched
         7.000 apnea reset high clear off",
    );
}
