//! Whether a frame without a checksum is believed: by what the frames beside it say.
//!
//! A device that speaks sixty times a second says each number dozens of times, and nothing of a patient is otherwise for one
//! sixtieth of a second. Of a device that repeats itself a word counts when it is said twice in a row. Of one that says something else each time,
//! a frame that is alone or far off between two that say the same, or nearly, is damaged. A frame beside damage may be a piece of it: it is believed
//! when a neighbour says nearly the same. What changes is a frame late for that.

use alloc::vec::Vec;

use super::marked::Damage;
use crate::quantity::Quantity;
use crate::reading::{Measurement, Reading};
use crate::vital::Vital;

/// What is compared, and how far two numbers are still near each other, thousandths.
const NEAR: [(Vital, u32); 3] =
    [(Vital::PulseRate, 10_000), (Vital::Spo2, 4_000), (Vital::PerfusionIndex, 500)];

/// What a frame says of these.
pub(super) type Words = [Option<Measurement>; NEAR.len()];

/// A frame of the right form, and what is known of it besides.
#[derive(Debug)]
pub(super) struct Candidate<T> {
    pub(super) word: T,
    /// What is compared; `None` where it is an answer that holds none.
    pub(super) words: Option<Words>,
    /// Damage stands before it or behind it.
    pub(super) beside_damage: bool,
    /// What is damaged before it.
    pub(super) before: Damage,
    /// Bytes behind it that belong to no frame.
    pub(super) strays: usize,
}

/// A frame, and whether it is believed.
pub(super) type Verdict<T> = (Candidate<T>, bool);

/// The frames around the one that is judged.
#[derive(Debug)]
pub(super) struct Neighbours<T> {
    /// The last that was believed.
    last: Option<Words>,
    /// The one before it said the same: the device repeats itself.
    repeats: bool,
    /// The next one decides whether it is believed.
    waiting: Option<Candidate<T>>,
}

impl<T> Default for Neighbours<T> {
    fn default() -> Self {
        Self { last: None, repeats: false, waiting: None }
    }
}

impl<T> Neighbours<T> {
    /// Takes the next frame; gives, in order, those that are decided by it.
    pub(super) fn take(&mut self, next: Candidate<T>) -> Vec<Verdict<T>> {
        let mut verdicts = Vec::new();
        let Some(words) = next.words else {
            verdicts.extend(self.end());
            verdicts.push((next, true));
            return verdicts;
        };
        if let Some(waiting) = self.waiting.take() {
            let believed = self.is_believed(&waiting, &words);
            verdicts.push(self.decide(waiting, believed));
        }
        let waits = match &self.last {
            Some(last) if next.beside_damage => !is_near(last, &words),
            Some(last) => *last != words,
            None => next.beside_damage,
        };
        if waits {
            self.waiting = Some(next);
        } else {
            verdicts.push(self.decide(next, true));
        }
        verdicts
    }

    /// No frame follows in time: one that only says something new is believed, one beside damage is not.
    pub(super) fn end(&mut self) -> Option<Verdict<T>> {
        let waiting = self.waiting.take();
        let verdict = waiting.map(|it| {
            let believed = !it.beside_damage;
            self.decide(it, believed)
        });
        // Whoever speaks again after a pause may do so with another number in every frame.
        self.repeats = false;
        verdict
    }

    /// Whether one frame waits for the next.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    fn is_believed(&self, waiting: &Candidate<T>, next: &Words) -> bool {
        let (Some(words), Some(last)) = (&waiting.words, &self.last) else {
            return waiting.words.as_ref().is_none_or(|it| is_near(it, next));
        };
        if self.repeats {
            return words.iter().zip(last).zip(next).all(|((word, last), next)| word == last || word == next);
        }
        if waiting.beside_damage {
            return is_near(words, next);
        }
        let alone = last == next && differs(words, next);
        let far = is_near(last, next) && is_far(words, last) && is_far(words, next);
        !alone && !far
    }

    fn decide(&mut self, candidate: Candidate<T>, believed: bool) -> Verdict<T> {
        if believed && candidate.words.is_some() {
            self.repeats = self.last == candidate.words;
            self.last = candidate.words;
        }
        (candidate, believed)
    }
}

/// What of a reading is compared.
pub(super) fn words(reading: &Reading) -> Words {
    NEAR.map(|(vital, _)| reading.measurements.iter().find(|it| it.vital == vital).copied())
}

