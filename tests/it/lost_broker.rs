//! E30: an MQTT broker that is lost, or was never there, is a `port_gone` of each source behind it, until the source speaks
//! again; one that is back at once is no alarm.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
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
const VERSIONS: [&str; 2] = ["5", "3.1.1"];
/// How long a link may be away without a word, as docs/alarms.md says.
const UNTOLD: Duration = Duration::from_secs(3);
/// Two beds of one source for all of them, one of which never speaks, and one with a source of its own.
const BEDS: [&str; 3] = ["lost-1", "lost-2", "lost-3"];

/// Readings by one broker, alarms by another. The source of its own speaks so seldom that it is not silent before the test has
/// ended; one that nobody announced is after five seconds.
fn site(name: &str, readings: u16, alarms: u16, version: &str) -> Result<Site> {
    let site = Site::new(&format!("{name}-{}", version.replace('.', "")))?.alarms_at_once().beds(BEDS);
    Ok(site.toml(&format!(
        "[mqtt.ward]\nurl = \"mqtt://127.0.0.1:{readings}\"\nversion = \"{version}\"\n\
         [mqtt.lamps]\nurl = \"mqtt://127.0.0.1:{alarms}\"\n\
         [[source]]\nid = \"monitor\"\nbed = \"lost-1\"\nmqtt = \"ward\"\ntopic = \"one/lost-1\"\nformat = \"wardline\"\nperiod = \"60s\"\n\
         [[source]]\nid = \"wearable\"\nmqtt = \"ward\"\ntopic = \"ward/{{bed}}\"\nformat = \"wardline\"\nperiod = \"60s\"\n\
         [[annunciator]]\nkind = \"mqtt\"\nmqtt = \"lamps\"\ntopic = \"alarms/{{bed}}\"\n"
    )))
}

/// What a message of this bed lists: codes, causes and words.
fn open(heard: &Heard, bed: &str) -> Option<Vec<[String; 3]>> {
    let message: Value =
        serde_json::from_str(&heard.payload).ok().filter(|_| heard.topic == format!("alarms/{bed}"))?;
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let of = |it: &Value| ["code", "cause", "text"].map(|field| text(&it[field]));
    Some(message["alarms"].as_array()?.iter().map(of).collect())
}

fn is_lost(heard: &Heard, bed: &str) -> bool {
    open(heard, bed).is_some_and(|it| it == [["port_gone", "mqtt", "No data: MQTT broker gone"]])
}

/// Publishes until the agent has it: what comes before it has subscribed, the broker forgets.
fn is_heard(agent: &Agent, broker: u16, topic: &str, patient: Patient) -> Result<()> {
    let begin = agent.metric("wardline_readings_accepted_total")?;
    let mut seq = 0;
    wait::until("a reading", SOON, || {
        seq += 1;
        publish_one(broker, topic, patient.payload(seq), false)?;
        Ok((agent.metric("wardline_readings_accepted_total")? > begin).then_some(()))
    })
    .with_context(|| agent.log())
}

fn connections(agent: &Agent) -> usize {
    agent.log().matches("Connected to the MQTT broker").count()
}

#[test]
fn a_broker_that_is_lost_is_an_alarm_of_each_of_its_sources_until_it_speaks() -> Result<()> {
    for version in VERSIONS {
        let (mut readings, alarms) = (Mosquitto::start_persistent()?, Mosquitto::start()?);
        let site = site("lost-broker", readings.port(), alarms.port(), version)?;
        let agent = Agent::start(&site)?;
        let lamp = Listener::start(alarms.port(), "alarms/#")?;
        // Twice: with a session that was not there, and with one that 3.1.1 does not subscribe anew.
        for _ in 0..2 {
            is_heard(&agent, readings.port(), "one/lost-1", Patient::Stable)?;
            is_heard(&agent, readings.port(), "ward/lost-2", Patient::Stable)?;
            readings.wait_saved()?;
            readings.kill();
            for bed in ["lost-1", "lost-2"] {
                lamp.wait_for("the lost broker", SOON, |it| is_lost(it, bed)).with_context(|| agent.log())?;
            }
            readings.restart()?;
            for (topic, bed) in [("one/lost-1", "lost-1"), ("ward/lost-2", "lost-2")] {
                is_heard(&agent, readings.port(), topic, Patient::Stable)?;
                lamp.wait_for("its end", SOON, |it| open(it, bed).is_some_and(|it| it.is_empty()))
                    .with_context(|| agent.log())?;
            }
        }
        let of_a_stranger =
            lamp.rest().into_iter().find(|it| open(it, "lost-3").is_some_and(|it| !it.is_empty()));
        ensure!(of_a_stranger.is_none(), "nobody ever spoke for that bed: {of_a_stranger:?}");
        agent.stop(SOON)?;
    }
    Ok(())
}

