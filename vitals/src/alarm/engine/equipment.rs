//! What a source says of its equipment, put before the technical alarms (E30).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::act::Place;
use super::{AlarmEngine, Flag};
use crate::alarm::choice::Choice;
use crate::alarm::event::AlarmIds;
use crate::alarm::level::Class;
use crate::alarm::source::{Held, Source, SourceState};
use crate::alarm::technical::{self, Key, Sensor, TechnicalAlarm, Trouble, Word};
use crate::name::Name;
use crate::reading::Absent;
use crate::time::Uptime;
use crate::vital::Vital;

impl AlarmEngine {
    /// Something is the matter with a source's device, or is no more.
    pub fn handle_flag(&mut self, now: Uptime, source: &Name, flag: Flag, on: bool, ids: &mut AlarmIds) {
        let now = now.max(self.clock);
        self.begin(now, ids);
        if let Some(place) = self.sources.iter().position(|it| *it.setup.source == *source) {
            if let Some(source) = self.sources.get_mut(place) {
                source.state.heard_at = now;
                if on {
                    source.state.flags.insert(flag);
                } else {
                    source.state.flags.remove(&flag);
                }
                if flag == Flag::CuffInflating {
                    source.state.cuff.set_inflating(now, on);
                }
            }
            self.judge_flag(now);
            if let Some(apnea) = self.apneas.first_mut().filter(|_| flag == Flag::Apnea && on) {
                apnea.confirm_flag();
            }
            match flag {
                Flag::BadDataRate => self.judge_equipment(now, place, Trouble::BadDataRate),
                Flag::DeviceBattery => self.judge_equipment(now, place, Trouble::DeviceBattery),
                Flag::ClockSkew => self.judge_equipment(now, place, Trouble::ClockSkew),
                Flag::Apnea | Flag::CuffInflating => {}
            }
            self.judge_limbs(now);
        }
        self.tell(now, ids);
    }

    /// Puts what a source says of one trouble of its device before that alarm.
    pub(super) fn judge_equipment(&mut self, now: Uptime, place: usize, about: Trouble) {
        let Some(source) = self.sources.get(place).filter(|_| !self.is_resting()) else {
            return;
        };
        let (said, gap) = (source.state.heard_at, source.gap(self.policy.timing.gap_tolerance));
        let word = words_of_device(&source.state).find(|(trouble, _)| *trouble == about);
        let word = word.map(|(trouble, word)| (trouble, Word { said, ..word }, gap));
        self.put(now, place, word.into_iter());
    }

    /// Another device is on a source's line: what was said is of the other, and perhaps of another patient (E30).
    pub fn handle_device(&mut self, now: Uptime, source: &Name, ids: &mut AlarmIds) {
        let now = now.max(self.clock);
        self.begin(now, ids);
        let place = self.sources.iter().position(|it| *it.setup.source == *source);
        if let Some(place) = place {
            self.change_device(now, place);
            self.judge_limbs_but(now, Some(place));
            self.judge_agreement(now);
            self.notice_life(now);
        }
        self.tell(now, ids);
        if let Some(place) = place {
            // A bad line is as bad with another device: its alarm has ended with the other's, and another begins.
            self.judge_sensors(now, place);
            self.tell(now, ids);
        }
    }

    fn change_device(&mut self, now: Uptime, place: usize) {
        let Some(source) = self.sources.get_mut(place) else {
            return;
        };
        let said: Vec<Vital> = source.state.held.keys().copied().collect();
        source.state.forget_device();
        let key = Key::new(Trouble::DeviceChanged, &source.setup.source);
        let flagged = self.is_flagged();
        for (other, it) in &mut self.technical {
            if other.source == key.source && !other.trouble.is_silence() && *other != key {
                it.finish();
                // The reason was the other device's.
                it.absent = other.trouble.sensor().map(|_| Absent::Stale);
            }
        }
        for vital in said {
            let believed = self.choices.get(&vital).and_then(Choice::current) == Some(place);
            for it in self.limits.iter_mut().filter(|it| believed && it.vital == vital) {
                it.lose_device();
            }
            for it in self.apneas.iter_mut().filter(|it| believed && it.vital == vital) {
                it.lose_device(flagged);
            }
            self.choose(now, place, vital);
            self.judge(now, vital);
        }
        self.judge_flag(now);
        if self.is_resting() {
            return;
        }
        let rule = key.rule(&self.policy.technical);
        let it = self.technical.entry(key).or_insert_with_key(|key| TechnicalAlarm::new(key.trouble));
        it.begin(now, rule, false);
    }

    /// Puts the devices' own word that there is no breath before the first apnea rule of the bed, and takes it from one that
    /// is the first no more (E29, E32).
    pub(super) fn judge_flag(&mut self, now: Uptime) {
        if self.is_resting() {
            return;
        }
        let flagged = self.is_flagged();
        for place in 0..self.apneas.len() {
            let Some(vital) = self.apneas.get(place).map(|it| it.vital) else {
                return;
            };
            let (input, gap) = self.input(vital);
            if let Some(it) = self.apneas.get_mut(place) {
                it.take_flag(now, flagged && place == 0, input, gap);
            }
        }
    }

    /// Whether a device says itself that there is no breath.
    pub(super) fn is_flagged(&self) -> bool {
        self.sources.iter().any(|it| it.state.flags.contains(&Flag::Apnea))
    }

