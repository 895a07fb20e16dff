//! What happens to the engine: observations, frames, late data, ports.

use alloc::sync::Arc;
use core::time::Duration;

use super::{AlarmEngine, OutOfOrder, PortState};
use crate::alarm::choice::Choice;
use crate::alarm::cuff;
use crate::alarm::event::AlarmIds;
use crate::alarm::level::Input;
use crate::alarm::source::Source;
use crate::alarm::technical::{Key, TechnicalAlarm, Trouble};
use crate::name::Name;
use crate::observation::Observation;
use crate::reading::{Measurement, Mode};
use crate::time::Uptime;
use crate::vital::Vital;

impl AlarmEngine {
    /// Judges an observation at the time it was read (E5). Late ones must go to [`Self::handle_late`].
    pub fn handle_observation(
        &mut self,
        observation: &Observation,
        ids: &mut AlarmIds,
    ) -> Result<(), OutOfOrder> {
        let now = observation.at;
        if now < self.clock {
            return Err(OutOfOrder { at: now, last: self.clock });
        }
        self.begin(now, ids);
        let place = self.place_of(&observation.source, observation.mode, now);
        self.hear(now, place);
        self.mode = self.mode.max(observation.mode);
        if let Some(source) = self.sources.get_mut(place) {
            source.state.mode = observation.mode;
            source.notice_repetition(&observation.reading);
            let inflated = source.state.cuff.is_inflating();
            let cuff = source.is_new_measurement(now, &observation.reading);
            let limbs = inflated != source.state.cuff.is_inflating();
            let sample = |it: &&Measurement| !it.vital.is_discrete() || (cuff && cuff::is_word(it));
            for measurement in observation.reading.measurements.iter().filter(sample) {
                if let Some(source) = self.sources.get_mut(place) {
                    source.hold(now, measurement);
                }
                if self.choose(now, place, measurement.vital) {
                    self.judge(now, measurement.vital);
                    self.note_for_score(now, place, measurement.vital);
                }
            }
            if limbs {
                self.judge_limbs(now);
            }
        }
        self.judge_sensors(now, place);
        self.judge_agreement(now);
        self.notice_life(now);
        self.tell(now, ids);
        Ok(())
    }

    /// A frame without numbers: the source is alive.
    pub fn handle_frame(&mut self, now: Uptime, source: &Name, ids: &mut AlarmIds) {
        let now = now.max(self.clock);
        self.begin(now, ids);
        if let Some(place) = self.sources.iter().position(|it| *it.setup.source == *source) {
            self.hear(now, place);
            // What it does not name any more is missed from now on (H6).
            self.judge_sensors(now, place);
        }
        self.tell(now, ids);
    }

    /// Late data of a source arrived: never judged, and no sign of life. If nothing else comes for T, `no_data` says
    /// `late` (design, section 2, rule 8).
    pub fn handle_late(&mut self, now: Uptime, source: &Name, ids: &mut AlarmIds) {
        let now = now.max(self.clock);
        self.begin(now, ids);
        if let Some(source) = self.sources.iter_mut().find(|it| *it.setup.source == *source) {
            source.state.late = true;
            let key = Key::new(Trouble::NoData, &source.setup.source);
            if let Some(no_data) = self.technical.get_mut(&key) {
                no_data.blame_late();
            }
        }
        self.tell(now, ids);
    }

    /// The port of a source has gone, which replaces `no_data`; or it is there again, and the first frame ends that.
    ///
    /// `cause`: the name of the link's alarm, where what has gone is a link that several sources share.
    pub fn handle_port(
        &mut self,
        now: Uptime,
        source: &Name,
        (state, cause): (PortState, Option<&str>),
        ids: &mut AlarmIds,
    ) {
        let now = now.max(self.clock);
        self.begin(now, ids);
        let place = self.sources.iter().position(|it| *it.setup.source == *source);
        if let (PortState::Gone, Some(place)) = (state, place) {
            self.lose_port(now, place, cause);
        }
        self.tell(now, ids);
    }

    fn lose_port(&mut self, now: Uptime, place: usize, cause: Option<&str>) {
        let resting = self.is_resting();
        let Some(source) = self.sources.get_mut(place) else {
            return;
        };
        source.state.silent_at = None;
        source.state.forget_line();
        if resting {
            return;
        }
        let name = &source.setup.source;
        if let Some(no_data) = self.technical.get_mut(&Key::new(Trouble::NoData, name)) {
            no_data.finish();
        }
        let gone = self
            .technical
            .entry(Key::new(Trouble::PortGone, name))
            .or_insert_with_key(|key| TechnicalAlarm::new(key.trouble));
        gone.begin(now, &self.policy.technical.no_data, source.setup.critical);
        if let Some(cause) = cause {
            gone.take_cause(cause.into());
        }
        // A source without a port is silent: what it no longer names is nobody's trouble.
        self.judge_sensors(now, place);
    }

    /// Remembers a sample of a believed source for NEWS2.
    fn note_for_score(&mut self, now: Uptime, place: usize, vital: Vital) {
        let believed = self.choices.get(&vital).and_then(Choice::current) == Some(place);
        if let (Input::Value(value), _) = self.input(vital) {
            if believed && !self.is_resting() {
                self.score.note(now, vital, value);
            }
        }
    }

    /// Runs what is due, and lets time come to the input.
    pub(super) fn begin(&mut self, now: Uptime, ids: &mut AlarmIds) {
        self.advance(now, ids);
        self.clock = now;
    }

    /// The place of a source in the list, at its end from now on if nobody announced it.
    pub(super) fn place_of(&mut self, source: &Arc<Name>, mode: Mode, now: Uptime) -> usize {
        if let Some(place) = self.sources.iter().position(|it| it.setup.source == *source) {
            return place;
        }
        self.sources.push(Source::unannounced(Arc::clone(source), mode, now));
        self.sources.len() - 1
    }

    /// A source spoke: its silence, and the absence of its port, are over.
    fn hear(&mut self, now: Uptime, place: usize) {
        let Some(source) = self.sources.get_mut(place) else {
            return;
        };
        source.speak(now);
        for (key, it) in &mut self.technical {
            if key.trouble.is_silence() && key.is_of(&source.setup.source) {
                it.finish();
            }
        }
    }

    /// Tells the choice of a vital's source how that source stands. Whether the vital's rules must look again.
    pub(super) fn choose(&mut self, now: Uptime, place: usize, vital: Vital) -> bool {
        self.choose_by(now, place, vital, Choice::take)
    }

    /// The same after a value of the source has become stale.
    pub(super) fn choose_aged(&mut self, now: Uptime, place: usize, vital: Vital) -> bool {
        self.choose_by(now, place, vital, Choice::take_aged)
    }

    fn choose_by(
        &mut self,
        now: Uptime,
        place: usize,
        vital: Vital,
        take: fn(&mut Choice, Uptime, usize, bool, Duration),
    ) -> bool {
        let Some(source) = self.sources.get(place) else {
            return false;
        };
        let valid = source.state.held.get(&vital).is_some_and(|it| it.input() != Input::Void);
        let gap = source.gap(self.policy.timing.gap_tolerance);
        let choice = self.choices.entry(vital).or_default();
        let before = choice.current();
        take(choice, now, place, valid, gap);
        let after = choice.current();
        self.notice_switch(now, vital, before);
        after == Some(place) || after != before
    }
}
