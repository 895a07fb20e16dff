//! A rule that somebody switched off for a while (E26).

use serde::{Deserialize, Serialize};

use super::LimitAlarm;
use crate::alarm::inactive::Until;
use crate::alarm::level::LevelState;
use crate::alarm::snapshot::Moved;
use crate::time::Uptime;

/// Who switched a rule off, until when, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::alarm) struct RuleOff {
    pub(in crate::alarm) until: Until,
    pub(in crate::alarm) include_extreme: bool,
}

impl RuleOff {
    pub(in crate::alarm) fn restored(&self, moved: Moved) -> Self {
        Self { until: self.until.restored(moved), ..self.clone() }
    }
}

impl LimitAlarm {
    /// Its vital came from a device that is no more there: nobody can tell (E30).
    pub(in crate::alarm) fn lose_device(&mut self) {
        self.state.limit.drop_pending();
        self.state.extreme.drop_pending();
        if let Some(worse) = &mut self.state.worse {
            worse.state = LevelState::Clear;
        }
        self.state.indeterminate_at = None;
        self.state.indeterminate = self.is_present();
    }

    /// How it is off, if it is.
    pub(in crate::alarm) fn off(&self) -> Option<&RuleOff> {
        self.state.off.as_ref()
    }

    /// Until when it is off, if it is.
    pub(in crate::alarm) fn off_until(&self) -> Option<Uptime> {
        self.off().map(|it| it.until.at)
    }

    pub(in crate::alarm) fn is_extreme_present(&self) -> bool {
        self.state.extreme.is_present()
    }

    /// It is not evaluated from now on, or its extreme alone is.
    pub(in crate::alarm) fn switch_off(&mut self, off: RuleOff) {
        self.state.limit = LevelState::Clear;
        if off.include_extreme {
            self.state.extreme = LevelState::Clear;
        }
        if !self.is_present() {
            self.forget_void();
        }
        self.stop_watching();
        self.state.off = Some(off);
    }

    /// It is evaluated again. Whether it was off.
    pub(in crate::alarm) fn switch_on(&mut self, now: Uptime) -> bool {
        let was_off = self.state.off.take().is_some();
        if let (true, LevelState::Present { onset, .. }) = (was_off, self.state.extreme) {
            self.state.limit.nest(now, onset);
        }
        was_off
    }
}
