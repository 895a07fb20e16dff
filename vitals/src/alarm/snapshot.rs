//! What of the alarms of a bed must survive the process (E34).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::choice::Choice;
use super::event::Direction;
use super::limit::LimitState;
use super::source::SourceState;
use super::technical::{Key, TechnicalAlarm};
use crate::reading::Mode;
use crate::time::Uptime;
use crate::vital::Vital;

/// The whole state of one bed's engine at one moment, pending levels included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Uptime,
    pub(super) mode: Mode,
    pub(super) sources: Vec<SourceState>,
    pub(super) choices: Vec<(Vital, Choice)>,
    pub(super) limits: Vec<(Vital, Direction, LimitState)>,
    pub(super) technical: Vec<(Key, TechnicalAlarm)>,
}

/// Whether the machine has started anew since the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boot {
    /// The boot id is that of the snapshot: its times mean the same, and every timer resumes exactly.
    Same,
    /// Another boot: no time of the snapshot means anything on this clock.
    Other,
}

/// How the times of a snapshot stand to those of now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) from: Uptime,
    pub(super) to: Uptime,
    pub(super) boot: Boot,
}

impl Moved {
    /// A time of the snapshot on the clock of now. Of another boot, as if no time had passed between the two.
    pub(super) fn time(self, at: Uptime) -> Uptime {
        match self.boot {
            Boot::Same => at,
            Boot::Other if at < self.from => self.to - self.from.since(at),
            Boot::Other => self.to + at.since(self.from),
        }
    }
}
