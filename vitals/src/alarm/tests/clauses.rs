//! Each clause of `docs/alarms.md` by its number, on both sides of its boundary, to the millisecond.

use alloc::vec::Vec;
use core::time::Duration;

use super::script::{check, check_answers, check_policies, check_policy, policy, run};
use crate::alarm::event::{Direction, Phase, Signal};
use crate::vital::Vital;

/// Whether a script begins an alarm of this code.
fn starts(script: &str, code: &str) -> bool {
    run(policy(), script).iter().any(|it| it.phase == Phase::Start && alloc::format!("{}", it.code) == code)
}

#[test]
fn e1_values_are_compared_unrounded_and_strictly() {
    assert!(starts("spo2 89.999@0..15\nuntil 15", "spo2_low"));
    assert!(!starts("spo2 90@0..15\nuntil 15", "spo2_low"));
    assert!(starts("heart_rate 120.001@0..10\nuntil 10", "heart_rate_high"));
    assert!(!starts("heart_rate 120@0..10\nuntil 10", "heart_rate_high"));
}

#[test]
fn e2_a_delay_is_met_by_the_half_open_interval() {
    let good = |at: &str| alloc::format!("spo2 88@0..14, 95@{at}\nuntil 16");
    assert!(starts(&good("15"), "spo2_low"), "a good sample at the deadline comes too late");
    assert!(!starts(&good("14.999"), "spo2_low"));
    assert!(!starts("spo2 88@0..14\nuntil 14.999", "spo2_low"));
}

#[test]
fn e7_a_value_counts_for_t_and_e8_then_nothing_is_in_force() {
    // T = 5 s: the next frame at last + T finds the source silent (E2).
    assert!(!starts("spo2 97@0, 97@4.999\nuntil 5", "no_data"));
    assert!(starts("spo2 97@0, 97@5\nuntil 5", "no_data"));
    assert!(!starts("period 2\nspo2 97@0, 97@5.999\nuntil 6", "no_data"), "three periods");
    assert!(starts("period 2\nspo2 97@0, 97@6\nuntil 6", "no_data"));
}

#[test]
fn e9_out_of_range_is_beyond_the_limits_of_its_side_alone() {
    assert!(starts("heart_rate over_range@0..3\nuntil 3", "heart_rate_high"));
    assert!(!starts("heart_rate over_range@0..30\nuntil 20", "heart_rate_low"));
}

#[test]
fn e10_what_is_not_of_now_is_not_judged_and_what_is_doubtful_is() {
    for quality in ["demo", "test", "calibrating", "held"] {
        let script = alloc::format!("spo2 70!{quality}@0..20\nuntil 20");
        assert!(!starts(&script, "spo2_low"), "{quality}");
    }
    for quality in ["questionable", "artifact", "low_perfusion", "early"] {
        let script = alloc::format!("spo2 70!{quality}@0..20\nuntil 20");
        assert!(starts(&script, "spo2_low"), "{quality}");
    }
}

#[test]
fn e12a_late_data_are_never_judged() {
    assert!(starts("spo2 97@0..3\nlate@4\nuntil 8", "no_data"), "no sign of life");
}

#[test]
fn e13_in_is_inside_by_the_hysteresis() {
    let back = |value: &str| alloc::format!("spo2 88@0..15, {value}@16..\nuntil 22");
    let ends = |script: &str| run(policy(), script).iter().any(|it| it.phase == Phase::End);
    assert!(ends(&back("91")));
    assert!(!ends(&back("90.999")), "the band clears nothing");
}

#[test]
fn e14_a_freeze_of_g_ends_what_is_pending_and_a_shorter_one_does_not() {
    let void =
        |until: &str| alloc::format!("spo2 88@0..9, searching@10..19, 88@{until}, 88@20..24\nuntil 25");
    assert!(starts(&void("19.999"), "spo2_low"), "10 s out, void from 10.000 to 19.999, and 5.001 s more");
    assert!(!starts("spo2 88@0..9, searching@10..19, 88@20..25\nuntil 25", "spo2_low"));
}

#[test]
fn e15_the_limit_comes_with_the_extreme() {
    check(
        "spo2 78@0..5, 85@6..
         until 11",
        "5.000 spo2_low start high level=extreme
         11.000 spo2_low de_escalate medium level=limit onset=0.000 decided=5.000",
    );
}

