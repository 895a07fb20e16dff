//! Where the bedside task's words go. Each offer returns at once, whatever has happened behind it.

use std::sync::Arc;

use tokio::sync::watch;
use vitals::alarm::event::AlarmEvent;
use vitals::name::Name;
use vitals::record::alarm::AlarmRecord;

use super::bed::is_stored;
use crate::actions::LocalReplies;
use crate::annunciator::{self, Announcement};
use crate::buffer;
use crate::envelope::{Envelope, ToStore};
use crate::forwarder::{AlarmOutlet, LiveAlarm, StateOutlet, StateUpdate};

/// Annunciators, store and Kafka, as the bedside task sees them.
pub struct Outlets {
    /// Local annunciators: first.
    pub annunciators: annunciator::Outlet,
    /// Alarms to Kafka, in parallel with the disk.
    pub alarms: AlarmOutlet,
    /// The store.
    pub store: buffer::Intake,
    /// Newest values and states to Kafka, never buffered.
    pub state: StateOutlet,
    /// Replies to operators who ask over the local topic; `None` where nobody can.
    pub local_replies: Option<LocalReplies>,
    /// The engines' state for the run directory; a newer one replaces one that is not written yet.
    pub kept: watch::Sender<Arc<[u8]>>,
}

impl Outlets {
    pub(super) fn annunciate(
        &mut self,
        bed: &Arc<Name>,
        record: &Arc<AlarmRecord>,
        open: Vec<Arc<AlarmRecord>>,
    ) {
        self.annunciators.offer(&Announcement { bed: Arc::clone(bed), record: Arc::clone(record), open });
    }

    pub(super) fn send_alarm(
        &mut self,
        event: &AlarmEvent,
        record: &AlarmRecord,
        state: &Arc<[u8]>,
    ) -> Result<(), serde_json::Error> {
        let envelope = Envelope {
            seq: record.seq.unwrap_or(0),
            up: event.at,
            mode: event.mode,
            late: false,
            key: record.bed.as_str().into(),
            body: serde_json::to_vec(record)?.into(),
        };
        self.alarms.offer(LiveAlarm::new(record, envelope.clone()));
        if is_stored(event) {
            self.store.offer(ToStore::Alarm(envelope, Arc::clone(state)));
        }
        Ok(())
    }

    pub(super) fn store(&mut self, item: ToStore) {
        self.store.offer(item);
    }

    pub(super) fn tell(&mut self, update: StateUpdate) {
        self.state.offer(update);
    }

    pub(super) fn keep(&mut self, state: Arc<[u8]>) {
        self.kept.send_replace(state);
    }
}
