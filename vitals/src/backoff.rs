//! How long to wait before trying again: longer each time, up to a bound, and never two machines alike.

use core::time::Duration;

/// Exponential back-off with full jitter: a delay is even between half of the step and the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    step: Duration,
}

impl Backoff {
    /// Delays that begin at `first` and double up to `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first: first.min(longest), longest, step: first.min(longest) }
    }

    /// The next delay; `random` is any number, even over its range.
    pub fn next_delay(&mut self, random: u32) -> Duration {
        let half = self.step / 2;
        let jitter = self.step.saturating_sub(half).saturating_mul(random >> 16) / (1 << 16);
        self.step = self.step.saturating_mul(2).min(self.longest);
        half + jitter
    }

    /// It worked: begin anew.
    pub fn reset(&mut self) {
        self.step = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn grows_within_its_bounds(randoms in proptest::collection::vec(any::<u32>(), 1..40)) {
            let (first, longest) = (Duration::from_millis(100), Duration::from_secs(10));
            let mut backoff = Backoff::new(first, longest);
            let mut step = first;
            for random in randoms {
                let delay = backoff.next_delay(random);
                prop_assert!(step / 2 <= delay && delay <= step, "{delay:?} of {step:?}");
                step = (step * 2).min(longest);
            }
            backoff.reset();
            prop_assert!(backoff.next_delay(u32::MAX) <= first);
        }
    }
}
