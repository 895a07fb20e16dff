//! The topic of operator actions, read: the one thing in Kafka that flows towards the bedside.
//!
//! No consumer group and no kept offset. At the start the end of the topic is read again, and what has no reply there
//! is handled: an action placed while the agent was away is done or refused as stale, and answered in any case. One
//! that is handled twice is known by its id.

mod tail;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientContext, Message};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};
use vitals::alarm::event::AlarmId;
use vitals::name::Name;
use vitals::record::action::{ACTIONS, ActionLine, ActionRecord, ReceiptRecord};

use self::tail::Tail;
use super::{Login, Refused};
use crate::actions::{Placed, Way};
use crate::clock;
use crate::config::{Config, Kafka};
use crate::source::SourceInput;

/// How much of each partition's end is read at the start: what a hospital that places ten actions a second has asked
/// and been answered in the last minute. What is older would be refused as stale.
const TAIL: i64 = 1200;

/// One look at librdkafka; the end of the agent is noticed after it.
const LOOK: Duration = Duration::from_millis(200);

/// How often a topic that is not there is asked for, and one that is there for new partitions.
const AGAIN: Duration = Duration::from_secs(30);

/// A broker answers a request for new records after this long if there are none, and at once if there are.
const FETCH_WAIT: Duration = Duration::from_secs(5);

