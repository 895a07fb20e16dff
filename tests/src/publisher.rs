//! A publisher of readings in the `wardline` format at a steady rate, counting what the broker took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rumqttc::{AsyncClient, Client, Event, MqttOptions, Packet, QoS};

use crate::patient::Patient;
use crate::{port, wait};

/// Messages sent and not yet acknowledged by the broker: enough that the rate, not the round trip, decides.
pub const IN_FLIGHT: u16 = 500;
/// The calls that wait for the connection: a tenth of a second at the highest rate used.
const QUEUE: usize = 500;
/// How long a broker that was lost may be away.
const RETURNS_WITHIN: Duration = Duration::from_secs(60);
/// How often the next messages of a rate are due.
const TICK: Duration = Duration::from_millis(10);

/// What to publish: `count` messages, spread evenly over `beds`, on `ward/BED`.
#[derive(Debug, Clone)]
pub struct Load {
    /// The beds, each a topic of its own.
    pub beds: Vec<String>,
    /// How many messages.
    pub count: u64,
    /// Messages a second; `None`: as fast as the broker acknowledges.
    pub rate: Option<u32>,
    /// The `seq` of each bed's first message.
    pub first_seq: u64,
    /// What they say.
    pub patient: Patient,
}

/// Publishes a load from a thread of its own.
#[derive(Debug)]
pub struct Publisher {
    progress: Arc<Progress>,
    thread: JoinHandle<Result<()>>,
}

/// What the publisher's thread and its owner tell each other.
#[derive(Debug)]
struct Progress {
    acknowledged: AtomicU64,
    /// How many were given to the client so far, on whichever connection.
    published: AtomicU64,
    /// How many there will be: that of the load, or fewer once it was asked to stop.
    count: AtomicU64,
    stopping: AtomicBool,
}

impl Load {
    /// Message `n` of the load: its bed and its `seq`. No two are alike.
    #[must_use]
    pub fn message(&self, n: u64) -> (&str, u64) {
        let beds = self.beds.len() as u64;
        let bed = usize::try_from(n % beds).unwrap_or(0);
        (&self.beds[bed], self.first_seq + n / beds)
    }

    /// The number of a message in the load; `None` if it is of none of its beds.
    #[must_use]
    pub fn number(&self, bed: &str, seq: u64) -> Option<u64> {
        let bed = self.beds.iter().position(|it| it == bed)? as u64;
        Some(seq.checked_sub(self.first_seq)? * self.beds.len() as u64 + bed)
    }

    /// Every message of the load.
    pub fn messages(&self) -> impl Iterator<Item = (&str, u64)> {
        (0..self.count).map(|n| self.message(n))
    }
}

impl Publisher {
    /// Begins to publish on the broker at `port`; to lose the broker is an error.
    #[must_use]
    pub fn start(port: u16, load: Load) -> Self {
        Self::start_with(port, load, false)
    }

    /// As [`Publisher::start`], but when the broker is lost it comes back, and publishes again what the broker had not
    /// acknowledged.
    #[must_use]
    pub fn start_persevering(port: u16, load: Load) -> Self {
        Self::start_with(port, load, true)
    }

    fn start_with(port: u16, load: Load, perseveres: bool) -> Self {
        let progress = Arc::new(Progress {
            acknowledged: AtomicU64::new(0),
            published: AtomicU64::new(0),
            count: AtomicU64::new(load.count),
            stopping: AtomicBool::new(false),
        });
        let told = Arc::clone(&progress);
        Self { progress, thread: thread::spawn(move || publish(port, &load, &told, perseveres)) }
    }

    /// How many the broker has acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.progress.acknowledged.load(Ordering::Relaxed)
    }

    /// Publishes one more, and no other; waits until the broker has acknowledged what was published, and says how many.
    pub fn stop(self) -> Result<u64> {
        self.progress.stopping.store(true, Ordering::Relaxed);
        let progress = Arc::clone(&self.progress);
        self.finish(Duration::from_secs(60))?;
        Ok(progress.count.load(Ordering::Relaxed))
    }

    /// Waits until the broker has acknowledged all of them.
    pub fn finish(self, within: Duration) -> Result<()> {
        wait::until_true("the broker to take all messages", within, || self.thread.is_finished())?;
        self.thread.join().map_err(|_| anyhow!("the publisher panicked"))?
    }
}