#[test]
fn e16_a_void_of_g_and_not_less_makes_it_indeterminate() {
    check(
        "spo2 88@0..15, searching@16..25, 88@25.999
         until 26",
        "15.000 spo2_low start medium present",
    );
    check(
        "spo2 88@0..15, searching@16..25, 88@26
         until 26",
        "15.000 spo2_low start medium present
         26.000 spo2_low update medium indeterminate
         26.000 spo2_low update medium present",
    );
}

#[test]
fn e17_what_was_never_received_is_clear() {
    check("spo2 searching@0..29\nuntil 29.999", "");
}

#[test]
fn e18_ids_count_from_one_and_e21_an_alarm_goes_on_every_fifteen_seconds() {
    check(
        "spo2 88@0..29
         until 29.999",
        "15.000 spo2_low start id=run/1 rev=1",
    );
    check(
        "spo2 88@0..30
         until 30",
        "15.000 spo2_low start id=run/1 rev=1
         30.000 spo2_low continue id=run/1 rev=1",
    );
}

#[test]
fn e19_the_clear_delay_is_unbroken() {
    check(
        "spo2 88@0..15, 91@16..19, 91@20.999
         until 20.999",
        "15.000 spo2_low start",
    );
    check(
        "spo2 88@0..15, 91@16..21
         until 21",
        "15.000 spo2_low start
         21.000 spo2_low end medium clear off",
    );
}

#[test]
fn e23_worse_is_at_the_threshold_itself() {
    let worse = |value: &str| alloc::format!("spo2 88@0..16, {value}@17..\nack@16\nuntil 22");
    let told = |script: &str| run(policy(), script).iter().any(|it| it.reason.as_deref() == Some("worse"));
    assert!(told(&worse("85")));
    assert!(!told(&worse("85.001")));
}

#[test]
fn e24_a_screen_may_be_sixty_seconds_behind_and_an_id_is_known_again() {
    check_answers(
        "spo2 97@0..
         seen 10 alarm_paused 1@70
         seen 10 alarm_paused 1@70.001
         again 1@71
         again 2@71
         otherboot alarm_paused 1@72
         until 73",
        "70.000 accepted
         70.001 stale
         71.000 duplicate
         71.000 duplicate stale
         72.000 stale",
    );
}

#[test]
fn e25_a_pause_ends_to_the_millisecond() {
    check(
        "spo2 88@0..
         audio_paused 0.001@16
         until 16.001",
        "15.000 spo2_low start
         16.000 spo2_low update by=audio_paused until=16.001
         16.001 spo2_low update medium present on rev=3",
    );
}

#[test]
fn e27_an_acknowledged_alarm_reminds_after_three_minutes() {
    let reminds = |until: &str| {
        let script = alloc::format!("spo2 88@0..\nack@16\nuntil {until}");
        run(policy(), &script).iter().any(|it| it.reminder)
    };
    assert!(reminds("196"));
    assert!(!reminds("195.999"));
}

#[test]
fn e28_signs_of_life_count_for_two_minutes_and_not_less() {
    let over = |until: &str| starts(&alloc::format!("spo2 97@0..\nstandby@0\nuntil {until}"), "no_patient");
    assert!(over("120"));
    assert!(!over("119.999"));
    // A pulse of 0 is no sign of life.
    assert!(!starts("pulse_rate 0@0..\nstandby@0\nuntil 121", "no_patient"));
}

#[test]
fn e30_each_delay_to_the_millisecond() {
    for (reason, code, at) in [("sensor_off", "sensor_off", 10), ("invalid", "no_value", 30)] {
        let script = |until: &str| alloc::format!("spo2 {reason}@0..\nuntil {until}");
        assert!(starts(&script(&alloc::format!("{at}")), code), "{code}");
        assert!(!starts(&script(&alloc::format!("{}.999", at - 1)), code), "{code}");
    }
}

#[test]
fn e31_t_of_a_cuff_is_one_and_a_half_intervals() {
    let script = |until: &str| alloc::format!("nibp_interval 60\nnibp_systolic 120@0..\nuntil {until}");
    assert!(starts(&script("90"), "nibp_stale"));
    assert!(!starts(&script("89.999"), "nibp_stale"));
}

