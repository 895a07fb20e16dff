//! A batch on its way: which of its records Kafka has, and up to where without a hole.

use std::collections::VecDeque;

use crate::envelope::Position;

/// What has become of one record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    Waiting(Position),
    /// Kafka has it.
    Done(Position),
    /// It need not be sent.
    Passed(Position),
}

/// Records sent and not yet accounted for, in the order of the lane.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The ticket of the first slot.
    first: usize,
    slots: VecDeque<Slot>,
    waiting: usize,
}

impl Batch {
    /// Takes a record that is about to be sent; returns its ticket.
    pub(super) fn push(&mut self, position: Position) -> usize {
        self.slots.push_back(Slot::Waiting(position));
        self.waiting += 1;
        self.first + self.slots.len() - 1
    }

    /// Takes something that need not be sent: it is done as soon as everything before it is.
    pub(super) fn pass(&mut self, position: Position) {
        self.slots.push_back(Slot::Passed(position));
    }

    /// Kafka has the record of a ticket. A ticket of an earlier producer is none of ours.
    pub(super) fn handle_success(&mut self, ticket: usize) {
        let Some(slot) = ticket.checked_sub(self.first).and_then(|index| self.slots.get_mut(index)) else {
            return;
        };
        if let Slot::Waiting(position) = slot {
            *slot = Slot::Done(position.clone());
            self.waiting -= 1;
        }
    }

    /// The position of a ticket.
    pub(super) fn position(&self, ticket: usize) -> Option<&Position> {
        match self.slots.get(ticket.checked_sub(self.first)?)? {
            Slot::Waiting(position) | Slot::Done(position) | Slot::Passed(position) => Some(position),
        }
    }

    /// Up to where everything is done, since the last time; and how many records Kafka took for it.
    pub(super) fn poll_done(&mut self) -> Option<(Position, u64)> {
        let mut last = None;
        let mut count = 0;
        while let Some(slot) = self.slots.pop_front() {
            match slot {
                Slot::Waiting(_) => {
                    self.slots.push_front(slot);
                    break;
                }
                Slot::Done(position) => {
                    count += 1;
                    last = Some(position);
                }
                Slot::Passed(position) => last = Some(position),
            }
            self.first += 1;
        }
        last.map(|position| (position, count))
    }

    /// How many records are on their way.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Forgets everything; tickets go on, so that late reports of it mean nothing.
    pub(super) fn clear(&mut self) {
        self.first += self.slots.len();
        self.slots.clear();
        self.waiting = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seq: u64) -> Position {
        Position { run: "run".into(), seq }
    }

    #[test]
    fn only_what_has_no_hole_before_it_is_done() {
        let mut batch = Batch::default();
        let tickets: Vec<_> = (1..=4).map(|seq| batch.push(at(seq))).collect();
        batch.handle_success(tickets[1]);
        assert_eq!(batch.poll_done(), None);
        batch.handle_success(tickets[0]);
        assert_eq!(batch.poll_done(), Some((at(2), 2)));
        batch.clear();
        batch.handle_success(tickets[2]);
        let ticket = batch.push(at(3));
        assert_eq!(batch.poll_done(), None, "a report of the batch before must not count");
        batch.handle_success(ticket);
        assert_eq!(batch.poll_done(), Some((at(3), 1)));
        assert_eq!(batch.waiting(), 0);
    }

    proptest! {
        #[test]
        fn any_order_of_reports_comes_to_the_same(order in Just((0..20_usize).collect::<Vec<_>>()).prop_shuffle()) {
            let mut batch = Batch::default();
            let tickets: Vec<_> = (1..=20).map(|seq| batch.push(at(seq))).collect();
            let mut last = 0;
            for index in order {
                batch.handle_success(tickets[index]);
                if let Some((position, count)) = batch.poll_done() {
                    prop_assert_eq!(position.seq, last + count);
                    last = position.seq;
                }
            }
            prop_assert_eq!(last, 20);
        }
    }
}
