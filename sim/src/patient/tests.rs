//! Whether a patient is one that a clinician would believe: against a recorded one and figures from the literature, never
//! against ourselves.

use std::fmt::Write as _;

use super::*;
use crate::scenario::Scenario;

const MINUTES: u64 = 10;

fn hertz(bed: u64, of: impl Fn(&Numerics) -> f64) -> Vec<f64> {
    let mut patient = Patient::new(42, bed, Course { hour: 8.0, ..Course::default() });
    (0..MINUTES * 60).map(|second| of(&patient.at(second * 1000))).collect()
}

fn deviation(values: &[f64]) -> (f64, f64) {
    let count = f64::from(u32::try_from(values.len()).unwrap());
    let mean = values.iter().sum::<f64>() / count;
    (mean, (values.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>() / count).sqrt())
}

fn correlation(values: &[f64], lag: usize) -> f64 {
    let (mean, _) = deviation(values);
    let product = |lag: usize| -> f64 {
        values.iter().zip(values.iter().skip(lag)).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    product(lag) / product(0)
}

#[test]
fn a_stable_adult_moves_as_much_as_an_adult_does() {
    let (mut rates, mut saturations) = (Vec::new(), Vec::new());
    for bed in 0..8 {
        let (rate, rate_sd) = deviation(&hertz(bed, |it| it.heart_rate.round()));
        let (spo2, spo2_sd) = deviation(&hertz(bed, |it| it.spo2.round()));
        println!("bed {bed}: HR {rate:.1} ± {rate_sd:.2} /min, SpO2 {spo2:.1} ± {spo2_sd:.2} %");
        rates.push(rate_sd);
        saturations.push(spo2_sd);
    }
    for sd in &rates {
        assert!((1.0..4.0).contains(sd), "HR moves by {sd}");
    }
    let (rate_sd, _) = deviation(&rates);
    let (spo2_sd, _) = deviation(&saturations);
    println!("mean: HR ± {rate_sd:.2}, SpO2 ± {spo2_sd:.2}");
    assert!(
        (1.5..4.0).contains(&rate_sd),
        "at rest, 1 Hz heart rate has a deviation of 1.5 to 4 /min: {rate_sd}"
    );
    assert!((0.3..0.7).contains(&spo2_sd), "SpO2 about 0.5 %: {spo2_sd}");
}

/// One column of the recorded monitor, from the second row on: the first is 33 s before it.
fn recorded(column: &str) -> Vec<f64> {
    let text = include_str!("../../../tests/captures/ge_s5_db02_numerics_1hz.csv");
    let mut lines = text.lines();
    let place = lines.next().unwrap().split(',').position(|it| it == column).unwrap();
    lines.skip(1).map(|it| it.split(',').nth(place).unwrap().parse().unwrap()).collect()
}

/// A recorded column, the same of a simulated patient, and how its device rounds it: steps of 1/n.
type Compared = (&'static str, fn(&Numerics) -> f64, f64);

/// Not its pulse: the recorded oximeter's swings by ±5 /min every 28 s beside a calm ECG, which is that patient's own.
const COMPARED: [Compared; 3] = [
    ("hr_bpm", |it| it.heart_rate, 1.0),
    ("spo2_pct", |it| it.spo2, 100.0),
    ("imp_rr_pm", |it| it.resp_rate, 1.0),
];

/// Windows as long as the recording, of many patients: the recorded figure must lie within what they show.
#[test]
fn a_recorded_patient_could_be_one_of_ours() {
    for (column, of, parts) in COMPARED {
        let real = recorded(column);
        let mut windows = Vec::new();
        for bed in 0..40 {
            let rounded = |it: &Numerics| (of(it) * parts).round() / parts;
            windows.extend(hertz(bed, rounded).chunks_exact(real.len()).map(<[f64]>::to_vec));
        }
        let figures = |of: &dyn Fn(&[f64]) -> f64| {
            let mut ours: Vec<f64> = windows.iter().map(|it| of(it)).filter(|it| it.is_finite()).collect();
            ours.sort_by(f64::total_cmp);
            let at = |share: usize| ours[(ours.len() - 1) * share / 100];
            (of(&real), [at(2), at(50), at(98)])
        };
        let mut told = format!("{column:<12}");
        let mut outside = Vec::new();
        let mut compare = |name: String, (real, [low, middle, high]): (f64, [f64; 3])| {
            let _ = write!(told, " | {name} {real:.2}: {middle:.2} [{low:.2} {high:.2}]");
            if !(low..=high).contains(&real) {
                outside.push(name);
            }
        };
        compare("sd".into(), figures(&|it| deviation(it).1));
        for lag in [1, 2, 5, 10] {
            compare(format!("r{lag}"), figures(&|it| correlation(it, lag)));
        }
        println!("{told}");
        assert_eq!(outside, Vec::<String>::new(), "{told}");
    }
}

#[test]
fn a_stable_patient_passes_no_limit_at_any_hour() {
    for bed in 0..16 {
        let mut patient = Patient::new(42, bed, Course::default());
        for second in 0..24 * 3600 {
            let now = patient.at(second * 1000);
            assert!((93.0..=100.0).contains(&now.spo2), "bed {bed}: SpO2 {} at {second} s", now.spo2);
            assert!(
                (50.5..118.0).contains(&now.heart_rate),
                "bed {bed}: HR {} at {second} s",
                now.heart_rate
            );
            assert!((9.0..28.0).contains(&now.resp_rate), "bed {bed}: RR {} at {second} s", now.resp_rate);
            assert!((91.0..158.0).contains(&now.systolic), "bed {bed}: {} mmHg at {second} s", now.systolic);
            assert!((26.0..49.0).contains(&now.etco2), "bed {bed}: CO2 {} at {second} s", now.etco2);
            assert!(
                (35.2..37.9).contains(&now.temperature),
                "bed {bed}: T {} at {second} s",
                now.temperature
            );
        }
    }
}

#[test]
fn the_night_is_as_deep_as_the_literature_says() {
    // Means of an hour of many patients, at 04:00 and at 16:00.
    let hour = |hour: f64, of: fn(&Numerics) -> f64| {
        let mean = |bed| {
            let mut patient = Patient::new(7, bed, Course { hour, ..Course::default() });
            (0..3600).map(|second| of(&patient.at(second * 1000))).sum::<f64>() / 3600.0
        };
        (0..20).map(mean).sum::<f64>() / 20.0
    };
    let change = |of| hour(3.5, of) / hour(15.5, of) - 1.0;
    let rate = change(|it| it.heart_rate);
    let pressure = change(|it| it.diastolic + (it.systolic - it.diastolic) / 3.0);
    let cooler = hour(3.5, |it| it.temperature) - hour(15.5, |it| it.temperature);
    println!("at 04:00: HR {:.1} %, MAP {:.1} %, T {cooler:.2} °C", rate * 100.0, pressure * 100.0);
    assert!((-0.15..-0.08).contains(&rate) && (-0.15..-0.10).contains(&pressure), "{rate} {pressure}");
    assert!((-0.55..-0.45).contains(&cooler), "{cooler}");
}

#[test]
fn a_pause_of_breath_does_what_it_does_in_the_literature() {
    let course = |oxygen: Option<f64>| Course {
        apnea: vec![(300.0, 420.0)],
        ramps: oxygen
            .map(|it| course::Ramp {
                driven: course::Driven::Cause(Cause::InspiredOxygen),
                at: 0.0,
                over: 0.0,
                target: Some(it),
            })
            .into_iter()
            .collect(),
        ..Course::default()
    };
    let saturation = |oxygen, second: u64| {
        let mut patient = Patient::new(1, 0, course(oxygen));
        patient.at(second * 1000);
        patient.breathing.saturation
    };
    let (before, after_30, after_60) = (saturation(None, 299), saturation(None, 330), saturation(None, 360));
    let (at_90, at_100) = (saturation(None, 385), saturation(None, 395));
    println!(
        "on air: {before:.1} %, after 30 s {after_30:.1}, 60 s {after_60:.1}, 85 s {at_90:.1}, 95 s {at_100:.1}"
    );
    assert!(before - after_30 < 2.0 && before - after_60 > 4.0);
    assert!((0.4..1.2).contains(&((at_90 - at_100) / 10.0)), "0.5 to 1 % a second below 90");
    let late = saturation(Some(40.0), 415);
    println!("on 40 % oxygen, after 115 s: {late:.1} %");
    assert!(late > 94.0, "oxygen delays it by minutes: {late}");
}

/// Means of one minute around a moment of a scenario, over patients; a minute of their own pace.
fn course_at(name: &str, minute: f64, of: fn(&Numerics) -> f64) -> f64 {
    let scenario = Scenario::load(name).unwrap();
    let mean = |seed: u64| {
        let mut patient = Patient::new(seed, 0, scenario.course(seed, 0));
        let pace = crate::scenario::pace(seed, 0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a moment of a scenario")]
        let first = (minute * 60.0 * pace) as u64;
        (first..first + 60).map(|second| of(&patient.at(second * 1000))).sum::<f64>() / 60.0
    };
    (1..=20).map(mean).sum::<f64>() / 20.0
}

/// A scenario, minutes from its beginning, what is looked at, and between what it must lie.
type Expected = (&'static str, f64, &'static str, fn(&Numerics) -> f64, (f64, f64));

const SPO2: fn(&Numerics) -> f64 = |it| it.spo2;
const HR: fn(&Numerics) -> f64 = |it| it.heart_rate;
const RR: fn(&Numerics) -> f64 = |it| it.resp_rate;
const CO2: fn(&Numerics) -> f64 = |it| it.etco2;
const MAP: fn(&Numerics) -> f64 = |it| it.diastolic + (it.systolic - it.diastolic) / 3.0;
const PULSE: fn(&Numerics) -> f64 = |it| it.systolic - it.diastolic;
const TEMP: fn(&Numerics) -> f64 = |it| it.temperature;

const COURSES: [Expected; 29] = [
    ("sepsis", 1.0, "MAP", MAP, (80.0, 92.0)),
    ("sepsis", 320.0, "HR", HR, (115.0, 135.0)),
    ("sepsis", 320.0, "RR", RR, (24.0, 32.0)),
    ("sepsis", 320.0, "MAP", MAP, (53.0, 63.0)),
    ("sepsis", 320.0, "SpO2", SPO2, (89.5, 93.0)),
    ("sepsis", 320.0, "T", TEMP, (38.7, 39.5)),
    ("hypoxia", 24.0, "SpO2", SPO2, (79.0, 85.0)),
    ("hypoxia", 24.0, "RR", RR, (26.0, 34.0)),
    ("hypoxia", 24.0, "HR", HR, (107.0, 122.0)),
    ("hypoxia", 55.0, "SpO2 with oxygen", SPO2, (94.0, 100.0)),
    ("haemorrhage", 19.0, "HR at 15 %", HR, (80.0, 95.0)),
    ("haemorrhage", 19.0, "MAP at 15 %", MAP, (72.0, 90.0)),
    ("haemorrhage", 35.0, "HR at 28 %", HR, (103.0, 125.0)),
    ("haemorrhage", 35.0, "pulse pressure at 28 %", PULSE, (15.0, 32.0)),
    ("haemorrhage", 44.0, "MAP at 36 %", MAP, (40.0, 65.0)),
    ("haemorrhage", 44.0, "HR at 36 %", HR, (125.0, 165.0)),
    ("haemorrhage", 65.0, "HR at 43 %", HR, (0.0, 60.0)),
    ("opioid", 12.0, "RR half way", RR, (7.0, 11.0)),
    ("opioid", 12.0, "SpO2 half way: still good", SPO2, (94.0, 98.0)),
    ("opioid", 24.0, "RR", RR, (5.0, 8.0)),
    ("opioid", 24.0, "EtCO2", CO2, (55.0, 70.0)),
    ("opioid", 24.0, "SpO2", SPO2, (84.0, 92.0)),
    ("cardiac-arrest", 4.5, "EtCO2 after 90 s", CO2, (2.0, 12.0)),
    ("anaphylaxis", 7.0, "MAP", MAP, (46.0, 58.0)),
    ("anaphylaxis", 7.0, "HR", HR, (128.0, 150.0)),
    ("anaphylaxis", 7.0, "SpO2", SPO2, (82.0, 88.0)),
    ("anaphylaxis", 25.0, "MAP after adrenaline", MAP, (75.0, 100.0)),
    ("copd", 20.0, "SpO2", SPO2, (88.0, 92.0)),
    ("copd", 60.0, "SpO2 when it is worse", SPO2, (84.0, 88.5)),
];

#[test]
fn courses_reach_what_the_literature_says() {
    let mut outside = Vec::new();
    for (name, minute, what, of, (low, high)) in COURSES {
        let it = course_at(name, minute, of);
        println!("{name:<15} {minute:>5} min {what:<26} {it:>6.1}  [{low} {high}]");
        if !(low..=high).contains(&it) {
            outside.push(format!("{name} {what}: {it:.1}"));
        }
    }
    assert_eq!(outside, Vec::<String>::new());
}

#[test]
fn a_premature_child_forgets_to_breathe_and_recovers() {
    let scenario = Scenario::load("neonate-apnea").unwrap();
    for seed in 1..=10 {
        let mut patient = Patient::new(seed, 0, scenario.course(seed, 0));
        let all: Vec<Numerics> = (0..400).map(|second| patient.at(second * 1000)).collect();
        let lowest_of = |of: fn(&Numerics) -> f64| all.iter().map(of).fold(f64::MAX, f64::min);
        let (slowest, lowest) = (lowest_of(|it| it.pulse_rate), lowest_of(|it| it.spo2));
        let (before, after) = (&all[60], &all[399]);
        println!(
            "seed {seed}: HR {:.0} to {slowest:.0}, SpO2 {:.0} to {lowest:.0}",
            before.heart_rate, before.spo2
        );
        assert!((55.0..95.0).contains(&slowest) && (62.0..82.0).contains(&lowest), "{slowest} {lowest}");
        assert!(
            (after.spo2 - before.spo2).abs() < 2.5 && (after.heart_rate - before.heart_rate).abs() < 15.0
        );
        assert!((90.0..95.0).contains(&before.spo2), "{}", before.spo2);
    }
}

#[test]
fn without_a_pulse_the_oximeter_holds_and_then_searches() {
    let course = Course { rhythm: vec![(60.0, Rhythm::Fibrillation)], ventilated: true, ..Course::default() };
    let mut patient = Patient::new(1, 0, course);
    let mut at = |second: u64| patient.at(second * 1000);
    let before = at(59);
    let held = at(70);
    assert_eq!(held.oximeter, Oximeter::On);
    assert!((held.spo2 - before.spo2).abs() < 2.0, "{}", held.spo2);
    assert_eq!(at(80).oximeter, Oximeter::Searching);
    assert!(at(80).heart_rate > 180.0);
    assert_eq!(at(600).cuff.map(|it| it.at), Some(20));
}

#[test]
fn breath_is_seen_in_the_beats() {
    // Autocorrelation at the breath's own period is higher than half a breath away.
    let mut patient = Patient::new(42, 0, Course::default());
    let beats: Vec<f64> = (0..600)
        .map(|second| {
            patient.at(second * 1000);
            patient.circulation.rate * (1.0 + patient.body.arrhythmia * sine(patient.breaths))
        })
        .collect();
    let period = 60.0 / patient.breathing.rate;
    // A patient at rest takes a breath every two to eight seconds.
    let whole = (2..8).find(|it| f64::from(*it) >= period - 0.5).unwrap();
    let whole = usize::try_from(whole).unwrap();
    assert!(correlation(&beats, whole) > correlation(&beats, whole / 2), "period {period}");
}

#[test]
fn the_same_seed_is_the_same_patient() {
    assert_eq!(hertz(3, |it| it.spo2), hertz(3, |it| it.spo2));
    assert_ne!(hertz(3, |it| it.spo2), hertz(4, |it| it.spo2));
}

#[test]
fn artefacts_leave_the_patient_alone() {
    let day = Scenario::load("ward-day").unwrap().course(1, 0);
    let quiet = Course { artefacts: Vec::new(), ..day.clone() };
    let (mut disturbed, mut quiet) = (Patient::new(1, 0, day), Patient::new(1, 0, quiet));
    let mut differ = 0;
    for second in 0..6 * 3600 {
        let (a, b) = (disturbed.at(second * 1000), quiet.at(second * 1000));
        differ += u32::from((a.spo2 - b.spo2).abs() > 0.001);
        assert!((a.temperature - b.temperature).abs() < 1e-12 && (a.etco2 - b.etco2).abs() < 1e-12);
    }
    assert!((60..2000).contains(&differ), "{differ} s of motion");
}
