//! Every topic of an MQTT broker, for a while: subscribed with QoS 0 under a client id of its own, so that nothing is taken from
//! anybody, acknowledged or kept; nothing is published. Topics of the broker itself (`$SYS`) are not looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::topic::Topic;
use crate::config::{MqttLink, MqttVersion};
use crate::mqtt;

/// Topics told of; a busy broker may have a million.
const TOPICS_MAX: usize = 1000;
/// Topics with raw bytes: each keeps a driver of every model.
const RAW_MAX: usize = 64;
/// The longest topic that is told.
const TOPIC_MAX: usize = 256;
/// A subscription and a goodbye.
const REQUESTS_MAX: usize = 4;

/// A broker to look at.
pub(super) struct Broker {
    pub(super) link: MqttLink,
    /// Its address, if it is not in the configuration.
    pub(super) url: Option<String>,
}

/// What was heard of a broker.
pub(super) struct BrokerFound {
    pub(super) broker: Broker,
    pub(super) topics: BTreeMap<String, Topic>,
    /// Whether there were more.
    pub(super) more: bool,
    /// Why nothing, or not everything, could be heard.
    pub(super) trouble: Option<String>,
}

pub(super) async fn look(brokers: Vec<Broker>, within: Duration) -> Vec<BrokerFound> {
    let mut looks = JoinSet::new();
    for (number, broker) in brokers.into_iter().enumerate() {
        looks.spawn(async move { (number, look_at(broker, within).await) });
    }
    let mut found = looks.join_all().await;
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, it)| it).collect()
}

async fn look_at(broker: Broker, within: Duration) -> BrokerFound {
    let mut found = BrokerFound { broker, topics: BTreeMap::new(), more: false, trouble: None };
    if found.broker.link.version == MqttVersion::V311 {
        found.trouble = Some("it speaks MQTT 3.1.1 only, and is looked at in MQTT 5".into());
        return found;
    }
    let mut options = match mqtt::options(&found.broker.link, "") {
        Ok(options) => options,
        Err(error) => {
            found.trouble = Some(error.to_string());
            return found;
        }
    };
    options.set_clean_start(true);
    options.set_session_expiry_interval(None);
    let (client, events) = AsyncClient::new(options, REQUESTS_MAX);
    if let Ok(trouble) = timeout(within, found.hear(&client, events)).await {
        found.trouble = Some(trouble);
    }
    found
}

impl BrokerFound {
    /// Listens until something is in the way, and says what.
    async fn hear(&mut self, client: &AsyncClient, mut events: EventLoop) -> String {
        self.trouble = Some("it does not answer".into());
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    self.trouble = Some("it has not taken the subscription to #".into());
                    if client.try_subscribe("#", QoS::AtMostOnce).is_err() {
                        return "the client takes no subscription".into();
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    let taken = |it: &SubscribeReasonCode| matches!(it, SubscribeReasonCode::Success(_));
                    if !answer.return_codes.iter().all(taken) {
                        return "it does not allow a subscription to #: name a user with --config who may"
                            .into();
                    }
                    self.trouble = None;
                }
                Ok(Event::Incoming(Packet::Publish(message))) => self.take(&message),
                Ok(Event::Incoming(_) | Event::Outgoing(_)) => {}
                Err(error) => return error.to_string(),
            }
        }
    }

    fn take(&mut self, message: &Publish) {
        let Ok(topic) = std::str::from_utf8(&message.topic) else { return };
        if topic.starts_with('$') {
            return;
        }
        let raw = self.topics.values().filter(|it| it.is_raw()).count();
        let known = self.topics.contains_key(topic);
        if !known && (self.topics.len() == TOPICS_MAX || topic.len() > TOPIC_MAX) {
            self.more = true;
            return;
        }
        let entry = self.topics.entry(topic.to_owned()).or_insert_with(|| Topic::new(message.retain));
        entry.handle_message(&message.payload, raw < RAW_MAX);
    }
}
