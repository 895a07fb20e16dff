//! What was found, in words for people and as one object for machines. No value of a patient stands in either.

use std::io::{self, Write};

use serde_json::{Value, json};
use vitals::device::{DeviceModel, LineSettings, Parity};

use super::broker::BrokerFound;
use super::candidates::Sureness;
use super::lan::{Monitor, Monitors};
use super::serial::{Asked, PortFound, State};
use super::topic::{self, Topic};
use super::{Arguments, DISCLAIMER, ONE_ASSOCIATION, stanza};

/// All that was found.
pub(super) struct Report {
    pub(super) ports: Vec<PortFound>,
    pub(super) monitors: Monitors,
    pub(super) brokers: Vec<BrokerFound>,
}

/// What will be looked at, so that nobody waits in the dark.
pub(super) fn begin(
    talk: &mut impl Write,
    arguments: &Arguments,
    ports: usize,
    brokers: usize,
) -> io::Result<()> {
    writeln!(talk, "{DISCLAIMER}")?;
    writeln!(
        talk,
        "Listening for {} s: {ports} serial ports, {} on the network, {brokers} MQTT brokers. {}",
        arguments.listen_for.as_secs_f32(),
        arguments.lan,
        if arguments.ask { "What is silent is asked." } else { "Nothing is sent." }
    )
}

impl Report {
    pub(super) fn is_empty(&self) -> bool {
        let device = |it: &PortFound| matches!(it.state, State::Device(..));
        let readable = |it: &Topic| it.format().name().is_some();
        !self.ports.iter().any(device)
            && self.monitors.found.is_empty()
            && !self.brokers.iter().any(|it| it.topics.values().any(readable))
    }

    pub(super) fn tell(&self, talk: &mut impl Write) -> io::Result<()> {
        writeln!(talk, "\nserial ports{}", if self.ports.is_empty() { ": none" } else { "" })?;
        for it in &self.ports {
            writeln!(talk, "  {}  {}", it.port.path.display().to_string().escape_debug(), state(&it.state))?;
        }
        writeln!(
            talk,
            "network{}",
            if self.monitors.found.is_empty() { ": no monitor offers itself" } else { "" }
        )?;
        for it in &self.monitors.found {
            writeln!(talk, "  {}  {}. {ONE_ASSOCIATION}", it.at, called(it))?;
        }
        if let Some(trouble) = &self.monitors.trouble {
            writeln!(talk, "  {trouble}")?;
        }
        for it in &self.brokers {
            tell_broker(it, talk)?;
        }
        if self.is_empty() {
            writeln!(talk, "Nothing was found that could be read.")?;
        }
        Ok(())
    }

    /// The configuration, and nothing but what may stand in one.
    pub(super) fn write_configuration(&self, out: &mut impl Write) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        writeln!(out, "# {DISCLAIMER}\n# Give every source the id of its bed before the agent is started.")?;
        for text in self.stanzas() {
            writeln!(out, "\n{}", text.trim_end())?;
        }
        out.flush()
    }

    pub(super) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let serial: Vec<Value> = self.ports.iter().map(port_json).collect();
        let network: Vec<Value> = self.monitors.found.iter().map(monitor_json).collect();
        let mqtt: Vec<Value> = self.brokers.iter().map(broker_json).collect();
        let document = json!({
            "version": 1,
            "disclaimer": DISCLAIMER,
            "serial": serial,
            "network": network,
            "network_trouble": self.monitors.trouble,
            "mqtt": mqtt,
            "configuration": self.stanzas().concat(),
        });
        writeln!(out, "{document}")?;
        out.flush()
    }

    fn stanzas(&self) -> Vec<String> {
        let mut stanzas = Vec::new();
        for it in &self.ports {
            stanzas.extend(stanza::of_port(it, stanzas.len() + 1));
        }
        for it in &self.monitors.found {
            stanzas.push(stanza::of_monitor(it, stanzas.len() + 1));
        }
        let mut sources = stanzas.len() + 1;
        for (number, it) in self.brokers.iter().enumerate() {
            let name = broker_name(it, number);
            let topics = stanza::of_topics(it, &name, sources);
            sources += topics.len();
            if !topics.is_empty() {
                stanzas.extend(stanza::of_broker(&it.broker, &name));
            }
            stanzas.extend(topics);
        }
        stanzas
    }
}

/// Its name in the configuration it is from, or one of our own.
fn broker_name(found: &BrokerFound, number: usize) -> String {
    match &found.broker.url {
        None => found.broker.link.name.to_string(),
        Some(_) => format!("broker-{}", number + 1),
    }
}

