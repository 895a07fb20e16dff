//! Chance that can be repeated.

use std::env;
use std::time::Duration;

use wardline_sim::random::Random;

/// The chance of a test, from `WARDLINE_SEED` or anew; prints the seed that replays it.
#[must_use]
pub fn random(test: &str) -> Random {
    println!("{test}: WARDLINE_SEED={}", value());
    Random::new(value(), 0)
}

/// The seed of this test program.
#[must_use]
pub fn value() -> u64 {
    given().unwrap_or_else(|| u64::from(std::process::id()).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// Whether somebody asks for a seed.
#[must_use]
pub fn is_given() -> bool {
    given().is_some()
}

fn given() -> Option<u64> {
    env::var("WARDLINE_SEED").ok().and_then(|it| it.parse().ok())
}

/// A time of [low, high) ms.
pub fn time(random: &mut Random, low: f64, high: f64) -> Duration {
    Duration::from_secs_f64(random.between(low, high) / 1000.0)
}
