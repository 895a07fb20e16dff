//! What `wardline.toml` means: each section read, and the sections held against each other.

mod actions;
mod agent;
mod annunciator;
mod delays;
mod kafka;
mod mqtt;
mod secret;
mod source;
mod topic;
mod ward;

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use self::ward::Ward;
use super::Config;
use super::alarms::AlarmsFile;
use super::alike::alike;
use super::keys;
use super::section::{Mistakes, Section};

/// The file with the alarms, beside `wardline.toml` unless said otherwise.
pub(super) fn alarms_file(root: &Section<'_>) -> PathBuf {
    let said = root.section("unit", &mut Mistakes::default());
    let said = said.and_then(|it| it.text("alarms_file", &mut Mistakes::default()));
    said.map_or_else(|| keys::default("unit", "alarms_file").to_owned(), Spanned::into_inner).into()
}

/// Where that file is named.
pub(super) fn alarms_file_span(root: &Section<'_>) -> Range<usize> {
    let unit = root.section("unit", &mut Mistakes::default());
    unit.and_then(|it| it.value("alarms_file")).map_or(0..0, Spanned::span)
}

/// The ids of all beds with their profiles, as they are written.
pub(super) fn beds_with_profiles<'a>(root: &Section<'a>) -> Vec<(&'a str, &'a str)> {
    let mut ignored = Mistakes::default();
    let text = |section: &Section<'a>, key: &str| section.value(key).and_then(|it| it.get_ref().as_str());
    let unit = root.section("unit", &mut ignored).and_then(|it| text(&it, "profile")).unwrap_or_default();
    let beds = root.sections("bed", &mut ignored);
    beds.iter().filter_map(|it| Some((text(it, "id")?, text(it, "profile").unwrap_or(unit)))).collect()
}

/// Reads everything. There is a configuration only where nothing was wrong.
pub(super) fn config(
    root: &Section<'_>,
    alarms: Option<&AlarmsFile>,
    mistakes: &mut Mistakes,
) -> (Option<Config>, Mistakes) {
    const SECTIONS: [&str; 9] =
        ["agent", "unit", "kafka", "mqtt", "buffer", "bed", "source", "annunciator", "actions"];
    let mut warnings = Mistakes::default();
    root.refuse_unknown(&SECTIONS, mistakes);
    let agent = agent::agent(root, mistakes, &mut warnings);
    let unit = agent::unit(root, mistakes);
    let buffer = agent::buffer(root, mistakes, &mut warnings);
    let kafka = kafka::kafka(root, mistakes);
    let mqtt = mqtt::links(root, agent.as_ref(), mistakes);
    let profile = unit.as_ref().map(|it| it.profile.as_str());
    let mut beds = ward::beds(root, profile, alarms, mistakes);
    let named = beds_with_profiles(root).into_iter().map(|(bed, _)| bed).collect();
    let ward = Ward { links: &mqtt, beds: &beds, named };
    let sources = source::sources(root, &ward, mistakes);
    let annunciators = annunciator::annunciators(root, &ward, mistakes);
    annunciator::refuse_circles(&annunciators, &sources, mistakes);
    ward::refuse_bed_of_agent(root, agent.as_ref(), mistakes);
    let actions = actions::actions(root, agent.as_ref(), &ward, &sources, mistakes);
    let annunciators: Vec<_> = annunciators.into_iter().map(Spanned::into_inner).collect();
    ward::check_sources(&mut beds, &sources, mistakes, &mut warnings);
    annunciator::warn_of_silence(root, &annunciators, unit.as_ref(), &mut warnings);
    let (Some(agent), Some(unit), Some(buffer), Some(kafka)) = (agent, unit, buffer, kafka) else {
        return (None, warnings);
    };
    let (devices, topics) = sources.into_parts();
    let beds = beds.into_iter().map(|it| it.bed).collect();
    let mqtt = mqtt.into_iter().filter_map(|it| it.link).collect();
    (
        Some(Config { agent, unit, kafka, mqtt, buffer, beds, devices, topics, annunciators, actions }),
        warnings,
    )
}

/// One word of several.
fn word<T: Copy>(
    section: &Section<'_>,
    key: &str,
    known: &[(&str, T)],
    mistakes: &mut Mistakes,
) -> Option<Spanned<T>> {
    let text = section.text(key, mistakes)?;
    if let Some((_, value)) = known.iter().find(|(name, _)| name == text.get_ref()) {
        return Some(Spanned::new(text.span(), *value));
    }
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    let fix = match alike(text.get_ref(), names.iter().copied()) {
        Some(meant) => format!("did you mean {key} = \"{meant}\"?"),
        None => format!("known: {}", names.join(", ")),
    };
    mistakes.add(text.span(), format!("there is no {key} {:?}", text.get_ref()), fix);
    None
}

/// Whether a host is this machine, where nothing can listen in.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// A file that is named, read for its certificates or key only when it is used, and must be there now.
fn existing(section: &Section<'_>, key: &str, mistakes: &mut Mistakes) -> Option<PathBuf> {
    let text = section.text(key, mistakes)?;
    let path = PathBuf::from(text.get_ref());
    if let Err(error) = std::fs::File::open(&path) {
        mistakes.add(
            text.span(),
            format!("{key} cannot be read: {error}"),
            "name a file that the agent can read",
        );
    }
    Some(path)
}

/// Our own certificate and its key: both or none.
fn client_cert(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<(PathBuf, PathBuf)> {
    let cert = existing(section, "client_cert", mistakes);
    let key = existing(section, "client_key", mistakes);
    for (said, missing) in [("client_cert", "client_key"), ("client_key", "client_cert")] {
        if let (Some(it), None) = (section.value(said), section.value(missing)) {
            let fix = format!("{missing} = \"/etc/wardline/…\"");
            mistakes.add(it.span(), format!("{said} is of no use without {missing}"), fix);
        }
    }
    Some((cert?, key?))
}
