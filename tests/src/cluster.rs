//! Three brokers of Apache Kafka that stand in for each other: every record lies on all, and two must have it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::java::Java;
use crate::kafka::{STARTS_WITHIN, TOPICS};
use crate::process::Process;
use crate::scratch::Scratch;
use crate::{port, wait};

const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAw";
/// The heap of one, MB: three of them hold a few thousand records.
const HEAP: u32 = 256;

/// The broker that is also the controller, which says who leads: it is never killed.
pub const CONTROLLER: i32 = 1;
/// The one that leads every partition as long as it lives.
pub const LEADER: i32 = 2;
/// The one that only follows as long as the leader lives.
pub const FOLLOWER: i32 = 3;
/// All of them, the one that leads first.
const BROKERS: [i32; 3] = [LEADER, FOLLOWER, CONTROLLER];

/// Three brokers, with the design's topics.
#[derive(Debug)]
pub struct Cluster {
    java: Java,
    /// By number, from 1.
    nodes: [Node; 3],
}

#[derive(Debug)]
struct Node {
    port: u16,
    process: Option<Process>,
    scratch: Scratch,
}

impl Cluster {
    /// Formats three stores, starts a broker on each, and makes the topics.
    pub fn start() -> Result<Self> {
        let (java, controller) = (Java::find()?, port::free()?);
        let node = || -> Result<Node> {
            Ok(Node { port: port::free()?, process: None, scratch: Scratch::new("cluster")? })
        };
        let mut cluster = Self { java, nodes: [node()?, node()?, node()?] };
        for (id, node) in (1..).zip(&cluster.nodes) {
            node.scratch.write("server.properties", &properties(id, controller, node))?;
            cluster.java.format(node.scratch.path(), CLUSTER_ID, &[])?;
        }
        // The others want to register with it.
        cluster.launch(CONTROLLER)?;
        wait::until_true("the controller to listen", STARTS_WITHIN, || port::answers(controller))?;
        cluster.launch(LEADER)?;
        cluster.launch(FOLLOWER)?;
        cluster.wait_listening(&BROKERS)?;
        cluster.create_topics()?;
        Ok(cluster)
    }

    /// What a client is given as `bootstrap.servers`: all of them.
    #[must_use]
    pub fn bootstrap(&self) -> Vec<String> {
        self.nodes.iter().map(|it| format!("127.0.0.1:{}", it.port)).collect()
    }

    /// The configuration every client of it begins with.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.bootstrap().join(","));
        // What is measured after an outage must be the agent, not the back-off of who looks on.
        client.set("reconnect.backoff.max.ms", "200").set("topic.metadata.refresh.interval.ms", "1000");
        client
    }

    /// Kills a broker (SIGKILL).
    pub fn kill(&mut self, id: i32) -> Result<()> {
        self.node(id)?.process = None;
        Ok(())
    }

    /// Starts brokers again that were killed, on the same ports and data, and waits until they listen.
    pub fn restart(&mut self, ids: &[i32]) -> Result<()> {
        for id in ids {
            self.launch(*id)?;
        }
        self.wait_listening(ids)
    }

    /// Waits until this broker leads the only or first partition of a topic, and these have all that is in it.
    pub fn wait_for(&self, topic: &str, leader: i32, in_sync: &[i32]) -> Result<()> {
        let client: BaseConsumer = self.client().create()?;
        let mut last = (0, Vec::new());
        let found = wait::until("the leader and who is in sync", STARTS_WITHIN, || {
            let Ok(metadata) = client.fetch_metadata(Some(topic), Duration::from_secs(2)) else {
                return Ok(None);
            };
            let partition = metadata.topics().first().and_then(|it| it.partitions().first());
            let partition = partition.context("no partition")?;
            last = (partition.leader(), partition.isr().to_vec());
            last.1.sort_unstable();
            Ok((last.0 == leader && last.1 == in_sync).then_some(()))
        });
        found.with_context(|| format!("{topic}: broker {} leads, in sync are {:?}", last.0, last.1))
    }

    fn node(&mut self, id: i32) -> Result<&mut Node> {
        let index = usize::try_from(id - 1)?;
        self.nodes.get_mut(index).with_context(|| format!("no broker {id}"))
    }

    fn launch(&mut self, id: i32) -> Result<()> {
        let dir = self.node(id)?.scratch.path().to_owned();
        let process = self.java.node(&dir, HEAP)?;
        self.node(id)?.process = Some(process);
        Ok(())
    }

    fn wait_listening(&mut self, ids: &[i32]) -> Result<()> {
        for id in ids {
            let node = self.node(*id)?;
            wait::until(&format!("broker {id} to listen"), STARTS_WITHIN, || {
                let Some(process) = &mut node.process else { bail!("broker {id} does not run") };
                process.check_alive()?;
                Ok(port::answers(node.port).then_some(()))
            })?;
        }
        Ok(())
    }

    /// Makes the design's topics; of each partition a copy on every broker, the first of which leads.
    fn create_topics(&self) -> Result<()> {
        let client: BaseConsumer = self.client().create()?;
        wait::until("three brokers that know each other", STARTS_WITHIN, || {
            let metadata = client.fetch_metadata(None, Duration::from_secs(2)).ok();
            Ok(metadata.filter(|it| it.brokers().len() == BROKERS.len()).map(drop))
        })?;
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let copies: [&[i32]; 3] = [&BROKERS; 3];
        let mut topics = Vec::new();
        for (name, cleanup, partitions) in TOPICS {
            let copies = copies.get(..usize::try_from(partitions)?).context("too many partitions")?;
            let topic = NewTopic::new(name, partitions, TopicReplication::Variable(copies));
            topics.push(topic.set("cleanup.policy", cleanup).set("min.insync.replicas", "2"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(60)));
        for made in runtime.block_on(admin.create_topics(&topics, &options))? {
            made.map_err(|(topic, code)| anyhow::anyhow!("cannot make topic {topic}: {code}"))?;
        }
        Ok(())
    }
}

/// The topics of offsets and of transactions are Kafka's own, and as safe as those of the design. A broker is taken for
/// dead after three seconds instead of nine: what is measured is who is left, not how long that takes. The cleaner's buffer, 128 MB
/// by itself, has to fit into the heap.
fn properties(id: i32, controller: u16, node: &Node) -> String {
    let (port, dir) = (node.port, node.scratch.path().display());
    let (role, listener) = if id == CONTROLLER {
        ("broker,controller", format!(",CONTROLLER://127.0.0.1:{controller}"))
    } else {
        ("broker", String::new())
    };
    format!(
        "process.roles={role}
node.id={id}
controller.quorum.voters={CONTROLLER}@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port}{listener}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={dir}/data
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
initial.broker.registration.timeout.ms=180000
leader.imbalance.check.interval.seconds=5
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
auto.create.topics.enable=false
"
    )
}
