//! What outlives the process (E34): also a snapshot that an older version wrote.

use alloc::vec::Vec;
use core::time::Duration;

use super::script::{Bed, check, check_policies, check_policy, policy, render};
use crate::alarm::event::{Code, Direction, Phase};
use crate::alarm::policy::ApneaRule;
use crate::alarm::snapshot::{Boot, Snapshot};
use crate::time::Uptime;
use crate::vital::Vital;

/// Written by 0.1.0: an SpO2 of 78, a low pressure, a sensor off, a source silent.
const FIRST: &str = include_str!("snapshot_1.json");

#[test]
fn a_snapshot_of_the_first_version_is_read_and_its_alarms_go_on() {
    let kept: Snapshot = serde_json::from_str(FIRST).unwrap();
    let mut bed = Bed::new(policy(), 1000);
    let at = Uptime::from_millis(26_000);
    bed.resume(&kept, Boot::Same, at);
    bed.drain();
    let told: Vec<_> = bed.told.iter().map(render).collect();
    let codes: Vec<_> = bed.told.iter().map(|it| alloc::format!("{}", it.code)).collect();
    assert_eq!(codes, ["spo2_low", "nibp_systolic_low", "sensor_off", "no_data"], "{told:?}");
    assert!(bed.told.iter().all(|it| it.restarted && it.phase != Phase::Start), "{told:?}");
}

#[test]
fn e34_after_a_restart_a_value_becomes_too_old_as_ever() {
    // One good value, a restart, and then nobody says anything: the alarm must not end by itself. Void cancels the
    // clear timer (E14), also of what waits for a new word.
    check(
        "spo2 88@0..19, 95@20
         kill@21..22
         until 38",
        "15.000 spo2_low start medium present on
         22.000 spo2_low continue medium indeterminate on restarted=yes
         26.000 no_data start
         37.000 spo2_low continue medium indeterminate on absent=stale",
    );
    // And it freezes the delay of the level further out.
    let mut policy = policy();
    let spo2 = policy.rules.get_mut(&(Vital::Spo2, Direction::Low)).unwrap();
    spo2.extreme.as_mut().unwrap().delay = Duration::from_secs(10);
    check_policy(
        policy,
        "spo2 88@0..18, 78@19
         kill@20..21
         until 35",
        "15.000 spo2_low start medium present on
         21.000 spo2_low continue medium indeterminate on restarted=yes
         25.000 no_data start",
    );
}

#[test]
fn e35_a_sensor_of_which_all_has_become_too_old_gives_no_reason() {
    check(
        "spo2 sensor_off@0..11
         kill@12..30
         until 30",
        "10.000 sensor_off start low present on absent=sensor_off
         30.000 sensor_off continue low indeterminate on restarted=yes absent=stale",
    );
}

#[test]
fn h6_who_has_not_been_heard_since_a_restart_misses_nothing() {
    // Missed from 9.000 on, for 28 of 30 s: then nobody knows any more.
    check(
        "spo2 97@0..4
         temperature 37@0..36
         kill@37..38
         until 42",
        "42.000 no_data start medium present on",
    );
}

#[test]
fn e34_a_cuff_is_overdue_until_it_measures_also_over_a_boot() {
    check(
        "nibp_interval 20
         nibp_systolic 120@0, 118@40
         spo2 97@0..34, 97@37..40
         boot@35..36
         until 40",
        "30.000 nibp_stale start low present on
         36.000 nibp_stale continue low indeterminate on restarted=yes
         37.000 nibp_stale update low present on
         40.000 nibp_stale end low clear off",
    );
}

#[test]
fn e35_what_another_source_said_before_a_restart_is_no_word() {
    // The believed source says that it has no value; the value of the other is from before the restart.
    check(
        "prefer spo2 monitor b
         spo2 88@0..16, searching@17..28
         b.spo2 85@1..25
         kill@26..26
         until 28",
        "15.000 spo2_low start medium present on
         26.000 spo2_low continue medium indeterminate on restarted=yes
         27.000 source_switched start low present on",
    );
}

#[test]
fn e29_a_level_that_is_no_more_after_a_restart_is_not_waited_for() {
    let mut without = policy();
    without.rules.get_mut(&(Vital::Spo2, Direction::Low)).unwrap().extreme = None;
    // The level further out was pending, and would be due at 5.000.
    check_policies(
        &[policy(), without],
        "next 1@0
         spo2 78@0..2
         kill@3..20
         until 26",
        "24.000 no_data start medium present on",
    );
}

#[test]
fn e35_where_the_believed_source_is_no_more_another_is_believed_at_once() {
    let mut policy = policy();
    policy.rules.get_mut(&(Vital::Spo2, Direction::Low)).unwrap().clear_delay = Duration::from_secs(3);
    check_policies(
        &[policy],
        "prefer spo2 b monitor
         b.spo2 88@0..15
         spo2 97@0..16
         remove b@15
         kill@16..17
         until 20",
        "15.000 spo2_low start medium present on
         17.000 spo2_low continue medium indeterminate on restarted=yes
         19.000 spo2_low end medium clear off",
    );
}

#[test]
fn e35_what_came_and_went_while_nobody_listened_has_latched() {
    let mut policy = policy();
    policy.rules.get_mut(&(Vital::Spo2, Direction::Low)).unwrap().clear_delay = Duration::from_secs(3);
    // Present at 5.000, by a source that is left at 18.000 for one whose value has long been in.
    let told = super::script::run(
        policy,
        "period 60
         b.spo2 78@0, 78@3
         spo2 97@1
         kill@4..30
         until 30",
    );
    let told: Vec<_> = told.iter().map(render).filter(|it| it.contains("spo2_low")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("30.000 spo2_low start high clear latched"), "{told:?}");
}

#[test]
fn e35_a_device_that_is_no_more_does_not_say_that_there_is_no_breath() {
    let mut policy = policy();
    policy.apnea.insert(Vital::RespRate, ApneaRule { time: Duration::from_secs(20), fallback_for: None });
    let told = super::script::run(
        policy,
        "flag apnea on@1
         remove monitor@2
         kill@3..4
         b.resp_rate 12@6..8
         until 8",
    );
    let told: Vec<_> = told.iter().map(render).filter(|it| it.contains("apnea")).collect();
    assert!(told.last().is_some_and(|it| it.contains("6.000 apnea update high clear latched")), "{told:?}");
}

#[test]
fn e35_a_switch_of_another_boot_is_over_as_if_no_time_had_passed() {
    // Switched at 19.000, for 60 s; 49 of them are left.
    let told = super::script::run(
        policy(),
        "prefer spo2 monitor b
         spo2 97@0..4
         b.spo2 97@1..29
         boot@30..100
         until 150",
    );
    let ended = told.iter().find(|it| it.phase == Phase::End && it.code == Code::SourceSwitched(Vital::Spo2));
    assert_eq!(ended.map(|it| it.at.as_millis()), Some(149_000), "{told:#?}");
}
