//! What holds for every rule: `[defaults]` and `[technical]`, with the values of `docs/alarms.md` where nothing is said.

use std::time::Duration;

use toml::Spanned;
use vitals::alarm::event::Priority;
use vitals::alarm::policy::{TechnicalPolicy, TechnicalRule, Timing};

use super::draft::priority;
use super::rule::{LevelDefaults, RuleDefaults};
use crate::config::section::{Mistakes, Section};

/// Everything that all profiles share.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    pub(super) rules: RuleDefaults,
    pub(super) timing: Timing,
    pub(super) technical: TechnicalPolicy,
}

const SECOND: Duration = Duration::from_secs(1);

impl Defaults {
    pub(super) fn read(root: &Section<'_>, mistakes: &mut Mistakes) -> Self {
        const KEYS: [&str; 6] =
            ["clear_delay", "gap_tolerance", "continue_every", "reminder", "extreme", "limit"];
        let section = root.section("defaults", mistakes);
        if let Some(section) = &section {
            section.refuse_unknown(&KEYS, mistakes);
        }
        let mut duration = |key: &str, default: Duration| {
            section.as_ref().and_then(|it| it.duration(key, mistakes)).map_or(default, Spanned::into_inner)
        };
        let clear_delay = duration("clear_delay", 5 * SECOND);
        let timing = Timing {
            gap_tolerance: duration("gap_tolerance", 10 * SECOND),
            continue_every: duration("continue_every", 15 * SECOND),
            reminder: duration("reminder", 180 * SECOND),
        };
        for (key, it) in [("continue_every", timing.continue_every), ("reminder", timing.reminder)] {
            let value = section.as_ref().and_then(|it| it.value(key));
            if let Some(value) = value.filter(|_| it < SECOND) {
                mistakes.add(
                    value.span(),
                    format!("{key} is shorter than a second"),
                    format!("{key} = \"15s\""),
                );
            }
        }
        let section = section.as_ref();
        let rules = RuleDefaults {
            clear_delay,
            limit: level(
                section,
                "limit",
                LevelDefaults { priority: Priority::Medium, latch: false },
                mistakes,
            ),
            extreme: level(
                section,
                "extreme",
                LevelDefaults { priority: Priority::High, latch: true },
                mistakes,
            ),
        };
        Self { rules, timing, technical: technical(root, mistakes) }
    }
}

fn level(
    defaults: Option<&Section<'_>>,
    key: &str,
    default: LevelDefaults,
    mistakes: &mut Mistakes,
) -> LevelDefaults {
    let Some(section) = defaults.and_then(|it| it.section(key, mistakes)) else {
        return default;
    };
    section.refuse_unknown(&["priority", "latch"], mistakes);
    LevelDefaults {
        priority: priority(&section, "priority", mistakes).map_or(default.priority, Spanned::into_inner),
        latch: section.boolean("latch", mistakes).map_or(default.latch, Spanned::into_inner),
    }
}

/// `[technical]` (E30).
fn technical(root: &Section<'_>, mistakes: &mut Mistakes) -> TechnicalPolicy {
    let section = root.section("technical", mistakes);
    if let Some(section) = &section {
        section.refuse_unknown(&["sensor_off", "no_value", "no_data"], mistakes);
    }
    let section = section.as_ref();
    let equipment = |delay, priority, escalation, clear| TechnicalRule {
        delay: delay * SECOND,
        priority,
        escalation: Some(escalation),
        clear_delay: clear * SECOND,
    };
    let soon = (60 * SECOND, Priority::Medium);
    let late = (180 * SECOND, Priority::High);
    TechnicalPolicy {
        sensor_off: rule(section, "sensor_off", equipment(10, Priority::Low, soon, 3), mistakes),
        no_value: rule(section, "no_value", equipment(30, Priority::Low, soon, 3), mistakes),
        no_data: rule(section, "no_data", equipment(0, Priority::Medium, late, 0), mistakes),
    }
}

fn rule(
    technical: Option<&Section<'_>>,
    key: &str,
    default: TechnicalRule,
    mistakes: &mut Mistakes,
) -> TechnicalRule {
    let Some(section) = technical.and_then(|it| it.section(key, mistakes)) else {
        return default;
    };
    // Silence is told after T and is over at the first word: there is no delay to set.
    let silence = key == "no_data";
    let known: &[&str] = if silence {
        &["priority", "medium_after", "high_after"]
    } else {
        &["delay", "priority", "medium_after", "high_after", "clear_delay"]
    };
    section.refuse_unknown(known, mistakes);
    let mut duration = |key: &str| section.duration(key, mistakes).map(Spanned::into_inner);
    let delay = duration("delay").unwrap_or(default.delay);
    let clear_delay = duration("clear_delay").unwrap_or(default.clear_delay);
    let medium = duration("medium_after").map(|after| (after, Priority::Medium));
    let high = duration("high_after").map(|after| (after, Priority::High));
    if let (Some(_), Some(_), Some(value)) = (medium, high, section.value("high_after")) {
        let what = format!("{key} becomes more urgent once, not twice");
        mistakes.add(value.span(), what, "keep medium_after or high_after");
    }
    let priority = priority(&section, "priority", mistakes).map_or(default.priority, Spanned::into_inner);
    let escalation = medium.or(high).or(default.escalation).filter(|(_, higher)| *higher > priority);
    TechnicalRule { delay, priority, escalation, clear_delay }
}
