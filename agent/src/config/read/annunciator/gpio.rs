//! An annunciator on the lines of a GPIO chip.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;
use vitals::name::Name;

use super::super::source::refuse_keys;
use super::super::ward::Ward;
use crate::config::section::{Mistakes, Section};
use crate::config::{Annunciator, Gpio, GpioLine, GpioOutput};

const EXAMPLE: &str = "lamp = 17, or lamp = \"GPIO17\"";

/// Reads one.
pub(super) fn gpio(section: &Section<'_>, ward: &Ward<'_>, mistakes: &mut Mistakes) -> Option<Annunciator> {
    let others = ["mqtt", "topic", "command", "priorities"];
    refuse_keys(section, &others, "an annunciator on a GPIO chip", mistakes);
    let chip = section.required("chip", mistakes);
    let mut lines: BTreeMap<GpioOutput, GpioLine> = BTreeMap::new();
    for output in GpioOutput::ALL {
        let Some(value) = section.value(output.name()) else { continue };
        let Some(line) = line(value) else {
            let what = format!("{} is neither the number nor the name of a line", output.name());
            mistakes.add(value.span(), what, EXAMPLE);
            continue;
        };
        if lines.values().any(|it| *it == line) {
            let what = format!("line {line} is for something else already");
            mistakes.add(value.span(), what, "one line for each");
        }
        lines.insert(output, line);
    }
    let any = GpioOutput::ALL.iter().any(|it| section.value(it.name()).is_some());
    if !any {
        mistakes.add(section.span.clone(), "no line is named, so that nothing would be switched", EXAMPLE);
    }
    let active_low = section.boolean("active_low", mistakes).is_some_and(Spanned::into_inner);
    let beds = beds(section, ward, mistakes);
    Some(Annunciator::Gpio(Gpio { chip: chip?.into_inner(), lines, active_low, beds }))
}

fn line(value: &Spanned<DeValue<'_>>) -> Option<GpioLine> {
    match value.get_ref() {
        DeValue::Integer(it) if it.radix() == 10 => it.as_str().parse().ok().map(GpioLine::Offset),
        DeValue::String(it) if !it.trim().is_empty() => Some(GpioLine::Named(it.to_string())),
        _ => None,
    }
}

/// Those that are named, or all.
fn beds(section: &Section<'_>, ward: &Ward<'_>, mistakes: &mut Mistakes) -> Vec<Arc<Name>> {
    let all = || ward.beds.iter().map(|it| &it.bed.id);
    let Some(value) = section.value("beds") else { return all().cloned().collect() };
    let said = section.texts("beds", mistakes);
    if said.as_ref().is_some_and(Vec::is_empty) {
        mistakes.add(value.span(), "beds is empty", "leave it out for all beds");
    }
    let mut beds = Vec::new();
    for bed in said.unwrap_or_default() {
        match all().find(|it| it.as_str() == bed.get_ref()) {
            Some(id) => beds.push(Arc::clone(id)),
            None if ward.named.contains(&bed.get_ref().as_str()) => {}
            None => {
                let fix = format!("beds: {}", ward.named.join(", "));
                mistakes.add(bed.span(), format!("there is no bed {:?}", bed.get_ref()), fix);
            }
        }
    }
    beds
}