/// Whether a number is another in both; what is in one of them alone is no contradiction.
fn differs(left: &Words, right: &Words) -> bool {
    numbers(left, right).any(|pair| matches!(pair, (Some(left), Some(right), _) if left != right))
}

/// Whether a number in both is so much another that no patient's changes so fast.
fn is_far(left: &Words, right: &Words) -> bool {
    numbers(left, right)
        .any(|pair| matches!(pair, (Some(left), Some(right), most) if distance(left, right) > most))
}

/// Whether both say nearly the same, and of the same numbers.
fn is_near(left: &Words, right: &Words) -> bool {
    numbers(left, right).all(|pair| match pair {
        (Some(left), Some(right), most) => distance(left, right) <= most,
        (left, right, _) => left.is_none() && right.is_none(),
    })
}

fn numbers<'a>(
    left: &'a Words,
    right: &'a Words,
) -> impl Iterator<Item = (Option<Quantity>, Option<Quantity>, u32)> + 'a {
    let number = |word: &Option<Measurement>| word.and_then(|it| it.value.ok());
    left.iter()
        .zip(right)
        .zip(NEAR)
        .map(move |((left, right), (_, most))| (number(left), number(right), most))
}

fn distance(left: Quantity, right: Quantity) -> u32 {
    left.thousandths().abs_diff(right.thousandths())
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::reading::{Absent, Measurement};

    /// Frames of a saturation each, `-` without one, `!` behind one beside damage; those that are believed, in order.
    fn believed(frames: &str) -> String {
        let mut neighbours = Neighbours::default();
        let mut verdicts = Vec::new();
        for frame in frames.split(' ') {
            let word = frame.trim_end_matches('!');
            let value = word.parse::<i16>().map(Quantity::from_whole);
            let measurement = value.map_or_else(
                |_| Measurement::absent(Vital::Spo2, Absent::Searching),
                |value| Measurement::value(Vital::Spo2, value),
            );
            let reading = Reading { measurements: alloc::vec![measurement], ..Reading::default() };
            let words = (word != "answer").then(|| words(&reading));
            let beside_damage = frame.ends_with('!');
            verdicts.extend(neighbours.take(Candidate {
                word,
                words,
                beside_damage,
                before: Damage::default(),
                strays: 0,
            }));
        }
        verdicts.extend(neighbours.end());
        let words = verdicts.iter().filter(|(_, believed)| *believed).map(|(it, _)| it.word);
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_said_once_between_two_that_say_the_same_is_not_believed() {
        for (frames, expected) in [
            ("97 97 97", "97 97 97"),
            ("97 96 97", "97 97"),
            ("97 65 97 97", "97 97 97"),
            ("97 65 98", "97 98"),
            // A number that changes, slowly, fast, and with every frame.
            ("97 96 96", "97 96 96"),
            ("97 82 82", "97 82 82"),
            ("97 96 95 94", "97 96 95 94"),
            ("97 82 67 52", "97 82 67 52"),
            // Of a device that repeats itself.
            ("97 97 96 96", "97 97 96 96"),
            ("97 97 96 95 95", "97 97 95 95"),
            ("97 97 - 97", "97 97 97"),
            ("97 97 - -", "97 97 - -"),
            // The last of all.
            ("97 82", "97 82"),
            ("82", "82"),
            // Where a number comes and goes, and where something else is said.
            ("97 - 97 -", "97 - 97 -"),
            ("97 answer 65 answer 97", "97 answer 65 answer 97"),
        ] {
            assert_eq!(believed(frames), expected, "{frames}");
        }
    }

    #[test]
    fn beside_damage_a_neighbour_must_say_nearly_the_same() {
        for (frames, expected) in [
            ("97 97! 97", "97 97 97"),
            ("97 95! 94", "97 95 94"),
            ("97 82! 82", "97 82 82"),
            ("97 82! 97", "97 97"),
            ("97 82! 60 60", "97 60 60"),
            ("97 82!", "97"),
            ("97! 97", "97 97"),
            ("97! 50", "50"),
            ("97! 97!", "97 97"),
            ("97 -! 97", "97 97"),
            ("97 -! - 97", "97 - - 97"),
        ] {
            assert_eq!(believed(frames), expected, "{frames}");
        }
    }
}