/// Why the topic cannot be read at all. That Kafka is away is no reason.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// librdkafka does not take a setting.
    #[error("librdkafka does not take the settings")]
    Settings(#[source] KafkaError),
    /// The system gives no thread.
    #[error("cannot start the thread that reads operator actions")]
    Thread(#[source] io::Error),
}

/// Says nothing: every error comes out of `poll` as well.
struct Silent(Refused);

impl ClientContext for Silent {
    fn error(&self, error: KafkaError, _: &str) {
        self.0.handle(&error);
    }
}

impl ConsumerContext for Silent {}

/// Begins to read the actions on the agent's beds, of patients (`live`) or of simulated ones; ends with the agent.
pub(crate) fn start(
    config: &Config,
    live: bool,
    inbox: mpsc::Sender<SourceInput>,
    stopped: watch::Receiver<bool>,
) -> Result<(), StartError> {
    let agent = &config.agent.id;
    let mut client = super::client(&config.kafka, &format!("{agent}-actions"));
    client
        // Required by librdkafka and never used: nothing is committed, no group is joined.
        .set("group.id", format!("wardline-{agent}"))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set("fetch.wait.max.ms", FETCH_WAIT.as_millis().to_string())
        .set("queued.max.messages.kbytes", "1024")
        .set_log_level(RDKafkaLogLevel::Emerg);
    super::prevail(&config.kafka, &mut client);
    let (consumer, login) = consumer(&config.kafka, &client).map_err(StartError::Settings)?;
    let reader = Reader {
        kafka: config.kafka.clone(),
        client,
        consumer,
        login,
        way: Way::Kafka { live },
        agent: agent.clone(),
        topic: format!("{}{ACTIONS}", if live { "" } else { "sim." }),
        partitions: 0,
        missed: false,
        tail: Tail::default(),
        beds: config.places().collect(),
        inbox,
    };
    thread::Builder::new()
        .name("from-kafka".into())
        .spawn(move || reader.run(&stopped))
        .map(drop)
        .map_err(StartError::Thread)
}

/// A consumer with the password and certificates that their files hold now.
fn consumer(kafka: &Kafka, client: &ClientConfig) -> Result<(BaseConsumer<Silent>, Login), KafkaError> {
    let (login, mut client) = (Login::new(kafka), client.clone());
    super::renew(kafka, &mut client);
    let consumer = client.create_with_context(Silent(login.refused()))?;
    Ok((consumer, login))
}

struct Reader {
    kafka: Kafka,
    client: ClientConfig,
    consumer: BaseConsumer<Silent>,
    login: Login,
    way: Way,
    agent: Name,
    topic: String,
    /// How many are read.
    partitions: i32,
    /// Whether the topic's absence has been said.
    missed: bool,
    tail: Tail,
    beds: BTreeSet<Arc<Name>>,
    inbox: mpsc::Sender<SourceInput>,
}

impl Reader {
    fn run(mut self, stopped: &watch::Receiver<bool>) {
        let mut asked: Option<Instant> = None;
        while !*stopped.borrow() && !self.inbox.is_closed() {
            if asked.is_none_or(|it| it.elapsed() >= AGAIN) {
                asked = Some(clock::instant());
                self.find_partitions();
            }
            if self.login.is_outdated() {
                self.start_again();
                asked = None;
                continue;
            }
            match self.consumer.poll(LOOK) {
                Some(Ok(message)) => match message.payload().map(serde_json::from_slice::<ActionLine>) {
                    Some(Ok(ActionLine::Receipt(receipt))) => self.pass_on(&receipt),
                    Some(Ok(line)) => {
                        if let Some(action) = self.tail.handle_line(message.partition(), line) {
                            self.place(action);
                        }
                    }
                    Some(Err(error)) => {
                        warn!(topic = self.topic, offset = message.offset(), %error, "A record cannot be understood as an action; nothing was done.");
                    }
                    None => {}
                },
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    for action in self.tail.handle_end(partition) {
                        self.place(action);
                    }
                }
                // What is wrong with Kafka is said by those who send.
                Some(Err(_)) | None => {}
            }
        }
        // The bedside task ends when nobody can ask it any more, and need not wait for librdkafka.
        drop(self.inbox);
    }

    /// Begins as at the start: what it reads twice is known by its id.
    fn start_again(&mut self) {
        // What librdkafka does not take now it may take when the files are whole.
        if let Ok((consumer, login)) = consumer(&self.kafka, &self.client) {
            (self.consumer, self.login) = (consumer, login);
            (self.partitions, self.tail) = (0, Tail::default());
        }
    }

    /// Hands an action to the bedside task, which always takes what is in its inbox.
    fn place(&self, record: ActionRecord) {
        if let Some(bed) = self.beds.iter().find(|it| it.as_str() == record.bed) {
            let placed = Placed { bed: Arc::clone(bed), record, way: self.way, at: clock::uptime() };
            let _ = self.inbox.blocking_send(SourceInput::Action(Box::new(placed)));
        }
    }

    /// Hands a receipt for an alarm of ours to the bedside task. What was shown long ago tells nothing wrong: alarms have
    /// ids of their own.
    fn pass_on(&self, receipt: &ReceiptRecord) {
        let bed = self.beds.iter().find(|it| it.as_str() == receipt.bed);
        let ours = AlarmId::parse_of(&receipt.alarm, self.agent.as_str());
        if let (Some(bed), Some(alarm)) = (bed, ours) {
            let (bed, revision) = (Arc::clone(bed), receipt.revision);
            let station = receipt.station.clone();
            let live = self.way == Way::Kafka { live: true };
            let _ = self.inbox.blocking_send(SourceInput::Shown { bed, alarm, revision, station, live });
        }
    }

    /// Looks for partitions that are not read yet.
    fn find_partitions(&mut self) {
        let Ok(metadata) = self.consumer.fetch_metadata(Some(&self.topic), LOOK) else { return };
        self.login.handle_success();
        let found = metadata.topics().first().map_or(0, |it| it.partitions().len());
        let found = i32::try_from(found).unwrap_or(i32::MAX);
        if found == 0 && !self.missed {
            self.missed = true;
            info!(topic = self.topic, "Kafka has no such topic: nobody can act on alarms through it.");
        }
        if found > self.partitions && self.read_on(found).is_ok() {
            self.partitions = found;
        }
    }

    /// A partition that came later is read whole: all in it was placed since.
    fn read_on(&self, found: i32) -> Result<(), KafkaError> {
        let from = if self.partitions == 0 { Offset::OffsetTail(TAIL) } else { Offset::Beginning };
        let mut list = TopicPartitionList::new();
        for partition in self.partitions..found {
            list.add_partition_offset(&self.topic, partition, from)?;
        }
        self.consumer.incremental_assign(&list)
    }
}
