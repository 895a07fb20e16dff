//! `[actions]`: from where operators may act on alarms.

use std::collections::BTreeSet;

use toml::Spanned;
use vitals::record::action::ActionName;

use super::source::Sources;
use super::ward::Ward;
use crate::config::alike::alike;
use crate::config::section::{Mistakes, Section};
use crate::config::{Actions, Agent, LocalActions, keys};

pub(super) fn actions(
    root: &Section<'_>,
    agent: Option<&Agent>,
    ward: &Ward<'_>,
    sources: &Sources,
    mistakes: &mut Mistakes,
) -> Actions {
    let Some(section) = root.section("actions", mistakes) else {
        return Actions { from_kafka: true, local: None };
    };
    section.refuse_unknown(&keys::names("actions"), mistakes);
    let from_kafka = section.boolean("from_kafka", mistakes).is_none_or(Spanned::into_inner);
    let allowed = allowed(&section, mistakes);
    let named = section.value("from_local_mqtt").and_then(|it| it.get_ref().as_array());
    let local = if allowed.is_empty() && named.is_some_and(|it| !it.is_empty()) {
        // What is named there is a mistake, told already.
        None
    } else if allowed.is_empty() {
        for key in ["mqtt", "topic"] {
            if let Some(it) = section.value(key) {
                let what = format!("{key} is of no use where nothing may be done from an MQTT broker");
                mistakes.add(it.span(), what, "from_local_mqtt = [\"acknowledge\"], or take it out");
            }
        }
        None
    } else {
        local(&section, agent, allowed, ward, sources, mistakes)
    };
    Actions { from_kafka, local }
}

fn allowed(section: &Section<'_>, mistakes: &mut Mistakes) -> BTreeSet<ActionName> {
    let mut allowed = BTreeSet::new();
    for word in section.texts("from_local_mqtt", mistakes).unwrap_or_default() {
        let names = ActionName::ALL.map(ActionName::name);
        if let Some(it) = ActionName::ALL.into_iter().find(|it| it.name() == word.get_ref()) {
            allowed.insert(it);
        } else {
            let fix = match alike(word.get_ref(), names.into_iter()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("known: {}", names.join(", ")),
            };
            mistakes.add(word.span(), format!("there is no action {:?}", word.get_ref()), fix);
        }
    }
    allowed
}

fn local(
    section: &Section<'_>,
    agent: Option<&Agent>,
    allowed: BTreeSet<ActionName>,
    ward: &Ward<'_>,
    sources: &Sources,
    mistakes: &mut Mistakes,
) -> Option<LocalActions> {
    let link = ward.link(section, mistakes)?;
    let said = section.text("topic", mistakes);
    let span = said.as_ref().map_or_else(|| section.span.clone(), Spanned::span);
    let topic = said
        .map_or_else(|| agent.map(|it| format!("wardline/{}/actions", it.id)), |it| Some(it.into_inner()))?;
    if topic.is_empty() || topic.contains(['+', '#', '\0']) || topic.starts_with('$') {
        let what = "the topic of actions is one topic, without wildcards";
        mistakes.add(span, what, "topic = \"wardline/icu-3-pi-1/actions\"");
        return None;
    }
    for heard in [topic.clone(), format!("{topic}/replies")] {
        if let Some(source) = sources.listening(link, &heard) {
            let what = format!("the source {source} would read what is said on {heard} as readings");
            mistakes.add(span, what, "give the actions a topic that no source listens to");
            return None;
        }
    }
    Some(LocalActions { link, topic, allowed })
}
