//! Devices that say the same sixty times a second: device and agent each count the second anew that passes until it is told
//! once more, so that over a long stretch one of them may tell it once more often.

use super::{Pair, difference};
use crate::truth::Statement;

/// In so many seconds the two may come to differ by one: an agent tells it a frame and a turn of the line later each time,
/// 27 ms of 1000.
const SECONDS_FOR_ONE: u64 = 30;

/// Statements of one source, one behind the other, that say the same.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    /// The first, by index.
    first: Option<usize>,
    statements: u64,
    /// How many had no record, and how many records had no statement.
    excused: u64,
}

impl Stretch {
    /// Whether what this pair wants is no more than the difference of two clocks; pairs come in order.
    pub(super) fn excuses(&mut self, said: &[Statement], (statement, record): Pair<'_>) -> bool {
        let words = |index: usize| said.get(index).filter(|it| it.repeats);
        let first = self.first.and_then(words);
        let is_more = match (first, statement.map(words), record) {
            (Some(first), Some(Some(it)), _) => it.vitals == first.vitals,
            (Some(first), None, Some(record)) => difference(first, record).is_none(),
            _ => false,
        };
        if statement.is_some() {
            if is_more {
                self.statements += 1;
            } else {
                *self = Self { first: statement, statements: 1, excused: 0 };
            }
        }
        let wants = statement.is_none() || record.is_none();
        let excused = is_more && wants && self.excused <= self.statements / SECONDS_FOR_ONE;
        self.excused += u64::from(excused);
        excused
    }
}
