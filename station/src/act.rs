//! What an operator does to a bed's alarms from a shell: what is asked, of what the topics show of the bed right now.
//!
//! The agent decides; this only says what was on the operator's screen, so that nobody acknowledges what he has not
//! seen.

pub mod place;
#[cfg(test)]
mod tests;
mod transfer;

use std::time::Duration;

use vitals::alarm::action::Role;
use vitals::alarm::event::Signal;
use vitals::quantity::Quantity;
use vitals::record::action::{ACTIONS, ActionName, ActionRecord, ReplyRecord};
use vitals::record::alarm::{AlarmRecord, DEVICE};
use vitals::record::state::{BedRecord, LimitsState};
use vitals::time::Timestamp;

use self::place::{Desk, PlaceError};
use crate::clock::{self, Clock};
use crate::options::Act;

/// What somebody wants to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Acknowledge one alarm (by code or id), or all that are on.
    Acknowledge(Option<String>),
    /// Reset one alarm (by code or id), or all that can be reset.
    Reset(Option<String>),
    /// No sound of the alarms of now, for a time.
    AudioPaused(Duration),
    /// No sound but of high priority, for a time.
    AudioOff(Duration),
    /// Neither sound nor light of the patient's alarms but the extreme, for a time.
    AlarmPaused(Duration),
    /// A rule is not evaluated, for a time.
    AlarmOff {
        /// Its code: `spo2_low`.
        rule: String,
        /// For how long; 0 ends it.
        duration: Duration,
        /// Its extreme too.
        include_extreme: bool,
    },
    /// The patient is away: no alarm until `resume`, or until there have been signs of life for a while.
    Standby,
    /// Evaluate again.
    Resume,
    /// The patient has gone for good: standby, and nothing of the stay is kept.
    Discharge,
    /// A patient has come; the token stands for the stay and never for a name.
    Admit(String),
    /// What a person sees: `consciousness`, `oxygen`, `scale`, `pregnant`.
    Observe {
        /// Which.
        name: String,
        /// What was seen.
        value: String,
    },
    /// Other limits for this stay.
    Limits {
        /// The rule's code.
        rule: String,
        /// The alarm limit.
        limit: Quantity,
        /// The limit further out; as the file says, where not said.
        extreme: Option<Quantity>,
    },
}

/// What a command is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Something at one bed.
    Deed(Deed),
    /// The patient goes to the bed with this id: admitted there, then discharged here.
    Transfer(String),
}

impl From<Deed> for Errand {
    fn from(deed: Deed) -> Self {
        Self::Deed(deed)
    }
}

/// Who acts, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// An opaque name.
    pub by: String,
    /// In which role.
    pub role: Role,
    /// In whose words why.
    pub reason: Option<String>,
    /// Where.
    pub workstation: String,
}

/// Why nothing can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// No such alarm is open.
    #[error("{bed} has no open alarm {alarm}; open: {open}")]
    NoSuchAlarm {
        /// The bed.
        bed: String,
        /// What was asked for.
        alarm: String,
        /// What is open there.
        open: String,
    },
    /// Nothing is on.
    #[error("{bed} has no alarm that is on")]
    NothingOn {
        /// The bed.
        bed: String,
    },
    /// There is no patient who could go.
    #[error("nobody is admitted to {bed}")]
    NobodyThere {
        /// The bed.
        bed: String,
    },
    /// From and to are one.
    #[error("{bed} is the bed where the patient lies")]
    SameBed {
        /// The bed.
        bed: String,
    },
    /// There is no room.
    #[error("another patient is in {bed}: discharge or transfer that one first")]
    Occupied {
        /// The bed.
        bed: String,
    },
}

/// What the agent answered to one action.
#[derive(Debug)]
pub struct Answer {
    /// The bed as it was shown when this was asked.
    pub bed: BedRecord,
    /// What was asked.
    pub asked: ActionRecord,
    /// What was answered.
    pub reply: ReplyRecord,
}

/// What came of a deed.
#[derive(Debug, Default)]
pub struct Done {
    /// What was asked of the agents, each with its answer.
    pub answers: Vec<Answer>,
    /// Limits that were changed for a stay that has gone to another bed: they do not hold there.
    pub left_behind: Vec<LimitsState>,
}

impl Done {
    /// Whether nothing was refused.
    #[must_use]
    pub fn is_all_done(&self) -> bool {
        self.answers.iter().all(|it| it.reply.reason.is_none())
    }

    fn ask(&mut self, desk: &Desk, bed: &BedRecord, records: &[ActionRecord]) -> Result<(), PlaceError> {
        let replies = desk.place(records, &bed.agent)?;
        let answers = records.iter().cloned().zip(replies);
        self.answers.extend(answers.map(|(asked, reply)| Answer { bed: bed.clone(), asked, reply }));
        Ok(())
    }
}

