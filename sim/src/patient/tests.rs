//! Whether a stable patient is one that a clinician would believe: figures from the literature, not from ourselves.

use super::*;

const MINUTES: u64 = 10;

fn hertz(bed: u64, of: impl Fn(&Numerics) -> f64) -> Vec<f64> {
    let mut patient = Patient::new(42, bed, Course::default());
    (0..MINUTES * 60).map(|second| of(&patient.at(second * 1000))).collect()
}

fn deviation(values: &[f64]) -> (f64, f64) {
    let count = f64::from(u32::try_from(values.len()).unwrap());
    let mean = values.iter().sum::<f64>() / count;
    (mean, (values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / count).sqrt())
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

#[test]
fn a_stable_adult_passes_no_limit() {
    for bed in 0..32 {
        for spo2 in hertz(bed, |it| it.spo2) {
            assert!((93.0..=100.0).contains(&spo2), "bed {bed}: {spo2}");
        }
        for rate in hertz(bed, |it| it.heart_rate) {
            assert!((52.0..118.0).contains(&rate), "bed {bed}: {rate}");
        }
    }
}

#[test]
fn breath_is_seen_in_the_heart_rate() {
    // Autocorrelation at the breath's own period is higher than half a breath away.
    let rate = hertz(0, |it| it.heart_rate);
    let resp = hertz(0, |it| it.resp_rate);
    let (mean, _) = deviation(&rate);
    let period = 60.0 / deviation(&resp).0;
    let correlation = |lag: usize| -> f64 {
        rate.iter().zip(rate.iter().skip(lag)).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    // A patient at rest takes a breath every two to eight seconds.
    let whole = (2..8).find(|it| f64::from(*it) >= period - 0.5).unwrap();
    let whole = usize::try_from(whole).unwrap();
    assert!(correlation(whole) > correlation(whole / 2), "period {period}");
}

#[test]
fn the_same_seed_is_the_same_patient() {
    assert_eq!(hertz(3, |it| it.spo2), hertz(3, |it| it.spo2));
    assert_ne!(hertz(3, |it| it.spo2), hertz(4, |it| it.spo2));
}
