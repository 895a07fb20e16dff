//! The agent's own alarms (E36): what its parts say of themselves, put before the machine that judges it.
//!
//! The agent's id stands in the place of the bed: every consumer of alarms and of states of beds gets them on the road it
//! knows, and no bed of the configuration may bear that id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use vitals::alarm::action::{Action, Outcome};
use vitals::alarm::agent::{AgentAlarms, AgentSnapshot, AgentTrouble, Report, buffer_report, waiting_report};
use vitals::alarm::event::{AlarmEvent, AlarmId, AlarmIds};
use vitals::alarm::shown::Shown;
use vitals::alarm::snapshot::Boot;
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::alarm::{AlarmContext, AlarmRecord, WallClock};
use vitals::record::reading::Origin;
use vitals::record::state::{BEDS, BedRecord};
use vitals::time::{ClockQuality, Uptime};

use super::bed::{self, TELL_EVERY};
use super::voice::Voice;
use crate::buffer::{Progress, StoreState};
use crate::forwarder::{ForwarderProgress, Refused, Standing, StateTopic, StateUpdate, Way};

/// What stands in the place of the profile.
const PROFILE: &str = "agent";

/// What stands in the place of the rule set's hash: these rules come with the program.
const RULES: &str = concat!("wardline-agent ", env!("CARGO_PKG_VERSION"));

/// What the parts of the agent say of themselves.
#[derive(Debug, Clone)]
pub struct Health {
    /// The store.
    pub store: watch::Receiver<Progress>,
    /// Set once the disk has told: whether the store as a whole was set aside when it was opened.
    pub replaced: Arc<OnceLock<bool>>,
    /// The way to Kafka.
    pub forwarder: watch::Receiver<ForwarderProgress>,
    /// The annunciators that do not work.
    pub annunciators: watch::Receiver<BTreeSet<String>>,
    /// How far the wall clock can be believed.
    pub clock: watch::Receiver<ClockQuality>,
}

/// The agent's own alarms and how they stand.
pub(super) struct OwnAlarms {
    id: Arc<Name>,
    mode: Mode,
    health: Health,
    alarms: AgentAlarms,
    open: BTreeMap<AlarmId, Arc<AlarmRecord>>,
    started: Uptime,
    /// Parts of the store of which it was said that they were set aside.
    set_aside: u64,
    /// Records of which it was said that Kafka refuses them.
    refused: Refused,
    forwarding_down: bool,
    told: Option<Uptime>,
    changed: bool,
}

impl OwnAlarms {
    pub(super) fn new(
        id: Name,
        mode: Mode,
        health: Health,
        kept: Option<&(AgentSnapshot, Boot)>,
        now: Uptime,
    ) -> Self {
        let alarms = match kept {
            Some((snapshot, boot)) => AgentAlarms::restore(mode, snapshot, *boot, now),
            None => AgentAlarms::new(mode, now),
        };
        let (id, open) = (Arc::new(id), BTreeMap::new());
        Self {
            id,
            mode,
            health,
            alarms,
            open,
            started: now,
            set_aside: 0,
            refused: Refused::default(),
            forwarding_down: false,
            told: None,
            changed: true,
        }
    }

    /// In the place of the bed.
    pub(super) fn id(&self) -> &Arc<Name> {
        &self.id
    }

