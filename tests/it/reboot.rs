//! P1, P6; E34: after a loss of power, another boot with an empty run directory, what the store kept is in force again:
//! pauses are gone, an acknowledgement does not hold, what was off is off for half an hour at most, and open alarms, stays
//! and limits are there.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::wait;

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);
const TOPIC: &str = "ward-actions";
const BOOT: &str = "WARDLINE_BOOT_ID";
const HALF_AN_HOUR: u64 = 30 * 60 * 1000;

/// What operators do at each bed before the power is gone.
const OPEN: &str = "reboot-open";
const ACKNOWLEDGED: &str = "reboot-acknowledged";
const SILENCED: &str = "reboot-silenced";
const PAUSED: &str = "reboot-paused";
const OFF: &str = "reboot-off";
const BEDS: [&str; 5] = [OPEN, ACKNOWLEDGED, SILENCED, PAUSED, OFF];

/// The beds before the power is gone, as who stands beside them hears and acts.
struct Bedside {
    broker: Mosquitto,
    heard: Listener,
}

impl Bedside {
    /// Publishes what a patient's device says until the bed has its alarm; gives the alarm as it was heard.
    fn alarm(&self, bed: &str) -> Result<Value> {
        let mut seq = 0;
        // What is published before the agent has subscribed, a broker without its session forgets.
        wait::until("the alarm at the bedside", SOON, || {
            seq += 1;
            self.measure(bed, seq)?;
            let topic = format!("alarms/{bed}");
            let is =
                |it: &wardline_tests::listener::Heard| it.topic == topic && it.payload.contains("spo2_low");
            let Ok(heard) = self.heard.wait_for("", Duration::from_millis(500), is) else { return Ok(None) };
            let heard: Value = serde_json::from_str(&heard.payload)?;
            Ok(Some(spo2_low(&heard).context("no alarm of SpO2")?.clone()))
        })
    }

    fn measure(&self, bed: &str, seq: u64) -> Result<()> {
        publish_one(self.broker.port(), &format!("ward/{bed}"), Patient::Desaturated.payload(seq), false)
    }

    /// Asks for something at a bed, as a screen that has just shown an alarm, and hears that it is done.
    fn act(&self, bed: &str, alarm: &Value, action: &str, fields: Value) -> Result<()> {
        let id = format!("{action}-{bed}");
        let mut asked = json!({"type": "action", "schema": "vitals.actions.v1", "id": id, "bed": bed, "action": action,
            "seen_run": alarm["run"], "seen_up_ms": alarm["up_ms"], "actor": "dr-17", "role": "physician"});
        let (Value::Object(fields), Some(all)) = (fields, asked.as_object_mut()) else {
            unreachable!("both are fields")
        };
        all.extend(fields);
        publish_one(self.broker.port(), TOPIC, asked.to_string(), false)?;
        let replies = format!("{TOPIC}/replies");
        let reply = self.heard.wait_for(&format!("the reply to {id}"), SOON, |it| {
            it.topic == replies && it.payload.contains(&id)
        })?;
        ensure!(reply.payload.contains("\"accepted\""), "{}", reply.payload);
        Ok(())
    }
}

/// The open alarm of a low SpO₂ in a bed's record or an annunciator's message.
fn spo2_low(bed: &Value) -> Option<&Value> {
    bed["alarms"].as_array()?.iter().find(|it| it["code"] == "spo2_low")
}

fn site(broker: u16) -> Result<Site> {
    let site = Site::new("reboot")?.mqtt(broker).beds(BEDS).ward().mqtt_annunciator().alarms_at_once();
    Ok(site.toml(&format!(
        "[actions]\nfrom_kafka = false\nmqtt = \"ward\"\ntopic = \"{TOPIC}\"\n\
         from_local_mqtt = [\"acknowledge\", \"audio_paused\", \"alarm_paused\", \"alarm_off\", \"admit\", \"limits\"]\n"
    )))
}

/// Everything that the agent has said is on its disk: Kafka is away.
fn wait_for_the_disk(agent: &Agent) -> Result<()> {
    wait::until("its records on the disk", SOON, || {
        let records = agent.metric("wardline_alarm_records")? + agent.metric("wardline_readings")?;
        Ok((agent.metric("wardline_buffer_records")? >= records).then_some(()))
    })
}

/// The state of each bed as the run after the loss tells it once `SpO2` has been taken up.
fn states(kafka: &Kafka, site: &Site, run: &str) -> Result<Vec<Record>> {
    let beds = Reader::open(kafka, "vitals.beds.v1")?;
    let mut newest = vec![None; BEDS.len()];
    beds.read_until(Instant::now() + SOON, |it| {
        let place =
            BEDS.iter().position(|bed| it.key == *bed && of(it, site) && it.text("run").starts_with(run));
        // A bed where nothing of it is open says so by what is off, or by nothing at all.
        let is_told = |it: &Record| matches!(it.text("bed"), PAUSED | OFF) || spo2_low(&it.body).is_some();
        if let Some(place) = place.filter(|_| is_told(it)) {
            newest[place] = Some(it.clone());
        }
        newest.iter().all(Option::is_some)
    })?;
    newest.into_iter().zip(BEDS).map(|(it, bed)| it.with_context(|| format!("no state of {bed}"))).collect()
}

