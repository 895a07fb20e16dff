//! What a consumer sees in Kafka.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use crate::kafka::Kafka;
use crate::schema::Schemas;

/// The longest single wait for the next record.
const POLL: Duration = Duration::from_millis(100);

/// A record as it lies in Kafka; it keeps to its topic's schema, or reading it was an error.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// Its body; `null` for a tombstone.
    pub body: Value,
    /// The body's bytes.
    pub bytes: usize,
    /// Its time in Kafka, ms since 1970: the producer's, or the broker's where the topic says so; 0: none.
    pub at_ms: i64,
}

impl Record {
    /// A text of the body, empty where there is none.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A whole number of the body.
    #[must_use]
    pub fn number(&self, field: &str) -> Option<u64> {
        self.body.get(field).and_then(Value::as_u64)
    }
}

/// Reads one topic.
pub struct Reader {
    consumer: BaseConsumer,
    topic: String,
}

impl Reader {
    /// A reader of every partition of `topic`, at the beginning.
    pub fn open(kafka: &Kafka, topic: &str) -> Result<Self> {
        Self::open_as(kafka.client(), topic)
    }

    /// The same, of whichever Kafka the configuration of a client names.
    pub fn open_as(client: ClientConfig, topic: &str) -> Result<Self> {
        Self::assign(client, topic, "read_committed", Offset::Beginning)
    }

    /// A reader that sees from now on what lies in `topic`, whether it is committed or not.
    pub fn open_uncommitted_at_end(kafka: &Kafka, topic: &str) -> Result<Self> {
        Self::assign(kafka.client(), topic, "read_uncommitted", Offset::End)
    }

    fn assign(mut config: ClientConfig, topic: &str, isolation: &str, from: Offset) -> Result<Self> {
        // The group is never joined: librdkafka wants a name all the same.
        config.set("group.id", "harness").set("enable.auto.commit", "false");
        config.set("isolation.level", isolation).set("fetch.wait.max.ms", "50");
        let consumer: BaseConsumer = config.create()?;
        let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(20))?;
        let known = metadata.topics().first().context("Kafka said nothing of the topic")?;
        let mut partitions = TopicPartitionList::new();
        for partition in known.partitions() {
            partitions.add_partition_offset(topic, partition.id(), from)?;
        }
        if partitions.count() == 0 {
            bail!("Kafka has no topic {topic}");
        }
        consumer.assign(&partitions)?;
        Ok(Self { consumer, topic: topic.to_owned() })
    }

    /// The next record, or `None` when `deadline` comes first.
    pub fn next(&self, deadline: Instant) -> Result<Option<Record>> {
        loop {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => return record(&message).map(Some),
                // Kafka may be away for a while, and come back: that is what is tested.
                Some(Err(error)) if Instant::now() >= deadline => return Err(error.into()),
                None if Instant::now() >= deadline => return Ok(None),
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Waits for the first record that `is` wanted, passing over the others.
    pub fn wait_for(&self, what: &str, within: Duration, is: impl Fn(&Record) -> bool) -> Result<Record> {
        let deadline = Instant::now() + within;
        let mut passed = 0;
        while let Some(record) = self.next(deadline)? {
            if is(&record) {
                return Ok(record);
            }
            passed += 1;
        }
        bail!("waited {within:?} in vain for {what} in {} ({passed} other records came)", self.topic)
    }

    /// Gives every record to `take` until it says that it has enough, or `deadline` comes; says whether it had enough.
    pub fn read_until(&self, deadline: Instant, mut take: impl FnMut(&Record) -> bool) -> Result<bool> {
        while let Some(record) = self.next(deadline)? {
            if take(&record) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All records from where it stands until none has come for `quiet`.
    pub fn rest(&self, quiet: Duration) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        while let Some(record) = self.next(Instant::now() + quiet)? {
            records.push(record);
        }
        Ok(records)
    }
}

/// Whoever reads in a test also holds each record against its published schema.
fn schemas() -> Result<&'static Schemas> {
    static SCHEMAS: OnceLock<Result<Schemas, String>> = OnceLock::new();
    let schemas = SCHEMAS.get_or_init(|| Schemas::published().map_err(|error| format!("{error:#}")));
    schemas.as_ref().map_err(|error| anyhow::Error::msg(error.clone()))
}

fn record(message: &BorrowedMessage<'_>) -> Result<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = message.headers().map_or_else(BTreeMap::new, |headers| {
        headers.iter().map(|it| (it.key.to_owned(), text(it.value.unwrap_or_default()))).collect()
    });
    let payload = message.payload().unwrap_or_default();
    let at_ms = message.timestamp().to_millis().unwrap_or(0);
    let body = match message.payload() {
        None => Value::Null,
        Some(bytes) => serde_json::from_slice(bytes)
            .with_context(|| format!("not JSON in {}: {}", message.topic(), text(bytes)))?,
    };
    if !body.is_null() {
        schemas()?.check(message.topic(), &body)?;
    }
    Ok(Record { key: text(message.key().unwrap_or_default()), headers, body, bytes: payload.len(), at_ms })
}
