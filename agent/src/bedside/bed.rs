//! One bed: its alarm engine, its open alarms, and what its sources last said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::debug;
use vitals::alarm::AlarmEngine;
use vitals::alarm::action::{Action, Outcome};
use vitals::alarm::event::{AlarmEvent, AlarmId, AlarmIds, Code, Phase};
use vitals::alarm::policy::{self, AlarmPolicy};
use vitals::name::Name;
use vitals::observation::Observation;
use vitals::reading::Mode;
use vitals::record::alarm::{AlarmContext, AlarmRecord, WallClock};
use vitals::record::evidence::Trail;
use vitals::record::reading::Origin;
use vitals::record::state::{BEDS, BedRecord, InactiveState, LatestValue};
use vitals::time::Uptime;
use vitals::vital::Vital;

use super::latest::SourceView;
use super::snapshot::{EncodedBed, Kept};
use super::voice::Voice;
use crate::config::Bed;
use crate::forwarder::{StateTopic, StateUpdate};
use crate::source::Word;

/// The state of a bed is told on every change and at least this often.
pub(super) const TELL_EVERY: Duration = Duration::from_secs(10);

/// A source of a bed, known from the configuration.
#[derive(Debug, Clone)]
pub struct SourceSetup {
    /// Its bed.
    pub bed: Arc<Name>,
    /// What the engine must know of it.
    pub engine: policy::SourceSetup,
    /// The device model or payload format.
    pub device: Arc<str>,
}

/// One bed.
pub(super) struct BedState {
    config: Bed,
    engine: AlarmEngine,
    /// When the engine wants its timers run. Every turn of the loop asks each bed, and the engine asks each of its rules:
    /// at bedside rates that was most of what a reading cost.
    due: Option<Uptime>,
    /// The engine's state for the next run, until the engine changes.
    encoded: Option<EncodedBed>,
    /// The last moment the engine has seen: it refuses what is older (E5).
    last: Uptime,
    mode: Mode,
    open: BTreeMap<AlarmId, Arc<AlarmRecord>>,
    sources: BTreeMap<Arc<Name>, SourceView>,
    trail: Trail,
    told: Option<Uptime>,
    changed: bool,
    touched: bool,
    /// Whether the newest state for the run directory had something worth keeping: that it is over must be kept too.
    was_worth_keeping: bool,
}

/// Whether an event is stored: a `continue` is made anew when it is needed (E21).
pub(super) fn is_stored(event: &AlarmEvent) -> bool {
    event.phase != Phase::Continue
}

impl BedState {
    pub(super) fn new(config: Bed, sources: Vec<SourceSetup>, kept: Option<&Kept>, now: Uptime) -> Self {
        let setups: Vec<_> = sources.iter().map(|it| it.engine.clone()).collect();
        let (policy, prefer) = (config.policy.clone(), config.prefer.clone());
        let engine = match kept {
            Some(kept) => AlarmEngine::restore(policy, setups, prefer, &kept.snapshot, kept.boot, now),
            None => AlarmEngine::new(policy, setups, prefer, now),
        };
        let mode = sources.iter().map(|it| it.engine.mode).max().unwrap_or(Mode::Live);
        let sources =
            sources.into_iter().map(|it| (Arc::clone(&it.engine.source), SourceView::new(it))).collect();
        Self {
            config,
            due: engine.poll_timeout(),
            engine,
            encoded: None,
            last: now,
            mode,
            open: BTreeMap::new(),
            sources,
            trail: Trail::default(),
            told: None,
            changed: true,
            touched: true,
            was_worth_keeping: kept.is_some_and(|it| it.snapshot.is_worth_keeping()),
        }
    }

    /// When the engine wants its timers run.
    pub(super) fn poll_timeout(&self) -> Option<Uptime> {
        debug_assert_eq!(self.due, self.engine.poll_timeout());
        self.due
    }

    /// The only way to change the engine.
    fn drive<T>(&mut self, act: impl FnOnce(&mut AlarmEngine) -> T) -> T {
        let outcome = act(&mut self.engine);
        self.due = self.engine.poll_timeout();
        self.encoded = None;
        outcome
    }

