//! How long a high alarm has been unattended, and what that makes of it (E23a).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Uptime;

/// After this a high alarm that nobody attends to is of level 1.
const FIRST_AFTER: Duration = Duration::from_secs(20);
/// So much later it is of level 2: 60 s in all.
const SECOND_AFTER: Duration = Duration::from_secs(40);

/// How an alarm stands to its being attended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It is not high, or not on.
    None,
    /// It is high and on, but indeterminate or inactivated: the time stands still.
    Waiting,
    /// It is high, on and present, and nobody does anything.
    Unattended,
}

/// How far an unattended alarm has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Attention {
    pub(super) level: u8,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Progress {
    #[default]
    Idle,
    Running {
        due: Uptime,
    },
    Frozen {
        left: Duration,
    },
    /// There is no level above.
    Done,
}

impl Attention {
    /// Takes how the alarm stands now. Whether its level has risen.
    pub(super) fn take(&mut self, now: Uptime, need: Need) -> bool {
        self.progress = match (need, self.progress) {
            (Need::None, _) => {
                *self = Self::default();
                return false;
            }
            (_, Progress::Done) => Progress::Done,
            (Need::Waiting, Progress::Idle) => Progress::Frozen { left: FIRST_AFTER },
            (Need::Waiting, Progress::Running { due }) => Progress::Frozen { left: due.since(now) },
            (Need::Unattended, Progress::Idle) => Progress::Running { due: now + FIRST_AFTER },
            (Need::Unattended, Progress::Frozen { left }) => Progress::Running { due: now + left },
            (Need::Waiting, it @ Progress::Frozen { .. })
            | (Need::Unattended, it @ Progress::Running { .. }) => it,
        };
        let Progress::Running { due } = self.progress else {
            return false;
        };
        let rises = due <= now;
        if rises {
            self.level += 1;
            self.progress =
                if self.level == 1 { Progress::Running { due: now + SECOND_AFTER } } else { Progress::Done };
        }
        rises
    }

    /// It stands still from this moment on, whatever comes.
    pub(super) fn freeze(&mut self, at: Uptime) {
        if let Progress::Running { due } = self.progress {
            self.progress = Progress::Frozen { left: due.since(at) };
        }
    }

    pub(super) fn deadline(self) -> Option<Uptime> {
        match self.progress {
            Progress::Running { due } => Some(due),
            Progress::Idle | Progress::Frozen { .. } | Progress::Done => None,
        }
    }

    pub(super) fn shift(&mut self, by: Duration) {
        if let Progress::Running { due } = &mut self.progress {
            *due = *due + by;
        }
    }
}
