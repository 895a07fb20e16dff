//! The engine of one bed: runs what is due in the order of its deadlines, then applies what has happened (E2).

mod act;
mod agree;
mod device_word;
mod equipment;
mod facts;
mod in_force;
mod inactivate;
mod input;
mod kept;
mod rules;
mod standby;
mod step;
mod tell;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::apnea::ApneaAlarm;
use super::choice::Choice;
use super::event::{AlarmEvent, AlarmIds, Phase};
use super::inactive::Inactivations;
use super::limit::LimitAlarm;
use super::object::Change;
use super::policy::{AlarmPolicy, Preference, SourceSetup};
use super::score::BedScore;
use super::source::Source;
use super::technical::{Key, TechnicalAlarm};
use crate::name::Name;
use crate::reading::Mode;
use crate::time::Uptime;
use crate::vital::Vital;
pub(super) use act::{Answered, check_seen, remember, repeated};
pub use in_force::{Inactive, Inactivity, LimitsInForce};
use rules::Changes;
pub(super) use rules::Limits;

/// Decides the alarms of one bed.
#[derive(Debug)]
pub struct AlarmEngine {
    /// What the file says, and what is followed: the file's rules with what operators changed over them.
    file: AlarmPolicy,
    policy: AlarmPolicy,
    changes: Changes,
    sources: Vec<Source>,
    choices: BTreeMap<Vital, Choice>,
    /// The rules in the order of their records: by the table of vitals, low before high.
    limits: Vec<LimitAlarm>,
    /// The apnea rules, by the table of vitals.
    apneas: Vec<ApneaAlarm>,
    technical: BTreeMap<Key, TechnicalAlarm>,
    score: BedScore,
    inactive: Inactivations,
    /// The stay of the patient in the bed, where one is admitted.
    stay: Option<Name>,
    /// The time of the newest input or deadline: nothing happens before it any more.
    clock: Uptime,
    /// The least live mode heard on this bed.
    mode: Mode,
    /// The first step after a restart is still to come, then.
    first_step: Option<Uptime>,
    /// The newest actions and their outcomes.
    answered: Answered,
    /// What the caller has not taken yet; it takes everything after each call.
    events: VecDeque<AlarmEvent>,
}

/// Why an observation is not judged: time has passed it (E5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the observation of {} ms is older than what was judged at {} ms", at.as_millis(), last.as_millis())]
pub struct OutOfOrder {
    /// When it was read.
    pub at: Uptime,
    /// The engine's time.
    pub last: Uptime,
}

/// Whether the port of a source is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortState {
    /// It is there.
    Present,
    /// It has gone: the cable or the adaptor was pulled.
    Gone,
}

/// What a device, or the agent that watches its line, says is the matter: on or off (E30, E32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The device itself says that the patient does not breathe.
    Apnea,
    /// More than 5 % of the frames of the last minute were damaged.
    BadDataRate,
    /// The device's battery is low.
    DeviceBattery,
    /// The device's clock was set, or is more than 60 s off.
    ClockSkew,
    /// The cuff inflates.
    CuffInflating,
}

impl Flag {
    /// Every flag.
    pub const ALL: [Self; 5] =
        [Self::Apnea, Self::BadDataRate, Self::DeviceBattery, Self::ClockSkew, Self::CuffInflating];
}

