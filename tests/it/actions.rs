//! Operators act on alarms: by the station's commands, by Kafka while the agent is away, and by a local MQTT topic.

use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

use super::way::of;

const SOON: Duration = Duration::from_secs(30);
const TOPIC: &str = "vitals.actions.v1";

/// An agent whose one bed has an alarm that is on.
struct Scene {
    kafka: &'static Kafka,
    broker: Mosquitto,
    site: Site,
    bed: String,
}

impl Scene {
    fn new(name: &str, actions: &str) -> Result<Self> {
        let kafka = Kafka::shared()?;
        let broker = Mosquitto::start()?;
        let bed = format!("{name}-1");
        let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port());
        let site = site.beds([bed.as_str()]).ward().mqtt_annunciator().alarms_at_once().toml(actions);
        Ok(Self { kafka, broker, site, bed })
    }

    /// Raises the alarm; gives the bed's record that shows it.
    fn alarm(&self) -> Result<Record> {
        let lamp = Listener::start(self.broker.port(), "alarms/#")?;
        let mut seq = 0;
        // Until it is heard: what is published before the agent has subscribed, a broker without its session forgets.
        wait::until("the alarm at the bedside", SOON, || {
            seq += 1;
            self.measure(seq)?;
            let heard = lamp.wait_for("", Duration::from_millis(500), |it| it.payload.contains("spo2_low"));
            Ok(heard.ok().map(drop))
        })?;
        let beds = Reader::open(self.kafka, "vitals.beds.v1")?;
        beds.wait_for("the bed with its alarm", SOON, |it| of(it, &self.site) && !open(it).is_empty())
    }

    /// The patient's low value once more: one that is old makes the alarm indeterminate, and that may be reset.
    fn measure(&self, seq: u64) -> Result<()> {
        let topic = format!("ward/{}", self.bed);
        publish_one(self.broker.port(), &topic, Patient::Desaturated.payload(seq), false)
    }

    fn station(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(program::ours("wardline-station")?);
        command.args(arguments).args([
            "--brokers",
            &self.kafka.bootstrap(),
            "--bed",
            &self.bed,
            "--by",
            "anna",
        ]);
        Ok(command.output()?)
    }

    /// Places an action as any program may: what a screen showed of `bed`, with some fields changed; null takes one out.
    fn place(&self, bed: &Record, id: &str, changes: Value) -> Result<()> {
        let action = self.action(bed, id, changes).to_string();
        let producer: BaseProducer = self.kafka.client().create()?;
        let sent = producer.send(BaseRecord::to(TOPIC).key(&self.bed).payload(&action));
        sent.map_err(|(error, _)| error)?;
        Ok(producer.flush(SOON)?)
    }

    fn action(&self, bed: &Record, id: &str, changes: Value) -> Value {
        let mut action = json!({"type": "action", "schema": TOPIC, "id": id, "bed": self.bed, "action": "acknowledge",
            "alarm": open(bed).first().map(|it| it["id"].clone()), "seen_priority": "high", "seen_run": bed.text("run"),
            "seen_up_ms": bed.number("up_ms"), "actor": "a-board", "role": "nurse"});
        let Value::Object(changes) = changes else { unreachable!("changes are fields") };
        let fields = action.as_object_mut().unwrap();
        fields.extend(changes);
        fields.retain(|_, value| !value.is_null());
        action
    }

    fn reply(&self, to: &str) -> Result<(String, String)> {
        let replies = Reader::open(self.kafka, TOPIC)?;
        let reply = replies.wait_for(&format!("the reply to {to}"), SOON, |it| it.text("of") == to)?;
        Ok((reply.text("outcome").into(), reply.text("reason").into()))
    }

    fn signal(&self, signal: &str) -> Result<Record> {
        let alarms = Reader::open(self.kafka, "vitals.alarms.v1")?;
        alarms.wait_for(&format!("the alarm {signal}"), SOON, |it| {
            of(it, &self.site) && it.text("signal") == signal
        })
    }
}

fn open(bed: &Record) -> &[Value] {
    bed.body["alarms"].as_array().map_or(&[], Vec::as_slice)
}

