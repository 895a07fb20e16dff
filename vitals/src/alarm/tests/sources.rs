//! Several sources of one bed (E33). `b.spo2` is what source `b` says; `prefer spo2 monitor b` says who is believed.

use super::script::check;

#[test]
fn e33_a_switch_of_sources_is_said_for_a_minute() {
    check(
        "prefer spo2 monitor b
         spo2 97@0..9, searching@10..
         b.spo2 96@1..
         until 81",
        "20.000 source_switched start low present on cause=spo2 source=b
         35.000 source_switched continue
         40.000 no_value start low
         50.000 source_switched continue
         55.000 no_value continue
         65.000 source_switched continue
         70.000 no_value continue
         80.000 source_switched end low clear off",
    );
}

#[test]
fn e33_what_two_sources_say_may_differ_a_little_and_not_for_long() {
    check(
        "spo2 97@0..
         b.spo2 92@0..9, 91@10..50, 97@51..
         until 60",
        "40.000 sources_disagree start low present on onset=10.000 cause=spo2 source=b
         54.000 sources_disagree end low clear off",
    );
}
