//! F19: a name that does not resolve, and a broker that is another than the name says. Neither keeps the agent from
//! starting or from telling alarms at the bedside; both are said in words; nothing is said to the wrong one.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::listener::Listener;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::Reader;
use wardline_tests::scratch::Scratch;
use wardline_tests::site::Site;
use wardline_tests::tls::certify_as;
use wardline_tests::{port, wait};

use crate::way::of;

const SOON: Duration = Duration::from_secs(40);
const KAFKA: &str = "kafka.wardline.invalid";
const MQTT: &str = "mqtt.wardline.invalid";

/// Beds and what stands at the bedside: a broker that is named by its address, and its lamps.
fn site(name: &str, bedside: &Mosquitto) -> Result<Site> {
    Ok(Site::new(name)?
        .alarms_at_once()
        .beds(["name-1", "name-2"])
        .mqtt(bedside.port())
        .ward()
        .mqtt_annunciator())
}

/// An alarm is at the lamp, whatever names mean.
fn alarms_at_the_bedside(agent: &Agent, bedside: &Mosquitto) -> Result<()> {
    let lamp = Listener::start(bedside.port(), "alarms/name-1")?;
    let mut seq = 0;
    let told = wait::until("the alarm at the bedside", SOON, || {
        seq += 1;
        publish_one(bedside.port(), "ward/name-1", Patient::Desaturated.payload(seq), false)?;
        Ok(lamp.rest().iter().any(|it| it.payload.contains("spo2_low")).then_some(()))
    });
    told.with_context(|| agent.log())
}

fn says(agent: &Agent, words: &[&str]) -> Result<()> {
    wait::until_true(&format!("{words:?} in one line of the log"), SOON, || {
        agent.log().lines().any(|line| words.iter().all(|it| line.contains(it)))
    })
    .with_context(|| agent.log())
}

/// No name service at all, and then one that knows the names.
#[test]
fn names_that_do_not_resolve_are_said_and_used_once_they_do() -> Result<()> {
    let (kafka, bedside, other) = (Kafka::shared()?, Mosquitto::start()?, Mosquitto::start()?);
    let (_, port) =
        kafka.bootstrap().split_once(':').map(|it| (it.0.to_owned(), it.1.to_owned())).context("no port")?;
    let site = site("names", &bedside)?
        .kafka_toml(&format!("brokers = [\"{KAFKA}:{port}\"]\nsecurity = \"plaintext\"\ninsecure = true"));
    let site = site.toml(&format!(
        "[mqtt.other]\nurl = \"mqtt://{MQTT}:{}\"\ninsecure = true\n\
         [[source]]\nid = \"other\"\nbed = \"name-2\"\nmqtt = \"other\"\ntopic = \"other\"\nformat = \"wardline\"\n",
        other.port()
    ));
    let (hosts, resolver) = (site.file("hosts"), site.file("resolv.conf"));
    fs::write(&hosts, "127.0.0.1 localhost\n")?;
    fs::write(&resolver, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")?;
    let (at_hosts, at_resolver) = (hosts.display(), resolver.display());
    // Names as this agent alone sees them.
    let mounts = format!(
        "mount --bind {at_hosts} /etc/hosts && mount --bind {at_resolver} /etc/resolv.conf && exec \"$@\""
    );
    let mut agent =
        Agent::launch(&site, &["/usr/bin/unshare", "--map-root-user", "--mount", "sh", "-c", &mounts, "sh"])?;
    agent.wait_ready()?;
    alarms_at_the_bedside(&agent, &bedside)?;
    says(&agent, &["the name of a broker cannot be resolved", KAFKA])?;
    says(&agent, &["The MQTT broker cannot be reached", MQTT])?;
    agent.check_alive()?;
    // In its place: another file would not be the one that is mounted.
    writeln!(fs::File::options().append(true).open(&hosts)?, "127.0.0.1 {KAFKA} {MQTT}")?;
    let readings = Reader::open(kafka, "vitals.readings.v1")?;
    let is = |it: &_| of(it, &site) && it.text("bed") == "name-1";
    readings.wait_for("what was kept", SOON, is).with_context(|| agent.log())?;
    let mut seq = 0;
    wait::until("a reading of the other broker", SOON, || {
        seq += 1;
        publish_one(other.port(), "other", Patient::Stable.payload(seq), false)?;
        let (_, metrics) = agent.ask("/metrics")?;
        let came = metrics.lines().any(|it| {
            it.starts_with("wardline_readings_accepted_total{source=\"other\"") && !it.ends_with(" 0")
        });
        Ok(came.then_some(()))
    })
    .with_context(|| agent.log())?;
    agent.stop(SOON).map(drop)
}

/// The name service, or somebody on the way, leads to a broker whose certificate is another's.
#[test]
fn a_broker_with_the_certificate_of_another_is_told_nothing() -> Result<()> {
    const PASSWORD: &str = "correct horse";
    let scratch = Scratch::new("names-other")?;
    let dir = scratch.path();
    certify_as(dir, "ca", "server", "DNS:elsewhere.wardline.invalid")?;
    let (kafka, bedside) = (Kafka::start_secured(dir, "agent", PASSWORD)?, Mosquitto::start()?);
    let (tls, at) = (port::free()?, dir.display());
    let broker = Mosquitto::start_with(&format!(
        "persistence false\nlistener {tls} 127.0.0.1\ncafile {at}/ca.pem\ncertfile {at}/server.pem\nkeyfile {at}/server.key"
    ))?;
    let password = secret(&scratch, PASSWORD)?;
    let bootstrap = kafka.secured_bootstrap().context("no listener with TLS")?;
    let site = site("names-other", &bedside)?.kafka_toml(&format!(
        "brokers = [\"{bootstrap}\"]\nsecurity = \"sasl_ssl\"\nmechanism = \"SCRAM-SHA-512\"\nuser = \"agent\"\n\
         password_file = \"{password}\"\nca_file = \"{at}/ca.pem\""
    ));
    let site = site.toml(&format!(
        "[mqtt.other]\nurl = \"mqtts://127.0.0.1:{tls}\"\nca_file = \"{at}/ca.pem\"\n\
         [[source]]\nid = \"other\"\nbed = \"name-2\"\nmqtt = \"other\"\ntopic = \"other\"\nformat = \"wardline\"\n"
    ));
    let agent = Agent::start(&site)?;
    alarms_at_the_bedside(&agent, &bedside)?;
    says(&agent, &["Kafka's TLS is not accepted"])?;
    says(&agent, &["The MQTT broker's TLS is not accepted", &format!("127.0.0.1:{tls}")])?;
    // The control: both brokers are well, and take who does not ask for their names.
    publish_one(broker.port(), "other", Patient::Stable.payload(1), true)?;
    let mut seen = kafka.client();
    seen.set("group.id", "names");
    let heard = Reader::open_as(seen, "vitals.readings.v1")?.rest(Duration::from_secs(2))?;
    ensure!(heard.is_empty(), "readings went to a broker of another name: {heard:?}");
    ensure!(agent.metric("wardline_kafka_connected")? < 1.0, "Kafka seems to take records");
    let (_, metrics) = agent.ask("/metrics")?;
    let taken =
        metrics.lines().find(|it| it.starts_with("wardline_readings_accepted_total{source=\"other\""));
    ensure!(taken.is_none_or(|it| it.ends_with(" 0")), "a message of a broker of another name: {taken:?}");
    agent.stop(SOON).map(drop)
}

fn secret(scratch: &Scratch, password: &str) -> Result<String> {
    let path = scratch.write("password", password)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(Path::new(&path).display().to_string())
}
