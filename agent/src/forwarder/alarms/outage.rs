//! Kafka is away: what goes first when it is back, and how it is learnt that it is.

use std::time::Duration;

use vitals::time::Uptime;

use super::{Alarms, IDLE};
use crate::clock;
use crate::envelope::Position;
use crate::forwarder::LiveAlarm;
use crate::forwarder::message::Schema;
use crate::forwarder::producer::Producer;

/// Without a report for this long while something is on its way, Kafka is away: what is queued is history by then.
pub(super) const AWAY: Duration = Duration::from_secs(3);

/// How a record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Going {
    /// At once.
    Live,
    /// After it has waited for Kafka.
    Late,
    /// When Kafka is back: nobody knows how old it will be.
    Whenever,
}

impl Going {
    /// How a record goes of which something has been unsaid since then.
    pub(super) fn after(since: Uptime) -> Self {
        if clock::uptime().since(since) > AWAY { Self::Late } else { Self::Live }
    }
}

/// Whether Kafka is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// As far as anybody knows.
    Here,
    /// One record asks. Nothing else is sent until it is answered.
    Asked,
    /// Kafka has not said a word for long. Nothing is sent but what asks.
    Silent,
}

impl Alarms {
    pub(super) fn is_away(&self) -> bool {
        self.reach != Reach::Here
    }

    /// Kafka is back: what is open is told before anything of the lane.
    pub(super) fn send_open(&mut self) {
        self.reach = Reach::Here;
        let ahead = self.ahead.take();
        // What lay in the queue may tell of an alarm that is over: nobody is left to believe it until the lane says so.
        for alarm in ahead.iter().filter(|it| !it.open) {
            self.send_live(alarm, Going::after(alarm.envelope.up));
        }
        let heard = |alarm: &LiveAlarm| ahead.as_ref().is_some_and(|it| it.id == alarm.id);
        for (alarm, unheard) in self.open.newest() {
            if unheard.is_some() || !heard(alarm) {
                self.held.push(alarm.clone(), unheard);
            }
        }
        self.send_held();
    }

    /// Nothing has been reported for long: what is queued is thrown away, and what is open then goes first.
    pub(super) fn notice_outage(&mut self) {
        let waiting = self.flying.len() + self.batch.waiting();
        if waiting > 0 && clock::uptime().since(self.last_report) > AWAY && self.reach != Reach::Silent {
            self.reach = Reach::Silent;
            self.start_again();
        }
    }

    /// A new producer. One record of an open alarm goes ahead to learn whether Kafka takes it; until that is reported nothing
    /// else is sent, so that what is told then is as it is then. The lane follows from what Kafka has.
    pub(super) fn start_again(&mut self) {
        self.failing = true;
        self.producer.purge();
        self.batch.clear();
        self.sent.clear();
        self.held.clear();
        self.flying.clear();
        self.gaps.clear();
        let from = self.done.clone().unwrap_or_else(Position::none);
        self.lane.rewind(&from);
        self.troubles.progress().send_modify(|it| it.producers_recreated += 1);
        std::thread::sleep(self.backoff.next_delay(crate::random::u32()));
        if self.careful {
            self.config.set("batch.num.messages", "1");
        }
        match Producer::new(&self.settings.kafka, &self.config, &self.troubles) {
            Ok(producer) => self.producer = producer,
            Err(error) => self.troubles.handle(&error),
        }
        self.ahead = None;
        let first = self.open.newest().next().map(|(alarm, unheard)| (alarm.clone(), unheard));
        if let Some((alarm, unheard)) = first {
            let going = unheard.map_or(Going::Live, Going::after);
            self.send_ahead(alarm, if self.reach == Reach::Silent { Going::Whenever } else { going });
        }
        if self.reach != Reach::Silent {
            self.reach = if self.ahead.is_some() { Reach::Asked } else { Reach::Here };
        }
        self.last_report = clock::uptime();
    }

    /// Where no alarm is open to go ahead, asks whether Kafka is back.
    pub(super) fn knock(&mut self) {
        if self.producer.meet(Schema::Alarms.topic(self.settings.mode), IDLE) {
            self.send_open();
        }
    }

    /// Sends the one record of an outage that learns whether Kafka takes it.
    pub(super) fn send_ahead(&mut self, alarm: LiveAlarm, going: Going) {
        self.send_live(&alarm, going);
        self.ahead = Some(alarm);
    }
}
