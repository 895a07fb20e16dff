//! Moving to another Kafka cluster: noticed, refused with words, and done when a person says so.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);
const BED: &str = "moved-1";
const OTHER: &str = "AAAAAAAAAAAAAAAAAAAAAg";
const REFUSED: &str = "Kafka is another cluster";

/// One ward whose agent is moved between two clusters.
struct Move {
    old: Kafka,
    new: Kafka,
    broker: Mosquitto,
    site: Site,
}

impl Move {
    fn new(name: &str) -> Result<Self> {
        let (old, new) = (Kafka::start()?, Kafka::start_as(OTHER)?);
        let broker = Mosquitto::start()?;
        let site =
            Site::new(name)?.mqtt(broker.port()).beds([BED]).ward().mqtt_annunciator().alarms_at_once();
        let site = site.kafka(&old.bootstrap());
        Ok(Self { old, new, broker, site })
    }

    fn publish(&self, patient: Patient, seq: u64) -> Result<()> {
        publish_one(self.broker.port(), &format!("ward/{BED}"), patient.payload(seq), false)
    }

    fn arrives(&self, kafka: &Kafka, seq: u64) -> Result<()> {
        let readings = Reader::open(kafka, "vitals.readings.v1")?;
        let is = |it: &_| of(it, &self.site) && it.number("device_seq") == Some(seq);
        readings.wait_for(&format!("reading {seq}"), SOON, is).map(drop)
    }

    /// Lets the old cluster take a first reading, and stops the agent.
    fn begin(&self) -> Result<()> {
        let agent = Agent::start(&self.site)?;
        self.publish(Patient::Stable, 1)?;
        self.arrives(&self.old, 1)?;
        let stopped = agent.stop(SOON)?;
        ensure!(stopped.success(), "{stopped}");
        Ok(())
    }

    /// The new cluster under `brokers`, and these further lines of `[kafka]`.
    fn turn_to(self, lines: &str, new: bool) -> Self {
        let kafka = if new { &self.new } else { &self.old };
        let lines = format!("brokers = [\"{}\"]\nsecurity = \"plaintext\"\n{lines}", kafka.bootstrap());
        Self { site: self.site.kafka_toml(&lines), ..self }
    }

    /// The sum that the station proves of the agent from this Kafka alone.
    fn prove(&self, kafka: &Kafka) -> Result<String> {
        let mut station = Command::new(program::ours("wardline-station")?);
        station.args(["completeness", "--brokers", &kafka.bootstrap()]);
        let output = station.output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said.lines().find(|it| it.starts_with(&format!("{}: ", self.site.agent())));
        Ok(line.with_context(|| format!("nothing of the agent: {said}"))?.to_owned())
    }
}

/// P2: cursors of two clusters are not mixed. Alarms reach both the bedside and the new cluster's stations meanwhile.
#[test]
fn another_cluster_gets_no_reading_until_a_person_names_it() -> Result<()> {
    let it = Move::new("other-cluster")?;
    it.begin()?;
    let it = it.turn_to("", true);
    let agent = Agent::start(&it.site)?;
    let refused = |agent: &Agent, times: usize| {
        wait::until("the refusal in the log", SOON, || {
            Ok((agent.log().matches(REFUSED).count() >= times).then_some(()))
        })
    };
    refused(&agent, 1).with_context(|| agent.log())?;
    ensure!(agent.log().contains(&format!("cluster_id = \"{}\"", it.new.cluster_id())), "{}", agent.log());
    let alarms = Reader::open(&it.new, "vitals.alarms.v1")?;
    let is = |record: &Record, site: &Site| of(record, site) && record.text("code") == "spo2_low";
    let mut last = 1;
    // Until it is heard: what comes before the broker's backlog is caught up with is history.
    wait::until("the alarm in the new cluster", SOON, || {
        last += 1;
        it.publish(Patient::Desaturated, last)?;
        Ok(alarms.wait_for("", Duration::from_millis(500), |record| is(record, &it.site)).ok().map(drop))
    })?;
    let own = |it: &Record, site: &Site| of(it, site) && it.text("code") == "kafka_cluster_changed";
    let told = Reader::open(&it.new, "vitals.alarms.v1")?;
    let start = told.wait_for("the alarm that says so", SOON, |record| own(record, &it.site))?;
    assert_eq!((start.text("bed"), start.text("cause")), (it.site.agent(), "other_cluster"));
    // It is kept over a restart that nobody has confirmed it.
    agent.kill()?;
    let agent = Agent::start(&it.site)?;
    refused(&agent, 2).with_context(|| agent.log())?;
    let (_, status) = agent.ask("/status.json")?;
    ensure!(status.contains("\"standing\":\"other_cluster\"") && status.contains(OTHER), "{status}");
    let readings = Reader::open(&it.new, "vitals.readings.v1")?.rest(Duration::from_secs(3))?;
    ensure!(readings.is_empty(), "the other cluster got readings: {readings:?}");
    agent.stop(SOON)?;

    let it = it.turn_to(&format!("cluster_id = \"{OTHER}\""), true);
    let agent = Agent::start(&it.site)?;
    it.arrives(&it.new, 2)?;
    it.arrives(&it.new, last)?;
    told.wait_for("its end", SOON, |record| own(record, &it.site) && record.text("phase") == "end")?;
    let proof = it.prove(&it.new)?;
    let all = format!(": complete: {} readings in Kafka, 1 in gaps", last - 1);
    ensure!(proof.contains(&all), "{proof}\n{}", agent.log());
    agent.stop(SOON)?;

    // What the configuration once confirmed is kept: the key may go, and the old cluster is now the other one.
    let it = it.turn_to("", true);
    let agent = Agent::start(&it.site)?;
    it.publish(Patient::Stable, last + 1)?;
    it.arrives(&it.new, last + 1)?;
    agent.stop(SOON)?;
    let it = it.turn_to("", false);
    let agent = Agent::start(&it.site)?;
    refused(&agent, 3).with_context(|| agent.log())?;
    agent.stop(SOON).map(drop)
}

/// The control of the test above: without the note of where readings have gone, the other cluster gets them at once.
#[test]
fn without_the_note_the_other_cluster_is_not_noticed() -> Result<()> {
    let it = Move::new("no-note")?;
    it.begin()?;
    let note = it.site.state_dir().join("kafka-cluster");
    ensure!(fs::read_to_string(&note)?.trim() == it.old.cluster_id(), "the note is not what was sent to");
    fs::remove_file(&note)?;
    let it = it.turn_to("", true);
    let agent = Agent::start(&it.site)?;
    it.publish(Patient::Stable, 2)?;
    it.arrives(&it.new, 2)?;
    ensure!(!agent.log().contains(REFUSED), "{}", agent.log());
    agent.stop(SOON).map(drop)
}
