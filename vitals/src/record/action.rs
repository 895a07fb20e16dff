//! What operators do to alarms, what is answered, and what a station has shown: `vitals.actions.v1`.
//!
//! The one topic that flows towards the bedside. A record is flat, so that any program can write one; what it asks is
//! known once it has been understood ([`ActionRecord::understand`]).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::reading::{Origin, is_false};
use crate::alarm::action::{Action, Outcome, Refusal, Request, Role, Seen};
use crate::alarm::event::{AlarmId, Code, Priority};
use crate::alarm::score::Observed;
use crate::alarm::snapshot::Boot;
use crate::name::Name;
use crate::quantity::Quantity;
use crate::time::{Timestamp, Uptime};

/// The topic of operator actions, replies and receipts. Key: the bed.
pub const ACTIONS: &str = "vitals.actions.v1";

/// One line of the topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ActionLine {
    /// An operator asks for something.
    Action(Box<ActionRecord>),
    /// The agent answers.
    Reply(ReplyRecord),
    /// A station has shown an alarm.
    Receipt(ReceiptRecord),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionName {
    /// "I have seen this alarm."
    Acknowledge,
    /// "Let the signal go": of one alarm, or of all that can be reset.
    Reset,
    /// No sound of the alarms of now, for a time.
    AudioPaused,
    /// No sound of any alarm but of high priority, for a time.
    AudioOff,
    /// Neither sound nor light of the patient's alarms but the extreme, for a time.
    AlarmPaused,
    /// A rule is not evaluated, for a time.
    AlarmOff,
    /// The patient is away.
    Standby,
    /// The patient is back.
    Resume,
    /// The patient has gone for good.
    Discharge,
    /// A patient has come.
    Admit,
    /// What only a person sees.
    Observe,
    /// Other limits for this stay.
    Limits,
}

impl ActionName {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Acknowledge,
        Self::Reset,
        Self::AudioPaused,
        Self::AudioOff,
        Self::AlarmPaused,
        Self::AlarmOff,
        Self::Standby,
        Self::Resume,
        Self::Discharge,
        Self::Admit,
        Self::Observe,
        Self::Limits,
    ];

    /// Its name in records and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Reset => "reset",
            Self::AudioPaused => "audio_paused",
            Self::AudioOff => "audio_off",
            Self::AlarmPaused => "alarm_paused",
            Self::AlarmOff => "alarm_off",
            Self::Standby => "standby",
            Self::Resume => "resume",
            Self::Discharge => "discharge",
            Self::Admit => "admit",
            Self::Observe => "observe",
            Self::Limits => "limits",
        }
    }
}

/// What an operator asks for. What does not apply is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// Always [`ACTIONS`].
    pub schema: String,
    /// The action's own id: by it a repeated one is known, and its reply found. At most [`ActionRecord::ID_MAX`] bytes.
    pub id: String,
    /// The bed.
    pub bed: String,
    /// What is asked.
    pub action: ActionName,
    /// The alarm it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alarm: Option<String>,
    /// The rule it is about, by its code: `spo2_low`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
    /// The rule's extreme limit too.
    #[serde(skip_serializing_if = "is_false", default)]
    pub include_extreme: bool,
    /// For how long, ms; 0 ends it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duration_ms: Option<u64>,
    /// The stay that the operator's screen showed; of `admit`, the one that begins. A token, never a name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stay: Option<String>,
    /// What was observed: `consciousness`, `oxygen`, `scale`, `pregnant`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// What of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
    /// The rule's new alarm limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<Quantity>,
    /// The rule's new limit further out; as the file says, where left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub extreme: Option<Quantity>,
    /// The alarm's priority on the operator's screen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen_priority: Option<Priority>,
    /// The run that the operator's screen showed: `seen_up_ms` is a time of its boot.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen_run: Option<String>,
    /// The newest `up_ms` of the bed that the operator's screen had: by it the agent knows how old the screen is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen_up_ms: Option<Uptime>,
    /// Who: an opaque name of the person or the board.
    pub actor: String,
    /// In which role.
    pub role: Role,
    /// The operator's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workstation: Option<String>,
    /// When, on the wall clock of the workstation. Told, never judged by.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<Timestamp>,
}

/// The answer to an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyRecord {
    /// Always [`ACTIONS`].
    pub schema: String,
    /// The id of the action.
    pub of: String,
    /// The bed.
    pub bed: String,
    /// The agent that answers.
    pub agent: String,
    /// Its run.
    pub run: String,
    /// When, on the agent's boot-time clock, ms.
    pub up_ms: Uptime,
    /// What became of it.
    pub outcome: OutcomeName,
    /// Why it was not done; of a duplicate, why the first was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<ReplyReason>,
    /// What was not understood, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// Of what is done, now or before: whether it has reached the disk, and so outlives the process and a loss of power.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub durable: Option<bool>,
}

