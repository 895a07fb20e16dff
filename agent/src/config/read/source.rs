//! `[[source]]`: a device on a serial line, or messages on a topic.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;
use vitals::device::DeviceModel;
use vitals::name::Name;
use vitals::payload::{MappedField, Mapping, mapped};
use vitals::reading::Mode;
use vitals::vital::Vital;

use super::mqtt::Link;
use super::ward::{BedEntry, link};
use super::word;
use crate::config::section::{Mistakes, Section, alike};
use crate::config::{Format, SerialSource, Source, TopicBed, TopicSource, keys};

/// How often a source of messages speaks, unless said otherwise.
const TOPIC_PERIOD: Duration = Duration::from_secs(1);

/// A source with its place in the file.
pub(super) struct Entry {
    pub(super) span: Range<usize>,
    kind: Kind,
}

enum Kind {
    Serial(SerialSource),
    Topic(TopicSource),
}

/// All sources.
pub(super) struct Sources(Vec<Entry>);

impl Sources {
    /// The sources that belong to a bed; a topic with a level for the bed belongs to every bed.
    pub(super) fn of<'a>(&'a self, bed: &'a Name) -> impl Iterator<Item = &'a Entry> {
        self.0.iter().filter(move |it| match &it.kind {
            Kind::Serial(source) => *source.bed == *bed,
            Kind::Topic(TopicSource { bed: TopicBed::Fixed(of), .. }) => **of == *bed,
            Kind::Topic(TopicSource { bed: TopicBed::Level(_), .. }) => true,
        })
    }

    pub(super) fn into_parts(self) -> (Vec<SerialSource>, Vec<TopicSource>) {
        let (mut serial, mut topics) = (Vec::new(), Vec::new());
        for entry in self.0 {
            match entry.kind {
                Kind::Serial(it) => serial.push(it),
                Kind::Topic(it) => topics.push(it),
            }
        }
        (serial, topics)
    }
}

impl Entry {
    pub(super) fn common(&self) -> &Source {
        match &self.kind {
            Kind::Serial(it) => &it.common,
            Kind::Topic(it) => &it.common,
        }
    }

    /// The vitals it is known to give; what a flat payload holds is known when it comes.
    pub(super) fn vitals(&self) -> Vec<Vital> {
        const OXIMETER: [Vital; 2] = [Vital::PulseRate, Vital::Spo2];
        const MONITOR: [Vital; 3] = [Vital::HeartRate, Vital::PulseRate, Vital::Spo2];
        let of_device = |model| match model {
            DeviceModel::NoninDf2
            | DeviceModel::NoninDf7
            | DeviceModel::NoninDf8
            | DeviceModel::MasimoAscii1 => OXIMETER.to_vec(),
            DeviceModel::GeS5Dri => MONITOR.to_vec(),
        };
        match &self.kind {
            Kind::Serial(it) => of_device(it.device),
            Kind::Topic(it) => match &it.format {
                Format::Device(model) => of_device(*model),
                Format::Mapped(mapping) => mapping.fields.keys().copied().collect(),
                Format::Wardline => Vec::new(),
            },
        }
    }
}

pub(super) fn sources(
    root: &Section<'_>,
    links: &[Link],
    beds: &[BedEntry],
    mistakes: &mut Mistakes,
) -> Sources {
    let mut entries: Vec<Entry> = Vec::new();
    for section in root.sections("source", mistakes) {
        section.refuse_unknown(&keys::names("source"), mistakes);
        let Some(entry) = entry(&section, links, beds, mistakes) else { continue };
        refuse_twice(&entries, &entry, &section, mistakes);
        entries.push(entry);
    }
    if root.value("source").is_none() {
        mistakes.add(0..0, "there is no source", "[[source]]\nid = \"monitor-07\"\nbed = \"…\"\ndevice = \"ge-s5-dri\"\nport = \"/dev/serial/by-id/…\"");
    }
    Sources(entries)
}

fn refuse_twice(entries: &[Entry], entry: &Entry, section: &Section<'_>, mistakes: &mut Mistakes) {
    let place = |key: &str| section.value(key).map_or(entry.span.clone(), Spanned::span);
    let id = &entry.common().id;
    if entries.iter().any(|it| it.common().id == *id) {
        mistakes.add(
            place("id"),
            format!("the source {id} stands here twice"),
            "give each source its own id",
        );
    }
    for other in entries {
        match (&entry.kind, &other.kind) {
            (Kind::Serial(a), Kind::Serial(b)) if a.port == b.port => {
                let what = format!("the port {} is that of {} already", a.port.display(), b.common.id);
                mistakes.add(place("port"), what, "one device to a port");
            }
            (Kind::Topic(a), Kind::Topic(b)) if a.link == b.link && a.filter == b.filter => {
                let what = format!("the topic {} is that of {} already", a.filter, b.common.id);
                mistakes.add(place("topic"), what, "one source to a topic");
            }
            _ => {}
        }
    }
}

