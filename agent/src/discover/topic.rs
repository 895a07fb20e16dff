//! What is said on one topic: its format and which vitals, judged message by message; no value is kept, and none told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use vitals::device::DeviceModel;
use vitals::payload::{MappedField, Payload, mapped, senml, wardline};
use vitals::vital::Vital;

use super::candidates::{Candidates, Recognised, Sureness};
use super::names;

/// How deep a payload is looked into, and how many of its values.
const DEPTH_MAX: usize = 6;
const VALUES_MAX: usize = 500;

/// What a topic's messages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    /// Our own names.
    Wardline(BTreeSet<Vital>),
    /// `SenML` with our own names.
    Senml(BTreeSet<Vital>),
    /// Other JSON, with numbers under names that look like vitals.
    Mapped(BTreeMap<Vital, MappedField>),
    /// The raw bytes of a device.
    Device(Recognised),
    /// JSON without a vital that could be seen.
    OtherJson,
    /// Nothing that is known.
    Unknown,
}

impl Format {
    /// Its name in configuration; `None` for what cannot be read.
    pub(super) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Wardline(_) => Some("wardline"),
            Self::Senml(_) => Some("senml"),
            Self::Mapped(_) => Some("mapped"),
            Self::Device(it) => Some(it.model.name()),
            Self::OtherJson | Self::Unknown => None,
        }
    }

    /// Which vitals are in it, as far as messages name them.
    pub(super) fn vitals(&self) -> Vec<Vital> {
        match self {
            Self::Wardline(vitals) | Self::Senml(vitals) => vitals.iter().copied().collect(),
            Self::Mapped(fields) => fields.keys().copied().collect(),
            Self::Device(_) | Self::OtherJson | Self::Unknown => Vec::new(),
        }
    }
}

/// One topic, over all that was heard of it.
pub(super) struct Topic {
    /// Messages heard.
    pub(super) messages: u64,
    /// Whether the broker had kept the first for whoever comes.
    pub(super) retained: bool,
    format: Option<Format>,
    /// For what is no JSON.
    candidates: Option<Candidates>,
}

impl Topic {
    pub(super) fn new(retained: bool) -> Self {
        Self { messages: 0, retained, format: None, candidates: None }
    }

    /// Whether its messages are no JSON, so that every driver must be kept for it.
    pub(super) fn is_raw(&self) -> bool {
        self.candidates.is_some()
    }

    /// Takes a message; `room`: whether there is room for another set of drivers.
    pub(super) fn handle_message(&mut self, payload: &[u8], room: bool) {
        self.messages += 1;
        match judge(payload) {
            Some(format) => self.format = Some(merged(self.format.take(), format)),
            None if room || self.is_raw() => {
                let models = DeviceModel::ALL.into_iter();
                self.candidates.get_or_insert_with(|| Candidates::new(models)).handle_bytes(payload);
            }
            None => {}
        }
    }

    pub(super) fn format(&self) -> Format {
        let device = || self.candidates.as_ref().and_then(Candidates::best_of_messages);
        match &self.format {
            Some(format) => format.clone(),
            None => device().map_or(Format::Unknown, Format::Device),
        }
    }
}

/// What one message is; `None` for what is no JSON.
fn judge(payload: &[u8]) -> Option<Format> {
    let vitals = |it: &Payload| it.reading.measurements.iter().map(|it| it.vital).collect::<BTreeSet<_>>();
    if let Ok(payloads) = senml::parse(&senml::Names::new(), payload) {
        let vitals: BTreeSet<_> = payloads.iter().flat_map(vitals).collect();
        if !vitals.is_empty() {
            return Some(Format::Senml(vitals));
        }
    }
    let document: Value = serde_json::from_slice(payload).ok()?;
    // A bare number is as good as any other text.
    if !document.is_object() && !document.is_array() {
        return None;
    }
    let (mut fields, mut left) = (BTreeMap::new(), VALUES_MAX);
    walk(&document, &mut String::new(), DEPTH_MAX, &mut left, &mut fields);
    let ours = wardline::parse(payload).ok().map(|it| vitals(&it));
    // Some of our own names beside others, or in another unit, are another format.
    let is_own = |(vital, it): (&Vital, &MappedField)| it.unit == vital.properties().unit;
    Some(match ours {
        Some(ours) if fields.keys().all(|it| ours.contains(it)) && fields.iter().all(is_own) => {
            Format::Wardline(ours)
        }
        _ if fields.is_empty() => Format::OtherJson,
        _ => Format::Mapped(fields),
    })
}

