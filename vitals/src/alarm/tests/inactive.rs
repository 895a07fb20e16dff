//! Pauses, offs, and what nobody attends to (E22, E23a, E24, E25, E26).

use core::fmt::Write as _;

use alloc::string::String;

use super::script::{check, check_answers, check_policy, policy};
use crate::alarm::event::Direction;
use crate::vital::Vital;

#[test]
fn row_15_an_audio_pause_covers_the_alarms_of_now_alone() {
    let mut expected = String::from(
        "15.000 spo2_low start medium present on
         20.000 spo2_low update medium present on by=audio_paused until=140.000
         35.000 spo2_low continue by=audio_paused
         50.000 heart_rate_low start high present on !by
         50.000 spo2_low continue
         65.000 heart_rate_low continue
         65.000 spo2_low continue
         70.000 heart_rate_low update high present on escalation=1\n",
    );
    for (at, code) in [
        (80, "spo2_low"),
        (85, "heart_rate_low"),
        (95, "spo2_low"),
        (100, "heart_rate_low"),
        (110, "heart_rate_low update escalation=2"),
        (110, "spo2_low"),
        (125, "heart_rate_low"),
        (125, "spo2_low continue by=audio_paused"),
        (140, "heart_rate_low"),
        (140, "spo2_low update rev=3 !by !until"),
    ] {
        writeln!(expected, "{at}.000 {code}").unwrap();
    }
    check(
        "spo2 88@0..
         heart_rate 70@0..46, 30@47..
         audio_paused 120@20
         until 140",
        &expected,
    );
}

#[test]
fn row_16_a_rule_that_is_off_leaves_its_extreme_on() {
    check(
        "spo2 88@0..29, 78@30..
         alarm_off spo2_low 3600@20
         until 36",
        "15.000 spo2_low start medium present on id=run/1
         20.000 spo2_low reset medium clear off reason=asked
         20.000 alarms_inactive start low present on cause=alarm_off_spo2_low
         35.000 spo2_low start high present on id=run/3
         35.000 alarms_inactive continue",
    );
}

#[test]
fn e23a_the_time_of_an_unattended_alarm_stands_still_while_nobody_can_tell() {
    // High from 5.000 on; indeterminate from 20.000 (15 s in) to 30.000: level 1 is 5 s after that.
    check(
        "spo2 78@0..9, sensor_off@10..29, 78@30..40
         until 36",
        "5.000 spo2_low start high present on
         20.000 spo2_low update high indeterminate on
         20.000 sensor_off start
         30.000 spo2_low update high present on
         33.000 sensor_off end
         35.000 spo2_low update high present on escalation=1",
    );
    check(
        "spo2 78@0..
         ack@24.999
         until 26",
        "5.000 spo2_low start
         20.000 spo2_low continue
         24.999 spo2_low update high present acknowledged",
    );
    check(
        "spo2 78@0..
         ack@25
         until 26",
        "5.000 spo2_low start
         20.000 spo2_low continue
         25.000 spo2_low update high present on escalation=1
         25.000 spo2_low update high present acknowledged",
    );
}

#[test]
fn e22_an_escalation_drops_the_pause_and_an_alarm_pause_does_not_cover_the_extreme() {
    check(
        "spo2 88@0..19, 78@20..
         audio_paused 60@18
         until 26",
        "15.000 spo2_low start medium
         18.000 spo2_low update medium by=audio_paused until=78.000
         25.000 spo2_low escalate high present on rev=3 !by !until",
    );
    check(
        "spo2 88@0..19, 78@20..32, 88@33..
         alarm_paused 60@10
         until 39",
        "10.000 alarms_inactive start cause=alarm_paused
         15.000 spo2_low start medium present on by=alarm_paused until=70.000
         25.000 spo2_low escalate high present on rev=2 !by !until
         25.000 alarms_inactive continue
         38.000 spo2_low de_escalate medium present on by=alarm_paused until=70.000",
    );
}

