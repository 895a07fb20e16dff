//! What is on its way: the records of one batch, their reports, and the transaction around them.

use std::time::{Duration, Instant};

use rdkafka::message::OwnedHeaders;
use tokio::sync::watch;
use vitals::time::Uptime;

use super::LOOK;
use super::session::Failure;
use crate::clock;
use crate::config::Delivery;
use crate::envelope::Position;
use crate::forwarder::Settings;
use crate::forwarder::batch::Batch;
use crate::forwarder::message::{self, Schema};
use crate::forwarder::producer::{Producer, QueueFull, is_for_ever};

/// The broker ends a transaction by itself after this long: so long an agent that died in one keeps readers waiting.
pub(super) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// So long after a connection broke librdkafka asks again by itself what was not answered, a fifth more or less, and says
/// nothing of it.
pub(super) const ASKS_AGAIN: Duration = Duration::from_secs(2);

/// A commit that took longer may have been asked for twice. The first request may still be on its way, and would end the
/// next transaction of this producer in its midst (KIP-890).
const ASKED_ONCE: Duration = Duration::from_millis(1500);

/// A producer with the batch on its way.
pub(super) struct Outgoing<'a> {
    settings: &'a Settings,
    end: &'a watch::Receiver<Option<Uptime>>,
    pub(super) producer: Producer,
    batch: Batch,
    /// Since when there is something in the batch, and with it a transaction.
    begun: Option<Instant>,
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        end: &'a watch::Receiver<Option<Uptime>>,
        producer: Producer,
    ) -> Self {
        Self { settings, end, producer, batch: Batch::default(), begun: None }
    }

    /// Whether anything was sent since the last commit.
    pub(super) fn is_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Sends a record of the forwarder's own.
    pub(super) fn send_own(
        &mut self,
        schema: Schema,
        key: &str,
        record: &impl serde::Serialize,
        position: Position,
    ) -> Result<(), Failure> {
        let body = serde_json::to_vec(record).map_err(|_| Failure::Producer)?;
        let mode = self.settings.mode;
        let headers = message::common(schema.name(), &self.settings.agent, mode);
        self.send(position, schema.topic(mode), key, &body, &headers)
    }

    /// Sends a record, waiting for room in the producer's queue. The first of a batch begins its transaction.
    pub(super) fn send(
        &mut self,
        position: Position,
        topic: &str,
        key: &str,
        body: &[u8],
        headers: &OwnedHeaders,
    ) -> Result<(), Failure> {
        if self.begun.is_none() {
            if self.is_transactional() {
                self.producer.begin().map_err(|_| Failure::Producer)?;
            }
            self.begun = Some(clock::instant());
        }
        let ticket = self.batch.push(position);
        loop {
            match self.producer.send(ticket, topic, key, body, headers.clone()) {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(QueueFull)) => self.wait(LOOK)?,
                Err(error) if is_for_ever(&error) => return Err(self.refusal(ticket)),
                Err(_) => return Err(Failure::Producer),
            }
        }
    }

    /// Kafka refuses the record of a ticket; the forwarder's own records it cannot refuse for ever.
    fn refusal(&self, ticket: usize) -> Failure {
        let refused = self.batch.position(ticket).filter(|it| it.seq > 0).cloned();
        refused.map_or(Failure::Producer, Failure::Refused)
    }

    pub(super) fn wait_for_all(&mut self) -> Result<(), Failure> {
        while self.batch.waiting() > 0 {
            self.wait(LOOK)?;
        }
        Ok(())
    }

    /// Takes reports, within the time of the transaction and of the agent.
    fn wait(&mut self, wait: Duration) -> Result<(), Failure> {
        self.take_reports(wait)?;
        match self.begun {
            _ if self.is_over() => Err(Failure::Ended),
            Some(begun) if self.is_transactional() && begun.elapsed() >= TRANSACTION_TIMEOUT => {
                Err(Failure::Slow)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn take_reports(&mut self, wait: Duration) -> Result<(), Failure> {
        for report in self.producer.poll(wait) {
            match report.outcome {
                Ok(()) => self.batch.handle_success(report.ticket),
                Err(error) if is_for_ever(&error) => return Err(self.refusal(report.ticket)),
                Err(_) => return Err(Failure::Producer),
            }
        }
        if self.producer.is_dead() { Err(Failure::Producer) } else { Ok(()) }
    }

    pub(super) fn is_transactional(&self) -> bool {
        self.settings.kafka.delivery == Delivery::ExactlyOnce
    }

    /// Ends the batch, all of which Kafka has: nobody may know what became of it when this fails.
    pub(super) fn commit(&mut self) -> Result<(), Failure> {
        if let (true, Some(begun)) = (self.is_transactional(), self.begun) {
            let asked = clock::instant();
            self.producer.commit(self.time_left()).map_err(|_| Failure::Producer)?;
            if begun.elapsed() >= TRANSACTION_TIMEOUT {
                return Err(Failure::Slow);
            }
            if asked.elapsed() >= ASKED_ONCE {
                return Err(Failure::Producer);
            }
        }
        self.batch.clear();
        self.begun = None;
        Ok(())
    }

    /// Whether the agent's time is over.
    pub(super) fn is_over(&self) -> bool {
        self.end.borrow().is_some_and(|deadline| clock::uptime() >= deadline)
    }

    /// How long a commit may take.
    fn time_left(&self) -> Duration {
        let left = self.end.borrow().map(|deadline| deadline.since(clock::uptime()));
        let most = self.settings.kafka.answer_timeout;
        left.map_or(most, |it| it.min(most))
    }
}
