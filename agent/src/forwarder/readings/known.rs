//! What we know of Kafka's side: the cursor, and the one commit of which nobody knows whether it was done.
//!
//! It also tells a stranger: a cursor that is neither what we knew nor what we tried was written by somebody else.

use vitals::record::ledger::Cursor;

use crate::clock::Reckoning;
use crate::envelope::Position;

/// What is known of Kafka's side, over all sessions of this run.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whether the cursor was ever read.
    read: bool,
    /// The cursor as last read or committed; `None` where there is none.
    cursor: Option<Position>,
    /// What the cursor is if the commit that failed last was done all the same.
    in_doubt: Option<Position>,
    /// The last run of which the ledger says that it has begun.
    announced: Option<String>,
    /// How the clocks stand, as the ledger was last told in this run.
    reckoning: Option<Reckoning>,
}

impl Known {
    /// Takes what Kafka says; `false` when it can be neither what we knew nor what we tried.
    pub(super) fn handle_cursor(&mut self, read: Option<&Cursor>) -> bool {
        let position = read.map(|it| Position { run: it.run.as_str().into(), seq: it.seq });
        let tried = position.is_some() && self.in_doubt == position;
        let ours = !self.read || self.cursor == position || tried;
        if ours {
            self.announced = read.and_then(|it| it.announced.clone()).or(self.announced.take());
            self.cursor = position;
            self.read = true;
            self.in_doubt = None;
        }
        ours
    }

    /// A commit with this cursor was asked for; until it is answered nobody knows.
    pub(super) fn handle_commit_begun(&mut self, cursor: Option<&Position>) {
        self.in_doubt = cursor.cloned();
    }

    /// Kafka has the batch, and the cursor stands here.
    pub(super) fn handle_committed(&mut self, cursor: Option<Position>, run: &str) {
        self.in_doubt = None;
        self.announced = Some(run.to_owned());
        if cursor.is_some() {
            self.cursor = cursor;
        }
    }

    /// Up to where Kafka has everything; `None` before anything was ever sent.
    pub(super) fn position(&self) -> Option<&Position> {
        self.cursor.as_ref()
    }

    /// The last run of which the ledger says that it has begun.
    pub(super) fn announced(&self) -> Option<&str> {
        self.announced.as_deref()
    }

    /// How the clocks stand, as the ledger was last told in this run.
    pub(super) fn reckoning(&self) -> Option<Reckoning> {
        self.reckoning
    }

    /// Kafka has a record of how the clocks stand.
    pub(super) fn handle_reckoning(&mut self, told: Option<Reckoning>) {
        self.reckoning = told.or(self.reckoning);
    }

    /// Whether Kafka has it, as its cursor says.
    pub(super) fn is_done(&self, position: &Position) -> bool {
        self.position().is_some_and(|done| done.run == position.run && position.seq <= done.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals::record::ledger::{CURSORS, Lane};

    fn cursor(run: &str, seq: u64) -> Cursor {
        let announced = Some("now".to_owned());
        Cursor {
            schema: CURSORS.into(),
            agent: "a".into(),
            lane: Lane::Readings,
            run: run.into(),
            seq,
            announced,
        }
    }

    fn at(run: &str, seq: u64) -> Position {
        Position { run: run.into(), seq }
    }

    #[test]
    fn the_first_cursor_is_believed_and_later_ones_only_if_they_can_be_ours() {
        let mut known = Known::default();
        assert!(known.handle_cursor(Some(&cursor("before", 7))) && known.announced() == Some("now"));
        assert!(
            known.is_done(&at("before", 7))
                && !known.is_done(&at("before", 8))
                && !known.is_done(&at("now", 1))
        );
        known.handle_commit_begun(Some(&at("now", 3)));
        assert!(known.handle_cursor(Some(&cursor("before", 7))), "the commit in doubt was not done");
        known.handle_commit_begun(Some(&at("now", 3)));
        assert!(known.handle_cursor(Some(&cursor("now", 3))), "the commit in doubt was done");
        assert!(known.is_done(&at("now", 3)));
        assert!(!known.handle_cursor(Some(&cursor("copy", 1))), "another agent's");
        assert!(!known.handle_cursor(None), "another Kafka, or a cursor that somebody deleted");
        assert!(known.is_done(&at("now", 3)), "what we know stays");
        known.handle_committed(Some(at("now", 9)), "now");
        assert!(known.handle_cursor(Some(&cursor("now", 9))));
    }

    #[test]
    fn a_run_is_announced_once_also_when_nobody_knows_of_the_first_time() {
        let mut known = Known::default();
        assert!(known.handle_cursor(None) && known.announced().is_none());
        known.handle_commit_begun(Some(&at("now", 1)));
        assert!(known.handle_cursor(Some(&cursor("now", 1))));
        assert!(known.announced() == Some("now"), "the cursor of the commit in doubt says so");
    }
}
