//! One producer's life: fence the one before, ask how far we are, then batch after batch, each one transaction with
//! its ledger records and the cursor (the way of Kafka's KIP-618).
//!
//! After a commit that failed, or took so long that its request may still be on its way, nobody knows what Kafka did.
//! The session never guesses: it ends, and the next one reads the cursor.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use tokio::sync::watch;
use tracing::{error, info, warn};
use vitals::record::ledger::{CURSORS, Cursor, Gap, Lane, LedgerRecord};
use vitals::time::Uptime;

use super::known::Known;
use super::outgoing::Outgoing;
use super::refusals::Refusals;
use super::{LOOK, same_boot};
use crate::buffer::{Chunk, Delivered, Item, LaneReader};
use crate::clock::Reckoning;
use crate::envelope::{Envelope, Position, RunId};
use crate::forwarder::cluster::{Cluster, Judgement};
use crate::forwarder::message::{self, Provenance, Schema};
use crate::forwarder::producer::{Producer, QUEUE_MAX};
use crate::forwarder::refused::give_up;
use crate::forwarder::{Settings, Standing, cursor, ledger};
use crate::kafka::Troubles;

/// Records in one transaction: half of the producer's queue, so that one never waits for room.
pub(super) const BATCH_MAX: usize = QUEUE_MAX / 2;

/// Why a session ended.
pub(super) enum Failure {
    /// Anything that a new producer may cure.
    Producer,
    /// A transaction did not end in its time.
    Slow,
    /// Kafka refuses this record.
    Refused(Position),
    /// Another agent sends under our id.
    Foreign,
    /// What answers is another cluster than ours.
    OtherCluster,
    /// The agent ends.
    Ended,
}

/// A session, open.
pub(super) struct Session<'a> {
    settings: &'a Settings,
    cluster: &'a mut Cluster,
    troubles: &'a Troubles,
    lane: &'a mut LaneReader,
    known: &'a mut Known,
    out: Outgoing<'a>,
    /// Records that Kafka refuses, until the gaps in their place are committed.
    refused: Vec<(RunId, Envelope)>,
    /// The cluster is new to this agent, and earlier readings are in another.
    moved: bool,
}

impl<'a> Session<'a> {
    /// Fences the session before, learns how far Kafka has us, and lets the lane begin after that.
    pub(super) fn open(
        settings: &'a Settings,
        cluster: &'a mut Cluster,
        config: &ClientConfig,
        troubles: &'a Troubles,
        end: &'a watch::Receiver<Option<Uptime>>,
        lane: &'a mut LaneReader,
        known: &'a mut Known,
    ) -> Result<Self, Failure> {
        let producer = Producer::new(&settings.kafka, config, troubles).map_err(|error| {
            troubles.handle(&error);
            Failure::Producer
        })?;
        let out = Outgoing::new(settings, end, producer);
        let refused = Vec::new();
        let mut it = Self { settings, cluster, troubles, lane, known, out, refused, moved: false };
        it.meet_cluster()?;
        if it.out.is_transactional() {
            while !it.out.producer.fence_others(LOOK).map_err(|_| Failure::Producer)? {
                it.goes_on()?;
            }
        }
        it.learn_cursor()?;
        Ok(it)
    }

    /// Learns which cluster answers, before anything of ours changes anything there.
    fn meet_cluster(&mut self) -> Result<(), Failure> {
        while !self.out.producer.meet(Schema::Cursors.topic(self.settings.mode), LOOK) {
            self.goes_on()?;
        }
        let found = self.out.producer.cluster();
        let judgement = self.cluster.judge(found);
        self.moved = judgement == Judgement::Moved;
        if judgement == Judgement::Refused {
            if self.troubles.handle_standing(Standing::OtherCluster, found) {
                self.cluster.refuse(found);
            }
            return Err(Failure::OtherCluster);
        }
        Ok(())
    }

