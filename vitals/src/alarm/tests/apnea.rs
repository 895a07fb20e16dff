//! Apnea (E32).

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::script::{check_policies, check_policy, policy};
use crate::alarm::policy::{AlarmPolicy, ApneaRule};
use crate::vital::Vital;

fn watched() -> AlarmPolicy {
    let rule = |fallback_for| ApneaRule { time: Duration::from_secs(20), fallback_for };
    let apnea = BTreeMap::from([
        (Vital::RespRate, rule(None)),
        (Vital::RespRateImpedance, rule(Some(Vital::RespRate))),
    ]);
    AlarmPolicy { apnea, ..policy() }
}

#[test]
fn e32_no_breath_for_twenty_seconds_since_the_last_is_an_alarm_and_latches() {
    check_policy(
        watched(),
        "resp_rate 12@0..9, 0@10..31, 12@32..
         until 33",
        "29.000 apnea start high present on onset=9.000 delay=20000 value=0
         32.000 apnea update high clear latched",
    );
    check_policy(
        watched(),
        "resp_rate 12@0..9, 0@10..28, 12@29..
         until 60",
        "29.000 apnea start high present on
         29.000 apnea update high clear latched
         44.000 apnea continue
         59.000 apnea continue",
    );
    check_policy(
        watched(),
        "resp_rate 12@0..9, 0@10..27, 12@28..
         until 60",
        "",
    );
}

#[test]
fn e32_without_a_value_the_time_stands_still_and_is_forgotten_after_g() {
    check_policy(
        watched(),
        "resp_rate 12@0..9, 0@10..14, searching@15..19, 0@20..
         until 34",
        "34.000 apnea start high present on onset=9.000 delay=25000",
    );
    check_policy(
        watched(),
        "resp_rate 12@0..9, 0@10..14, searching@15..24, 0@25..
         until 45",
        "45.000 apnea start high present on onset=25.000",
    );
}

#[test]
fn e32_the_time_runs_from_the_last_breath_whoever_looks_meanwhile() {
    check_policies(
        &[watched()],
        "period 10
         resp_rate 12@0, 0@10..
         policy 0@5
         until 20",
        "20.000 apnea start high present on onset=0.000",
    );
}

#[test]
fn e32_the_devices_own_word_is_that_of_the_rule_that_a_reload_made_the_first() {
    let mut second = watched();
    second.apnea.remove(&Vital::RespRate);
    check_policies(
        &[second, watched()],
        "spo2 97@0..9
         flag apnea on@5
         policy 1@8
         until 9",
        "5.000 apnea start high present on id=run/1
         8.000 apnea start high present on onset=8.000 id=run/2",
    );
}

#[test]
fn e26_the_devices_own_word_stands_when_the_rule_is_on_again() {
    check_policy(
        watched(),
        "spo2 97@0..
         flag apnea on@3
         physician alarm_off! apnea 10@5
         until 15",
        "3.000 apnea start high present on
         5.000 apnea reset high clear off
         5.000 alarms_inactive start
         15.000 apnea start high present on onset=15.000
         15.000 alarms_inactive end",
    );
}

#[test]
fn e35_the_devices_own_word_said_again_is_a_word() {
    // Its time unattended goes on then (E23a).
    check_policy(
        watched(),
        "spo2 97@0..4, 97@8..
         flag apnea on@3
         kill@5..7
         flag apnea on@9
         until 27",
        "3.000 apnea start high present on
         7.000 apnea continue high indeterminate on restarted=yes
         9.000 apnea update high present on
         24.000 apnea continue high present on
         27.000 apnea update high present on escalation=1",
    );
}

#[test]
fn e32_a_stall_is_no_time_without_breath_whoever_looks_meanwhile() {
    // Nobody was reading from 5.000 to 15.000 (E6).
    check_policies(
        &[watched()],
        "period 10
         resp_rate 12@0, 0@25..
         stall@5..15
         policy 0@16
         until 30",
        "30.000 apnea start high present on onset=0.000",
    );
}

#[test]
fn e32_what_the_device_says_holds_against_its_number() {
    check_policy(
        watched(),
        "resp_rate 12@0..
         flag apnea on@5
         until 8",
        "5.000 apnea start high present on",
    );
}

#[test]
fn e32_the_devices_own_word_is_enough() {
    check_policy(
        watched(),
        "resp_rate 12@0..
         flag apnea on@5
         flag apnea off@9
         until 10",
        "5.000 apnea start high present on onset=5.000 value=12
         9.000 apnea update high clear latched",
    );
}

#[test]
fn e32_when_the_device_takes_its_word_back_and_nothing_else_is_known_it_is_indeterminate() {
    check_policy(
        watched(),
        "spo2 97@0..
         flag apnea on@5
         flag apnea off@9
         until 19",
        "5.000 apnea start high present on
         19.000 apnea update high indeterminate on",
    );
}

#[test]
fn e32_a_rate_that_falls_back_is_judged_while_the_other_has_no_value() {
    check_policy(
        watched(),
        "resp_rate_impedance 0@0..
         resp_rate 12@0..4
         until 39",
        "39.000 apnea start high present on onset=19.000
         39.000 no_value start low present on",
    );
}

#[test]
fn e26_apnea_counts_as_extreme() {
    check_policy(
        watched(),
        "resp_rate 0@0..
         alarm_paused 60@1
         physician alarm_off! apnea 10@21
         until 51",
        "1.000 alarms_inactive start cause=alarm_paused
         16.000 alarms_inactive continue
         20.000 apnea start high present on rev=1
         21.000 apnea reset high clear off
         21.000 alarms_inactive update cause=alarm_paused,_alarm_off_apnea
         31.000 alarms_inactive update cause=alarm_paused
         46.000 alarms_inactive continue
         51.000 apnea start high present on onset=31.000",
    );
}
