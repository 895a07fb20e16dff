//! Sets of numbers as ranges: what is there, and what is missing between.

use std::collections::BTreeMap;

/// Numbers, kept as ranges that neither meet nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds all of `first..=last`; nothing if that is empty.
    pub fn insert(&mut self, first: u64, last: u64) {
        if last < first {
            return;
        }
        let (mut first, mut last) = (first, last);
        let touching: Vec<u64> = self
            .0
            .range(..=last.saturating_add(1))
            .rev()
            .take_while(|(_, end)| end.saturating_add(1) >= first)
            .map(|(begin, _)| *begin)
            .collect();
        for begin in touching {
            if let Some(end) = self.0.remove(&begin) {
                (first, last) = (first.min(begin), last.max(end));
            }
        }
        self.0.insert(first, last);
    }

    /// What of `first..=last` is missing, in order.
    #[must_use]
    pub fn holes(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let (mut holes, mut next) = (Vec::new(), first);
        for (begin, end) in &self.0 {
            if *begin > last || next > last {
                break;
            }
            if *end < next {
                continue;
            }
            if *begin > next {
                holes.push((next, begin - 1));
            }
            next = end.saturating_add(1);
        }
        if next <= last {
            holes.push((next, last));
        }
        holes
    }

    /// Whether a number is there.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, end)| *end >= number)
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(first, last)| (*first, *last))
    }

    /// The first and the last number; `None`: there is none.
    #[must_use]
    pub fn ends(&self) -> Option<(u64, u64)> {
        Some((*self.0.first_key_value()?.0, *self.0.last_key_value()?.1))
    }

    /// How many numbers.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.iter().map(|(first, last)| last - first + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_what_a_set_is(parts in proptest::collection::vec((1..60_u64, 0..9_u64), 0..30)) {
            let (mut ranges, mut set) = (Ranges::default(), std::collections::BTreeSet::new());
            for (first, len) in parts {
                ranges.insert(first, first + len - 1);
                set.extend(first..first + len);
            }
            prop_assert!((0..80).all(|it| ranges.contains(it) == set.contains(&it)));
            prop_assert_eq!(ranges.count(), set.len() as u64);
            let missing: Vec<u64> = ranges.holes(5, 70).iter().flat_map(|it| it.0..=it.1).collect();
            let expected: Vec<u64> = (5..=70).filter(|it| !set.contains(it)).collect();
            prop_assert_eq!(missing, expected);
            prop_assert_eq!(ranges.ends(), set.first().map(|first| (*first, *set.last().unwrap())));
            let neighbours: Vec<_> = ranges.iter().collect();
            prop_assert!(neighbours.windows(2).all(|it| it[0].1 + 1 < it[1].0), "{:?}", neighbours);
        }
    }
}
