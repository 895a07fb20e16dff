//! `[[bed]]`, and the beds held against their sources.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use vitals::alarm::policy::Preference;
use vitals::name::Name;
use vitals::vital::Vital;

use super::agent;
use super::delays::warn_of_short_delays;
use super::mqtt::Link;
use super::source::{Entry, Sources};
use crate::config::alarms::AlarmsFile;
use crate::config::alike::alike;
use crate::config::section::{Mistakes, Section};
use crate::config::{Agent, Bed, keys};

/// A bed with its place in the file.
pub(super) struct BedEntry {
    pub(super) bed: Bed,
    span: Range<usize>,
    preferred: Vec<Preferred>,
}

/// Whom to believe of one vital, as the file says it: the sources are not read yet.
struct Preferred {
    vital: Vital,
    sources: Vec<Spanned<String>>,
}

pub(super) fn beds(
    root: &Section<'_>,
    profile: Option<&str>,
    alarms: Option<&AlarmsFile>,
    mistakes: &mut Mistakes,
) -> Vec<BedEntry> {
    let mut beds: Vec<BedEntry> = Vec::new();
    for section in root.sections("bed", mistakes) {
        section.refuse_unknown(&keys::names("bed"), mistakes);
        let label = section.text("label", mistakes).map(Spanned::into_inner);
        let preferred = prefer(&section, mistakes);
        let own = agent::profile(&section, mistakes);
        let Some(id) = section.name("id", mistakes) else { continue };
        if id.get_ref().as_str().contains('/') {
            mistakes.add(id.span(), "a bed's id stands for one level of a topic and holds no '/'", "use '-'");
        }
        if beds.iter().any(|it| *it.bed.id == *id.get_ref()) {
            mistakes.add(
                id.span(),
                format!("the bed {} stands here twice", id.get_ref()),
                "give each bed its own id",
            );
            continue;
        }
        let (Some(profile), Some(alarms)) = (own.as_deref().or(profile), alarms) else { continue };
        let Some(policy) = alarms.policy(profile, Some(id.get_ref())) else {
            let what = format!("the alarms file has no profile {profile:?}");
            mistakes.add(id.span(), what, format!("add [profile.{profile}.spo2] and the others to it"));
            continue;
        };
        let span = id.span();
        let bed = Bed { id: Arc::new(id.into_inner()), label, policy, prefer: Preference::new() };
        beds.push(BedEntry { bed, span, preferred });
    }
    if root.value("bed").is_none() {
        mistakes.add(0..0, "there is no bed", "[[bed]]\nid = \"icu-3-07\"");
    }
    beds
}

/// The agent's own alarms stand under its id in the place of a bed.
pub(super) fn refuse_bed_of_agent(root: &Section<'_>, agent: Option<&Agent>, mistakes: &mut Mistakes) {
    let Some(agent) = agent else { return };
    for section in root.sections("bed", &mut Mistakes::default()) {
        let id = section.value("id").filter(|it| it.get_ref().as_str() == Some(agent.id.as_str()));
        if let Some(id) = id {
            let what =
                format!("the bed {} bears the agent's id, which stands for the agent itself", agent.id);
            mistakes.add(id.span(), what, "give the agent an id that no bed has");
        }
    }
}

fn prefer(section: &Section<'_>, mistakes: &mut Mistakes) -> Vec<Preferred> {
    let Some(table) = section.section("prefer", mistakes) else { return Vec::new() };
    let mut preferred = Vec::new();
    for (key, span, _) in table.entries() {
        let Some(vital) = Vital::from_name(key) else {
            let fix = alike(key, Vital::all().map(Vital::name))
                .map_or(String::new(), |it| format!("did you mean {it}?"));
            mistakes.add(span, format!("there is no vital {key:?}"), fix);
            continue;
        };
        if let Some(sources) = table.texts(key, mistakes) {
            preferred.push(Preferred { vital, sources });
        }
    }
    preferred
}

/// Holds beds and sources against each other: modes that mix, preferences that name strangers, vitals given twice.
pub(super) fn check_sources(
    beds: &mut [BedEntry],
    sources: &Sources,
    mistakes: &mut Mistakes,
    warnings: &mut Mistakes,
) {
    for entry in beds {
        let of_bed: Vec<_> = sources.of(&entry.bed.id).collect();
        if of_bed.is_empty() {
            let what = format!("the bed {} has no source", entry.bed.id);
            warnings.add(entry.span.clone(), what, "add a [[source]] for it");
        }
        refuse_mixed_modes(&entry.bed, &of_bed, mistakes);
        for preferred in &entry.preferred {
            let names = preferred
                .sources
                .iter()
                .filter_map(|said| source_of(said, entry, sources, &of_bed, mistakes));
            let names: Vec<_> = names.collect();
            entry.bed.prefer.insert(preferred.vital, names);
        }
        refuse_doubt(entry, &of_bed, mistakes);
        warn_of_short_delays(&entry.bed, &entry.span, &of_bed, warnings);
    }
}

