//! From Kafka to records: finds the topics, starts from the newest state, and goes on for ever.
//!
//! No consumer group: every station reads everything. Beds are read from the beginning of their compacted topic, so
//! the station starts with what is open now; alarms and heartbeats from their end.

mod context;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use tokio::sync::mpsc::Sender;
use vitals::record::alarm::ALARMS;
use vitals::record::state::{BEDS, STATUS};

use crate::ward::Arrival;
use context::Context;

/// Arrivals that may wait for the ward: a station that starts in a unit of 500 beds, twice over.
pub const INBOX: usize = 1024;
/// How long one call into librdkafka may take, so that the end of the station is noticed.
const POLL: Duration = Duration::from_millis(200);
/// How long a broker may take to say which partitions a topic has.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a missing topic is looked for.
const MISSING_RETRY: Duration = Duration::from_secs(2);
/// How often a topic is asked for new partitions.
const PARTITIONS_REFRESH: Duration = Duration::from_secs(60);

/// Where to read, and what.
#[derive(Debug, Clone)]
pub struct FeedOptions {
    /// `host:port` of some brokers, separated by commas.
    pub brokers: String,
    /// What stands before the topics' names: empty, or `sim.`.
    pub prefix: String,
    /// Properties of librdkafka, by its own names.
    pub properties: BTreeMap<String, String>,
}

/// What the feed tells.
#[derive(Debug)]
pub enum Heard {
    /// A record.
    Arrival(Box<Arrival>),
    /// Kafka answered something.
    Kafka,
    /// Something is wrong that somebody should know; like kinds are told apart by `kind`.
    Trouble(Trouble),
}

/// What is wrong with the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What sort of trouble: the same sort is not said again and again.
    pub kind: String,
    /// What happened, why, and what to do.
    pub words: String,
}

/// Why there can be no feed at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// librdkafka refuses its configuration.
    #[error("librdkafka refuses its configuration")]
    Client(#[source] KafkaError),
}

/// A consumer that has not begun to read.
pub struct Feed {
    consumer: BaseConsumer<Context>,
    topics: Vec<Topic>,
    out: Sender<Heard>,
}

/// A topic that is followed, and how far its partitions are known.
struct Topic {
    name: String,
    start: Offset,
    partitions: i32,
    due: Instant,
}

impl Feed {
    /// Makes the consumer; whether there is a broker shows later.
    pub fn open(options: &FeedOptions, now: Instant, out: Sender<Heard>) -> Result<Self, OpenError> {
        let consumer: BaseConsumer<Context> = configuration(options)
            .create_with_context(Context::new(out.clone()))
            .map_err(OpenError::Client)?;
        let topic = |name: String, start| Topic { name, start, partitions: 0, due: now };
        let prefixed = |name: &str| format!("{}{name}", options.prefix);
        // Alarms before beds: what changes while the beds are read is then read too.
        let mut topics = vec![
            topic(prefixed(ALARMS), Offset::End),
            topic(prefixed(STATUS), Offset::End),
            topic(prefixed(BEDS), Offset::Beginning),
        ];
        if !options.prefix.is_empty() {
            // An agent's heartbeat is an agent's, whatever data it carries.
            topics.push(topic(STATUS.into(), Offset::End));
        }
        Ok(Self { consumer, topics, out })
    }

    /// Reads until nobody listens any more. Blocks: it has a thread of its own.
    pub fn follow(mut self, clock: impl Fn() -> Instant) {
        while !self.out.is_closed() {
            self.find_partitions(&clock);
            match self.consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    // A tombstone: the bed or the agent is no more.
                    let Some(payload) = message.payload() else { continue };
                    let heard = match parse::arrival(message.topic(), payload, message.headers()) {
                        Ok(arrival) => Heard::Arrival(Box::new(arrival)),
                        Err(trouble) => Heard::Trouble(trouble),
                    };
                    if self.out.blocking_send(heard).is_err() {
                        return;
                    }
                }
                Some(Err(error)) => self.tell(context::trouble(&error)),
            }
        }
    }

    /// Looks for partitions that are not followed yet, where that is due.
    fn find_partitions(&mut self, clock: &impl Fn() -> Instant) {
        for index in 0..self.topics.len() {
            let Some(topic) = self.topics.get(index) else { return };
            if clock() < topic.due || self.out.is_closed() {
                continue;
            }
            let found = self.partitions(&topic.name);
            let trouble = match found {
                Ok(count) => self.assign(index, count).err().map(|error| context::trouble(&error)),
                Err(trouble) => Some(trouble),
            };
            if let Some(topic) = self.topics.get_mut(index) {
                topic.due = clock() + if trouble.is_some() { MISSING_RETRY } else { PARTITIONS_REFRESH };
            }
            if let Some(trouble) = trouble {
                self.tell(trouble);
            }
        }
    }

    fn partitions(&self, topic: &str) -> Result<i32, Trouble> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(topic), METADATA_TIMEOUT)
            .map_err(|it| context::trouble(&it))?;
        // An answer, whatever it says, is a sign of life.
        drop(self.out.try_send(Heard::Kafka));
        let found = metadata.topics().iter().find(|it| it.name() == topic);
        match found.map(|it| (it.error(), i32::try_from(it.partitions().len()).unwrap_or(i32::MAX))) {
            Some((None, count)) if count > 0 => Ok(count),
            Some((Some(error), _)) => Err(context::topic_trouble(topic, error.into())),
            Some((None, _)) | None => Err(context::topic_missing(topic)),
        }
    }

    fn assign(&mut self, index: usize, count: i32) -> Result<(), KafkaError> {
        let Some(topic) = self.topics.get_mut(index) else { return Ok(()) };
        if count <= topic.partitions {
            return Ok(());
        }
        // Partitions that were added later are read whole: what is in them came after the station began.
        let start = if topic.partitions == 0 { topic.start } else { Offset::Beginning };
        let mut list = TopicPartitionList::new();
        for partition in topic.partitions..count {
            list.add_partition_offset(&topic.name, partition, start)?;
        }
        self.consumer.incremental_assign(&list)?;
        topic.partitions = count;
        Ok(())
    }

    fn tell(&self, trouble: Trouble) {
        // When the inbox is full the ward has better things to hear; the trouble will come again.
        drop(self.out.try_send(Heard::Trouble(trouble)));
    }
}

/// How Kafka is reached, by whoever reads or asks.
pub(crate) fn connection(options: &FeedOptions) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.brokers)
        .set("client.id", "wardline-station")
        .set("allow.auto.create.topics", "false")
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.timeout.ms", "10000");
    prevail(options, &mut config);
    config
}

/// How Kafka is read.
pub(crate) fn configuration(options: &FeedOptions) -> ClientConfig {
    let mut config = connection(options);
    config
        // Required by librdkafka and never used: nothing is committed, no group is joined.
        .set("group.id", "wardline-station")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        // A broker answers a fetch at least twice a second, and the statistics show that it did.
        .set("fetch.wait.max.ms", "500")
        .set("statistics.interval.ms", "1000")
        .set("fetch.error.backoff.ms", "500")
        // A station is a screen: a few megabytes are enough ahead.
        .set("queued.max.messages.kbytes", "4096");
    prevail(options, &mut config);
    config
}

/// The integrator's own properties prevail.
fn prevail(options: &FeedOptions, config: &mut ClientConfig) {
    for (name, value) in &options.properties {
        config.set(name, value);
    }
}
