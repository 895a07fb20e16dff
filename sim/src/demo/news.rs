//! What the product says of itself: its socket, its alarms at the bedside, its newest values in Kafka, its lines.
//!
//! Everything on the screen comes from here, nothing from the simulated patients.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use super::child::Who;
use super::kafka::PREFIX;
use crate::clock;
use crate::site::ALARM_TOPICS;

/// News that wait for the screen: a second of a ward of eight, many times over. When full, who brings them waits.
pub(super) const NEWS_MAX: usize = 256;
/// How often the agent is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long it may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// The longest single wait for a record.
const POLL: Duration = Duration::from_millis(100);
/// Eight beds are heard of each second; after this without a word Kafka is away.
const SILENT_AFTER: Duration = Duration::from_secs(3);
/// How long to wait with the next attempt.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// One piece of news.
#[derive(Debug)]
pub(super) enum News {
    /// The agent's own account; `None`: it does not answer.
    Status(Option<Box<AgentStatus>>),
    /// What is open on a bed, as made known at the bedside.
    Bedside(BedAlarms),
    /// That the agent says it is there, at the bedside.
    Present(bool),
    /// The newest values of a source, from Kafka.
    Latest(Latest),
    /// A line of a program.
    Line {
        /// Whose.
        who: Who,
        /// The line.
        text: String,
    },
}

/// The agent's account, as its socket gives it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct AgentStatus {
    /// What it takes.
    pub(super) bedside: BedsideAccount,
    /// What it keeps.
    pub(super) store: StoreAccount,
    /// What it delivers.
    pub(super) kafka: KafkaAccount,
}

/// Of the bedside loop.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct BedsideAccount {
    /// Readings taken.
    pub(super) readings: u64,
}

/// Of the store.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct StoreAccount {
    /// Records that Kafka does not have yet.
    pub(super) records: u64,
}

/// Of the forwarder.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct KafkaAccount {
    /// Whether Kafka took the last record.
    pub(super) connected: bool,
    /// Readings delivered.
    pub(super) readings: u64,
    /// What is wrong.
    pub(super) trouble: Option<String>,
}

/// What is open on a bed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct BedAlarms {
    /// The bed.
    pub(super) bed: String,
    /// Its open alarms.
    pub(super) alarms: Vec<OpenAlarm>,
}

/// One open alarm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct OpenAlarm {
    /// Its name for its life.
    pub(super) id: String,
    /// How urgent.
    pub(super) priority: Priority,
    /// `on`, `latched` or `acknowledged`.
    pub(super) signal: String,
    /// One line for a person.
    pub(super) text: String,
}

/// How urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Priority {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

/// The newest values of one source.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Latest {
    /// The bed.
    pub(super) bed: String,
    /// Each vital's newest value, by name.
    pub(super) vitals: BTreeMap<String, LatestValue>,
}

/// The newest value of one vital.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct LatestValue {
    /// Its value.
    pub(super) value: Option<f64>,
    /// Why there is none.
    pub(super) absent: Option<String>,
    /// How old it was when it was told, ms.
    pub(super) age_ms: u64,
    /// From which age on it is no value of now, ms.
    pub(super) stale_after_ms: u64,
}

#[derive(Deserialize)]
struct Presence {
    present: bool,
}

/// Asks the agent again and again.
pub(super) async fn ask_agent(run_dir: PathBuf, news: Sender<News>) {
    while !news.is_closed() {
        let answer = timeout(ANSWERS_WITHIN, ask(&run_dir)).await.ok().and_then(Result::ok);
        if news.send(News::Status(answer.map(Box::new))).await.is_err() {
            return;
        }
        sleep(ASK_EVERY).await;
    }
}

async fn ask(run_dir: &Path) -> io::Result<AgentStatus> {
    let mut stream = UnixStream::connect(run_dir.join("agent.sock")).await?;
    stream.write_all(b"GET /status.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let body = answer.windows(4).position(|it| it == b"\r\n\r\n").and_then(|at| answer.get(at + 4..));
    serde_json::from_slice(body.unwrap_or_default()).map_err(io::Error::from)
}

/// Listens at the bedside: the retained message of each bed.
pub(super) async fn listen_at_bedside(port: u16, news: Sender<News>) {
    let mut options = MqttOptions::new("demo-screen", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(10));
    let (client, mut events) = AsyncClient::new(options, 16);
    while !news.is_closed() {
        let heard = match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                // Refused only when the client is gone.
                let _ = client.try_subscribe(format!("{ALARM_TOPICS}/+"), QoS::AtLeastOnce);
                continue;
            }
            Ok(Event::Incoming(Packet::Publish(it))) => it.payload,
            Ok(_) => continue,
            Err(_) => {
                sleep(AGAIN_AFTER).await;
                continue;
            }
        };
        let bed = serde_json::from_slice::<BedAlarms>(&heard).map(News::Bedside);
        let presence = || serde_json::from_slice::<Presence>(&heard).map(|it| News::Present(it.present));
        if let Ok(heard) = bed.or_else(|_| presence()) {
            if news.send(heard).await.is_err() {
                return;
            }
        }
    }
}

/// Follows the newest values in Kafka. Blocks: it has a thread of its own.
pub(super) fn follow_latest(brokers: &str, news: &Sender<News>) {
    while !news.is_closed() {
        // A consumer that has lost the stand-in for Kafka may take half a minute to look again; a new one looks at once.
        if let Ok(consumer) = latest_consumer(brokers) {
            follow(&consumer, news);
        }
    }
}

/// Follows until nothing has come for a while.
fn follow(consumer: &BaseConsumer, news: &Sender<News>) {
    let mut last = clock::now();
    while !news.is_closed() && last.elapsed() < SILENT_AFTER {
        let Some(Ok(message)) = consumer.poll(POLL) else { continue };
        last = clock::now();
        let latest = message.payload().and_then(|it| serde_json::from_slice::<Latest>(it).ok());
        if latest.is_some_and(|it| news.blocking_send(News::Latest(it)).is_err()) {
            return;
        }
    }
}

fn latest_consumer(brokers: &str) -> KafkaResult<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("client.id", "demo-screen")
        // The group is never joined: librdkafka wants a name all the same.
        .set("group.id", "demo-screen")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "100")
        .set("reconnect.backoff.max.ms", "500")
        .create()?;
    let mut all = TopicPartitionList::new();
    // Only what comes now: what came before would be shown as younger than it is.
    all.add_partition_offset(&format!("{PREFIX}vitals.latest.v1"), 0, Offset::End)?;
    consumer.assign(&all)?;
    Ok(consumer)
}
