//! Says to the agents which high alarms this station has shown: what nobody says so of is an alarm at the bedside.
//!
//! Nothing here may hold up the screen. A receipt that Kafka does not take is not sent again: the alarm goes on, and so
//! does its next receipt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, ProducerContext, ThreadedProducer};
use vitals::alarm::event::Priority;
use vitals::record::action::{ACTIONS, ActionLine, ReceiptRecord};
use vitals::record::alarm::AlarmRecord;

use crate::clock;
use crate::feed::{self, FeedOptions};

/// What is older says nothing any more: the agent has waited ten seconds.
const WITHIN: Duration = Duration::from_secs(10);

/// Receipts on their way: a unit of 500 beds, all high.
const QUEUE_MAX: usize = 1000;

/// Why none can be sent.
#[derive(Debug, thiserror::Error)]
#[error("librdkafka refuses its configuration")]
pub struct ReceiptsError(#[source] KafkaError);

/// The way back to the agents.
pub struct Receipts {
    station: String,
    topic: String,
    producer: ThreadedProducer<Refusals>,
}

/// Whether Kafka lets this station write; it is told in words once.
struct Refusals {
    told: AtomicBool,
}

impl ClientContext for Refusals {
    // What is wrong with Kafka the feed says.
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Refusals {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, _)) = result else { return self.told.store(false, Ordering::Relaxed) };
        let is_forbidden = error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed);
        if is_forbidden && !self.told.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "Kafka does not let this station write to {ACTIONS}: the agents will say that nobody sees their alarms. Grant this user WRITE on it, or leave out --station."
            );
        }
    }
}

impl Receipts {
    /// Of a station with this name.
    pub fn open(options: &FeedOptions, station: &str) -> Result<Self, ReceiptsError> {
        let mut config = feed::connection(options);
        config
            .set("message.timeout.ms", WITHIN.as_millis().to_string())
            .set("queue.buffering.max.messages", QUEUE_MAX.to_string())
            .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
        let context = Refusals { told: AtomicBool::new(false) };
        let producer = config.create_with_context(context).map_err(ReceiptsError)?;
        let topic = format!("{}{ACTIONS}", options.prefix);
        Ok(Self { station: station.to_owned(), topic, producer })
    }

    /// The alarm stands on the screen as it is in this record.
    pub fn offer(&self, record: &AlarmRecord) {
        if !is_receipted(record) {
            return;
        }
        let receipt = ReceiptRecord {
            schema: ACTIONS.into(),
            bed: record.bed.clone(),
            alarm: record.id.clone(),
            revision: record.revision,
            station: self.station.clone(),
            shown_at: clock::wall(),
        };
        let Ok(body) = serde_json::to_vec(&ActionLine::Receipt(receipt)) else { return };
        // A full queue means that Kafka is away, which the feed says.
        let _ = self.producer.send(BaseRecord::to(&self.topic).key(&record.bed).payload(&body));
    }
}

/// Of what is high and goes on, each word is receipted: an agent that has started anew knows of no receipt before. So is a
/// test, which somebody waits for. What an agent says of itself it does not wait for.
fn is_receipted(record: &AlarmRecord) -> bool {
    (record.priority == Priority::High || record.test)
        && !record.phase.is_over()
        && record.bed != record.agent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::alarm;
    use serde_json::json;
    use vitals::alarm::event::Phase;

    #[test]
    fn what_is_high_and_goes_on_is_receipted() {
        let high = alarm(&json!({"priority": "high"}));
        assert!(is_receipted(&high));
        assert!(is_receipted(&AlarmRecord { phase: Phase::Continue, ..high.clone() }));
        assert!(!is_receipted(&AlarmRecord { phase: Phase::End, ..high.clone() }));
        assert!(!is_receipted(&AlarmRecord { priority: Priority::Medium, ..high.clone() }));
        let test = AlarmRecord { priority: Priority::Low, test: true, ..high.clone() };
        assert!(is_receipted(&test));
        assert!(!is_receipted(&AlarmRecord { phase: Phase::End, ..test }));
        assert!(!is_receipted(&AlarmRecord { bed: high.agent.clone(), ..high }));
    }
}
