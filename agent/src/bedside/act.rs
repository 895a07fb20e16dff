//! What flows up to the bedside: an operator's action, asked of the right engine, told like every change, and answered; a
//! clinician's other rules; a station's word that it has shown an alarm.

use std::sync::Arc;

use tracing::info;
use vitals::alarm::action::Outcome;
use vitals::alarm::event::AlarmId;
use vitals::alarm::policy::AlarmPolicy;
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::action::{ActionLine, Answer, ReplyRecord};
use vitals::time::Uptime;

use super::Bedside;
use crate::actions::{Placed, Way};
use crate::clock;
use crate::forwarder::{StateTopic, StateUpdate};

impl Bedside {
    /// Does what is asked, or says why not. Never leaves an action of our beds without an answer.
    pub(super) fn handle_action(&mut self, placed: &Placed) {
        let Some(mode) = self.beds.get(&placed.bed).map(super::BedState::mode) else { return };
        // The topic of simulated beds says nothing about a patient, and the other way round.
        if matches!(placed.way, Way::Kafka { live } if live != (mode == Mode::Live)) {
            return;
        }
        let answer = self.decide(placed);
        self.announce(&placed.bed);
        if let Answer::Decided(Outcome::Accepted) = answer {
            info!(bed = %placed.bed, action = placed.record.action.name(), actor = placed.record.actor, "An operator's action was done.");
        }
        let reply = ReplyRecord::new(&placed.record, &self.origin, placed.at, &answer);
        self.reply(placed, reply, mode);
    }

    /// What was due under the old rules is told under them first.
    pub(super) fn handle_rules(&mut self, policies: Vec<(Arc<Name>, AlarmPolicy)>, at: Uptime) {
        for (id, policy) in policies {
            let Some(bed) = self.beds.get_mut(&id).filter(|it| !it.follows(&policy)) else { continue };
            bed.handle_timeout(at, &mut self.ids);
            self.announce(&id);
            if let Some(bed) = self.beds.get_mut(&id) {
                bed.handle_policy(at, policy, &mut self.ids);
            }
            self.announce(&id);
        }
    }

    /// A station has shown an alarm. The topic of simulated beds says nothing of a patient's.
    pub(super) fn handle_shown(
        &mut self,
        bed: &Arc<Name>,
        alarm: &AlarmId,
        (revision, station): (u32, &str),
        live: bool,
    ) {
        self.tests.handle_receipt(alarm, station, live);
        let mode = self.beds.get(bed).map(super::BedState::mode);
        if mode.is_some_and(|it| (it == Mode::Live) == live) {
            self.shown.handle_receipt(alarm, revision);
        }
    }

    fn decide(&mut self, placed: &Placed) -> Answer {
        if placed.way == (Way::Mqtt { allowed: false }) {
            return Answer::NotFromHere;
        }
        let action = match placed.record.understand(clock::boot_of) {
            Ok(action) => action,
            Err(error) => return Answer::NotUnderstood(error),
        };
        let Some(bed) = self.beds.get_mut(&placed.bed) else { return Answer::NotFromHere };
        Answer::Decided(bed.handle_action(placed.at, &action, &mut self.ids))
    }

    fn reply(&mut self, placed: &Placed, reply: ReplyRecord, mode: Mode) {
        if let (Way::Mqtt { .. }, Some(local)) = (placed.way, &self.outlets.local_replies) {
            local.offer(reply.clone());
        }
        let Ok(body) = serde_json::to_vec(&ActionLine::Reply(reply)) else { return };
        self.outlets.tell(StateUpdate {
            topic: StateTopic::Actions,
            mode,
            key: placed.bed.as_str().into(),
            about: Some(placed.record.id.as_str().into()),
            body: body.into(),
        });
    }
}
