//! What flows up to the bedside: an operator's action, asked of the right engine, told like every change, and answered; a
//! clinician's other rules; a station's word that it has shown an alarm.

use std::sync::Arc;

use tracing::{info, warn};
use vitals::alarm::action::Outcome;
use vitals::alarm::event::AlarmId;
use vitals::alarm::policy::AlarmPolicy;
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::action::{ActionLine, Answer, ReplyRecord};
use vitals::time::Uptime;

use super::answers::Unsaid;
use super::{Bedside, snapshot};
use crate::actions::{Placed, Way};
use crate::buffer::StoreState;
use crate::clock;
use crate::envelope::ToStore;
use crate::forwarder::{StateTopic, StateUpdate};

impl Bedside {
    /// Does what is asked, or says why not. Never leaves an action of our beds without an answer.
    ///
    /// That it is done is answered once it has reached the disk, or cannot.
    pub(super) fn handle_action(&mut self, placed: Placed) {
        let own = placed.bed == *self.own.id();
        let bed = self.beds.get(&placed.bed).map(super::BedState::mode);
        let Some(mode) = bed.or_else(|| own.then(|| self.own.mode())) else { return };
        // The topic of simulated beds says nothing about a patient, and the other way round.
        if matches!(placed.way, Way::Kafka { live } if live != (mode == Mode::Live)) {
            return;
        }
        let answer = self.decide(&placed);
        self.announce(&placed.bed);
        self.announce_own();
        if let Answer::Decided(Outcome::Accepted) = answer {
            info!(bed = %placed.bed, action = placed.record.action.name(), actor = placed.record.actor, "An operator's action was done.");
        }
        let reply = ReplyRecord::new(&placed.record, &self.origin, placed.at, &answer);
        let unsaid = Unsaid { bed: placed.bed, way: placed.way, mode, reply };
        if !answer.is_done() {
            return self.reply(unsaid);
        }
        // Its records before the state that holds them.
        self.send_told();
        let now = clock::uptime();
        let number = self.answers.wait(unsaid, now);
        let state = snapshot::durable(&mut self.beds, &self.own, &self.origin.run, now);
        self.outlets.store(ToStore::State(state, number));
        // A killed process finds it here even where there is no disk.
        self.keep(now);
    }

    /// Says what has reached the disk meanwhile, and of what never will, or has not for too long, that it has not.
    pub(super) fn answer(&mut self, now: Uptime, ending: bool) {
        if !self.answers.any() {
            return;
        }
        let (durable, hopeless) = {
            let store = self.store.borrow_and_update();
            let dead = matches!(store.state, StoreState::Failed { .. } | StoreState::Memory);
            (store.alarms.state, dead || ending)
        };
        while let Some(unsaid) = self.answers.poll(now, durable, hopeless) {
            if unsaid.reply.durable == Some(false) {
                warn!(bed = %unsaid.bed, "What an operator asked for is done and has not reached the disk.");
            }
            self.reply(unsaid);
        }
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
        if placed.bed == *self.own.id() {
            return Answer::Decided(self.own.handle_action(placed.at, &action, &mut self.ids));
        }
        let Some(bed) = self.beds.get_mut(&placed.bed) else { return Answer::NotFromHere };
        Answer::Decided(bed.handle_action(placed.at, &action, &mut self.ids))
    }

    fn reply(&mut self, Unsaid { bed, way, mode, reply }: Unsaid) {
        if let (Way::Mqtt { .. }, Some(local)) = (way, &self.outlets.local_replies) {
            local.offer(reply.clone());
        }
        let about = Some(reply.of.as_str().into());
        let Ok(body) = serde_json::to_vec(&ActionLine::Reply(reply)) else { return };
        self.outlets.tell(StateUpdate {
            topic: StateTopic::Actions,
            mode,
            key: bed.as_str().into(),
            about,
            body: body.into(),
        });
    }
}
