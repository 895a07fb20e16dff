//! One connection to a broker in either version of MQTT: the same few things said and heard.
//!
//! The only place that names rumqttc's two clients, which share no types: the intake speaks through it, and `discover`.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::{Transport, v5};
use v5::mqttbytes::v5 as packet5;

use crate::config::MqttVersion;
use crate::mqtt::Silence;

/// A message from the broker.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: Bytes,
    pub(crate) payload: Bytes,
    /// The packet id to acknowledge; `None` for QoS 0.
    pub(crate) packet: Option<u16>,
    /// The broker had kept it for whoever comes.
    pub(crate) retained: bool,
    /// The broker had sent it before.
    pub(crate) redelivered: bool,
}

/// What polling a connection gave.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The broker took the connection.
    Connected {
        /// Whether it had kept our session.
        session_present: bool,
    },
    /// A message.
    Message(Message),
    /// The broker's answer to a subscription: whether it allows all of it.
    Subscribed {
        /// Whether it does.
        allowed: bool,
    },
    /// Something of the protocol's own.
    Other,
    /// Nothing: something of ours was sent.
    Ourselves,
}

/// Why a connection is lost or not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection at all.
    Unreachable,
    /// TLS does not agree.
    Tls,
    /// The broker says no.
    Refused,
    /// The broker sends what cannot be read.
    BadPacket,
    /// It was there and is gone.
    Lost,
    /// It was there, and answers nothing any more.
    Silent,
}

/// The end that is polled. Polling is not cancel safe while it connects.
pub(crate) struct Connection {
    client: Client,
    silence: Silence,
}

enum Client {
    V5(Box<v5::EventLoop>),
    V311(Box<rumqttc::EventLoop>),
}

/// The end that says things: never waits.
#[derive(Clone)]
pub(crate) enum Speaker {
    V5(v5::AsyncClient),
    V311(rumqttc::AsyncClient),
}

/// What becomes of a wish to hear topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// The broker will answer.
    Asked,
    /// The broker has kept it with the session.
    Kept,
}

/// The client's channel is full, or its connection's task is gone.
#[derive(Debug, thiserror::Error)]
#[error("the client takes no more requests at present")]
pub(crate) struct NotTaken;

/// Makes both ends; nothing is connected before the first poll.
pub(crate) fn open(
    mut options: v5::MqttOptions,
    version: MqttVersion,
    requests_max: usize,
) -> (Speaker, Connection) {
    let (speaker, client) = match version {
        MqttVersion::V5 => {
            options.set_manual_acks(true);
            options.set_clean_start(false);
            options.set_outgoing_inflight_upper_limit(OUTGOING_MAX);
            let (client, events) = v5::AsyncClient::new(options, requests_max);
            (Speaker::V5(client), Client::V5(Box::new(events)))
        }
        MqttVersion::V311 => {
            let (client, events) = rumqttc::AsyncClient::new(options_v311(&options), requests_max);
            (Speaker::V311(client), Client::V311(Box::new(events)))
        }
    };
    (speaker, Connection { client, silence: Silence::default() })
}

/// The same for a mere look: nothing is acknowledged by hand, and the broker keeps nothing for us.
pub(crate) fn open_to_look(
    mut options: v5::MqttOptions,
    version: MqttVersion,
    requests_max: usize,
) -> (Speaker, Connection) {
    let (speaker, client) = match version {
        MqttVersion::V5 => {
            options.set_clean_start(true);
            options.set_session_expiry_interval(None);
            let (client, events) = v5::AsyncClient::new(options, requests_max);
            (Speaker::V5(client), Client::V5(Box::new(events)))
        }
        MqttVersion::V311 => {
            let mut options = options_v311(&options);
            options.set_clean_session(true).set_manual_acks(false);
            let (client, events) = rumqttc::AsyncClient::new(options, requests_max);
            (Speaker::V311(client), Client::V311(Box::new(events)))
        }
    };
    (speaker, Connection { client, silence: Silence::default() })
}

/// The client publishes markers only; a small window saves the memory of 65,535 slots.
const OUTGOING_MAX: u16 = 100;

/// MQTT 3.1.1 cannot tell a broker how large a packet may be, and one beyond the limit comes again for ever: the limit
/// is what the protocol itself allows.
const PACKET_MAX_V311: usize = 256 * 1024 * 1024;

