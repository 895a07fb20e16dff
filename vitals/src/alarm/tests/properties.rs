//! What holds for every sequence of inputs.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::script::{Bed, Input, observation, policy, render};
use crate::alarm::event::{AlarmEvent, Condition, Kind, Phase, Signal};
use crate::alarm::snapshot::Boot;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement};
use crate::time::{DeviceTime, Uptime};
use crate::vital::Vital;

/// How long after the last input timers still run.
const AFTER: u64 = 60_000;

fn measurements() -> impl Strategy<Value = Vec<Measurement>> {
    let vital = prop::sample::select(vec![
        Vital::HeartRate,
        Vital::PulseRate,
        Vital::Spo2,
        Vital::NibpSystolic,
        Vital::Temperature,
        Vital::RespRate,
        Vital::RespRateImpedance,
    ]);
    let value = prop_oneof![
        6 => (0_i16..200).prop_map(|it| Ok(Quantity::from_whole(it))),
        6 => (76_i16..94).prop_map(|it| Ok(Quantity::from_whole(it))),
        3 => prop::sample::select(Absent::ALL.to_vec()).prop_map(Err),
    ];
    prop::collection::btree_map(vital, value, 0..4).prop_map(|it| {
        it.into_iter()
            .map(|(vital, value)| match value {
                Ok(value) => Measurement::value(vital, value),
                Err(reason) => Measurement::absent(vital, reason),
            })
            .collect()
    })
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        12 => measurements().prop_map(Input::Sample),
        1 => prop::sample::select(WORDS.to_vec()).prop_map(|it| Input::Do(it.into())),
    ]
}

/// What can be done to a bed that keeps its alarms comparable over a restart.
const WORDS: [&str; 11] = [
    "gone",
    "back",
    "late",
    "frame",
    "reset all",
    "audio_paused 60",
    "audio_paused 0",
    "audio_off 200",
    "alarm_paused 30",
    "alarm_off spo2_low 60",
    "physician alarm_off! heart_rate_low 40",
];

/// All that can be done.
const MORE: [&str; 25] = [
    "acknowledge 1",
    "acknowledge 2",
    "acknowledge 3",
    "reset 2",
    "reset 4",
    "standby",
    "resume",
    "discharge",
    "admit s-1",
    "admit s-2",
    "of s-1 audio_off 60",
    "observe consciousness U",
    "observe oxygen oxygen",
    "physician observe scale 2",
    "limits spo2 low 85 70",
    "limits heart_rate high 130",
    "physician alarm_off! apnea 30",
    "policy 0",
    "policy 1",
    "device",
    "lost mqtt",
    "flag apnea on",
    "flag apnea off",
    "flag device_battery on",
    "flag cuff_inflating on",
];

/// Everything that can happen to a bed that has everything.
fn any_input() -> impl Strategy<Value = Input> {
    let source = prop::sample::select(vec!["monitor", "b", "c"]);
    let time = prop::option::of(Just(DeviceTime::parse("2026-01-01T00:00:00Z").unwrap()));
    let said = (source, measurements(), time);
    prop_oneof![
        12 => said.prop_map(|(source, it, time)| Input::Said(source.into(), it, time)),
        2 => prop::sample::select(MORE.to_vec()).prop_map(|it| Input::Do(it.into())),
        1 => prop::sample::select(WORDS.to_vec()).prop_map(|it| Input::Do(it.into())),
    ]
}

/// Inputs with the milliseconds since the one before; a run of equal inputs makes delays come to their end.
fn inputs() -> impl Strategy<Value = Vec<(Uptime, Input)>> {
    runs_of(input())
}

fn runs_of(input: impl Strategy<Value = Input>) -> impl Strategy<Value = Vec<(Uptime, Input)>> {
    let step = prop_oneof![8 => Just(1000_u64), 3 => 0_u64..3000, 1 => 3000_u64..40_000];
    let run = (input, prop::collection::vec(step, 1..20));
    prop::collection::vec(run, 1..12).prop_map(|runs| {
        let mut at = 0;
        let mut inputs = vec![];
        for (input, steps) in runs {
            for step in steps {
                at += step;
                inputs.push((Uptime::from_millis(at), input.clone()));
            }
        }
        inputs
    })
}

fn run(inputs: &[(Uptime, Input)], between: impl Fn(&mut Bed, Uptime)) -> Vec<AlarmEvent> {
    play(Bed::new(policy(), 1000), inputs, between).told
}

