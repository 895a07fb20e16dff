//! F20: an MQTT broker comes back without its sessions: the agent subscribes anew, and what was lost with the queue is told.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
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
const BED: &str = "lost-1";

/// What becomes of the broker's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Lost,
    /// The control.
    Kept,
}

/// Five messages that come, three for a queue, and some behind them: how many are missing before the first of those that
/// says so, and how many it says.
fn behind_a_queue(queue: Queue) -> Result<(u64, Option<u64>)> {
    let kafka = Kafka::shared()?;
    let mut broker = Mosquitto::start_persistent()?;
    let proxy = Proxy::start(broker.port())?;
    let name = if queue == Queue::Lost { "lost-queue" } else { "kept-queue" };
    let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(proxy.port()).beds([BED]).ward();
    let agent = Agent::start(&site)?;
    let port = broker.port();
    let publish = |seq| publish_one(port, &format!("ward/{BED}"), Patient::Stable.payload(seq), false);
    let readings = Reader::open(kafka, "vitals.readings.v1")?;
    let comes = |seq: u64| {
        let is = |it: &Record| of(it, &site) && it.number("device_seq") == Some(seq);
        readings.wait_for(&format!("reading {seq}"), SOON, is).with_context(|| agent.log())
    };
    let connections = || agent.log().matches("Connected to the MQTT broker").count();
    wait::until_true("the connection", SOON, || connections() == 1)?;
    agent.wait_heard(|| publish(1))?;
    (2..=5).try_for_each(publish)?;
    ensure!(comes(5)?.number("device_missed").is_none(), "nothing is missing yet");

    proxy.stall(true);
    proxy.cut();
    (6..=8).try_for_each(publish)?;
    broker.wait_saved()?;
    if queue == Queue::Lost {
        broker.forget()?;
    }
    broker.restart()?;
    proxy.stall(false);
    wait::until_true("the next connection", SOON, || connections() >= 2).with_context(|| agent.log())?;
    // Of these, those that come before it has subscribed anew are lost too.
    let mut seq = 8;
    agent.wait_heard(|| {
        seq += 1;
        publish(seq)
    })?;
    seq += 1;
    publish(seq)?;
    let (mut lost, mut told) = (0, None);
    let is_last = |it: &Record| {
        if let (true, Some(missed)) = (of(it, &site), it.number("device_missed")) {
            (lost, told) = (it.number("device_seq").unwrap_or(0) - 6, Some(missed));
        }
        of(it, &site) && it.number("device_seq") == Some(seq)
    };
    let ended = readings.read_until(std::time::Instant::now() + SOON, is_last)?;
    ensure!(ended, "reading {seq} did not come:\n{}", agent.log());
    let counted = agent.count("wardline_messages_missed_total")?;
    ensure!(counted == told.unwrap_or(0), "counted {counted}, told {told:?}");
    Ok((lost, told))
}

#[test]
fn messages_that_a_broker_has_lost_are_told_by_the_one_behind_them() -> Result<()> {
    let (lost, told) = behind_a_queue(Queue::Lost)?;
    ensure!(lost >= 3 && told == Some(lost), "{lost} are lost, and {told:?} are told");
    Ok(())
}

#[test]
fn a_queue_that_was_kept_is_no_loss() -> Result<()> {
    let (_, told) = behind_a_queue(Queue::Kept)?;
    assert_eq!(told, None);
    Ok(())
}
