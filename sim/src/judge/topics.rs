//! What lies in the topics: read from the beginning until it is enough, or nothing more comes.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use super::record::{Alarm, Reading, RecordError};
use crate::clock;

/// The topic of readings, behind the prefix.
const READINGS: &str = "vitals.readings.v1";
/// The topic of alarms.
const ALARMS: &str = "vitals.alarms.v1";
/// How long Kafka may take to name a topic's partitions.
const METADATA_WITHIN: Duration = Duration::from_secs(10);
/// The longest single wait for a record.
const POLL: Duration = Duration::from_millis(100);

/// Where to look.
#[derive(Debug, Clone)]
pub struct Place {
    /// Some of Kafka's brokers.
    pub brokers: String,
    /// What stands before the topics' names.
    pub prefix: String,
    /// How long without a new record is the end, while readings are still wanting.
    pub patience: Duration,
    /// The same when everything wanted is there: time for what comes twice.
    pub linger: Duration,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Reading records, in the order of each partition.
    pub readings: Vec<Reading>,
    /// Alarm records.
    pub alarms: Vec<Alarm>,
}

/// Why nothing can be judged.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
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
    /// The topic is not there.
    #[error("Kafka at {brokers} has no topic {topic}: did an agent ever write there? (--prefix)")]
    NoTopic {
        /// Where.
        brokers: String,
        /// Which.
        topic: String,
    },
    /// Reading failed.
    #[error("Kafka at {brokers} stopped answering")]
    Lost {
        /// Where.
        brokers: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// A record that is none.
    #[error("a record of {topic}, partition {partition}, offset {offset} cannot be judged")]
    Record {
        /// Its topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// Why.
        #[source]
        source: RecordError,
    },
}

impl TopicsError {
    /// Whether a record is to blame, and not Kafka.
    #[must_use]
    pub const fn is_of_record(&self) -> bool {
        matches!(self, Self::Record { .. })
    }
}

impl Place {
    /// Reads both topics, until as many different readings have come as are `wanted` and then nothing for a while.
    pub fn read(&self, wanted: usize) -> Result<Found, TopicsError> {
        let consumer = self.consumer()?;
        let readings = format!("{}{READINGS}", self.prefix);
        let mut found = Found::default();
        let mut ids = BTreeSet::new();
        // Open alarms are told again and again, for as long as somebody listens: that is no news.
        let mut told = BTreeSet::new();
        let mut last_news = clock::now();
        loop {
            let patience = if ids.len() >= wanted { self.linger } else { self.patience };
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    let Some(body) = message.payload() else { continue };
                    let unfit = |source| TopicsError::Record {
                        topic: message.topic().into(),
                        partition: message.partition(),
                        offset: message.offset(),
                        source,
                    };
                    if message.topic() == readings {
                        let reading = Reading::parse(body).map_err(unfit)?;
                        ids.insert(reading.id.clone());
                        found.readings.push(reading);
                        last_news = clock::now();
                    } else {
                        let alarm = Alarm::parse(body).map_err(unfit)?;
                        if told.insert((alarm.id.clone(), alarm.revision)) {
                            last_news = clock::now();
                        }
                        found.alarms.push(alarm);
                    }
                }
                Some(Err(source)) if last_news.elapsed() > self.patience => {
                    return Err(TopicsError::Lost { brokers: self.brokers.clone(), source });
                }
                _ if last_news.elapsed() > patience => return Ok(found),
                _ => {}
            }
        }
    }

    fn consumer(&self) -> Result<BaseConsumer, TopicsError> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "wardline-judge")
            // The group is never joined: librdkafka wants a name all the same.
            .set("group.id", "wardline-judge")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false")
            .set("fetch.wait.max.ms", "50")
            .create()
            .map_err(TopicsError::Client)?;
        let mut all = TopicPartitionList::new();
        for topic in [READINGS, ALARMS].map(|it| format!("{}{it}", self.prefix)) {
            let away = |source| TopicsError::Away { brokers: self.brokers.clone(), source };
            let metadata = consumer.fetch_metadata(Some(&topic), METADATA_WITHIN).map_err(away)?;
            let found = metadata.topics().iter().find(|it| it.name() == topic && it.error().is_none());
            let partitions = found.map_or(&[][..], |it| it.partitions());
            if partitions.is_empty() {
                return Err(TopicsError::NoTopic { brokers: self.brokers.clone(), topic });
            }
            for it in partitions {
                all.add_partition_offset(&topic, it.id(), Offset::Beginning).map_err(TopicsError::Client)?;
            }
        }
        consumer.assign(&all).map_err(TopicsError::Client)?;
        Ok(consumer)
    }
}