    fn learn_cursor(&mut self) -> Result<(), Failure> {
        let read = cursor::read(self.settings, Lane::Readings, || self.is_over()).map_err(|error| {
            self.troubles.handle(&error);
            Failure::Producer
        })?;
        if !self.known.handle_cursor(read.as_ref()) {
            let standing = if read.is_some() { Standing::Duplicate } else { Standing::Forgotten };
            self.troubles.handle_standing(standing, self.out.producer.cluster());
            if let Some(other) = read {
                error!(
                    run = other.run,
                    "Another agent sends readings under the id of this one (a copied card?). No reading is sent until its id is changed."
                );
            } else {
                error!(
                    "What this agent had written in vitals.cursors.v1 is gone: somebody emptied the topic. No reading is sent until the agent is restarted; it then sends all that it does not know to be in Kafka."
                );
            }
            return Err(Failure::Foreign);
        }
        self.troubles.handle_standing(Standing::Welcome, self.out.producer.cluster());
        // No cursor means what the store does not know to be in Kafka; a run that is not kept, all that is.
        // After a move its own cursor in this cluster is of an earlier stay, if there is one.
        let from = self.known.position().filter(|_| !self.moved).cloned().unwrap_or_else(Position::none);
        if from.seq > 0 {
            info!(run = %from.run, seq = from.seq, "Kafka has the readings up to here.");
            self.lane.acknowledge(&from);
        }
        self.lane.rewind(&from);
        Ok(())
    }

    /// Where the readings come from.
    pub(super) fn lane(&mut self) -> &mut LaneReader {
        self.lane
    }

    /// Nothing is to be sent: tells the ledger what it does not know yet, and hears what Kafka has to say.
    pub(super) fn idle(&mut self) -> Result<(), Failure> {
        let told = self.announce()?;
        if self.out.is_begun() {
            return self.commit(None, Delivered::default(), told);
        }
        self.out.take_reports(Duration::ZERO)
    }

    /// The lane has ended.
    pub(super) fn finish(&mut self) -> Failure {
        match self.idle() {
            Ok(()) => Failure::Ended,
            Err(failure) => failure,
        }
    }

    /// Sends what the lane has as one transaction, and lets the store forget it; how many records it was.
    pub(super) fn send_batch(&mut self, max: usize, refusals: &Refusals) -> Result<usize, Failure> {
        let told = self.announce()?;
        let (mut last, mut delivered, mut sent) = (None, Delivered::default(), 0);
        while sent < max {
            let Some(chunk) = self.lane.next_chunk().map_err(|error| Failure::of_store(&error))? else {
                break;
            };
            sent += chunk.items.len();
            if std::mem::take(&mut self.moved) {
                self.leave_behind(&chunk)?;
            }
            for item in &chunk.items {
                let position = Position { run: chunk.run.clone(), seq: item.range().1 };
                if !self.known.is_done(&position) {
                    self.send_item(&chunk, item, position.clone(), refusals, &mut delivered)?;
                    last = Some(position);
                }
            }
        }
        self.commit(last, delivered, told)?;
        Ok(sent)
    }

    fn send_item(
        &mut self,
        chunk: &Chunk,
        item: &Item,
        position: Position,
        refusals: &Refusals,
        delivered: &mut Delivered,
    ) -> Result<(), Failure> {
        match item {
            Item::Gap(gap) => {
                delivered.covered += gap.count;
                self.send_gap(gap.clone(), position)?;
            }
            Item::Record(envelope) if refusals.is_poison(&position) => {
                delivered.covered += 1;
                self.refused.push((RunId::clone(&position.run), envelope.clone()));
                self.send_gap(ledger::refused(self.settings, Lane::Readings, &position), position)?;
            }
            Item::Record(envelope) => {
                delivered.records += 1;
                self.send_record(&chunk.run, envelope, position)?;
            }
        }
        if refusals.is_careful() { self.out.wait_for_all() } else { Ok(()) }
    }

    fn send_record(&mut self, run: &str, envelope: &Envelope, position: Position) -> Result<(), Failure> {
        let this_boot = same_boot(run, &self.settings.run);
        let provenance = Provenance { agent: &self.settings.agent, run, aged: this_boot, waited: false };
        let headers = message::headers(Lane::Readings, envelope, provenance);
        let topic = Schema::Readings.topic(envelope.mode);
        self.out.send(position, topic, &envelope.key, &envelope.body, &headers)
    }

