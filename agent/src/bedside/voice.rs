//! Who decides alarms, a bed or the agent itself, and how each change is made known: annunciators, Kafka, store.

use std::sync::Arc;

use vitals::alarm::event::AlarmEvent;
use vitals::name::Name;
use vitals::record::alarm::{AlarmRecord, WARDLINE, WallClock};
use vitals::record::reading::Origin;
use vitals::time::ClockQuality;

use super::bed::is_stored;
use super::outlets::Outlets;
use crate::clock;

/// What decides alarms: a bed's engine, or the agent's own.
pub(super) trait Voice {
    /// What was decided next.
    fn poll_event(&mut self) -> Option<AlarmEvent>;

    /// The record of an event and, after it, everything that is open there, the most urgent first.
    fn record(
        &mut self,
        event: &AlarmEvent,
        seq: Option<u64>,
        origin: &Origin,
        signalled: WallClock,
    ) -> (Arc<AlarmRecord>, Vec<Arc<AlarmRecord>>);
}

/// Annunciates what was decided, and numbers what is stored; what is left to be sent.
pub(super) fn annunciate(
    voice: &mut dyn Voice,
    bed: &Arc<Name>,
    origin: &Origin,
    clock: ClockQuality,
    alarm_seq: &mut u64,
    outlets: &mut Outlets,
) -> Vec<(AlarmEvent, Arc<AlarmRecord>)> {
    let mut records = Vec::new();
    while let Some(event) = voice.poll_event() {
        let signalled = clock::wall_clock(clock);
        let seq = is_stored(&event).then(|| {
            *alarm_seq += 1;
            *alarm_seq
        });
        let (record, mut open) = voice.record(&event, seq, origin, signalled);
        // What the device raises itself it sounds itself: at the bedside nobody needs to hear it twice (E38).
        if !event.code.is_of_device() {
            open.retain(|it| it.origin == WARDLINE);
            outlets.annunciate(bed, &record, open);
        }
        records.push((event, record));
    }
    records
}
