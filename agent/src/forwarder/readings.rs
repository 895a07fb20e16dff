//! Readings to Kafka: batch, ledger, cursor, acknowledgement. The one function that does it, [`Readings::send_batch`],
//! is what becomes a transaction.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::watch;
use tracing::{error, info, warn};
use vitals::backoff::Backoff;
use vitals::record::ledger::{CURSORS, Cursor, Gap, LEDGER, Lane, LedgerRecord};
use vitals::time::Uptime;

use super::batch::Batch;
use super::message::{self, Provenance, Schema};
use super::producer::{Producer, QUEUE_MAX, QueueFull};
use super::{Settings, cursor, ledger};
use crate::buffer::{Chunk, Item, LaneReader, ReadError, Waited};
use crate::clock;
use crate::envelope::{Envelope, Position};
use crate::kafka::{self, Troubles};

/// Records in one batch: half of the producer's queue, so that one never waits for room.
const BATCH_MAX: usize = QUEUE_MAX / 2;

/// How long one look at the lane or at librdkafka may take: what stops the forwarder is noticed after it.
const LOOK: Duration = Duration::from_millis(200);

/// A record that Kafka refuses this often stands alone before it is given up.
const REFUSALS_MAX: u32 = 3;

/// The thread of readings.
pub(super) struct Readings {
    settings: Settings,
    lane: LaneReader,
    troubles: Troubles,
    end: watch::Receiver<Option<Uptime>>,
    config: ClientConfig,
    producer: Producer,
    batch: Batch,
    /// Up to where Kafka has everything, as far as this run knows.
    done: Option<Position>,
    /// The record that Kafka refuses, and how often it has.
    refused: Option<(Position, u32)>,
    backoff: Backoff,
}

/// Why a batch did not get through.
enum Failure {
    /// The producer is thrown away; what Kafka does not have is sent again.
    Producer,
    /// Kafka refuses this record for ever.
    Refused(Position),
    /// The agent ends.
    Ended,
}