fn options_v311(options: &v5::MqttOptions) -> rumqttc::MqttOptions {
    let (host, port) = options.broker_address();
    let mut it = rumqttc::MqttOptions::new(options.client_id(), host, port);
    it.set_keep_alive(options.keep_alive())
        .set_transport(Transport::clone(&options.transport()))
        .set_clean_session(false)
        .set_manual_acks(true)
        .set_inflight(OUTGOING_MAX)
        .set_max_packet_size(PACKET_MAX_V311, PACKET_MAX_V311);
    if let Some(login) = options.credentials() {
        it.set_credentials(login.username, login.password);
    }
    it
}

impl Connection {
    /// Waits for what comes next, connecting where there is no connection. After an error it must be cleaned.
    pub(crate) async fn poll(&mut self) -> Result<Heard, (Failure, String)> {
        let keep_alive = self.client.keep_alive();
        let Some(polled) = self.silence.bound(keep_alive, self.client.poll()).await else {
            return Err((Failure::Silent, "no answer".into()));
        };
        if !matches!(polled, Err(_) | Ok(Heard::Ourselves)) {
            self.silence.end();
        }
        polled
    }

    /// Logs in from now on, and trusts, as these options say.
    pub(crate) fn take_login(&mut self, new: &v5::MqttOptions) {
        let login = new.credentials();
        match &mut self.client {
            Client::V5(events) => {
                events.options.set_transport(new.transport());
                if let Some(it) = login {
                    events.options.set_credentials(it.username, it.password);
                }
            }
            Client::V311(events) => {
                events.mqtt_options.set_transport(new.transport());
                if let Some(it) = login {
                    events.mqtt_options.set_credentials(it.username, it.password);
                }
            }
        }
    }

    /// Drops the connection, and every acknowledgement of it that is not on its way yet.
    pub(crate) fn clean(&mut self) {
        self.silence.forget();
        match &mut self.client {
            Client::V5(events) => events.clean(),
            Client::V311(events) => events.clean(),
        }
    }
}

impl Client {
    async fn poll(&mut self) -> Result<Heard, (Failure, String)> {
        match self {
            Self::V5(events) => match events.poll().await {
                Ok(event) => Ok(heard_v5(event)),
                Err(error) => Err((failure_v5(&error), error.to_string())),
            },
            Self::V311(events) => match events.poll().await {
                Ok(event) => Ok(heard_v311(event)),
                Err(error) => Err((failure_v311(&error), error.to_string())),
            },
        }
    }

    fn keep_alive(&self) -> Duration {
        match self {
            Self::V5(events) => events.options.keep_alive(),
            Self::V311(events) => events.mqtt_options.keep_alive(),
        }
    }
}

impl Speaker {
    /// Acknowledges a QoS 1 message by its packet id.
    pub(crate) fn acknowledge(&self, packet: u16) -> Result<(), NotTaken> {
        match self {
            Self::V5(client) => {
                let publish = packet5::Publish {
                    qos: v5::mqttbytes::QoS::AtLeastOnce,
                    pkid: packet,
                    ..Default::default()
                };
                client.try_ack(&publish).map_err(|_| NotTaken)
            }
            Self::V311(client) => {
                let mut publish = rumqttc::Publish::new("", rumqttc::QoS::AtLeastOnce, Vec::new());
                publish.pkid = packet;
                client.try_ack(&publish).map_err(|_| NotTaken)
            }
        }
    }