impl AlarmEngine {
    /// The engine of a bed where nothing has happened yet: the silence of its sources counts from `now`.
    #[must_use]
    pub fn new(policy: AlarmPolicy, sources: Vec<SourceSetup>, prefer: Preference, now: Uptime) -> Self {
        let sources: Vec<Source> = sources.into_iter().map(|setup| Source::new(setup, now)).collect();
        let place = |name| sources.iter().position(|it| it.setup.source == name);
        let choices = prefer
            .into_iter()
            .map(|(vital, names)| (vital, Choice::preferring(names.into_iter().filter_map(place))))
            .collect();
        let limits = policy
            .rules
            .iter()
            .map(|((vital, direction), rule)| LimitAlarm::new(*vital, *direction, rule, now))
            .collect();
        let apneas = policy.apnea.iter().map(|(vital, rule)| ApneaAlarm::new(*vital, rule, now)).collect();
        let mode = sources.iter().map(|it| it.setup.mode).max().unwrap_or(Mode::Live);
        Self {
            file: policy.clone(),
            score: BedScore::new(policy.scores(), now),
            policy,
            changes: Changes::new(),
            sources,
            choices,
            limits,
            apneas,
            technical: BTreeMap::new(),
            inactive: Inactivations::default(),
            stay: None,
            clock: now,
            mode,
            first_step: None,
            answered: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The same with a patient in the bed from the start.
    #[must_use]
    pub fn of_stay(mut self, stay: Option<Name>) -> Self {
        self.stay = stay;
        if !self.file.of_stays.is_empty() {
            let (now, file) = (self.clock, self.file.clone());
            self.follow(now, file);
        }
        self
    }

    /// Whether what the file says for one stay in this bed is in force; `None`: it says nothing for any.
    #[must_use]
    pub fn follows_stay(&self) -> Option<bool> {
        let of_stays = &self.file.of_stays;
        let own = self.stay.as_ref().is_some_and(|it| of_stays.contains_key(it));
        (!of_stays.is_empty()).then_some(own)
    }

    /// Whether a loss of power would lose something: an open alarm, what operators said of the patient (a stay, limits, a
    /// standby), or that they said anything at all, for what was answered is remembered.
    #[must_use]
    pub fn is_worth_keeping(&self) -> bool {
        let limits = self.limits.iter().map(|it| it.state.alarm.is_some());
        let apneas = self.apneas.iter().map(|it| it.state.alarm.is_some());
        let technical = self.technical.values().map(|it| it.alarm.is_some());
        let of_patient = self.stay.is_some() || !self.changes.is_empty() || self.inactive.standby.is_some();
        let said = of_patient || !self.answered.is_empty();
        said || limits.chain(apneas).chain(technical).any(|open| open)
    }

    /// The stay of the patient in the bed, where one is admitted.
    #[must_use]
    pub fn stay(&self) -> Option<&Name> {
        self.stay.as_ref()
    }

    /// Does what was due at `poll_timeout`. Called earlier or more often, it changes nothing.
    pub fn handle_timeout(&mut self, now: Uptime, ids: &mut AlarmIds) {
        self.advance(now, ids);
    }

    /// Nobody was reading from `from` to `to`: no value aged and no delay ran (E6).
    pub fn handle_stall(&mut self, from: Uptime, to: Uptime) {
        let by = to.since(from);
        self.sources.iter_mut().for_each(|it| it.state.shift(by));
        self.choices.values_mut().for_each(|it| it.shift(by));
        self.limits.iter_mut().for_each(|it| it.state.shift(by));
        self.apneas.iter_mut().for_each(|it| it.state.shift(by));
        self.inactive.shift(by);
        self.score.shift(by);
        self.technical.values_mut().for_each(|it| it.shift(by));
    }

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Uptime> {
        let sources = self.sources.iter().filter_map(|it| it.state.deadline());
        let choices = self.choices.values().filter_map(Choice::deadline);
        let limits = self.limits.iter().filter_map(LimitAlarm::deadline);
        let technical = self.technical.values().filter_map(TechnicalAlarm::deadline);
        let bed = self.first_step.into_iter().chain(self.inactive.deadline()).chain(self.score.deadline());
        let apneas = self.apneas.iter().filter_map(ApneaAlarm::deadline);
        let next = sources.chain(choices).chain(limits).chain(apneas).chain(technical).chain(bed).min();
        // The end of time is where sums stop: nothing happens there.
        next.filter(|at| at.as_millis() < u64::MAX)
    }

    /// The next thing an alarm has to say.
    pub fn poll_event(&mut self) -> Option<AlarmEvent> {
        self.events.pop_front()
    }

    /// Every open alarm as it stands, the most urgent first.
    pub fn open(&self) -> impl Iterator<Item = AlarmEvent> {
        let say = || Change::new(Phase::Continue);
        let limits = self.limits.iter().filter_map(|it| {
            it.state
                .alarm
                .as_ref()
                .map(|alarm| alarm.event(self.clock, say(), self.limit_facts(it.vital, it.direction)))
        });
        let apneas = self.apneas.iter().filter_map(|it| {
            it.state.alarm.as_ref().map(|alarm| alarm.event(self.clock, say(), self.apnea_facts(it.vital)))
        });
        let technical = self.technical.iter().filter_map(|(key, it)| {
            it.alarm.as_ref().map(|alarm| alarm.event(self.clock, say(), self.technical_facts(key, it)))
        });
        let open = limits.chain(apneas).chain(technical);
        // What began before this run's first step has no number yet.
        let mut open: Vec<AlarmEvent> = open.filter(|it| it.revision > 0).collect();
        open.sort_by_key(|it| Reverse(it.priority));
        open.into_iter()
    }
}
