//! Messages that wait for their acknowledgement: in order of receipt, each on the connection it came on.

use std::collections::VecDeque;

use crate::buffer::Mark;

/// A message that waits to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    generation: u64,
    ordinal: u64,
    packet: u16,
    cost: usize,
}

/// What a message's turn has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Released {
    /// The packet id to acknowledge; `None` if its connection is gone: the broker will send it again, and its
    /// packet id may by now mean another message.
    pub(super) packet: Option<u16>,
    /// What it cost while it waited, bytes.
    pub(super) cost: usize,
}

/// The waiting messages of one link.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    waiting: VecDeque<Waiting>,
    /// The present connection; `None` while there is none.
    generation: Option<u64>,
    ordinal: u64,
}

impl Receipts {
    /// A connection was made.
    pub(super) fn handle_connected(&mut self, generation: u64) {
        self.generation = Some(generation);
        self.ordinal = 0;
    }

    /// The connection is gone: nothing of it will be acknowledged any more.
    pub(super) fn handle_disconnected(&mut self) {
        self.generation = None;
    }

    /// Takes a QoS 1 message; returns its ordinal on its connection, from 1.
    pub(super) fn push(&mut self, generation: u64, packet: u16, cost: usize) -> u64 {
        self.ordinal += 1;
        self.waiting.push_back(Waiting { generation, ordinal: self.ordinal, packet, cost });
        self.ordinal
    }

    /// The next message that is stored, up to `mark`, if there is one.
    pub(super) fn poll(&mut self, mark: Mark) -> Option<Released> {
        let first = self.waiting.front()?;
        if (first.generation, first.ordinal) > (mark.generation, mark.ordinal) {
            return None;
        }
        let packet = (self.generation == Some(first.generation)).then_some(first.packet);
        let released = Released { packet, cost: first.cost };
        self.waiting.pop_front();
        Some(released)
    }

    /// How many wait.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(receipts: &mut Receipts, generation: u64, ordinal: u64) -> Vec<Option<u16>> {
        std::iter::from_fn(|| receipts.poll(Mark { generation, ordinal })).map(|it| it.packet).collect()
    }

    #[test]
    fn acknowledged_in_order_of_receipt_and_only_when_stored() {
        let mut receipts = Receipts::default();
        receipts.handle_connected(1);
        for packet in [7, 3, 9] {
            receipts.push(1, packet, 100);
        }
        assert_eq!(packets(&mut receipts, 1, 2), [Some(7), Some(3)]);
        assert_eq!(packets(&mut receipts, 1, 2), []);
        assert_eq!(packets(&mut receipts, 1, 3), [Some(9)]);
    }

    #[test]
    fn nothing_of_an_earlier_connection_is_ever_acknowledged() {
        let mut receipts = Receipts::default();
        receipts.handle_connected(1);
        receipts.push(1, 1, 100);
        receipts.handle_disconnected();
        assert_eq!(packets(&mut receipts, 1, 1), [None]);
        receipts.handle_connected(2);
        receipts.push(2, 1, 100);
        receipts.push(2, 2, 100);
        // The mark of the earlier connection, late: it must not release messages of this one.
        assert_eq!(packets(&mut receipts, 1, 99), []);
        assert_eq!(packets(&mut receipts, 2, 1), [Some(1)]);
        assert_eq!(receipts.len(), 1);
    }
}
