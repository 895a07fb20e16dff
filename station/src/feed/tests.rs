//! The feed against librdkafka's own stand-in for a broker: the plumbing, not Kafka's guarantees.

use super::*;
use crate::example::{alarm, bed, status};
use crate::ward::Record;
use rdkafka::ClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;
use tokio::sync::mpsc::{Receiver, channel};

/// How long the stand-in may take for anything.
const DEADLINE: Duration = Duration::from_secs(20);

fn producer(brokers: &str) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    BaseProducer::from_config(&config).unwrap()
}

fn send(producer: &BaseProducer, topic: &str, body: &str, late: &str) {
    let headers = OwnedHeaders::new()
        .insert(Header { key: "late", value: Some(late) })
        .insert(Header { key: "age_ms", value: Some("1200") });
    producer.send(BaseRecord::to(topic).key("k").payload(body).headers(headers)).unwrap();
    producer.flush(DEADLINE).unwrap();
}

/// Takes what the feed tells until `wanted` finds what it looks for.
async fn hear<T>(inbox: &mut Receiver<Heard>, wanted: impl Fn(Heard) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = wanted(inbox.recv().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, search).await.unwrap()
}

fn arrived(heard: Heard) -> Option<Arrival> {
    if let Heard::Arrival(it) = heard { Some(*it) } else { None }
}

fn json_of<T: serde::Serialize>(record: &T) -> String {
    serde_json::to_string(record).unwrap()
}

fn open(brokers: &str, prefix: &str) -> (Receiver<Heard>, std::thread::JoinHandle<()>) {
    let (out, inbox) = channel(INBOX);
    let clock = crate::clock::Clock::start();
    let options = FeedOptions { brokers: brokers.into(), prefix: prefix.into(), properties: BTreeMap::new() };
    let feed = Feed::open(&options, clock.now(), out).unwrap();
    (inbox, std::thread::spawn(move || feed.follow(|| clock.now())))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_beds_is_read_from_the_beginning_and_alarms_from_now_on() {
    let cluster = MockCluster::new(1).unwrap();
    for topic in [ALARMS, BEDS, STATUS] {
        cluster.create_topic(topic, 2, 1).unwrap();
    }
    let producer = producer(&cluster.bootstrap_servers());
    send(&producer, ALARMS, &json_of(&alarm(&json!({"text": "before"}))), "false");
    send(&producer, BEDS, &json_of(&bed("r1", 1, &[])), "false");
    let (mut inbox, thread) = open(&cluster.bootstrap_servers(), "");

    let first = hear(&mut inbox, arrived).await;
    assert!(matches!(first.record, Record::Bed(_)), "{first:?}");
    // Heartbeats until one comes through: then the ends of the topics are found.
    let beating = async {
        loop {
            send(&producer, STATUS, &json_of(&status("r1", 1, 1)), "false");
            tokio::task::yield_now().await;
            if let Ok(Heard::Arrival(it)) = inbox.try_recv() {
                break *it;
            }
        }
    };
    let beat = tokio::time::timeout(DEADLINE, beating).await.unwrap();
    assert!(matches!(beat.record, Record::Status(_)), "{beat:?}");

    send(&producer, ALARMS, "{\"patient\":\"Jane\"", "false");
    let told = hear(&mut inbox, |it| if let Heard::Trouble(it) = it { Some(it) } else { None }).await;
    assert!(told.words.contains("cannot be read") && !told.words.contains("Jane"), "{told:?}");

    send(&producer, ALARMS, &json_of(&alarm(&json!({"text": "after"}))), "true");
    let alarm = hear(&mut inbox, |it| {
        arrived(it).filter(|it| matches!(&it.record, Record::Alarm(record) if record.text == "after"))
    })
    .await;
    assert!(alarm.late);
    assert_eq!(alarm.age, Some(Duration::from_millis(1200)));

    drop(inbox);
    thread.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_said_in_words_and_the_feed_goes_on_when_it_comes() {
    let cluster = MockCluster::new(1).unwrap();
    for topic in [ALARMS, BEDS, STATUS] {
        cluster.create_topic(&format!("sim.{topic}"), 1, 1).unwrap();
    }
    cluster.create_topic(STATUS, 1, 1).unwrap();
    cluster.broker_down(1).unwrap();
    let (mut inbox, thread) = open(&cluster.bootstrap_servers(), "sim.");
    let told = hear(&mut inbox, |it| if let Heard::Trouble(it) = it { Some(it) } else { None }).await;
    assert_eq!(told.kind, "unreachable", "{told:?}");
    cluster.broker_up(1).unwrap();
    hear(&mut inbox, |it| matches!(it, Heard::Kafka).then_some(())).await;
    let producer = producer(&cluster.bootstrap_servers());
    send(&producer, &format!("sim.{BEDS}"), &json_of(&bed("r1", 1, &[])), "false");
    let first = hear(&mut inbox, arrived).await;
    assert!(matches!(first.record, Record::Bed(_)), "{first:?}");
    drop(inbox);
    thread.join().unwrap();
}

#[test]
fn what_librdkafka_says_by_itself_becomes_words_and_waits_for_nobody() {
    let (out, mut inbox) = channel(1);
    let context = Context::new(out);
    for _ in 0..250 {
        context.error(
            rdkafka::error::KafkaError::Global(rdkafka::types::RDKafkaErrorCode::AllBrokersDown),
            "1/1 brokers are down",
        );
    }
    assert!(matches!(inbox.try_recv(), Ok(Heard::Trouble(it)) if it.kind == "unreachable"));
    assert!(inbox.try_recv().is_err());
}
