//! Where the bedside task's words go. Each offer returns at once, whatever has happened behind it.

use std::sync::Arc;

use tracing::warn;
use vitals::alarm::event::AlarmEvent;
use vitals::name::Name;
use vitals::record::alarm::AlarmRecord;

use super::bed::is_stored;
use super::snapshot::{EncodedDocument, Keeping};
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
    pub kept: Keeping,
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

    /// What was told at one moment, with the engines' state after it, which whatever is stored needs: to Kafka, then to the
    /// store.
    pub(super) fn send_alarms(&mut self, told: &[(AlarmEvent, Arc<AlarmRecord>)], state: Option<&Arc<[u8]>>) {
        let (mut live, mut stored) = (Vec::new(), Vec::new());
        for (event, record) in told {
            let envelope = match envelope(event, record) {
                Ok(envelope) => envelope,
                Err(error) => {
                    warn!(bed = record.bed, %error, "An alarm record cannot be encoded; it was annunciated and is not sent.");
                    continue;
                }
            };
            if let Some(state) = state.filter(|_| is_stored(event)) {
                stored.push(ToStore::Alarm(envelope.clone(), Arc::clone(state)));
            }
            live.push(LiveAlarm::new(record, envelope));
        }
        self.alarms.offer(live);
        for it in stored {
            self.store.offer(it);
        }
    }

    pub(super) fn store(&mut self, item: ToStore) {
        self.store.offer(item);
    }

    pub(super) fn tell(&mut self, update: StateUpdate) {
        self.state.offer(update);
    }

    pub(super) fn keep(&mut self, state: Arc<EncodedDocument>) {
        self.kept.send_replace(Some(state));
    }
}

fn envelope(event: &AlarmEvent, record: &AlarmRecord) -> Result<Envelope, serde_json::Error> {
    Ok(Envelope {
        seq: record.seq.unwrap_or(0),
        up: event.at,
        mode: event.mode,
        late: false,
        key: record.bed.as_str().into(),
        body: serde_json::to_vec(record)?.into(),
    })
}
