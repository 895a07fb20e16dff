//! F16: three brokers of Kafka. The one that leads dies: everything comes once, in order, from those that are left. Two
//! die, so that no record has the second copy it needs: everything is kept and said, and comes once one is back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::Value;
use wardline_tests::agent::Agent;
use wardline_tests::cluster::{CONTROLLER, Cluster, FOLLOWER, LEADER};
use wardline_tests::listener::{Heard, Listener};
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher, publish_one};
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;
use wardline_tests::tally::{Tally, Verdict};
use wardline_tests::wait;

use crate::way::of;

const READINGS: &str = "vitals.readings.v1";
const ALARMS: &str = "vitals.alarms.v1";
const SOON: Duration = Duration::from_secs(60);
/// P8, and as much again for two cores with three brokers that are starting.
const AT_THE_BEDSIDE: Duration = Duration::from_secs(1);
/// Until a dead leader is noticed: three seconds in this cluster; then the agent asks who leads now.
const BEHIND_A_LEADER: Duration = Duration::from_secs(15);
const RATE: u32 = 100;

/// The agent of a site with two beds of readings and two for alarms, and what stands around it.
struct Ward {
    broker: Mosquitto,
    lamp: Listener,
    site: Site,
    agent: Agent,
}

impl Ward {
    fn start(cluster: &Cluster) -> Result<Self> {
        let broker = Mosquitto::start()?;
        let brokers = cluster.bootstrap().join("\", \"");
        let kafka = format!("brokers = [\"{brokers}\"]\nsecurity = \"plaintext\"");
        let beds = ["lead-1", "lead-2", "lead-3", "lead-4"];
        let site = Site::new("leaders")?.kafka_toml(&kafka).mqtt(broker.port()).beds(beds);
        let site = site.ward().mqtt_annunciator().alarms_at_once();
        let lamp = Listener::start(broker.port(), "alarms/#")?;
        let agent = Agent::start(&site)?;
        // What comes before it has subscribed the broker forgets.
        let mut seq = 0;
        wait::until("the subscription", SOON, || {
            seq += 1;
            publish_one(broker.port(), "ward/lead-3", Patient::Stable.payload(seq), false)?;
            Ok((agent.metric("wardline_readings_accepted_total")? > 0.0).then_some(()))
        })?;
        Ok(Self { broker, lamp, site, agent })
    }

    /// An alarm on a bed is at its lamp within its time, whatever Kafka does.
    fn alarm(&self, bed: &str, seq: u64) -> Result<()> {
        let begin = Instant::now();
        publish_one(self.broker.port(), &format!("ward/{bed}"), Patient::Desaturated.payload(seq), false)?;
        let heard =
            self.lamp.wait_for("the alarm at the bedside", SOON, |it| shows(it, bed, "spo2_low", true))?;
        let took = heard.at - begin;
        eprintln!("{bed}: at the bedside after {took:?}");
        ensure!(took < AT_THE_BEDSIDE, "{bed}: at the bedside after {took:?}:\n{}", self.agent.log());
        Ok(())
    }

    fn own_alarm(&self, code: &str, open: bool) -> Result<()> {
        let what = format!("{code} of the agent itself, open: {open}");
        let is = |it: &Heard| shows(it, self.site.agent(), code, open);
        self.lamp.wait_for(&what, SOON, is).map(drop).with_context(|| self.agent.log())
    }

    fn delivered(&self) -> Result<f64> {
        self.agent.metric("wardline_readings_delivered")
    }

    fn delivers(&self, within: Duration) -> Result<Duration> {
        let (begin, before) = (Instant::now(), self.delivered()?);
        let more = || Ok((self.delivered()? > before).then_some(()));
        wait::until("Kafka to take readings", within, more).with_context(|| self.agent.log())?;
        Ok(begin.elapsed())
    }
}

fn shows(heard: &Heard, bed: &str, code: &str, open: bool) -> bool {
    let message: Value = serde_json::from_str(&heard.payload).unwrap_or_default();
    let alarms = message["alarms"].as_array().map_or(&[][..], Vec::as_slice);
    heard.topic == format!("alarms/{bed}") && alarms.iter().any(|it| it["code"] == code) == open
}

