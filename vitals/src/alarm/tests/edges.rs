//! Where a small change of the code would tell something else and no other row notices: found by mutation (`tests/mutants`).

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::script::{check, check_answers, check_policies, check_policy, policy, render, run};
use crate::alarm::AlarmEngine;
use crate::alarm::event::{AlarmIds, Phase};
use crate::alarm::policy::{AlarmPolicy, ApneaRule, SourceSetup};
use crate::alarm::snapshot::Boot;
use crate::name::Name;
use crate::reading::Mode;
use crate::time::Uptime;
use crate::vital::Vital;

/// What a script tells, without what only goes on.
fn changes(script: &str) -> Vec<String> {
    changes_by(policy(), script)
}

fn changes_by(policy: AlarmPolicy, script: &str) -> Vec<String> {
    let told = run(policy, script);
    told.iter().map(render).filter(|it| !it.contains(" continue ")).collect()
}

/// NEWS2 and nothing else.
fn scored() -> AlarmPolicy {
    AlarmPolicy { news2: true, rules: BTreeMap::new(), ..policy() }
}

fn begins(told: &[String], expected: &[&str]) {
    let all =
        told.len() == expected.len() && told.iter().zip(expected).all(|(it, begin)| it.starts_with(begin));
    assert!(all, "told {told:#?}\nexpected {expected:#?}");
}

#[test]
fn e24_an_off_lasts_eight_hours_and_no_longer() {
    check_answers(
        "spo2 97@0..
         audio_off 28800@1
         audio_off 28800.001@2
         alarm_off spo2_low 28800@3
         alarm_off spo2_low 28800.001@4
         until 4",
        "1.000 accepted
         2.000 too_long
         3.000 accepted
         4.000 too_long",
    );
}

#[test]
fn e30_another_device_makes_a_present_apnea_indeterminate() {
    let apnea =
        BTreeMap::from([(Vital::RespRate, ApneaRule { time: Duration::from_secs(20), fallback_for: None })]);
    check_policy(
        AlarmPolicy { apnea, ..policy() },
        "resp_rate 12@0..9, 0@10..31
         device@31
         until 31.5",
        "29.000 apnea start high present on
         31.000 apnea update high indeterminate on
         31.000 device_changed start medium present on",
    );
}

#[test]
fn e31_the_time_of_a_message_of_the_cuff_alone_is_another_measurement() {
    let told = changes(
        "nibp_interval 60
         spo2 97@1..59, 97@61..
         nibp_systolic 120@0, 120@60
         device_time 2026-01-01T00:00:00@0
         device_time 2026-01-01T00:01:00@60
         until 150",
    );
    begins(&told, &["150.000 nibp_stale start low present on"]);
    // The same time again is none.
    let told = changes(
        "nibp_interval 60
         spo2 97@1..59, 97@61..
         nibp_systolic 120@0, 120@60
         device_time 2026-01-01T00:00:00@0..60
         until 90",
    );
    begins(&told, &["90.000 nibp_stale start low present on"]);
}

#[test]
fn e6_a_cuff_is_not_missed_while_nobody_was_reading() {
    let told = changes(
        "nibp_interval 60
         nibp_systolic 120@0
         spo2 97@1..10, 97@41..
         stall@10..40
         until 120",
    );
    begins(&told, &["120.000 nibp_stale start low present on"]);
}

#[test]
fn e28_signs_of_life_count_only_while_somebody_looks() {
    let told = changes(
        "spo2 97@0..9, 97@40..
         standby@5
         stall@9..39
         until 155",
    );
    begins(
        &told,
        &[
            "5.000 alarms_inactive start low present on",
            "155.000 no_patient start low present on",
            "155.000 alarms_inactive end",
        ],
    );
}

#[test]
fn e33_what_falls_back_is_dropped_when_the_other_vital_is_back() {
    check(
        "heart_rate lead_off@0..14, 80@15..
         pulse_rate 40@0..
         until 40",
        "10.000 sensor_off start low
         18.000 sensor_off end",
    );
}

