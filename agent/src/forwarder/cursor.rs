//! How far Kafka has us: our own cursor, read back at the start, so that what is there is not sent again.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientContext, Message};
use vitals::record::ledger::{Cursor, Lane};

use super::Settings;
use super::message::Schema;
use crate::{clock, kafka};

/// How long Kafka may take to answer before the reading is given up and begun anew.
const PATIENCE: Duration = Duration::from_secs(10);

/// One look at librdkafka: what stops the forwarder is noticed after it.
const LOOK: Duration = Duration::from_millis(200);

/// Says nothing: every error comes out of `poll` as well, and the end of a partition, which rdkafka would log as one,
/// is what is waited for.
struct Silent;

impl ClientContext for Silent {
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Silent {}

/// The key of an agent's cursor of a lane.
///
/// A run without a store has one of its own: it does not know what earlier runs left on the disk, so that its cursor
/// must not say that all of that is in Kafka.
pub(super) fn key(settings: &Settings, lane: Lane) -> String {
    let without_store = settings.past.get().is_some_and(|it| it.without_store);
    format!("{}/{}{}", settings.agent, lane.letter(), if without_store { "/memory" } else { "" })
}

/// Reads our own cursor of a lane to the end of its topic; `None` if there is none.
///
/// That the topic is missing is an error, not an absent cursor: a broker that has just started may not know it yet, and
/// whoever then began from the beginning would send everything twice. Gives up when Kafka does not answer, or `is_over` says that nobody needs it any more.
pub(super) fn read(
    settings: &Settings,
    lane: Lane,
    is_over: impl Fn() -> bool,
) -> Result<Option<Cursor>, KafkaError> {
    let begin = clock::instant();
    let goes_on = || begin.elapsed() < PATIENCE && !is_over();
    let topic = Schema::Cursors.topic(settings.mode);
    let mut config = kafka::client(&settings.kafka, &format!("{}-cursor", settings.agent));
    config
        .set("group.id", format!("wardline-{}", settings.agent))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
    kafka::prevail(&settings.kafka, &mut config);
    // Not even an integrator may have us read what is not committed.
    config.set("isolation.level", "read_committed");
    let consumer: BaseConsumer<Silent> = config.create_with_context(Silent)?;
    let metadata = loop {
        match consumer.fetch_metadata(Some(topic), LOOK) {
            Err(_) if goes_on() => {}
            answer => break answer?,
        }
    };
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .flat_map(|it| it.partitions().iter().map(rdkafka::metadata::MetadataPartition::id))
        .collect();
    if partitions.is_empty() {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
    }
    let mut list = TopicPartitionList::new();
    for partition in &partitions {
        list.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let wanted = key(settings, lane);
    let mut found = None;
    let mut ended = 0;
    while ended < partitions.len() {
        match consumer.poll(LOOK) {
            Some(Ok(message)) if message.key() == Some(wanted.as_bytes()) => {
                found = message.payload().and_then(|it| serde_json::from_slice(it).ok());
            }
            Some(Ok(_)) => {}
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => return Err(error),
            None if goes_on() => {}
            None => return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)),
        }
    }
    Ok(found)
}
