//! NEWS2 of a bed: what it rests on, when it is looked at, and how urgent that is.

use super::script::{check_policy, policy};
use crate::alarm::policy::AlarmPolicy;

fn scored() -> AlarmPolicy {
    AlarmPolicy { news2: true, rules: alloc::collections::BTreeMap::new(), ..policy() }
}

#[test]
fn two_evaluations_raise_it_and_two_lower_it() {
    // RR 25 scores 3 alone: medium. With SpO2 91 and on oxygen 8: high.
    check_policy(
        scored(),
        "resp_rate 25@0..250, 15@251..
         spo2 97@0..
         pulse_rate 80@0..
         nibp_systolic 120@0
         temperature 37@0..
         observe consciousness A@1
         observe oxygen air@1
         until 480",
        "120.000 news2 start medium present on cause=3 text=NEWS2_3
         135.000 news2 continue
         150.000 news2 continue
         165.000 news2 continue
         180.000 news2 continue
         195.000 news2 continue
         210.000 news2 continue
         225.000 news2 continue
         240.000 news2 continue
         255.000 news2 continue
         270.000 news2 continue
         285.000 news2 continue
         300.000 news2 continue
         315.000 news2 continue
         330.000 news2 continue
         345.000 news2 continue
         360.000 news2 continue
         375.000 news2 continue
         390.000 news2 continue
         405.000 news2 continue
         420.000 news2 continue
         435.000 news2 continue
         450.000 news2 continue
         465.000 news2 continue
         480.000 news2 end",
    );
}

#[test]
fn what_is_not_known_is_a_range_and_its_least_decides() {
    // 3 + 3 + 3 known points, and up to 3 + 3 + 2 + … not known.
    check_policy(
        scored(),
        "resp_rate 25@0..
         spo2 91@0..
         pulse_rate 131@0..
         until 120",
        "120.000 news2 start high present on cause=9_to_20",
    );
}

#[test]
fn a_pregnant_patient_has_no_score() {
    check_policy(
        scored(),
        "resp_rate 25@0..
         observe pregnant yes@1
         until 240",
        "",
    );
}