#[test]
fn after_a_loss_of_power_the_alarms_are_there_and_the_silences_are_not() -> Result<()> {
    let broker = Mosquitto::start()?;
    let heard = Listener::start(broker.port(), "#")?;
    let bedside = Bedside { broker, heard };
    let site = site(bedside.broker.port())?.env(BOOT, "11111111-1111-4111-8111-111111111111");
    let agent = Agent::start(&site)?;
    let open = bedside.alarm(OPEN)?;
    bedside.act(ACKNOWLEDGED, &open, "admit", json!({"stay": "s-4711"}))?;
    let acknowledged = bedside.alarm(ACKNOWLEDGED)?;
    let seen = json!({"alarm": acknowledged["id"], "seen_priority": "medium", "stay": "s-4711"});
    bedside.act(ACKNOWLEDGED, &acknowledged, "acknowledge", seen)?;
    let silenced = bedside.alarm(SILENCED)?;
    bedside.act(SILENCED, &silenced, "audio_paused", json!({"duration_ms": 120_000}))?;
    let paused = bedside.alarm(PAUSED)?;
    bedside.act(PAUSED, &paused, "alarm_paused", json!({"duration_ms": 180_000}))?;
    let off = bedside.alarm(OFF)?;
    let shift = json!({"rule": "spo2_low", "duration_ms": 8 * 3_600_000, "reason": "probe is moved"});
    bedside.act(OFF, &off, "alarm_off", shift)?;
    // The record of this one is the last: what stands beside it is what the store knows of all the beds.
    bedside.act(OPEN, &off, "limits", json!({"rule": "spo2_low", "limit": 88, "reason": "COPD"}))?;
    wait_for_the_disk(&agent)?;
    agent.kill()?;

    // What is in memory is gone with the power: the run directory too.
    fs::remove_dir_all(site.run_dir())?;
    let kafka = Kafka::shared()?;
    let site = site.kafka(&kafka.bootstrap()).env(BOOT, "22222222-2222-4222-8222-222222222222");
    let _agent = Agent::start(&site)?;
    let states = states(kafka, &site, "22222222-")?;
    let alarm = |bed: usize| spo2_low(&states[bed].body).context("no alarm of SpO2");
    for (bed, before) in [(0, &open), (1, &acknowledged), (2, &silenced)] {
        let now = alarm(bed)?;
        assert_eq!(now["id"], before["id"], "the same alarm goes on");
        assert_eq!((&now["condition"], &now["signal"]), (&json!("indeterminate"), &json!("on")), "{now}");
        assert_eq!((&now["restarted"], &now["acknowledged_by"]), (&json!(true), &Value::Null), "{now}");
        assert!(now.get("inactivation").is_none_or(|it| it == "none"), "{now}");
    }
    assert_eq!(states[0].body["limits"], json!([{"rule": "spo2_low", "limit": 88, "changed": true}]));
    assert_eq!(states[1].body["limits"], json!([{"rule": "spo2_low", "limit": 90}]), "the file's");
    assert_eq!(states[1].text("stay"), "s-4711");
    for bed in [0, 1, 2, 3] {
        let state = &states[bed].body;
        assert!(state.get("inactive").is_none(), "a pause outlived the power: {state}");
    }
    let inactive = &states[4].body["inactive"][0];
    assert_eq!((&inactive["what"], &inactive["rule"]), (&json!("alarm_off"), &json!("spo2_low")));
    let left = inactive["left_ms"].as_u64().unwrap_or(u64::MAX);
    assert!((HALF_AN_HOUR - 60_000..=HALF_AN_HOUR).contains(&left), "it is off for {left} ms more");

    // That it makes a signal again stands in the history of the alarm.
    let alarms = Reader::open(kafka, "vitals.alarms.v1")?;
    let told = alarms.wait_for("the word that nobody has acknowledged it", SOON, |it| {
        of(it, &site) && it.body["id"] == acknowledged["id"] && it.body["restarted"] == true
    })?;
    assert_eq!((told.text("phase"), told.text("signal")), ("update", "on"));
    // A word of the patient, and it is present again: under its own name.
    bedside.measure(OPEN, 1_000)?;
    let again = alarms.wait_for("the alarm with a value", SOON, |it| {
        of(it, &site)
            && it.text("bed") == OPEN
            && it.text("condition") == "present"
            && it.text("run").starts_with("2222")
    })?;
    assert_eq!((&again.body["id"], &again.body["value"]), (&open["id"], &json!(82)));
    Ok(())
}