#[test]
fn e22_who_saw_it_before_it_escalated_is_not_reminded() {
    let told = run(
        policy(),
        "spo2 88@0..19, 78@20..
         ack@18
         until 200",
    );
    let reminders: Vec<_> = told.iter().filter(|it| it.reminder).map(render).collect();
    assert!(reminders.is_empty(), "{reminders:#?}");
}

#[test]
fn e34_the_times_of_another_boot_are_moved_as_if_no_time_had_passed() {
    check(
        "spo2 88@0..20
         boot@20..22
         until 22",
        "15.000 spo2_low start medium present on onset=0.000 decided=15.000
         22.000 spo2_low continue medium indeterminate on onset=2.000 decided=17.000 restarted=yes",
    );
}

#[test]
fn e35_the_alarm_of_a_source_that_is_gone_is_reset() {
    let setup = |name: &str| {
        SourceSetup::new(Arc::new(Name::parse(name).unwrap()), Duration::from_secs(1), Mode::Live)
    };
    let (at, up) = (Uptime::from_millis(10_000), Uptime::from_millis(11_000));
    let mut ids = AlarmIds::new("run".into());
    let mut engine = AlarmEngine::new(policy(), vec![setup("a"), setup("b")], BTreeMap::new(), Uptime::ZERO);
    engine.handle_timeout(at, &mut ids);
    let kept = engine.snapshot(at);
    let mut engine = AlarmEngine::restore(policy(), vec![setup("a")], BTreeMap::new(), &kept, Boot::Same, up);
    engine.handle_timeout(up, &mut ids);
    let mut told = Vec::new();
    while let Some(event) = engine.poll_event() {
        told.push((event.phase, event.source.unwrap().to_string(), event.reason));
    }
    let removed = Some(String::from("source removed"));
    assert_eq!(told, [(Phase::Reset, "b".to_string(), removed), (Phase::Continue, "a".to_string(), None)]);
}

#[test]
fn news2_a_pressure_counts_for_four_hours() {
    // Looked at every minute; four hours after it was measured for the last time.
    let told = changes_by(
        scored(),
        "period 60
         resp_rate 15@0..
         nibp_systolic 90@0
         until 14520",
    );
    begins(&told, &["120.000 news2 start medium present on", "14520.000 news2 end"]);
}

#[test]
fn news2_is_looked_at_a_minute_after_the_reload_that_enabled_it() {
    check_policies(
        &[AlarmPolicy { news2: false, ..scored() }, scored()],
        "resp_rate 25@0..
         policy 1@90
         until 210",
        "210.000 news2 start medium present on",
    );
}

#[test]
fn news2_takes_the_pressure_of_an_arterial_line() {
    check_policy(
        scored(),
        "abp_systolic 85@0..
         until 120",
        "120.000 news2 start medium present on",
    );
}

#[test]
fn news2_takes_the_last_value_of_a_source_that_speaks_seldom() {
    check_policy(
        scored(),
        "period 120
         resp_rate 25@0..
         until 120",
        "120.000 news2 start medium present on",
    );
}

#[test]
fn news2_of_another_patient_begins_anew() {
    let told = changes_by(
        scored(),
        "resp_rate 25@0..
         admit s-1@0
         admit s-2@130
         until 240",
    );
    let expected = [
        "120.000 news2 start medium present on",
        "130.000 news2 reset",
        "240.000 news2 start medium present on",
    ];
    begins(&told, &expected);
}

#[test]
fn news2_is_not_looked_at_while_nobody_was_reading() {
    check_policy(
        scored(),
        "resp_rate 25@0..29, 25@61..
         stall@30..60
         until 150",
        "150.000 news2 start medium present on",
    );
}

#[test]
fn e28_sources_that_disagree_are_nobodys_matter_during_standby() {
    let told = changes(
        "prefer spo2 monitor b
         spo2 97@0..
         b.spo2 85@0..
         standby@1
         until 60",
    );
    begins(&told, &["1.000 alarms_inactive start low present on"]);
}
