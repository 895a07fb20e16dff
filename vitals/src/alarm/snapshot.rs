//! What of the alarms of a bed must survive the process (E34).

use serde::{Deserialize, Serialize};

use crate::time::Uptime;

/// The whole state of one bed's engine at one moment, pending levels included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Uptime,
}

/// Whether the machine has started anew since the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boot {
    /// The boot id is that of the snapshot: its times mean the same, and every timer resumes exactly.
    Same,
    /// Another boot: no time of the snapshot means anything on this clock.
    Other,
}
