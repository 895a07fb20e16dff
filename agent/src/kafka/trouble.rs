//! What is wrong with Kafka, in words: said once for each cause, and again only after a while.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::watch;
use tracing::{info, warn};
use vitals::time::Uptime;

use crate::clock;
use crate::forwarder::ForwarderProgress;

/// The same trouble is said again at most this often.
const SAID_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

/// A cause that a person can do something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No broker answers.
    Away,
    /// A broker takes no password of ours.
    Login,
    /// TLS does not agree.
    Tls,
    /// A name cannot be resolved.
    Name,
    /// A topic is missing.
    Topic,
    /// We may not do what we must.
    Forbidden,
    /// Too few replicas are in sync.
    Replicas,
    /// Anything else.
    Other,
}

impl Trouble {
    /// The cause behind an error; `None` for what passes by itself and nobody must know.
    pub(crate) fn of(error: &KafkaError) -> Option<Self> {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code()?;
        Some(match code {
            Code::AllBrokersDown
            | Code::BrokerTransportFailure
            | Code::MessageTimedOut
            | Code::OperationTimedOut => Self::Away,
            Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
                Self::Login
            }
            Code::SSL => Self::Tls,
            Code::Resolve => Self::Name,
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => Self::Topic,
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::GroupAuthorizationFailed => Self::Forbidden,
            Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend => Self::Replicas,
            Code::PurgeQueue | Code::PurgeInflight => return None,
            _ => Self::Other,
        })
    }

    fn words(self) -> &'static str {
        match self {
            Self::Away => "Kafka does not answer; everything is kept on the disk until it does",
            Self::Login => {
                "Kafka does not take user and password; check user, password_file and mechanism under [kafka]"
            }
            Self::Tls => {
                "Kafka's TLS is not accepted; check ca_file under [kafka], the brokers' names and both clocks"
            }
            Self::Name => {
                "the name of a broker cannot be resolved; check brokers under [kafka] and the name service"
            }
            Self::Topic => "a topic is missing in Kafka; create it as docs/operations.md lists them",
            Self::Forbidden => "Kafka does not allow a topic to this user; grant Write and Describe on it",
            Self::Replicas => "Kafka has too few replicas in sync to keep a record; its operators must look",
            Self::Other => "Kafka refuses records",
        }
    }
}

/// Says what is wrong, and keeps it for whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Troubles {
    client: &'static str,
    progress: watch::Sender<ForwarderProgress>,
    said: watch::Sender<Option<(Trouble, Uptime)>>,
}

impl Troubles {
    pub(crate) fn new(client: &'static str, progress: watch::Sender<ForwarderProgress>) -> Self {
        Self { client, progress, said: watch::Sender::new(None) }
    }

    /// Something failed.
    pub(crate) fn handle(&self, error: &KafkaError) {
        let Some(trouble) = Trouble::of(error) else { return };
        let now = clock::uptime();
        let known = *self.said.borrow();
        if known.is_none_or(|(before, at)| before != trouble || now.since(at) >= SAID_EVERY) {
            self.said.send_replace(Some((trouble, now)));
            warn!(client = self.client, %error, "{}.", trouble.words());
        }
        self.progress.send_if_modified(|it| {
            let changed = it.connected || it.trouble != Some(trouble.words());
            it.connected = false;
            it.trouble = Some(trouble.words());
            changed
        });
    }

    /// Kafka took a record.
    pub(crate) fn handle_success(&self) {
        if self.said.borrow().is_some() {
            self.said.send_replace(None);
            info!(client = self.client, "Kafka takes records again.");
        }
        self.progress.send_if_modified(|it| {
            let changed = !it.connected;
            it.connected = true;
            it.trouble = None;
            changed
        });
    }

    /// The parts' common account.
    pub(crate) fn progress(&self) -> &watch::Sender<ForwarderProgress> {
        &self.progress
    }
}
