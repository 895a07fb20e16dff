//! `[kafka]`.

use std::collections::BTreeMap;

use toml::Spanned;

use super::agent::required_section;
use super::{client_cert, existing, is_loopback, secret, word};
use crate::config::section::{Mistakes, Section};
use crate::config::{Kafka, KafkaSecurity, Sasl, keys};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protection {
    Plaintext,
    Ssl,
    SaslSsl,
    SaslPlaintext,
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
    let insecure = section.boolean("insecure", mistakes).is_some_and(Spanned::into_inner);
    let open = matches!(protection, Protection::Plaintext | Protection::SaslPlaintext);
    let away = brokers.iter().flatten().find(|it| !is_loopback(host(it)));
    if let (true, false, Some(away)) = (open, insecure, away) {
        let span = said.map_or_else(|| section.span.clone(), |it| it.span());
        let what = format!("data of patients would go to {away} in plain text");
        mistakes.add(span, what, "security = \"ssl\" or \"sasl_ssl\"; or insecure = true, if that is meant");
    }
    if login.is_none()
        && matches!(protection, Protection::SaslSsl | Protection::SaslPlaintext)
        && section.value("user").is_none()
    {
        mistakes.add(
            section.span.clone(),
            "this security needs a user and a password",
            "user = \"…\" and password_file = \"…\"",
        );
    }
    let mechanism = mechanism(&section, mistakes);
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
    let ca_file = existing(&section, "ca_file", mistakes);
    let client_cert = client_cert(&section, mistakes);
    let properties = properties(&section, mistakes);
    Some(Kafka { brokers: brokers?, security: security?, ca_file, client_cert, properties })
}

fn brokers(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Vec<String>> {
    let Some(value) = section.value("brokers") else {
        mistakes.add(
            section.span.clone(),
            "brokers is missing in kafka",
            "brokers = [\"kafka-1.example.org:9093\"]",
        );
        return None;
    };
    let brokers = section.texts("brokers", mistakes)?.into_inner();
    if brokers.is_empty() {
        mistakes.add(value.span(), "brokers is empty", "brokers = [\"kafka-1.example.org:9093\"]");
    }
    for broker in &brokers {
        let port = broker.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() || host(broker).is_empty() {
            mistakes.add(
                value.span(),
                format!("{broker:?} is not a host with a port"),
                "\"kafka-1.example.org:9093\"",
            );
        }
    }
    Some(brokers)
}

fn host(broker: &str) -> &str {
    broker.rsplit_once(':').map_or(broker, |(host, _)| host)
}

fn mechanism(section: &Section<'_>, mistakes: &mut Mistakes) -> String {
    let known = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"].map(|it| (it, it));
    let said = word(section, "mechanism", &known, mistakes);
    said.map_or(keys::default("kafka", "mechanism"), Spanned::into_inner).to_owned()
}

fn properties(section: &Section<'_>, mistakes: &mut Mistakes) -> BTreeMap<String, String> {
    // What the promises rest on is not to be had otherwise.
    const OURS: [&str; 5] =
        ["enable.idempotence", "acks", "message.timeout.ms", "transactional.id", "bootstrap.servers"];
    let Some(table) = section.section("properties", mistakes) else { return BTreeMap::new() };
    let mut properties = BTreeMap::new();
    for (key, span, _) in table.entries() {
        if OURS.contains(&key) {
            mistakes.add(span, format!("{key} is set by the agent: its promises rest on it"), "take it out");
        } else if let Some(text) = table.text(key, mistakes) {
            properties.insert(key.to_owned(), text.into_inner());
        }
    }
    properties
}
