//! P6, P7: with Kafka, the broker, the disk or a serial port missing, the agent starts and alarms all the same.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::pty::Pty;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::{Reader, Record};
use wardline_tests::site::Site;
use wardline_tests::{program, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(20);
const BED: &str = "missing-1";

/// A site that alarms at once, with an annunciator on the broker. Its Kafka is not there.
fn site(name: &str, broker: u16) -> Result<Site> {
    Ok(Site::new(name)?.mqtt(broker).beds([BED]).ward().mqtt_annunciator().alarms_at_once())
}

fn alarm_is_heard(broker: u16) -> Result<()> {
    let lamp = Listener::start(broker, "alarms/#")?;
    let mut seq = 0;
    // Until it is heard: what is published before the agent has subscribed, a broker without its session forgets.
    wait::until("the alarm at the bedside", SOON, || {
        seq += 1;
        publish_one(broker, &format!("ward/{BED}"), Patient::Desaturated.payload(seq), false)?;
        let heard = lamp.wait_for("", Duration::from_millis(500), |it| it.payload.contains("spo2_low"));
        Ok(heard.ok().map(drop))
    })
}

/// Whether the store of a running agent has an alarm record of this code and phase.
fn is_on_disk(site: &Site, code: &str, phase: &str) -> Result<bool> {
    let mut export = Command::new(program::ours("wardline-agent")?);
    export.args(["buffer", "export", "--lane", "alarms", "--config"]).arg(site.write()?);
    let output = export.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout)?;
    let records = lines.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    Ok(records.iter().any(|it| it["code"] == code && it["phase"] == phase))
}

#[test]
fn without_kafka_the_bedside_is_told() -> Result<()> {
    let broker = Mosquitto::start()?;
    let _agent = Agent::start(&site("no-kafka", broker.port())?)?;
    alarm_is_heard(broker.port())
}

/// P5, P8: an alarm that begins and ends while Kafka is away reaches it, both its records, though the agent is killed.
#[test]
fn an_alarm_that_kafka_never_heard_of_waits_on_the_disk() -> Result<()> {
    let (mut kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    kafka.kill();
    let site = site("unheard", broker.port())?.kafka(&kafka.bootstrap());
    let agent = Agent::start(&site)?;
    alarm_is_heard(broker.port())?;
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    publish_one(broker.port(), &format!("ward/{BED}"), Patient::Stable.payload(9_000), false)?;
    lamp.wait_for("the end of it", SOON, |it| it.payload.contains("\"alarms\":[]"))?;
    wait::until("its end on the disk", SOON, || Ok(is_on_disk(&site, "spo2_low", "end")?.then_some(())))?;
    agent.kill()?;
    kafka.restart()?;
    let _agent = Agent::start(&site)?;
    let alarms = Reader::open(&kafka, "vitals.alarms.v1")?;
    for phase in ["start", "end"] {
        let is = |it: &Record| of(it, &site) && it.text("code") == "spo2_low" && it.text("phase") == phase;
        alarms.wait_for(phase, SOON, is)?;
    }
    Ok(())
}

#[test]
fn with_a_broker_that_comes_late_the_bedside_is_told_once_it_is_there() -> Result<()> {
    let mut broker = Mosquitto::start()?;
    broker.kill();
    let mut agent = Agent::start(&site("late-broker", broker.port())?)?;
    broker.restart()?;
    alarm_is_heard(broker.port())?;
    agent.check_alive()
}

#[test]
fn without_a_place_for_the_store_the_bedside_is_told() -> Result<()> {
    let broker = Mosquitto::start()?;
    let site = site("no-disk", broker.port())?;
    // A file where the directory should be: not even root can write below it.
    fs::write(site.state_dir(), "not a directory")?;
    let _agent = Agent::start(&site)?;
    alarm_is_heard(broker.port())
}

#[test]
fn a_serial_port_that_comes_late_is_read_once_it_is_there() -> Result<()> {
    let broker = Mosquitto::start()?;
    let mut line = Pty::unplugged()?;
    let site = Site::new("no-port")?.mqtt(broker.port()).beds([BED]).mqtt_annunciator().alarms_at_once();
    let site = site.serial("oximeter", BED, "nonin-df8", line.port());
    let _agent = Agent::start(&site)?;
    let lamp = Listener::start(broker.port(), "alarms/#")?;
    line.plug()?;
    wait::until("the alarm at the bedside", SOON, || {
        line.write(&Patient::Desaturated.nonin_df8())?;
        let heard = lamp.wait_for("", Duration::from_millis(500), |it| it.payload.contains("spo2_low"));
        Ok(heard.ok().map(drop))
    })
}

/// P1, P8: what was raised while Kafka was away is there after a kill, from its beginning.
#[test]
fn an_alarm_of_an_outage_survives_a_kill() -> Result<()> {
    let (mut kafka, broker) = (Kafka::start()?, Mosquitto::start()?);
    let site = site("outage", broker.port())?.kafka(&kafka.bootstrap());
    kafka.kill();
    let agent = Agent::start(&site)?;
    alarm_is_heard(broker.port())?;
    // Long enough that the lane has written down how far it is: one group after the other becomes durable.
    for seq in 1_000..1_010 {
        let before = agent.metric("wardline_buffer_records")?;
        publish_one(broker.port(), &format!("ward/{BED}"), Patient::Desaturated.payload(seq), false)?;
        wait::until("a reading on disk", SOON, || {
            Ok((agent.metric("wardline_buffer_records")? > before).then_some(()))
        })?;
    }
    agent.kill()?;
    kafka.restart()?;
    let _agent = Agent::start(&site)?;
    let alarms = Reader::open(&kafka, "vitals.alarms.v1")?;
    let start = |it: &Record| of(it, &site) && it.text("code") == "spo2_low" && it.text("phase") == "start";
    alarms.wait_for("the beginning of the alarm", Duration::from_secs(40), start).map(drop)
}
