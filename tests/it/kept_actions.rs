//! E24, E34: what an operator was told is done is in force after a kill and a loss of power, or the answer says that it may not be.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;

use super::way::of;

const SOON: Duration = Duration::from_secs(30);
const TOPIC: &str = "board/actions";
const BED: &str = "kept-1";

/// What the clinician's file says for one patient.
const OVERRIDE: &str = r#"
[[override]]
bed = "kept-1"
stay = "s-1"
reason = "COPD"
by = "dr-17"
spo2.low = { limit = 85, extreme = 77 }
"#;

/// A quiet bed, and a board beside it that may do anything without Kafka.
struct Scene {
    kafka: &'static Kafka,
    broker: Mosquitto,
    site: Site,
}

impl Scene {
    fn new(name: &str) -> Result<Self> {
        let (kafka, broker) = (Kafka::shared()?, Mosquitto::start()?);
        let actions = format!(
            "[actions]\nfrom_kafka = false\nfrom_local_mqtt = [\"admit\", \"discharge\", \"limits\", \"observe\"]\nmqtt = \"ward\"\ntopic = \"{TOPIC}\"\n"
        );
        let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port()).beds([BED]).ward();
        Ok(Self { kafka, broker, site: site.toml(&actions).alarms_toml(OVERRIDE) })
    }

    /// The bed's newest state that `is` as wanted.
    fn bed(&self, what: &str, is: impl Fn(&Record) -> bool) -> Result<Record> {
        let beds = Reader::open(self.kafka, "vitals.beds.v1")?;
        beds.wait_for(what, SOON, |it| it.key == BED && of(it, &self.site) && is(it))
    }

    /// Asks for something, and gives the answer the moment it is heard.
    fn ask(&self, id: &str, seen: &Record, action: Value) -> Result<Value> {
        let answers = Listener::start(self.broker.port(), &format!("{TOPIC}/replies"))?;
        let mut asked = json!({"type": "action", "schema": "vitals.actions.v1", "id": id, "bed": BED, "seen_run": seen.text("run"),
            "seen_up_ms": seen.number("up_ms"), "actor": "a-board", "role": "nurse", "reason": "asked by a test"});
        let (Value::Object(action), Some(fields)) = (action, asked.as_object_mut()) else {
            unreachable!("an action is an object")
        };
        fields.extend(action);
        publish_one(self.broker.port(), TOPIC, asked.to_string(), false)?;
        let heard = answers.wait_for(&format!("the answer to {id}"), SOON, |it| it.payload.contains(id))?;
        serde_json::from_str(&heard.payload).context("an answer that is no JSON")
    }

    /// Kills the agent this very moment; with the power, what lies in memory is gone too.
    fn kill(&self, agent: Agent, power: bool) -> Result<()> {
        agent.signal(Signal::KILL)?;
        agent.kill()?;
        if power {
            fs::remove_dir_all(self.site.run_dir())?;
        }
        Ok(())
    }
}

/// The limit of SpO₂ that an operator set.
fn limit(bed: &Record) -> Option<u64> {
    let limits = bed.body["limits"].as_array()?;
    limits.iter().find(|it| it["rule"] == "spo2_low" && it["changed"] == true)?["limit"].as_u64()
}

/// None of these makes an alarm record that could have carried it to the disk.
#[test]
fn what_is_answered_as_done_is_in_force_after_a_loss_of_power() -> Result<()> {
    let scene = Scene::new("kept-power")?;
    let agent = Agent::start(&scene.site)?;
    let bed = scene.bed("the bed", |_| true)?;
    let admitted = scene.ask("admit-1", &bed, json!({"action": "admit", "stay": "s-1"}))?;
    let limits = json!({"action": "limits", "rule": "spo2_low", "limit": 86, "extreme": 78});
    let changed = scene.ask("limits-1", &bed, limits)?;
    scene.kill(agent, true)?;
    assert_eq!((&admitted["outcome"], &changed["outcome"]), (&json!("accepted"), &json!("accepted")));

    let agent = Agent::start(&scene.site)?;
    let is = |it: &Record| it.text("run") != bed.text("run");
    let now = scene.bed("the bed of the next run", is)?;
    assert_eq!((now.text("stay"), limit(&now)), ("s-1", Some(86)), "{:?}", now.body);
    assert_eq!((&admitted["durable"], &changed["durable"]), (&json!(true), &json!(true)));
    ensure!(now.body["stay_rules"] == true, "{:?}", now.body);
    // The answers are remembered too: the same words a second time do nothing.
    let again = scene.ask("limits-1", &now, json!({"action": "limits", "rule": "spo2_low", "limit": 88}))?;
    assert_eq!((&again["outcome"], &again["durable"]), (&json!("duplicate"), &json!(true)), "{again}");
    // A stay that is over at the next loss of power is over, with its limits.
    let answer = scene.ask("discharge-1", &now, json!({"action": "discharge"}))?;
    assert_eq!((&answer["outcome"], &answer["durable"]), (&json!("accepted"), &json!(true)), "{answer}");
    scene.kill(agent, true)?;
    let _agent = Agent::start(&scene.site)?;
    let last = scene.bed("the bed of the last run", |it| {
        it.text("run") != bed.text("run") && it.text("run") != now.text("run")
    })?;
    assert_eq!((last.text("stay"), limit(&last)), ("", None), "{:?}", last.body);
    ensure!(last.body["inactive"][0]["what"] == "standby", "{:?}", last.body);
    ensure!(last.body["stay_rules"] == false, "{:?}", last.body);
    Ok(())
}

/// Without a disk it is done all the same, the answer says what is not so, and a kill alone loses nothing.
#[test]
fn without_a_disk_the_answer_says_that_it_is_not_kept() -> Result<()> {
    let scene = Scene::new("kept-no-disk")?;
    fs::write(scene.site.state_dir(), "not a directory")?;
    let agent = Agent::start(&scene.site)?;
    let bed = scene.bed("the bed", |_| true)?;
    let answer = scene.ask("admit-1", &bed, json!({"action": "admit", "stay": "s-2"}))?;
    assert_eq!((&answer["outcome"], &answer["durable"]), (&json!("accepted"), &json!(false)), "{answer}");
    let admitted = scene.bed("the stay in force", |it| it.text("stay") == "s-2")?;
    assert_eq!(admitted.text("run"), bed.text("run"));
    scene.kill(agent, false)?;
    let _agent = Agent::start(&scene.site)?;
    let now = scene.bed("the bed of the next run", |it| it.text("run") != bed.text("run"))?;
    assert_eq!(now.text("stay"), "s-2", "{:?}", now.body);
    Ok(())
}
