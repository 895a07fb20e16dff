//! A retained MQTT message for each bed: what is open there, and until when that may be believed.
//!
//! A connection of its own, so that a flood of readings cannot delay an alarm. The message is state, not an event: the
//! newest stands, is published again after every reconnection (the client forgets what it had queued when a broker
//! loses the session) and while anything is open, and becomes empty of alarms when all is over. When the agent dies,
//! the broker says so in its place (Last Will) on the same prefix, under the agent's name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, Packet};
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};
use vitals::backoff::Backoff;
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::alarm::{AlarmRecord, VALIDITY, WallClock};
use vitals::time::{ClockQuality, Timestamp};

use super::Announcement;
use super::word::{Mouth, is_awaited};
use crate::clock;
use crate::config::MqttLink;
use crate::metrics::Metrics;
use crate::mqtt::{self, Renewal, Silence, TlsError};

/// Requests to the client: a message for each bed of a large unit, twice. What does not fit is published at the next
/// turn, newer by then.
const REQUESTS_MAX: usize = 1024;

/// The longest pause between two tries: an alarm that waits must not wait for us once the broker is back.
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// The schema of a bed's message.
const SCHEMA: &str = "wardline.bed_alarms.v1";

/// What is open on one bed.
#[derive(Debug, Serialize)]
struct BedAlarms<'a> {
    schema: &'static str,
    agent: &'a str,
    bed: &'a str,
    at: Timestamp,
    valid_until: Option<Timestamp>,
    mode: Mode,
    notice: &'static str,
    alarms: &'a [Arc<AlarmRecord>],
}

/// That the agent is there, or is gone; and while it is there, what is wrong with it.
#[derive(Debug, Serialize)]
struct Presence<'a> {
    schema: &'static str,
    agent: &'a str,
    present: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    alarms: &'a [Arc<AlarmRecord>],
}

/// The schema of the agent's own message.
const PRESENCE: &str = "wardline.agent_presence.v1";

/// What the annunciator needs besides its link.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) agent: Arc<Name>,
    /// Tells several annunciators on one broker apart.
    pub(super) index: usize,
    /// The topic, with `{bed}`.
    pub(super) topic: String,
    pub(super) beds: Vec<Arc<Name>>,
}

/// The beds' newest states, for the task that publishes them.
#[derive(Debug)]
pub(super) struct BedTopics {
    beds: BTreeMap<Arc<Name>, watch::Sender<OpenAlarms>>,
    changed: watch::Sender<()>,
    mouth: Mouth,
}

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Connection {
    /// Counts them.
    number: u64,
    /// Messages that the broker has acknowledged on this one.
    acknowledged: u64,
}

/// What is open on a bed.
type OpenAlarms = Arc<[Arc<AlarmRecord>]>;
type Receivers = BTreeMap<Arc<Name>, watch::Receiver<OpenAlarms>>;

impl BedTopics {
    pub(super) fn start(
        settings: Settings,
        link: &MqttLink,
        mouth: Mouth,
        metrics: &Metrics,
        stopped: watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, TlsError> {
        let mut options = mqtt::options(link, &format!("-alarms-{}", settings.index))?;
        options.set_clean_start(true);
        options.set_session_expiry_interval(None);
        options.set_outgoing_inflight_upper_limit(100);
        let presence_topic = settings.topic.replace("{bed}", settings.agent.as_str());
        let gone = gone(&settings.agent);
        options.set_last_will(LastWill::new(&presence_topic, gone, QoS::AtLeastOnce, true, None));
        let (client, events) = AsyncClient::new(options, REQUESTS_MAX);
        let (connected, connections) = watch::channel(Connection::default());
        let (changed, news) = watch::channel(());
        let mut senders = BTreeMap::new();
        let mut receivers = BTreeMap::new();
        // The agent's own alarms stand under its id, where its presence does.
        for bed in settings.beds.iter().chain([&settings.agent]) {
            let (sender, receiver) = watch::channel(Arc::from([]));
            senders.insert(Arc::clone(bed), sender);
            receivers.insert(Arc::clone(bed), receiver);
        }
        let publisher = Publisher {
            settings,
            presence_topic,
            client,
            metrics: metrics.clone(),
            mouth: mouth.clone(),
            connection: 0,
            asked: 0,
            awaited: None,
        };
        tasks.spawn(poll(events, connected, link.clone()));
        tasks.spawn(publisher.run(receivers, news, connections, stopped));
        Ok(Self { beds: senders, changed, mouth })
    }

    pub(super) fn name(&self) -> &str {
        self.mouth.name()
    }

    pub(super) fn offer(&self, announcement: &Announcement) {
        if let Some(bed) = self.beds.get(&announcement.bed) {
            bed.send_replace(announcement.open.as_slice().into());
            self.changed.send_replace(());
        }
    }
}

/// Polls and nothing else; counts the connections, and what is acknowledged on each.
async fn poll(mut events: EventLoop, connected: watch::Sender<Connection>, link: MqttLink) {
    let (broker, mut renewal) = (link.address(), Renewal::new(link.clone()));
    let link = link.name;
    let mut backoff = Backoff::new(Duration::from_millis(200), RECONNECT_MAX);
    let (mut said, mut silence) = (false, Silence::default());
    loop {
        let keep_alive = events.options.keep_alive();
        let Some(polled) = silence.bound(keep_alive, events.poll()).await else {
            warn!(%link, "The MQTT broker takes no alarms and answers nothing; connecting anew.");
            (said, silence) = (true, Silence::default());
            events.clean();
            continue;
        };
        match &polled {
            Ok(Event::Incoming(_)) => silence.end(),
            Ok(Event::Outgoing(_)) => {}
            Err(_) => silence.forget(),
        }
        match polled {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                info!(%link, "Alarms are published to the MQTT broker.");
                said = false;
                backoff.reset();
                connected.send_modify(|it| *it = Connection { number: it.number + 1, acknowledged: 0 });
            }
            Ok(Event::Incoming(Packet::PubAck(_))) => connected.send_modify(|it| it.acknowledged += 1),
            Ok(_) => {}
            Err(_) if connected.is_closed() => return,
            Err(error) => {
                if !said {
                    warn!(%link, broker, %error, "Alarms do not reach the MQTT broker; trying again.");
                    said = true;
                }
                tokio::time::sleep(backoff.next_delay(crate::random::u32())).await;
                renewal.renew(&mut events.options).await;
            }
        }
    }
}

