//! Asks the agent, by Kafka, and waits for its answer.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::metadata::MetadataPartition;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientContext, Message};
use vitals::record::action::{ACTIONS, ActionLine, ActionRecord, ReplyRecord};
use vitals::record::state::{BEDS, BedRecord};

use crate::clock::Clock;
use crate::feed::{self, FeedOptions};

/// How long Kafka, and then the agent, may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// How long a broker may keep a question that it has no answer to yet: each step of a command waits for it.
const FETCH_WAIT_MS: &str = "50";

/// One look at librdkafka.
const LOOK: Duration = Duration::from_millis(100);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// librdkafka refuses its configuration.
    #[error("librdkafka refuses its configuration")]
    Client(#[source] KafkaError),
    /// Kafka does not answer.
    #[error("Kafka at {brokers} does not answer: is it running, and is that its address?")]
    Away {
        /// Where it should be.
        brokers: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// A topic is not there.
    #[error("Kafka has no topic {topic}: create it, as docs/operations.md says (--prefix, --simulated)")]
    NoTopic {
        /// Which.
        topic: String,
    },
    /// No agent has told of the bed.
    #[error("no agent has told of the bed {bed}: is that its id, and is it simulated (--simulated)?")]
    NoSuchBed {
        /// Which.
        bed: String,
    },
    /// Kafka did not take the action.
    #[error("Kafka did not take the action: nothing was asked of the agent")]
    NotPlaced(#[source] KafkaError),
    /// The agent did not answer.
    #[error(
        "the agent {agent} has not answered within {} s: nobody knows whether it was done. Look at the bedside", ANSWERS_WITHIN.as_secs()
    )]
    NoAnswer {
        /// Whose bed it is.
        agent: String,
    },
}

/// What became of each record.
struct Reports(SyncSender<Result<(), KafkaError>>);

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        Quiet.error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let outcome = result.as_ref().map(drop).map_err(|(error, _)| error.clone());
        // Nobody listens only when the command has already given up.
        drop(self.0.send(outcome));
    }
}

/// What librdkafka says by itself is for who looks for a fault: a nurse reads the answer, or why there is none.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka reports an error.");
    }
}

impl ConsumerContext for Quiet {}

/// A connection to Kafka for one command.
pub struct Desk {
    options: FeedOptions,
    clock: Clock,
    consumer: BaseConsumer<Quiet>,
}

impl Desk {
    /// Makes the connection; whether there is a broker shows with the first question.
    pub fn open(options: FeedOptions, clock: Clock) -> Result<Self, PlaceError> {
        let mut config = feed::configuration(&options);
        // One question and its answer: nobody looks at statistics, and the end of a topic is told at once.
        config.set("enable.partition.eof", "true").set("statistics.interval.ms", "0");
        config.set("fetch.wait.max.ms", FETCH_WAIT_MS);
        let consumer = config.create_with_context(Quiet).map_err(PlaceError::Client)?;
        Ok(Self { options, clock, consumer })
    }

    /// What the topic of beds shows of a bed now.
    pub fn bed(&self, bed: &str) -> Result<BedRecord, PlaceError> {
        let mut open = self.assign(BEDS, |_| Ok(Offset::Beginning))?;
        let deadline = self.clock.now() + ANSWERS_WITHIN;
        let mut found = None;
        while open > 0 && self.clock.now() < deadline {
            match self.consumer.poll(LOOK) {
                Some(Ok(message)) if message.key() == Some(bed.as_bytes()) => {
                    found = message.payload().and_then(|it| serde_json::from_slice(it).ok());
                }
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(source)) => return Err(self.away(source)),
                Some(Ok(_)) | None => {}
            }
        }
        found.ok_or_else(|| PlaceError::NoSuchBed { bed: bed.into() })
    }

    /// Places actions and waits for the agent's replies, in the order of the actions.
    pub fn place(&self, actions: &[ActionRecord], agent: &str) -> Result<Vec<ReplyRecord>, PlaceError> {
        // From where the topic ends before the first action is placed: its reply comes behind.
        self.assign(ACTIONS, |(topic, partition)| {
            let (_, end) = self.consumer.fetch_watermarks(topic, partition, ANSWERS_WITHIN)?;
            Ok(Offset::Offset(end))
        })?;
        self.send(actions)?;
        let deadline = self.clock.now() + ANSWERS_WITHIN;
        let mut replies: Vec<Option<ReplyRecord>> = vec![None; actions.len()];
        while replies.iter().any(Option::is_none) {
            if self.clock.now() >= deadline {
                return Err(PlaceError::NoAnswer { agent: agent.into() });
            }
            let line = match self.consumer.poll(LOOK) {
                Some(Ok(message)) => message.payload().and_then(|it| serde_json::from_slice(it).ok()),
                Some(Err(_)) | None => None,
            };
            let Some(ActionLine::Reply(reply)) = line else { continue };
            let of = actions.iter().position(|it| it.id == reply.of);
            if let Some(place) = of.and_then(|it| replies.get_mut(it)) {
                *place = Some(reply);
            }
        }
        Ok(replies.into_iter().flatten().collect())
    }

    /// Hands the actions to Kafka, and waits until it has all of them.
    fn send(&self, actions: &[ActionRecord]) -> Result<(), PlaceError> {
        // One report for each action.
        let (reports, outcomes) = sync_channel(actions.len());
        let mut config = feed::connection(&self.options);
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", ANSWERS_WITHIN.as_millis().to_string());
        let producer: ThreadedProducer<Reports> =
            config.create_with_context(Reports(reports)).map_err(PlaceError::Client)?;
        let topic = self.topic(ACTIONS);
        for action in actions {
            let body = serde_json::to_vec(&ActionLine::Action(Box::new(action.clone()))).unwrap_or_default();
            producer
                .send(BaseRecord::to(&topic).key(&action.bed).payload(&body))
                .map_err(|(error, _)| PlaceError::NotPlaced(error))?;
        }
        producer.flush(ANSWERS_WITHIN).map_err(PlaceError::NotPlaced)?;
        outcomes.try_iter().collect::<Result<(), KafkaError>>().map_err(PlaceError::NotPlaced)
    }

    /// Reads a topic from these offsets; how many partitions it has.
    fn assign(
        &self,
        name: &str,
        from: impl Fn((&str, i32)) -> Result<Offset, KafkaError>,
    ) -> Result<usize, PlaceError> {
        let topic = self.topic(name);
        let metadata =
            self.consumer.fetch_metadata(Some(&topic), ANSWERS_WITHIN).map_err(|it| self.away(it))?;
        let partitions = metadata.topics().first().map_or(&[][..], |it| it.partitions());
        if partitions.is_empty() {
            return Err(PlaceError::NoTopic { topic });
        }
        let mut list = TopicPartitionList::new();
        for id in partitions.iter().map(MetadataPartition::id) {
            from((&topic, id))
                .and_then(|offset| list.add_partition_offset(&topic, id, offset))
                .map_err(|it| self.away(it))?;
        }
        self.consumer.assign(&list).map_err(|it| self.away(it))?;
        Ok(partitions.len())
    }

    fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.options.prefix)
    }

    fn away(&self, source: KafkaError) -> PlaceError {
        PlaceError::Away { brokers: self.options.brokers.clone(), source }
    }
}
