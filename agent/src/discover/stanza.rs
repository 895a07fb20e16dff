//! What was found, as the lines of `wardline.toml` that read it.

use std::fmt::Write as _;

use super::broker::{Broker, BrokerFound};
use super::lan::Monitor;
use super::serial::{PortFound, State};
use super::topic::Format;
use crate::config::MqttVersion;

/// The bed that stands in every proposal: only a person knows which it is.
const BED: &str = "bed-1";

/// A source for what speaks on a port; `None` if nothing does.
pub(super) fn of_port(found: &PortFound, number: usize) -> Option<String> {
    let State::Device(device, _) = &found.state else { return None };
    let model = device.model;
    let mut text = head(&format!("{model}-{number}"));
    line(&mut text, "device", model.name());
    line(&mut text, "port", &found.port.path.display().to_string());
    for also in &found.port.also {
        let _ = writeln!(text, "# the same port: {}", also.display().to_string().escape_debug());
    }
    if found.is_pseudo {
        line(&mut text, "mode", "simulated");
    }
    Some(text)
}

/// A source for a monitor on the network.
pub(super) fn of_monitor(monitor: &Monitor, number: usize) -> String {
    let mut text = format!("# {}\n", super::ONE_ASSOCIATION);
    text.push_str(&head(&format!("intellivue-{number}")));
    line(&mut text, "device", "intellivue-lan");
    line(&mut text, "udp", &monitor.at.to_string());
    text
}

/// The section of a broker that no configuration has.
pub(super) fn of_broker(broker: &Broker, name: &str) -> Option<String> {
    let url = broker.url.as_ref()?;
    let mut text = format!("[mqtt.{name}]\n");
    line(&mut text, "url", url);
    if broker.link.version == MqttVersion::V311 {
        line(&mut text, "version", "3.1.1");
    }
    Some(text)
}

/// A source for each topic that can be read.
pub(super) fn of_topics(found: &BrokerFound, broker: &str, first: usize) -> Vec<String> {
    let mut stanzas = Vec::new();
    for (topic, heard) in &found.topics {
        let format = heard.format();
        let Some(name) = format.name() else { continue };
        let mut text = head(&format!("topic-{}", first + stanzas.len()));
        line(&mut text, "mqtt", broker);
        line(&mut text, "topic", topic);
        line(&mut text, "format", name);
        if let Format::Mapped(fields) = &format {
            text.push_str(
                "# units are guessed from names: correct them, and name the time's place (time = \"/…\")\n",
            );
            for (vital, field) in fields {
                let _ = writeln!(
                    text,
                    "fields.{} = {{ at = {}, unit = {} }}",
                    vital.name(),
                    quoted(&field.at),
                    quoted(&field.unit)
                );
            }
        }
        stanzas.push(text);
    }
    stanzas
}

fn head(id: &str) -> String {
    format!("[[source]]\nid = \"{id}\"\nbed = \"{BED}\"    # yours\n")
}

fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {}", quoted(value));
}

/// A text in TOML, whatever it holds.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for it in text.chars() {
        match it {
            '"' | '\\' => out.extend(['\\', it]),
            it if it.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(it));
            }
            it => out.push(it),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_topic_is_called_the_lines_stay_lines() {
        for text in ["ward/7", "a\"b", "a\nb = 1", "\u{1b}[31m", "é"] {
            let mut lines = String::new();
            line(&mut lines, "topic", text);
            let table: toml::Table = lines.parse().unwrap();
            assert_eq!(table["topic"].as_str(), Some(text));
            assert!(!lines.contains('\u{1b}'), "{lines:?}");
        }
    }
}