#[test]
fn a_broker_that_was_never_there_is_an_alarm() -> Result<()> {
    let (mut readings, alarms) = (Mosquitto::start()?, Mosquitto::start()?);
    readings.kill();
    let lamp = Listener::start(alarms.port(), "alarms/#")?;
    let site = site("no-broker", readings.port(), alarms.port(), "5")?;
    let agent = Agent::start(&site)?;
    lamp.wait_for("the alarm", SOON, |it| is_lost(it, "lost-1")).with_context(|| agent.log())?;
    readings.restart()?;
    is_heard(&agent, readings.port(), "one/lost-1", Patient::Stable)?;
    lamp.wait_for("its end", SOON, |it| open(it, "lost-1").is_some_and(|it| it.is_empty())).map(drop)
}

/// How a connection ends that is made anew at once.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// The broker is started again.
    Restart,
    /// The network breaks it; the broker keeps the session, which 3.1.1 does not subscribe anew.
    Cut,
}

/// Whether the link was away for less than it may be. For longer than that the sources are watched, and heard.
fn is_back_at_once(blow: Blow, agent: &Agent, readings: &mut Mosquitto, proxy: &Proxy) -> Result<bool> {
    let (before, begin) = (connections(agent), Instant::now());
    match blow {
        Blow::Restart => readings.restart()?,
        Blow::Cut => proxy.cut(),
    }
    wait::until_true("the next connection", SOON, || connections(agent) > before)
        .with_context(|| agent.log())?;
    is_heard(agent, readings.port(), "one/lost-1", Patient::Stable)?;
    let away = begin.elapsed();
    eprintln!("{blow:?}: away for less than {away:?}");
    wait::until("readings for longer than a loss stays untold", SOON, || {
        is_heard(agent, readings.port(), "one/lost-1", Patient::Stable)?;
        Ok((begin.elapsed() > UNTOLD + Duration::from_secs(2)).then_some(()))
    })?;
    Ok(away < UNTOLD)
}

#[test]
fn a_broker_that_is_back_at_once_is_no_alarm() -> Result<()> {
    for (version, blow) in VERSIONS.into_iter().flat_map(|it| [(it, Blow::Restart), (it, Blow::Cut)]) {
        let (mut readings, alarms) = (Mosquitto::start()?, Mosquitto::start()?);
        let proxy = Proxy::start(readings.port())?;
        let site = site("back-broker", proxy.port(), alarms.port(), version)?;
        let agent = Agent::start(&site)?;
        is_heard(&agent, readings.port(), "one/lost-1", Patient::Stable)?;
        // On a machine that is busy with other tests it may be away for too long: then it says nothing.
        let mut tries = 0;
        loop {
            let lamp = Listener::start(alarms.port(), "alarms/#")?;
            if is_back_at_once(blow, &agent, &mut readings, &proxy)? {
                is_heard(&agent, readings.port(), "one/lost-1", Patient::Desaturated)?;
                let is = |it: &Heard| open(it, "lost-1").is_some_and(|it| !it.is_empty());
                let first = lamp.wait_for("an alarm", SOON, is).with_context(|| agent.log())?;
                let codes = open(&first, "lost-1").unwrap_or_default();
                ensure!(codes.iter().all(|[code, ..]| code == "spo2_low"), "{version} {blow:?}: {codes:?}");
                break;
            }
            tries += 1;
            if tries == 5 {
                bail!("the broker was never back within {UNTOLD:?}:\n{}", agent.log());
            }
        }
        agent.stop(SOON)?;
    }
    Ok(())
}
