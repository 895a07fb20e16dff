//! What is wrong with Kafka, in words: said once for each cause, and again only after a while.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::watch;
use tracing::{info, warn};
use vitals::time::Uptime;

use crate::clock;
use crate::forwarder::{ForwarderProgress, Standing, Way};

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
            // A transaction that a fault has ended is begun anew; who does it again and again shows in the cursor.
            // Nor is what we threw away ourselves.
            Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::State
            | Code::PurgeQueue
            | Code::PurgeInflight => return None,
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
    way: Way,
    progress: watch::Sender<ForwarderProgress>,
    said: watch::Sender<Said>,
}

/// What has been said since Kafka last took a record, and when: each cause once at most, so never more than there are.
#[derive(Debug, Default)]
struct Said(Vec<(Trouble, Uptime)>);

/// What to do with a trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// New, or not said for long.
    Say,
    /// Said a moment ago.
    Keep,
    /// Follows from one that was said: whoever refuses the password of one broker after the other has none left.
    Follows,
}

impl Said {
    fn handle(&mut self, trouble: Trouble, now: Uptime) -> Verdict {
        let recent = |at: &Uptime| now.since(*at) < SAID_EVERY;
        if trouble == Trouble::Away && self.0.iter().any(|(it, at)| *it != Trouble::Away && recent(at)) {
            return Verdict::Follows;
        }
        match self.0.iter_mut().find(|(it, _)| *it == trouble) {
            Some((_, at)) if recent(at) => return Verdict::Keep,
            Some((_, at)) => *at = now,
            None => self.0.push((trouble, now)),
        }
        Verdict::Say
    }
}

impl Troubles {
    pub(crate) fn new(way: Way, progress: watch::Sender<ForwarderProgress>) -> Self {
        Self { way, progress, said: watch::Sender::new(Said::default()) }
    }

    /// Something failed.
    pub(crate) fn handle(&self, error: &KafkaError) {
        self.handle_reason(error, "");
    }

    /// The same, with librdkafka's own words for it.
    pub(crate) fn handle_reason(&self, error: &KafkaError, reason: &str) {
        let Some(trouble) = Trouble::of(error) else { return };
        let mut verdict = Verdict::Keep;
        self.said.send_modify(|said| verdict = said.handle(trouble, clock::uptime()));
        match verdict {
            // Which name it is stands nowhere else.
            Verdict::Say if trouble == Trouble::Name && !reason.is_empty() => {
                warn!(client = self.way.name(), %error, reason, "{}.", trouble.words());
            }
            Verdict::Say => warn!(client = self.way.name(), %error, "{}.", trouble.words()),
            Verdict::Keep => {}
            Verdict::Follows => return,
        }
        self.progress.send_if_modified(|it| {
            let changed = it.connected || it.trouble != Some(trouble.words());
            it.connected = false;
            it.trouble = Some(trouble.words());
            changed
        });
    }

    /// How we stand with the Kafka that answers, and which cluster it is. Whether that is news.
    pub(crate) fn handle_standing(&self, standing: Standing, cluster: Option<&str>) -> bool {
        self.progress.send_if_modified(|it| {
            let changed = it.standing != standing || it.cluster.as_deref() != cluster;
            it.standing = standing;
            it.cluster = cluster.map(ToOwned::to_owned);
            changed
        })
    }

    /// Whether anything waits for Kafka's word; since when counts from the first such call after the last word.
    pub(crate) fn handle_waiting(&self, waits: bool) {
        self.progress.send_if_modified(|it| {
            let since = &mut it.waiting[self.way as usize];
            *since = waits.then(|| since.unwrap_or_else(clock::uptime));
            // Whoever wants to know looks by himself: it changes many times a second.
            false
        });
    }

    /// Kafka has given its word for something that waited.
    pub(crate) fn handle_confirmed(&self) {
        self.handle_waiting(false);
    }

    /// Kafka took a record.
    pub(crate) fn handle_success(&self) {
        if !self.said.borrow().0.is_empty() {
            self.said.send_replace(Said::default());
            info!(client = self.way.name(), "Kafka takes records again.");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once_a_minute_and_what_follows_from_it_not_at_all() {
        let at = |s: u64| Uptime::from_millis(s * 1000);
        let mut said = Said::default();
        assert_eq!(said.handle(Trouble::Away, at(1)), Verdict::Say);
        assert_eq!(said.handle(Trouble::Login, at(2)), Verdict::Say, "a better cause is said at once");
        for (second, trouble, verdict) in [
            (3, Trouble::Away, Verdict::Follows),
            (4, Trouble::Login, Verdict::Keep),
            (5, Trouble::Tls, Verdict::Say),
            (6, Trouble::Login, Verdict::Keep),
            (62, Trouble::Login, Verdict::Say),
            (63, Trouble::Away, Verdict::Follows),
            (200, Trouble::Away, Verdict::Say),
        ] {
            assert_eq!(said.handle(trouble, at(second)), verdict, "{trouble:?} at {second} s");
        }
    }
}
