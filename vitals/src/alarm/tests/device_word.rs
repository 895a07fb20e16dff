//! E38: what a device raises an alarm for itself, what is set on it, and who it is.

use alloc::format;
use alloc::vec::Vec;

use super::script::{check, policy, run};
use crate::alarm::event::Phase;

#[test]
fn e38_what_a_device_raises_itself_is_told_from_its_first_to_its_last_word_and_changes_nothing_of_ours() {
    check(
        "spo2 97@0..30
         raises SL@3.5
         raises SL:high+BT@6.5
         raises BT@9.5
         raises nothing@12.5
         until 30",
        "3.500 device_alarm start medium present on cause=SL
         6.500 device_alarm escalate high present on cause=SL
         6.500 device_alarm start low present on cause=BT
         9.500 device_alarm end high clear off cause=SL
         12.500 device_alarm end low clear off cause=BT",
    );
}

#[test]
fn e38_nobody_is_sent_to_what_the_device_sounds_itself() {
    // No escalation of attention after 20 s, and no pause of ours covers it.
    let told = run(policy(), "spo2 97@0..90\nraises AP@1\nalarm_paused 60@2\nuntil 90");
    let own: Vec<_> = told.iter().filter(|it| it.code.is_of_device()).collect();
    assert_eq!(own[0].phase, Phase::Start);
    assert!(own[1..].iter().all(|it| it.phase == Phase::Continue), "{own:?}");
    assert!(own.iter().all(|it| it.escalation_level == 0 && it.until.is_none()), "{own:?}");
}

#[test]
fn e38_of_a_silent_device_nobody_knows_and_one_whose_line_was_lost_begins_anew() {
    check(
        "spo2 97@0..10, 97@40..50
         raises SL@3.5
         until 50",
        "3.500 device_alarm start medium present on
         15.000 no_data start medium
         18.500 device_alarm continue
         25.000 device_alarm update medium indeterminate on
         30.000 no_data continue
         40.000 device_alarm continue medium indeterminate on
         40.000 no_data end
         40.000 device_alarm update medium present on",
    );
    // What another connection has not said yet is not known, though the device speaks.
    check(
        "spo2 97@0..50
         raises SL@3.5
         gone@10.5
         back@11.5
         raises nothing@30.5
         until 35",
        "3.500 device_alarm start medium present on
         10.500 port_gone start
         11.000 port_gone end
         18.500 device_alarm continue medium present on
         20.500 device_alarm update medium indeterminate on
         30.500 device_alarm end medium clear off",
    );
}

#[test]
fn e38_over_a_restart_it_is_kept_until_the_device_says_what_is_now() {
    check(
        "spo2 97@0..5, 97@8..20
         raises SL@3.5
         kill@6..7
         raises SL@9.5
         raises nothing@15.5
         until 20",
        "3.500 device_alarm start medium present on
         7.000 device_alarm continue medium indeterminate on restarted=yes
         9.500 device_alarm update medium present on
         15.500 device_alarm end medium clear off",
    );
}

#[test]
fn e38_limits_that_differ_for_a_minute_are_an_advisory() {
    check(
        "spo2 97@0..100
         set spo2=85-none@1.5
         set spo2=90-100@80.5
         until 100",
        "61.500 limits_differ start low present on cause=SpO2_low_85_there,_90_here
         76.500 limits_differ continue
         80.500 limits_differ end low clear off",
    );
}

#[test]
fn e38_another_serial_number_on_the_line_is_another_device() {
    check(
        "spo2 97@0..20
         identity 93112@1.5
         identity 93112@5.5
         identity 93114@9.5
         until 12",
        "9.500 device_changed start medium present on",
    );
}

#[test]
fn e38_what_the_agent_sees_of_a_line_begins_anew_with_it() {
    check(
        "spo2 97@0..20
         flag clock_skew on@2.5
         kill@5..6
         until 20",
        "2.500 clock_skew start low present on
         6.000 clock_skew continue low indeterminate on restarted=yes
         6.000 clock_skew end low clear off",
    );
}

#[test]
fn e38_a_bad_line_is_as_bad_with_another_device() {
    for limb in ["", "same_limb"] {
        let script = format!(
            "{limb}
             spo2 97@0..12
             flag bad_data_rate on@2.5
             flag device_battery on@3.5
             device@5.5
             until 12"
        );
        let expected = "2.500 bad_data_rate start low present on
         3.500 device_battery start low present on
         5.500 bad_data_rate end low clear off
         5.500 device_battery end low clear off
         5.500 device_changed start medium present on
         5.500 bad_data_rate start low present on onset=5.500";
        check(&script, expected);
    }
}
