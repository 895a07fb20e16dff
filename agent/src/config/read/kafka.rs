//! `[kafka]`.

mod properties;

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;

use super::agent::{duration, required_section};
use super::{client_cert, existing, is_loopback, secret, word};
use crate::config::section::{Mistakes, Section};
use crate::config::{Delivery, Kafka, KafkaSecurity, Sasl, keys};

/// The longest id of a cluster that is believed: Kafka's own have 22 characters.
const CLUSTER_ID_MAX: usize = 128;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protection {
    Plaintext,
    Ssl,
    SaslSsl,
    SaslPlaintext,
}

impl Protection {
    fn has_password(self) -> bool {
        matches!(self, Self::SaslSsl | Self::SaslPlaintext)
    }

    fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

pub(super) fn kafka(root: &Section<'_>, mistakes: &mut Mistakes) -> Option<Kafka> {
    let section =
        required_section(root, "kafka", "[kafka]\nbrokers = [\"kafka-1.example.org:9093\"]", mistakes)?;
    let known: Vec<_> = keys::names("kafka").into_iter().chain(["password"]).collect();
    section.refuse_unknown(&known, mistakes);
    let brokers = brokers(&section, mistakes);
    let known = [
        ("plaintext", Protection::Plaintext),
        ("ssl", Protection::Ssl),
        ("sasl_ssl", Protection::SaslSsl),
        ("sasl_plaintext", Protection::SaslPlaintext),
    ];
    let said = word(&section, "security", &known, mistakes);
    let protection = said.as_ref().map_or(Protection::Ssl, |it| *it.get_ref());
    let login = secret::login(&section, mistakes);
    let mechanism = mechanism(&section, mistakes);
    let ca_file = existing(&section, "ca_file", mistakes);
    let client_cert = client_cert(&section, mistakes);
    let known = [("exactly-once", Delivery::ExactlyOnce), ("at-least-once", Delivery::AtLeastOnce)];
    let delivery =
        word(&section, "delivery", &known, mistakes).map_or(Delivery::ExactlyOnce, Spanned::into_inner);
    let answer_timeout = answer_timeout(&section, mistakes);
    let cluster_id = cluster_id(&section, mistakes);
    let properties = properties::properties(&section, mistakes);
    // A security that was said and cannot be read has its mistake already.
    if said.is_some() || section.value("security").is_none() {
        refuse_unused(&section, protection, mistakes);
        refuse_open(&section, protection, brokers.as_deref(), mistakes);
    }
    let security = match (protection, login) {
        (Protection::Plaintext, _) => Some(KafkaSecurity::Plaintext),
        (Protection::Ssl, _) => Some(KafkaSecurity::Tls),
        (Protection::SaslSsl, Some((user, password))) => {
            Some(KafkaSecurity::SaslTls(Sasl { mechanism, user, password }))
        }
        (Protection::SaslPlaintext, Some((user, password))) => {
            Some(KafkaSecurity::SaslPlaintext(Sasl { mechanism, user, password }))
        }
        (Protection::SaslSsl | Protection::SaslPlaintext, None) => None,
    };
    Some(Kafka {
        brokers: brokers?,
        security: security?,
        ca_file,
        client_cert,
        answer_timeout,
        cluster_id,
        delivery,
        properties,
    })
}

/// What the chosen security would never use was meant otherwise.
fn refuse_unused(section: &Section<'_>, protection: Protection, mistakes: &mut Mistakes) {
    if protection.has_password() {
        if section.value("user").is_none() {
            let what = "this security needs a user and a password";
            mistakes.add(section.span.clone(), what, "user = \"…\" and password_file = \"…\"");
        }
    } else {
        for key in ["user", "mechanism"] {
            if let Some(it) = section.value(key) {
                let what = format!("{key} is of no use: this security asks for no password");
                mistakes.add(it.span(), what, "security = \"sasl_ssl\", or take it out");
            }
        }
    }
    if !protection.has_tls() {
        for key in ["ca_file", "client_cert", "client_key"] {
            if let Some(it) = section.value(key) {
                let what = format!("{key} is of no use: this security has no TLS");
                mistakes.add(it.span(), what, "security = \"ssl\" or \"sasl_ssl\", or take it out");
            }
        }
    }
}

/// Data of patients go in plain text only where nobody can listen, or where somebody has said so.
fn refuse_open(
    section: &Section<'_>,
    protection: Protection,
    brokers: Option<&[String]>,
    mistakes: &mut Mistakes,
) {
    let insecure = section.boolean("insecure", mistakes).is_some_and(Spanned::into_inner);
    let away = brokers.into_iter().flatten().find(|it| !is_loopback(host(it)));
    if let (false, false, Some(away)) = (protection.has_tls(), insecure, away) {
        let span = section.value("security").map_or_else(|| section.span.clone(), Spanned::span);
        let what = format!("data of patients would go to {away} in plain text");
        mistakes.add(span, what, "security = \"ssl\" or \"sasl_ssl\"; or insecure = true, if that is meant");
    }
}

fn brokers(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Vec<String>> {
    const EXAMPLE: &str = "brokers = [\"kafka-1.example.org:9093\"]";
    let Some(value) = section.value("brokers") else {
        mistakes.add(section.span.clone(), "brokers is missing in kafka", EXAMPLE);
        return None;
    };
    let brokers = section.texts("brokers", mistakes)?;
    if brokers.is_empty() {
        mistakes.add(value.span(), "brokers is empty", EXAMPLE);
    }
    for it in &brokers {
        let broker = it.get_ref();
        let port = broker.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none_or(|it| it == 0) || host(broker).is_empty() {
            mistakes.add(it.span(), format!("{broker:?} is not a host with a port"), EXAMPLE);
        }
    }
    Some(brokers.into_iter().map(Spanned::into_inner).collect())
}

/// Less than the ten seconds of a transaction, so that the agent knows first that it failed.
fn answer_timeout(section: &Section<'_>, mistakes: &mut Mistakes) -> Duration {
    const ALLOWED: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(9);
    let timeout = duration(section, "kafka", "answer_timeout", mistakes);
    if !ALLOWED.contains(&timeout) {
        let span = section.value("answer_timeout").map_or_else(|| section.span.clone(), Spanned::span);
        mistakes.add(span, "answer_timeout must be from 1 to 9 seconds", "answer_timeout = \"9s\"");
    }
    timeout
}

/// Any word without spaces: each kind of Kafka has a form of its own.
fn cluster_id(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<String> {
    let said = section.text("cluster_id", mistakes)?;
    let is_id =
        |it: &str| (1..=CLUSTER_ID_MAX).contains(&it.len()) && it.chars().all(|it| it.is_ascii_graphic());
    if !is_id(said.get_ref()) {
        let what = "cluster_id is not the id of a Kafka cluster";
        mistakes.add(said.span(), what, "the id that the agent's log or kafka-cluster.sh cluster-id tells");
    }
    Some(said.into_inner())
}

fn host(broker: &str) -> &str {
    broker.rsplit_once(':').map_or(broker, |(host, _)| host)
}

fn mechanism(section: &Section<'_>, mistakes: &mut Mistakes) -> String {
    let known = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"].map(|it| (it, it));
    let said = word(section, "mechanism", &known, mistakes);
    said.map_or(keys::default("kafka", "mechanism"), Spanned::into_inner).to_owned()
}