/// Nothing is worse than what the device cannot measure any more: who has acknowledged that is not called again by it, nor by
/// a value that is better.
#[test]
fn e23_nothing_is_worse_than_beyond_the_range() {
    let told = run(
        policy(),
        "spo2 97@0..4, under_range@5..30, 79@31..
         ack@12
         until 60",
    );
    assert!(told.iter().any(|it| it.signal == Signal::Acknowledged), "{told:?}");
    assert!(told.iter().all(|it| it.reason.is_none()), "{told:?}");
    // But it is worse than any value.
    let told = run(policy(), "spo2 78@0..30, under_range@31..\nack@12\nuntil 60");
    let worse: Vec<_> = told.iter().filter(|it| it.reason.is_some()).map(|it| it.at.as_millis()).collect();
    assert_eq!(worse, [36_000]);
}

#[test]
fn e33_a_difference_must_exceed_the_tolerance() {
    assert!(starts("spo2 97@0..\nb.spo2 91.999@0..\nuntil 30", "sources_disagree"));
    assert!(!starts("spo2 97@0..\nb.spo2 92@0..\nuntil 60", "sources_disagree"));
    assert!(!starts("spo2 97@0..\nb.spo2 91@0..\nuntil 29.999", "sources_disagree"));
}

#[test]
fn e34_another_boot_drops_pauses_and_shortens_offs() {
    // An hour of audio off: at the boot at most half an hour of it is left, from 100.000 on.
    let told = run(
        policy(),
        "spo2 97@0..9, 97@101..
         audio_off 3600@1
         alarm_paused 60@2
         boot@10..100
         until 1900",
    );
    let ended = told.iter().find(|it| it.phase == Phase::End).unwrap();
    assert_eq!(
        (ended.at.as_millis(), alloc::format!("{}", ended.code)),
        (1_900_000, "alarms_inactive".into())
    );
    let restarted = told.iter().find(|it| it.restarted).unwrap();
    assert_eq!(restarted.cause.as_deref(), Some("audio_off"), "the pause is over");
}

#[test]
fn e34_another_boot_makes_an_acknowledgement_void_and_says_so() {
    // A change, with a revision of its own: a `continue` is not stored, and the board would go on showing "seen".
    check(
        "spo2 88@0..20
         ack@18
         boot@20..100
         until 100",
        "15.000 spo2_low start medium present on rev=1
         18.000 spo2_low update medium present acknowledged rev=2
         100.000 spo2_low update medium indeterminate on rev=3 restarted=yes !by",
    );
}

#[test]
fn e34_the_same_boot_resumes_an_off_to_the_millisecond() {
    check(
        "spo2 88@0..5, 88@8..
         alarm_off spo2_low 10@1
         kill@6..7
         until 26",
        "1.000 alarms_inactive start
         7.000 alarms_inactive continue restarted=yes
         11.000 alarms_inactive end
         26.000 spo2_low start onset=11.000",
    );
}

#[test]
fn e29_a_delay_of_another_rule_counts_from_the_reload() {
    let mut policy = policy();
    if let Some(rule) = policy.rules.get_mut(&(Vital::Spo2, Direction::Low)) {
        rule.limit.delay = Duration::from_secs(3);
    }
    check_policies(
        &[super::script::policy(), policy],
        "spo2 88@0..
         policy 1@9
         until 12",
        "12.000 spo2_low start onset=9.000 delay=3000",
    );
}

#[test]
fn e29_what_no_rule_watches_any_more_is_missed_by_nobody_from_then_on() {
    let mut without = policy();
    without.rules.remove(&(Vital::Spo2, Direction::Low));
    check_policies(
        &[policy(), without],
        "spo2 97@0..3
         heart_rate 70@0..50
         policy 1@37.5
         until 50",
        "",
    );
}

#[test]
fn e35_the_first_step_is_at_once_and_each_alarm_says_that_it_was_kept() {
    check_policy(
        policy(),
        "spo2 88@0..15
         etco2 sensor_off@0..15
         kill@16..18
         until 18",
        "10.000 sensor_off start
         15.000 spo2_low start
         18.000 spo2_low continue medium indeterminate on restarted=yes
         18.000 sensor_off continue low indeterminate on restarted=yes",
    );
}
