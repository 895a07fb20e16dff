//! Every topic of an MQTT broker, for a while: subscribed with QoS 0 under a client id of its own, so that nothing is taken from
//! anybody, acknowledged or kept; nothing is published. Topics of the broker itself (`$SYS`) are not looked at.
//!
//! A broker of a configuration is spoken to in the version that stands there. Of one that is known by its address alone nobody has
//! said which it speaks: in MQTT 5 first, and in 3.1.1 if it does not answer to that.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::topic::Topic;
use crate::config::{MqttLink, MqttVersion};
use crate::mqtt;
use crate::source::mqtt::connection::{self, Connection, Failure, Heard, Message, Speaker};

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
    let may_be_older = broker.url.is_some();
    let mut found = BrokerFound { broker, topics: BTreeMap::new(), more: false, trouble: None };
    let look = async {
        match found.hear().await {
            // It says no in a form that MQTT 5 has not, or hangs up without a word.
            End::NoConnection(Some(failure), _) if may_be_older && failure != Failure::Tls => {
                found.broker.link.version = MqttVersion::V311;
                found.hear().await
            }
            end => end,
        }
    };
    if let Ok(End::NoConnection(_, trouble) | End::Lost(trouble)) = timeout(within, look).await {
        found.trouble = Some(trouble);
    }
    found
}

/// Why a look is over before its time, in words too.
enum End {
    /// The broker has not taken the connection, or there can be none.
    NoConnection(Option<Failure>, String),
    /// It had.
    Lost(String),
}

impl BrokerFound {
    /// Listens until something is in the way, and says what.
    async fn hear(&mut self) -> End {
        let link = &self.broker.link;
        let (client, mut events) = match mqtt::options(link, "") {
            Ok(options) => connection::open_to_look(options, link.version, REQUESTS_MAX),
            Err(error) => return End::NoConnection(None, error.to_string()),
        };
        self.trouble = Some("it does not answer".into());
        loop {
            match events.poll().await {
                Ok(Heard::Connected { .. }) => break,
                Ok(_) => {}
                Err((failure, trouble)) => return End::NoConnection(Some(failure), trouble),
            }
        }
        End::Lost(self.hear_topics(&client, &mut events).await)
    }

    async fn hear_topics(&mut self, client: &Speaker, events: &mut Connection) -> String {
        self.trouble = Some("it has not taken the subscription to #".into());
        if client.look_at("#").is_err() {
            return "the client takes no subscription".into();
        }
        loop {
            match events.poll().await {
                Ok(Heard::Subscribed { allowed: true }) => self.trouble = None,
                Ok(Heard::Subscribed { allowed: false }) => {
                    return "it does not allow a subscription to #: name a user with --config who may".into();
                }
                Ok(Heard::Message(message)) => self.take(&message),
                Ok(Heard::Connected { .. } | Heard::Other | Heard::Ourselves) => {}
                Err((_, error)) => return error,
            }
        }
    }

    fn take(&mut self, message: &Message) {
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
        let entry = self.topics.entry(topic.to_owned()).or_insert_with(|| Topic::new(message.retained));
        entry.handle_message(&message.payload, raw < RAW_MAX);
    }
}
