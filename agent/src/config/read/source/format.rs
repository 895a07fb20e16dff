//! The payload of a source's messages: its format, and for `mapped` where each vital stands.

use std::collections::BTreeMap;

use toml::Spanned;
use vitals::device::DeviceModel;
use vitals::payload::{MappedField, Mapping, mapped, senml};
use vitals::vital::Vital;

use super::refuse_keys;
use crate::config::Format;
use crate::config::alike::alike;
use crate::config::section::{Mistakes, Section};

/// How the payload of a source's messages is read.
pub(super) fn format(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Format> {
    let said = section.required("format", mistakes)?;
    if said.get_ref() == "mapped" {
        return Some(Format::Mapped(mapping(section, mistakes)));
    }
    if said.get_ref() == "senml" {
        refuse_keys(section, &["time", "seq"], "format = \"senml\"", mistakes);
        return Some(Format::Senml(names(section, mistakes)));
    }
    let model = DeviceModel::from_name(said.get_ref());
    let format =
        if said.get_ref() == "wardline" { Some(Format::Wardline) } else { model.map(Format::Device) };
    if format.is_none() {
        refuse_format(&said, mistakes);
        return None;
    }
    for key in ["time", "seq", "fields"] {
        if let Some(value) = section.value(key) {
            mistakes.add(value.span(), format!("{key} belongs to format = \"mapped\""), "take it out");
        }
    }
    format
}

fn refuse_format(said: &Spanned<String>, mistakes: &mut Mistakes) {
    let models = DeviceModel::ALL.map(DeviceModel::name);
    let known: Vec<_> = ["wardline", "mapped", "senml"].into_iter().chain(models).collect();
    let fix = match alike(said.get_ref(), known.iter().copied()) {
        Some(meant) => format!("did you mean format = \"{meant}\"?"),
        None => format!("known: {}", known.join(", ")),
    };
    mistakes.add(said.span(), format!("there is no format {:?}", said.get_ref()), fix);
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
    Mapping { time, seq, fields: fields(section, mistakes) }
}

/// What records are called that do not bear a vital's own name; each says its unit itself.
fn names(section: &Section<'_>, mistakes: &mut Mistakes) -> senml::Names {
    let mut names = senml::Names::new();
    let Some(table) = section.section("fields", mistakes) else { return names };
    for (vital, field) in of_vitals(&table, mistakes) {
        field.refuse_unknown(&["at"], mistakes);
        let Some(at) = field.required("at", mistakes) else { continue };
        let span = at.span();
        if let Some(other) = names.insert(at.into_inner(), vital) {
            mistakes.add(
                span,
                format!("this is the name of {} already", other.name()),
                "one name to a vital",
            );
        }
    }
    names
}

/// The entries of `fields`, each by its vital.
fn of_vitals<'a>(table: &Section<'a>, mistakes: &mut Mistakes) -> Vec<(Vital, Section<'a>)> {
    let mut found = Vec::new();
    for (key, span, value) in table.entries() {
        let Some(vital) = Vital::from_name(key) else {
            let fix = alike(key, Vital::all().map(Vital::name))
                .map_or(String::new(), |it| format!("did you mean {it}?"));
            mistakes.add(span, format!("there is no vital {key:?}"), fix);
            continue;
        };
        found.extend(Section::of(key, value, "fields", mistakes).map(|field| (vital, field)));
    }
    found
}

fn fields(section: &Section<'_>, mistakes: &mut Mistakes) -> BTreeMap<Vital, MappedField> {
    let mut fields = BTreeMap::new();
    let Some(table) = section.section("fields", mistakes) else {
        if section.value("fields").is_none() {
            let fix = "fields.spo2 = { at = \"/spo2\", unit = \"%\" }";
            mistakes.add(section.span.clone(), "format = \"mapped\" needs fields", fix);
        }
        return fields;
    };
    for (vital, field) in of_vitals(&table, mistakes) {
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
    fields
}