/// Publishes one payload on one topic and waits for the broker's acknowledgement.
pub fn publish_one(port: u16, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) -> Result<()> {
    let (client, mut connection) = Client::new(options(port, "one"), 4);
    client.publish(topic, QoS::AtLeastOnce, retain, payload)?;
    for event in connection.iter() {
        if matches!(event?, Event::Incoming(Packet::PubAck(_))) {
            client.disconnect()?;
            return Ok(());
        }
    }
    bail!("the broker closed the connection before it took the message")
}

/// A client that stays connected and publishes one message at a time.
pub struct Caller {
    client: Client,
}

impl Caller {
    /// Connects to the broker at `port`.
    pub fn connect(port: u16) -> Result<Self> {
        let (client, mut connection) = Client::new(options(port, "caller"), 16);
        let (ready, connected) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => drop(ready.send(())),
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        connected.recv_timeout(Duration::from_secs(10)).context("the broker did not take the connection")?;
        Ok(Self { client })
    }

    /// Publishes a message; does not wait for the broker.
    pub fn publish(&self, topic: &str, payload: String) -> Result<()> {
        Ok(self.client.publish(topic, QoS::AtLeastOnce, false, payload)?)
    }
}

fn publish(port: u16, load: &Load, progress: &Progress, perseveres: bool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begin = Instant::now();
    loop {
        let lost = match runtime.block_on(publish_on_one_connection(port, load, progress, begin)) {
            Err(error) if perseveres => error,
            end => return end,
        };
        wait::until(&format!("the broker's return ({lost:#})"), RETURNS_WITHIN, || {
            Ok(port::answers(port).then_some(()))
        })?;
    }
}

/// Publishes from the first message on that the broker, who keeps the order, has not acknowledged.
async fn publish_on_one_connection(
    port: u16,
    load: &Load,
    progress: &Progress,
    begin: Instant,
) -> Result<()> {
    let (client, mut connection) = AsyncClient::new(options(port, "load"), QUEUE);
    let send = send(&client, load, progress, begin);
    let count = || progress.count.load(Ordering::Relaxed);
    // `poll` must not be dropped while it connects, so it is not one arm of a select beside a timer.
    let receive = async {
        while progress.acknowledged.load(Ordering::Relaxed) < count() {
            let event = connection.poll().await.context("the publisher lost the broker")?;
            if matches!(event, Event::Incoming(Packet::PubAck(_))) {
                progress.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }
        anyhow::Ok(())
    };
    tokio::try_join!(send, receive).map(drop)
}

async fn send(client: &AsyncClient, load: &Load, progress: &Progress, begin: Instant) -> Result<()> {
    let mut n = progress.acknowledged.load(Ordering::Relaxed);
    while n < load.count {
        let due = match load.rate {
            Some(rate) => due(begin.elapsed(), rate).min(load.count),
            None => load.count,
        };
        let stopping = progress.stopping.load(Ordering::Relaxed);
        let due = if stopping { last(n, progress) } else { due };
        if stopping {
            // Before the last is published: its acknowledgement ends the count.
            progress.count.store(due, Ordering::Relaxed);
        }
        for n in n..due {
            progress.published.fetch_max(n + 1, Ordering::Relaxed);
            let (bed, seq) = load.message(n);
            client.publish(format!("ward/{bed}"), QoS::AtLeastOnce, false, load.patient.payload(seq)).await?;
        }
        n = due;
        if stopping {
            return Ok(());
        }
        if n < load.count {
            tokio::time::sleep(TICK).await;
        }
    }
    Ok(())
}

/// The end of a load that is asked to stop at message `n`: one more than was ever published, and the same when asked
/// again on another connection.
fn last(n: u64, progress: &Progress) -> u64 {
    let published = progress.published.load(Ordering::Relaxed);
    (published.max(n) + 1).min(progress.count.load(Ordering::Relaxed))
}

fn due(elapsed: Duration, rate: u32) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(rate)) / 1000
}

fn options(port: u16, role: &str) -> MqttOptions {
    // No two publishers at once may bear the same id: the broker would throw out the first.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let id = format!("{role}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    options.set_inflight(IN_FLIGHT).set_keep_alive(Duration::from_secs(30));
    options.set_max_packet_size(1 << 20, 300 << 20);
    options
}