    /// Live if any of its sources is.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn poll_timeout(&self) -> Option<Uptime> {
        self.alarms.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Uptime, ids: &mut AlarmIds) {
        self.alarms.handle_timeout(now, ids);
    }

    /// Does what an operator asks, or says why not.
    pub(super) fn handle_action(&mut self, now: Uptime, action: &Action, ids: &mut AlarmIds) -> Outcome {
        self.alarms.handle_action(now, action, ids)
    }

    /// The loop was not running.
    pub(super) fn handle_stall(&mut self, from: Uptime, to: Uptime, ids: &mut AlarmIds) {
        self.alarms.handle_stall(from, to);
        let cause = format!("{} s", to.since(from).as_secs());
        self.report(to, AgentTrouble::BedsideStalled, Report::Since(from), Some(&cause), ids);
    }

    /// Looks how the parts are.
    pub(super) fn look(
        &mut self,
        now: Uptime,
        shown: &Shown,
        tests: (Report, Option<&str>),
        ids: &mut AlarmIds,
    ) {
        self.report(now, AgentTrouble::BedsideStalled, Report::Well, None, ids);
        let quality = *self.health.clock.borrow();
        let unsynced = report(quality == ClockQuality::Unsynced, now);
        self.report(now, AgentTrouble::ClockUnsynced, unsynced, None, ids);
        self.look_at_store(now, ids);
        self.look_at_annunciators(now, ids);
        let down = self.look_at_kafka(now, ids);
        self.look_at_stations(now, down, shown, ids);
        let failed = unless_down(down, tests.0);
        self.report(now, AgentTrouble::TestAlarmFailed, failed, tests.1, ids);
        self.forwarding_down = matches!(down, Report::Since(_));
    }

    /// Whether what waits for Kafka has waited for too long.
    pub(super) fn is_forwarding_down(&self) -> bool {
        self.forwarding_down
    }

    fn look_at_store(&mut self, now: Uptime, ids: &mut AlarmIds) {
        let Some(replaced) = self.health.replaced.get().copied() else {
            // Until the disk has answered nothing else is known of it.
            return self.report(
                now,
                AgentTrouble::StoreStalled,
                Report::Since(self.started),
                Some("opening"),
                ids,
            );
        };
        let store = self.health.store.borrow().clone();
        let stalled = report(store.state == StoreState::Stalled, now);
        self.report(now, AgentTrouble::StoreStalled, stalled, None, ids);
        let failed = match store.state {
            StoreState::Ok => Report::Well,
            StoreState::Stalled => Report::Between,
            StoreState::Failed { since, .. } => Report::Since(since),
            StoreState::Memory => Report::Since(now),
        };
        self.report(now, AgentTrouble::StoreFailed, failed, Some(store.state.name()), ids);
        let filling = buffer_report(store.bytes_on_disk, store.bytes_max, now);
        self.report(now, AgentTrouble::BufferFilling, filling, None, ids);
        let set_aside = store.readings.set_aside + store.alarms.set_aside + u64::from(replaced);
        let news = report(set_aside > self.set_aside, now);
        self.set_aside = set_aside;
        self.report(now, AgentTrouble::StoreSetAside, news, None, ids);
    }

    fn look_at_annunciators(&mut self, now: Uptime, ids: &mut AlarmIds) {
        let failed: Vec<String> = self.health.annunciators.borrow().iter().cloned().collect();
        let report = report(!failed.is_empty(), now);
        self.report(now, AgentTrouble::AnnunciatorFailed, report, Some(&failed.join(", ")), ids);
    }

    /// Whether it takes anything.
    fn look_at_kafka(&mut self, now: Uptime, ids: &mut AlarmIds) -> Report {
        let kafka = self.health.forwarder.borrow().clone();
        let (waiting, way) = kafka.waiting();
        let down = match waiting_report(waiting, now) {
            // That nothing waits says nothing before anything was confirmed.
            Report::Well if !kafka.connected => Report::Unknown,
            known => known,
        };
        self.report(now, AgentTrouble::ForwardingDown, down, way, ids);
        let stands = |wrong: &[Standing]| match kafka.standing {
            Standing::Unknown => Report::Unknown,
            standing => report(wrong.contains(&standing), now),
        };
        let cause = Some(kafka.standing.name());
        let other = stands(&[Standing::OtherCluster, Standing::Forgotten]);
        self.report(now, AgentTrouble::KafkaClusterChanged, other, cause, ids);
        self.report(now, AgentTrouble::DuplicateAgent, stands(&[Standing::Duplicate]), None, ids);
        let way = if kafka.refused.alarms == self.refused.alarms { Way::Readings } else { Way::Alarms };
        let news = report(kafka.refused != self.refused, now);
        self.refused = kafka.refused;
        self.report(now, AgentTrouble::RecordRefused, news, Some(way.name()), ids);
        down
    }

    /// Where Kafka takes nothing no station can show anything: that is an alarm of its own.
    fn look_at_stations(&mut self, now: Uptime, down: Report, shown: &Shown, ids: &mut AlarmIds) {
        let (missing, bed) = shown.report();
        let missing = unless_down(down, missing);
        self.report(now, AgentTrouble::NotReceived, missing, bed.map(Name::as_str), ids);
    }

    fn report(
        &mut self,
        now: Uptime,
        trouble: AgentTrouble,
        report: Report,
        cause: Option<&str>,
        ids: &mut AlarmIds,
    ) {
        self.alarms.handle_report(now, trouble, report, cause, ids);
    }

    /// What is open, on every change and now and then, as of a bed.
    pub(super) fn poll_update(
        &mut self,
        now: Uptime,
        wall: WallClock,
        origin: &Origin,
    ) -> Option<StateUpdate> {
        if !self.changed && self.told.is_some_and(|told| now.since(told) < TELL_EVERY) {
            return None;
        }
        self.changed = false;
        self.told = Some(now);
        let record = BedRecord {
            schema: BEDS.into(),
            agent: origin.agent.clone(),
            run: origin.run.clone(),
            up_ms: now,
            at: wall.at,
            clock: wall.quality,
            bed: self.id.to_string(),
            bed_label: None,
            profile: PROFILE.into(),
            mode: self.mode,
            alarms: self.open_alarms().iter().map(|it| AlarmRecord::clone(it)).collect(),
            sources: Vec::new(),
            rule_hash: RULES.into(),
            stay: None,
            inactive: Vec::new(),
            limits: Vec::new(),
            stay_rules: None,
        };
        let body = serde_json::to_vec(&record).ok()?.into();
        let key = self.id.as_str().into();
        Some(StateUpdate { topic: StateTopic::Beds, mode: self.mode, key, about: None, body })
    }

    /// Everything that is open, the most urgent first.
    pub(super) fn open_alarms(&self) -> Vec<Arc<AlarmRecord>> {
        bed::by_urgency(&self.open)
    }

    /// What must survive the process.
    pub(super) fn snapshot(&self, now: Uptime) -> AgentSnapshot {
        self.alarms.snapshot(now)
    }
}

