//! A bed and its patients: standby, discharge, admission, other rules and limits (E24, E28, E29).

use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::script::{check, check_answers, check_policies, check_policy, play, policy, rule};
use crate::alarm::event::{Direction, Priority};
use crate::alarm::policy::{AlarmPolicy, StayRules};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::time::Uptime;
use crate::vital::Vital;

#[test]
fn e28_standby_ends_every_alarm_and_begins_none_until_somebody_is_back() {
    check(
        "spo2 88@0..19, 78@20..49, 88@60..
         etco2 sensor_off@0..
         standby@17
         resume@60
         until 76",
        "10.000 sensor_off start low
         15.000 spo2_low start medium
         17.000 spo2_low reset medium clear off reason=asked
         17.000 sensor_off reset low clear off reason=asked
         17.000 alarms_inactive start low present on cause=standby
         32.000 alarms_inactive continue
         47.000 alarms_inactive continue
         60.000 alarms_inactive end
         70.000 sensor_off start low present on onset=60.000
         75.000 spo2_low start medium present on onset=60.000",
    );
}

#[test]
fn e28_two_minutes_of_life_end_a_standby_and_the_stay() {
    let mut script = alloc::string::String::from(
        "spo2 97@0..9, sensor_off@10..29, 85@30..
         admit s-1@0
         limits spo2 low 84 75@1
         alarm_off heart_rate_low 3600@2
         standby@5
         ",
    );
    script += "until 166";
    let told = super::script::run(policy(), &script);
    let lines: alloc::vec::Vec<_> =
        told.iter().map(super::script::render).filter(|it| !it.contains("continue")).collect();
    // Life from 0 on was broken at 10; unbroken from 30: over at 150, and the limit is 90 again.
    let expected = [
        "2.000 alarms_inactive start low present on",
        "5.000 alarms_inactive update low present on",
        "150.000 no_patient start low present on",
        "150.000 alarms_inactive end low clear off",
        "165.000 spo2_low start medium present on",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    check_answers(
        "spo2 97@0..
         admit s-1@0
         of s-1 audio_off 60@1
         of s-2 audio_off 60@2
         discharge@3
         of s-1 audio_off 60@4
         until 4",
        "0.000 accepted
         1.000 accepted
         2.000 other_stay
         3.000 accepted
         4.000 other_stay",
    );
}

#[test]
fn e28_a_new_stay_inherits_nothing() {
    check(
        "spo2 88@0..
         admit s-1@0
         alarm_off heart_rate_low 3600@3
         admit s-2@17
         until 32",
        "3.000 alarms_inactive start cause=alarm_off_heart_rate_low
         15.000 spo2_low start medium present on
         17.000 spo2_low reset medium clear off reason=new_stay
         17.000 alarms_inactive end
         32.000 spo2_low start medium present on onset=17.000",
    );
}

#[test]
fn e29_an_operators_limits_judge_the_value_in_force() {
    check(
        "spo2 88@0..
         limits spo2 low 86 75@17
         until 22",
        "15.000 spo2_low start medium present on limit=90
         17.000 spo2_low update medium present on limit=86
         22.000 spo2_low end medium clear off",
    );
    check_answers(
        "spo2 97@0..
         limits spo2 low 101@1
         limits spo2 low 86 86@2
         limits spo2 low 70@3
         limits spo2 high 99@4
         technician limits spo2 low 86@5
         limits heart_rate low 119@6
         limits heart_rate low 117@7
         until 8",
        "1.000 not_sensible
         2.000 not_sensible
         3.000 not_sensible
         4.000 no_such_rule
         5.000 not_allowed
         6.000 not_sensible
         7.000 accepted",
    );
}

#[test]
fn e29_rules_that_did_not_change_keep_their_state() {
    let mut other = policy();
    other.rules.get_mut(&(Vital::HeartRate, Direction::Low)).unwrap().limit.limit = Quantity::from_whole(45);
    other.rules.remove(&(Vital::NibpSystolic, Direction::Low));
    // SpO2 goes on; the heart rate begins anew, and 44 is below 45 too; the cuff's rule is no more.
    check_policies(
        &[policy(), other],
        "spo2 88@0..
         heart_rate 44@0..
         nibp_systolic 85@0..
         policy 1@9
         until 19",
        "0.000 nibp_systolic_low start medium
         9.000 nibp_systolic_low reset medium clear off reason=rule_removed
         15.000 spo2_low start medium present on onset=0.000
         19.000 heart_rate_low start medium present on onset=9.000 limit=45",
    );
}

#[test]
fn what_operators_have_changed_is_known_to_who_comes_late() {
    use crate::alarm::engine::{Inactive, Inactivity};
    let bed = play(
        policy(),
        "spo2 97@0..
         audio_off 3600@1
         physician alarm_off! spo2_low 600@2
         physician limits heart_rate low 45 30@3
         until 10",
    );
    let told = |it: &Inactive| {
        let rule = it.rule.map(|it| it.to_string());
        (it.what, rule, it.until.map(Uptime::as_millis))
    };
    let inactive: Vec<_> = bed.engine.inactive().iter().map(told).collect();
    let expected = [
        (Inactivity::AudioOff, None, Some(3_601_000)),
        (Inactivity::AlarmAndExtremeOff, Some("spo2_low".into()), Some(602_000)),
    ];
    assert_eq!(inactive, expected);
    // The limits of every rule, those of one that is off too; of the file's only the limit was changed.
    let limits: Vec<_> = bed.engine.limits_in_force().collect();
    assert_eq!(limits.len(), policy().rules.len());
    let of = |rule: &str| {
        let it = limits.iter().find(|it| it.rule.to_string() == rule).unwrap();
        (it.limit.to_string(), it.extreme.map(|it| it.to_string()), it.changed)
    };
    assert_eq!(of("heart_rate_low"), ("45".into(), Some("30".into()), true));
    assert_eq!(of("spo2_low"), ("90".into(), Some("80".into()), false));
    let standby = play(policy(), "spo2 97@0..9\nstandby@10\nuntil 20");
    assert_eq!(standby.engine.inactive()[0].what, Inactivity::Standby);
}

/// The file's rules, and of one patient: a lower limit of SpO2, and a high one that nobody else has.
fn policy_of(stay: &str) -> AlarmPolicy {
    let mut policy = policy();
    let mut rules = policy.rules.clone();
    rules.get_mut(&(Vital::Spo2, Direction::Low)).unwrap().limit.limit = Quantity::from_whole(86);
    rules.insert((Vital::Spo2, Direction::High), rule((94, 10, Priority::Low, false), None, 1, 3));
    let own = StayRules { rules, apnea: policy.apnea.clone() };
    policy.of_stays.insert(Name::parse(stay).unwrap(), own);
    policy
}

#[test]
fn h12_what_the_file_says_for_one_stay_holds_for_no_other() {
    check_policy(
        policy_of("s-1"),
        "spo2 88@0..
         admit s-2@20
         admit s-1@40
         admit s-3@70
         until 85",
        "15.000 spo2_low start medium limit=90
         20.000 spo2_low reset reason=new_stay
         35.000 spo2_low start medium onset=20.000 limit=90
         40.000 spo2_low reset reason=new_stay
         85.000 spo2_low start medium onset=70.000 limit=90",
    );
    check_policy(
        policy_of("s-1"),
        "spo2 96@0..
         admit s-1@0
         discharge@20
         until 30",
        "10.000 spo2_high start low limit=94
         20.000 spo2_high reset reason=rule_removed
         20.000 alarms_inactive start cause=standby",
    );
    let follows = |script: &str| play(policy_of("s-1"), script).engine.follows_stay();
    assert_eq!(follows("spo2 97@0..\nuntil 1"), Some(false));
    assert_eq!(follows("spo2 97@0..\nadmit s-1@0\nuntil 1"), Some(true));
    assert_eq!(play(policy(), "spo2 97@0..\nadmit s-1@0\nuntil 1").engine.follows_stay(), None);
}

#[test]
fn h12_a_stay_keeps_its_rules_over_a_restart_and_ends_with_them() {
    for end in ["kill", "boot"] {
        let script = alloc::format!("spo2 88@0..\nadmit s-1@0\n{end}@20..21\nadmit s-2@40\nuntil 55");
        check_policy(policy_of("s-1"), &script, "55.000 spo2_low start onset=40.000 limit=90");
        // What an operator changed lies over what the file says for the stay, and ends with it too.
        let script = alloc::format!(
            "spo2 88@0..\nadmit s-1@0\nlimits spo2 low 80 70@1\n{end}@20..21\nadmit s-2@30\nadmit s-1@31\nuntil 50"
        );
        check_policy(policy_of("s-1"), &script, "");
        let script = alloc::format!(
            "spo2 88@0..\nadmit s-2@0\nlimits spo2 low 80 70@1\n{end}@20..21\nadmit s-3@30\nuntil 45"
        );
        check_policy(policy_of("s-1"), &script, "45.000 spo2_low start onset=30.000 limit=90");
    }
}

#[test]
fn h12_a_later_file_may_say_something_of_the_stay_that_goes_on() {
    check_policies(
        &[policy(), policy_of("s-1")],
        "spo2 88@0..
         admit s-1@0
         policy 1@17
         policy 0@30
         until 45",
        "15.000 spo2_low start medium present on limit=90
         17.000 spo2_low update medium present on limit=86
         22.000 spo2_low end medium clear off
         45.000 spo2_low start medium onset=30.000 limit=90",
    );
}

#[test]
fn h6_a_silent_source_misses_nothing_when_a_bed_begins_anew() {
    check(
        "spo2 97@0..4
         admit s-2@50
         until 83",
        "9.000 no_data start medium present on
         24.000 no_data continue
         39.000 no_data continue
         54.000 no_data continue
         69.000 no_data continue",
    );
}