    /// Subscribes with QoS 1. What the broker had kept for whoever comes is sent for new subscriptions only: a kept
    /// session has them already (MQTT 3.1.1 cannot say so, and is subscribed only where no session was kept).
    pub(crate) fn subscribe<'a>(
        &self,
        filters: impl Iterator<Item = &'a str>,
        session_present: bool,
    ) -> Result<Subscription, NotTaken> {
        let asked = match self {
            Self::V5(client) => {
                let filters = filters.map(|path| packet5::Filter {
                    retain_forward_rule: packet5::RetainForwardRule::OnNewSubscribe,
                    ..packet5::Filter::new(path, v5::mqttbytes::QoS::AtLeastOnce)
                });
                client.try_subscribe_many(filters).map_err(|_| NotTaken)
            }
            Self::V311(_) if session_present => return Ok(Subscription::Kept),
            Self::V311(client) => {
                let filters =
                    filters.map(|path| rumqttc::SubscribeFilter::new(path.into(), rumqttc::QoS::AtLeastOnce));
                client.try_subscribe_many(filters).map_err(|_| NotTaken)
            }
        };
        asked.map(|()| Subscription::Asked)
    }

    /// Subscribes with QoS 0: what is seen this way is taken from nobody.
    pub(crate) fn look_at(&self, filter: &str) -> Result<(), NotTaken> {
        match self {
            Self::V5(client) => {
                client.try_subscribe(filter, v5::mqttbytes::QoS::AtMostOnce).map_err(|_| NotTaken)
            }
            Self::V311(client) => {
                client.try_subscribe(filter, rumqttc::QoS::AtMostOnce).map_err(|_| NotTaken)
            }
        }
    }

    /// Publishes with QoS 1, not retained.
    pub(crate) fn publish(&self, topic: &str, payload: String) -> Result<(), NotTaken> {
        match self {
            Self::V5(client) => client
                .try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, false, payload)
                .map_err(|_| NotTaken),
            Self::V311(client) => {
                client.try_publish(topic, rumqttc::QoS::AtLeastOnce, false, payload).map_err(|_| NotTaken)
            }
        }
    }

    /// Leaves the broker, behind everything said before.
    pub(crate) fn disconnect(&self) {
        // A client that takes no more has lost its connection anyway.
        let _ = match self {
            Self::V5(client) => client.try_disconnect().is_ok(),
            Self::V311(client) => client.try_disconnect().is_ok(),
        };
    }
}

fn heard_v5(event: v5::Event) -> Heard {
    match event {
        v5::Event::Incoming(packet5::Packet::Publish(it)) => Heard::Message(Message {
            packet: (it.qos != v5::mqttbytes::QoS::AtMostOnce).then_some(it.pkid),
            topic: it.topic,
            payload: it.payload,
            retained: it.retain,
            redelivered: it.dup,
        }),
        v5::Event::Incoming(packet5::Packet::ConnAck(it)) => {
            Heard::Connected { session_present: it.session_present }
        }
        v5::Event::Incoming(packet5::Packet::SubAck(it)) => {
            let is_taken =
                |it: &packet5::SubscribeReasonCode| matches!(it, packet5::SubscribeReasonCode::Success(_));
            Heard::Subscribed { allowed: it.return_codes.iter().all(is_taken) }
        }
        v5::Event::Incoming(_) => Heard::Other,
        v5::Event::Outgoing(_) => Heard::Ourselves,
    }
}

fn heard_v311(event: rumqttc::Event) -> Heard {
    match event {
        rumqttc::Event::Incoming(rumqttc::Packet::Publish(it)) => Heard::Message(Message {
            packet: (it.qos != rumqttc::QoS::AtMostOnce).then_some(it.pkid),
            topic: it.topic.into(),
            payload: it.payload,
            retained: it.retain,
            redelivered: it.dup,
        }),
        rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(it)) => {
            Heard::Connected { session_present: it.session_present }
        }
        rumqttc::Event::Incoming(rumqttc::Packet::SubAck(it)) => {
            let is_taken =
                |it: &rumqttc::SubscribeReasonCode| matches!(it, rumqttc::SubscribeReasonCode::Success(_));
            Heard::Subscribed { allowed: it.return_codes.iter().all(is_taken) }
        }
        rumqttc::Event::Incoming(_) => Heard::Other,
        rumqttc::Event::Outgoing(_) => Heard::Ourselves,
    }
}

fn failure_v5(error: &v5::ConnectionError) -> Failure {
    match error {
        v5::ConnectionError::Io(_) | v5::ConnectionError::Timeout(_) => Failure::Unreachable,
        v5::ConnectionError::Tls(_) => Failure::Tls,
        v5::ConnectionError::ConnectionRefused(_) => Failure::Refused,
        v5::ConnectionError::MqttState(v5::StateError::Deserialization(_)) => Failure::BadPacket,
        _ => Failure::Lost,
    }
}

fn failure_v311(error: &rumqttc::ConnectionError) -> Failure {
    match error {
        rumqttc::ConnectionError::Io(_) | rumqttc::ConnectionError::NetworkTimeout => Failure::Unreachable,
        rumqttc::ConnectionError::Tls(_) => Failure::Tls,
        rumqttc::ConnectionError::ConnectionRefused(_) => Failure::Refused,
        rumqttc::ConnectionError::MqttState(rumqttc::StateError::Deserialization(_)) => Failure::BadPacket,
        _ => Failure::Lost,
    }
}
