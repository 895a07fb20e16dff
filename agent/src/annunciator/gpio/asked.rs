//! What the open alarms of some beds ask of lamp and buzzer.

use std::sync::Arc;

use vitals::alarm::event::{Inactivation, Phase, Priority, Signal};
use vitals::record::alarm::AlarmRecord;

/// What is asked for: the most urgent of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Asked {
    pub(super) lamp: Option<Priority>,
    pub(super) sound: Option<Priority>,
}

/// What all beds ask for.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) asked: Asked,
    /// Counts the alarms that have begun, or become more urgent: each is heard at once.
    pub(super) begun: u64,
    /// A test alarm that waits for a word.
    pub(super) test: Option<Arc<AlarmRecord>>,
}

impl Asked {
    /// Of some open alarms. What is acknowledged or without sound (E25) keeps its light; what is paused has neither.
    pub(super) fn of(open: &[Arc<AlarmRecord>]) -> Self {
        let most_urgent =
            |is: fn(&AlarmRecord) -> bool| open.iter().filter(|it| is(it)).map(|it| it.priority).max();
        Self { lamp: most_urgent(is_seen), sound: most_urgent(is_heard) }
    }

    /// The most urgent of both.
    pub(super) fn and(self, other: Self) -> Self {
        Self { lamp: self.lamp.max(other.lamp), sound: self.sound.max(other.sound) }
    }
}

fn is_seen(it: &AlarmRecord) -> bool {
    let dark = matches!(it.inactivation, Inactivation::AlarmPaused | Inactivation::AlarmOff);
    it.signal != Signal::Off && !dark
}

fn is_heard(it: &AlarmRecord) -> bool {
    let sounds = matches!(it.signal, Signal::On | Signal::Latched);
    sounds && it.inactivation == Inactivation::None && it.priority > Priority::Low
}

/// Whether with this change an alarm begins to sound, or sounds more urgent.
pub(super) fn begins(it: &AlarmRecord) -> bool {
    let again = it.reason.as_deref() == Some("worse");
    is_heard(it) && (matches!(it.phase, Phase::Start | Phase::Escalate) || again)
}
