//! Whether a rule that falls back for another vital is evaluated (E33).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Uptime;

/// How long the vital it falls back for must have no value before a rule is evaluated in its place (E33).
const FALLBACK_AFTER: Duration = Duration::from_secs(10);

/// Whether a rule that falls back for another vital is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Gate {
    /// It is.
    Open,
    /// The other vital has had no value for a while; from then on it is.
    Opens { at: Uptime },
    /// The other vital has a value.
    Shut,
}

impl Gate {
    /// Takes whether the other vital has no value.
    pub(super) fn take(self, now: Uptime, void: bool) -> Self {
        match self {
            Self::Shut if void => Self::Opens { at: now + FALLBACK_AFTER },
            Self::Open | Self::Opens { .. } if void => self,
            Self::Open | Self::Opens { .. } | Self::Shut => Self::Shut,
        }
    }

    /// Takes the same. Whether it was open, and is shut now.
    pub(super) fn notice(&mut self, now: Uptime, void: bool) -> bool {
        let before = core::mem::replace(self, self.take(now, void));
        (before, *self) == (Self::Open, Self::Shut)
    }

    /// Opens if it is due. Whether it did.
    pub(super) fn open(&mut self, now: Uptime) -> bool {
        let opens = self.deadline().is_some_and(|at| at <= now);
        if opens {
            *self = Self::Open;
        }
        opens
    }

    pub(super) fn deadline(self) -> Option<Uptime> {
        match self {
            Self::Opens { at } => Some(at),
            Self::Open | Self::Shut => None,
        }
    }

    pub(super) fn shift(&mut self, by: Duration) {
        if let Self::Opens { at } = self {
            *at = *at + by;
        }
    }
}
