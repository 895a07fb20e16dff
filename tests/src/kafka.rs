//! The real Apache Kafka: one KRaft node on loopback. Several that stand in for each other are a
//! [`Cluster`](crate::cluster::Cluster).

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rustix::process::Signal;

use crate::java::Java;
use crate::process::{self, Process};
use crate::scratch::Scratch;
use crate::{port, wait};

/// The cluster id where a test does not care.
const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAQ";
/// Time to answer: 3 s alone, much more on two cores that also compile.
pub(crate) const STARTS_WITHIN: Duration = Duration::from_secs(120);
/// Its heap, MB.
const HEAP: u32 = 384;

/// One broker on ports of its own. It makes no topic by itself; those of the design are there.
#[derive(Debug)]
pub struct Kafka {
    java: Java,
    port: u16,
    second: Option<Second>,
    cluster_id: String,
    process: Option<Process>,
    scratch: Scratch,
}

/// A second listener.
#[derive(Debug)]
enum Second {
    /// With TLS and a password (`SASL_SSL`, SCRAM-SHA-512).
    Secured { port: u16, user: String, password: String },
    /// Behind a way: clients are sent to the port of that.
    Behind { port: u16, advertised: u16 },
}

impl Kafka {
    /// The one that the tests of a program share, started by the first that asks. A test that harms Kafka takes its own.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Kafka, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        shared.as_ref().map_err(|error| anyhow::Error::msg(error.clone()))
    }

    /// Formats a store, starts a broker on it, and makes the topics.
    pub fn start() -> Result<Self> {
        let kafka = Self::start_without_topics()?;
        kafka.create_topics(["", "sim."])?;
        Ok(kafka)
    }

    /// As [`Kafka::start`], with a second listener that asks this user for this password over TLS.
    ///
    /// The directory holds its certificate and key, `server.pem` and `server.key` (see [`crate::tls::certify`]).
    pub fn start_secured(dir: &Path, user: &str, password: &str) -> Result<Self> {
        let secured =
            Second::Secured { port: port::free()?, user: user.to_owned(), password: password.to_owned() };
        let scratch = Scratch::new("kafka")?;
        let certificate = fs::read_to_string(dir.join("server.pem"))?;
        // Kafka takes both from one file, the key first.
        scratch.write("keystore.pem", &(fs::read_to_string(dir.join("server.key"))? + &certificate))?;
        let kafka = Self::start_in(scratch, Some(secured), CLUSTER_ID)?;
        kafka.create_topics(["", "sim."])?;
        Ok(kafka)
    }

    /// As [`Kafka::start`], with a second listener on `port` whose clients are sent to the port `advertised`: all that
    /// they say goes the way that stands there.
    pub fn start_behind(port: u16, advertised: u16) -> Result<Self> {
        let kafka =
            Self::start_in(Scratch::new("kafka")?, Some(Second::Behind { port, advertised }), CLUSTER_ID)?;
        kafka.create_topics(["", "sim."])?;
        Ok(kafka)
    }

    /// As [`Kafka::start`], with no topic at all.
    pub fn start_without_topics() -> Result<Self> {
        Self::start_in(Scratch::new("kafka")?, None, CLUSTER_ID)
    }

    /// As [`Kafka::start`], with a cluster id of its own: 16 bytes in URL-safe base64.
    pub fn start_as(cluster_id: &str) -> Result<Self> {
        let kafka = Self::start_in(Scratch::new("kafka")?, None, cluster_id)?;
        kafka.create_topics(["", "sim."])?;
        Ok(kafka)
    }

    /// Its cluster id.
    #[must_use]
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    fn start_in(scratch: Scratch, second: Option<Second>, cluster_id: &str) -> Result<Self> {
        let java = Java::find()?;
        let port = port::free()?;
        let properties = properties(port, port::free()?, second.as_ref(), scratch.path());
        scratch.write("server.properties", &properties)?;
        let cluster_id = cluster_id.to_owned();
        let mut kafka = Self { java, port, second, cluster_id, process: None, scratch };
        kafka.format()?;
        kafka.restart()?;
        Ok(kafka)
    }

    /// What a client is given as `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What a client of the listener with TLS and a password is given; `None` where there is none.
    #[must_use]
    pub fn secured_bootstrap(&self) -> Option<String> {
        match &self.second {
            Some(Second::Secured { port, .. }) => Some(format!("127.0.0.1:{port}")),
            Some(Second::Behind { .. }) | None => None,
        }
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops it without its noticing: connections stay, nothing is answered.
    pub fn freeze(&self) -> Result<()> {
        self.process.as_ref().context("Kafka does not run")?.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub fn thaw(&self) -> Result<()> {
        self.process.as_ref().context("Kafka does not run")?.signal(Signal::CONT)
    }

    /// Starts it again on the same port and data, killing it first if it runs, and waits until it answers.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let mut process = self.java.node(self.scratch.path(), HEAP)?;
        wait::until("Kafka to listen", STARTS_WITHIN, || {
            process.check_alive()?;
            Ok(port::answers(self.port).then_some(()))
        })?;
        let client: BaseConsumer = self.client().create()?;
        wait::until("Kafka to answer", STARTS_WITHIN, || {
            process.check_alive()?;
            Ok(client.fetch_metadata(None, Duration::from_secs(2)).ok().map(drop))
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Makes the design's topics, each with these prefixes before its name.
    pub fn create_topics(&self, prefixes: [&str; 2]) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let names: Vec<_> =
            prefixes.iter().flat_map(|prefix| TOPICS.map(|it| (format!("{prefix}{}", it.0), it))).collect();
        let topic = |(name, (_, cleanup, partitions))| {
            NewTopic::new(name, partitions, TopicReplication::Fixed(1)).set("cleanup.policy", cleanup)
        };
        let topics: Vec<_> = names.iter().map(|(name, it)| topic((name.as_str(), *it))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(60)));
        for made in runtime.block_on(admin.create_topics(&topics, &options))? {
            made.map_err(|(topic, code)| anyhow::anyhow!("cannot make topic {topic}: {code}"))?;
        }
        Ok(())
    }

    /// Gives a topic a setting of its own, as `max.message.bytes=1000`.
    pub fn set_topic(&self, topic: &str, setting: &str) -> Result<()> {
        let mut command = self.java.tool("kafka.admin.ConfigCommand");
        command.args(["--bootstrap-server", &self.bootstrap(), "--alter", "--entity-type", "topics"]);
        command.args(["--entity-name", topic, "--add-config", setting]);
        process::run(&mut command)
    }

    /// Gives the user of the secured listener another password.
    pub fn set_password(&self, user: &str, password: &str) -> Result<()> {
        let mut command = self.java.tool("kafka.admin.ConfigCommand");
        command.args(["--bootstrap-server", &self.bootstrap(), "--alter", "--entity-type", "users"]);
        command.args([
            "--entity-name",
            user,
            "--add-config",
            &format!("SCRAM-SHA-512=[password={password}]"),
        ]);
        process::run(&mut command)
    }

    /// The configuration every client of it begins with.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.bootstrap());
        // What is measured after an outage must be the agent, not the back-off of who looks on.
        client.set("reconnect.backoff.max.ms", "200");
        client
    }

    fn format(&self) -> Result<()> {
        let users = match &self.second {
            Some(Second::Secured { user, password, .. }) => {
                vec!["--add-scram".to_owned(), format!("SCRAM-SHA-512=[name={user},password={password}]")]
            }
            Some(Second::Behind { .. }) | None => Vec::new(),
        };
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        self.java.format(self.scratch.path(), &self.cluster_id, &users)
    }
}

