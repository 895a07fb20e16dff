//! What the file says of one vital, word by word: nothing is filled in yet, so that one draft can lie over another.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use vitals::alarm::event::Priority;
use vitals::quantity::Quantity;
use vitals::vital::Vital;

use crate::config::section::{Mistakes, Section};

/// A key that may have been said, and where.
type Said<T> = Option<Spanned<T>>;

/// What is said of one vital of a profile or of an override.
#[derive(Debug, Clone, Default)]
pub(super) struct VitalDraft {
    /// The keys of the vital as a whole.
    pub(super) hysteresis: Said<Quantity>,
    pub(super) worse_by: Said<Quantity>,
    pub(super) clear_delay: Said<Duration>,
    pub(super) low: Option<SideDraft>,
    pub(super) high: Option<SideDraft>,
    pub(super) same_as: Said<Vital>,
    pub(super) fallback_for: Said<Vital>,
    pub(super) apnea: Said<Duration>,
}

/// What is said of one direction.
#[derive(Debug, Clone)]
pub(super) enum SideDraft {
    /// `"off"`
    Off,
    /// Some limits; and where the table stands.
    On(Box<LimitsDraft>, Range<usize>),
}

/// The limits of one direction.
#[derive(Debug, Clone, Default)]
pub(super) struct LimitsDraft {
    pub(super) limit: Said<Quantity>,
    pub(super) delay: Said<Duration>,
    pub(super) priority: Said<Priority>,
    pub(super) latch: Said<bool>,
    pub(super) extreme: Said<Quantity>,
    pub(super) extreme_delay: Said<Duration>,
    pub(super) extreme_priority: Said<Priority>,
    pub(super) extreme_latch: Said<bool>,
}

const VITAL_KEYS: [&str; 8] =
    ["hysteresis", "worse_by", "clear_delay", "low", "high", "same_as", "fallback_for", "apnea"];
const LIMITS_KEYS: [&str; 8] =
    ["limit", "delay", "priority", "latch", "extreme", "extreme_delay", "extreme_priority", "extreme_latch"];

impl VitalDraft {
    pub(super) fn read(section: &Section<'_>, mistakes: &mut Mistakes) -> Self {
        section.refuse_unknown(&VITAL_KEYS, mistakes);
        Self {
            hysteresis: section.quantity("hysteresis", mistakes),
            worse_by: section.quantity("worse_by", mistakes),
            clear_delay: section.duration("clear_delay", mistakes),
            low: SideDraft::read(section, "low", mistakes),
            high: SideDraft::read(section, "high", mistakes),
            same_as: section.vital("same_as", mistakes),
            fallback_for: section.vital("fallback_for", mistakes),
            apnea: section.duration("apnea", mistakes),
        }
    }

    /// This draft laid over another: what it does not say is as the other says.
    pub(super) fn over(self, base: &Self) -> Self {
        Self {
            hysteresis: self.hysteresis.or_else(|| base.hysteresis.clone()),
            worse_by: self.worse_by.or_else(|| base.worse_by.clone()),
            clear_delay: self.clear_delay.or_else(|| base.clear_delay.clone()),
            low: SideDraft::over(self.low, base.low.as_ref()),
            high: SideDraft::over(self.high, base.high.as_ref()),
            same_as: self.same_as,
            fallback_for: self.fallback_for,
            apnea: self.apnea.or_else(|| base.apnea.clone()),
        }
    }
}

impl SideDraft {
    fn read(section: &Section<'_>, key: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let value = section.value(key)?;
        if value.get_ref().as_str() == Some("off") {
            return Some(Self::Off);
        }
        if value.get_ref().as_table().is_none() {
            let fix = format!("{key} = \"off\" or {key} = {{ limit = …, delay = \"…\" }}");
            mistakes.add(value.span(), format!("{key} is neither \"off\" nor a table"), fix);
            return None;
        }
        let limits = section.section(key, mistakes)?;
        Some(Self::On(Box::new(LimitsDraft::read(&limits, mistakes)), limits.span))
    }

    fn over(this: Option<Self>, base: Option<&Self>) -> Option<Self> {
        match (this, base) {
            (Some(Self::On(limits, span)), Some(Self::On(base, _))) => {
                Some(Self::On(Box::new(limits.over(base)), span))
            }
            (Some(this), _) => Some(this),
            (None, base) => base.cloned(),
        }
    }
}

impl LimitsDraft {
    fn read(section: &Section<'_>, mistakes: &mut Mistakes) -> Self {
        section.refuse_unknown(&LIMITS_KEYS, mistakes);
        Self {
            limit: section.quantity("limit", mistakes),
            delay: section.duration("delay", mistakes),
            priority: priority(section, "priority", mistakes),
            latch: section.boolean("latch", mistakes),
            extreme: section.quantity("extreme", mistakes),
            extreme_delay: section.duration("extreme_delay", mistakes),
            extreme_priority: priority(section, "extreme_priority", mistakes),
            extreme_latch: section.boolean("extreme_latch", mistakes),
        }
    }

    fn over(self, base: &Self) -> Self {
        Self {
            limit: self.limit.or_else(|| base.limit.clone()),
            delay: self.delay.or_else(|| base.delay.clone()),
            priority: self.priority.or_else(|| base.priority.clone()),
            latch: self.latch.or_else(|| base.latch.clone()),
            extreme: self.extreme.or_else(|| base.extreme.clone()),
            extreme_delay: self.extreme_delay.or_else(|| base.extreme_delay.clone()),
            extreme_priority: self.extreme_priority.or_else(|| base.extreme_priority.clone()),
            extreme_latch: self.extreme_latch.or_else(|| base.extreme_latch.clone()),
        }
    }
}

/// One of the three words for urgency.
pub(super) fn priority(section: &Section<'_>, key: &str, mistakes: &mut Mistakes) -> Said<Priority> {
    let text = section.text(key, mistakes)?;
    let priority = match text.get_ref().as_str() {
        "high" => Priority::High,
        "medium" => Priority::Medium,
        "low" => Priority::Low,
        other => {
            let fix = "use \"high\", \"medium\" or \"low\"";
            mistakes.add(text.span(), format!("there is no priority {other:?}"), fix);
            return None;
        }
    };
    Some(Spanned::new(text.span(), priority))
}
