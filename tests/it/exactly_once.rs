//! P2 where there are several agents: of two with one id only one sends, and one whose transaction stays open makes no
//! other send twice. What dies and whenever, is the matter of [`crate::ledger`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::port;
use wardline_tests::proxy::Proxy;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::wait;

use crate::way::of;

const READINGS: &str = "vitals.readings.v1";
const SOON: Duration = Duration::from_secs(40);

/// A copied card: the second agent with an id takes over, the first says so and sends nothing; they never fence each
/// other by turns.
#[test]
fn of_two_agents_with_one_id_one_sends_and_the_other_says_why_it_does_not() -> Result<()> {
    let kafka = Kafka::shared()?;
    let broker = Mosquitto::start()?;
    let site = |bed: &str| -> Result<Site> {
        Ok(Site::new("copied-card")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds([bed]).toml(&format!(
            "[mqtt.own]\nurl = \"mqtt://127.0.0.1:{}\"\nclient_id = \"{bed}\"\n\
             [[source]]\nid = \"{bed}\"\nbed = \"{bed}\"\nmqtt = \"own\"\ntopic = \"ward/{bed}\"\nformat = \"wardline\"\n",
            broker.port()
        )))
    };
    let (first, second) = (site("copy-1")?, site("copy-2")?);
    ensure!(first.agent() == second.agent(), "the two must have one id");
    let readings = Reader::open(kafka, READINGS)?;
    let publish = |bed: &str, seq| {
        publish_one(broker.port(), &format!("ward/{bed}"), Patient::Stable.payload(seq), false)
    };
    let arrives = |bed: &str, seq: u64| {
        let is = |it: &_| of(it, &first) && it.text("bed") == bed && it.number("device_seq") == Some(seq);
        readings.wait_for(&format!("{bed} {seq}"), SOON, is).map(drop)
    };
    let mut one = Agent::start(&first)?;
    publish("copy-1", 1)?;
    arrives("copy-1", 1)?;
    let mut two = Agent::start(&second)?;
    publish("copy-2", 1)?;
    arrives("copy-2", 1)?;
    publish("copy-1", 2)?;
    wait::until("the first to say why it does not send", SOON, || {
        Ok(one.log().contains("Another agent sends readings under the id of this one").then_some(()))
    })?;
    let alarms = Reader::open(kafka, "vitals.alarms.v1")?;
    let alarm =
        |it: &_| of(it, &first) && it.text("code") == "duplicate_agent" && it.text("phase") == "start";
    let alarm = alarms.wait_for("the alarm that says so", SOON, alarm)?;
    assert_eq!((alarm.text("bed"), alarm.text("kind")), (first.agent(), "technical"));
    publish("copy-2", 2)?;
    arrives("copy-2", 2)?;
    one.check_alive()?;
    two.check_alive()
}

/// A transaction of another agent that is still open hides from a `read_committed` reader what came after it in the
/// topic of cursors. Who took the cursor that can be seen for its newest would send again what came since.
#[test]
fn a_cursor_behind_another_agents_open_transaction_is_waited_for() -> Result<()> {
    const BED: &str = "behind-1";
    let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let site =
        Site::new("open-transaction")?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds([BED]).ward();
    let publish =
        |seq| publish_one(broker.port(), &format!("ward/{BED}"), Patient::Stable.payload(seq), false);
    let readings = Reader::open(&kafka, READINGS)?;
    let mut seen = Vec::new();
    let mut arrives = |seq: u64| -> Result<()> {
        let came = readings.read_until(Instant::now() + SOON, |it| {
            seen.extend(it.number("device_seq"));
            it.number("device_seq") == Some(seq)
        })?;
        ensure!(came, "waited {SOON:?} in vain for reading {seq}");
        Ok(())
    };
    let agent = Agent::start(&site)?;
    publish(1)?;
    arrives(1)?;
    let other = open_transaction(&kafka, "vitals.cursors.v1")?;
    publish(2)?;
    arrives(2)?;
    agent.kill()?;
    let agent = Agent::start(&site)?;
    publish(3)?;
    wait::until("the agent to say that it waits", SOON, || {
        Ok(agent.log().contains("Somebody's transaction in vitals.cursors.v1 is open").then_some(()))
    })?;
    other.commit_transaction(SOON)?;
    arrives(3)?;
    assert_eq!(seen, [1, 2, 3], "each once, and in order");
    Ok(())
}

