//! `[mqtt.NAME]`: each a broker.

use toml::Spanned;
use vitals::name::Name;

use super::agent::duration;
use super::{client_cert, existing, is_loopback, secret, word};
use crate::config::section::{Mistakes, Section};
use crate::config::{Agent, MqttLink, MqttTls, MqttVersion, keys};

/// A link with its name as it is used in the file.
pub(super) struct Link {
    pub(super) link: MqttLink,
}

pub(super) fn links(root: &Section<'_>, agent: Option<&Agent>, mistakes: &mut Mistakes) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    let Some(table) = root.section("mqtt", mistakes) else { return links };
    for (key, span, value) in table.entries() {
        let name = match Name::parse(key) {
            Ok(name) => name,
            Err(error) => {
                mistakes.add(span, format!("{key:?} is not an identifier: {error}"), "[mqtt.ward]");
                continue;
            }
        };
        let Some(section) = Section::of(key, value, "mqtt", mistakes) else { continue };
        if let Some(link) = link(name, &section, agent, mistakes) {
            links.push(Link { link });
        }
    }
    links.sort_by(|a, b| a.link.name.cmp(&b.link.name));
    links
}

fn link(
    name: Name,
    section: &Section<'_>,
    agent: Option<&Agent>,
    mistakes: &mut Mistakes,
) -> Option<MqttLink> {
    let known: Vec<_> = keys::names("mqtt").into_iter().chain(["password"]).collect();
    section.refuse_unknown(&known, mistakes);
    let url = section.required("url", mistakes);
    let login = secret::login(section, mistakes);
    let insecure = section.boolean("insecure", mistakes).is_some_and(Spanned::into_inner);
    let ca_file = existing(section, "ca_file", mistakes);
    let client_cert = client_cert(section, mistakes);
    let version = word(section, "version", &[("5", MqttVersion::V5), ("3.1.1", MqttVersion::V311)], mistakes);
    let client_id = section.text("client_id", mistakes).map(Spanned::into_inner);
    let session_expiry = duration(section, "mqtt", "session_expiry", mistakes);
    let url = url?;
    let Some((secure, host, port)) = parse_url(url.get_ref()) else {
        let what = format!("{:?} is not the address of an MQTT broker", url.get_ref());
        mistakes.add(url.span(), what, "url = \"mqtts://broker.example.org:8883\" (or mqtt:// without TLS)");
        return None;
    };
    if !secure && !insecure && !is_loopback(&host) {
        let what =
            format!("data of patients would come from {host} in plain text, and anybody could send some");
        mistakes.add(url.span(), what, "url = \"mqtts://…:8883\"; or insecure = true, if that is meant");
    }
    Some(MqttLink {
        client_id: client_id.or_else(|| Some(format!("wardline-{}", agent?.id)))?,
        name,
        host,
        port,
        tls: secure.then_some(MqttTls { ca_file, client_cert }),
        login,
        version: version.map_or(MqttVersion::V5, Spanned::into_inner),
        session_expiry,
    })
}

fn parse_url(url: &str) -> Option<(bool, String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let (secure, default) = match scheme {
        "mqtt" => (false, 1883),
        "mqtts" => (true, 8883),
        _ => return None,
    };
    let rest = rest.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (rest, default),
    };
    let bad = host.is_empty() || host.contains(['/', '@', ' ']);
    (!bad).then(|| (secure, host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::parse_url;

    #[test]
    fn addresses_of_brokers() {
        for (url, expected) in [
            ("mqtt://localhost", Some((false, "localhost", 1883))),
            ("mqtts://b.example.org:8884/", Some((true, "b.example.org", 8884))),
            ("mqtt://[::1]:1883", Some((false, "[::1]", 1883))),
            ("mqtt://user@host", None),
            ("http://host", None),
            ("mqtt://", None),
            ("mqtt://host:99999", None),
        ] {
            let parsed = parse_url(url);
            assert_eq!(
                parsed.as_ref().map(|(secure, host, port)| (*secure, host.as_str(), *port)),
                expected,
                "{url}"
            );
        }
    }
}
