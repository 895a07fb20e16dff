//! Reads what is committed of readings, ledger and cursors, from the beginning to the end that there was.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataPartition;
use rdkafka::{Message, Offset, TopicPartitionList};
use serde::Deserialize;
use vitals::record::ledger::{CURSORS, Cursor, LEDGER, Lane, LedgerRecord};
use vitals::record::reading::READINGS;

use super::Account;
use crate::feed::{self, FeedOptions};

/// How long Kafka may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Why nothing can be proven.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
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
    #[error("Kafka has no topic {topic}: did an agent ever write there? (--prefix, --simulated)")]
    NoTopic {
        /// Which.
        topic: String,
    },
    /// A record that is none.
    #[error("a record of {topic}, partition {partition}, offset {offset} cannot be understood")]
    Record {
        /// Its topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// What of a reading is needed to count it.
#[derive(Deserialize)]
struct Counted {
    agent: String,
    run: String,
    seq: u64,
}

/// Reads everything that is committed by now. The cursors first: what they promise must then be found.
pub fn read(options: &FeedOptions) -> Result<Account, ReadError> {
    let mut config = feed::configuration(options);
    config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().map_err(ReadError::Client)?;
    let mut account = Account::default();
    for name in [CURSORS, LEDGER, READINGS] {
        read_topic(&consumer, options, name, &mut account)?;
    }
    Ok(account)
}

fn read_topic(
    consumer: &BaseConsumer,
    options: &FeedOptions,
    name: &str,
    account: &mut Account,
) -> Result<(), ReadError> {
    let away = |source| ReadError::Away { brokers: options.brokers.clone(), source };
    let topic = format!("{}{name}", options.prefix);
    let metadata = consumer.fetch_metadata(Some(&topic), ANSWERS_WITHIN).map_err(away)?;
    let partitions = metadata.topics().first().map_or(&[][..], |it| it.partitions());
    let mut open: BTreeSet<i32> = partitions.iter().map(MetadataPartition::id).collect();
    if open.is_empty() {
        return Err(ReadError::NoTopic { topic });
    }
    let mut list = TopicPartitionList::new();
    for id in &open {
        let (begin, _) = consumer.fetch_watermarks(&topic, *id, ANSWERS_WITHIN).map_err(away)?;
        account.truncated |= name == READINGS && begin > 0;
        list.add_partition_offset(&topic, *id, Offset::Beginning).map_err(away)?;
    }
    consumer.assign(&list).map_err(away)?;
    while !open.is_empty() {
        match consumer.poll(ANSWERS_WITHIN) {
            Some(Ok(message)) => {
                let Some(body) = message.payload() else { continue };
                take(account, name, body).map_err(|source| ReadError::Record {
                    topic: topic.clone(),
                    partition: message.partition(),
                    offset: message.offset(),
                    source,
                })?;
            }
            Some(Err(KafkaError::PartitionEOF(id))) => {
                open.remove(&id);
            }
            Some(Err(source)) => return Err(away(source)),
            None => return Err(away(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut))),
        }
    }
    Ok(())
}

fn take(account: &mut Account, name: &str, body: &[u8]) -> Result<(), serde_json::Error> {
    match name {
        READINGS => {
            let it: Counted = serde_json::from_slice(body)?;
            account.handle_reading(&it.agent, &it.run, it.seq);
        }
        LEDGER => match serde_json::from_slice(body)? {
            LedgerRecord::Gap(it) if it.lane == Lane::Readings => {
                account.handle_gap(&it.agent, &it.run, it.first_seq, it.last_seq);
            }
            LedgerRecord::Gap(_) | LedgerRecord::Clock(_) => {}
            LedgerRecord::Run(it) => {
                let previous = it.previous.as_deref().zip(it.previous_last_reading);
                account.handle_run(&it.agent, &it.run, previous);
            }
        },
        _ => {
            let it: Cursor = serde_json::from_slice(body)?;
            if it.lane == Lane::Readings {
                account.handle_cursor(&it.agent, &it.run, it.seq);
            }
        }
    }
    Ok(())
}