fn refuse_mixed_modes(bed: &Bed, of_bed: &[&Entry], mistakes: &mut Mistakes) {
    let Some(first) = of_bed.first() else { return };
    if let Some(other) = of_bed.iter().find(|it| it.common().mode != first.common().mode) {
        let what = format!("the bed {} mixes patients with simulated or replayed data", bed.id);
        let fix = format!("give all sources of a bed one mode, as mode = \"{}\"", first.common().mode.name());
        mistakes.add(other.span.clone(), what, fix);
    }
}

/// The source that a preference means, by the name under which it speaks for this bed.
fn source_of(
    said: &Spanned<String>,
    entry: &BedEntry,
    sources: &Sources,
    of_bed: &[&Entry],
    mistakes: &mut Mistakes,
) -> Option<Arc<Name>> {
    let ids: Vec<_> = of_bed.iter().map(|it| it.common().id.as_str()).collect();
    if let Some(found) = of_bed.iter().find(|it| it.common().id.as_str() == said.get_ref()) {
        return found.id_for(&entry.bed.id);
    }
    if sources.names(said.get_ref()) {
        return None;
    }
    let what = format!("prefer names {:?}, which is no source of the bed {}", said.get_ref(), entry.bed.id);
    let fix = match alike(said.get_ref(), ids.iter().copied()) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("its sources: {}", ids.join(", ")),
    };
    mistakes.add(said.span(), what, fix);
    None
}

/// Two sources of one vital, and nobody has said which is believed.
fn refuse_doubt(entry: &BedEntry, of_bed: &[&Entry], mistakes: &mut Mistakes) {
    let mut givers: BTreeMap<Vital, Vec<&str>> = BTreeMap::new();
    for source in of_bed {
        for vital in source.vitals() {
            givers.entry(vital).or_default().push(source.common().id.as_str());
        }
    }
    let said = |vital| entry.preferred.iter().any(|it| it.vital == vital);
    for (vital, names) in givers.into_iter().filter(|(vital, it)| it.len() > 1 && !said(*vital)) {
        let quoted: Vec<_> = names.iter().map(|it| format!("{it:?}")).collect();
        let what = format!("{} of the bed {} comes from {}", vital.name(), entry.bed.id, names.join(" and "));
        let fix = format!("say which is believed: prefer.{} = [{}]", vital.name(), quoted.join(", "));
        mistakes.add(entry.span.clone(), what, fix);
    }
}

/// What sources and annunciators refer to.
pub(super) struct Ward<'a> {
    pub(super) links: &'a [Link],
    pub(super) beds: &'a [BedEntry],
    /// The ids of all beds as they are written: of one that holds a mistake nobody is told that it is not there.
    pub(super) named: Vec<&'a str>,
}

impl Ward<'_> {
    /// The bed that a section names.
    pub(super) fn bed(&self, section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Arc<Name>> {
        let said = section.required("bed", mistakes)?;
        let found = self.beds.iter().find(|it| it.bed.id.as_str() == said.get_ref());
        if found.is_none() && !self.named.contains(&said.get_ref().as_str()) {
            let fix = match alike(said.get_ref(), self.named.iter().copied()) {
                Some(meant) => format!("did you mean bed = \"{meant}\"?"),
                None => format!("add it: [[bed]] id = \"{}\"", said.get_ref()),
            };
            mistakes.add(said.span(), format!("there is no bed {:?}", said.get_ref()), fix);
        }
        found.map(|it| Arc::clone(&it.bed.id))
    }

    /// The index of the link that a section names.
    pub(super) fn link(&self, section: &Section<'_>, mistakes: &mut Mistakes) -> Option<usize> {
        let said = section.required("mqtt", mistakes)?;
        let index = self.links.iter().position(|it| it.name.as_str() == said.get_ref());
        if index.is_none() {
            let fix = match alike(said.get_ref(), self.links.iter().map(|it| it.name.as_str())) {
                Some(meant) => format!("did you mean mqtt = \"{meant}\"?"),
                None => format!("add [mqtt.{}] with its url", said.get_ref()),
            };
            mistakes.add(said.span(), format!("there is no [mqtt.{}]", said.get_ref()), fix);
        }
        index
    }
}
