//! The local MQTT topic of operator actions, for a button or a board that must work without Kafka.
//!
//! A connection of its own, so that no flood of readings delays an acknowledgement. A retained message is no action:
//! nobody is there who asks for it now.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};
use vitals::backoff::Backoff;
use vitals::name::Name;
use vitals::record::action::{ActionLine, ActionName, ReplyRecord};

use super::{Placed, Way};
use crate::clock;
use crate::config::{Config, LocalActions};
use crate::mqtt::{self, Renewal, TlsError};
use crate::source::SourceInput;

/// Replies that wait for the client: operators press buttons a few times a minute. What does not fit is not answered;
/// whoever asks again under the same id is.
const REPLIES_MAX: usize = 64;

/// Where the bedside task says its replies.
#[derive(Debug)]
pub struct LocalReplies(mpsc::Sender<ReplyRecord>);

impl LocalReplies {
    /// Hands a reply over. Never waits.
    pub fn offer(&self, reply: ReplyRecord) {
        let _ = self.0.try_send(reply);
    }
}

/// Begins to listen on the topic.
pub(super) fn start(
    config: &Config,
    local: &LocalActions,
    inbox: mpsc::Sender<SourceInput>,
    stopped: watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<Option<LocalReplies>, TlsError> {
    let Some(link) = config.mqtt.get(local.link) else { return Ok(None) };
    let mut options = mqtt::options(link, "-actions")?;
    // What was asked while the agent was away is stale.
    options.set_clean_start(true);
    options.set_session_expiry_interval(None);
    let (client, events) = AsyncClient::new(options, REPLIES_MAX);
    let (sender, replies) = mpsc::channel(REPLIES_MAX);
    let listener = Listener {
        link: link.name.clone(),
        topic: local.topic.clone(),
        allowed: local.allowed.clone(),
        beds: config.places().collect(),
        client: client.clone(),
        inbox,
    };
    tasks.spawn(listener.listen(events, Renewal::new(link.clone()), stopped.clone()));
    tasks.spawn(publish(client, format!("{}/replies", local.topic), replies, stopped));
    Ok(Some(LocalReplies(sender)))
}

struct Listener {
    link: Name,
    topic: String,
    allowed: BTreeSet<ActionName>,
    beds: BTreeSet<Arc<Name>>,
    client: AsyncClient,
    inbox: mpsc::Sender<SourceInput>,
}

impl Listener {
    /// Polls and nothing else: no message makes it wait.
    async fn listen(self, mut events: EventLoop, mut renewal: Renewal, mut stopped: watch::Receiver<bool>) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        let mut said = false;
        loop {
            // Not cancel safe while it connects, which no longer matters when the agent ends.
            let event = tokio::select! {
                biased;
                _ = stopped.wait_for(|it| *it) => return,
                event = events.poll() => event,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    info!(link = %self.link, topic = self.topic, "Operator actions are read from the MQTT broker.");
                    said = false;
                    backoff.reset();
                    // The queue is empty after a connection; what cannot be asked for now is at the next one.
                    let _ = self.client.try_subscribe(&self.topic, QoS::AtLeastOnce);
                }
                Ok(Event::Incoming(Packet::Publish(message))) => self.take(&message),
                Ok(_) => {}
                Err(error) => {
                    if !said {
                        warn!(link = %self.link, %error, "Operator actions cannot be read from the MQTT broker; trying again.");
                        said = true;
                    }
                    let pause = tokio::time::sleep(backoff.next_delay(crate::random::u32()));
                    tokio::select! {
                        _ = stopped.wait_for(|it| *it) => return,
                        () = pause => {}
                    }
                    renewal.renew(&mut events.options).await;
                }
            }
        }
    }

    fn take(&self, message: &Publish) {
        if message.retain {
            warn!(link = %self.link, topic = self.topic, "A retained action was not done: publish actions without retain.");
            return;
        }
        let record = match serde_json::from_slice(&message.payload) {
            Ok(ActionLine::Action(record)) => *record,
            Ok(ActionLine::Reply(_) | ActionLine::Receipt(_)) => return,
            Err(error) => {
                warn!(link = %self.link, topic = self.topic, %error, "A message cannot be understood as an action; nothing was done.");
                return;
            }
        };
        let Some(bed) = self.beds.iter().find(|it| it.as_str() == record.bed) else { return };
        let way = Way::Mqtt { allowed: self.allowed.contains(&record.action) };
        let placed = Placed { bed: Arc::clone(bed), record, way, at: clock::uptime() };
        // The bedside task empties its inbox many times a second; whoever is not answered asks again.
        let _ = self.inbox.try_send(SourceInput::Action(Box::new(placed)));
    }
}

async fn publish(
    client: AsyncClient,
    topic: String,
    mut replies: mpsc::Receiver<ReplyRecord>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let reply = tokio::select! {
            _ = stopped.wait_for(|it| *it) => break,
            reply = replies.recv() => reply,
        };
        let Some(reply) = reply else { break };
        if let Ok(body) = serde_json::to_vec(&ActionLine::Reply(reply)) {
            let _ = client.try_publish(&topic, QoS::AtLeastOnce, false, body);
        }
    }
    let _ = client.try_disconnect();
}
