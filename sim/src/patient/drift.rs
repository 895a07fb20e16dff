//! Noise that forgets: what makes one minute differ from the last.

use crate::random::Random;

/// An Ornstein-Uhlenbeck process of a given standard deviation and time constant, in steps of one second.
#[derive(Debug, Clone)]
pub(super) struct Drift {
    value: f64,
    keep: f64,
    push: f64,
}

impl Drift {
    /// Begins anywhere in its distribution.
    pub(super) fn new(random: &mut Random, deviation: f64, seconds: f64) -> Self {
        // The lag of one step that leaves the variance as it is.
        let keep = 1.0 - 1.0 / (seconds + 0.5);
        Self { value: deviation * random.normal(), keep, push: deviation * (1.0 - keep * keep).sqrt() }
    }

    /// The value one second later.
    pub(super) fn step(&mut self, random: &mut Random) -> f64 {
        self.value = self.value * self.keep + self.push * random.normal();
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_its_deviation_and_forgets_in_its_time() {
        let mut random = Random::new(1, 1);
        let mut drift = Drift::new(&mut random, 2.0, 20.0);
        let values: Vec<f64> = (0..200_000).map(|_| drift.step(&mut random)).collect();
        let product = |lag: usize| -> f64 {
            values.iter().zip(values.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>() / 2e5
        };
        assert!((product(0).sqrt() - 2.0).abs() < 0.1, "{}", product(0));
        // After its time constant 1/e is left.
        assert!((product(20) / product(0) - 0.37).abs() < 0.06, "{}", product(20) / product(0));
    }
}
