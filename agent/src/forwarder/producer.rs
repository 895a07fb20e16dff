//! One producer of librdkafka with its reports: what was sent, in order, and what has become of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};

use crate::clock;
use crate::config::Kafka;
use crate::kafka::{self, Login, Refused, Troubles};

/// Records in librdkafka's queue: they are in memory only, and the store has them all.
pub(super) const QUEUE_MAX: usize = 8192;

/// One look at librdkafka: short against what Kafka takes to answer.
const POLL_STEP: Duration = Duration::from_millis(10);

/// What has become of a record; `ticket` is what it was sent with.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) ticket: usize,
    pub(super) outcome: Result<(), KafkaError>,
}

/// Gets librdkafka's callbacks, in the thread that polls.
struct Context {
    reports: SyncSender<Report>,
    troubles: Troubles,
    strayed: Arc<AtomicBool>,
    refused: Refused,
}

/// How librdkafka marks the line by which it says that a broker is of another cluster than the others before.
const OTHER_CLUSTER: &str = "CLUSTERID";

impl ClientContext for Context {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, _message: &str) {
        // The other lines repeat what the error callback says, many times a second.
        if facility == OTHER_CLUSTER {
            self.strayed.store(true, Ordering::Relaxed);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.refused.handle(&error);
        self.troubles.handle_reason(&error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        // There is room for a report of every record that the queue can hold.
        let _ = self.reports.try_send(Report { ticket, outcome });
    }
}

/// A producer, polled by its owner alone.
pub(super) struct Producer {
    inner: BaseProducer<Context>,
    reports: Receiver<Report>,
    troubles: Troubles,
    /// The cluster's id: asked for once, because librdkafka's answer is never given back.
    cluster: OnceLock<String>,
    /// A broker of another cluster has answered since.
    strayed: Arc<AtomicBool>,
    login: Login,
}

/// The queue is full: poll, then try again.
#[derive(Debug)]
pub(super) struct QueueFull;

/// Whether a record is refused for what it is, so that no other try can help. Everything else may pass: rights are
/// granted, replicas come back, a topic is created.
pub(super) fn is_for_ever(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error,
        KafkaError::MessageProduction(
            Code::MessageSizeTooLarge
                | Code::MessageBatchTooLarge
                | Code::InvalidRecord
                | Code::InvalidMessage
        )
    )
}

impl Producer {
    /// Made with the password and certificates that their files hold now.
    pub(super) fn new(kafka: &Kafka, config: &ClientConfig, troubles: &Troubles) -> Result<Self, KafkaError> {
        let login = Login::new(kafka);
        let (sender, reports) = sync_channel(2 * QUEUE_MAX);
        let strayed = Arc::new(AtomicBool::new(false));
        let (told, refused) = (troubles.clone(), login.refused());
        let context = Context { reports: sender, troubles: told, strayed: Arc::clone(&strayed), refused };
        let mut config = config.clone();
        kafka::renew(kafka, &mut config);
        config.set("queue.buffering.max.messages", QUEUE_MAX.to_string());
        // Low enough for the one line that is listened to.
        config.set_log_level(RDKafkaLogLevel::Warning);
        let inner = config.create_with_context(context)?;
        Ok(Self { inner, reports, troubles: troubles.clone(), cluster: OnceLock::new(), strayed, login })
    }

    /// Asks for a topic until some broker answers, so that the cluster's id is known if it tells one; `false` if none
    /// has yet.
    pub(super) fn meet(&self, topic: &str, wait: Duration) -> bool {
        // Errors of the connection are told here, and nowhere else.
        self.inner.poll(Duration::ZERO);
        self.inner.client().fetch_metadata(Some(topic), wait).is_ok()
    }

    /// The id of the cluster, once a broker has answered and if it tells one.
    pub(super) fn cluster(&self) -> Option<&str> {
        if self.cluster.get().is_none() {
            // Does not wait: an empty time is only a look at what is known.
            if let Some(id) = self.inner.client().fetch_cluster_id(Duration::ZERO) {
                let _ = self.cluster.set(id);
            }
        }
        self.cluster.get().map(String::as_str)
    }

    /// Fences whoever used our transactional id before, and ends what it left open; `false` if Kafka has not answered yet.
    pub(super) fn fence_others(&self, wait: Duration) -> Result<bool, KafkaError> {
        // Errors of the connection are told here, and nowhere else.
        self.inner.poll(Duration::ZERO);
        match self.inner.init_transactions(wait) {
            Ok(()) => Ok(true),
            Err(KafkaError::Transaction(error)) if error.is_retriable() => Ok(false),
            Err(error) => Err(self.tell(error)),
        }
    }

    /// Begins a transaction: everything sent until its commit is seen together or never.
    pub(super) fn begin(&self) -> Result<(), KafkaError> {
        self.inner.begin_transaction().map_err(|error| self.tell(error))
    }

    /// Ends a transaction whose records have all been reported. After an error nobody knows whether it was done.
    pub(super) fn commit(&self, wait: Duration) -> Result<(), KafkaError> {
        self.inner.commit_transaction(wait).map_err(|error| self.tell(error))
    }

    fn tell(&self, error: KafkaError) -> KafkaError {
        self.troubles.handle(&error);
        error
    }

    /// Sends a record. An error other than a full queue is final for this producer.
    pub(super) fn send(
        &self,
        ticket: usize,
        topic: &str,
        key: &str,
        body: &[u8],
        headers: OwnedHeaders,
    ) -> Result<Result<(), QueueFull>, KafkaError> {
        let record = BaseRecord::with_opaque_to(topic, ticket).key(key).payload(body).headers(headers);
        let record = record.timestamp(clock::kafka_timestamp());
        match self.inner.send(record) {
            Ok(()) => Ok(Ok(())),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(Err(QueueFull)),
            Err((error, _)) => Err(self.tell(error)),
        }
    }

    /// Lets librdkafka work until something is reported, for at most this long, and gives what has been.
    ///
    /// The client's own `poll` waits for the whole time whatever comes, which cost each batch a fifth of a second.
    pub(super) fn poll(&self, wait: Duration) -> Vec<Report> {
        let begin = clock::instant();
        loop {
            let left = wait.saturating_sub(begin.elapsed());
            self.inner.poll(left.min(POLL_STEP));
            let reports: Vec<Report> = self.reports.try_iter().collect();
            if reports.is_empty() && !left.is_zero() {
                continue;
            }
            for report in &reports {
                match &report.outcome {
                    Ok(()) => {
                        self.login.handle_success();
                        self.troubles.handle_success();
                    }
                    Err(error) => self.troubles.handle(error),
                }
            }
            return reports;
        }
    }

    /// Whether it can never send again, or must not: what answers now is another cluster, or takes the password no more
    /// and there is a new one.
    pub(super) fn is_dead(&self) -> bool {
        self.strayed.load(Ordering::Relaxed)
            || self.inner.client().fatal_error().is_some()
            || self.is_outdated()
    }

    /// Whether Kafka takes its password or certificate no more, and there is a new one.
    pub(super) fn is_outdated(&self) -> bool {
        self.login.is_outdated()
    }

    /// Forgets everything that is queued or on its way; the store has it.
    pub(super) fn purge(&self) {
        self.inner.purge(PurgeConfig::default().queue().inflight());
        self.inner.poll(Duration::ZERO);
    }
}
