//! One bed with its alarm engine, and the numbering and encoding that the agent's bedside task does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use vitals::alarm::AlarmEngine;
use vitals::alarm::event::{AlarmEvent, AlarmIds, Phase};
use vitals::alarm::policy::SourceSetup;
use vitals::name::Name;
use vitals::observation::Observation;
use vitals::reading::Reading;
use vitals::record::alarm::{AlarmContext, AlarmRecord, WallClock};
use vitals::record::evidence::Evidence;
use vitals::record::reading::{Origin, ReadingRecord};
use vitals::record::state::LatestValue;
use vitals::time::{ClockQuality, Timestamp, Uptime};
use vitals::vital::Vital;
use wardline_agent::config::alarms;
use wardline_agent::envelope::Envelope;

use super::{Records, Unit};

/// The limits that alarms are judged by.
const ALARMS: &str = include_str!("../../../config/alarms.toml");
const PROFILE: &str = "adult";

/// One bed: its engine, and what its source last said.
pub(super) struct Desk {
    bed: Arc<Name>,
    source: Arc<Name>,
    device: &'static str,
    engine: AlarmEngine,
    rule_hash: String,
    newest: BTreeMap<Vital, LatestValue>,
}

impl Desk {
    pub(super) fn new(unit: &Unit, index: usize, device: &'static str, period: Duration) -> Result<Self> {
        let bed = Arc::new(Name::parse(&format!("{}-{:02}", unit.agent, index + 1))?);
        let source = Arc::new(Name::parse(&format!("{}-{:02}", unit.source, index + 1))?);
        let file = alarms::parse(ALARMS).map_err(|it| anyhow!("the shipped limits: {it:?}"))?;
        let policy = file.policy(PROFILE, None).context("the shipped limits have no profile for adults")?;
        let setup = SourceSetup::new(Arc::clone(&source), period, unit.mode);
        let rule_hash = policy.hash.clone();
        let engine = AlarmEngine::new(policy, vec![setup], BTreeMap::new(), Uptime::ZERO);
        Ok(Self { bed, source, device, engine, rule_hash, newest: BTreeMap::new() })
    }

    fn note(&mut self, reading: &Reading) {
        for it in &reading.measurements {
            let (value, absent) = (it.value.ok(), it.value.err());
            let latest =
                LatestValue { value, absent, quality: it.quality, age_ms: 0, stale_after_ms: 10_000 };
            self.newest.insert(it.vital, latest);
        }
    }
}

/// Numbers and encodes what all beds of a unit say.
pub(super) struct Recorder {
    unit: Unit,
    origin: Origin,
    ids: AlarmIds,
    pub(super) made: Records,
    last_reading: u64,
    last_alarm: u64,
}

impl Recorder {
    pub(super) fn new(unit: &Unit) -> Self {
        Self {
            unit: unit.clone(),
            origin: Origin { agent: unit.agent.clone(), run: unit.run.clone() },
            ids: AlarmIds::new(unit.run.as_str().into()),
            made: Records::default(),
            last_reading: 0,
            last_alarm: 0,
        }
    }

    /// Judges a reading, and keeps the records of it and of the alarms that it changed.
    pub(super) fn take(&mut self, desk: &mut Desk, at: Uptime, reading: Reading) -> Result<()> {
        desk.note(&reading);
        desk.engine.handle_timeout(at, &mut self.ids);
        let observation = self.observation(desk, at, reading.clone())?;
        desk.engine.handle_observation(&observation, &mut self.ids).map_err(|it| anyhow!("{it:?}"))?;
        while let Some(event) = desk.engine.poll_event() {
            if event.phase != Phase::Continue {
                self.keep_alarm(desk, &event)?;
            }
        }
        let stored = self.store(desk, at, reading)?;
        self.made.readings.push(stored);
        Ok(())
    }

    /// Numbers and encodes a reading without judging it.
    pub(super) fn store(&mut self, desk: &Desk, at: Uptime, reading: Reading) -> Result<Envelope> {
        let observation = self.observation(desk, at, reading)?;
        self.last_reading += 1;
        let record = ReadingRecord::new(&self.origin, self.last_reading, desk.device, &observation);
        let key = desk.source.as_str();
        Ok(self.envelope(self.last_reading, at, key, serde_json::to_vec(&record)?))
    }

    fn keep_alarm(&mut self, desk: &Desk, event: &AlarmEvent) -> Result<()> {
        self.last_alarm += 1;
        let last = self.last_reading + 1;
        let evidence = Evidence { run: self.unit.run.clone(), first: last.saturating_sub(8).max(1), last };
        let context = AlarmContext {
            newest: &desk.newest,
            evidence: Some(&evidence),
            origin: &self.origin,
            bed: desk.bed.as_str(),
            bed_label: None,
            stay: None,
            profile: PROFILE,
            rule_hash: &desk.rule_hash,
            wall: Some(WallClock { up: event.at, at: self.wall(event.at)?, quality: ClockQuality::Synced }),
            signalled_at: Some(event.at + Duration::from_millis(1)),
        };
        let record = AlarmRecord::new(event, Some(self.last_alarm), &context);
        let made = self.envelope(self.last_alarm, event.at, desk.bed.as_str(), serde_json::to_vec(&record)?);
        self.made.alarms.push(made);
        Ok(())
    }

    fn observation(&self, desk: &Desk, at: Uptime, reading: Reading) -> Result<Observation> {
        Ok(Observation {
            bed: Arc::clone(&desk.bed),
            source: Arc::clone(&desk.source),
            reading,
            at,
            received_at: self.wall(at)?,
            clock: ClockQuality::Synced,
            mode: self.unit.mode,
            late: None,
            redelivered: false,
        })
    }

    fn wall(&self, at: Uptime) -> Result<Timestamp> {
        let since = i64::try_from(at.as_millis())? * 1000;
        Timestamp::from_micros(self.unit.boot_at.as_micros() + since).context("a time beyond the calendar")
    }

    fn envelope(&self, seq: u64, up: Uptime, key: &str, body: Vec<u8>) -> Envelope {
        Envelope { seq, up, mode: self.unit.mode, late: false, key: key.into(), body: body.into() }
    }
}