/// The design's topics: name, cleanup policy, partitions.
pub(crate) const TOPICS: [(&str, &str, i32); 8] = [
    ("vitals.readings.v1", "delete", 3),
    ("vitals.alarms.v1", "delete", 3),
    ("vitals.ledger.v1", "delete", 1),
    ("vitals.cursors.v1", "compact", 1),
    ("vitals.latest.v1", "compact", 1),
    ("vitals.beds.v1", "compact", 1),
    ("vitals.status.v1", "compact,delete", 1),
    ("vitals.actions.v1", "delete", 1),
];

fn properties(port: u16, controller: u16, second: Option<&Second>, dir: &Path) -> String {
    let (mut listens, mut advertised, mut secure) = (String::new(), String::new(), String::new());
    if let Some(Second::Behind { port, advertised: to }) = second {
        listens = format!(",BEHIND://127.0.0.1:{port}");
        advertised = format!(",BEHIND://127.0.0.1:{to}");
    }
    if let Some(Second::Secured { port, .. }) = second {
        listens = format!(",SECURE://127.0.0.1:{port}");
        advertised.clone_from(&listens);
        secure = format!(
            "listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={}/keystore.pem
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
",
            dir.display()
        );
    }
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listens}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL,BEHIND:PLAINTEXT
log.dirs={}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
{secure}",
        dir.display()
    )
}
