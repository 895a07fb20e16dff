//! `[[source]]`: a device with a port, or messages on a topic.

mod format;
mod reach;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;
use vitals::device::DeviceModel;
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::vital::Vital;

use super::topic::{overlap, topic};
use super::ward::Ward;
use super::word;
use crate::config::section::{Mistakes, Section};
use crate::config::{DeviceSource, Format, Source, TopicBed, TopicSource, keys};

/// How often a source of messages speaks, unless said otherwise.
const TOPIC_PERIOD: Duration = Duration::from_secs(1);

/// A source with its place in the file.
pub(super) struct Entry {
    pub(super) span: Range<usize>,
    kind: Kind,
}

enum Kind {
    Device(DeviceSource),
    Topic(TopicSource),
}

/// All sources.
pub(super) struct Sources {
    entries: Vec<Entry>,
    /// The ids of those that hold a mistake: of these nobody is told that they are not there.
    broken: Vec<String>,
}

impl Sources {
    /// The sources that belong to a bed; a topic with a level for the bed belongs to every bed.
    pub(super) fn of<'a>(&'a self, bed: &'a Name) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |it| match &it.kind {
            Kind::Device(source) => *source.bed == *bed,
            Kind::Topic(TopicSource { bed: TopicBed::Fixed(of), .. }) => **of == *bed,
            Kind::Topic(TopicSource { bed: TopicBed::Level(_), .. }) => true,
        })
    }

    /// A source of a link that a message on a topic of this filter would reach.
    pub(super) fn listening(&self, link: usize, filter: &str) -> Option<&Name> {
        self.entries.iter().find_map(|it| match &it.kind {
            Kind::Topic(it) if it.link == link && overlap(&it.filter, filter) => Some(&*it.common.id),
            Kind::Topic(_) | Kind::Device(_) => None,
        })
    }

    /// Whether a source that holds a mistake has this id.
    pub(super) fn names(&self, id: &str) -> bool {
        self.broken.iter().any(|it| it == id)
    }

    pub(super) fn into_parts(self) -> (Vec<DeviceSource>, Vec<TopicSource>) {
        let (mut devices, mut topics) = (Vec::new(), Vec::new());
        for entry in self.entries {
            match entry.kind {
                Kind::Device(it) => devices.push(it),
                Kind::Topic(it) => topics.push(it),
            }
        }
        (devices, topics)
    }
}

impl Entry {
    pub(super) fn common(&self) -> &Source {
        match &self.kind {
            Kind::Device(it) => &it.common,
            Kind::Topic(it) => &it.common,
        }
    }

    /// The name under which it speaks for a bed: with the bed as a second part where it stands for many.
    pub(super) fn id_for(&self, bed: &Name) -> Option<Arc<Name>> {
        match &self.kind {
            Kind::Topic(TopicSource { bed: TopicBed::Level(_), common, .. }) => {
                Name::parse(&format!("{}/{bed}", common.id)).ok().map(Arc::new)
            }
            Kind::Topic(_) | Kind::Device(_) => Some(Arc::clone(&self.common().id)),
        }
    }

    /// The vitals it is known to give; what a flat payload holds is known when it comes.
    pub(super) fn vitals(&self) -> Vec<Vital> {
        const OXIMETER: [Vital; 2] = [Vital::PulseRate, Vital::Spo2];
        const MONITOR: [Vital; 3] = [Vital::HeartRate, Vital::PulseRate, Vital::Spo2];
        const CAPNOMETER: [Vital; 4] = [Vital::PulseRate, Vital::Spo2, Vital::RespRateCo2, Vital::Etco2];
        const VENTILATOR: [Vital; 3] = [Vital::RespRate, Vital::AirwayPressurePeak, Vital::Peep];
        const CUFF: [Vital; 3] = [Vital::NibpSystolic, Vital::NibpDiastolic, Vital::NibpMean];
        let of_device = |model| match model {
            DeviceModel::NoninDf2
            | DeviceModel::NoninDf7
            | DeviceModel::NoninDf8
            | DeviceModel::NoninDf13
            | DeviceModel::NoninAscii
            | DeviceModel::MasimoAscii1
            | DeviceModel::ContecV7
            | DeviceModel::Bci
            | DeviceModel::Nellcor => OXIMETER.to_vec(),
            DeviceModel::GeS5Dri
            | DeviceModel::IvyAnsarB
            | DeviceModel::Intellivue
            | DeviceModel::IntellivueLan
            | DeviceModel::MindrayPds => MONITOR.to_vec(),
            // A ventilator is no oximeter, even where it shows one.
            DeviceModel::Medibus => VENTILATOR.to_vec(),
            DeviceModel::Capnostream => CAPNOMETER.to_vec(),
            DeviceModel::SunTech => CUFF.to_vec(),
        };
        match &self.kind {
            Kind::Device(it) => of_device(it.device),
            Kind::Topic(it) => match &it.format {
                Format::Device(model) => of_device(*model),
                Format::Mapped(mapping) => mapping.fields.keys().copied().collect(),
                Format::Wardline | Format::Senml(_) => Vec::new(),
            },
        }
    }
}

