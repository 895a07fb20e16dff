//! Topic filters: how `{bed}` stands in them, and which two of them one message can match.

use super::ward::Ward;
use crate::config::TopicBed;
use crate::config::section::{Mistakes, Section};

/// The filter to subscribe to, and how the bed is found.
pub(super) fn topic(
    section: &Section<'_>,
    ward: &Ward<'_>,
    mistakes: &mut Mistakes,
) -> Option<(String, TopicBed)> {
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
        ([], _) => TopicBed::Fixed(ward.bed(section, mistakes)?),
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

/// Whether one topic can match both filters (MQTT 5.0, section 4.7).
pub(super) fn overlap(a: &str, b: &str) -> bool {
    let (a, b): (Vec<_>, Vec<_>) = (a.split('/').collect(), b.split('/').collect());
    levels_overlap(&a, &b)
}

fn levels_overlap(a: &[&str], b: &[&str]) -> bool {
    match (a, b) {
        ([], []) | (["#"], _) | (_, ["#"]) => true,
        ([x, a @ ..], [y, b @ ..]) => (x == y || *x == "+" || *y == "+") && levels_overlap(a, b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn filters_that_one_topic_can_match() {
        for (a, b, expected) in [
            ("vitals/+/numerics", "vitals/icu-3-07/numerics", true),
            ("vitals/#", "vitals", true),
            ("vitals/#", "alarms/icu-3-07", false),
            ("+/a", "b/+", true),
            ("a/b", "a/b/c", false),
            ("#", "x/y", true),
        ] {
            assert_eq!(overlap(a, b), expected, "{a} {b}");
            assert_eq!(overlap(b, a), expected, "{b} {a}");
        }
    }
}
