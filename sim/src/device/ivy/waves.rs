//! A second of the Ivy's waves: ECG 200 samples, breath, pleth and two pressures 50 each, about their resting levels.

use crate::device::rounded;
use crate::patient::{Numerics, Patient};

/// Samples of the ECG, and of each of the others.
const ECG: u8 = 200;
const OTHERS: u8 = 50;
/// Where each rests: ECG, breath, pleth, the first and the second pressure. The second has no transducer.
const ECG_RESTS: f64 = 100.0;
const BREATH_RESTS: f64 = 0.0;
const PLETH_RESTS: f64 = 86.0;
const P1_RESTS: f64 = 80.0;
const P2_RESTS: f64 = 251.0;
/// The R wave, 1 mV in steps of 0.02 mV, and the T wave.
const R: f64 = 50.0;
const T: f64 = 12.0;

/// Where the waves are.
#[derive(Debug, Default)]
pub(super) struct Waves {
    /// How far the beat and the breath are, 0 to 1.
    beat: f64,
    breath: f64,
}

impl Waves {
    /// A second from that moment on, at which the patient was looked at.
    pub(super) fn second(&mut self, patient: &Patient, at_ms: u64) -> Vec<u8> {
        let now = *patient.now();
        let pleth = |sample: u8| patient.pleth(at_ms + u64::from(sample) * 20);
        let mut bytes: Vec<u8> = (0..ECG).map(|_| byte(ECG_RESTS + self.ecg(&now))).collect();
        bytes.extend((0..OTHERS).map(|_| byte(BREATH_RESTS + self.breathing(&now))));
        bytes.extend((0..OTHERS).map(|it| byte(PLETH_RESTS + 100.0 * pleth(it))));
        bytes.extend((0..OTHERS).map(|it| byte(P1_RESTS + now.arterial.map_or(0.0, |_| 100.0 * pleth(it)))));
        bytes.extend((0..OTHERS).map(|_| byte(P2_RESTS)));
        bytes
    }

    /// One sample of the ECG, steps; flat without electrodes.
    fn ecg(&mut self, now: &Numerics) -> f64 {
        if !now.leads_on {
            return 0.0;
        }
        self.beat = (self.beat + now.heart_rate / 60.0 / f64::from(ECG)).fract();
        match self.beat {
            it if it < 0.04 => R,
            it if (0.25..0.40).contains(&it) => T,
            _ => 0.0,
        }
    }

    /// One sample of the breath, steps: up and down.
    fn breathing(&mut self, now: &Numerics) -> f64 {
        if !now.leads_on {
            return 0.0;
        }
        self.breath = (self.breath + now.resp_rate / 60.0 / f64::from(OTHERS)).fract();
        let height = if self.breath < 0.5 { self.breath } else { 1.0 - self.breath };
        20.0 + 160.0 * height
    }
}

/// A sample as a byte; FE and FF are none.
fn byte(value: f64) -> u8 {
    u8::try_from(rounded(value, 1).clamp(0, 0xFD)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    #[test]
    fn a_second_has_400_samples_about_their_levels() {
        let mut patient = Patient::new(1, 0, Course::default());
        patient.at(1000);
        let mut waves = Waves::default();
        let second = waves.second(&patient, 1000);
        assert_eq!(second.len(), 400);
        assert!(second[..200].contains(&150) && second[..200].contains(&100));
        assert!(second[300..350].iter().all(|it| *it == 80), "there is no arterial line");
        assert!(second[350..].iter().all(|it| *it == 251));
        let beats = |seconds: usize, waves: &mut Waves| {
            let ecg: Vec<u8> =
                (0..seconds).flat_map(|_| waves.second(&patient, 1000)[..200].to_vec()).collect();
            ecg.windows(2).filter(|it| it[0] < 150 && it[1] == 150).count()
        };
        let rate = rounded(patient.now().heart_rate, 1);
        let beats = i32::try_from(beats(60, &mut waves)).unwrap();
        assert!((beats - rate).abs() <= 1, "{beats} {rate}");
    }
}
