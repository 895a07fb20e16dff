//! What of alarms that are over need not be kept where there is no more room for alarms: their changes between start
//! and end. A last record says what counts of them: the worst value, the highest priority, how long it went on.
//!
//! An alarm that began or ended in another generation keeps what it has here.

use std::collections::HashSet;

use serde::Deserialize;
use vitals::alarm::event::Phase;
use vitals::record::ledger::{Gap, GapReason};

use super::{Item, Left};
use crate::buffer::facts::{Naming, gap};

/// Knows which alarms are over.
pub(super) struct Merger {
    over: HashSet<String>,
}

/// Of an alarm record, which alarm and where in its life.
#[derive(Deserialize)]
struct Story {
    id: String,
    phase: Phase,
}

impl Merger {
    /// Finds those that start in some bodies and whose last word there is an end.
    pub(super) fn find(bodies: impl Iterator<Item = Option<Vec<Item>>>) -> Result<Self, Left> {
        let (mut begun, mut over) = (HashSet::new(), HashSet::new());
        for body in bodies {
            for story in body.ok_or(Left::Incomplete)?.iter().filter_map(story) {
                match story.phase {
                    Phase::Start => drop(begun.insert(story.id)),
                    it if it.is_over() && begun.contains(&story.id) => drop(over.insert(story.id)),
                    _ => drop(over.remove(&story.id)),
                }
            }
        }
        Ok(Self { over })
    }

    /// The item, or the gap that takes its place.
    pub(super) fn merge(&self, naming: &Naming, item: Item) -> Item {
        match &item {
            Item::Record(envelope) if story(&item).is_some_and(|it| self.is_superfluous(&it)) => {
                let mut gap = gap(naming, &naming.run, item.range(), GapReason::Merged);
                (gap.from_up_ms, gap.to_up_ms) = (Some(envelope.up), Some(envelope.up));
                Item::Gap(gap)
            }
            Item::Record(_) | Item::Gap(_) => item,
        }
    }

    fn is_superfluous(&self, story: &Story) -> bool {
        story.phase != Phase::Start && !story.phase.is_over() && self.over.contains(&story.id)
    }
}

fn story(item: &Item) -> Option<Story> {
    match item {
        Item::Record(envelope) => serde_json::from_slice(&envelope.body).ok(),
        Item::Gap(_) => None,
    }
}

/// Takes what was merged into what was merged before it; whether it could.
pub(super) fn join(before: &mut Item, item: &Item) -> bool {
    let (Item::Gap(before), Item::Gap(gap)) = (before, item) else { return false };
    let is_merged = |it: &Gap| it.reason == GapReason::Merged;
    let joins = is_merged(before) && is_merged(gap) && before.last_seq + 1 == gap.first_seq;
    if joins {
        before.last_seq = gap.last_seq;
        before.count += gap.count;
        before.to_up_ms = gap.to_up_ms;
    }
    joins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::model_tests::{envelope, naming};
    use crate::envelope::Envelope;

    fn record(seq: u64, id: u64, phase: &str) -> Item {
        let body = format!(r#"{{"id":"icu-3/run-1/{id}","phase":"{phase}"}}"#);
        Item::Record(Envelope { body: body.into_bytes().into(), ..envelope(seq, 0) })
    }

    /// The kept numbers, and the merged ranges.
    fn merged(items: Vec<Item>) -> (Vec<u64>, Vec<(u64, u64)>) {
        let merger = Merger::find([Some(items.clone())].into_iter()).unwrap();
        let mut out: Vec<Item> = Vec::new();
        for item in items {
            let item = merger.merge(&naming(), item);
            if !out.last_mut().is_some_and(|it| join(it, &item)) {
                out.push(item);
            }
        }
        let (gaps, kept): (Vec<_>, Vec<_>) = out.iter().partition(|it| matches!(it, Item::Gap(_)));
        (kept.iter().map(|it| it.range().0).collect(), gaps.iter().map(|it| it.range()).collect())
    }

    #[test]
    fn of_an_alarm_that_is_over_start_and_end_stay() {
        let items = vec![
            record(1, 1, "start"),
            record(2, 2, "start"),
            record(3, 1, "escalate"),
            record(4, 2, "update"),
            record(5, 1, "update"),
            record(6, 1, "end"),
            record(7, 2, "update"),
            record(8, 3, "update"),
            record(9, 3, "end"),
            record(10, 4, "start"),
            record(11, 4, "de_escalate"),
            record(12, 4, "reset"),
        ];
        let (kept, gaps) = merged(items);
        assert_eq!(kept, [1, 2, 4, 6, 7, 8, 9, 10, 12], "2 goes on, and nobody here knows how 3 began");
        assert_eq!(gaps, [(3, 3), (5, 5), (11, 11)]);
    }

    #[test]
    fn neighbours_become_one_gap_and_what_is_no_alarm_stays() {
        let mut items = vec![record(1, 1, "start")];
        items.extend((2..=9).map(|it| record(it, 1, "update")));
        items.extend([record(10, 1, "end"), Item::Record(envelope(11, 30))]);
        assert_eq!(merged(items), (vec![1, 10, 11], vec![(2, 9)]));
    }
}
