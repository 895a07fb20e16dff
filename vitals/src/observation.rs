//! A reading in context: whose bed, which source, when it arrived, and whether it is history.

use alloc::sync::Arc;

use crate::name::Name;
use crate::reading::{Mode, Reading};
use crate::time::{ClockQuality, Timestamp, Uptime};

/// A reading with everything that is known of its arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The bed it belongs to.
    pub bed: Arc<Name>,
    /// The source that said it; one source belongs to one bed.
    pub source: Arc<Name>,
    /// What was said.
    pub reading: Reading,
    /// When its last byte was read, on the boot-time clock: the only time that alarms know.
    pub at: Uptime,
    /// The same moment on the wall clock.
    pub received_at: Timestamp,
    /// How far that wall clock can be believed.
    pub clock: ClockQuality,
    /// Live, replay or simulated: the less live of what the payload and the configuration say.
    pub mode: Mode,
    /// Why it is history and not a patient of now, if it is. Late data are stored and sent, never judged.
    pub late: Option<Late>,
    /// Whether the broker said that it had sent this message before.
    pub redelivered: bool,
}

/// Why an observation is history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// The broker had kept it for whoever comes.
    Retained,
    /// It waited in the broker while the agent was away.
    Backlog,
    /// It lay with the device or on the way: its lag exceeds the source's own minimum.
    Lag,
}
