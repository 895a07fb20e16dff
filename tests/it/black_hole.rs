//! F13: packets to and from an MQTT broker vanish, and nobody is told: it is noticed within ten seconds, on the way of
//! readings and on that of alarms, and all is as before soon after the way is back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use wardline_tests::agent::Agent;
use wardline_tests::listener::{Heard, Listener};
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::proxy::Proxy;
use wardline_tests::publisher::publish_one;
use wardline_tests::site::Site;
use wardline_tests::wait;

const SOON: Duration = Duration::from_secs(40);

/// F13, and a little for a machine that is busy with other tests.
const NOTICED_WITHIN: Duration = Duration::from_secs(11);

/// From the end of the hole: a try that has just failed or just begun in it takes its five seconds, the pause two.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// What the sites of both tests have: readings by one broker, alarms by another.
fn site(name: &str, readings: u16, alarms: u16, version: &str) -> Result<Site> {
    let site = Site::new(name)?.alarms_at_once().beds(["hole-1", "hole-2"]);
    Ok(site.toml(&format!(
        "[mqtt.ward]\nurl = \"mqtt://127.0.0.1:{readings}\"\nversion = \"{version}\"\n\
         [mqtt.lamps]\nurl = \"mqtt://127.0.0.1:{alarms}\"\n\
         [[source]]\nid = \"monitor\"\nbed = \"hole-1\"\nmqtt = \"ward\"\ntopic = \"ward/hole-1\"\nformat = \"wardline\"\nperiod = \"2s\"\n\
         [[source]]\nid = \"other\"\nbed = \"hole-2\"\nmqtt = \"ward\"\ntopic = \"ward/hole-2\"\nformat = \"wardline\"\nperiod = \"60s\"\n\
         [[annunciator]]\nkind = \"mqtt\"\nmqtt = \"lamps\"\ntopic = \"alarms/{{bed}}\"\n"
    )))
}

/// Publishes until the agent has it.
fn is_heard(agent: &Agent, broker: &Mosquitto, bed: &str, patient: Patient) -> Result<()> {
    let mut seq = 0;
    agent.wait_heard(|| {
        seq += 1;
        publish_one(broker.port(), &format!("ward/{bed}"), patient.payload(seq), false)
    })
}

/// Whether a message of a bed lists an alarm of this code.
fn shows(heard: &Heard, bed: &str, code: &str) -> bool {
    let message: Value = serde_json::from_str(&heard.payload).unwrap_or_default();
    let mut alarms = message["alarms"].as_array().into_iter().flatten();
    heard.topic == format!("alarms/{bed}") && alarms.any(|it| it["code"] == code)
}

#[test]
fn readings_that_vanish_are_an_alarm_within_ten_seconds_and_come_when_the_way_is_back() -> Result<()> {
    let (readings, alarms) = (Mosquitto::start()?, Mosquitto::start()?);
    for (name, version) in [("hole-readings-5", "5"), ("hole-readings-3", "3.1.1")] {
        let proxy = Proxy::start(readings.port())?;
        let lamp = Listener::start(alarms.port(), "alarms/#")?;
        let site = site(name, proxy.port(), alarms.port(), version)?;
        let agent = Agent::start(&site)?;
        is_heard(&agent, &readings, "hole-1", Patient::Stable)?;
        let begin = Instant::now();
        proxy.stall(true);
        let mut seq = 1_000_000;
        // The device goes on, and the broker hears it.
        let mut say = |patient: Patient| {
            seq += 1;
            publish_one(readings.port(), "ward/hole-1", patient.payload(seq), false)
        };
        let heard = |code: &str| lamp.rest().iter().any(|it| shows(it, "hole-1", code)).then_some(());
        wait::until("the silence", SOON, || say(Patient::Stable).map(|()| heard("no_data")))
            .with_context(|| agent.log())?;
        let silent = begin.elapsed();
        wait::until_true("the agent to notice", SOON, || agent.log().contains("answers nothing any more"))
            .with_context(|| agent.log())?;
        let noticed = begin.elapsed();
        ensure!(silent < NOTICED_WITHIN, "the silence was an alarm after {silent:?}");
        let back = Instant::now();
        proxy.stall(false);
        wait::until("the alarm behind it", SOON, || say(Patient::Desaturated).map(|()| heard("spo2_low")))
            .with_context(|| agent.log())?;
        let took = back.elapsed();
        eprintln!("MQTT {version}: noticed after {noticed:?}, back after {took:?}");
        ensure!(noticed < NOTICED_WITHIN, "noticed after {noticed:?}:\n{}", agent.log());
        ensure!(took < BACK_WITHIN, "back after {took:?}:\n{}", agent.log());
        agent.stop(SOON)?;
    }
    Ok(())
}

#[test]
fn alarms_that_vanish_on_the_way_to_the_lamp_are_told_when_it_is_back() -> Result<()> {
    let (readings, alarms) = (Mosquitto::start()?, Mosquitto::start()?);
    let proxy = Proxy::start(alarms.port())?;
    let lamp = Listener::start(alarms.port(), "alarms/#")?;
    let site = site("hole-alarms", readings.port(), proxy.port(), "5")?;
    let agent = Agent::start(&site)?;
    is_heard(&agent, &readings, "hole-1", Patient::Desaturated)?;
    lamp.wait_for("the alarm before", SOON, |it| shows(it, "hole-1", "spo2_low"))?;
    let begin = Instant::now();
    proxy.stall(true);
    // Handed to the connection that nobody knows to be gone.
    is_heard(&agent, &readings, "hole-2", Patient::Desaturated)?;
    // The agent notices that it does not reach the broker, and the broker says that the agent is gone.
    wait::until_true("the agent to notice", SOON, || {
        agent.log().contains("takes no alarms and answers nothing")
    })?;
    let noticed = begin.elapsed();
    let presence = format!("alarms/{}", site.agent());
    let gone = |it: &Heard| it.topic == presence && it.payload.contains("\"present\":false");
    lamp.wait_for("the broker's word that the agent is gone", SOON, gone)?;
    let back = Instant::now();
    proxy.stall(false);
    for bed in ["hole-1", "hole-2"] {
        lamp.wait_for("what is open, on a new connection", SOON, |it| shows(it, bed, "spo2_low"))
            .with_context(|| agent.log())?;
    }
    let took = back.elapsed();
    eprintln!("noticed after {noticed:?}, back after {took:?}");
    ensure!(noticed < NOTICED_WITHIN, "noticed after {noticed:?}:\n{}", agent.log());
    ensure!(took < BACK_WITHIN, "back after {took:?}:\n{}", agent.log());
    Ok(())
}
