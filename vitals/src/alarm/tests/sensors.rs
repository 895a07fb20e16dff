//! Sensors: one delay whatever the reason (H7), values that no patient has (E11), vitals no longer named (H6).

use super::script::{check, check_policy, policy};
use crate::alarm::event::Direction;
use crate::vital::Vital;

#[test]
fn h7_a_reason_that_changes_does_not_begin_the_delay_anew() {
    // Off, looking, off: each for less than its own delay, and the sensor for 10 s without a value.
    check(
        "spo2 97@0..4, sensor_off@5..8, searching@9..11, sensor_off@12..17, searching@18..40
         until 40",
        "15.000 sensor_off start low present on absent=sensor_off onset=5.000
         21.000 sensor_off end low clear off
         35.000 no_value start low present on absent=searching onset=5.000",
    );
    // Its delay has run while another reason was the sensor's: it is present at its first own word, and no sooner.
    check(
        "spo2 97@0..4, searching@5..19, sensor_off@20..22
         until 22",
        "20.000 sensor_off start low present on onset=5.000 delay=15000",
    );
    check(
        "spo2 97@0..4, sensor_off@5..13, searching@14..33, 97@34
         until 36",
        "",
    );
    check(
        "spo2 97@0..4, sensor_off@5..13, searching@14..34, 97@36
         until 36",
        "35.000 no_value start low present on onset=5.000",
    );
}

#[test]
fn e30_an_alarm_that_begins_anew_is_as_urgent_as_any_new_one() {
    check(
        "spo2 sensor_off@0..75, searching@76..82, sensor_off@83..84
         until 84",
        "10.000 sensor_off start low
         25.000 sensor_off continue low
         40.000 sensor_off continue low
         55.000 sensor_off continue low
         70.000 sensor_off escalate medium
         76.000 no_value start low onset=0.000
         79.000 sensor_off end medium
         83.000 sensor_off start low present on onset=0.000",
    );
}

#[test]
fn e11_what_no_patient_has_is_implausible_and_not_without_value() {
    check(
        "spo2 1@0..33, 97@34..
         until 40",
        "30.000 implausible start low present on absent=invalid cause=oximeter
         37.000 implausible end low clear off",
    );
    // What is absent for its quality is no_value, whatever the number.
    check(
        "spo2 1!demo@0..
         until 31",
        "30.000 no_value start low present on",
    );
}

#[test]
fn h6_what_a_rule_watches_and_nobody_names_any_more_is_no_value() {
    // 97 counts until 9.000; 30 s later it is missed.
    check(
        "spo2 97@0..4
         temperature 37@0..44
         until 44",
        "39.000 no_value start low present on absent=stale cause=oximeter onset=9.000",
    );
    // Where the whole source is silent, that alone is said.
    let told = super::script::run(policy(), "spo2 97@0..4\nuntil 60");
    assert!(told.iter().all(|it| alloc::format!("{}", it.code) == "no_data"), "{told:?}");
    // A frame without numbers names nothing either.
    check(
        "spo2 97@0..4
         frame@11
         frame@15
         frame@19
         frame@23
         frame@27
         frame@31
         frame@35
         frame@39
         frame@43
         until 44",
        "9.000 no_data start medium present on
         11.000 no_data end medium clear off
         41.000 no_value start low present on absent=stale cause=oximeter onset=11.000",
    );
    // Without a rule nobody misses it, and a thermometer is no continuous sensor.
    let mut policy = policy();
    policy.rules.remove(&(Vital::Spo2, Direction::Low));
    check_policy(
        policy,
        "spo2 97@0..4
         temperature 37@0..44
         until 44",
        "",
    );
    check(
        "temperature 37@0
         nibp_systolic 120@0
         spo2 97@0..44
         until 44",
        "",
    );
}