impl Readings {
    pub(super) fn new(
        settings: Settings,
        lane: LaneReader,
        troubles: Troubles,
        end: watch::Receiver<Option<Uptime>>,
    ) -> Result<Self, KafkaError> {
        let mut config = kafka::durable(&settings.kafka, &format!("{}-readings", settings.agent));
        config
            .set("linger.ms", "5")
            .set("queue.buffering.max.kbytes", "16384")
            .set("batch.num.messages", "2000");
        let producer = Producer::new(&config, &troubles)?;
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));
        let batch = Batch::default();
        Ok(Self {
            settings,
            lane,
            troubles,
            end,
            config,
            producer,
            batch,
            done: None,
            refused: None,
            backoff,
        })
    }

    pub(super) fn run(mut self) {
        self.learn_cursor();
        let mut announced = false;
        while !self.is_over() {
            let outcome = if announced {
                match self.lane.wait(LOOK) {
                    Waited::Ready => self.send_batch(),
                    Waited::TimedOut => self.take_reports(Duration::ZERO),
                    Waited::Ended => break,
                }
            } else if self.settings.previous.get().is_none() {
                // The disk has not told yet what came before: there is nothing of its to send either.
                std::thread::sleep(LOOK);
                Ok(())
            } else {
                self.announce().inspect(|()| announced = true)
            };
            match outcome {
                Ok(()) => self.backoff.reset(),
                Err(Failure::Ended) => break,
                Err(Failure::Producer) => self.start_again(),
                Err(Failure::Refused(position)) => {
                    self.note_refusal(position);
                    self.start_again();
                }
            }
        }
    }

    /// Learns how far Kafka has us; while Kafka is away there is nothing else to do anyway.
    fn learn_cursor(&mut self) {
        while !self.is_over() {
            match cursor::read(&self.settings, Lane::Readings, || self.is_over()) {
                Ok(Some(it)) => {
                    info!(run = it.run, seq = it.seq, "Kafka has the readings up to here.");
                    let position = Position { run: it.run.into(), seq: it.seq };
                    self.lane.acknowledge(&position);
                    self.done = Some(position);
                    break;
                }
                Ok(None) => break,
                Err(error) => self.troubles.handle(&error),
            }
            std::thread::sleep(self.backoff.next_delay(crate::random::u32()));
        }
        self.backoff.reset();
    }

    /// Says in the ledger that this run has begun, and what came before it.
    fn announce(&mut self) -> Result<(), Failure> {
        let run = LedgerRecord::Run(ledger::began(&self.settings));
        let key = self.settings.agent.clone();
        self.send_unnumbered(Schema::Ledger, &key, &run)
    }

    /// Sends what the lane has, waits until Kafka has all of it, moves the cursor over it, and lets the store forget it.
    fn send_batch(&mut self) -> Result<(), Failure> {
        let mut sent = 0;
        while sent < BATCH_MAX {
            let chunk = match self.lane.next_chunk() {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => return Err(complain(&error)),
            };
            sent += chunk.items.len();
            self.send_chunk(&chunk)?;
        }
        self.wait_for_all()?;
        let Some((position, count)) = self.batch.poll_done() else { return Ok(()) };
        self.move_cursor(&position)?;
        self.lane.acknowledge(&position);
        self.done = Some(position);
        self.refused = None;
        self.troubles.progress().send_modify(|it| it.delivered_readings += count);
        Ok(())
    }

    fn send_chunk(&mut self, chunk: &Chunk) -> Result<(), Failure> {
        for item in &chunk.items {
            match item {
                Item::Record(envelope) => self.send_record(chunk, envelope)?,
                Item::Gap(gap) => {
                    let position = Position { run: chunk.run.clone(), seq: gap.last_seq };
                    if self.is_done(&position) {
                        self.batch.pass(position);
                    } else {
                        self.send_gap(gap.clone(), position)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn send_record(&mut self, chunk: &Chunk, envelope: &Envelope) -> Result<(), Failure> {
        let position = Position { run: chunk.run.clone(), seq: envelope.seq };
        if self.is_done(&position) {
            self.batch.pass(position);
            return Ok(());
        }
        if matches!(&self.refused, Some((it, count)) if *it == position && *count >= REFUSALS_MAX) {
            let gap = ledger::refused(&self.settings, &position);
            return self.send_gap(gap, position);
        }
        let provenance = Provenance {
            agent: &self.settings.agent,
            run: &chunk.run,
            this_boot: same_boot(&chunk.run, &self.settings.run),
        };
        let headers = message::headers(Lane::Readings, envelope, provenance);
        let topic = Schema::Readings.topic(envelope.mode);
        let ticket = self.batch.push(position);
        self.send(ticket, topic, &envelope.key, &envelope.body, &headers)
    }

    fn send_gap(&mut self, gap: Gap, position: Position) -> Result<(), Failure> {
        warn!(run = gap.run, first = gap.first_seq, last = gap.last_seq, reason = ?gap.reason, "Readings are missing for ever; the ledger says so.");
        let body = encode(&LedgerRecord::Gap(gap))?;
        let headers = message::common(LEDGER, &self.settings.agent, self.settings.mode);
        let ticket = self.batch.push(position);
        let key = self.settings.agent.clone();
        self.send(ticket, Schema::Ledger.topic(self.settings.mode), &key, &body, &headers)
    }

    /// Sends a record, waiting for room in the producer's queue.
    fn send(
        &mut self,
        ticket: usize,
        topic: &str,
        key: &str,
        body: &[u8],
        headers: &rdkafka::message::OwnedHeaders,
    ) -> Result<(), Failure> {
        loop {
            match self.producer.send(ticket, topic, key, body, headers.clone()) {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(QueueFull)) => self.take_reports(LOOK)?,
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge)) => {
                    return Err(self.refusal(ticket));
                }
                Err(_) => return Err(Failure::Producer),
            }
            if self.is_over() {
                return Err(Failure::Ended);
            }
        }
    }

    fn refusal(&self, ticket: usize) -> Failure {
        self.batch.position(ticket).cloned().map_or(Failure::Producer, Failure::Refused)
    }

    fn wait_for_all(&mut self) -> Result<(), Failure> {
        while self.batch.waiting() > 0 {
            self.take_reports(LOOK)?;
            if self.is_over() {
                return Err(Failure::Ended);
            }
        }
        Ok(())
    }

    fn take_reports(&mut self, wait: Duration) -> Result<(), Failure> {
        for report in self.producer.poll(wait) {
            match report.outcome {
                Ok(()) => self.batch.handle_success(report.ticket),
                Err(KafkaError::MessageProduction(
                    RDKafkaErrorCode::MessageSizeTooLarge
                    | RDKafkaErrorCode::InvalidRecord
                    | RDKafkaErrorCode::InvalidMessage,
                )) => {
                    return Err(self.refusal(report.ticket));
                }
                Err(_) => return Err(Failure::Producer),
            }
        }
        if self.producer.is_dead() { Err(Failure::Producer) } else { Ok(()) }
    }

    fn move_cursor(&mut self, position: &Position) -> Result<(), Failure> {
        let record = Cursor {
            schema: CURSORS.into(),
            agent: self.settings.agent.clone(),
            lane: Lane::Readings,
            run: position.run.to_string(),
            seq: position.seq,
        };
        let key = cursor::key(&self.settings.agent, Lane::Readings);
        self.send_unnumbered(Schema::Cursors, &key, &record)
    }

    /// Sends a record of the forwarder's own and waits until Kafka has it.
    fn send_unnumbered(
        &mut self,
        schema: Schema,
        key: &str,
        record: &impl serde::Serialize,
    ) -> Result<(), Failure> {
        let body = encode(record)?;
        let mode = self.settings.mode;
        let headers = message::common(schema.name(), &self.settings.agent, mode);
        let ticket = self.batch.push(Position { run: self.settings.run.clone(), seq: 0 });
        let sent =
            self.send(ticket, schema.topic(mode), key, &body, &headers).and_then(|()| self.wait_for_all());
        self.batch.clear();
        sent
    }

    /// Throws the producer away and reads the lane again from what Kafka has.
    fn start_again(&mut self) {
        // What was done before the failure without a hole need not be sent again.
        if let Some((position, count)) = self.batch.poll_done() {
            self.lane.acknowledge(&position);
            self.done = Some(position);
            self.troubles.progress().send_modify(|it| it.delivered_readings += count);
        }
        self.batch.clear();
        self.producer.purge();
        // A run that is not kept means the beginning of what is.
        let from = self.done.clone().unwrap_or(Position { run: "".into(), seq: 0 });
        self.lane.rewind(&from);
        self.troubles.progress().send_modify(|it| it.producers_recreated += 1);
        std::thread::sleep(self.backoff.next_delay(crate::random::u32()));
        match Producer::new(&self.config, &self.troubles) {
            Ok(producer) => self.producer = producer,
            Err(error) => self.troubles.handle(&error),
        }
    }

    fn note_refusal(&mut self, position: Position) {
        let count = match &self.refused {
            Some((it, count)) if *it == position => count + 1,
            _ => 1,
        };
        if count >= REFUSALS_MAX {
            error!(run = %position.run, seq = position.seq, "Kafka refuses a reading for ever; it is given up, and the ledger says so.");
        }
        self.refused = Some((position, count));
    }

    /// Whether Kafka has it, as its cursor said.
    fn is_done(&self, position: &Position) -> bool {
        self.done.as_ref().is_some_and(|done| done.run == position.run && position.seq <= done.seq)
    }

    fn is_over(&self) -> bool {
        self.end.borrow().is_some_and(|deadline| clock::uptime() >= deadline)
    }
}

fn complain(error: &ReadError) -> Failure {
    error!(%error, "The store cannot be read; it is tried again.");
    Failure::Producer
}

/// Runs are named by their boot, so that ages are told only where the clocks are one.
pub(super) fn same_boot(one: &str, other: &str) -> bool {
    one.split('-').next() == other.split('-').next()
}

fn encode(record: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(record).map_err(|_| Failure::Producer)
}