/// Why it is not known to be done.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    /// There is nothing to ask for.
    #[error("Nothing was asked of the agent")]
    Screen(#[source] ActError),
    /// Kafka or the agent does not answer.
    #[error("It is not known to be done")]
    Place(#[source] PlaceError),
    /// The second half of a transfer is not known to be done.
    #[error("The patient is admitted to {new}, and {old} may still hold the stay: discharge it there")]
    Halfway {
        /// The bed that the patient leaves.
        old: String,
        /// The other.
        new: String,
        /// Why.
        #[source]
        source: Box<PlaceError>,
    },
}

/// Looks at the bed, asks for what is wanted, and waits for the answers.
pub fn perform(act: &Act, clock: Clock) -> Result<Done, PerformError> {
    let desk = Desk::open(act.feed.clone(), clock).map_err(PerformError::Place)?;
    let bed = desk.bed(&act.bed).map_err(PerformError::Place)?;
    let now = clock::wall();
    // The process and the moment: no other action has the same.
    let id = format!("station-{:x}-{}", now.as_micros(), std::process::id());
    let deed = match &act.errand {
        Errand::Deed(deed) => deed,
        Errand::Transfer(to) => {
            let to = desk.bed(to).map_err(PerformError::Place)?;
            return transfer::perform(&desk, &act.actor, (&bed, &to), &id, now);
        }
    };
    let records = records(deed, &act.actor, &bed, &id, now).map_err(PerformError::Screen)?;
    let mut done = Done::default();
    done.ask(&desk, &bed, &records).map_err(PerformError::Place)?;
    Ok(done)
}

/// The records that ask for it, each with an id that begins with `id`: one for each alarm that is to be acknowledged,
/// one in all other cases.
pub fn records(
    deed: &Deed,
    actor: &Actor,
    bed: &BedRecord,
    id: &str,
    now: Timestamp,
) -> Result<Vec<ActionRecord>, ActError> {
    let plain = |action| plain(action, actor, bed, id, now);
    Ok(vec![match deed {
        Deed::Acknowledge(alarm) => {
            return acknowledge(alarm.as_deref(), bed, &plain(ActionName::Acknowledge));
        }
        Deed::Reset(alarm) => {
            let alarm = alarm.as_deref().map(|it| find(it, bed)).transpose()?.map(|it| it.id.clone());
            ActionRecord { alarm, ..plain(ActionName::Reset) }
        }
        Deed::AudioPaused(duration) => lasting(*duration, plain(ActionName::AudioPaused)),
        Deed::AudioOff(duration) => lasting(*duration, plain(ActionName::AudioOff)),
        Deed::AlarmPaused(duration) => lasting(*duration, plain(ActionName::AlarmPaused)),
        Deed::AlarmOff { rule, duration, include_extreme } => ActionRecord {
            rule: Some(rule.clone()),
            include_extreme: *include_extreme,
            ..lasting(*duration, plain(ActionName::AlarmOff))
        },
        Deed::Standby => plain(ActionName::Standby),
        Deed::Resume => plain(ActionName::Resume),
        Deed::Discharge => plain(ActionName::Discharge),
        Deed::Admit(stay) => ActionRecord { stay: Some(stay.clone()), ..plain(ActionName::Admit) },
        Deed::Observe { name, value } => ActionRecord {
            name: Some(name.clone()),
            value: Some(value.clone()),
            ..plain(ActionName::Observe)
        },
        Deed::Limits { rule, limit, extreme } => ActionRecord {
            rule: Some(rule.clone()),
            limit: Some(*limit),
            extreme: *extreme,
            ..plain(ActionName::Limits)
        },
    }])
}

/// What every action says: who asks, and how new the screen was.
fn plain(action: ActionName, actor: &Actor, bed: &BedRecord, id: &str, now: Timestamp) -> ActionRecord {
    ActionRecord {
        schema: ACTIONS.into(),
        id: id.into(),
        bed: bed.bed.clone(),
        stay: None,
        action,
        alarm: None,
        rule: None,
        duration_ms: None,
        include_extreme: false,
        name: None,
        value: None,
        limit: None,
        extreme: None,
        seen_priority: None,
        seen_run: Some(bed.run.clone()),
        seen_up_ms: Some(bed.up_ms),
        actor: actor.by.clone(),
        role: actor.role,
        reason: actor.reason.clone(),
        workstation: Some(actor.workstation.clone()),
        time: Some(now),
    }
}

fn lasting(duration: Duration, record: ActionRecord) -> ActionRecord {
    ActionRecord { duration_ms: Some(vitals::time::millis(duration)), ..record }
}

fn acknowledge(
    alarm: Option<&str>,
    bed: &BedRecord,
    plain: &ActionRecord,
) -> Result<Vec<ActionRecord>, ActError> {
    let chosen: Vec<&AlarmRecord> = match alarm {
        Some(alarm) => vec![find(alarm, bed)?],
        // A test ends by itself.
        None => bed.alarms.iter().filter(|it| it.signal == Signal::On && !it.test).collect(),
    };
    if chosen.is_empty() {
        return Err(ActError::NothingOn { bed: bed.bed.clone() });
    }
    let record = |(index, it): (usize, &AlarmRecord)| ActionRecord {
        id: format!("{}-{index}", plain.id),
        alarm: Some(it.id.clone()),
        seen_priority: Some(it.priority),
        ..plain.clone()
    };
    Ok(chosen.into_iter().enumerate().map(record).collect())
}

/// An open alarm by its id, or by its code; a device's own, which share one code, by the device's name for it.
fn find<'a>(alarm: &str, bed: &'a BedRecord) -> Result<&'a AlarmRecord, ActError> {
    let alarms = || bed.alarms.iter().filter(|it| !it.test);
    let name = |it: &'a AlarmRecord| it.cause.as_deref().filter(|_| it.origin == DEVICE).unwrap_or(&it.code);
    alarms().find(|it| it.id == alarm || name(it) == alarm).ok_or_else(|| {
        let open: Vec<_> = alarms().map(name).collect();
        let open = if open.is_empty() { "none".into() } else { open.join(", ") };
        ActError::NoSuchAlarm { bed: bed.bed.clone(), alarm: alarm.into(), open }
    })
}