/// For brokers without transactions: over kills of the agent and of Kafka nothing is lost, and what comes twice bears the
/// same id.
#[test]
fn at_least_once_loses_nothing_and_names_what_comes_twice() -> Result<()> {
    const BED: &str = "least-1";
    let (mut kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let brokers = kafka.bootstrap();
    let lines = "security = \"plaintext\"\ndelivery = \"at-least-once\"";
    let site = Site::new("at-least-once")?.kafka_toml(&format!("brokers = [\"{brokers}\"]\n{lines}"));
    let site = site.mqtt(broker.port()).beds([BED]).ward();
    let publish = |seqs: std::ops::RangeInclusive<u64>| {
        let topic = format!("ward/{BED}");
        seqs.into_iter()
            .try_for_each(|seq| publish_one(broker.port(), &topic, Patient::Stable.payload(seq), false))
    };
    let readings = Reader::open(&kafka, READINGS)?;
    let mut seen: Vec<(u64, String)> = Vec::new();
    let mut arrives = |seq: u64| -> Result<Vec<(u64, String)>> {
        let came = readings.read_until(Instant::now() + SOON, |it| {
            seen.extend(it.number("device_seq").map(|number| (number, it.text("id").to_owned())));
            it.number("device_seq") == Some(seq)
        })?;
        ensure!(came, "waited {SOON:?} in vain for reading {seq}");
        Ok(seen.clone())
    };
    let agent = Agent::start(&site)?;
    agent.wait_heard(|| publish(1..=1))?;
    arrives(1)?;
    publish(2..=50)?;
    agent.kill()?;
    let agent = Agent::start(&site)?;
    arrives(50)?;
    kafka.kill();
    publish(51..=100)?;
    agent.kill()?;
    let agent = Agent::start(&site)?;
    kafka.restart()?;
    publish(101..=150)?;
    arrives(101)?;
    agent.kill()?;
    let _agent = Agent::start(&site)?;
    let mut seen = arrives(150)?;
    seen.retain(|it| it.0 > 1);
    let ids: BTreeSet<_> = seen.iter().collect();
    let numbers: Vec<u64> = ids.iter().map(|it| it.0).collect();
    println!("{} records of {} readings", seen.len(), numbers.len());
    ensure!(numbers.iter().copied().eq(2..=150), "lost, or twice under two names: {numbers:?}");
    let firsts: Vec<_> = (2..=150).map(|seq| seen.iter().position(|it| it.0 == seq)).collect();
    ensure!(firsts.is_sorted(), "not in order: {seen:?}");
    Ok(())
}

/// What Kafka has taken and the agent has no answer of when it is killed is sent again: it comes twice, and by the id of a record
/// a reader knows that it has it. What was answered is the control: it comes once.
#[test]
fn at_least_once_gives_what_comes_twice_the_same_id() -> Result<()> {
    const BED: &str = "twice-1";
    let (behind, broker) = (port::free()?, Mosquitto::start()?);
    let way = Proxy::start(behind)?;
    let kafka = Kafka::start_behind(behind, way.port())?;
    let site = Site::new("twice")?.mqtt(broker.port()).beds([BED]).ward().kafka_toml(&format!(
        "brokers = [\"127.0.0.1:{}\"]\nsecurity = \"plaintext\"\ndelivery = \"at-least-once\"",
        way.port()
    ));
    let publish =
        |seq| publish_one(broker.port(), &format!("ward/{BED}"), Patient::Stable.payload(seq), false);
    let readings = Reader::open(&kafka, READINGS)?;
    let mut seen: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut arrive = |seqs: RangeInclusive<u64>, times: usize| -> Result<BTreeMap<u64, Vec<String>>> {
        let came = readings.read_until(Instant::now() + SOON, |it| {
            if let Some(seq) = it.number("device_seq") {
                seen.entry(seq).or_default().push(it.text("id").to_owned());
            }
            seqs.clone().all(|seq| seen.get(&seq).is_some_and(|it| it.len() >= times))
        })?;
        ensure!(came, "waited {SOON:?} in vain for {seqs:?}, {times} times: {seen:?}");
        Ok(seen.clone())
    };
    let agent = Agent::start(&site)?;
    wait::until("the subscription", SOON, || {
        publish(1)?;
        Ok((agent.metric("wardline_readings_accepted_total")? >= 1.0).then_some(()))
    })?;
    (2..=4).try_for_each(publish)?;
    arrive(2..=4, 1)?;
    wait::until("Kafka's answer", SOON, || {
        Ok((agent.metric("wardline_buffer_records")? == 0.0).then_some(()))
    })?;
    way.hold_answers(true);
    (5..=8).try_for_each(publish)?;
    arrive(5..=8, 1)?;
    agent.kill()?;
    way.hold_answers(false);
    let _agent = Agent::start(&site)?;
    let seen = arrive(5..=8, 2).map_err(|error| error.context("nothing came twice"))?;
    for seq in 2..=4 {
        assert_eq!(seen[&seq].len(), 1, "it was answered: {seen:?}");
    }
    let of: BTreeMap<_, BTreeSet<_>> = (5..=8).map(|seq| (seq, seen[&seq].iter().collect())).collect();
    ensure!(of.values().all(|ids| ids.len() == 1), "one reading under two names: {of:?}");
    let ids: BTreeSet<_> = of.values().flatten().collect();
    ensure!(ids.len() == 4, "two readings under one name: {of:?}");
    Ok(())
}

/// A producer with a transaction that holds one record of `topic` and goes on.
fn open_transaction(kafka: &Kafka, topic: &str) -> Result<BaseProducer> {
    let mut config = kafka.client();
    config.set("transactional.id", "wardline-another").set("transaction.timeout.ms", "120000");
    let producer: BaseProducer = config.create()?;
    producer.init_transactions(SOON)?;
    producer.begin_transaction()?;
    producer.send(BaseRecord::to(topic).key("another/r").payload("{}")).map_err(|(error, _)| error)?;
    producer.flush(SOON).context("Kafka did not take the record of the other agent")?;
    Ok(producer)
}
