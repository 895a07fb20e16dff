//! Readings to Kafka, exactly once: the thread that opens one session after the other, and what it makes of their ends.
//!
//! A session has one producer. Whatever fails in it ends it: the next one fences it, asks Kafka how far we are, and goes
//! on there. That is the whole recovery, for a broker that was away, a commit of which nobody knows, and our own restart.

mod known;
mod outgoing;
mod refusals;
mod session;

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use tokio::sync::watch;
use tracing::error;
use vitals::backoff::Backoff;
use vitals::time::Uptime;

use self::known::Known;
use self::outgoing::{ASKS_AGAIN, TRANSACTION_TIMEOUT};
use self::refusals::Refusals;
use self::session::{BATCH_MAX, Failure, Session};
use super::Settings;
use super::cluster::Cluster;
use super::producer::QUEUE_MAX;
use crate::buffer::{LaneReader, Waited};
use crate::clock;
use crate::config::Delivery;
use crate::kafka::{self, Troubles};

/// How long one look at the lane or at librdkafka may take: what stops the forwarder is noticed after it.
const LOOK: Duration = Duration::from_millis(200);

/// A transaction costs the same whatever its size, so a small batch waits this long after the one before. Alarms do not.
const PACE: Duration = Duration::from_secs(1);

/// A batch of so many records is followed by the next at once.
const FULL: usize = 500;

/// How long nothing is sent after another agent was seen to send under our id: two that fence each other get nowhere.
const FOREIGN_PAUSE: Duration = Duration::from_secs(60);

/// How often it is asked again whether another cluster than ours still answers.
const OTHER_CLUSTER_PAUSE: Duration = Duration::from_secs(10);

/// The thread of readings.
pub(super) struct Readings {
    settings: Settings,
    cluster: Cluster,
    lane: LaneReader,
    troubles: Troubles,
    end: watch::Receiver<Option<Uptime>>,
    config: ClientConfig,
    known: Known,
    refusals: Refusals,
    /// Records in one transaction: fewer after one that took too long, so that a slow line gets on.
    batch_max: usize,
    backoff: Backoff,
}

impl Readings {
    pub(super) fn new(
        settings: Settings,
        cluster: Cluster,
        lane: LaneReader,
        troubles: Troubles,
        end: watch::Receiver<Option<Uptime>>,
    ) -> Result<Self, KafkaError> {
        let mut config = kafka::durable(&settings.kafka, &format!("{}-readings", settings.agent));
        config
            .set("linger.ms", "5")
            .set("queue.buffering.max.kbytes", "16384")
            .set("batch.num.messages", QUEUE_MAX.to_string());
        if settings.kafka.delivery == Delivery::ExactlyOnce {
            config
                .set("transactional.id", format!("wardline-{}", settings.agent))
                .set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string())
                .set("retry.backoff.ms", ASKS_AGAIN.as_millis().to_string())
                .set("retry.backoff.max.ms", ASKS_AGAIN.as_millis().to_string());
        }
        kafka::prevail(&settings.kafka, &mut config);
        // What librdkafka does not take must be known at the start.
        super::producer::Producer::new(&settings.kafka, &config, &troubles)?;
        Ok(Self {
            settings,
            cluster,
            lane,
            troubles,
            end,
            config,
            known: Known::default(),
            refusals: Refusals::default(),
            batch_max: BATCH_MAX,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(2)),
        })
    }

    pub(super) fn run(mut self) {
        // The disk must have told what came before this run: the ledger says it, and it goes first.
        while self.settings.past.get().is_none() && !self.is_over() {
            std::thread::sleep(LOOK);
        }
        self.cluster.read();
        while !self.is_over() {
            self.troubles.handle_waiting(true);
            match self.serve() {
                Failure::Ended => break,
                Failure::Producer => {}
                Failure::Slow => self.batch_max = (self.batch_max / 4).max(FULL / 10),
                Failure::Refused(position) => self.refusals.handle(position),
                // These have an alarm of their own.
                Failure::Foreign => self.hold_back(FOREIGN_PAUSE),
                Failure::OtherCluster => self.hold_back(OTHER_CLUSTER_PAUSE),
            }
            self.troubles.progress().send_modify(|it| it.producers_recreated += 1);
            let pause = self.backoff.next_delay(crate::random::u32());
            self.pause(pause);
        }
    }

    /// One session, from fencing the one before to its end.
    fn serve(&mut self) -> Failure {
        let end = self.end.clone();
        let mut session = match Session::open(
            &self.settings,
            &mut self.cluster,
            &self.config,
            &self.troubles,
            &end,
            &mut self.lane,
            &mut self.known,
        ) {
            Ok(session) => session,
            Err(failure) => return failure,
        };
        let mut next = clock::instant();
        loop {
            match session.lane().wait(LOOK) {
                _ if session.is_over() => return Failure::Ended,
                Waited::Ended => return session.finish(),
                Waited::TimedOut => match session.idle() {
                    Ok(()) => {
                        self.troubles.handle_waiting(false);
                        continue;
                    }
                    Err(failure) => return failure,
                },
                Waited::Ready => {}
            }
            self.troubles.handle_waiting(true);
            let now = clock::instant();
            let in_haste = session.lane().is_pressing() || self.end.borrow().is_some();
            if now < next && !in_haste {
                std::thread::sleep(LOOK.min(next - now));
                continue;
            }
            match session.send_batch(self.batch_max, &self.refusals) {
                Ok(count) => {
                    self.troubles.handle_confirmed();
                    next = if count < FULL { now + PACE } else { now };
                    self.batch_max = (self.batch_max * 2).min(BATCH_MAX);
                    self.refusals.settle();
                    self.backoff.reset();
                }
                Err(failure) => return failure,
            }
        }
    }

    /// Sends nothing for a while, on purpose.
    fn hold_back(&self, time: Duration) {
        self.troubles.handle_waiting(false);
        self.pause(time);
    }

    /// Waits, but no longer than the agent lives.
    fn pause(&self, time: Duration) {
        let until = clock::instant() + time;
        while !self.is_over() && clock::instant() < until {
            std::thread::sleep(LOOK.min(until.saturating_duration_since(clock::instant())));
        }
    }

    fn is_over(&self) -> bool {
        self.end.borrow().is_some_and(|deadline| clock::uptime() >= deadline)
    }
}

/// Runs are named by their boot, so that ages are told only where the clocks are one.
pub(super) fn same_boot(one: &str, other: &str) -> bool {
    one.split('-').next() == other.split('-').next()
}

impl Failure {
    /// Of the store: it is read again by the next session.
    fn of_store(error: &crate::buffer::ReadError) -> Self {
        error!(%error, "The store cannot be read; it is tried again.");
        Self::Producer
    }
}