fn entry(section: &Section<'_>, links: &[Link], beds: &[BedEntry], mistakes: &mut Mistakes) -> Option<Entry> {
    let id = section.name("id", mistakes);
    let critical = section.boolean("critical", mistakes).is_some_and(Spanned::into_inner);
    let modes = [("live", Mode::Live), ("replay", Mode::Replay), ("simulated", Mode::Simulated)];
    let mode = word(section, "mode", &modes, mistakes).map_or(Mode::Live, Spanned::into_inner);
    let period = section.duration("period", mistakes);
    if let Some(it) = period.as_ref().filter(|it| it.get_ref().is_zero()) {
        mistakes.add(it.span(), "period is nothing", "period = \"1s\"");
    }
    let period = period.map(Spanned::into_inner);
    let span = section.value("id").map_or(section.span.clone(), Spanned::span);
    let serial = section.value("port").is_some()
        || (section.value("device").is_some() && section.value("mqtt").is_none());
    let common = |default| {
        Some(Source {
            id: Arc::new(id.clone()?.into_inner()),
            period: period.unwrap_or(default),
            critical,
            mode,
        })
    };
    let kind = if serial {
        refuse_keys(
            section,
            &["mqtt", "topic", "format", "fields", "time", "seq"],
            "a source on a port",
            mistakes,
        );
        let bed = bed(section, beds, mistakes);
        let device = device(section, "device", mistakes);
        let port = port(section, mistakes);
        let device = device?;
        Kind::Serial(SerialSource { common: common(device.period())?, bed: bed?, device, port: port? })
    } else {
        refuse_keys(section, &["device"], "a source of messages", mistakes);
        let link = link(section, links, mistakes);
        let format = format(section, mistakes);
        let (filter, bed) = topic(section, beds, mistakes)?;
        let format = format?;
        let default = match &format {
            Format::Device(model) => model.period(),
            Format::Wardline | Format::Mapped(_) => TOPIC_PERIOD,
        };
        Kind::Topic(TopicSource { common: common(default)?, link: link?, filter, bed, format })
    };
    Some(Entry { span, kind })
}

fn refuse_keys(section: &Section<'_>, keys: &[&str], what: &str, mistakes: &mut Mistakes) {
    for key in keys {
        if let Some(value) = section.value(key) {
            mistakes.add(
                value.span(),
                format!("{what} has no {key}"),
                "take it out, or make two sources of it",
            );
        }
    }
}

fn bed(section: &Section<'_>, beds: &[BedEntry], mistakes: &mut Mistakes) -> Option<Arc<Name>> {
    let said = section.required("bed", mistakes)?;
    let found = beds.iter().find(|it| it.bed.id.as_str() == said.get_ref());
    if found.is_none() {
        let fix = match alike(said.get_ref(), beds.iter().map(|it| it.bed.id.as_str())) {
            Some(meant) => format!("did you mean bed = \"{meant}\"?"),
            None => format!("[[bed]]\nid = \"{}\"", said.get_ref()),
        };
        mistakes.add(said.span(), format!("there is no bed {:?}", said.get_ref()), fix);
    }
    found.map(|it| Arc::clone(&it.bed.id))
}

fn device(section: &Section<'_>, key: &str, mistakes: &mut Mistakes) -> Option<DeviceModel> {
    section.required(key, mistakes)?;
    let known: Vec<_> = DeviceModel::ALL.into_iter().map(|it| (it.name(), it)).collect();
    word(section, key, &known, mistakes).map(Spanned::into_inner)
}

