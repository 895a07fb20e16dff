//! Chance that can be repeated: the same seed, the same course, on every machine.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{RngCore, SeedableRng};

/// A source of chance.
#[derive(Debug, Clone)]
pub struct Random(Pcg64Mcg);

impl Random {
    /// The source numbered `stream` of a seed: streams of one seed have nothing to do with each other.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        // An odd constant with well mixed bits (2^64 / golden ratio) keeps neighbouring streams apart.
        Self(Pcg64Mcg::seed_from_u64(seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// A number of [0, 1).
    pub fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / (f64::from(u32::MAX) + 1.0)
    }

    /// A number of [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number of [0, bound), or 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        let [byte, ..] = self.0.next_u32().to_le_bytes();
        byte
    }

    /// A number of the standard normal distribution, as good as a sum of twelve can be; no logarithm, so that every
    /// machine has the same.
    pub fn normal(&mut self) -> f64 {
        let mut sum = 0_u64;
        for _ in 0..3 {
            // Four of twelve: the quarters of one draw.
            let draw = self.0.next_u64();
            sum += (draw & 0xFFFF) + (draw >> 16 & 0xFFFF) + (draw >> 32 & 0xFFFF) + (draw >> 48);
        }
        // Below 2^20; the half makes the mean of a quarter the middle of its range.
        (f64::from(u32::try_from(sum).unwrap_or(0)) + 6.0) / 65_536.0 - 6.0
    }

    /// A number of the exponential distribution with mean 1: how long until something that comes by chance. Von
    /// Neumann's way, by comparing alone, because a logarithm is not the same everywhere.
    pub fn exponential(&mut self) -> f64 {
        let mut whole = 0.0;
        loop {
            let first = self.unit();
            let mut last = first;
            let mut falls = 0_u32;
            loop {
                let next = self.unit();
                if next >= last {
                    break;
                }
                last = next;
                falls += 1;
            }
            if falls % 2 == 0 {
                return whole + first;
            }
            whole += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_streams_differ() {
        let course = |seed, stream| {
            let mut random = Random::new(seed, stream);
            (0..8).map(|_| random.unit().to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(course(7, 1), course(7, 1));
        assert_ne!(course(7, 1), course(7, 2));
        assert_ne!(course(7, 1), course(8, 1));
    }

    /// Mean and variance of 100,000 draws.
    fn moments(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let values: Vec<f64> = (0..100_000).map(|_| draw()).collect();
        let mean = values.iter().sum::<f64>() / 1e5;
        (mean, values.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>() / 1e5)
    }

    #[test]
    fn distributions_have_their_mean_and_variance() {
        let mut random = Random::new(1, 1);
        let (mean, variance) = moments(|| random.normal());
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        let (mean, variance) = moments(|| random.exponential());
        assert!((mean - 1.0).abs() < 0.02 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