/// Why an action is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyReason {
    /// The record asks for nothing that can be done.
    NotUnderstood,
    /// It came by a way from which this is not done.
    NotFromHere,
    /// The engine does not do it.
    #[serde(untagged)]
    Refused(Refusal),
}

/// What became of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeName {
    /// Done, or already so.
    Accepted,
    /// Not done.
    Refused,
    /// An action of this id came before, and this was its outcome.
    Duplicate,
}

/// That a station has shown an alarm to whoever looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRecord {
    /// Always [`ACTIONS`].
    pub schema: String,
    /// The bed.
    pub bed: String,
    /// The alarm.
    pub alarm: String,
    /// The newest revision of it that was shown.
    pub revision: u32,
    /// Which station.
    pub station: String,
    /// When, on the station's wall clock. Told, never judged by.
    pub shown_at: Timestamp,
}

/// Why a record asks for nothing that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotUnderstood {
    /// A text is empty or longer than anything a person or a program would write there.
    #[error("{field} is empty or longer than {max} bytes")]
    Text {
        /// Which.
        field: &'static str,
        /// How long it may be.
        max: usize,
    },
    /// The action cannot be done without this field.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The alarm's id is none.
    #[error("alarm is not agent/run/n")]
    Alarm,
    /// The rule's code is none.
    #[error("rule is not the code of a rule, as spo2_low")]
    Rule,
    /// Nothing of that name and value can be observed.
    #[error(
        "name and value are none of consciousness (A, C, V, P, U), oxygen (air, oxygen), scale (1, 2), pregnant (yes, no)"
    )]
    Observed,
    /// The stay's token is none.
    #[error("stay is not a token of letters, digits, '.', '_', '-'")]
    Stay,
}

impl ReplyRecord {
    /// The answer to an action.
    #[must_use]
    pub fn new(to: &ActionRecord, origin: &Origin, at: Uptime, answer: &Answer) -> Self {
        let (outcome, reason, detail) = match answer {
            Answer::Decided(Outcome::Accepted) => (OutcomeName::Accepted, None, None),
            Answer::Decided(Outcome::Refused(it)) => {
                (OutcomeName::Refused, Some(ReplyReason::Refused(*it)), None)
            }
            Answer::Decided(Outcome::Duplicate(it)) => {
                (OutcomeName::Duplicate, it.map(ReplyReason::Refused), None)
            }
            Answer::NotUnderstood(it) => {
                (OutcomeName::Refused, Some(ReplyReason::NotUnderstood), Some(it.to_string()))
            }
            Answer::NotFromHere => (OutcomeName::Refused, Some(ReplyReason::NotFromHere), None),
        };
        Self {
            schema: ACTIONS.into(),
            of: to.id.clone(),
            bed: to.bed.clone(),
            agent: origin.agent.clone(),
            run: origin.run.clone(),
            up_ms: at,
            outcome,
            reason,
            detail,
            durable: None,
        }
    }
}

/// What the agent says to an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The engine has decided.
    Decided(Outcome),
    /// The engine was not asked: nobody can tell what for.
    NotUnderstood(NotUnderstood),
    /// The engine was not asked: this is not done for what comes by this way.
    NotFromHere,
}

impl Answer {
    /// Whether what was asked for is done, by this action or by the same one before.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Decided(Outcome::Accepted | Outcome::Duplicate(None)))
    }
}

impl ActionRecord {
    /// The longest id, bytes: two UUIDs and what stands between them.
    pub const ID_MAX: usize = 80;
    /// The longest text of any other field, bytes: a sentence of reason.
    pub const TEXT_MAX: usize = 500;

    /// What is asked of the engine; `boot_of` says of a run whether it is of the boot that goes on now.
    pub fn understand(&self, boot_of: impl Fn(&str) -> Boot) -> Result<Action, NotUnderstood> {
        self.check_texts()?;
        // A screen that does not say of which run it is cannot show that it is of this boot.
        let seen_run = self.seen_run.as_deref().ok_or(NotUnderstood::Missing("seen_run"))?;
        let at = self.seen_up_ms.ok_or(NotUnderstood::Missing("seen_up_ms"))?;
        let stay = if self.action == ActionName::Admit { None } else { self.stay()? };
        Ok(Action {
            id: self.id.clone(),
            actor: self.actor.clone(),
            role: self.role,
            stay,
            seen: Some(Seen { at, boot: boot_of(seen_run) }),
            request: self.request()?,
        })
    }

