//! TLS and a password on the way to the real Kafka: used where they are right, and said in words where they are wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::publish_one;
use wardline_tests::reader::Reader;
use wardline_tests::scratch::Scratch;
use wardline_tests::site::Site;
use wardline_tests::tls::certify;
use wardline_tests::wait;

use crate::way::of;

const SOON: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse";

/// A Kafka with a listener that asks the user `agent` for a password over TLS.
struct Secured {
    scratch: Scratch,
    kafka: Kafka,
}

impl Secured {
    fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Secured, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        shared.as_ref().map_err(|error| anyhow::Error::msg(error.clone()))
    }

    fn start() -> Result<Self> {
        let scratch = Scratch::new("secure-kafka")?;
        certify(scratch.path(), "ca", "server")?;
        let kafka = Kafka::start_secured(scratch.path(), "agent", PASSWORD)?;
        Ok(Self { scratch, kafka })
    }

    /// A site whose agent logs in to Kafka with this password and trusts this authority.
    fn site(&self, name: &str, password: &str, ca: &Path, broker: u16) -> Result<Site> {
        let secret = self.scratch.write(&format!("{name}.password"), password)?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        let bootstrap = self.kafka.secured_bootstrap().context("no listener with TLS")?;
        let (secret, ca) = (secret.display(), ca.display());
        let site = Site::new(name)?.kafka_toml(&format!(
            "brokers = [\"{bootstrap}\"]\nsecurity = \"sasl_ssl\"\nmechanism = \"SCRAM-SHA-512\"\n\
             user = \"agent\"\npassword_file = \"{secret}\"\nca_file = \"{ca}\""
        ));
        Ok(site.mqtt(broker).beds(["secure-2"]).ward().alarms_at_once())
    }

    fn ca(&self) -> PathBuf {
        self.scratch.path().join("ca.pem")
    }
}

#[test]
fn with_the_right_password_over_tls_readings_alarms_and_beds_arrive_in_kafka() -> Result<()> {
    let secured = Secured::shared()?;
    let broker = Mosquitto::start()?;
    let site = secured.site("secure-kafka-right", PASSWORD, &secured.ca(), broker.port())?;
    let _agent = Agent::start(&site)?;
    publish_one(broker.port(), "ward/secure-2", Patient::Desaturated.payload(1), false)?;
    // Every producer of the agent logs in for itself.
    for topic in ["vitals.readings.v1", "vitals.alarms.v1", "vitals.beds.v1", "vitals.status.v1"] {
        Reader::open(&secured.kafka, topic)?.wait_for(topic, SOON, |it| of(it, &site))?;
    }
    Ok(())
}

#[test]
fn a_wrong_password_and_a_wrong_authority_are_said_in_words_and_not_again_and_again() -> Result<()> {
    let secured = Secured::shared()?;
    let broker = Mosquitto::start()?;
    let other = Scratch::new("other-kafka-ca")?;
    certify(other.path(), "ca", "server")?;
    let wrong = [
        ("secure-kafka-login", "wrong", secured.ca(), "Kafka does not take user and password"),
        ("secure-kafka-ca", PASSWORD, other.path().join("ca.pem"), "Kafka's TLS is not accepted"),
    ];
    for (name, password, ca, words) in wrong {
        let site = secured.site(name, password, &ca, broker.port())?;
        let mut agent = Agent::start(&site)?;
        publish_one(broker.port(), "ward/secure-2", Patient::Desaturated.payload(1), false)?;
        let told = || agent.log().lines().filter(|it| it.contains("WARN") && it.contains(words)).count();
        let said = wait::until(&format!("{words:?} in the log"), SOON, || Ok((told() > 0).then_some(())));
        said.with_context(|| format!("{name}: the agent's log:\n{}", agent.log()))?;
        // Long enough for several more tries.
        let tried = Instant::now() + Duration::from_secs(3);
        wait::until("several tries", SOON, || Ok((Instant::now() > tried).then_some(())))?;
        // One for each producer.
        ensure!(told() <= 4, "{name}: the log is flooded:\n{}", agent.log());
        ensure!(!agent.log().contains(PASSWORD), "{name}: a secret is in the log");
        ensure!(agent.metric("wardline_kafka_connected")? < 1.0, "{name}: Kafka seems to take records");
        agent.check_alive()?;
    }
    Ok(())
}