    /// Judges an observation, which will be stored as the reading with this number, or notes that it is history.
    pub(super) fn handle_observation(
        &mut self,
        observation: &Observation,
        seq: u64,
        device: &Arc<str>,
        ids: &mut AlarmIds,
    ) {
        self.touched = true;
        let at = self.advance(observation.at);
        if let Some(view) = self.sources.get_mut(&observation.source) {
            view.handle_observation(observation);
        } else {
            self.add_source(observation, device);
        }
        if observation.late.is_some() {
            return self.drive(|it| it.handle_late(at, &observation.source, ids));
        }
        self.trail.handle_reading(at, seq);
        let outcome = if at == observation.at {
            self.drive(|it| it.handle_observation(observation, ids))
        } else {
            // It overtook another source's on the way here, by the milliseconds that its task slept longer.
            let observation = Observation { at, ..observation.clone() };
            self.drive(|it| it.handle_observation(&observation, ids))
        };
        if outcome.is_err() {
            debug!(source = %observation.source, "An observation is older than the last and was not judged.");
        }
    }

    /// Puts what there is to tell of a source beside readings before the engine.
    pub(super) fn handle_word(&mut self, at: Uptime, source: &Arc<Name>, word: Word, ids: &mut AlarmIds) {
        let at = self.advance(at);
        // A frame alone changes nothing that must outlive the process, or that a screen shows.
        self.touched |= !matches!(word, Word::Alive);
        self.changed |= matches!(word, Word::Port(..) | Word::Notice(..));
        match word {
            Word::Alive => self.drive(|it| it.handle_frame(at, source, ids)),
            Word::Notice(mode, notice) => self.drive(|it| it.handle_notice(at, (source, mode), notice, ids)),
            Word::Flag(flag, on) => self.drive(|it| it.handle_flag(at, source, flag, on, ids)),
            Word::Port(port, cause) => {
                if let Some(view) = self.sources.get_mut(source) {
                    view.handle_port(port);
                }
                self.drive(|it| it.handle_port(at, source, (port, cause), ids));
            }
        }
    }

    /// Does what an operator asks, or says why not.
    pub(super) fn handle_action(&mut self, at: Uptime, action: &Action, ids: &mut AlarmIds) -> Outcome {
        self.touched = true;
        self.changed = true;
        let at = self.advance(at);
        self.drive(|it| it.handle_action(at, action, ids))
    }

    /// Whether these are its rules already.
    pub(super) fn follows(&self, policy: &AlarmPolicy) -> bool {
        self.config.policy == *policy
    }

    /// Follows other rules from now on (E29).
    pub(super) fn handle_policy(&mut self, at: Uptime, policy: AlarmPolicy, ids: &mut AlarmIds) {
        self.touched = true;
        self.changed = true;
        let at = self.advance(at);
        self.config.policy = policy.clone();
        self.drive(|it| it.handle_policy(at, policy, ids));
    }

    pub(super) fn handle_timeout(&mut self, now: Uptime, ids: &mut AlarmIds) {
        self.touched = true;
        let now = self.advance(now);
        self.drive(|it| it.handle_timeout(now, ids));
    }

    pub(super) fn handle_stall(&mut self, from: Uptime, to: Uptime) {
        self.drive(|it| it.handle_stall(from, to));
        self.last = self.last.max(to);
    }

    /// The newest value of each vital, of whichever source.
    fn newest(&self, now: Uptime) -> BTreeMap<Vital, LatestValue> {
        let mut newest: BTreeMap<Vital, LatestValue> = BTreeMap::new();
        for (vital, value) in self.sources.values().flat_map(|it| it.newest(now)) {
            if newest.get(&vital).is_none_or(|known| value.age_ms < known.age_ms) {
                newest.insert(vital, value);
            }
        }
        newest
    }

    /// Everything that is open, the most urgent first, and of equals the oldest.
    pub(super) fn open_alarms(&self) -> Vec<Arc<AlarmRecord>> {
        by_urgency(&self.open)
    }

    /// What a screen should know by now: newest values, and the state of the bed.
    pub(super) fn poll_updates(&mut self, now: Uptime, wall: WallClock, origin: &Origin) -> Vec<StateUpdate> {
        let bed = &self.config.id;
        let mut updates: Vec<_> =
            self.sources.values_mut().filter_map(|view| view.poll_latest(now, wall, origin, bed)).collect();
        let due = self.told.is_none_or(|told| now.since(told) >= TELL_EVERY);
        if self.changed || due {
            self.changed = false;
            self.told = Some(now);
            updates.extend(self.update(now, wall, origin));
        }
        updates
    }

