//! `[mqtt.NAME]`: each a broker.

use std::time::Duration;

use toml::Spanned;
use vitals::name::Name;

use super::agent::duration;
use super::{client_cert, existing, is_loopback, secret, word};
use crate::config::section::{Mistakes, Section};
use crate::config::{Agent, MqttLink, MqttTls, MqttVersion, keys};

/// A link under its name; one that holds a mistake is known all the same, so that nobody is told it is not there.
pub(super) struct Link {
    pub(super) name: Name,
    pub(super) link: Option<MqttLink>,
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
        let link = link(name.clone(), &section, agent, mistakes);
        if let Some(link) = &link {
            refuse_twice(&links, link, &section, mistakes);
        }
        links.push(Link { name, link });
    }
    links.sort_by(|a, b| a.name.cmp(&b.name));
    links
}

/// Two connections of one client id throw each other out, for ever.
fn refuse_twice(links: &[Link], link: &MqttLink, section: &Section<'_>, mistakes: &mut Mistakes) {
    let place = |it: &MqttLink| (it.host.clone(), it.port, it.client_id.clone());
    let mut others = links.iter().filter_map(|it| it.link.as_ref());
    if let Some(other) = others.find(|it| place(it) == place(link)) {
        let what = format!("mqtt.{} is the same broker under the same client id", other.name);
        let span = section.value("url").map_or_else(|| section.span.clone(), Spanned::span);
        mistakes.add(span, what, "use one of the two, or give each a client_id of its own");
    }
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
    let client_id = match section.value("client_id") {
        Some(_) => Some(section.required("client_id", mistakes)?.into_inner()),
        None => None,
    };
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
    for key in ["ca_file", "client_cert", "client_key"].into_iter().filter(|_| !secure) {
        if let Some(it) = section.value(key) {
            let what = format!("{key} is of no use: mqtt:// has no TLS");
            mistakes.add(it.span(), what, "url = \"mqtts://…:8883\", or take it out");
        }
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

impl MqttLink {
    /// A broker by its address alone, for a look at it: nobody's login, no session, under this client id. `None` if it is no
    /// address of an MQTT broker.
    #[must_use]
    pub fn at(url: &str, client_id: String) -> Option<Self> {
        let (secure, host, port) = parse_url(url)?;
        Some(Self {
            name: Name::parse("ward").ok()?,
            host,
            port,
            tls: secure.then_some(MqttTls { ca_file: None, client_cert: None }),
            login: None,
            client_id,
            version: MqttVersion::V5,
            session_expiry: Duration::ZERO,
        })
    }
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