fn play(mut bed: Bed, inputs: &[(Uptime, Input)], between: impl Fn(&mut Bed, Uptime)) -> Bed {
    for (at, input) in inputs {
        between(&mut bed, *at);
        bed.apply(*at, input);
    }
    let end = inputs.last().map_or(0, |(at, _)| at.as_millis()) + AFTER;
    between(&mut bed, Uptime::from_millis(end));
    bed.engine.handle_timeout(Uptime::from_millis(end), &mut bed.ids);
    bed.drain();
    bed
}

/// Asks the engine every so many milliseconds, without need.
fn often(every: u64) -> impl Fn(&mut Bed, Uptime) {
    move |bed, until| {
        let mut at = bed.told.last().map_or(0, |it| it.at.as_millis());
        while at < until.as_millis() {
            bed.engine.handle_timeout(Uptime::from_millis(at), &mut bed.ids);
            at += every;
        }
        bed.drain();
    }
}

fn lines(events: &[AlarmEvent]) -> Vec<String> {
    events.iter().map(render).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// E2: when the engine is asked does not matter, only when things happened.
    #[test]
    fn extra_timeouts_change_nothing(inputs in inputs(), every in 1_u64..7000) {
        let plain = run(&inputs, |_, _| ());
        let often = run(&inputs, often(every));
        prop_assert_eq!(lines(&plain), lines(&often));
    }

    /// The same input gives the same output, bit for bit, however often the engine is asked; and nothing panics.
    #[test]
    fn the_same_input_gives_the_same_alarms(inputs in runs_of(any_input()), every in 1_u64..7000) {
        let once = play(Bed::full(), &inputs, |_, _| ());
        let twice = play(Bed::full(), &inputs, |_, _| ());
        prop_assert_eq!(&once.told, &twice.told);
        let times = once.told.iter().zip(once.told.iter().skip(1));
        prop_assert!(times.clone().all(|(a, b)| a.at <= b.at), "time does not go back");
        let often = play(Bed::full(), &inputs, often(every));
        prop_assert_eq!(&once.told, &often.told);
        prop_assert_eq!(once.answers, often.answers);
    }

    /// E34: what a snapshot keeps is there again, whatever had happened; only the alarms say that they were kept.
    #[test]
    fn what_is_kept_is_kept(inputs in runs_of(any_input())) {
        let mut bed = Bed::full();
        for (at, input) in &inputs {
            bed.apply(*at, input);
        }
        let at = inputs.last().unwrap().0;
        bed.engine.handle_timeout(at, &mut bed.ids);
        bed.drain();
        prop_assert_eq!(bed.engine.is_worth_keeping(), bed.engine.snapshot(at).is_worth_keeping());
        let before = serde_json::to_value(bed.engine.snapshot(at)).unwrap();
        let open: Vec<_> = bed.engine.open().map(|it| it.id).collect();
        bed.told.clear();
        bed.restart(at, Boot::Same, at);
        bed.drain();
        let after = serde_json::to_value(bed.engine.snapshot(at)).unwrap();
        for field in ["mode", "choices", "changes", "score", "profile", "inactive", "stay", "answered"] {
            prop_assert_eq!(&before[field], &after[field], "{}", field);
        }
        let still: Vec<_> = bed.engine.open().map(|it| it.id).collect();
        prop_assert_eq!(open, still);
        let quiet = bed.told.iter().all(|it| it.phase == Phase::Continue && it.restarted);
        prop_assert!(quiet, "{:?}", lines(&bed.told));
        for (kept, again) in before["limits"].as_array().unwrap().iter().zip(after["limits"].as_array().unwrap()) {
            for field in ["limit", "extreme", "worse", "last", "gate", "off"] {
                prop_assert_eq!(&kept[2][field], &again[2][field], "{}", field);
            }
        }
    }

    /// Each alarm's story: it starts, its changes are counted without a hole, and after its end it is silent.
    #[test]
    fn each_alarm_tells_one_story(inputs in inputs()) {
        let told = run(&inputs, |_, _| ());
        prop_assert!(told.iter().zip(told.iter().skip(1)).all(|(a, b)| a.at <= b.at));
        let mut stories: BTreeMap<u64, Vec<&AlarmEvent>> = BTreeMap::new();
        for event in &told {
            stories.entry(event.id.number).or_default().push(event);
        }
        for story in stories.values() {
            prop_assert_eq!(story[0].phase, Phase::Start);
            let mut revision = 0;
            for (index, event) in story.iter().enumerate() {
                revision += u32::from(event.phase != Phase::Continue);
                prop_assert_eq!(event.revision, revision);
                let ended = matches!(event.phase, Phase::End | Phase::Reset);
                prop_assert_eq!(ended, event.signal == Signal::Off);
                prop_assert!(!ended || index + 1 == story.len(), "silent after its end");
                prop_assert!(event.onset_at <= event.decided_at && event.decided_at <= event.at);
                prop_assert!(event.peak_priority >= event.priority);
            }
            // One net record a step: two records of one alarm at one time are a deadline's and an input's.
            prop_assert!(story.windows(3).all(|it| it[0].at < it[2].at || inputs.iter().filter(|(at, _)| *at == it[0].at).count() > 1));
        }
    }

    /// E34: what a restart in no time changes is what it says of the restart, and `continue`s.
    #[test]
    fn a_restart_in_no_time_loses_nothing(inputs in inputs(), cut in 0_usize..100) {
        let cut = cut % inputs.len();
        let plain = run(&inputs, |_, _| ());
        let moment = inputs[cut].0;
        let mut open = vec![];
        let restarted = {
            let mut bed = Bed::new(policy(), 1000);
            for (index, (at, input)) in inputs.iter().enumerate() {
                bed.apply(*at, input);
                if index == cut {
                    open.extend(bed.engine.open().map(|it| it.code));
                    bed.restart(moment, Boot::Same, moment);
                    bed.drain();
                }
            }
            let end = Uptime::from_millis(inputs.last().unwrap().0.as_millis() + AFTER);
            bed.engine.handle_timeout(end, &mut bed.ids);
            bed.drain();
            bed.told
        };
        // An indeterminate alarm may be reset where a present one may not: those sequences differ rightly.
        let resets = plain.iter().chain(&restarted).any(|it| it.phase == Phase::Reset);
        prop_assume!(!resets);
        let essence = |events: &[AlarmEvent]| -> Vec<String> {
            let mut lines: Vec<String> = events
                .iter()
                // What was open waits for a word that is new, which the other does not.
                .filter(|it| !open.contains(&it.code))
                // What a source no longer names is missed only once it has been heard again (H6).
                .filter(|it| it.kind == Kind::Physiological)
                .filter(|it| it.phase != Phase::Continue)
                .filter(|it| it.phase != Phase::Update || it.condition == Condition::Clear)
                .map(|it| alloc::format!("{:?} {} {:?} {:?} {:?}", it.at, it.code, it.phase, it.priority, it.onset_at))
                .collect();
            lines.sort();
            lines
        };
        prop_assert_eq!(essence(&plain), essence(&restarted));
    }

    /// A boot between: alarms are kept, pending levels are not, and nothing panics.
    #[test]
    fn another_boot_keeps_the_open_alarms(inputs in inputs(), up in 0_u64..100_000) {
        let mut bed = Bed::new(policy(), 1000);
        for (at, input) in &inputs {
            bed.apply(*at, input);
        }
        bed.drain();
        let open: Vec<_> = bed.engine.open().map(|it| (it.id, it.priority)).collect();
        bed.told.clear();
        bed.restart(inputs.last().unwrap().0, Boot::Other, Uptime::from_millis(up));
        bed.drain();
        let told: Vec<_> = bed.told.iter().filter(|it| it.restarted).map(|it| (it.id.clone(), it.priority)).collect();
        let mut sorted = (open, told);
        sorted.0.sort();
        sorted.1.sort();
        prop_assert_eq!(sorted.0, sorted.1);
        prop_assert!(bed.told.iter().all(|it| it.condition != Condition::Present || !it.restarted || it.kind == Kind::Advisory));
    }
}

#[test]
fn an_observation_of_the_past_is_refused() {
    let mut bed = Bed::new(policy(), 1000);
    let at = |seconds: u64| observation(Uptime::from_millis(seconds * 1000), vec![]);
    bed.engine.handle_observation(&at(5), &mut bed.ids).unwrap();
    bed.engine.handle_timeout(Uptime::from_millis(9000), &mut bed.ids);
    let error = bed.engine.handle_observation(&at(4), &mut bed.ids).unwrap_err();
    assert_eq!((error.at.as_millis(), error.last.as_millis()), (4000, 5000));
    bed.engine.handle_observation(&at(6), &mut bed.ids).unwrap();
}
