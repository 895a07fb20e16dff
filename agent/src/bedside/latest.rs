//! What a source last said of each vital: told at most once a second, straight from memory, so that a screen is
//! current while a day of backlog still drains.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals::alarm::AlarmEngine;
use vitals::alarm::engine::PortState;
use vitals::name::Name;
use vitals::observation::Observation;
use vitals::reading::{Measurement, Mode};
use vitals::record::alarm::WallClock;
use vitals::record::reading::Origin;
use vitals::record::state::{LATEST, LatestRecord, LatestValue, SourceState};
use vitals::time::{Uptime, millis};
use vitals::vital::Vital;

use super::bed::SourceSetup;
use crate::forwarder::{StateTopic, StateUpdate};

/// The newest values of a source are told at most this often.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A value is stale after three periods, and never before this (E7).
const STALE_MIN: Duration = Duration::from_secs(5);

/// One source, as a screen would see it.
pub(super) struct SourceView {
    source: Arc<Name>,
    device: Arc<str>,
    mode: Mode,
    stale_after: Duration,
    connected: bool,
    last: Option<Uptime>,
    newest: BTreeMap<Vital, (Measurement, Uptime)>,
    told: Option<Uptime>,
    news: bool,
}

impl SourceView {
    /// A source of the configuration that has not spoken yet.
    pub(super) fn new(setup: SourceSetup) -> Self {
        Self {
            source: setup.engine.source,
            device: setup.device,
            mode: setup.engine.mode,
            stale_after: stale_after(setup.engine.period),
            connected: false,
            last: None,
            newest: BTreeMap::new(),
            told: None,
            news: false,
        }
    }

    /// A source that was not named in the configuration, at its first word.
    pub(super) fn unknown(observation: &Observation, device: Arc<str>) -> Self {
        Self {
            source: Arc::clone(&observation.source),
            device,
            mode: observation.mode,
            stale_after: STALE_MIN,
            connected: true,
            last: None,
            newest: BTreeMap::new(),
            told: None,
            news: false,
        }
    }

    /// Takes what it said; history is never shown as the newest.
    pub(super) fn handle_observation(&mut self, observation: &Observation) {
        self.connected = true;
        self.mode = self.mode.max(observation.mode);
        if observation.late.is_some() {
            return;
        }
        self.last = Some(observation.at);
        self.news = true;
        for measurement in &observation.reading.measurements {
            self.newest.insert(measurement.vital, (*measurement, observation.at));
        }
    }

    /// Notes that its port came or went.
    pub(super) fn handle_port(&mut self, port: PortState) {
        self.connected = match port {
            PortState::Present => true,
            PortState::Gone => false,
        };
    }

    /// The newest values, if there is news and it is time.
    pub(super) fn poll_latest(
        &mut self,
        now: Uptime,
        wall: WallClock,
        origin: &Origin,
        bed: &Name,
    ) -> Option<StateUpdate> {
        if !self.news || self.told.is_some_and(|told| now.since(told) < TELL_EVERY) {
            return None;
        }
        self.news = false;
        self.told = Some(now);
        let record = LatestRecord {
            schema: LATEST.into(),
            agent: origin.agent.clone(),
            run: origin.run.clone(),
            up_ms: now,
            at: wall.at,
            bed: bed.to_string(),
            source: self.source.to_string(),
            mode: self.mode,
            vitals: self.newest.iter().map(|(vital, it)| (*vital, self.value(it, now))).collect(),
        };
        let body = serde_json::to_vec(&record).ok()?;
        Some(StateUpdate {
            about: None,
            topic: StateTopic::Latest,
            mode: self.mode,
            key: self.source.as_str().into(),
            body: body.into(),
        })
    }

    /// What it said last of each vital.
    pub(super) fn newest(&self, now: Uptime) -> impl Iterator<Item = (Vital, LatestValue)> {
        self.newest.iter().map(move |(vital, it)| (*vital, self.value(it, now)))
    }

    /// How it is.
    pub(super) fn state(&self, now: Uptime, engine: &AlarmEngine) -> SourceState {
        let (identity, bedside_limits) = engine.device_of(&self.source);
        SourceState {
            source: self.source.to_string(),
            device: self.device.to_string(),
            connected: self.connected,
            age_ms: self.last.map(|at| millis(now.since(at))),
            identity: identity.cloned(),
            bedside_limits: bedside_limits.cloned(),
        }
    }

    fn value(&self, (measurement, at): &(Measurement, Uptime), now: Uptime) -> LatestValue {
        LatestValue {
            value: measurement.value.ok(),
            absent: measurement.value.err(),
            quality: measurement.quality,
            age_ms: millis(now.since(*at)),
            stale_after_ms: millis(self.stale_after),
        }
    }
}

/// The age at which a value is stale (E7).
fn stale_after(period: Duration) -> Duration {
    STALE_MIN.max(period.saturating_mul(3))
}
