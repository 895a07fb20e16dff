//! Several sources of one vital: that another is believed now, and that they disagree (E33).

use core::time::Duration;

use super::AlarmEngine;
use crate::alarm::choice::Choice;
use crate::alarm::level::{Class, Input};
use crate::alarm::technical::{Key, TechnicalAlarm, Trouble, Word};
use crate::quantity::Quantity;
use crate::time::Uptime;
use crate::vital::Vital;

/// How long it is said that another source is believed: clinical judgement.
const SWITCHED_FOR: Duration = Duration::from_secs(60);
/// What two sources may differ by: clinical judgement.
const TOLERANCES: [(Vital, Quantity); 3] = [
    (Vital::HeartRate, Quantity::from_whole(15)),
    (Vital::PulseRate, Quantity::from_whole(15)),
    (Vital::Spo2, Quantity::from_whole(5)),
];

impl AlarmEngine {
    /// Says that another source is believed for a vital, if that is so.
    pub(super) fn notice_switch(&mut self, now: Uptime, vital: Vital, before: Option<usize>) {
        let after = self.choices.get(&vital).and_then(Choice::current);
        if before.is_some() && before != after && !self.is_resting() {
            let key = Key::of_bed(Trouble::SourceSwitched(vital));
            let it = self.technical.entry(key).or_insert_with_key(|key| TechnicalAlarm::new(key.trouble));
            it.begin_for(now, SWITCHED_FOR);
        }
    }

    /// Puts what several sources say of one vital before the alarm that they disagree.
    pub(super) fn judge_agreement(&mut self, now: Uptime) {
        if self.is_resting() {
            return;
        }
        for (vital, tolerance) in TOLERANCES {
            let word = self.agreement(vital, tolerance);
            let key = Key::of_bed(Trouble::SourcesDisagree(vital));
            if word.is_out() || self.technical.contains_key(&key) {
                let (_, gap) = self.input(vital);
                let it =
                    self.technical.entry(key.clone()).or_insert_with(|| TechnicalAlarm::new(key.trouble));
                it.take(now, word, key.rule(&self.policy.technical), gap);
            }
        }
    }

    fn agreement(&self, vital: Vital, tolerance: Quantity) -> Word {
        let current = self.choices.get(&vital).and_then(Choice::current);
        let (Input::Value(believed), _) = self.input(vital) else {
            return Word::VOID;
        };
        let others = self.sources.iter().enumerate().filter(|(place, _)| Some(*place) != current);
        let said = self.sampled_at(vital);
        let mut word = Word::VOID;
        for (_, other) in others {
            let Some(Input::Value(value)) = other.state.held.get(&vital).map(|it| it.input()) else {
                continue;
            };
            let (low, high) = (believed.min(value), believed.max(value));
            let differs = high.saturating_sub(low) > tolerance;
            if differs || word.class == Class::Void {
                word = Word { said, ..Word::plain(differs) };
            }
        }
        word
    }
}
