//! The worked table of `docs/alarms.md`, row by row, to the millisecond.

use alloc::string::String;
use core::fmt::Write as _;

use super::script::check;

#[test]
fn row_1_a_medium_alarm_starts_goes_on_and_ends() {
    check(
        "spo2 92@0..9, 88@10..40, 92@41..
         until 80",
        "25.000 spo2_low start medium present on onset=10.000 delay=15000 value=88 limit=90 level=limit rev=1
         40.000 spo2_low continue medium present on rev=1
         46.000 spo2_low end medium clear off value=92 worst=88 rev=2",
    );
}

#[test]
fn row_2_a_good_sample_at_the_deadline_comes_too_late_and_one_before_it_does_not() {
    check(
        "spo2 92@0..9, 88@10..24, 92@25..
         until 60",
        "25.000 spo2_low start medium present on
         30.000 spo2_low end medium clear off",
    );
    check(
        "spo2 92@0..9, 88@10..23, 92@24..
         until 60",
        "",
    );
}

#[test]
fn row_3_the_band_freezes_the_delay_and_inside_ends_it() {
    check(
        "spo2 89/90@0..29
         until 29",
        "29.000 spo2_low start medium present on onset=0.000 delay=29000",
    );
    check(
        "spo2 89/91@0..300
         until 300",
        "",
    );
}

#[test]
fn row_4_a_high_alarm_de_escalates_latches_and_is_reset() {
    check(
        "spo2 78@0..7, 85@8..19, 93@20..
         reset@60
         until 90",
        "5.000 spo2_low start high present on level=extreme onset=0.000 limit=80 latching=yes
         13.000 spo2_low de_escalate medium present on level=limit was=high onset=0.000 decided=5.000 limit=90
         25.000 spo2_low update medium clear latched
         40.000 spo2_low continue medium clear latched
         55.000 spo2_low continue medium clear latched
         60.000 spo2_low reset medium clear off",
    );
}

#[test]
fn row_5_the_extreme_brings_the_limit_with_it() {
    check(
        "spo2 88@0..5, 78@6..12
         until 16",
        "11.000 spo2_low start high present on level=extreme onset=6.000 delay=5000",
    );
}

#[test]
fn row_6_a_short_void_freezes_the_delay() {
    check(
        "spo2 88@0..9, sensor_off@10..15, 88@16..
         until 30",
        "21.000 spo2_low start medium present on onset=0.000 delay=21000",
    );
}

#[test]
fn row_7_a_void_of_g_ends_a_pending_alarm() {
    check(
        "spo2 88@0..9, sensor_off@10..21, 88@22..40
         until 40",
        "20.000 sensor_off start low present on absent=sensor_off
         25.000 sensor_off end low clear off
         37.000 spo2_low start medium present on onset=22.000",
    );
}

#[test]
fn row_8_a_void_of_g_makes_a_present_alarm_indeterminate() {
    check(
        "spo2 88@0..19, sensor_off@20..49, 88@50..
         until 60",
        "15.000 spo2_low start medium present on
         30.000 spo2_low update medium indeterminate on absent=sensor_off
         30.000 sensor_off start low present on
         45.000 spo2_low continue medium indeterminate on
         45.000 sensor_off continue low present on
         50.000 spo2_low update medium present on value=88
         53.000 sensor_off end low clear off",
    );
}

#[test]
fn row_9_silence_is_an_alarm_and_ends_none() {
    check(
        "spo2 78@0
         until 31",
        "5.000 spo2_low start high present on worst=78
         5.000 no_data start medium present on
         15.000 spo2_low update high indeterminate on absent=stale
         20.000 no_data continue medium present on
         30.000 spo2_low continue high indeterminate on",
    );
}

#[test]
fn row_10_an_acknowledged_alarm_that_escalates_is_annunciated_again() {
    check(
        "spo2 88@0..19, 78@20..
         ack@18
         until 30",
        "15.000 spo2_low start medium present on
         18.000 spo2_low update medium present acknowledged
         25.000 spo2_low escalate high present on was=medium level=extreme onset=20.000",
    );
}

#[test]
fn row_11_an_acknowledged_alarm_does_not_latch() {
    check(
        "spo2 78@0..9, 95@10..
         ack@7
         until 40",
        "5.000 spo2_low start high present on
         7.000 spo2_low update high present acknowledged
         15.000 spo2_low end high clear off latching=yes",
    );
}

#[test]
fn row_12_a_latched_alarm_comes_back_under_its_own_id() {
    check(
        "spo2 78@0..7, 93@8..19, 88@20..
         until 40",
        "5.000 spo2_low start high present on id=run/1
         13.000 spo2_low update high clear latched
         28.000 spo2_low continue high clear latched
         35.000 spo2_low update medium present on was=high onset=20.000 id=run/1",
    );
}

#[test]
fn row_13_the_band_cancels_the_clear_timer() {
    check(
        "spo2 88@0..16, 90@17..19, 91@20..23, 90@24, 91@25..
         until 40",
        "15.000 spo2_low start medium present on
         30.000 spo2_low end medium clear off",
    );
}

#[test]
fn row_14_a_slow_source_is_judged_at_its_own_pace() {
    check(
        "period 60
         spo2 95@0, 88@60, 95@120
         until 180",
        "75.000 spo2_low start medium present on
         90.000 spo2_low continue medium present on
         105.000 spo2_low continue medium present on
         120.000 spo2_low continue medium present on
         125.000 spo2_low end medium clear off",
    );
}

#[test]
fn row_17_a_repeated_cuff_measurement_is_one_sample() {
    let mut expected = String::from("0.000 nibp_systolic_low start medium present on\n");
    for n in 1..=20 {
        writeln!(expected, "{}.000 nibp_systolic_low continue medium present on", n * 15).unwrap();
    }
    expected += "300.000 nibp_systolic_low end medium clear off";
    let script = "nibp_systolic 85@0..299, 120@300..
                  until 310";
    check(script, &expected);
}

#[test]
fn row_18_an_alarm_outlives_its_process() {
    check(
        "spo2 88@0..20, 88@23..
         kill@20..22
         until 30",
        "15.000 spo2_low start medium present on
         22.000 spo2_low continue medium indeterminate on restarted=yes rev=1 id=run/1
         23.000 spo2_low update medium present on rev=2 id=run/1",
    );
}
