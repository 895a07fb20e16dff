//! F18: passwords and authorities that change while the agent runs. It is refused, says so, reads their files again, and
//! is taken, all in one life of its process; what came meanwhile is not lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::process::run;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::Reader;
use wardline_tests::scratch::Scratch;
use wardline_tests::site::Site;
use wardline_tests::tls::certify;
use wardline_tests::{port, program, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);
const OLD: &str = "correct horse";
const NEW: &str = "battery staple";
const BED: &str = "secret-1";

/// Writes a password so that only its owner may read it, and gives its file.
fn write(dir: &Scratch, name: &str, password: &str) -> Result<PathBuf> {
    let path = dir.write(name, password)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(path)
}

/// Gives the user `agent` of a mosquitto a password.
fn admit(users: &Path, password: &str) -> Result<()> {
    let mut command = Command::new(program::installed("mosquitto_passwd", "mosquitto")?);
    run(command.args(["-b", "-c"]).arg(users).args(["agent", password]))
}

/// Publishes readings until the agent takes one more; `say` is to publish one.
fn is_heard(agent: &Agent, mut say: impl FnMut(u64) -> Result<()>) -> Result<()> {
    let taken = || agent.metric("wardline_readings_accepted_total");
    let (before, mut seq) = (taken()?, u64::from(std::process::id()));
    wait::until("a reading", SOON, || {
        seq += 1;
        say(seq)?;
        Ok((taken()? > before).then_some(()))
    })
    .with_context(|| agent.log())
}

fn says(agent: &Agent, words: &str) -> Result<()> {
    wait::until_true(&format!("{words:?} in the log"), SOON, || agent.log().contains(words))
        .with_context(|| agent.log())
}

/// The broker forgets the old password; then its authority. Readings and lamps use the same link.
#[test]
fn a_broker_with_a_new_password_and_then_a_new_authority_is_used_without_a_restart() -> Result<()> {
    for version in ["5", "3.1.1"] {
        let scratch = Scratch::new("new-mqtt")?;
        let (dir, users, tls) = (scratch.path(), scratch.path().join("users"), port::free()?);
        certify(dir, "ca", "server")?;
        fs::copy(dir.join("ca.pem"), dir.join("trusted.pem"))?;
        admit(&users, OLD)?;
        let at = dir.display();
        // Who asks without a name, as the harness does, is not asked for a password.
        let mut broker = Mosquitto::start_with(&format!(
            "persistence false\npassword_file {at}/users\nlistener {tls} 127.0.0.1\ncafile {at}/ca.pem\n\
             certfile {at}/server.pem\nkeyfile {at}/server.key"
        ))?;
        let password = write(&scratch, "password", OLD)?;
        let site = Site::new("new-mqtt")?.alarms_at_once().beds([BED]).toml(&format!(
            "[mqtt.ward]\nurl = \"mqtts://127.0.0.1:{tls}\"\nversion = \"{version}\"\nuser = \"agent\"\n\
             password_file = \"{}\"\nca_file = \"{at}/trusted.pem\"\n",
            password.display()
        ));
        let site = site.ward().mqtt_annunciator();
        let agent = Agent::start(&site)?;
        let plain = broker.port();
        let heard = |patient: Patient| {
            is_heard(&agent, |seq| publish_one(plain, &format!("ward/{BED}"), patient.payload(seq), false))
        };
        heard(Patient::Stable)?;

        admit(&users, NEW)?;
        broker.reload()?;
        broker.restart()?;
        says(&agent, "refuses the connection")?;
        write(&scratch, "password", NEW)?;
        heard(Patient::Desaturated)?;
        let lamp = Listener::start(plain, "alarms/#")?;
        lamp.wait_for("the lamp by the new password", SOON, |it| it.payload.contains("spo2_low"))
            .with_context(|| agent.log())?;

        certify(dir, "ca", "server")?;
        broker.restart()?;
        says(&agent, "TLS is not accepted")?;
        fs::copy(dir.join("ca.pem"), dir.join("trusted.pem"))?;
        heard(Patient::Stable)?;
        for secret in [OLD, NEW] {
            ensure!(!agent.log().contains(secret), "a secret is in the log");
        }
        agent.stop(SOON)?;
    }
    Ok(())
}

/// Each producer of the agent is refused, and taken with the new password: readings that came meanwhile, the alarm, and
/// the newest of the bed.
#[test]
fn a_kafka_with_a_new_password_is_used_without_a_restart() -> Result<()> {
    let scratch = Scratch::new("new-kafka")?;
    certify(scratch.path(), "ca", "server")?;
    let (mut kafka, broker) = (Kafka::start_secured(scratch.path(), "agent", OLD)?, Mosquitto::start()?);
    let password = write(&scratch, "password", OLD)?;
    let bootstrap = kafka.secured_bootstrap().context("no listener with TLS")?;
    let site = Site::new("new-kafka")?.kafka_toml(&format!(
        "brokers = [\"{bootstrap}\"]\nsecurity = \"sasl_ssl\"\nmechanism = \"SCRAM-SHA-512\"\nuser = \"agent\"\n\
         password_file = \"{}\"\nca_file = \"{}/ca.pem\"",
        password.display(),
        scratch.path().display()
    ));
    let site = site.mqtt(broker.port()).beds([BED]).ward().alarms_at_once();
    let agent = Agent::start(&site)?;
    let heard = |patient: Patient| {
        is_heard(&agent, |seq| {
            publish_one(broker.port(), &format!("ward/{BED}"), patient.payload(seq), false)
        })
    };
    heard(Patient::Stable)?;
    Reader::open(&kafka, "vitals.readings.v1")?.wait_for("the first", SOON, |it| of(it, &site))?;

    kafka.set_password("agent", NEW)?;
    // Who is logged in would stay so.
    kafka.restart()?;
    says(&agent, "Kafka does not take user and password")?;
    heard(Patient::Desaturated)?;
    let delivered = agent.metric("wardline_readings_delivered")?;
    write(&scratch, "password", NEW)?;
    wait::until("readings to reach Kafka again", SOON, || {
        Ok((agent.metric("wardline_readings_delivered")? > delivered).then_some(()))
    })
    .with_context(|| agent.log())?;
    let is_alarm = |it: &_| of(it, &site) && it.text("code") == "spo2_low";
    Reader::open(&kafka, "vitals.alarms.v1")?
        .wait_for("the alarm", SOON, is_alarm)
        .with_context(|| agent.log())?;
    // Said anew since: the newest of the bed names the alarm.
    let names = |it: &_| of(it, &site) && it.body.to_string().contains("spo2_low");
    Reader::open(&kafka, "vitals.beds.v1")?.wait_for("the bed", SOON, names).with_context(|| agent.log())?;
    for secret in [OLD, NEW] {
        ensure!(!agent.log().contains(secret), "a secret is in the log");
    }
    agent.stop(SOON).map(drop)
}
