//! Wrong answers: a message whose sum does not fit, or the last one once more, which nobody has asked for.

use crate::device::Emission;
use crate::random::Random;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// A bit of its end, so that the sum does not fit; where a format has none, the answer itself is wrong.
    Sum,
    /// The one before comes again before it.
    Unexpected,
}

/// The messages of a device, of which some are wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Replies {
    /// When the message on its way began, ms.
    first_ms: Option<u64>,
    wrong: Option<Wrong>,
    /// The message so far, and the one before: no device's message is longer than some KiB.
    message: Vec<u8>,
    before: Vec<u8>,
}

impl Replies {
    /// Lets a part of a message pass, by chance at `rate` a wrong one. Returns whether it is, and what comes before it.
    pub(super) fn pass(
        &mut self,
        rate: f64,
        random: &mut Random,
        emission: &mut Emission,
    ) -> (bool, Option<Emission>) {
        let begins = self.first_ms != Some(emission.first_ms);
        if begins {
            self.first_ms = Some(emission.first_ms);
            self.before = std::mem::take(&mut self.message);
            self.wrong = (rate > 0.0 && random.unit() < rate).then(|| self.draw(random));
        }
        self.message.extend_from_slice(&emission.bytes);
        match self.wrong {
            Some(Wrong::Sum) if emission.observation.is_some() => {
                let place = usize::try_from(random.below(emission.bytes.len() as u64)).unwrap_or(0);
                if let Some(byte) = emission.bytes.get_mut(place) {
                    *byte ^= 1 << random.below(8);
                }
                (true, None)
            }
            Some(Wrong::Unexpected) if begins => {
                let again = Emission { bytes: self.before.clone(), observation: None, ..emission.clone() };
                (true, Some(again))
            }
            Some(Wrong::Sum | Wrong::Unexpected) | None => (false, None),
        }
    }

    fn draw(&self, random: &mut Random) -> Wrong {
        if random.unit() < 0.5 || self.before.is_empty() { Wrong::Sum } else { Wrong::Unexpected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Observation;

    #[test]
    fn an_answer_has_a_wrong_bit_or_comes_behind_the_one_before() {
        let (mut replies, mut random) = (Replies::default(), Random::new(1, 1));
        let (mut sums, mut again) = (0, 0);
        for number in 0..200_u8 {
            let first_ms = u64::from(number) * 1000;
            // Two parts; the second ends it.
            let mut parts = [None, Some(Observation::default())].map(|observation| Emission {
                at_ms: first_ms,
                first_ms,
                bytes: vec![number; 4],
                observation,
                doubtful: false,
            });
            let [(_, before), (hit, none)] = parts.each_mut().map(|it| replies.pass(0.5, &mut random, it));
            assert!(none.is_none());
            let wrong: u32 = parts.iter().flat_map(|it| &it.bytes).map(|it| (it ^ number).count_ones()).sum();
            assert_eq!(wrong, u32::from(hit), "{number}");
            sums += u32::from(hit);
            if let Some(before) = before {
                assert_eq!((before.bytes, before.observation), (vec![number - 1; 8], None));
                again += 1;
            }
        }
        assert!(sums > 25 && again > 25 && sums + again < 150, "{sums} {again}");
    }
}
