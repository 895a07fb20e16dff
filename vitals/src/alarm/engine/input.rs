//! What happens to the engine: observations, frames, late data, ports.

use alloc::sync::Arc;

use super::{AlarmEngine, OutOfOrder, PortState};
use crate::alarm::event::AlarmIds;
use crate::alarm::level::Input;
use crate::alarm::source::Source;
use crate::alarm::technical::{self, Key, Sensor, TechnicalAlarm, Trouble};
use crate::name::Name;
use crate::observation::Observation;
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
        let place = self.place_of(observation, now);
        self.hear(now, place);
        self.mode = self.mode.max(observation.mode);
        if let Some(source) = self.sources.get_mut(place) {
            source.state.mode = observation.mode;
            let cuff = source.is_new_measurement(&observation.reading);
            for measurement in
                observation.reading.measurements.iter().filter(|it| cuff || !it.vital.is_discrete())
            {
                if let Some(source) = self.sources.get_mut(place) {
                    source.hold(now, measurement);
                }
                if self.choose(now, place, measurement.vital) {
                    self.judge(now, measurement.vital);
                }
            }
        }
        self.judge_sensors(now, place);
        self.tell(now, ids);
        Ok(())
    }

    /// A frame without numbers: the source is alive.
    pub fn handle_frame(&mut self, now: Uptime, source: &Name, ids: &mut AlarmIds) {
        let now = now.max(self.clock);
        self.begin(now, ids);
        if let Some(place) = self.sources.iter().position(|it| *it.setup.source == *source) {
            self.hear(now, place);
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
    pub fn handle_port(&mut self, now: Uptime, source: &Name, state: PortState, ids: &mut AlarmIds) {
        let now = now.max(self.clock);
        self.begin(now, ids);
        let source = self.sources.iter_mut().find(|it| *it.setup.source == *source);
        if let (PortState::Gone, Some(source)) = (state, source) {
            source.state.silent_at = None;
            let name = &source.setup.source;
            if let Some(no_data) = self.technical.get_mut(&Key::new(Trouble::NoData, name)) {
                no_data.finish();
            }
            self.technical
                .entry(Key::new(Trouble::PortGone, name))
                .or_insert_with_key(|key| TechnicalAlarm::new(key.trouble))
                .begin(now, &self.policy.technical.no_data, source.setup.critical);
        }
        self.tell(now, ids);
    }

    /// Runs what is due, and lets time come to the input.
    pub(super) fn begin(&mut self, now: Uptime, ids: &mut AlarmIds) {
        self.advance(now, ids);
        self.clock = now;
    }

    /// The place of an observation's source in the list, at its end from now on if nobody announced it.
    fn place_of(&mut self, observation: &Observation, now: Uptime) -> usize {
        if let Some(place) = self.sources.iter().position(|it| it.setup.source == observation.source) {
            return place;
        }
        self.sources.push(Source::unannounced(Arc::clone(&observation.source), observation.mode, now));
        self.sources.len() - 1
    }

    /// A source spoke: its silence, and the absence of its port, are over.
    fn hear(&mut self, now: Uptime, place: usize) {
        let Some(source) = self.sources.get_mut(place) else {
            return;
        };
        source.speak(now);
        for (key, it) in &mut self.technical {
            let silence = matches!(key.trouble, Trouble::NoData | Trouble::PortGone);
            if silence && key.source == source.setup.source {
                it.finish();
            }
        }
    }

    /// Tells the choice of a vital's source how that source stands. Whether the vital's rules must look again.
    pub(super) fn choose(&mut self, now: Uptime, place: usize, vital: Vital) -> bool {
        let Some(source) = self.sources.get(place) else {
            return false;
        };
        let valid = source.state.held.get(&vital).is_some_and(|it| it.input() != Input::Void);
        let gap = source.gap(self.policy.timing.gap_tolerance);
        let choice = self.choices.entry(vital).or_default();
        let before = choice.current();
        choice.take(now, place, valid, gap);
        choice.current() == Some(place) || choice.current() != before
    }

    /// Puts what a source's sensors have to say now before the technical alarms.
    pub(super) fn judge_sensors(&mut self, now: Uptime, place: usize) {
        let Some(source) = self.sources.get(place) else {
            return;
        };
        let name = &source.setup.source;
        for (vital, held) in source.state.held.iter().filter(|(_, it)| it.in_force && it.value.is_err()) {
            let sensor = Sensor::of(*vital);
            for trouble in [Trouble::SensorOff(sensor), Trouble::NoValue(sensor)] {
                if technical::is_trouble(trouble, held) {
                    self.technical
                        .entry(Key::new(trouble, name))
                        .or_insert_with_key(|key| TechnicalAlarm::new(key.trouble));
                }
            }
        }
        let gap = source.gap(self.policy.timing.gap_tolerance);
        for (key, it) in self.technical.iter_mut().filter(|(key, _)| key.source == *name) {
            if let Some((class, absent)) = technical::class(source, key.trouble) {
                it.absent = absent;
                it.take(now, class, key.rule(&self.policy.technical), gap);
            }
        }
    }
}
