//! What concerns a source as a whole: cuffs, batteries, clocks, other devices, repetition (E30, E31).

use super::script::{check, check_policy, policy};

#[test]
fn e31_a_cuff_that_is_overdue_is_stale_and_its_alarm_indeterminate_at_once() {
    // One and a half intervals of 60 s: from 0 to 90.
    check_policy(
        policy(),
        "nibp_interval 60
         nibp_systolic 85@0..99, 120@100
         until 101",
        "0.000 nibp_systolic_low start medium present on
         15.000 nibp_systolic_low continue
         30.000 nibp_systolic_low continue
         45.000 nibp_systolic_low continue
         60.000 nibp_systolic_low continue
         75.000 nibp_systolic_low continue
         90.000 nibp_systolic_low update medium indeterminate on absent=stale
         90.000 nibp_stale start low present on
         100.000 nibp_systolic_low end medium clear off
         100.000 nibp_stale end low clear off",
    );
}

#[test]
fn e31_a_failed_measurement_is_void_and_said_and_an_idle_cuff_says_nothing() {
    check(
        "nibp_systolic 85@0, not_measured@1..3, searching@4, invalid@5..6, 85@7
         until 8",
        "0.000 nibp_systolic_low start medium present on
         5.000 nibp_systolic_low update medium indeterminate on absent=invalid
         5.000 nibp_failed start low present on
         7.000 nibp_systolic_low update medium present on value=85
         7.000 nibp_failed end low clear off",
    );
    // 15 mmHg systolic is no pressure of a patient.
    check(
        "nibp_systolic 15@0..
         until 10",
        "0.000 nibp_failed start low present on",
    );
}

#[test]
fn e31_the_same_value_after_an_idle_cuff_is_another_measurement() {
    // Measured again at 60: overdue 90 s after that. A mere repetition at 60 would be overdue at 90.
    check_policy(
        policy(),
        "nibp_interval 60
         nibp_systolic 120@0..9, not_measured@10..59, 120@60..
         until 150",
        "150.000 nibp_stale start low present on",
    );
}

#[test]
fn e30_flags_are_told_while_they_are_on() {
    check(
        "spo2 97@0..
         flag device_battery on@2
         flag bad_data_rate on@3
         flag clock_skew on@4
         flag bad_data_rate off@5
         flag clock_skew off@6
         flag device_battery off@7
         until 20",
        "2.000 device_battery start low present on
         3.000 bad_data_rate start low present on
         4.000 clock_skew start low present on
         5.000 bad_data_rate end low clear off
         6.000 clock_skew end low clear off
         7.000 device_battery end low clear off",
    );
}

#[test]
fn e30_a_link_that_is_lost_names_itself() {
    check(
        "spo2 97@0..1
         lost mqtt@2
         frame@3
         until 4",
        "2.000 port_gone start medium present on cause=mqtt
         3.000 port_gone end medium clear off",
    );
}

#[test]
fn e30_another_device_makes_what_is_present_indeterminate_and_stays_until_somebody_has_seen_it() {
    check(
        "spo2 88@0..19, 97@30..
         heart_rate 45@12..19, 45@30..39
         etco2 sensor_off@0..19
         device@20
         acknowledge 3@36
         until 39",
        "10.000 sensor_off start low present on
         15.000 spo2_low start medium present on
         20.000 spo2_low update medium indeterminate on
         20.000 sensor_off end low clear off
         20.000 device_changed start medium present on
         24.000 no_data start medium
         30.000 spo2_low update medium present on
         30.000 no_data end
         35.000 spo2_low end medium clear off
         35.000 device_changed continue
         36.000 device_changed reset medium clear off",
    );
}

#[test]
fn e30_a_cuff_that_has_gone_with_its_device_excuses_nothing_from_then_on() {
    check(
        "same_limb
         prefer heart_rate monitor b
         heart_rate 70@0..16
         spo2 sensor_off@0..16
         b.heart_rate 70@0..6
         b.nibp_systolic searching@2
         device b@6.5
         b.nibp_systolic 120@7..16
         until 16",
        "6.500 device_changed start medium present on
         14.500 sensor_off start low present on onset=0.000",
    );
}

#[test]
fn e30_a_device_whose_clock_and_numbers_stand_still_is_suspect() {
    check(
        "spo2 97@0..126
         heart_rate 70@0..126
         device_time 2026-01-01T00:00:00@0..123
         until 126",
        "121.000 suspect start low present on onset=1.000
         124.000 suspect end low clear off",
    );
    // One number that moves is enough, and so is a clock.
    check(
        "spo2 97@0..200
         heart_rate 70/71@0..200
         device_time 2026-01-01T00:00:00@0..200
         until 200",
        "",
    );
    check(
        "spo2 97@0..200
         until 200",
        "",
    );
}

#[test]
fn e30_a_cuff_on_the_limb_of_the_probe_excuses_its_silence() {
    let script = "spo2 97@0..4, sensor_off@5..44, 97@45..
                  nibp_systolic searching@5..40, 120@41
                  until 60";
    check(
        script,
        "15.000 sensor_off start low
         30.000 sensor_off continue
         45.000 sensor_off continue
         48.000 sensor_off end",
    );
    check_policy(policy(), &["same_limb\n", script].concat(), "");
    // No cuff inflates for more than a minute.
    check_policy(
        policy(),
        "same_limb
         spo2 97@0..4, sensor_off@5..
         nibp_systolic searching@5..
         until 76",
        "75.000 sensor_off start low present on onset=65.000",
    );
}
