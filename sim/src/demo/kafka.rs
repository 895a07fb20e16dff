//! A stand-in for Kafka inside this program: librdkafka's mock cluster. It shows the way, and proves nothing of Kafka.

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// The topics that an agent writes, without their prefix.
const TOPICS: [&str; 7] = [
    "vitals.readings.v1",
    "vitals.alarms.v1",
    "vitals.ledger.v1",
    "vitals.cursors.v1",
    "vitals.latest.v1",
    "vitals.beds.v1",
    "vitals.status.v1",
];
/// What stands before the topics of whatever is no patient.
pub(super) const PREFIX: &str = "sim.";
/// All brokers, as the mock says it.
const ALL: i32 = -1;

/// Why there is no stand-in for Kafka.
#[derive(Debug, thiserror::Error)]
#[error("the stand-in for Kafka does not {0}")]
pub struct KafkaStandInError(&'static str, #[source] KafkaError);

/// One broker with all topics.
pub(super) struct KafkaStandIn(MockCluster<'static, DefaultProducerContext>);

impl KafkaStandIn {
    /// Starts it on a port of this machine.
    pub(super) fn start() -> Result<Self, KafkaStandInError> {
        let cluster = MockCluster::new(1).map_err(|it| KafkaStandInError("start", it))?;
        for topic in TOPICS {
            // A station also listens for the heartbeats of agents with patients.
            for topic in [topic.to_owned(), format!("{PREFIX}{topic}")] {
                cluster.create_topic(&topic, 1, 1).map_err(|it| KafkaStandInError("take a topic", it))?;
            }
        }
        Ok(Self(cluster))
    }

    /// `host:port`.
    #[must_use]
    pub(super) fn bootstrap(&self) -> String {
        self.0.bootstrap_servers()
    }

    /// Takes it away: connections are cut, new ones refused; what it holds stays.
    pub(super) fn take_away(&self) -> Result<(), KafkaStandInError> {
        self.0.broker_down(ALL).map_err(|it| KafkaStandInError("go away", it))
    }

    /// Brings it back.
    pub(super) fn bring_back(&self) -> Result<(), KafkaStandInError> {
        self.0.broker_up(ALL).map_err(|it| KafkaStandInError("come back", it))
    }
}
