//! A set of sequence numbers, kept as ranges: ten million in a row take as much room as two.

use std::collections::BTreeMap;

/// Numbers, and how many came more than once.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    /// First to last of each range; no two touch.
    ranges: BTreeMap<u64, u64>,
    pub(super) repeated: u64,
}

impl Numbers {
    /// Adds `first` to `last`.
    pub(super) fn add(&mut self, first: u64, last: u64) {
        if last < first {
            return;
        }
        let (mut low, mut high) = (first, last);
        // Every range that overlaps or touches is taken in.
        while let Some((begin, end)) =
            self.ranges.range(..=high.saturating_add(1)).next_back().map(|(begin, end)| (*begin, *end))
        {
            if end.saturating_add(1) < low {
                break;
            }
            if end >= first && begin <= last {
                self.repeated += end.min(last) + 1 - begin.max(first);
            }
            self.ranges.remove(&begin);
            (low, high) = (low.min(begin), high.max(end));
        }
        self.ranges.insert(low, high);
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.ranges.first_key_value().map(|(begin, _)| *begin)
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.ranges.last_key_value().map(|(_, end)| *end)
    }

    /// How many different numbers.
    pub(super) fn count(&self) -> u64 {
        self.ranges.iter().map(|(begin, end)| end + 1 - begin).sum()
    }

    /// How many are in both.
    pub(super) fn shared_with(&self, other: &Self) -> u64 {
        let both = |(begin, end): (&u64, &u64)| -> u64 {
            let near = other.ranges.range(..=*end).rev().take_while(|(_, it)| **it >= *begin);
            near.map(|(first, last)| last.min(end) + 1 - first.max(begin)).sum()
        };
        self.ranges.iter().map(both).sum()
    }

    /// The ranges of `first` to `last` that are in neither.
    pub(super) fn missing(&self, other: &Self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut covered = self.clone();
        for (begin, end) in &other.ranges {
            covered.add(*begin, *end);
        }
        let mut missing = Vec::new();
        let mut next = first;
        for (begin, end) in covered.ranges {
            if begin > last {
                break;
            }
            if begin > next {
                missing.push((next, begin - 1));
            }
            next = next.max(end.saturating_add(1));
        }
        if next <= last {
            missing.push((next, last));
        }
        missing
    }
}