struct Publisher {
    settings: Settings,
    presence_topic: String,
    client: AsyncClient,
    metrics: Metrics,
    mouth: Mouth,
    /// The number of the connection, and messages handed over on it.
    connection: u64,
    asked: u64,
    /// A test alarm, and how many messages the broker must have acknowledged until it is known to have this one.
    awaited: Option<(Arc<AlarmRecord>, u64)>,
}

impl Publisher {
    async fn run(
        mut self,
        mut beds: Receivers,
        mut news: watch::Receiver<()>,
        mut connections: watch::Receiver<Connection>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let mut unsent = BTreeSet::new();
        // What is open is said again before its validity ends: two of them, and some for the way.
        let mut again = tokio::time::interval(VALIDITY / 3);
        loop {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|it| *it) => break,
                outcome = connections.changed() => {
                    if outcome.is_err() { return }
                    if self.take(*connections.borrow_and_update()) {
                        // A lost connection may have lost what was on its way: everything is said anew.
                        unsent.extend(beds.keys().cloned());
                    }
                }
                outcome = news.changed() => if outcome.is_err() { break },
                _ = again.tick() => {
                    unsent.extend(beds.iter().filter(|(_, open)| !open.borrow().is_empty()).map(|(bed, _)| Arc::clone(bed)));
                }
            }
            unsent.extend(
                beds.iter()
                    .filter(|(_, it)| it.has_changed().unwrap_or(false))
                    .map(|(bed, _)| Arc::clone(bed)),
            );
            if self.connection > 0 {
                unsent.retain(|bed| !beds.get_mut(bed).is_some_and(|open| self.tell(bed, open)));
            }
        }
        let topic = self.presence_topic.clone();
        self.publish(&topic, gone(&self.settings.agent));
        let _ = self.client.try_disconnect();
    }

    /// Takes how the connection is. Whether it is a new one.
    fn take(&mut self, now: Connection) -> bool {
        if now.number != self.connection {
            (self.connection, self.asked, self.awaited) = (now.number, 0, None);
            return true;
        }
        if let Some((test, _)) = self.awaited.take_if(|(_, asked)| *asked <= now.acknowledged) {
            self.mouth.say(&test, true);
        }
        false
    }

    /// Publishes the state of a bed. Whether the client took it.
    fn tell(&mut self, bed: &Name, open: &mut watch::Receiver<Arc<[Arc<AlarmRecord>]>>) -> bool {
        let alarms = Arc::clone(&open.borrow_and_update());
        let wall: WallClock = clock::wall_clock(ClockQuality::Unsynced);
        if *bed == *self.settings.agent {
            let topic = self.presence_topic.clone();
            return self.publish(&topic, present(bed, wall, &alarms));
        }
        let message = BedAlarms {
            schema: SCHEMA,
            agent: self.settings.agent.as_str(),
            bed: bed.as_str(),
            at: wall.at,
            valid_until: wall.at(wall.up + VALIDITY),
            mode: alarms.iter().map(|it| it.mode).max().unwrap_or(Mode::Live),
            notice: "secondary notification, not a medical device; bedside monitors remain primary",
            alarms: &alarms,
        };
        let topic = self.settings.topic.replace("{bed}", bed.as_str());
        let taken = serde_json::to_vec(&message).is_ok_and(|body| self.publish(&topic, body));
        if let Some(test) = alarms.iter().find(|it| taken && is_awaited(it)) {
            // What the broker acknowledges it does in order.
            self.awaited = Some((Arc::clone(test), self.asked));
        }
        taken
    }

    fn publish(&mut self, topic: &str, body: Vec<u8>) -> bool {
        let taken = self.client.try_publish(topic, QoS::AtLeastOnce, true, body).is_ok();
        self.asked += u64::from(taken);
        self.metrics.annunciate("mqtt", if taken { "sent" } else { "waiting" });
        taken
    }
}

/// That the agent is there, and what is open of its own.
fn present(agent: &Name, wall: WallClock, alarms: &[Arc<AlarmRecord>]) -> Vec<u8> {
    let valid_until = wall.at(wall.up + VALIDITY).filter(|_| !alarms.is_empty());
    let agent = agent.as_str();
    encoded(&Presence { schema: PRESENCE, agent, present: true, at: Some(wall.at), valid_until, alarms })
}

/// That the agent is gone: said by the broker in its place, or by itself at its end.
fn gone(agent: &Name) -> Vec<u8> {
    let agent = agent.as_str();
    encoded(&Presence { schema: PRESENCE, agent, present: false, at: None, valid_until: None, alarms: &[] })
}

fn encoded(message: &Presence<'_>) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}