    fn request(&self) -> Result<Request, NotUnderstood> {
        Ok(match self.action {
            ActionName::Acknowledge => Request::Acknowledge {
                alarm: self.alarm()?.ok_or(NotUnderstood::Missing("alarm"))?,
                seen_priority: self.seen_priority.ok_or(NotUnderstood::Missing("seen_priority"))?,
            },
            ActionName::Reset => Request::Reset { alarm: self.alarm()?, reason: self.reason.clone() },
            ActionName::AudioPaused => Request::AudioPaused { duration: self.duration()? },
            ActionName::AudioOff => {
                Request::AudioOff { duration: self.duration()?, reason: self.said_reason()? }
            }
            ActionName::AlarmPaused => Request::AlarmPaused { duration: self.duration()? },
            ActionName::AlarmOff => Request::AlarmOff {
                rule: self.rule()?,
                include_extreme: self.include_extreme,
                duration: self.duration()?,
                reason: self.said_reason()?,
            },
            ActionName::Standby => Request::Standby { reason: self.said_reason()? },
            ActionName::Resume => Request::Resume,
            ActionName::Discharge => Request::Discharge { reason: self.said_reason()? },
            ActionName::Admit => Request::Admit { stay: self.stay()?.ok_or(NotUnderstood::Missing("stay"))? },
            ActionName::Observe => Request::Observe(self.observed()?),
            ActionName::Limits => self.limits()?,
        })
    }

    fn observed(&self) -> Result<Observed, NotUnderstood> {
        let name = self.name.as_deref().ok_or(NotUnderstood::Missing("name"))?;
        let value = self.value.as_deref().ok_or(NotUnderstood::Missing("value"))?;
        Observed::parse(name, value).ok_or(NotUnderstood::Observed)
    }

    fn limits(&self) -> Result<Request, NotUnderstood> {
        let Code::Limit(vital, direction) = self.rule()? else { return Err(NotUnderstood::Rule) };
        let limit = self.limit.ok_or(NotUnderstood::Missing("limit"))?;
        Ok(Request::Limits { vital, direction, limit, extreme: self.extreme, reason: self.said_reason()? })
    }

    fn stay(&self) -> Result<Option<Name>, NotUnderstood> {
        self.stay.as_deref().map(|it| Name::parse(it).map_err(|_| NotUnderstood::Stay)).transpose()
    }

    fn duration(&self) -> Result<Duration, NotUnderstood> {
        self.duration_ms.map(Duration::from_millis).ok_or(NotUnderstood::Missing("duration_ms"))
    }

    fn said_reason(&self) -> Result<String, NotUnderstood> {
        self.reason.clone().ok_or(NotUnderstood::Missing("reason"))
    }

    fn rule(&self) -> Result<Code, NotUnderstood> {
        let rule = self.rule.as_deref().ok_or(NotUnderstood::Missing("rule"))?;
        Code::of_rule(rule).ok_or(NotUnderstood::Rule)
    }

    fn alarm(&self) -> Result<Option<AlarmId>, NotUnderstood> {
        self.alarm.as_deref().map(|it| AlarmId::parse(it).ok_or(NotUnderstood::Alarm)).transpose()
    }

