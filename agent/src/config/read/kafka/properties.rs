//! `[kafka.properties]`: what this file has no key for, by librdkafka's own names, and what nobody may set there.

use std::collections::BTreeMap;

use toml::de::DeValue;

use crate::config::section::{Mistakes, Section};

/// What the promises rest on (exactly once, nothing given up) and what has a key of its own.
const OURS: [&str; 20] = [
    "acks",
    "bootstrap.servers",
    "client.id",
    "enable.idempotence",
    "enable.ssl.certificate.verification",
    "message.timeout.ms",
    "metadata.broker.list",
    "request.required.acks",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "security.protocol",
    "socket.timeout.ms",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "transaction.timeout.ms",
    "transactional.id",
];

/// The properties, dots in their names written as TOML or quoted.
pub(super) fn properties(section: &Section<'_>, mistakes: &mut Mistakes) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    if let Some(table) = section.section("properties", mistakes) {
        collect(&table, "", &mut properties, mistakes);
    }
    properties
}

fn collect(
    table: &Section<'_>,
    prefix: &str,
    properties: &mut BTreeMap<String, String>,
    mistakes: &mut Mistakes,
) {
    for (key, span, value) in table.entries() {
        let name = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        let text = match value.get_ref() {
            DeValue::Table(_) => {
                if let Some(inner) = Section::of(key, value, &table.path, mistakes) {
                    collect(&inner, &name, properties, mistakes);
                }
                continue;
            }
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Boolean(it) => it.to_string(),
            other => {
                let what = format!("{name} is a value of type {}", other.type_str());
                mistakes.add(value.span(), what, "write a text, a whole number, true or false");
                continue;
            }
        };
        if ["password", "secret", "pem"].iter().any(|it| name.contains(it)) {
            let what = format!("{name} does not belong in this file, which many may read");
            mistakes.add(span, what, "use user with password_file, or client_cert with client_key");
        } else if OURS.contains(&name.as_str()) {
            let what =
                format!("{name} is set by the agent: its promises rest on it, or it has a key of its own");
            mistakes.add(span, what, "take it out");
        } else {
            properties.insert(name, text);
        }
    }
}