    fn update(&self, now: Uptime, wall: WallClock, origin: &Origin) -> Option<StateUpdate> {
        let record = BedRecord {
            schema: BEDS.into(),
            agent: origin.agent.clone(),
            run: origin.run.clone(),
            up_ms: now,
            at: wall.at,
            clock: wall.quality,
            bed: self.config.id.to_string(),
            bed_label: self.config.label.clone(),
            profile: self.config.policy.profile.clone(),
            mode: self.mode,
            alarms: self.open_alarms().iter().map(|it| AlarmRecord::clone(it)).collect(),
            sources: self.sources.values().map(|view| view.state(now, &self.engine)).collect(),
            rule_hash: self.config.policy.hash.clone(),
            stay: self.engine.stay().map(ToString::to_string),
            inactive: self.engine.inactive().into_iter().map(|it| InactiveState::new(it, now)).collect(),
            limits: self.engine.limits_in_force().map(Into::into).collect(),
            stay_rules: self.engine.follows_stay(),
        };
        let body = serde_json::to_vec(&record).ok()?;
        Some(StateUpdate {
            about: None,
            topic: StateTopic::Beds,
            mode: self.mode,
            key: self.config.id.as_str().into(),
            body: body.into(),
        })
    }

    /// The engine's state for the next run, encoded when it changed last.
    pub(super) fn encoded(&mut self, now: Uptime) -> Option<EncodedBed> {
        if self.encoded.is_none() {
            self.encoded = serde_json::value::to_raw_value(&self.engine.snapshot(now)).ok().map(Arc::from);
        }
        self.encoded.clone()
    }

    /// The engine.
    pub(super) fn engine(&self) -> &AlarmEngine {
        &self.engine
    }

    /// The hash of the rule set that it follows.
    pub(super) fn rule_hash(&self) -> &str {
        &self.config.policy.hash
    }

    /// The least live mode of its sources.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether a loss of power would lose something, or would bring something back that is over.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.was_worth_keeping || self.engine.is_worth_keeping()
    }

    /// Whether the engine has been given anything since the last look.
    pub(super) fn is_touched(&self) -> bool {
        self.touched
    }

    /// All of it goes into the run directory.
    pub(super) fn clear_touched(&mut self) {
        self.touched = false;
        self.was_worth_keeping = self.engine.is_worth_keeping();
    }

    /// A source that was not known by name: one bed's share of a topic filter for many beds.
    fn add_source(&mut self, observation: &Observation, device: &Arc<str>) {
        self.mode = self.mode.max(observation.mode);
        let mut view = SourceView::unknown(observation, Arc::clone(device));
        view.handle_observation(observation);
        self.sources.insert(Arc::clone(&observation.source), view);
    }

    /// The engine's time goes on, and never back.
    fn advance(&mut self, at: Uptime) -> Uptime {
        self.last = self.last.max(at);
        self.last
    }
}

impl Voice for BedState {
    fn poll_event(&mut self) -> Option<AlarmEvent> {
        self.engine.poll_event()
    }

    fn record(
        &mut self,
        event: &AlarmEvent,
        seq: Option<u64>,
        origin: &Origin,
        signalled: WallClock,
    ) -> (Arc<AlarmRecord>, Vec<Arc<AlarmRecord>>) {
        let newest = self.newest(event.at);
        let told = self.open.get(&event.id).and_then(|it| it.evidence.as_ref());
        // A test rests on nothing.
        let evidence = (event.code != Code::Test)
            .then(|| self.trail.evidence(&origin.run, event.onset_at, told))
            .flatten();
        let context = AlarmContext {
            newest: &newest,
            evidence: evidence.as_ref(),
            origin,
            bed: self.config.id.as_str(),
            bed_label: self.config.label.as_deref(),
            stay: self.engine.stay(),
            profile: &self.config.policy.profile,
            rule_hash: &self.config.policy.hash,
            wall: Some(signalled),
            signalled_at: Some(signalled.up),
        };
        let record = Arc::new(AlarmRecord::new(event, seq, &context));
        note_open(&mut self.open, event, &record);
        self.changed |= is_stored(event);
        (record, self.open_alarms())
    }
}

/// Keeps what is open as its newest record.
pub(super) fn note_open(
    open: &mut BTreeMap<AlarmId, Arc<AlarmRecord>>,
    event: &AlarmEvent,
    record: &Arc<AlarmRecord>,
) {
    if event.phase.is_over() {
        open.remove(&event.id);
    } else {
        open.insert(event.id.clone(), Arc::clone(record));
    }
}

/// What is open, the most urgent first, and of equals the oldest; a test behind every alarm that is one.
pub(super) fn by_urgency(open: &BTreeMap<AlarmId, Arc<AlarmRecord>>) -> Vec<Arc<AlarmRecord>> {
    let mut open: Vec<_> = open.values().map(Arc::clone).collect();
    open.sort_by_key(|it| (it.test, std::cmp::Reverse(it.priority)));
    open
}
