//! The state machine of one level, or of one boolean of the equipment: when it is pending, present, clear again (E14).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::Direction;
use super::snapshot::Moved;
use crate::quantity::Quantity;
use crate::time::Uptime;

/// Where a value stands to a level (E13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Beyond the limit.
    Out,
    /// Between the limit and the limit plus hysteresis.
    Band,
    /// Inside by at least the hysteresis.
    In,
    /// Nobody can tell: there is no value in force.
    Void,
}

/// What a vital has to say at one moment, as far as limits are concerned (E8, E9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// A value in force.
    Value(Quantity),
    /// Below what the device can measure: below every low limit, void for high ones.
    UnderRange,
    /// Above what the device can measure.
    OverRange,
    /// No value in force.
    Void,
}

impl Input {
    /// Where it stands to a limit with this hysteresis (E13).
    pub(super) fn class(self, direction: Direction, limit: Quantity, hysteresis: Quantity) -> Class {
        match (self, direction) {
            (Self::Value(value), Direction::Low) if value < limit => Class::Out,
            (Self::Value(value), Direction::Low) if value >= limit.saturating_add(hysteresis) => Class::In,
            (Self::Value(value), Direction::High) if value > limit => Class::Out,
            (Self::Value(value), Direction::High) if value <= limit.saturating_sub(hysteresis) => Class::In,
            (Self::Value(_), _) => Class::Band,
            (Self::UnderRange, Direction::Low) | (Self::OverRange, Direction::High) => Class::Out,
            (Self::UnderRange, Direction::High) | (Self::OverRange, Direction::Low) | (Self::Void, _) => {
                Class::Void
            }
        }
    }
}

/// The times that govern a level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delays {
    /// How long it must be out.
    pub(super) delay: Duration,
    /// How long it must be in, unbroken, to clear.
    pub(super) clear: Duration,
    /// G: how long a pending level may be frozen.
    pub(super) gap: Duration,
}

/// One level. Every time in it that is not an onset or a decision is a deadline, so that a stall can move it (E6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum LevelState {
    /// Not out.
    #[default]
    Clear,
    /// Out, and not yet for long enough.
    Pending { onset: Uptime, progress: Progress },
    /// Out for long enough.
    Present { onset: Uptime, decided: Uptime, clear_at: Option<Uptime> },
}

/// How far the delay of a pending level has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Progress {
    /// It runs, and will be over then.
    Running { due: Uptime },
    /// It stands still in a band or a void, and is given up at `expires`.
    Frozen { left: Duration, expires: Uptime },
}

impl LevelState {
    /// Takes how a sensor is whose trouble has a delay, and never becomes present itself (H7).
    pub(super) fn of_sensor(mut self, now: Uptime, class: Class, delays: Delays) -> Self {
        if (self, class) == (Self::Clear, Class::Out) {
            return Self::Pending { onset: now, progress: Progress::Running { due: now + delays.delay } };
        }
        self.take(now, class, delays);
        self
    }

    /// The onset, if the delay has run.
    pub(super) fn due_onset(self, now: Uptime) -> Option<Uptime> {
        match self {
            Self::Pending { onset, progress: Progress::Running { due } } if due <= now => Some(onset),
            Self::Clear | Self::Pending { .. } | Self::Present { .. } => None,
        }
    }

    /// Whether its delay runs.
    pub(super) fn is_running(self) -> bool {
        matches!(self, Self::Pending { progress: Progress::Running { .. }, .. })
    }

    pub(super) fn is_present(self) -> bool {
        matches!(self, Self::Present { .. })
    }

    /// Takes where the value stands now.
    pub(super) fn take(&mut self, now: Uptime, class: Class, delays: Delays) {
        *self = match (*self, class) {
            (Self::Clear, Class::Out) if delays.delay.is_zero() => {
                Self::Present { onset: now, decided: now, clear_at: None }
            }
            (Self::Clear, Class::Out) => {
                Self::Pending { onset: now, progress: Progress::Running { due: now + delays.delay } }
            }
            (Self::Clear, _) | (Self::Pending { .. }, Class::In) => Self::Clear,
            (Self::Pending { onset, progress }, Class::Out) => {
                Self::Pending { onset, progress: progress.run(now) }
            }
            (Self::Pending { onset, progress }, Class::Band | Class::Void) => {
                Self::Pending { onset, progress: progress.freeze(now, delays.gap) }
            }
            (Self::Present { .. }, Class::In) if delays.clear.is_zero() => Self::Clear,
            (Self::Present { onset, decided, clear_at }, Class::In) => {
                Self::Present { onset, decided, clear_at: clear_at.or(Some(now + delays.clear)) }
            }
            (Self::Present { onset, decided, .. }, _) => Self::Present { onset, decided, clear_at: None },
        };
    }

