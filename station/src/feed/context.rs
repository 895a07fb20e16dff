//! What librdkafka says by itself, put into words: signs of life, and what is wrong and what to do.

use std::sync::atomic::{AtomicU64, Ordering};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use tokio::sync::mpsc::Sender;

use super::{Heard, Trouble};

/// Hears librdkafka and passes on what matters; never waits.
pub(super) struct Context {
    out: Sender<Heard>,
    /// Answers of all brokers, as last seen.
    answers: AtomicU64,
}

impl Context {
    pub(super) fn new(out: Sender<Heard>) -> Self {
        Self { out, answers: AtomicU64::new(0) }
    }
}

impl ClientContext for Context {
    /// That the number of answers has grown is what proves that Kafka is there; a state of "up" proves nothing.
    fn stats(&self, statistics: Statistics) {
        let answers: u64 = statistics.brokers.values().map(|it| it.rx).fold(0, u64::saturating_add);
        if self.answers.swap(answers, Ordering::Relaxed) != answers {
            // When the inbox is full, what fills it is sign of life enough.
            drop(self.out.try_send(Heard::Kafka));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut trouble = trouble(&error);
        tracing::debug!(%error, reason, "librdkafka reports an error.");
        if !reason.is_empty() {
            trouble.words = format!("{} [{reason}]", trouble.words);
        }
        drop(self.out.try_send(Heard::Trouble(trouble)));
    }

    fn log(&self, _level: RDKafkaLogLevel, fac: &str, message: &str) {
        // Every line of importance comes as an error, too.
        tracing::debug!(fac, message, "librdkafka says something.");
    }
}

impl ConsumerContext for Context {}

/// An error of librdkafka in words: what happened and what to do.
pub(super) fn trouble(error: &KafkaError) -> Trouble {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    let (kind, words) = match code {
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => (
            "topic missing",
            "a topic is missing in Kafka: create it (docs/operations.md lists all), or start the agent".into(),
        ),
        Some(Code::Authentication | Code::SaslAuthenticationFailed) => (
            "login",
            "Kafka refuses the user or the password: check sasl.username, sasl.mechanism and --password-file"
                .into(),
        ),
        Some(Code::SSL) => (
            "tls",
            "the TLS connection to Kafka fails: check security.protocol, ssl.ca.location and the brokers' names"
                .into(),
        ),
        Some(Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed) => (
            "not allowed",
            "Kafka does not let this user read: grant READ and DESCRIBE on the topics".into(),
        ),
        Some(
            Code::AllBrokersDown
            | Code::BrokerTransportFailure
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::NetworkException,
        ) => (
            "unreachable",
            "Kafka cannot be reached: is it running, and is --brokers right? Trying again".into(),
        ),
        _ => return Trouble { kind: format!("{code:?}"), words: format!("Kafka reports: {error}") },
    };
    Trouble { kind: kind.into(), words }
}

/// What the broker says of one topic.
pub(super) fn topic_trouble(topic: &str, error: RDKafkaErrorCode) -> Trouble {
    let general = trouble(&KafkaError::MetadataFetch(error));
    if general.kind == "topic missing" { topic_missing(topic) } else { general }
}

/// A topic that does not exist.
pub(super) fn topic_missing(topic: &str) -> Trouble {
    Trouble {
        kind: format!("topic missing: {topic}"),
        words: format!(
            "the topic {topic} is missing in Kafka: create it (docs/operations.md lists all), or start the \
             agent. Trying again"
        ),
    }
}
