//! What an engine has decided is told: to the annunciators at once, and to the others at the end of the turn.

use std::sync::Arc;

use vitals::name::Name;
use vitals::time::Uptime;

use super::{Bedside, bed, snapshot, voice};
use crate::clock;

impl Bedside {
    /// Makes known at the bedside what an engine decided; the others are told at the end of the turn.
    pub(super) fn announce(&mut self, id: &Arc<Name>) {
        let Some(bed) = self.beds.get_mut(id) else { return };
        let quality = *self.clock.borrow();
        let records =
            voice::annunciate(bed, id, &self.origin, quality, &mut self.alarm_seq, &mut self.outlets);
        for (event, _) in &records {
            self.shown.handle_event(id, event);
            self.tests.handle_event(id, event);
        }
        self.told.extend(records);
        self.announce_test();
    }

    /// The same for the agent's own.
    pub(super) fn announce_own(&mut self) {
        let (id, quality) = (Arc::clone(self.own.id()), *self.clock.borrow());
        let (seq, outlets) = (&mut self.alarm_seq, &mut self.outlets);
        let records = voice::annunciate(&mut self.own, &id, &self.origin, quality, seq, outlets);
        self.told.extend(records);
    }

    /// To Kafka and the store, with the engines' state after them; the run directory gets the whole of it at once, or who
    /// is killed in the next quarter of a second would tell the same again under another name.
    pub(super) fn send_told(&mut self) {
        let told = std::mem::take(&mut self.told);
        let now = clock::uptime();
        let stored = told.iter().any(|(event, _)| bed::is_stored(event));
        let state = stored.then(|| snapshot::durable(&mut self.beds, &self.own, &self.origin.run, now));
        self.outlets.send_alarms(&told, state.as_ref());
        if stored {
            self.keep(now);
        }
    }

    pub(super) fn keep(&mut self, now: Uptime) {
        for bed in self.beds.values_mut() {
            bed.clear_touched();
        }
        if let Some(state) = snapshot::whole(&mut self.beds, &self.own, &self.origin.run, now) {
            self.outlets.keep(state);
        }
    }
}
