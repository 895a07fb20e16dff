//! F21: what the MQTT broker sends again after its acknowledgement was lost is stored once, with the process that had
//! stored it dead or alive.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::proxy::Proxy;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::wait;

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);
/// Fewer than mosquitto's window of 1,000: all of them are outstanding when the way is cut.
const COUNT: u64 = 300;
const BED: &str = "again-1";

/// What becomes of the agent when the way is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    Dies,
}

/// An agent behind a way that swallows its acknowledgements, then is cut. What lies in Kafka of the messages, with the
/// one sent last, which says that all have come.
fn lose_acknowledgements(
    name: &str,
    fate: Fate,
    (topic, readings_each): (&str, u64),
    payload: impl Fn(u64) -> String,
) -> Result<Vec<Record>> {
    let kafka = Kafka::shared()?;
    let broker = Mosquitto::start()?;
    let proxy = Proxy::start(broker.port())?;
    let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(proxy.port()).beds([BED]).ward().toml(
        "[[source]]\nid = \"pack\"\nbed = \"again-1\"\nmqtt = \"ward\"\ntopic = \"pack/again-1\"\nformat = \"senml\"\n",
    );
    let mut agent = Agent::start(&site)?;
    let publish = |payload: String| publish_one(broker.port(), &format!("ward/{BED}"), payload, false);
    agent.wait_heard(|| publish(String::from("{\"seq\":1000000,\"spo2\":97}")))?;
    proxy.swallow(true);
    for seq in 1..=COUNT {
        publish_one(broker.port(), &format!("{topic}/{BED}"), payload(seq), false)?;
    }
    let readings = Reader::open(kafka, "vitals.readings.v1")?;
    let mut seen = Vec::new();
    let mut collect = |enough: &dyn Fn(&Record) -> bool| {
        readings.read_until(std::time::Instant::now() + SOON, |it| {
            if of(it, &site) && it.number("device_seq") != Some(1_000_000) {
                seen.push(it.clone());
            }
            of(it, &site) && enough(it)
        })
    };
    let counted = std::cell::Cell::new(0);
    let all = collect(&|it| {
        counted.set(counted.get() + u64::from(it.number("device_seq") != Some(1_000_000)));
        counted.get() == COUNT * readings_each
    })?;
    ensure!(all, "only {} of {COUNT} came before the way was cut:\n{}", counted.get(), agent.log());
    if fate == Fate::Dies {
        agent.signal(Signal::KILL)?;
    }
    proxy.cut();
    proxy.swallow(false);
    if fate == Fate::Dies {
        agent = Agent::start(&site)?;
    }
    wait::until("the connection after the cut", SOON, || {
        let connected = agent.log().matches("Connected to the MQTT broker").count();
        Ok((connected >= 2).then_some(()))
    })
    .with_context(|| agent.log())?;
    publish(String::from("{\"seq\":2000000,\"spo2\":97}"))?;
    ensure!(collect(&|it| it.number("device_seq") == Some(2_000_000))?, "the last message did not come");
    agent.check_alive()?;
    seen.pop();
    Ok(seen)
}

#[test]
fn what_the_broker_sends_again_to_a_new_process_is_stored_once() -> Result<()> {
    let seen =
        lose_acknowledgements("again-dead", Fate::Dies, ("ward", 1), |seq| Patient::Stable.payload(seq))?;
    assert_eq!(seen.len() as u64, COUNT);
    Ok(())
}

#[test]
fn what_the_broker_sends_again_on_a_new_connection_is_stored_once() -> Result<()> {
    let seen =
        lose_acknowledgements("again-alive", Fate::Lives, ("ward", 1), |seq| Patient::Stable.payload(seq))?;
    assert_eq!(seen.len() as u64, COUNT);
    Ok(())
}

/// A pack of several times is a reading of each, and each is known again by its own time.
#[test]
fn a_pack_that_the_broker_sends_again_is_stored_once() -> Result<()> {
    let pack = |seq: u64| {
        let time = 1_772_353_800 + 3 * seq;
        let at = |t: u64| format!(r#"{{"n":"spo2","u":"%","t":{t},"v":{}}}"#, 90 + (seq + t) % 10);
        let first = format!(r#"{{"bt":{time},"n":"spo2","u":"%","v":96}}"#);
        format!("[{first},{},{}]", at(1), at(2))
    };
    for (name, fate) in [("again-pack-dead", Fate::Dies), ("again-pack-alive", Fate::Lives)] {
        let seen = lose_acknowledgements(name, fate, ("pack", 3), pack)?;
        let marked = seen.iter().filter(|it| it.body["redelivered"] == true).count();
        assert_eq!(seen.len() as u64, 3 * COUNT, "{name}: {marked} marked, {:?}", &seen[..9.min(seen.len())]);
    }
    Ok(())
}

/// The control of all: without time or number nobody can tell two messages from one sent twice, so both are kept, and
/// the second says so. It also shows that the broker does send them again.
#[test]
fn what_has_no_identity_is_kept_twice_and_says_so() -> Result<()> {
    let seen =
        lose_acknowledgements("again-nameless", Fate::Dies, ("ward", 1), |_| String::from("{\"spo2\":97}"))?;
    assert_eq!(seen.len() as u64, 2 * COUNT);
    let marked = seen.iter().filter(|it| it.body["redelivered"] == true).count();
    assert_eq!(marked as u64, COUNT, "each second one must say that the broker sent it again");
    Ok(())
}
