//! What Kafka says of each alarm record: what it has, what it refuses for ever, and whether it is there.
//!
//! For what it refuses for ever a gap takes the place in the lane, and nothing waits behind it.

use std::time::Duration;

use vitals::record::ledger::Lane;

use super::outage::Reach;
use super::{Alarms, Flying};
use crate::clock;
use crate::envelope::{Position, RunId};
use crate::forwarder::ledger;
use crate::forwarder::producer::is_for_ever;
use crate::forwarder::refused::give_up;

impl Alarms {
    pub(super) fn take_reports(&mut self) {
        let reports = self.producer.poll(Duration::ZERO);
        let answers = !reports.is_empty();
        for report in reports {
            self.last_report = clock::uptime();
            match report.outcome {
                Ok(()) => self.handle_success(report.ticket),
                Err(error) if is_for_ever(&error) && !self.gaps.contains(&report.ticket) => {
                    if !std::mem::replace(&mut self.careful, true) {
                        return self.start_again();
                    }
                    self.handle_word();
                    self.set_aside(report.ticket);
                }
                Err(_) => return self.start_again(),
            }
        }
        if answers && self.is_away() {
            self.send_open();
        }
        if let Some((position, _)) = self.batch.poll_done() {
            if position.run == self.settings.run {
                self.delivered = self.delivered.split_off(&(position.seq + 1));
            }
            self.lane.acknowledge(&position);
            self.done = Some(position);
        }
        if self.producer.is_dead() {
            self.start_again();
        }
    }

    /// Kafka has answered: it is there.
    fn handle_word(&mut self) {
        self.failing = false;
        if self.reach == Reach::Silent {
            self.reach = Reach::Asked;
        }
        self.troubles.handle_confirmed();
        self.backoff.reset();
    }

    /// Kafka has the record of a ticket.
    fn handle_success(&mut self, ticket: usize) {
        self.handle_word();
        let flown = self.flying.remove(&ticket);
        if let Some(it) = &flown {
            self.open.handle_heard(&it.alarm.id, it.alarm.envelope.up);
        }
        if let Some(it) = flown.as_ref().filter(|it| it.alarm.test) {
            let tested = Some((it.alarm.id.as_str().into(), self.last_report));
            self.troubles.progress().send_modify(|it| it.tested = tested);
        }
        match flown {
            Some(Flying { lane: Some(ticket), .. }) => self.batch.handle_success(ticket),
            // What an unconfirmed cluster has, the lane sends again to the right one; a `continue` has no number.
            Some(Flying { alarm, lane: None }) => {
                let seq = Some(alarm.envelope.seq).filter(|it| *it > 0 && self.is_confirmed());
                self.delivered.extend(seq);
            }
            None => {
                self.sent.remove(&ticket);
                self.batch.handle_success(ticket);
            }
        }
        if !self.gaps.remove(&ticket) {
            self.troubles.progress().send_modify(|it| it.delivered_alarms += 1);
        }
    }

    /// Kafka refuses the record of a ticket, which went alone, for what it is.
    ///
    /// One that was sent at once is refused again when the lane comes to it; a `continue` is nothing to be missed.
    pub(super) fn set_aside(&mut self, ticket: usize) {
        let (ticket, run, envelope) = match self.flying.remove(&ticket) {
            Some(live) => {
                self.open.handle_refused(&live.alarm);
                let Some(ticket) = live.lane else { return };
                (ticket, RunId::clone(&self.settings.run), live.alarm.envelope)
            }
            None => match self.sent.remove(&ticket) {
                Some((run, envelope)) => (ticket, run, envelope),
                // Of an earlier producer.
                None => return,
            },
        };
        give_up(&self.settings, Lane::Alarms, &run, &envelope, self.troubles.progress());
        let position = Position { run, seq: envelope.seq };
        self.send_gap(ticket, &ledger::refused(&self.settings, Lane::Alarms, &position));
    }
}