fn state(state: &State) -> String {
    match state {
        State::Device(found, asked) => {
            let how = if *asked == Asked::Yes { "answers when it is asked" } else { "speaks by itself" };
            let sure = match found.sure {
                Sureness::Sure => "every one with its checksum",
                Sureness::Likely => "likely: this format has no checksum",
            };
            let line = settings(found.model.line());
            let one = if found.model == DeviceModel::Intellivue { ONE_ASSOCIATION } else { "" };
            format!("{} at {line}, {how}: {} good frames, {sure}. {one}", found.model, found.frames)
        }
        State::NotUnderstood(bytes) => format!(
            "{bytes} bytes that no driver understands: another line setting, or a device that is not known (docs/devices.md)"
        ),
        State::Silent => "silent: nothing is plugged in or switched on, or it must be asked (--ask)".into(),
        State::InUse => {
            "in use: the running agent, or another program, has it. It was not disturbed; `wardline-agent status` tells how it is".into()
        }
        State::Closed(why) => why.clone(),
    }
}

fn settings(line: LineSettings) -> String {
    let parity = match line.parity {
        Parity::None => 'N',
        Parity::Even => 'E',
        Parity::Odd => 'O',
    };
    format!("{} 8{parity}1", line.baud)
}

fn called(monitor: &Monitor) -> String {
    let identity = &monitor.indication.identity;
    let said = |it: &Option<String>| it.clone().unwrap_or_default();
    let name = format!("{} {}", said(&identity.make), said(&identity.model));
    let software = identity.software.as_ref().map_or_else(String::new, |it| format!(", software {it}"));
    let name = if name.trim().is_empty() { "a Philips IntelliVue" } else { name.trim() };
    format!("{name}{software}")
}

fn tell_broker(found: &BrokerFound, talk: &mut impl Write) -> io::Result<()> {
    let link = &found.broker.link;
    writeln!(talk, "MQTT broker {}:{}", link.host, link.port)?;
    if let Some(trouble) = &found.trouble {
        writeln!(talk, "  {}", trouble.escape_debug())?;
    }
    for (name, it) in &found.topics {
        let format = it.format();
        let what = match format.name() {
            Some(what) => format!("{what}{}", vitals_of(&format)),
            None if format == topic::Format::OtherJson => {
                "JSON, and no name in it that looks like a vital".into()
            }
            None => "not understood".into(),
        };
        let kept = if it.retained { ", retained" } else { "" };
        writeln!(talk, "  {}  {what} ({} messages{kept})", name.escape_debug(), it.messages)?;
    }
    if found.topics.is_empty() && found.trouble.is_none() {
        writeln!(talk, "  no message came")?;
    }
    if found.more {
        writeln!(talk, "  and more topics than are told here")?;
    }
    Ok(())
}

fn vitals_of(format: &topic::Format) -> String {
    let vitals: Vec<_> = format.vitals().into_iter().map(vitals::vital::Vital::name).collect();
    if vitals.is_empty() { String::new() } else { format!(": {}", vitals.join(", ")) }
}

fn port_json(found: &PortFound) -> Value {
    let mut it = json!({ "port": found.port.path, "also": found.port.also });
    let (state, more) = match &found.state {
        State::Device(device, asked) => (
            "device",
            json!({
                "device": device.model.name(),
                "sure": device.sure,
                "good_frames": device.frames,
                "asked": *asked == Asked::Yes,
            }),
        ),
        State::NotUnderstood(bytes) => ("not_understood", json!({ "bytes": bytes })),
        State::Silent => ("silent", json!({})),
        State::InUse => ("in_use", json!({})),
        State::Closed(why) => ("closed", json!({ "why": why })),
    };
    it["state"] = state.into();
    if let (Some(it), Value::Object(more)) = (it.as_object_mut(), more) {
        it.extend(more);
    }
    it
}

fn monitor_json(monitor: &Monitor) -> Value {
    json!({
        "device": "intellivue-lan",
        "udp": monitor.at.to_string(),
        "identity": monitor.indication.identity,
        "warning": ONE_ASSOCIATION,
    })
}

fn broker_json(found: &BrokerFound) -> Value {
    let topics = found.topics.iter().map(|(name, it)| {
        let format = it.format();
        json!({
            "topic": name,
            "format": format.name(),
            "sure": topic::sureness(&format),
            "vitals": format.vitals(),
            "messages": it.messages,
            "retained": it.retained,
        })
    });
    json!({
        "host": found.broker.link.host,
        "port": found.broker.link.port,
        "topics": topics.collect::<Vec<_>>(),
        "more": found.more,
        "trouble": found.trouble,
    })
}