/// What becomes now of a record whose producer wants so many copies of it, and asks once.
fn takes(cluster: &Cluster, acks: &str) -> Result<Result<(), KafkaError>> {
    let mut config = cluster.client();
    config.set("acks", acks).set("message.timeout.ms", "60000").set("retries", "0");
    let producer: FutureProducer = config.create()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let record: FutureRecord<'_, str, [u8]> = FutureRecord::to("vitals.latest.v1").key("nobody");
    Ok(runtime.block_on(producer.send(record, SOON)).map(drop).map_err(|(error, _)| error))
}

#[test]
fn a_dead_leader_and_too_few_copies_cost_nothing_and_are_said() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let ward = Ward::start(&cluster)?;
    let beds = vec!["lead-1".to_owned(), "lead-2".to_owned()];
    let mut load = Load { beds, count: 1 << 20, rate: Some(RATE), first_seq: 1, patient: Patient::Stable };
    let publisher = Publisher::start(ward.broker.port(), load.clone());
    ward.delivers(SOON)?;
    for topic in [READINGS, ALARMS] {
        cluster.wait_for(topic, LEADER, &[CONTROLLER, LEADER, FOLLOWER])?;
    }

    // The leader of every partition dies, in the midst of transactions.
    cluster.kill(LEADER)?;
    ward.alarm("lead-3", 1_000_000)?;
    let alarms = Reader::open_as(cluster.client(), ALARMS)?;
    let comes = |bed: &str, within: Duration| {
        let is = |it: &_| of(it, &ward.site) && it.text("bed") == bed;
        alarms.wait_for("the alarm", within, is).with_context(|| ward.agent.log())
    };
    let begin = Instant::now();
    comes("lead-3", BEHIND_A_LEADER)?;
    eprintln!("a dead leader: the alarm in Kafka after {:?}", begin.elapsed());
    cluster.wait_for(READINGS, FOLLOWER, &[CONTROLLER, FOLLOWER])?;
    eprintln!("a dead leader: readings go on after {:?}", ward.delivers(BEHIND_A_LEADER)?);

    // It is back, and leads again; then two of three die, and no record can have its second copy.
    cluster.restart(&[LEADER])?;
    cluster.wait_for(READINGS, LEADER, &[CONTROLLER, LEADER, FOLLOWER])?;
    ward.delivers(SOON)?;
    cluster.kill(LEADER)?;
    cluster.kill(FOLLOWER)?;
    cluster.wait_for(READINGS, CONTROLLER, &[CONTROLLER])?;
    // The control: the one that is left would take a record, from who does not ask for a second copy.
    let refused = takes(&cluster, "all")?;
    ensure!(
        matches!(refused, Err(KafkaError::MessageProduction(RDKafkaErrorCode::NotEnoughReplicas))),
        "with one broker of three: {refused:?}"
    );
    takes(&cluster, "1")??;
    let before = ward.delivered()?;
    ward.alarm("lead-4", 1)?;
    ward.own_alarm("forwarding_down", true)?;
    ensure!(ward.delivered()? <= before, "one broker alone has taken readings");
    cluster.restart(&[FOLLOWER])?;
    let back = Instant::now();
    ward.delivers(SOON)?;
    eprintln!("a second broker is back: readings go on after {:?}", back.elapsed());
    comes("lead-4", SOON)?;
    ward.own_alarm("forwarding_down", false)?;

    load.count = publisher.stop()?;
    let readings = Reader::open_as(cluster.client(), READINGS)?;
    let verdict = Tally::default().read(&readings, &load, SOON)?;
    println!("{} readings over a dead leader and too few copies: {verdict}", load.count);
    let Verdict { missing, doubled_records, doubled_messages, disordered, .. } = verdict;
    ensure!(missing + doubled_records + doubled_messages + disordered == 0, "{}", ward.agent.log());
    ward.agent.stop(SOON).map(drop)
}