impl Voice for OwnAlarms {
    fn poll_event(&mut self) -> Option<AlarmEvent> {
        self.alarms.poll_event()
    }

    fn record(
        &mut self,
        event: &AlarmEvent,
        seq: Option<u64>,
        origin: &Origin,
        signalled: WallClock,
    ) -> (Arc<AlarmRecord>, Vec<Arc<AlarmRecord>>) {
        let context = AlarmContext {
            origin,
            bed: self.id.as_str(),
            bed_label: None,
            stay: None,
            profile: PROFILE,
            rule_hash: RULES,
            wall: Some(signalled),
            signalled_at: Some(signalled.up),
            newest: &BTreeMap::new(),
            evidence: None,
        };
        let record = Arc::new(AlarmRecord::new(event, seq, &context));
        bed::note_open(&mut self.open, event, &record);
        self.changed |= bed::is_stored(event);
        (record, self.open_alarms())
    }
}

/// While Kafka takes nothing, what needs it stays what it was.
fn unless_down(down: Report, report: Report) -> Report {
    if matches!(down, Report::Since(_)) { Report::Between } else { report }
}

/// That something is wrong now, or is not.
fn report(wrong: bool, now: Uptime) -> Report {
    if wrong { Report::Since(now) } else { Report::Well }
}
