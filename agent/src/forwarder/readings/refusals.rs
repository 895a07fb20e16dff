//! Records that Kafka refuses for ever: found out one by one, so that no innocent record is given up for its neighbour.

use crate::envelope::Position;

/// What is known of refusals since the last batch that went through.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// A record was refused in company, and its neighbours with it: until the batch is through each goes alone.
    careful: bool,
    /// Refused although alone.
    poison: Vec<Position>,
}

impl Refusals {
    /// Kafka refused this record.
    pub(super) fn handle(&mut self, position: Position) {
        if self.careful {
            self.poison.push(position);
        }
        self.careful = true;
    }

    /// A batch went through.
    pub(super) fn settle(&mut self) {
        self.careful = false;
        self.poison.clear();
    }

    /// Whether each record must be sent alone.
    pub(super) fn is_careful(&self) -> bool {
        self.careful
    }

    /// Whether a record is given up.
    pub(super) fn is_poison(&self, position: &Position) -> bool {
        self.poison.contains(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_refused_alone_is_given_up() {
        let at = |seq| Position { run: "run".into(), seq };
        let mut refusals = Refusals::default();
        refusals.handle(at(3));
        assert!(
            refusals.is_careful() && !refusals.is_poison(&at(3)),
            "its neighbour may have been the reason"
        );
        refusals.handle(at(5));
        refusals.handle(at(7));
        assert!(refusals.is_poison(&at(5)) && refusals.is_poison(&at(7)) && !refusals.is_poison(&at(3)));
        refusals.settle();
        assert!(!refusals.is_careful() && !refusals.is_poison(&at(5)));
    }
}
