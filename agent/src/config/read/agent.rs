//! `[agent]`, `[unit]` and `[buffer]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use super::word;
use crate::config::alarms::{PROFILES, parse_duration};
use crate::config::section::{Mistakes, Section};
use crate::config::{Agent, Buffer, Unit, WhenFull, keys};

/// The smallest bound of the buffer: two generations and what sled needs around them.
const BUFFER_MIN: u64 = 64 << 20;

/// The shortest time between two test alarms.
const TEST_EVERY_MIN: Duration = Duration::from_secs(20);

/// Names that every new machine has: two agents of one name would take each other's place.
const REFUSED_IDS: [&str; 3] = ["raspberrypi", "localhost", "wardline"];

pub(super) fn agent(root: &Section<'_>, mistakes: &mut Mistakes, warnings: &mut Mistakes) -> Option<Agent> {
    let section = required_section(root, "agent", "[agent]\nid = \"icu-3-pi-1\"", mistakes)?;
    section.refuse_unknown(&keys::names("agent"), mistakes);
    let id = section.name("id", mistakes);
    if let Some(it) = id.as_ref().filter(|it| REFUSED_IDS.contains(&it.get_ref().as_str())) {
        let what = format!("the id {:?} is that of many machines", it.get_ref().as_str());
        mistakes.add(it.span(), what, "give this agent a name of its own in the hospital: \"icu-3-pi-1\"");
    }
    if let Some(it) = id.as_ref().filter(|it| it.get_ref().as_str().contains('/')) {
        mistakes.add(
            it.span(),
            "an agent's id holds no '/': it is one part of the ids of records",
            "use '-'",
        );
    }
    let state_dir = directory(&section, "state_dir", mistakes);
    let run_dir = directory(&section, "run_dir", mistakes);
    let http = http(&section, mistakes, warnings);
    let shutdown_grace = duration(&section, "agent", "shutdown_grace", mistakes);
    Some(Agent { id: id?.into_inner(), state_dir, run_dir, http, shutdown_grace })
}

pub(super) fn unit(root: &Section<'_>, mistakes: &mut Mistakes) -> Option<Unit> {
    let section = required_section(root, "unit", "[unit]\nid = \"icu-3\"\nprofile = \"adult\"", mistakes)?;
    section.refuse_unknown(&keys::names("unit"), mistakes);
    let id = section.name("id", mistakes);
    let label = section.text("label", mistakes).map(Spanned::into_inner);
    let profile = profile(&section, mistakes);
    if profile.is_none() && section.value("profile").is_none() {
        let what = "profile is missing in unit: which limits hold must be said";
        mistakes.add(section.span.clone(), what, format!("profile = \"adult\" ({})", PROFILES.join(", ")));
    }
    let stations = section.boolean("stations", mistakes).is_none_or(Spanned::into_inner);
    let receipts = section.boolean("receipts", mistakes);
    if let Some(it) = receipts.as_ref().filter(|it| *it.get_ref() && !stations) {
        mistakes.add(
            it.span(),
            "no station can say what it has shown: there is none",
            "stations = true, or receipts = false",
        );
    }
    let receipts = receipts.is_some_and(Spanned::into_inner);
    let test_alarm_every = test_alarm_every(&section, mistakes);
    let id = id?.into_inner();
    let label = label.unwrap_or_else(|| id.to_string());
    Some(Unit { id, label, profile: profile?, stations, receipts, test_alarm_every })
}