fn spo2_low(bed: &Record) -> Option<&Value> {
    open(bed).iter().find(|it| it["code"] == "spo2_low")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_nurse_acknowledges_from_a_shell_and_hears_what_became_of_it() -> Result<()> {
    let scene = Scene::new("act-shell", "")?;
    let _agent = Agent::start(&scene.site)?;
    scene.alarm()?;
    let done = scene.station(&["ack"])?;
    ensure!(done.status.success() && said(&done).contains("done"), "{}", said(&done));
    ensure!(said(&done).contains("bedside monitors remain primary"), "{}", said(&done));
    let alarm = scene.signal("acknowledged")?;
    assert_eq!((alarm.text("phase"), alarm.text("acknowledged_by")), ("update", "anna"));

    let again = wait::until("the station to see it acknowledged", SOON, || {
        let again = scene.station(&["ack"])?;
        Ok((again.status.code() == Some(65)).then_some(again))
    })?;
    ensure!(said(&again).contains("has no alarm that is on"), "{}", said(&again));
    // Nobody on standard error but who has something to say to the nurse.
    ensure!(
        said(&done).lines().all(|it| !it.contains("librdkafka") && !it.contains("INFO")),
        "{}",
        said(&done)
    );
    scene.measure(1_000)?;
    let refused = scene.station(&["reset"])?;
    ensure!(refused.status.code() == Some(65), "a present alarm was reset: {}", said(&refused));
    ensure!(said(&refused).contains("it can be acknowledged, not reset"), "{}", said(&refused));
    // A silent source would be an alarm of its own.
    scene.measure(1_001)?;
    let paused = scene.station(&["pause", "--for", "2m"])?;
    ensure!(paused.status.code() == Some(65), "an acknowledged alarm makes no sound: {}", said(&paused));
    let off = scene.station(&["off", "--rule", "spo2_low", "--for", "10m", "--reason", "probe is moved"])?;
    ensure!(off.status.success(), "{}", said(&off));
    // Whoever starts late sees what is off, until when, and who wanted it.
    let beds = Reader::open(scene.kafka, "vitals.beds.v1")?;
    let is = |it: &Record| it.key == scene.bed && it.body["inactive"].is_array();
    let inactive = beds.wait_for("what is inactive at the bed", SOON, is)?.body["inactive"][0].clone();
    assert_eq!((inactive["what"].as_str(), inactive["rule"].as_str()), (Some("alarm_off"), Some("spo2_low")));
    assert_eq!(
        (inactive["by"].as_str(), inactive["reason"].as_str()),
        (Some("anna"), Some("probe is moved"))
    );
    ensure!(inactive["left_ms"].as_u64().is_some_and(|it| (500_000..=600_000).contains(&it)), "{inactive}");
    let nobody = Command::new(program::ours("wardline-station")?)
        .args(["ack", "--brokers", &scene.kafka.bootstrap(), "--bed", "no-such-bed", "--by", "anna"])
        .output()?;
    ensure!(
        nobody.status.code() == Some(69) && said(&nobody).contains("is that its id"),
        "{}",
        said(&nobody)
    );
    Ok(())
}

#[test]
fn every_action_is_answered_once_decided_and_never_twice() -> Result<()> {
    let scene = Scene::new("act-kafka", "")?;
    let agent = Agent::start(&scene.site)?;
    let bed = scene.alarm()?;
    let id = |name: &str| format!("{}/{name}", scene.site.agent());
    scene.place(&bed, &id("old"), json!({"seen_run": "00000000-1"}))?;
    assert_eq!(scene.reply(&id("old"))?, ("refused".into(), "stale".into()), "a screen of another boot");
    scene.place(&bed, &id("odd"), json!({"alarm": null}))?;
    assert_eq!(scene.reply(&id("odd"))?, ("refused".into(), "not_understood".into()));
    scene.place(&bed, &id("low"), json!({"seen_priority": "low"}))?;
    assert_eq!(scene.reply(&id("low"))?, ("refused".into(), "changed".into()), "it is more urgent than that");
    scene.place(&bed, &id("ack"), json!({}))?;
    assert_eq!(scene.reply(&id("ack"))?, ("accepted".into(), String::new()));

    // Placed while nobody was there: answered by the next run. What the first run answered is not asked again.
    agent.kill()?;
    scene.place(&bed, &id("away"), json!({"action": "reset"}))?;
    let _agent = Agent::start(&scene.site)?;
    scene.reply(&id("away"))?;
    scene.place(&bed, &id("ack"), json!({}))?;
    let replies = Reader::open(scene.kafka, TOPIC)?;
    let mut outcomes = Vec::new();
    replies.wait_for("the same action a second time", SOON, |it| {
        it.text("of") == id("ack") && it.text("outcome") == "duplicate"
    })?;
    let replies = Reader::open(scene.kafka, TOPIC)?;
    for it in replies.rest(Duration::from_millis(500))?.iter().filter(|it| it.text("of") == id("ack")) {
        outcomes.push(it.text("outcome").to_owned());
    }
    assert_eq!(outcomes, ["accepted", "duplicate"]);
    Ok(())
}

#[test]
fn from_the_local_topic_only_what_is_allowed_is_done() -> Result<()> {
    let topic = "board/actions";
    let actions = format!(
        "[actions]\nfrom_kafka = false\nfrom_local_mqtt = [\"acknowledge\"]\nmqtt = \"ward\"\ntopic = \"{topic}\"\n"
    );
    let scene = Scene::new("act-local", &actions)?;
    let _agent = Agent::start(&scene.site)?;
    let bed = scene.alarm()?;
    let answers = Listener::start(scene.broker.port(), &format!("{topic}/replies"))?;
    let ask = |id: &str, changes: Value, retain| {
        publish_one(scene.broker.port(), topic, scene.action(&bed, id, changes).to_string(), retain)
    };
    let outcome = |id: &str| -> Result<(String, String)> {
        let heard = answers.wait_for(&format!("the reply to {id}"), SOON, |it| it.payload.contains(id))?;
        let reply: Value = serde_json::from_str(&heard.payload).context("a reply that is no JSON")?;
        let text = |field: &str| reply[field].as_str().unwrap_or_default().to_owned();
        Ok((text("outcome"), text("reason")))
    };
    ask("reset-1", json!({"action": "reset"}), false)?;
    assert_eq!(outcome("reset-1")?, ("refused".into(), "not_from_here".into()));
    ask("ack-1", json!({}), false)?;
    assert_eq!(outcome("ack-1")?, ("accepted".into(), String::new()));
    // The same words in Kafka are not heard here: nothing of it was configured.
    scene.place(&bed, "kafka-1", json!({"action": "reset"}))?;
    // Nor is what lies on the topic, from whenever it may be: a new listener of the agent's would find it.
    ask("kept-1", json!({}), true)?;
    ask("ack-2", json!({}), false)?;
    assert_eq!(outcome("ack-2")?.0, "accepted");
    let replies = Reader::open(scene.kafka, TOPIC)?.rest(Duration::from_millis(500))?;
    ensure!(!replies.iter().any(|it| it.text("of") == "kafka-1"), "Kafka was heard without being configured");
    Ok(())
}

/// A new patient who was admitted while the agent was away is not judged by the limits of the one before.
#[test]
fn limits_of_a_stay_end_with_it_though_nobody_was_there() -> Result<()> {
    let scene = Scene::new("act-away", "")?;
    let agent = Agent::start(&scene.site)?;
    let bed = scene.alarm()?;
    let no_alarm = json!({"alarm": null, "seen_priority": null});
    let with = |changes: Value| {
        let mut all = no_alarm.clone();
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        all
    };
    scene.place(&bed, "away-1", with(json!({"action": "admit", "stay": "s-1"})))?;
    ensure!(scene.reply("away-1")?.0 == "accepted");
    let limits =
        json!({"action": "limits", "rule": "spo2_low", "limit": 80, "stay": "s-1", "reason": "COPD"});
    scene.place(&bed, "away-2", with(limits))?;
    ensure!(scene.reply("away-2")?.0 == "accepted");
    agent.kill()?;
    scene.place(&bed, "away-3", with(json!({"action": "discharge", "stay": "s-1", "reason": "home"})))?;
    scene.place(&bed, "away-4", with(json!({"action": "admit", "stay": "s-2"})))?;
    let _agent = Agent::start(&scene.site)?;
    ensure!(scene.reply("away-3")?.0 == "accepted");
    ensure!(scene.reply("away-4")?.0 == "accepted");
    let beds = Reader::open(scene.kafka, "vitals.beds.v1")?;
    let next = |it: &Record| of(it, &scene.site) && it.text("stay") == "s-2";
    let now = beds.wait_for("the bed of the next stay", SOON, next)?;
    ensure!(now.body["limits"][0]["changed"].is_null(), "limits of another stay: {:?}", now.body);
    // 82 is no alarm for whom 80 was meant, and is one for the next.
    publish_one(scene.broker.port(), &format!("ward/{}", scene.bed), Patient::Desaturated.payload(3), false)?;
    let alarms = Reader::open(scene.kafka, "vitals.alarms.v1")?;
    alarms.wait_for("the alarm of the next stay", SOON, |it| {
        of(it, &scene.site) && it.text("stay") == "s-2" && it.text("code") == "spo2_low"
    })?;
    Ok(())
}

#[test]
fn who_is_admitted_stands_in_every_record_from_then_on() -> Result<()> {
    let scene = Scene::new("act-admit", "")?;
    let _agent = Agent::start(&scene.site)?;
    let bed = scene.alarm()?;
    let admit = json!({"action": "admit", "stay": "s-4711", "alarm": null, "seen_priority": null});
    scene.place(&bed, "admit-1", admit)?;
    ensure!(scene.reply("admit-1")?.0 == "accepted");
    publish_one(scene.broker.port(), &format!("ward/{}", scene.bed), Patient::Desaturated.payload(2), false)?;
    for topic in ["vitals.readings.v1", "vitals.alarms.v1"] {
        let records = Reader::open(scene.kafka, topic)?;
        let is = |it: &Record| of(it, &scene.site) && it.text("stay") == "s-4711";
        let record = records.wait_for(&format!("{topic} of the stay"), SOON, is)?;
        ensure!(record.text("association") == "confirmed", "{}", record.body);
    }
    Ok(())
}

#[test]
fn a_patient_goes_to_another_bed_and_who_comes_next_inherits_nothing() -> Result<()> {
    const NEW: &str = "act-transfer-2";
    let scene = Scene::new("act-transfer", &format!("[[bed]]\nid = \"{NEW}\"\n"))?;
    let _agent = Agent::start(&scene.site)?;
    scene.alarm()?;
    let at = |bed: &str, arguments: &[&str]| -> Result<Output> {
        let mut command = Command::new(program::ours("wardline-station")?);
        command.args(arguments).args(["--brokers", &scene.kafka.bootstrap(), "--by", "anna", "--bed", bed]);
        Ok(command.output()?)
    };
    // Whoever gets no answer on a busy machine asks again, as a person would.
    let done = |bed: &str, arguments: &[&str]| {
        wait::until(&arguments.join(" "), SOON, || {
            let output = at(bed, arguments)?;
            ensure!(matches!(output.status.code(), Some(0 | 69)), "{arguments:?}: {}", said(&output));
            Ok((output.status.code() == Some(0)).then(|| said(&output)))
        })
    };
    let beds = Reader::open(scene.kafka, "vitals.beds.v1")?;
    let shown = |what: &str, bed: &str, is: &dyn Fn(&Record) -> bool| {
        beds.wait_for(what, SOON, |it| of(it, &scene.site) && it.key == bed && is(it))
    };
    let nobody = at(&scene.bed, &["transfer", "--to", NEW])?;
    ensure!(
        nobody.status.code() == Some(65) && said(&nobody).contains("nobody is admitted"),
        "{}",
        said(&nobody)
    );
    done(&scene.bed, &["admit", "--stay", "s-1"])?;
    publish_one(scene.broker.port(), &format!("ward/{}", scene.bed), Patient::Desaturated.payload(2), false)?;
    shown("his alarm", &scene.bed, &|it| it.text("stay") == "s-1" && spo2_low(it).is_some())?;
    done(&scene.bed, &["limit", "--rule", "spo2_low", "--limit", "88", "--reason", "COPD"])?;
    let changed = |it: &Record| it.body["limits"][0]["changed"] == true;
    let before = shown("the changed limit", &scene.bed, &changed)?;
    let alarm = spo2_low(&before).context("82 is below 88")?;

    let gone = done(&scene.bed, &["transfer", "--to", NEW])?;
    ensure!(gone.matches(": done").count() == 2 && gone.contains("spo2_low was changed to 88"), "{gone}");
    shown("the patient in the new bed", NEW, &|it| it.text("stay") == "s-1" && !changed(it))?;
    let old = shown("the old bed without him", &scene.bed, &|it| it.text("stay").is_empty())?;
    assert_eq!(old.body["inactive"][0]["what"], json!("standby"), "{}", old.body);
    ensure!(!changed(&old) && spo2_low(&old).is_none(), "{}", old.body);
    let alarms = Reader::open(scene.kafka, "vitals.alarms.v1")?;
    let reset = |it: &Record| it.body["id"] == alarm["id"] && it.text("phase") == "reset";
    alarms.wait_for("the reset of the old bed's alarm", SOON, reset)?;

    done(&scene.bed, &["admit", "--stay", "s-2"])?;
    let next = shown("who comes next", &scene.bed, &|it| it.text("stay") == "s-2")?;
    ensure!(!changed(&next) && next.body.get("inactive").is_none(), "{}", next.body);
    let occupied = at(NEW, &["transfer", "--to", &scene.bed])?;
    ensure!(
        occupied.status.code() == Some(65) && said(&occupied).contains("another patient is in"),
        "{}",
        said(&occupied)
    );
    Ok(())
}
