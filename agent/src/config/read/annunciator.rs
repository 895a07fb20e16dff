//! `[[annunciator]]`: where alarms are made known at once.

mod gpio;

use toml::Spanned;
use vitals::alarm::event::Priority;

use super::source::{Sources, refuse_keys};
use super::ward::Ward;
use crate::config::section::{Mistakes, Section};
use crate::config::{Annunciator, Gpio, GpioOutput, Unit, keys};

/// What belongs to a GPIO chip alone.
const GPIO_KEYS: [&str; 9] =
    ["chip", "lamp", "lamp_high", "lamp_medium", "lamp_low", "buzzer", "heartbeat", "active_low", "beds"];

/// All annunciators, each with the place of its topic or its table.
pub(super) fn annunciators(
    root: &Section<'_>,
    ward: &Ward<'_>,
    mistakes: &mut Mistakes,
) -> Vec<Spanned<Annunciator>> {
    let mut found: Vec<Spanned<Annunciator>> = Vec::new();
    for section in root.sections("annunciator", mistakes) {
        let span = section.value("topic").map_or_else(|| section.span.clone(), Spanned::span);
        let Some(it) = annunciator(&section, ward, mistakes) else { continue };
        if found.iter().any(|other| same_topic(other.get_ref(), &it)) {
            mistakes.add(span.clone(), "another annunciator has this topic already", "take one of them out");
        }
        if found.iter().any(|other| same_line(other.get_ref(), &it)) {
            mistakes.add(
                span.clone(),
                "another annunciator has a line of these already",
                "one line for each",
            );
        }
        found.push(Spanned::new(span, it));
    }
    found
}

fn same_topic(a: &Annunciator, b: &Annunciator) -> bool {
    match (a, b) {
        (Annunciator::Mqtt { link, topic }, Annunciator::Mqtt { link: other, topic: others }) => {
            link == other && topic == others
        }
        _ => false,
    }
}

fn same_line(a: &Annunciator, b: &Annunciator) -> bool {
    let lines = |it: &Gpio| it.lines.values().cloned().collect::<Vec<_>>();
    match (a, b) {
        (Annunciator::Gpio(a), Annunciator::Gpio(b)) if a.chip == b.chip => {
            lines(a).iter().any(|it| lines(b).contains(it))
        }
        _ => false,
    }
}

/// What the agent says must not come back to it as a reading.
pub(super) fn refuse_circles(
    annunciators: &[Spanned<Annunciator>],
    sources: &Sources,
    mistakes: &mut Mistakes,
) {
    for it in annunciators {
        let Annunciator::Mqtt { link, topic } = it.get_ref() else { continue };
        if let Some(source) = sources.listening(*link, &topic.replace("{bed}", "+")) {
            let what = format!("the source {source} would read these alarms as readings");
            mistakes.add(it.span(), what, "give the alarms a topic that no source listens to");
        }
    }
}

/// An alarm that nobody hears is none.
pub(super) fn warn_of_silence(
    root: &Section<'_>,
    annunciators: &[Annunciator],
    unit: Option<&Unit>,
    warnings: &mut Mistakes,
) {
    let stations = unit.is_none_or(|it| it.stations);
    let span = root.value("annunciator").map_or(0..0, Spanned::span);
    let hears_high = |it: &Annunciator| match it {
        Annunciator::Mqtt { .. } => true,
        Annunciator::Command { priorities, .. } => priorities.contains(&Priority::High),
        Annunciator::Gpio(gpio) => gpio.lines.keys().any(|it: &GpioOutput| it.shows(Priority::High)),
    };
    // What was said and cannot be read has its mistake already.
    let nothing = annunciators.is_empty() && root.value("annunciator").is_none();
    if nothing && !stations {
        let what =
            "nobody would hear an alarm: there is no annunciator but the journal, and no station is expected";
        warnings.add(
            span,
            what,
            "add an [[annunciator]], or let a station show the alarms (stations = true under [unit])",
        );
    } else if nothing {
        let what = "no annunciator: with Kafka away nobody hears an alarm but who reads the journal";
        warnings.add(span, what, "add an [[annunciator]]");
    } else if !annunciators.is_empty() && !annunciators.iter().any(hears_high) {
        let what = "no annunciator tells alarms of high priority";
        let fix =
            "priorities = [\"high\", \"medium\"] of a command, lamp, lamp_high or buzzer of a GPIO chip";
        warnings.add(span, what, fix);
    }
}