/// Messages of one topic need not all hold the same.
fn merged(before: Option<Format>, now: Format) -> Format {
    match (before, now) {
        (Some(Format::Wardline(mut a)), Format::Wardline(b)) => {
            a.extend(b);
            Format::Wardline(a)
        }
        (Some(Format::Senml(mut a)), Format::Senml(b)) => {
            a.extend(b);
            Format::Senml(a)
        }
        (Some(Format::Mapped(mut a)), Format::Mapped(b)) => {
            for (vital, field) in b {
                a.entry(vital).or_insert(field);
            }
            Format::Mapped(a)
        }
        // One without a vital says nothing of the others.
        (Some(before), Format::OtherJson) => before,
        (_, now) => now,
    }
}

/// Finds numbers under names that look like vitals. A way to them is only told if every step of it is a plain name: what a
/// site has put there instead may be a person's.
fn walk(
    value: &Value,
    at: &mut String,
    depth: usize,
    left: &mut usize,
    found: &mut BTreeMap<Vital, MappedField>,
) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    for (key, value) in children.iter().filter(|(key, _)| names::is_plain(key)) {
        let Some(rest) = left.checked_sub(1) else { return };
        *left = rest;
        let length = at.len();
        at.push('/');
        at.push_str(key);
        if let Value::Number(number) = value {
            if let Some((vital, unit)) = names::vital(key, number.as_f64().unwrap_or_default()) {
                if mapped::conversion(vital, unit).is_some() {
                    found.entry(vital).or_insert_with(|| MappedField { at: at.clone(), unit: unit.into() });
                }
            }
        } else {
            walk(value, at, depth, left, found);
        }
        at.truncate(length);
    }
}

/// How sure a format is told from others.
pub(super) fn sureness(format: &Format) -> Option<Sureness> {
    match format {
        Format::Wardline(_) | Format::Senml(_) => Some(Sureness::Sure),
        Format::Mapped(_) => Some(Sureness::Likely),
        Format::Device(it) => Some(it.sure),
        Format::OtherJson | Format::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(payloads: &[&[u8]]) -> String {
        let mut topic = Topic::new(false);
        for payload in payloads {
            topic.handle_message(payload, true);
        }
        let format = topic.format();
        let vitals: Vec<_> = format.vitals().into_iter().map(Vital::name).collect();
        format!("{} {}", format.name().unwrap_or("none"), vitals.join(","))
    }

    #[test]
    fn formats_and_their_vitals_are_told() {
        for (payload, expected) in [
            (&br#"{"spo2":97,"heart_rate":72,"name":"x"}"#[..], "wardline heart_rate,spo2"),
            (br#"[{"bn":"urn:x:","n":"spo2","u":"%","v":88}]"#, "senml spo2"),
            (br#"{"data":{"SpO2":97,"pr":72,"T":1}}"#, "mapped pulse_rate,spo2"),
            (br#"{"hr":72,"rr":14,"name":"Doe"}"#, "mapped heart_rate,resp_rate"),
            (br#"{"Jane Doe":{"hr":72}}"#, "none "),
            (br#"{"47110815":{"hr":72}}"#, "none "),
            (br#"{"on":true}"#, "none "),
            (b"72", "none "),
            (b"\x00\x01\x02", "none "),
        ] {
            assert_eq!(told(&[payload]), expected, "{}", String::from_utf8_lossy(payload));
        }
        assert_eq!(told(&[br#"{"spo2":97}"#, br#"{"heart_rate":72}"#]), "wardline heart_rate,spo2");
        assert_eq!(told(&[br#"{"hr":97}"#, br#"{"on":1}"#]), "mapped heart_rate");
    }

    #[test]
    fn raw_bytes_of_a_device_are_told_over_several_messages() {
        let frame: &[u8] = &[0x80, 0x48, 0x61, 0x00];
        assert_eq!(told(&[frame; 4]), "nonin-df8 ");
        assert_eq!(told(&[frame]), "none ");
        let spot = [
            0x00, 0x02, 0x00, 0x0D, 0x00, 0x0E, 0x20, 0x18, 0x07, 0x26, 0x17, 0x06, 0x05, 0x00, 0x02, 0x00,
            0x00, 0x48, 0x00, 0x61, 0x32, 0x03,
        ];
        assert_eq!(told(&[&spot]), "nonin-df13 ", "a checksum and nothing beside it is enough");
    }

    #[test]
    fn a_temperature_gets_the_unit_that_a_body_can_have() {
        let Some(Format::Mapped(fields)) = judge(br#"{"temp":98.6,"spo2":0.97}"#) else {
            panic!("not mapped")
        };
        assert_eq!(fields[&Vital::Temperature].unit, "[degF]");
        assert_eq!(fields[&Vital::Spo2], MappedField { at: "/spo2".into(), unit: "1".into() });
    }
}
