//! Chance that can be repeated: the same seed, the same course.

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

    /// A number of the standard normal distribution, as good as a sum of twelve can be; no logarithm, so that every
    /// machine has the same.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
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
}
