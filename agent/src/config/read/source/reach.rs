//! Where a source's device is heard: `port`, `tcp` or `udp`, one of them, and one that fits what speaks there; and `line`, how
//! its serial line is set.

use std::ops::RangeInclusive;

use vitals::device::{DeviceModel, LineSettings, Parity};

use crate::config::section::{Mistakes, Section};
use crate::config::{Endpoint, Port};

/// The keys of which a device has one.
pub(super) const KEYS: [&str; 3] = ["port", "tcp", "udp"];

/// The speeds of serial lines, baud.
const SPEEDS: RangeInclusive<u32> = 300..=1_000_000;

/// As the model's is usually, unless `line` says otherwise.
pub(super) fn line(
    section: &Section<'_>,
    device: DeviceModel,
    port: &Port,
    mistakes: &mut Mistakes,
) -> Option<LineSettings> {
    let usual = device.line();
    if section.value("line").is_none() {
        return Some(usual);
    }
    let said = section.text("line", mistakes)?;
    if !matches!(port, Port::Serial(_)) {
        mistakes.add(said.span(), "a network has no line settings", "set them at the device server");
        return None;
    }
    let settings = settings(said.get_ref());
    if settings.is_none() {
        let what = "line is not a speed, 8 data bits, a parity (N, E, O) and 1 stop bit";
        mistakes.add(said.span(), what, "line = \"9600 8E1\"");
    }
    settings.map(|(baud, parity)| LineSettings { baud, parity, ..usual })
}

/// `9600 8E1`.
fn settings(text: &str) -> Option<(u32, Parity)> {
    let (baud, form) = text.split_once(' ')?;
    let parity = match form {
        "8N1" => Parity::None,
        "8E1" => Parity::Even,
        "8O1" => Parity::Odd,
        _ => return None,
    };
    let baud = baud.parse().ok().filter(|it| SPEEDS.contains(it))?;
    Some((baud, parity))
}

pub(super) fn port(
    section: &Section<'_>,
    device: Option<DeviceModel>,
    mistakes: &mut Mistakes,
) -> Option<Port> {
    let named: Vec<_> = KEYS.iter().filter(|key| section.value(key).is_some()).collect();
    if let [_, second, ..] = named[..] {
        let span = section.value(second).map_or(section.span.clone(), toml::Spanned::span);
        mistakes.add(span, "a device has one of port, tcp and udp", "take the others out");
        return None;
    }
    let key = named.first().map_or("port", |it| **it);
    let said = section.required(key, mistakes)?;
    let endpoint = |mistakes: &mut Mistakes| {
        let endpoint = Endpoint::parse(said.get_ref());
        if endpoint.is_none() {
            let fix = format!("{key} = \"10.1.7.20:{}\"", if key == "udp" { 24105 } else { 4601 });
            mistakes.add(said.span(), format!("{key} is not a host and a port"), fix);
        }
        endpoint
    };
    let port = match key {
        "tcp" => Port::Tcp(endpoint(mistakes)?),
        "udp" => Port::Udp(endpoint(mistakes)?),
        _ => {
            if !said.get_ref().starts_with('/') {
                mistakes.add(said.span(), "port is not an absolute path", "port = \"/dev/serial/by-id/…\"");
            }
            Port::Serial(said.get_ref().into())
        }
    };
    if let Some(device) = device.filter(|it| it.is_in_datagrams() != matches!(port, Port::Udp(_))) {
        let (what, fix) = if device.is_in_datagrams() {
            (format!("{device} speaks in datagrams"), "udp = \"10.1.7.20:24105\"")
        } else {
            (
                format!("{device} does not speak in datagrams"),
                "name its port, or tcp for a serial device server",
            )
        };
        mistakes.add(said.span(), what, fix);
        return None;
    }
    Some(port)
}
