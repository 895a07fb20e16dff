//! States to Kafka: newest values, beds, heartbeats. Never buffered, at most one of a key on its way, newer for older.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use tokio::sync::watch;
use vitals::time::Uptime;

use super::message::{self, Schema};
use super::producer::Producer;
use super::{Settings, StateTopic, StateUpdate};
use crate::clock;
use crate::kafka::{self, Troubles};

/// A state that has not reached Kafka by now is replaced by a newer one.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long the thread sleeps at most; an update wakes it.
const IDLE: Duration = Duration::from_millis(100);

type Key = (StateTopic, Box<str>, Option<Box<str>>);

/// The thread of states.
pub(super) struct States {
    settings: Settings,
    updates: Receiver<StateUpdate>,
    end: watch::Receiver<Option<Uptime>>,
    config: ClientConfig,
    producer: Producer,
    troubles: Troubles,
    /// The last that was reported has not reached Kafka.
    failing: bool,
    /// The newest of each key that has not been sent.
    waiting: BTreeMap<Key, StateUpdate>,
    /// What is on its way, by ticket.
    flying: BTreeMap<usize, Key>,
    flying_keys: BTreeSet<Key>,
    next_ticket: usize,
}

impl States {
    pub(super) fn new(
        settings: Settings,
        updates: Receiver<StateUpdate>,
        troubles: &Troubles,
        end: watch::Receiver<Option<Uptime>>,
    ) -> Result<Self, KafkaError> {
        let mut config = kafka::client(&settings.kafka, &format!("{}-state", settings.agent));
        config
            .set("acks", "1")
            .set("message.timeout.ms", TIMEOUT.as_millis().to_string())
            .set("linger.ms", "5")
            .set("queue.buffering.max.kbytes", "4096");
        kafka::prevail(&settings.kafka, &mut config);
        let producer = Producer::new(&settings.kafka, &config, troubles)?;
        Ok(Self {
            settings,
            updates,
            end,
            config,
            producer,
            troubles: troubles.clone(),
            failing: false,
            waiting: BTreeMap::new(),
            flying: BTreeMap::new(),
            flying_keys: BTreeSet::new(),
            next_ticket: 0,
        })
    }

    pub(super) fn run(mut self) {
        let mut open = true;
        while !self.end.borrow().is_some_and(|deadline| clock::uptime() >= deadline) {
            match self.updates.recv_timeout(IDLE) {
                Ok(update) => self.take(update),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    open = false;
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            while let Ok(update) = self.updates.try_recv() {
                self.take(update);
            }
            if self.producer.is_outdated() {
                self.start_again();
            }
            self.send();
            let reports = self.producer.poll(Duration::ZERO);
            for report in reports {
                if let Some(key) = self.flying.remove(&report.ticket) {
                    self.flying_keys.remove(&key);
                }
                self.failing = report.outcome.is_err();
                if !self.failing {
                    self.troubles.handle_confirmed();
                }
            }
            self.troubles.handle_waiting(self.failing || !self.flying.is_empty());
            if !open && self.flying.is_empty() && self.waiting.is_empty() {
                return;
            }
        }
    }

    /// A new producer. What was on its way is told by what is newer.
    fn start_again(&mut self) {
        match Producer::new(&self.settings.kafka, &self.config, &self.troubles) {
            Ok(producer) => self.producer = producer,
            Err(error) => return self.troubles.handle(&error),
        }
        self.flying.clear();
        self.flying_keys.clear();
        self.troubles.progress().send_modify(|it| it.producers_recreated += 1);
    }

    fn take(&mut self, update: StateUpdate) {
        self.waiting.insert((update.topic, update.key.clone(), update.about.clone()), update);
    }

    fn send(&mut self) {
        let ready: Vec<Key> =
            self.waiting.keys().filter(|key| !self.flying_keys.contains(*key)).cloned().collect();
        for key in ready {
            let Some(update) = self.waiting.remove(&key) else { continue };
            let schema = Schema::State(update.topic);
            // A heartbeat is the agent's, whatever the beds are.
            let mode = if update.topic == StateTopic::Status { self.settings.mode } else { update.mode };
            let headers = message::common(schema.name(), &self.settings.agent, mode);
            let ticket = self.next_ticket;
            self.next_ticket += 1;
            let sent = self.producer.send(ticket, schema.topic(mode), &update.key, &update.body, headers);
            if matches!(sent, Ok(Ok(()))) {
                self.flying.insert(ticket, key.clone());
                self.flying_keys.insert(key);
            }
        }
    }
}
