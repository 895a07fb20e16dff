//! How far Kafka has us: our own cursor, read back at the start, so that what is there is not sent again.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientContext, Message};
use tracing::warn;
use vitals::record::ledger::{Cursor, Lane};

use super::Settings;
use super::message::Schema;
use crate::{clock, kafka};

/// How long Kafka may take to answer before the reading is given up and begun anew.
const PATIENCE: Duration = Duration::from_secs(10);

/// One look at librdkafka: what stops the forwarder is noticed after it.
const LOOK: Duration = Duration::from_millis(200);

/// The same is said again at most this often.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// A consumer that belongs to no group.
type Reader = BaseConsumer<Silent>;

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
/// whoever then began from the beginning would send everything twice. Gives up when Kafka does not answer, or `is_over`
/// says that nobody needs it any more.
pub(super) fn read(
    settings: &Settings,
    lane: Lane,
    is_over: impl Fn() -> bool,
) -> Result<Option<Cursor>, KafkaError> {
    let topic = Schema::Cursors.topic(settings.mode);
    // Not even an integrator may have us read what is not committed.
    let committed = consumer(settings, "read_committed")?;
    let partitions = partitions(&committed, topic, &is_over)?;
    wait_for_transactions(settings, &committed, topic, &partitions, &is_over)?;
    let patience = Patience::new(&is_over);
    let mut list = TopicPartitionList::new();
    for partition in &partitions {
        list.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    committed.assign(&list)?;
    let wanted = key(settings, lane);
    let mut found = None;
    let mut ended = 0;
    while ended < partitions.len() {
        match committed.poll(LOOK) {
            Some(Ok(message)) if message.key() == Some(wanted.as_bytes()) => {
                found = message.payload().and_then(|it| serde_json::from_slice(it).ok());
            }
            Some(Ok(_)) => {}
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => return Err(error),
            None if patience.goes_on() => {}
            None => return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)),
        }
    }
    Ok(found)
}

/// Waits until every transaction that is open in the topic now is over.
///
/// A `read_committed` reader is not shown what lies behind one, its own records included: whoever took the cursor that
/// it sees for its newest would send again what came since. Ours was ended when the session before was fenced; another
/// agent that died in the middle of one leaves it open until Kafka ends it.
fn wait_for_transactions(
    settings: &Settings,
    committed: &Reader,
    topic: &str,
    partitions: &[i32],
    is_over: &dyn Fn() -> bool,
) -> Result<(), KafkaError> {
    let uncommitted = consumer(settings, "read_uncommitted")?;
    let end = |consumer: &Reader, partition| {
        Patience::new(is_over).ask(|| consumer.fetch_watermarks(topic, partition, LOOK)).map(|(_, end)| end)
    };
    let mut said: Option<Instant> = None;
    for partition in partitions {
        let all = end(&uncommitted, *partition)?;
        while end(committed, *partition)? < all {
            if is_over() {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
            if said.is_none_or(|at| at.elapsed() >= SAID_EVERY) {
                said = Some(clock::instant());
                warn!(
                    "Somebody's transaction in {topic} is open, and hides how far this agent was. Its readings are kept until it ends: an agent's within half a minute; another program's is found with kafka-transactions.sh find-hanging."
                );
            }
            std::thread::sleep(LOOK);
        }
    }
    Ok(())
}

/// A reader of what is committed, or of everything.
fn consumer(settings: &Settings, isolation: &str) -> Result<Reader, KafkaError> {
    let mut config = kafka::client(&settings.kafka, &format!("{}-cursor", settings.agent));
    config
        .set("group.id", format!("wardline-{}", settings.agent))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
    kafka::prevail(&settings.kafka, &mut config);
    config.set("isolation.level", isolation);
    config.create_with_context(Silent)
}

/// The topic's partitions; at least one.
fn partitions(consumer: &Reader, topic: &str, is_over: &dyn Fn() -> bool) -> Result<Vec<i32>, KafkaError> {
    let metadata = Patience::new(is_over).ask(|| consumer.fetch_metadata(Some(topic), LOOK))?;
    let topics = metadata.topics().iter();
    let all: Vec<i32> = topics.flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
    if all.is_empty() {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
    }
    Ok(all)
}

/// How long one question may remain without an answer.
struct Patience<'a> {
    begin: Instant,
    is_over: &'a dyn Fn() -> bool,
}

impl<'a> Patience<'a> {
    fn new(is_over: &'a dyn Fn() -> bool) -> Self {
        Self { begin: clock::instant(), is_over }
    }

    fn goes_on(&self) -> bool {
        self.begin.elapsed() < PATIENCE && !(self.is_over)()
    }

    /// Asks again and again.
    fn ask<T>(&self, question: impl Fn() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
        loop {
            match question() {
                Err(_) if self.goes_on() => {}
                answer => return answer,
            }
        }
    }
}