pub(super) fn sources(root: &Section<'_>, ward: &Ward<'_>, mistakes: &mut Mistakes) -> Sources {
    let (mut entries, mut broken) = (Vec::new(), Vec::new());
    for section in root.sections("source", mistakes) {
        section.refuse_unknown(&keys::names("source"), mistakes);
        let Some(entry) = entry(&section, ward, mistakes) else {
            broken.extend(section.value("id").and_then(|it| it.get_ref().as_str()).map(str::to_owned));
            continue;
        };
        refuse_twice(&entries, &entry, &section, mistakes);
        if let Some(bed) = ward.beds.iter().find(|it| entry.id_for(&it.bed.id).is_none()) {
            let (id, bed) = (&entry.common().id, &bed.bed.id);
            let what = format!("the ids {id} and {bed} are together longer than {}", Name::LENGTH_MAX - 1);
            mistakes.add(entry.span.clone(), what, "shorten one of them");
        }
        entries.push(entry);
    }
    if root.value("source").is_none() {
        let fix =
            "[[source]] with id, bed, device and port (or tcp, or udp), or with id, mqtt, topic and format";
        mistakes.add(0..0, "there is no source", fix);
    }
    Sources { entries, broken }
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
            (Kind::Device(a), Kind::Device(b)) if a.port == b.port => {
                let what = format!("the port {} is that of {} already", a.port, b.common.id);
                mistakes.add(place(a.port.key()), what, "one device to a port");
            }
            (Kind::Topic(a), Kind::Topic(b)) if a.link == b.link && overlap(&a.filter, &b.filter) => {
                let what = format!("the topic {} holds messages of {} too", a.filter, b.common.id);
                mistakes.add(place("topic"), what, "no topic may belong to two sources");
            }
            _ => {}
        }
    }
}

fn entry(section: &Section<'_>, ward: &Ward<'_>, mistakes: &mut Mistakes) -> Option<Entry> {
    let id = section.name("id", mistakes);
    if let Some(it) = id.as_ref().filter(|it| it.get_ref().as_str().contains('/')) {
        mistakes.add(it.span(), "a source's id holds no '/': the agent puts the bed behind one", "use '-'");
    }
    let critical = section.boolean("critical", mistakes).is_some_and(Spanned::into_inner);
    let modes = [("live", Mode::Live), ("replay", Mode::Replay), ("simulated", Mode::Simulated)];
    let mode = word(section, "mode", &modes, mistakes).map_or(Mode::Live, Spanned::into_inner);
    let same_limb = section.boolean("same_limb", mistakes).is_some_and(Spanned::into_inner);
    let period = section.duration("period", mistakes);
    let interval = section.duration("nibp_interval", mistakes);
    if let Some(it) = interval.as_ref().filter(|it| it.get_ref().is_zero()) {
        mistakes.add(it.span(), "nibp_interval is nothing", "nibp_interval = \"15m\"");
    }
    let nibp_interval = interval.map(Spanned::into_inner);
    if let Some(it) = period.as_ref().filter(|it| it.get_ref().is_zero()) {
        mistakes.add(it.span(), "period is nothing", "period = \"1s\"");
    }
    let period = period.map(Spanned::into_inner);
    let span = section.value("id").map_or(section.span.clone(), Spanned::span);
    let is_device = reach::KEYS.iter().any(|key| section.value(key).is_some())
        || (section.value("device").is_some() && section.value("mqtt").is_none());
    let common = |default| {
        Some(Source {
            id: Arc::new(id.clone()?.into_inner()),
            period: period.unwrap_or(default),
            critical,
            nibp_interval,
            same_limb,
            mode,
        })
    };
    let kind = if is_device {
        refuse_keys(
            section,
            &["mqtt", "topic", "format", "fields", "time", "seq"],
            "a source on a port",
            mistakes,
        );
        let bed = ward.bed(section, mistakes);
        let device = device(section, "device", mistakes);
        let port = reach::port(section, device, mistakes);
        let (device, port) = (device?, port?);
        let line = reach::line(section, device, &port, mistakes)?;
        Kind::Device(DeviceSource { common: common(device.period())?, bed: bed?, device, port, line })
    } else {
        refuse_keys(section, &["device", "line"], "a source of messages", mistakes);
        let link = ward.link(section, mistakes);
        let format = format::format(section, mistakes);
        let topic = topic(section, ward, mistakes);
        let (format, (filter, bed)) = (format?, topic?);
        let default = match &format {
            Format::Device(device) => device.period(),
            Format::Wardline | Format::Mapped(_) | Format::Senml(_) => TOPIC_PERIOD,
        };
        Kind::Topic(TopicSource { common: common(default)?, link: link?, filter, bed, format })
    };
    Some(Entry { span, kind })
}

/// Keys that mean nothing here were meant for something else.
pub(super) fn refuse_keys(section: &Section<'_>, keys: &[&str], what: &str, mistakes: &mut Mistakes) {
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

fn device(section: &Section<'_>, key: &str, mistakes: &mut Mistakes) -> Option<DeviceModel> {
    section.required(key, mistakes)?;
    let known: Vec<_> = DeviceModel::ALL.into_iter().map(|it| (it.name(), it)).collect();
    word(section, key, &known, mistakes).map(Spanned::into_inner)
}