    fn send_gap(&mut self, gap: Gap, position: Position) -> Result<(), Failure> {
        warn!(run = gap.run, first = gap.first_seq, last = gap.last_seq, reason = ?gap.reason, "Readings are missing for ever; the ledger says so.");
        self.out.send_own(Schema::Ledger, self.settings.agent.as_str(), &LedgerRecord::Gap(gap), position)
    }

    /// Says in the ledger of a new cluster which readings are in the one before: all before the first that it gets.
    fn leave_behind(&mut self, first: &Chunk) -> Result<(), Failure> {
        for gap in ledger::left_behind(self.settings, self.known.position(), first) {
            info!(
                run = gap.run,
                first = gap.first_seq,
                last = gap.last_seq,
                "These readings are in the Kafka cluster before this one; the ledger says so."
            );
            self.out.send_own(
                Schema::Ledger,
                &self.settings.agent,
                &LedgerRecord::Gap(gap),
                Position::none(),
            )?;
        }
        Ok(())
    }

    /// Says in the ledger which runs have begun, this one included, and how its clocks stand, where it does not say so
    /// yet; returns the latter if it was said.
    fn announce(&mut self) -> Result<Option<Reckoning>, Failure> {
        let key = self.settings.agent.as_str();
        if self.known.announced() != Some(&*self.settings.run) {
            for run in ledger::runs(self.settings, self.known.announced()) {
                self.out.send_own(Schema::Ledger, key, &LedgerRecord::Run(run), Position::none())?;
            }
        }
        let now = *self.settings.reckoning.borrow();
        let moved = self.known.reckoning() != Some(now);
        if moved {
            let record = LedgerRecord::Clock(ledger::clock(self.settings, now));
            self.out.send_own(Schema::Ledger, key, &record, Position::none())?;
        }
        Ok(moved.then_some(now))
    }

    /// Moves the cursor, ends the transaction, and lets the store forget what is in it.
    fn commit(
        &mut self,
        last: Option<Position>,
        delivered: Delivered,
        told: Option<Reckoning>,
    ) -> Result<(), Failure> {
        if !self.out.is_begun() {
            return Ok(());
        }
        let position = last.or_else(|| self.known.position().cloned());
        // Before it is sent: without a transaction it may be seen before it is reported.
        self.known.handle_commit_begun(position.as_ref());
        if let Some(it) = &position {
            self.send_cursor(it)?;
        }
        self.out.wait_for_all()?;
        self.out.commit()?;
        if let Some(position) = &position {
            self.lane.deliver(position, delivered);
        }
        if !self.moved {
            self.cluster.keep(self.out.producer.cluster());
        }
        for (run, envelope) in self.refused.drain(..) {
            give_up(self.settings, Lane::Readings, &run, &envelope, self.troubles.progress());
        }
        self.known.handle_committed(position, &self.settings.run);
        self.known.handle_reckoning(told);
        self.troubles.progress().send_modify(|it| it.delivered_readings += delivered.records);
        Ok(())
    }

    fn send_cursor(&mut self, position: &Position) -> Result<(), Failure> {
        let record = Cursor {
            schema: CURSORS.into(),
            agent: self.settings.agent.clone(),
            lane: Lane::Readings,
            run: position.run.to_string(),
            seq: position.seq,
            announced: Some(self.settings.run.to_string()),
        };
        if !self.out.is_transactional() {
            // It must not say more than Kafka has.
            self.out.wait_for_all()?;
        }
        let key = cursor::key(self.settings, Lane::Readings);
        self.out.send_own(Schema::Cursors, &key, &record, Position::none())
    }

    /// While Kafka does not answer: an end where the agent's is, or that of its producer.
    fn goes_on(&self) -> Result<(), Failure> {
        match () {
            () if self.is_over() => Err(Failure::Ended),
            () if self.out.producer.is_dead() => Err(Failure::Producer),
            () => Ok(()),
        }
    }

    /// Whether the agent's time is over.
    pub(super) fn is_over(&self) -> bool {
        self.out.is_over()
    }
}