    /// Becomes present if its delay is over. Whether it did.
    pub(super) fn mature(&mut self, now: Uptime) -> bool {
        match *self {
            Self::Pending { onset, progress: Progress::Running { due } } if due <= now => {
                *self = Self::Present { onset, decided: now, clear_at: None };
                true
            }
            Self::Clear | Self::Pending { .. } | Self::Present { .. } => false,
        }
    }

    /// Becomes present with a level further out (E15).
    pub(super) fn nest(&mut self, now: Uptime, onset_further_out: Uptime) {
        *self = match *self {
            Self::Clear => Self::Present { onset: onset_further_out, decided: now, clear_at: None },
            Self::Pending { onset, .. } => Self::Present { onset, decided: now, clear_at: None },
            Self::Present { .. } => *self,
        };
    }

    /// Gives up if it has been frozen for G.
    pub(super) fn expire(&mut self, now: Uptime) {
        if matches!(*self, Self::Pending { progress: Progress::Frozen { expires, .. }, .. } if expires <= now)
        {
            *self = Self::Clear;
        }
    }

    /// Clears if its clear delay is over.
    pub(super) fn clear(&mut self, now: Uptime) {
        if matches!(*self, Self::Present { clear_at: Some(at), .. } if at <= now) {
            *self = Self::Clear;
        }
    }

    /// What has not become present is forgotten.
    pub(super) fn drop_pending(&mut self) {
        if matches!(self, Self::Pending { .. }) {
            *self = Self::Clear;
        }
    }

    /// When it must be looked at again.
    pub(super) fn deadline(self) -> Option<Uptime> {
        match self {
            Self::Clear => None,
            Self::Pending {
                progress: Progress::Running { due: at } | Progress::Frozen { expires: at, .. },
                ..
            } => Some(at),
            Self::Present { clear_at, .. } => clear_at,
        }
    }

    /// What of it outlives a boot: that it is present (E34).
    pub(super) fn rebased(self, moved: Moved) -> Self {
        match self {
            Self::Clear | Self::Pending { .. } => Self::Clear,
            Self::Present { onset, decided, .. } => {
                Self::Present { onset: moved.time(onset), decided: moved.time(decided), clear_at: None }
            }
        }
    }

    /// The same of what the engine knows by itself: its end is moved too.
    pub(super) fn rebased_whole(self, moved: Moved) -> Self {
        match (self, self.rebased(moved)) {
            (Self::Present { clear_at, .. }, Self::Present { onset, decided, .. }) => {
                Self::Present { onset, decided, clear_at: clear_at.map(|at| moved.time(at)) }
            }
            (_, rebased) => rebased,
        }
    }

    /// Moves its deadline (E6).
    pub(super) fn shift(&mut self, by: Duration) {
        match self {
            Self::Pending {
                progress: Progress::Running { due: at } | Progress::Frozen { expires: at, .. },
                ..
            }
            | Self::Present { clear_at: Some(at), .. } => *at = *at + by,
            Self::Clear | Self::Present { clear_at: None, .. } => {}
        }
    }
}

impl Progress {
    fn run(self, now: Uptime) -> Self {
        match self {
            Self::Running { .. } => self,
            Self::Frozen { left, .. } => Self::Running { due: now + left },
        }
    }

    fn freeze(self, now: Uptime, gap: Duration) -> Self {
        match self {
            Self::Running { due } => Self::Frozen { left: due.since(now), expires: now + gap },
            Self::Frozen { left, expires } => {
                let expires = tolerated(Some(expires), now, gap).unwrap_or(expires);
                Self::Frozen { left, expires }
            }
        }
    }
}

/// When a void that has been tolerated until `deadline` is not tolerated any longer. G counts from its beginning; it
/// does not run while it has no bound, and begins anew when it has one again.
pub(super) fn tolerated(deadline: Option<Uptime>, now: Uptime, gap: Duration) -> Option<Uptime> {
    let unbounded = deadline.is_some_and(|it| it.as_millis() == u64::MAX);
    deadline.filter(|_| !unbounded && gap < Duration::MAX).or(Some(now + gap))
}
