//! What hardly ever changes, in a format without a checksum: a serial number with a wrong digit is no other device.

/// Another word counts when it has been said so often in a row.
const IN_A_ROW: u32 = 3;

/// Tells the first word at once, and another one only when it is said again and again.
#[derive(Debug)]
pub(super) struct Steady<T> {
    told: Option<T>,
    /// What is said instead, and how often in a row.
    other: Option<(T, u32)>,
}

impl<T> Default for Steady<T> {
    fn default() -> Self {
        Self { told: None, other: None }
    }
}

impl<T: Clone + PartialEq> Steady<T> {
    /// Takes a word; gives it where it counts.
    pub(super) fn take(&mut self, word: T) -> Option<T> {
        let times = match &self.other {
            Some((other, times)) if *other == word => times + 1,
            _ => 1,
        };
        if self.told.as_ref().is_none_or(|it| *it == word) || times == IN_A_ROW {
            self.other = None;
            self.told = Some(word.clone());
            return Some(word);
        }
        self.other = Some((word, times));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn the_first_word_counts_and_another_when_it_is_said_three_times() {
        for (said, told) in [("a", "a"), ("aabaa", "aaaa"), ("abba", "aa"), ("abbbb", "abb"), ("abcbcb", "a")]
        {
            let mut steady = Steady::default();
            let heard: String = said.chars().filter_map(|it| steady.take(it)).collect();
            assert_eq!(heard, told, "{said}");
        }
    }
}
