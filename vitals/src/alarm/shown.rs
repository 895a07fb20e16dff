//! Whether somebody downstream sees the high alarms: what stations say that they have shown, without which a distributed
//! alarm system cannot claim that its alarms arrive ([`AgentTrouble::NotReceived`]).
//!
//! Nobody can be missed who was never there: until a station has shown something, or the configuration says that there
//! is one, nothing is known.
//!
//! [`AgentTrouble::NotReceived`]: super::agent::AgentTrouble::NotReceived

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::agent::Report;
use super::event::{AlarmEvent, AlarmId, Priority, Signal};
use crate::name::Name;
use crate::time::Uptime;

/// What is known of the high alarms of an agent's beds.
#[derive(Debug)]
pub struct Shown {
    /// There is a station.
    expected: bool,
    /// Those that nobody has acknowledged.
    high: BTreeMap<AlarmId, Told>,
}

/// A high alarm as it was told.
#[derive(Debug)]
struct Told {
    bed: Arc<Name>,
    /// Since when it has been high.
    since: Uptime,
    /// From which revision on.
    revision: u32,
    received: bool,
}

impl Shown {
    /// Nothing is known yet; `expected`: there is a station, whatever has been heard.
    #[must_use]
    pub const fn new(expected: bool) -> Self {
        Self { expected, high: BTreeMap::new() }
    }

    /// Takes what was told of a bed's alarm.
    pub fn handle_event(&mut self, bed: &Arc<Name>, event: &AlarmEvent) {
        // What a device raises itself it sounds itself (E38).
        let heard = event.signal == Signal::On && !event.code.is_of_device();
        if event.phase.is_over() || !heard || event.priority != Priority::High {
            self.high.remove(&event.id);
            return;
        }
        self.high.entry(event.id.clone()).or_insert_with(|| Told {
            bed: Arc::clone(bed),
            since: event.at,
            revision: event.revision,
            received: false,
        });
    }

    /// A station has shown this revision of an alarm.
    pub fn handle_receipt(&mut self, alarm: &AlarmId, revision: u32) {
        self.expected = true;
        if let Some(told) = self.high.get_mut(alarm).filter(|it| it.revision <= revision) {
            told.received = true;
        }
    }

    /// What the missing receipts say, and of which bed the longest missing one is.
    #[must_use]
    pub fn report(&self) -> (Report, Option<&Name>) {
        let missing = self.high.values().filter(|it| !it.received).min_by_key(|it| it.since);
        match missing {
            _ if !self.expected => (Report::Unknown, None),
            None => (Report::Well, None),
            Some(told) => (Report::Since(told.since), Some(&told.bed)),
        }
    }
}
