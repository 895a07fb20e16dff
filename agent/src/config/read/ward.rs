//! `[[bed]]` and `[[annunciator]]`, and the beds held against their sources.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use vitals::alarm::event::Priority;
use vitals::alarm::policy::Preference;
use vitals::name::Name;
use vitals::vital::Vital;

use super::agent;
use super::mqtt::Link;
use super::source::Sources;
use crate::config::alarms::AlarmsFile;
use crate::config::section::{Mistakes, Section, alike};
use crate::config::{Annunciator, Bed, keys};

/// A bed with its place in the file.
pub(super) struct BedEntry {
    pub(super) bed: Bed,
    span: Range<usize>,
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
        let prefer = prefer(&section, mistakes);
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
        beds.push(BedEntry { bed: Bed { id: Arc::new(id.into_inner()), label, policy, prefer }, span });
    }
    if root.value("bed").is_none() {
        mistakes.add(0..0, "there is no bed", "[[bed]]\nid = \"icu-3-07\"");
    }
    beds
}

fn prefer(section: &Section<'_>, mistakes: &mut Mistakes) -> Preference {
    let mut preference = Preference::new();
    let Some(table) = section.section("prefer", mistakes) else { return preference };
    for (key, span, _) in table.entries() {
        let Some(vital) = Vital::from_name(key) else {
            let fix = alike(key, Vital::all().map(Vital::name))
                .map_or(String::new(), |it| format!("did you mean {it}?"));
            mistakes.add(span, format!("there is no vital {key:?}"), fix);
            continue;
        };
        let Some(names) = table.texts(key, mistakes) else { continue };
        let names = names.get_ref().iter().filter_map(|it| Name::parse(it).ok().map(Arc::new)).collect();
        preference.insert(vital, names);
    }
    preference
}

/// Holds beds and sources against each other: modes that mix, preferences that name strangers, vitals given twice.
pub(super) fn check_sources(
    beds: &[BedEntry],
    sources: &Sources,
    mistakes: &mut Mistakes,
    warnings: &mut Mistakes,
) {
    for entry in beds {
        let bed = &entry.bed;
        let of_bed: Vec<_> = sources.of(&bed.id).collect();
        if of_bed.is_empty() {
            warnings.add(
                entry.span.clone(),
                format!("the bed {} has no source", bed.id),
                "add a [[source]] for it",
            );
        }
        let modes: BTreeSet<_> = of_bed.iter().map(|it| it.common().mode).collect();
        if let (true, Some(last)) = (modes.len() > 1, of_bed.last()) {
            let what = format!("the bed {} mixes patients with simulated or replayed data", bed.id);
            mistakes.add(last.span.clone(), what, "give all sources of a bed one mode");
        }
        for name in
            bed.prefer.values().flatten().filter(|name| !of_bed.iter().any(|it| it.common().id == **name))
        {
            mistakes.add(
                entry.span.clone(),
                format!("prefer names {name}, which is no source of this bed"),
                "",
            );
        }
        let mut givers: BTreeMap<Vital, Vec<&str>> = BTreeMap::new();
        for source in &of_bed {
            for vital in source.vitals() {
                givers.entry(vital).or_default().push(source.common().id.as_str());
            }
        }
        for (vital, names) in
            givers.into_iter().filter(|(vital, it)| it.len() > 1 && !bed.prefer.contains_key(vital))
        {
            let quoted: Vec<_> = names.iter().map(|it| format!("{it:?}")).collect();
            let what = format!("{} of the bed {} comes from {}", vital.name(), bed.id, names.join(" and "));
            let fix = format!("say which is believed: prefer.{} = [{}]", vital.name(), quoted.join(", "));
            mistakes.add(entry.span.clone(), what, fix);
        }
    }
}

pub(super) fn annunciators(root: &Section<'_>, links: &[Link], mistakes: &mut Mistakes) -> Vec<Annunciator> {
    let sections = root.sections("annunciator", mistakes);
    sections.iter().filter_map(|it| annunciator(it, links, mistakes)).collect()
}

fn annunciator(section: &Section<'_>, links: &[Link], mistakes: &mut Mistakes) -> Option<Annunciator> {
    section.refuse_unknown(&keys::names("annunciator"), mistakes);
    let kind = section.required("kind", mistakes)?;
    match kind.get_ref().as_str() {
        "mqtt" => {
            let link = link(section, links, mistakes);
            let topic = section.required("topic", mistakes)?;
            if !topic.get_ref().contains("{bed}") || topic.get_ref().contains(['+', '#']) {
                let what = "the topic must hold {bed}, and no wildcard: each bed's alarms are retained on a topic of their own";
                mistakes.add(topic.span(), what, "topic = \"wardline/icu-3/{bed}/alarms\"");
            }
            Some(Annunciator::Mqtt { link: link?, topic: topic.into_inner() })
        }
        "command" => {
            let command = section.texts("command", mistakes);
            if command.as_ref().is_none_or(|it| it.get_ref().is_empty())
                && section.value("command").is_none_or(|it| it.get_ref().is_array())
            {
                mistakes.add(
                    section.span.clone(),
                    "command is missing",
                    "command = [\"/usr/local/bin/bell\"]",
                );
            }
            let priorities = priorities(section, mistakes);
            Some(Annunciator::Command { command: command?.into_inner(), priorities })
        }
        other => {
            mistakes.add(
                kind.span(),
                format!("there is no kind {other:?}"),
                "kind = \"mqtt\" or \"command\"",
            );
            None
        }
    }
}

fn priorities(section: &Section<'_>, mistakes: &mut Mistakes) -> Vec<Priority> {
    let Some(said) = section.texts("priorities", mistakes) else {
        return vec![Priority::High, Priority::Medium];
    };
    let mut priorities = Vec::new();
    for word in said.get_ref() {
        match word.as_str() {
            "high" => priorities.push(Priority::High),
            "medium" => priorities.push(Priority::Medium),
            "low" => priorities.push(Priority::Low),
            other => {
                mistakes.add(said.span(), format!("there is no priority {other:?}"), "high, medium, low");
            }
        }
    }
    priorities
}

/// The index of the link that a section names.
pub(super) fn link(section: &Section<'_>, links: &[Link], mistakes: &mut Mistakes) -> Option<usize> {
    let said = section.required("mqtt", mistakes)?;
    let index = links.iter().position(|it| it.link.name.as_str() == said.get_ref());
    if index.is_none() {
        let known: Vec<_> = links.iter().map(|it| it.link.name.as_str()).collect();
        let fix = match alike(said.get_ref(), known.iter().copied()) {
            Some(meant) => format!("did you mean mqtt = \"{meant}\"?"),
            None => format!("add [mqtt.{}] with its url", said.get_ref()),
        };
        mistakes.add(said.span(), format!("there is no [mqtt.{}]", said.get_ref()), fix);
    }
    index
}
