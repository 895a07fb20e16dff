//! How Kafka is reached: librdkafka's configuration from ours, and its many words put into few.

pub(crate) mod actions;
mod secrets;
mod trouble;

use std::time::Duration;

use rdkafka::ClientConfig;
use secrecy::ExposeSecret;

use crate::config::{Kafka, KafkaSecurity, Sasl};

pub(crate) use self::secrets::{Login, Refused, renew};
pub(crate) use self::trouble::Troubles;

/// The longest that librdkafka waits before it tries a broker again: an outage must not outlast itself.
const RECONNECT_MAX: Duration = Duration::from_secs(1);

/// What every client of ours has in common.
pub(crate) fn client(kafka: &Kafka, client_id: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("socket.timeout.ms", kafka.answer_timeout.as_millis().to_string());
    config
        .set("bootstrap.servers", kafka.brokers.join(","))
        .set("client.id", client_id)
        .set("reconnect.backoff.max.ms", RECONNECT_MAX.as_millis().to_string())
        .set("socket.keepalive.enable", "true")
        // Our own words are enough; librdkafka's come many times a second with a dead broker.
        .set("log.connection.close", "false");
    match &kafka.security {
        KafkaSecurity::Plaintext => config.set("security.protocol", "plaintext"),
        KafkaSecurity::Tls => config.set("security.protocol", "ssl"),
        KafkaSecurity::SaslTls(sasl) => set_sasl(&mut config, sasl).set("security.protocol", "sasl_ssl"),
        KafkaSecurity::SaslPlaintext(sasl) => {
            set_sasl(&mut config, sasl).set("security.protocol", "sasl_plaintext")
        }
    };
    if let Some(path) = &kafka.ca_file {
        config.set("ssl.ca.location", path.to_string_lossy());
    }
    if let Some((cert, key)) = &kafka.client_cert {
        config.set("ssl.certificate.location", cert.to_string_lossy());
        config.set("ssl.key.location", key.to_string_lossy());
    }
    config
}

fn set_sasl<'a>(config: &'a mut ClientConfig, sasl: &Sasl) -> &'a mut ClientConfig {
    config
        .set("sasl.mechanism", &sasl.mechanism)
        .set("sasl.username", &sasl.user)
        .set("sasl.password", sasl.password.now().expose_secret())
}

/// Lets the integrator's own properties prevail; what the promises rest on was refused when they were read.
pub(crate) fn prevail(kafka: &Kafka, config: &mut ClientConfig) {
    for (key, value) in &kafka.properties {
        config.set(key, value);
    }
}

/// A producer that loses nothing and keeps the order: idempotent, acknowledged by all replicas, and never giving up.
pub(crate) fn durable(kafka: &Kafka, client_id: &str) -> ClientConfig {
    let mut config = client(kafka, client_id);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // librdkafka must never expire a record: what failed would be a gap.
        .set("message.timeout.ms", "0")
        .set("compression.codec", "zstd")
        .set("topic.metadata.propagation.max.ms", "5000");
    config
}