    fn check_texts(&self) -> Result<(), NotUnderstood> {
        let within = |text: &str, max: usize| !text.is_empty() && text.len() <= max;
        let said = |field, text: Option<&str>, max| match text {
            Some(text) if !within(text, max) => Err(NotUnderstood::Text { field, max }),
            Some(_) | None => Ok(()),
        };
        said("id", Some(&self.id), Self::ID_MAX)?;
        said("actor", Some(&self.actor), Self::TEXT_MAX)?;
        said("reason", self.reason.as_deref(), Self::TEXT_MAX)?;
        said("workstation", self.workstation.as_deref(), Self::TEXT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// An acknowledgement with some fields changed; null takes one out.
    fn understood(changes: &Value) -> Result<Action, NotUnderstood> {
        let mut it = json!({"schema": ACTIONS, "id": "1", "bed": "b", "action": "acknowledge", "alarm": "a/7f3a9c21-1/4",
            "seen_priority": "high", "seen_run": "7f3a9c21-1", "seen_up_ms": 9, "actor": "anna", "role": "nurse"});
        for (field, value) in changes.as_object().unwrap() {
            it[field] = value.clone();
        }
        it.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let boot_of = |run: &str| if run.starts_with("7f3a9c21") { Boot::Same } else { Boot::Other };
        serde_json::from_value::<ActionRecord>(it).unwrap().understand(boot_of)
    }

    #[test]
    fn a_record_is_what_the_engine_is_asked() {
        let action = understood(&json!({})).unwrap();
        let alarm = AlarmId { run: "7f3a9c21-1".into(), number: 4 };
        assert_eq!(action.request, Request::Acknowledge { alarm, seen_priority: Priority::High });
        assert_eq!(action.seen, Some(Seen { at: Uptime::from_millis(9), boot: Boot::Same }));
        let other = understood(&json!({"seen_run": "00000000-1"})).unwrap();
        assert_eq!(other.seen.map(|it| it.boot), Some(Boot::Other));
        let off = json!({"action": "alarm_off", "rule": "spo2_low", "duration_ms": 1000, "reason": "probe is moved"});
        let rule = Code::of_rule("spo2_low").unwrap();
        let duration = Duration::from_secs(1);
        assert_eq!(
            understood(&off).unwrap().request,
            Request::AlarmOff { rule, include_extreme: false, duration, reason: "probe is moved".into() }
        );
        let admit = understood(&json!({"action": "admit", "stay": "s-1"})).unwrap();
        assert_eq!((admit.request, admit.stay), (Request::Admit { stay: Name::parse("s-1").unwrap() }, None));
        let limits = json!({"action": "limits", "rule": "spo2_low", "limit": 88.5, "reason": "COPD"});
        let Request::Limits { limit, extreme: None, .. } = understood(&limits).unwrap().request else {
            unreachable!()
        };
        assert_eq!(limit, Quantity::from_thousandths(88_500));
        let observe = json!({"action": "observe", "name": "oxygen", "value": "air"});
        assert!(matches!(understood(&observe).unwrap().request, Request::Observe(_)));
        assert_eq!(
            understood(&json!({"action": "observe", "name": "mood", "value": "x"})),
            Err(NotUnderstood::Observed)
        );
    }

    #[test]
    fn what_is_missing_or_no_such_thing_is_named() {
        for (changes, error) in [
            (json!({"alarm": null}), "alarm is missing"),
            (json!({"alarm": "4"}), "alarm is not agent/run/n"),
            (json!({"seen_priority": null}), "seen_priority is missing"),
            (json!({"seen_up_ms": null}), "seen_up_ms is missing"),
            (json!({"seen_run": null}), "seen_run is missing"),
            (json!({"actor": ""}), "actor is empty or longer than 500 bytes"),
            (json!({"id": "x".repeat(81)}), "id is empty or longer than 80 bytes"),
            (json!({"reason": "x".repeat(501)}), "reason is empty or longer than 500 bytes"),
            (json!({"stay": "Jane Doe"}), "stay is not a token of letters, digits, '.', '_', '-'"),
            (json!({"action": "audio_paused"}), "duration_ms is missing"),
            (json!({"action": "audio_off", "duration_ms": 1}), "reason is missing"),
            (json!({"action": "alarm_off", "duration_ms": 1, "reason": "r"}), "rule is missing"),
            (json!({"action": "standby"}), "reason is missing"),
            (json!({"action": "admit"}), "stay is missing"),
            (
                json!({"action": "admit", "stay": "Jane Doe"}),
                "stay is not a token of letters, digits, '.', '_', '-'",
            ),
            (
                json!({"action": "limits", "rule": "apnea", "limit": 1, "reason": "r"}),
                "rule is not the code of a rule, as spo2_low",
            ),
            (json!({"action": "limits", "rule": "spo2_low", "reason": "r"}), "limit is missing"),
            (json!({"action": "observe", "name": "consciousness"}), "value is missing"),
            (
                json!({"action": "alarm_off", "duration_ms": 1, "reason": "r", "rule": "spo3_low"}),
                "rule is not the code of a rule, as spo2_low",
            ),
        ] {
            assert_eq!(understood(&changes).unwrap_err().to_string(), error, "{changes}");
        }
    }

    #[test]
    fn a_reply_says_why_in_one_word() {
        let action: ActionRecord =
            serde_json::from_value(json!({"schema": ACTIONS, "id": "1", "bed": "b", "action": "reset",
            "actor": "anna", "role": "nurse"}))
            .unwrap();
        let origin = Origin { agent: "a".into(), run: "r-1".into() };
        let reply = |answer| {
            let reply = ReplyRecord::new(&action, &origin, Uptime::ZERO, &answer);
            let json = serde_json::to_value(ActionLine::Reply(reply.clone())).unwrap();
            assert_eq!(serde_json::from_value::<ActionLine>(json.clone()).unwrap(), ActionLine::Reply(reply));
            (json["outcome"].clone(), json.get("reason").cloned())
        };
        assert_eq!(reply(Answer::Decided(Outcome::Accepted)), (json!("accepted"), None));
        assert_eq!(
            reply(Answer::Decided(Outcome::Refused(Refusal::Changed))),
            (json!("refused"), Some(json!("changed")))
        );
        assert_eq!(reply(Answer::Decided(Outcome::Duplicate(None))), (json!("duplicate"), None));
        assert_eq!(
            reply(Answer::NotUnderstood(NotUnderstood::Rule)),
            (json!("refused"), Some(json!("not_understood")))
        );
        assert_eq!(reply(Answer::NotFromHere), (json!("refused"), Some(json!("not_from_here"))));
    }
}
