//! What hangs on the lines of a GPIO chip.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use vitals::alarm::event::Priority;
use vitals::name::Name;

/// A chip, and what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpio {
    /// The chip's name (`gpiochip0`), label or path.
    pub chip: String,
    /// The lines, by what hangs on them.
    pub lines: BTreeMap<GpioOutput, GpioLine>,
    /// Whether low switches on.
    pub active_low: bool,
    /// Whose alarms it shows, besides the agent's own.
    pub beds: Vec<Arc<Name>>,
}

/// What hangs on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GpioOutput {
    /// One lamp for every priority.
    Lamp,
    /// The lamp of high priority alone: red.
    LampHigh,
    /// The lamp of medium priority alone: yellow.
    LampMedium,
    /// The lamp of low priority alone: cyan or yellow.
    LampLow,
    /// A buzzer for high and medium priority.
    Buzzer,
    /// What toggles while the agent decides alarms.
    Heartbeat,
}

/// A line of a chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GpioLine {
    /// By its number on the chip.
    Offset(u32),
    /// By the name that the board gives it.
    Named(String),
}

impl GpioOutput {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Lamp, Self::LampHigh, Self::LampMedium, Self::LampLow, Self::Buzzer, Self::Heartbeat];

    /// Its key in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lamp => "lamp",
            Self::LampHigh => "lamp_high",
            Self::LampMedium => "lamp_medium",
            Self::LampLow => "lamp_low",
            Self::Buzzer => "buzzer",
            Self::Heartbeat => "heartbeat",
        }
    }

    /// Whether somebody would see or hear an alarm of this priority by it.
    #[must_use]
    pub fn shows(self, priority: Priority) -> bool {
        match self {
            Self::Lamp => true,
            Self::LampHigh => priority == Priority::High,
            Self::LampMedium => priority == Priority::Medium,
            Self::LampLow => priority == Priority::Low,
            Self::Buzzer => priority > Priority::Low,
            Self::Heartbeat => false,
        }
    }
}

impl fmt::Display for GpioLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Named(name) => write!(f, "{name:?}"),
        }
    }
}
