//! P2: whatever dies, and whenever, a reader of what is committed sees each record once and in order.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use wardline_sim::random::Random;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::length;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::reader::Reader;
use wardline_tests::seed;
use wardline_tests::site::Site;
use wardline_tests::tally::{Tally, Verdict};
use wardline_tests::{program, wait};

use crate::way::of;

const READINGS: &str = "vitals.readings.v1";
const RATE: u32 = 1000;
/// After this long without one new message the rest is missing: an abandoned transaction ends after ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(40);

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The agent dies.
    AgentKilled,
    /// The agent stands still: longer than a commit, shorter than a transaction.
    AgentFrozen(Duration),
    /// Kafka dies, is away, and comes back.
    KafkaKilled(Duration),
    /// Kafka stands still with every connection open: a commit becomes slow, or ends in doubt.
    KafkaFrozen(Duration),
    /// Kafka is away until much waits; the agent dies so long after the first of it lies in Kafka again.
    AgentKilledWhileDraining(Duration),
}

impl Fault {
    fn any(random: &mut Random) -> Self {
        match random.unit() {
            it if it < 0.3 => Self::AgentKilled,
            it if it < 0.4 => Self::AgentFrozen(seed::time(random, 200.0, 4000.0)),
            it if it < 0.55 => Self::KafkaKilled(seed::time(random, 0.0, 3000.0)),
            it if it < 0.75 => Self::KafkaFrozen(seed::time(random, 500.0, 13_000.0)),
            _ => Self::AgentKilledWhileDraining(seed::time(random, 0.0, 300.0)),
        }
    }
}

/// A ward in trouble.
struct Ward {
    kafka: Kafka,
    broker: Mosquitto,
    site: Site,
    /// What the station says of the whole.
    proof: String,
}

impl Ward {
    fn start(name: &str, delivery: &str) -> Result<Self> {
        let (kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
        let site = Site::new(name)?.kafka_toml(&format!(
            "brokers = [\"{}\"]\nsecurity = \"plaintext\"\ndelivery = \"{delivery}\"\nanswer_timeout = \"5s\"",
            kafka.bootstrap()
        ));
        let site = site.mqtt(broker.port()).beds(beds().iter().map(String::as_str)).ward();
        Ok(Self { kafka, broker, site, proof: String::new() })
    }

    /// What a consumer alone can tell, by the station.
    fn prove(&self) -> Result<String> {
        let mut station = Command::new(program::ours("wardline-station")?);
        station.args(["completeness", "--brokers", &self.kafka.bootstrap()]);
        let output = station.output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = if said.contains("NOT COMPLETE") { 65 } else { 0 };
        ensure!(
            output.status.code() == Some(code),
            "{}: {said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(said)
    }

    fn suffer(&mut self, agent: Agent, fault: Fault) -> Result<Agent> {
        match fault {
            Fault::AgentKilled => {
                agent.kill()?;
                Agent::start(&self.site)
            }
            Fault::AgentFrozen(time) => {
                agent.signal(Signal::STOP)?;
                thread::sleep(time);
                agent.signal(Signal::CONT)?;
                Ok(agent)
            }
            Fault::KafkaKilled(away) => {
                self.kafka.kill();
                thread::sleep(away);
                self.kafka.restart()?;
                Ok(agent)
            }
            Fault::KafkaFrozen(time) => {
                self.kafka.freeze()?;
                thread::sleep(time);
                self.kafka.thaw()?;
                Ok(agent)
            }
            Fault::AgentKilledWhileDraining(after) => {
                self.kafka.kill();
                thread::sleep(Duration::from_secs(3));
                self.kafka.restart()?;
                Reader::open_uncommitted_at_end(&self.kafka, READINGS)?.wait_for(
                    "the drain",
                    SOON,
                    |_| true,
                )?;
                thread::sleep(after);
                agent.kill()?;
                Agent::start(&self.site)
            }
        }
    }

    /// Publishes without a pause while one fault follows the other, and counts what Kafka has at the end.
    fn live_through(&mut self, faults: &[Fault], random: &mut Random) -> Result<Verdict> {
        let load =
            |count| Load { beds: beds(), count, rate: Some(RATE), first_seq: 1, patient: Patient::Stable };
        let mut agent = Agent::start(&self.site)?;
        // More than the faults will take; the rest is never published.
        let publisher = Publisher::start(self.broker.port(), load(faults.len() as u64 * 60_000));
        for fault in faults {
            thread::sleep(seed::time(random, 300.0, 2500.0));
            println!("{fault:?}");
            agent = self.suffer(agent, *fault)?;
        }
        thread::sleep(Duration::from_secs(2));
        let load = load(publisher.stop()?);
        let reader = Reader::open(&self.kafka, READINGS)?;
        let verdict = Tally::default().read(&reader, &load, PATIENCE)?;
        println!("{} messages, {} faults: {verdict}", load.count, faults.len());
        self.proof = self.prove()?;
        println!("{}", self.proof);
        agent.check_alive()?;
        ensure!(verdict.missing == 0, "{verdict}; the agent's log:\n{}", agent.log());
        Ok(verdict)
    }
}

fn beds() -> Vec<String> {
    (1..=16).map(|bed| format!("bed-{bed}")).collect()
}

/// P2, P3; F1, F11, F12, F13, F21.
#[test]
fn each_record_is_seen_once_and_in_order_whatever_dies() -> Result<()> {
    let mut random = seed::random("exactly once");
    let faults: Vec<_> = (0..length::pick(8, 200)).map(|_| Fault::any(&mut random)).collect();
    let mut ward = Ward::start("exactly-once", "exactly-once")?;
    let verdict = ward.live_through(&faults, &mut random)?;
    let wrong = (verdict.doubled_records, verdict.doubled_messages, verdict.disordered);
    assert_eq!(wrong, (0, 0, 0), "{verdict}");
    assert!(ward.proof.contains(&format!("{}: complete: ", ward.site.agent())), "{}", ward.proof);
    Ok(())
}

/// The control of the test above: with the cursor outside the transaction some record comes twice.
#[test]
fn without_transactions_the_same_faults_double_records() -> Result<()> {
    let mut random = seed::random("control");
    let mut ward = Ward::start("control", "at-least-once")?;
    let faults: Vec<_> =
        (0..4).map(|_| Fault::AgentKilledWhileDraining(seed::time(&mut random, 0.0, 30.0))).collect();
    let verdict = ward.live_through(&faults, &mut random)?;
    assert!(verdict.doubled_records > 0, "the test cannot tell once from twice: {verdict}");
    assert!(ward.proof.contains("NOT COMPLETE"), "{}", ward.proof);
    Ok(())
}

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