fn port(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<PathBuf> {
    let said = section.required("port", mistakes)?;
    if !said.get_ref().starts_with('/') {
        mistakes.add(said.span(), "port is not an absolute path", "port = \"/dev/serial/by-id/…\"");
    }
    Some(said.into_inner().into())
}

fn format(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Format> {
    let said = section.required("format", mistakes)?;
    if said.get_ref() != "mapped" {
        for key in ["time", "seq", "fields"] {
            if let Some(value) = section.value(key) {
                mistakes.add(value.span(), format!("{key} belongs to format = \"mapped\""), "take it out");
            }
        }
    }
    match said.get_ref().as_str() {
        "wardline" => Some(Format::Wardline),
        "mapped" => Some(Format::Mapped(mapping(section, mistakes))),
        name => {
            let model = DeviceModel::from_name(name);
            if model.is_none() {
                let known: Vec<_> = ["wardline", "mapped"]
                    .into_iter()
                    .chain(DeviceModel::ALL.map(DeviceModel::name))
                    .collect();
                let fix = match alike(name, known.iter().copied()) {
                    Some(meant) => format!("did you mean format = \"{meant}\"?"),
                    None => format!("known: {}", known.join(", ")),
                };
                mistakes.add(said.span(), format!("there is no format {name:?}"), fix);
            }
            model.map(Format::Device)
        }
    }
}

fn mapping(section: &Section<'_>, mistakes: &mut Mistakes) -> Mapping {
    let mut pointer = |section: &Section<'_>, key: &str| {
        let said = section.text(key, mistakes)?;
        if !said.get_ref().starts_with('/') {
            mistakes.add(
                said.span(),
                format!("{key} is not a JSON pointer"),
                format!("{key} = \"/name/of/field\""),
            );
        }
        Some(said.into_inner())
    };
    let time = pointer(section, "time");
    let seq = pointer(section, "seq");
    let mut fields = BTreeMap::new();
    let table = section.section("fields", mistakes);
    if table.is_none() && section.value("fields").is_none() {
        mistakes.add(
            section.span.clone(),
            "format = \"mapped\" needs fields",
            "fields.spo2 = { at = \"/spo2\", unit = \"%\" }",
        );
    }
    for (key, span, value) in table.iter().flat_map(Section::entries) {
        let Some(vital) = Vital::from_name(key) else {
            let fix = alike(key, Vital::all().map(Vital::name))
                .map_or(String::new(), |it| format!("did you mean {it}?"));
            mistakes.add(span, format!("there is no vital {key:?}"), fix);
            continue;
        };
        let Some(field) = Section::of(key, value, "fields", mistakes) else { continue };
        field.refuse_unknown(&["at", "unit"], mistakes);
        let (at, unit) = (field.required("at", mistakes), field.required("unit", mistakes));
        let (Some(at), Some(unit)) = (at, unit) else { continue };
        if !at.get_ref().starts_with('/') {
            mistakes.add(at.span(), "at is not a JSON pointer", "at = \"/name/of/field\"");
        }
        if mapped::conversion(vital, unit.get_ref()).is_none() {
            let what = format!("{} cannot be had from the unit {:?}", vital.name(), unit.get_ref());
            mistakes.add(unit.span(), what, format!("its own unit is \"{}\"", vital.properties().unit));
        }
        fields.insert(vital, MappedField { at: at.into_inner(), unit: unit.into_inner() });
    }
    Mapping { time, seq, fields }
}

/// The filter to subscribe to, and how the bed is found.
fn topic(section: &Section<'_>, beds: &[BedEntry], mistakes: &mut Mistakes) -> Option<(String, TopicBed)> {
    let said = section.required("topic", mistakes)?;
    let topic = said.get_ref();
    let levels: Vec<&str> = topic.split('/').collect();
    let bad_level = |(index, level): (usize, &&str)| match *level {
        "+" | "{bed}" => false,
        "#" => index + 1 != levels.len(),
        text => text.contains(['+', '#', '{', '}', '\0']),
    };
    if levels.iter().enumerate().any(bad_level) || topic.starts_with('$') || topic.len() > 65_535 {
        let what = format!("{topic:?} is not a topic filter");
        mistakes.add(
            said.span(),
            what,
            "+, {bed} and a last # stand for whole levels: \"vitals/icu-3/{bed}/numerics\"",
        );
        return None;
    }
    let place: Vec<usize> =
        levels.iter().enumerate().filter(|(_, it)| **it == "{bed}").map(|(index, _)| index).collect();
    let bed = match (place.as_slice(), section.value("bed")) {
        ([], _) => TopicBed::Fixed(bed(section, beds, mistakes)?),
        ([level], None) => TopicBed::Level(*level),
        ([_], Some(value)) => {
            mistakes.add(value.span(), "the bed is said twice: by {bed} in the topic and by bed", "keep one");
            return None;
        }
        _ => {
            mistakes.add(said.span(), "{bed} stands in the topic twice", "keep one");
            return None;
        }
    };
    Some((topic.replace("{bed}", "+"), bed))
}