fn annunciator(section: &Section<'_>, ward: &Ward<'_>, mistakes: &mut Mistakes) -> Option<Annunciator> {
    section.refuse_unknown(&keys::names("annunciator"), mistakes);
    let kind = section.required("kind", mistakes)?;
    match kind.get_ref().as_str() {
        "mqtt" => {
            let link = ward.link(section, mistakes);
            refuse_keys(section, &["command", "priorities"], "an annunciator on a topic", mistakes);
            refuse_keys(section, &GPIO_KEYS, "an annunciator on a topic", mistakes);
            let topic = section.required("topic", mistakes)?;
            let levels = topic.get_ref().split('/').filter(|it| *it == "{bed}").count();
            if levels != 1 || topic.get_ref().contains(['+', '#', '\0']) || topic.get_ref().starts_with('$') {
                let what = "{bed} must be one level of the topic, without wildcards: each bed's alarms have a topic of their own";
                mistakes.add(topic.span(), what, "topic = \"wardline/icu-3/{bed}/alarms\"");
            }
            Some(Annunciator::Mqtt { link: link?, topic: topic.into_inner() })
        }
        "command" => {
            refuse_keys(section, &["mqtt", "topic"], "an annunciator with a program", mistakes);
            refuse_keys(section, &GPIO_KEYS, "an annunciator with a program", mistakes);
            let command = command(section, mistakes);
            let priorities = priorities(section, mistakes);
            Some(Annunciator::Command { command: command?, priorities: priorities? })
        }
        "gpio" => gpio::gpio(section, ward, mistakes),
        other => {
            mistakes.add(
                kind.span(),
                format!("there is no kind {other:?}"),
                "kind = \"mqtt\", \"command\" or \"gpio\"",
            );
            None
        }
    }
}

fn command(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Vec<String>> {
    const EXAMPLE: &str = "command = [\"/usr/local/bin/bell\"]";
    let Some(value) = section.value("command") else {
        mistakes.add(section.span.clone(), "command is missing in annunciator", EXAMPLE);
        return None;
    };
    let command = section.texts("command", mistakes)?;
    let Some(program) = command.first() else {
        mistakes.add(value.span(), "command is empty", EXAMPLE);
        return None;
    };
    // It is started without a shell and without a search path: what runs is what stands here.
    if !program.get_ref().starts_with('/') {
        mistakes.add(program.span(), "the program is not an absolute path", EXAMPLE);
    } else if let Err(error) = std::fs::metadata(program.get_ref()) {
        mistakes.add(program.span(), format!("the program cannot be found: {error}"), EXAMPLE);
    }
    Some(command.into_iter().map(Spanned::into_inner).collect())
}

fn priorities(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Vec<Priority>> {
    const KNOWN: [(&str, Priority); 3] =
        [("high", Priority::High), ("medium", Priority::Medium), ("low", Priority::Low)];
    let Some(value) = section.value("priorities") else {
        return Some(vec![Priority::High, Priority::Medium]);
    };
    let said = section.texts("priorities", mistakes)?;
    if said.is_empty() {
        mistakes.add(value.span(), "priorities is empty: the program would never be started", "[\"high\"]");
    }
    let mut priorities = Vec::new();
    for word in said {
        if let Some((_, it)) = KNOWN.iter().find(|(name, _)| name == word.get_ref()) {
            priorities.push(*it);
        } else {
            let what = format!("there is no priority {:?}", word.get_ref());
            mistakes.add(word.span(), what, "high, medium, low");
        }
    }
    Some(priorities)
}