    /// Puts what a source says of its equipment now before the technical alarms.
    pub(super) fn judge_sensors(&mut self, now: Uptime, place: usize) {
        let Some(source) = self.sources.get(place).filter(|_| !self.is_resting()) else {
            return;
        };
        let said = source.state.heard_at;
        let words: Vec<(Trouble, Word)> =
            words_of_device(&source.state).map(|(trouble, word)| (trouble, Word { said, ..word })).collect();
        let gap = source.gap(self.policy.timing.gap_tolerance);
        self.judge_troubles(now, place);
        self.put(now, place, words.into_iter().map(|(trouble, word)| (trouble, word, gap)));
        self.judge_device(now, place);
    }

    /// Puts what a source says of its sensors alone before their alarms.
    pub(super) fn judge_troubles(&mut self, now: Uptime, place: usize) {
        if self.is_resting() {
            return;
        }
        let words = self.words_of_sensors(place);
        self.put(now, place, words.into_iter());
    }

    /// What is reset while its sensor is in trouble begins anew at once (E30).
    pub(super) fn begin_again(&mut self, now: Uptime, reset: &Place) {
        let Place::Technical(key) = reset else { return };
        let is_of = |it: &Source| key.is_of(&it.setup.source);
        if let Some(place) = self.sources.iter().position(is_of).filter(|_| key.trouble.sensor().is_some()) {
            self.judge_troubles(now, place);
        }
    }

    fn words_of_sensors(&self, place: usize) -> Vec<(Trouble, Word, Duration)> {
        let mut words = Vec::new();
        let Some(source) = self.sources.get(place) else {
            return words;
        };
        let gap = source.gap(self.policy.timing.gap_tolerance);
        let inflated = source.setup.same_limb && self.sources.iter().any(|it| it.state.cuff.is_inflating());
        let watched = |vital: Vital| {
            let apnea = self.apneas.iter().any(|it| it.vital == vital);
            apnea || self.limits.iter().any(|it| it.vital == vital)
        };
        let name = &source.setup.source;
        // Of most observations all is well, and nothing else was before.
        let well =
            |(vital, held): (&Vital, &Held)| technical::trouble_of(source, *vital, held, watched).is_none();
        let all_well = source.state.held.iter().all(well)
            && !self.technical.keys().any(|key| key.trouble.sensor().is_some() && key.is_of(name));
        let mut last = None;
        for sensor in source.state.held.keys().filter(|_| !all_well).map(|vital| Sensor::of(*vital)) {
            // Vitals of one sensor need not stand side by side in the table: a second look changes nothing.
            if last.replace(sensor) == Some(sensor) {
                continue;
            }
            for trouble in technical::troubles_of(sensor) {
                let word = technical::word(source, sensor, trouble, watched);
                // The cuff above the probe takes its pulse away: that is nobody's trouble.
                let excused = inflated && sensor == Sensor::Oximeter && !word.is_in();
                let (word, gap) = if excused {
                    (Word { class: Class::Void, own: true, ..word }, Duration::MAX)
                } else {
                    (word, gap)
                };
                words.push((trouble, word, gap));
            }
        }
        words
    }

    fn put(&mut self, now: Uptime, place: usize, words: impl Iterator<Item = (Trouble, Word, Duration)>) {
        let Some(name) = self.sources.get(place).map(|it| Arc::clone(&it.setup.source)) else {
            return;
        };
        for (trouble, word, gap) in words {
            let key = Key::new(trouble, &name);
            if word.is_out() || self.technical.contains_key(&key) {
                let it = self.technical.entry(key.clone()).or_insert_with(|| TechnicalAlarm::new(trouble));
                it.take(now, word, key.rule(&self.policy.technical), gap);
            }
        }
    }

    /// Looks again at the oximeters on the limb of a cuff that has begun or ceased to inflate.
    pub(super) fn judge_limbs(&mut self, now: Uptime) {
        self.judge_limbs_but(now, None);
    }

    fn judge_limbs_but(&mut self, now: Uptime, but: Option<usize>) {
        for place in (0..self.sources.len()).filter(|it| Some(*it) != but) {
            if self.sources.get(place).is_some_and(|it| it.setup.same_limb) {
                self.judge_troubles(now, place);
            }
        }
    }
}

/// What a source says of its device as a whole; nothing before its first word since another boot.
fn words_of_device(state: &SourceState) -> impl Iterator<Item = (Trouble, Word)> {
    let suspect = match state.repeats {
        Some(repeats) if !state.is_silent() => Word::plain(repeats),
        Some(_) | None => Word::VOID,
    };
    let is_new = state.unheard && state.held.is_empty();
    let known = |is_there| if is_new { Word::VOID } else { Word::plain(is_there) };
    // What is on has been said, whatever was before.
    let flag = |flag| if state.flags.contains(&flag) { Word::plain(true) } else { known(false) };
    [
        (Trouble::Suspect, suspect),
        (Trouble::NibpStale, known(state.cuff.stale)),
        (Trouble::NibpFailed, known(state.cuff.failed)),
        (Trouble::BadDataRate, flag(Flag::BadDataRate)),
        (Trouble::DeviceBattery, flag(Flag::DeviceBattery)),
        (Trouble::ClockSkew, flag(Flag::ClockSkew)),
    ]
    .into_iter()
}
