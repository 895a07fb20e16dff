//! A loop that was not running: no value aged meanwhile, and somebody must know (E6).

use std::time::Duration;

use tracing::error;
use vitals::time::Uptime;

use super::bed::BedState;
use super::{Bedside, TICK};

/// A loop that comes later than this to a deadline was not running: no value aged meanwhile (E6).
const STALL: Duration = Duration::from_secs(2);

impl Bedside {
    pub(super) fn notice_stall(&mut self, now: Uptime) {
        let tick = self.last_tick + TICK;
        let deadline = self.beds.values().filter_map(BedState::poll_timeout).min();
        let due = deadline.map_or(tick, |it| it.min(tick));
        let late = now.since(due);
        if late <= STALL {
            return;
        }
        error!(
            late_ms = vitals::time::millis(late),
            "The bedside loop was not running; no alarm was decided meanwhile."
        );
        if let Some(deadline) = deadline.filter(|it| now.since(*it) > STALL) {
            for bed in self.beds.values_mut() {
                bed.handle_stall(deadline, now);
            }
        }
        self.own.handle_stall(due, now, &mut self.ids);
        self.announce_own();
    }
}
