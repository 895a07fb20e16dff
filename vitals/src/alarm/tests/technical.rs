//! The equipment's alarms, operators, other vitals: what the worked table does not show.

use core::fmt::Write as _;
use core::time::Duration;

use super::script::{check, check_policy, policy, rule};
use crate::alarm::event::{Direction, Priority};
use crate::vital::Vital;

#[test]
fn a_sensor_off_is_low_and_medium_after_a_minute() {
    check(
        "spo2 97@0..4, sensor_off@5..80, 97@81..
         until 90",
        "15.000 sensor_off start low present on cause=oximeter onset=5.000 delay=10000
         30.000 sensor_off continue
         45.000 sensor_off continue
         60.000 sensor_off continue
         75.000 sensor_off escalate medium present on was=low
         84.000 sensor_off end medium clear off",
    );
}

#[test]
fn one_sensor_is_one_alarm_whatever_it_measures() {
    check(
        "spo2 sensor_off@0..12
         pulse_rate sensor_off@0..12
         heart_rate lead_off@0..12
         until 12",
        "10.000 sensor_off start low present on cause=ecg absent=lead_off
         10.000 sensor_off start low present on cause=oximeter",
    );
}

#[test]
fn searching_for_half_a_minute_is_no_value() {
    check(
        "spo2 searching@0..40, 97@41..
         until 50",
        "30.000 no_value start low present on absent=searching
         44.000 no_value end low clear off",
    );
}

#[test]
fn what_was_never_measured_is_missed_by_nobody() {
    check(
        "spo2 97@0..
         etco2 not_measured@0..
         until 120",
        "",
    );
}

#[test]
fn an_implausible_or_unusable_value_is_no_value() {
    check(
        "spo2 1@0..15, 88!demo@16..40
         until 40",
        "30.000 no_value start low present on absent=invalid",
    );
}

#[test]
fn a_doubtful_value_is_judged() {
    check(
        "spo2 88!questionable@0..20
         until 20",
        "15.000 spo2_low start medium present on value=88",
    );
}

#[test]
fn below_the_range_is_below_every_low_limit() {
    check(
        "spo2 under_range@0..20
         until 20",
        "5.000 spo2_low start high present on absent=under_range
         20.000 spo2_low continue high present on",
    );
}

#[test]
fn silence_counts_from_the_start_and_becomes_high_if_the_source_is_critical() {
    let mut expected = alloc::string::String::from("5.000 no_data start medium present on\n");
    for n in 1..12 {
        writeln!(expected, "{}.000 no_data continue medium present on", 5 + n * 15).unwrap();
    }
    expected += "185.000 no_data escalate high present on was=medium\n190.000 no_data end high clear off";
    check("spo2 97@190\nuntil 190", &expected);
}

#[test]
fn a_frame_without_numbers_is_a_sign_of_life_and_late_data_are_none() {
    check(
        "spo2 97@0
         frame@4
         late@6
         late@10
         frame@12
         until 13",
        "9.000 no_data start medium present on cause=late
         12.000 no_data end medium clear off",
    );
    check(
        "spo2 97@0
         late@7
         until 8",
        "5.000 no_data start medium present on
         7.000 no_data update medium present on cause=late",
    );
}

#[test]
fn a_port_that_is_gone_replaces_the_silence_until_the_first_frame() {
    check(
        "spo2 97@0
         gone@7
         back@9
         frame@12
         until 13",
        "5.000 no_data start medium present on
         7.000 no_data end medium clear off
         7.000 port_gone start medium present on
         12.000 port_gone end medium clear off",
    );
}

#[test]
fn an_acknowledged_alarm_reminds_and_alarms_again_when_worse() {
    let mut expected = alloc::string::String::from(
        "15.000 spo2_low start medium present on\n16.000 spo2_low update medium present acknowledged\n",
    );
    for n in 1..12 {
        writeln!(expected, "{}.000 spo2_low continue medium present acknowledged", 16 + n * 15).unwrap();
    }
    expected += "196.000 spo2_low continue medium present acknowledged reminder=yes
        205.000 spo2_low update medium present on reason=worse";
    // Acknowledged at 88; worse is 85 and below, for the shortest delay of the rule.
    check("spo2 88@0..199, 85@200..\nack@16\nuntil 210", &expected);
}

#[test]
fn what_is_present_cannot_be_reset_and_what_is_indeterminate_can() {
    check(
        "spo2 88@0..19, sensor_off@20..28
         reset@18
         until 18",
        "15.000 spo2_low start medium present on",
    );
    check(
        "spo2 88@0..19, sensor_off@20..32
         reset all@31
         until 32",
        "15.000 spo2_low start medium present on
         30.000 spo2_low update medium indeterminate on
         30.000 sensor_off start low present on
         31.000 spo2_low reset medium clear off",
    );
}

#[test]
fn an_alarm_more_urgent_than_the_screen_showed_is_not_acknowledged() {
    check(
        "spo2 78@0..8
         ack low@6
         until 8",
        "5.000 spo2_low start high present on",
    );
}

#[test]
fn the_pulse_is_judged_in_place_of_a_missing_heart_rate() {
    check(
        "pulse_rate 40@0..
         heart_rate 70@0..4, invalid@5..
         until 26",
        "25.000 pulse_rate_low start medium present on onset=15.000",
    );
}

#[test]
fn a_heart_rate_of_zero_beside_a_pulse_speaks_of_the_electrodes() {
    check(
        "heart_rate 0@0..5
         pulse_rate 70@0..5
         until 5",
        "3.000 heart_rate_low start high present on text=HR_0,_pulse_70:_check_ECG_leads",
    );
}

#[test]
fn a_stall_ages_nothing() {
    // Nobody read from 12 to 32: what was due at 15 is due at 35, and nothing is stale.
    check(
        "spo2 88@0..12, 88@33..
         stall@12..32
         until 36",
        "35.000 spo2_low start medium present on onset=0.000",
    );
}

#[test]
fn alarms_of_one_step_come_in_the_order_of_the_table() {
    let mut policy = policy();
    let high = rule((99, 15, Priority::Low, false), None, 1, 1);
    policy
        .rules
        .insert((Vital::Temperature, Direction::High), rule((38, 15, Priority::Low, false), None, 1, 1));
    policy.rules.insert((Vital::Spo2, Direction::High), high);
    policy.technical.sensor_off.delay = Duration::from_secs(15);
    check_policy(
        policy,
        "temperature 39@0..15
         spo2 100@0..15
         etco2 sensor_off@0..15
         until 15",
        "15.000 spo2_high start low present on
         15.000 temperature_high start low present on
         15.000 sensor_off start low present on",
    );
}

#[test]
fn another_boot_drops_what_was_pending_and_keeps_what_was_present() {
    check(
        "spo2 88@0..19
         heart_rate 40@12..19
         ack@17
         boot@20..3
         until 3",
        "15.000 spo2_low start medium present on
         17.000 spo2_low update medium present acknowledged
         3.000 spo2_low update medium indeterminate on restarted=yes delay=15000",
    );
}

#[test]
fn what_fell_due_while_there_was_no_process_is_told_at_the_start() {
    check(
        "spo2 88@0..13
         kill@13..17
         until 17",
        "17.000 spo2_low start medium present on onset=0.000 decided=15.000 id=run2/1",
    );
}