#[test]
fn e25_audio_off_covers_what_comes_but_high_and_reminds() {
    let script = "spo2 88@0..
         audio_off 200@0.5
         until 200.5";
    let told: alloc::vec::Vec<_> = super::script::run(super::script::policy(), script);
    let lines: alloc::vec::Vec<String> = told.iter().map(super::script::render).collect();
    assert!(
        lines
            .iter()
            .any(|it| it.starts_with("180.500 alarms_inactive continue") && it.contains("reminder=yes"))
    );
    assert_eq!(lines.iter().filter(|it| it.contains("reminder=yes")).count(), 1);
    let last = lines.iter().rev().take(2).rev().cloned().collect::<alloc::vec::Vec<_>>();
    assert!(
        last[0].starts_with("200.500 spo2_low update medium present on") && !last[0].contains("by="),
        "{last:?}"
    );
    assert!(last[1].starts_with("200.500 alarms_inactive end low clear off"), "{last:?}");
}

#[test]
fn e25_audio_off_leaves_what_is_high_and_takes_what_no_longer_is() {
    check(
        "spo2 78@0..9, 85@10..
         audio_off 600@1
         until 15",
        "1.000 alarms_inactive start low present on cause=audio_off !by
         5.000 spo2_low start high present on !by !until
         15.000 spo2_low de_escalate medium present on by=audio_off until=601.000",
    );
}

#[test]
fn e26_an_alarm_pause_and_an_off_leave_the_equipment_alone() {
    check(
        "spo2 sensor_off@0..
         alarm_paused 60@1
         until 10",
        "1.000 alarms_inactive start cause=alarm_paused
         10.000 sensor_off start low present on !by",
    );
}

#[test]
fn e26_an_off_ends_from_clear_with_the_full_delay() {
    check(
        "spo2 88@0..
         alarm_off spo2_low 10@5
         until 30",
        "5.000 alarms_inactive start cause=alarm_off_spo2_low
         15.000 alarms_inactive end
         30.000 spo2_low start medium onset=15.000",
    );
    // While the extreme is present the limit comes back with it.
    check(
        "spo2 78@0..14, 85@15..
         alarm_off spo2_low 10@1
         until 20",
        "1.000 alarms_inactive start
         5.000 spo2_low start high present on level=extreme
         11.000 alarms_inactive end
         20.000 spo2_low de_escalate medium present on level=limit",
    );
}

#[test]
fn e24_each_refusal_has_its_reason() {
    check_answers(
        "spo2 78@0..
         audio_paused 60@1
         audio_paused 121@2
         alarm_off temperature_low 60@3
         alarm_off! spo2_low 60@4
         alarm_off spo2_low 60@6
         alarm_paused 181@7
         audio_off 28801@8
         alarm_paused 180@9
         acknowledge 2@10
         reset 1@11
         reset 9@12
         physician alarm_off! spo2_low 60@13
         audio_paused 60@14
         until 20",
        "1.000 nothing_to_pause
         2.000 too_long
         3.000 no_such_rule
         4.000 not_allowed
         6.000 present
         7.000 too_long
         8.000 too_long
         9.000 accepted
         10.000 not_allowed
         11.000 present
         12.000 no_such_alarm
         13.000 accepted
         14.000 nothing_to_pause",
    );
}

#[test]
fn e19_a_limit_that_is_off_is_not_reached_and_does_not_latch() {
    let mut policy = policy();
    let spo2 = policy.rules.get_mut(&(Vital::Spo2, Direction::Low)).unwrap();
    spo2.limit.latch = true;
    spo2.extreme.as_mut().unwrap().latch = false;
    check_policy(
        policy,
        "spo2 97@0..2, 78@3..12, 97@13..
         alarm_off spo2_low 600@1
         until 18",
        "1.000 alarms_inactive start
         8.000 spo2_low start high present on !latching
         16.000 alarms_inactive continue
         18.000 spo2_low end high clear off",
    );
}
