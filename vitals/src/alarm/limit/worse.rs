//! The hidden level that an acknowledgement creates: worse than what was acknowledged (E23).

use serde::{Deserialize, Serialize};

use crate::alarm::event::Direction;
use crate::alarm::level::{Class, Delays, Input, LevelState};
use crate::quantity::Quantity;
use crate::time::Uptime;

/// The level "worse than what was acknowledged" (E23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Worse {
    pub(super) threshold: Quantity,
    pub(super) state: LevelState,
}

impl Worse {
    /// Out at the threshold itself, and no band.
    pub(super) fn take(&mut self, now: Uptime, direction: Direction, input: Input, delays: Delays) {
        let class = match (input, direction) {
            (Input::Value(value), Direction::Low) if value <= self.threshold => Class::Out,
            (Input::Value(value), Direction::High) if value >= self.threshold => Class::Out,
            (Input::Value(_), _) => Class::In,
            (Input::UnderRange | Input::OverRange | Input::Void, _) => {
                input.class(direction, self.threshold, Quantity::ZERO)
            }
        };
        self.state.take(now, class, delays);
    }
}