/// How often a test alarm is made, or "off".
fn test_alarm_every(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Duration> {
    const KEY: &str = "test_alarm_every";
    if section.value(KEY)?.get_ref().as_str() == Some("off") {
        return None;
    }
    let every = section.duration(KEY, mistakes)?;
    if *every.get_ref() < TEST_EVERY_MIN {
        let what = "a test alarm lasts ten seconds: more often than every twenty it is noise";
        mistakes.add(every.span(), what, "test_alarm_every = \"24h\", or \"off\"");
    }
    Some(every.into_inner())
}

/// One of the profiles, where one is said.
pub(super) fn profile(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<String> {
    let known: Vec<_> = PROFILES.iter().map(|it| (*it, *it)).collect();
    word(section, "profile", &known, mistakes).map(|it| (*it.get_ref()).to_owned())
}

pub(super) fn buffer(root: &Section<'_>, mistakes: &mut Mistakes, warnings: &mut Mistakes) -> Option<Buffer> {
    let empty = toml::de::DeTable::new();
    let empty = Spanned::new(0..0, empty);
    let section = if root.value("buffer").is_some() {
        root.section("buffer", mistakes)?
    } else {
        Section::root(&empty)
    };
    section.refuse_unknown(&keys::names("buffer"), mistakes);
    let size = section.size("size", mistakes);
    if let Some(it) = size.as_ref().filter(|it| *it.get_ref() < BUFFER_MIN) {
        mistakes.add(
            it.span(),
            "size is below the least that the buffer can work with",
            "size = \"64MiB\" or more",
        );
    }
    let known = [("drop_oldest_readings", WhenFull::DropOldestReadings), ("wait", WhenFull::Wait)];
    let when_full = word(&section, "when_full", &known, mistakes);
    if let Some(it) = when_full.as_ref().filter(|it| *it.get_ref() == WhenFull::Wait) {
        let what = "when the buffer is full, the intake stops, and with it the alarms of every MQTT source";
        warnings.add(it.span(), what, "when_full = \"drop_oldest_readings\"");
    }
    Some(Buffer {
        size: size.map_or(2 << 30, Spanned::into_inner),
        when_full: when_full.map_or(WhenFull::DropOldestReadings, Spanned::into_inner),
        commit_every: duration(&section, "buffer", "commit_every", mistakes),
    })
}

/// A section that must be there.
pub(super) fn required_section<'a>(
    root: &Section<'a>,
    key: &str,
    fix: &str,
    mistakes: &mut Mistakes,
) -> Option<Section<'a>> {
    if root.value(key).is_none() {
        mistakes.add(0..0, format!("the section [{key}] is missing"), fix);
    }
    root.section(key, mistakes)
}

/// A duration, or its default.
pub(super) fn duration(section: &Section<'_>, of: &str, key: &str, mistakes: &mut Mistakes) -> Duration {
    let default = || parse_duration(keys::default(of, key)).unwrap_or_default();
    section.duration(key, mistakes).map_or_else(default, Spanned::into_inner)
}

fn directory(section: &Section<'_>, key: &str, mistakes: &mut Mistakes) -> PathBuf {
    let said = section.text(key, mistakes);
    if let Some(it) = said.as_ref().filter(|it| !it.get_ref().starts_with('/')) {
        mistakes.add(it.span(), format!("{key} is not an absolute path"), format!("{key} = \"/…\""));
    }
    said.map_or_else(|| keys::default("agent", key).to_owned(), Spanned::into_inner).into()
}

fn http(section: &Section<'_>, mistakes: &mut Mistakes, warnings: &mut Mistakes) -> Option<SocketAddr> {
    let said = section.text("http", mistakes);
    let text = said.as_ref().map_or(keys::default("agent", "http"), |it| it.get_ref().as_str());
    if text == "off" {
        return None;
    }
    let address: Option<SocketAddr> = text.parse().ok();
    if let (Some(it), Some(said)) = (address.filter(|it| !it.ip().is_loopback()), &said) {
        let what = format!("everybody who reaches {} may read metrics and the state of beds", it.ip());
        warnings.add(said.span(), what, "http = \"127.0.0.1:9643\"");
    }
    if let (None, Some(it)) = (address, &said) {
        mistakes.add(it.span(), "http is not an address with a port", "http = \"127.0.0.1:9643\" or \"off\"");
    }
    address
}
