//! A rule over a restart, and while nobody listens (E6, E34).

use core::time::Duration;

use super::LimitState;
use crate::alarm::snapshot::{Boot, Moved};

impl LimitState {
    /// Takes over what was kept over a restart; of another boot only what is present (E34).
    pub(in crate::alarm) fn restore(&mut self, kept: &Self, moved: Moved) {
        match moved.boot {
            Boot::Same => *self = kept.clone(),
            Boot::Other => {
                self.limit = kept.limit.rebased(moved);
                self.extreme = kept.extreme.rebased(moved);
                self.alarm.clone_from(&kept.alarm);
                self.off = kept.off.as_ref().map(|it| it.restored(moved));
            }
        }
        self.indeterminate_at = None;
        self.indeterminate = self.limit.is_present() || self.extreme.is_present();
        self.kept = self.indeterminate.then_some(moved.to);
        if let Some(alarm) = &mut self.alarm {
            alarm.restart(moved);
        }
    }

    pub(in crate::alarm) fn shift(&mut self, by: Duration) {
        self.limit.shift(by);
        self.extreme.shift(by);
        if let Some(worse) = &mut self.worse {
            worse.state.shift(by);
        }
        self.indeterminate_at = self.indeterminate_at.map(|at| at + by);
        self.gate.shift(by);
        if let Some(alarm) = &mut self.alarm {
            alarm.shift(by);
        }
    }
}
