//! What is told of an alarm beyond its own state: the value, the limits in force, the words.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use super::AlarmEngine;
use crate::alarm::choice::Choice;
use crate::alarm::event::{Code, Direction, Kind};
use crate::alarm::level::Input;
use crate::alarm::object::Facts;
use crate::alarm::source::{Held, Source};
use crate::alarm::technical::{Key, TechnicalAlarm};
use crate::notice::About;
use crate::quantity::Quantity;
use crate::reading::Quality;
use crate::vital::Vital;

/// A pulse above this while the heart rate is 0 speaks for the electrodes and not for the heart (E11).
const PULSE_OF_A_BEATING_HEART: Quantity = Quantity::from_whole(30);

impl AlarmEngine {
    pub(super) fn limit_facts(&self, vital: Vital, direction: Direction) -> Facts {
        let source = self.believed(vital);
        let held = source.and_then(|source| source.state.held.get(&vital)).copied();
        let limit = |side| self.policy.rules.get(&(vital, side)).map(|rule| rule.limit.limit);
        let value = held.and_then(Held::sampled);
        Facts {
            kind: Kind::Physiological,
            code: Code::Limit(vital, direction),
            source: source.map(|source| Arc::clone(&source.setup.source)),
            value,
            absent: held.and_then(Held::absent),
            quality: held.filter(|held| held.in_force).map_or(Quality::NONE, |held| held.quality),
            low: limit(Direction::Low),
            high: limit(Direction::High),
            cause: None,
            mode: self.mode,
            text: value.and_then(|value| self.leads_off_text(vital, value.value)),
        }
    }

    pub(super) fn apnea_facts(&self, vital: Vital) -> Facts {
        let of_rate = self.limit_facts(vital, Direction::Low);
        Facts { code: Code::Apnea(vital), low: None, high: None, text: None, ..of_rate }
    }

    /// The words for a heart rate of 0 beside a pulse (E11).
    fn leads_off_text(&self, vital: Vital, value: Quantity) -> Option<String> {
        let (Input::Value(pulse), _) = self.input(Vital::PulseRate) else {
            return None;
        };
        let electrodes =
            vital == Vital::HeartRate && value == Quantity::ZERO && pulse > PULSE_OF_A_BEATING_HEART;
        electrodes.then(|| format!("HR 0, pulse {pulse}: check ECG leads"))
    }

    pub(super) fn technical_facts(&self, key: &Key, it: &TechnicalAlarm) -> Facts {
        let code = key.trouble.code();
        let believed = || code.vital().and_then(|vital| self.believed(vital));
        let source = key
            .source
            .as_ref()
            .map_or_else(believed, |name| self.sources.iter().find(|source| source.setup.source == *name));
        let name = key.source.as_ref().or(source.map(|it| &it.setup.source));
        Facts {
            source: name.map(Arc::clone),
            absent: it.absent,
            cause: it.cause.clone(),
            text: it.cause.as_deref().and_then(|cause| technical_text(code, cause)),
            ..Facts::without_value(code, source.map_or(self.mode, |source| source.state.mode))
        }
    }

    /// The source that is believed for a vital.
    pub(super) fn believed(&self, vital: Vital) -> Option<&Source> {
        self.choices.get(&vital).and_then(Choice::current).and_then(|place| self.sources.get(place))
    }
}

/// The words for what says more than its code does.
fn technical_text(code: Code, cause: &str) -> Option<String> {
    if let Code::Device(about) = code {
        return Some(device_text(about, cause));
    }
    let what = [(Code::News2, "NEWS2"), (Code::LimitsDiffer, "Limits differ:")];
    what.into_iter().find(|(it, _)| *it == code).map(|(_, words)| format!("{words} {cause}"))
}

/// The words for a device's own alarm, by its own name for it.
fn device_text(about: About, own: &str) -> String {
    let what = match about {
        About::Limit(vital, Direction::Low) => format!("{} low ({own})", vital.properties().label),
        About::Limit(vital, Direction::High) => format!("{} high ({own})", vital.properties().label),
        About::Apnea => format!("apnea ({own})"),
        About::Patient | About::Equipment | About::Unknown => own.into(),
    };
    format!("The device's own alarm: {what}")
}
