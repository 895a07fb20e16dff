//! What an operator did, as a line of a script says it.

use std::time::Duration;

use serde::Deserialize;
use vitals::alarm::action::{Action, Request, Role, Seen};
use vitals::alarm::event::{AlarmId, Code, Direction, Priority};
use vitals::alarm::score::Observed;
use vitals::alarm::snapshot::Boot;
use vitals::name::Name;
use vitals::quantity::Quantity;
use vitals::time::Uptime;
use vitals::vital::Vital;

/// Of which boot something is.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SaidBoot {
    Same,
    Other,
}

/// An operator's action, as a line says it.
#[derive(Debug, Deserialize)]
pub(super) struct SaidAction {
    id: String,
    #[serde(default)]
    actor: String,
    #[serde(default = "nurse")]
    role: Role,
    #[serde(default)]
    stay: Option<Name>,
    #[serde(default)]
    seen: Option<u64>,
    #[serde(default)]
    seen_boot: Option<SaidBoot>,
    #[serde(flatten)]
    request: SaidRequest,
}

fn nurse() -> Role {
    Role::Nurse
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum SaidRequest {
    Acknowledge {
        alarm: SaidAlarm,
        seen_priority: Priority,
    },
    Reset {
        alarm: Option<SaidAlarm>,
        reason: Option<String>,
    },
    AudioPaused {
        for_ms: u64,
    },
    AudioOff {
        for_ms: u64,
        reason: String,
    },
    AlarmPaused {
        for_ms: u64,
    },
    AlarmOff {
        rule: String,
        for_ms: u64,
        #[serde(default)]
        include_extreme: bool,
        reason: String,
    },
    Standby {
        #[serde(default)]
        reason: String,
    },
    Resume,
    Discharge {
        #[serde(default)]
        reason: String,
    },
    Admit {
        stay: Name,
    },
    Observe {
        name: String,
        value: String,
    },
    Limits {
        vital: Vital,
        direction: Direction,
        limit: Quantity,
        extreme: Option<Quantity>,
        reason: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum SaidAlarm {
    Number(u64),
    OfRun(String, u64),
}

impl SaidBoot {
    pub(super) fn boot(self) -> Boot {
        match self {
            Self::Same => Boot::Same,
            Self::Other => Boot::Other,
        }
    }
}

impl SaidAction {
    pub(super) fn action(self) -> Result<Action, String> {
        let boot = self.seen_boot.map_or(Boot::Same, SaidBoot::boot);
        Ok(Action {
            id: self.id,
            actor: self.actor,
            role: self.role,
            stay: self.stay,
            seen: self.seen.map(|at| Seen { at: Uptime::from_millis(at), boot }),
            request: self.request.request()?,
        })
    }
}

impl SaidAlarm {
    fn id(self) -> AlarmId {
        match self {
            Self::Number(number) => AlarmId { run: crate::replay::REPLAY.into(), number },
            Self::OfRun(run, number) => AlarmId { run: run.into(), number },
        }
    }
}

impl SaidRequest {
    fn request(self) -> Result<Request, String> {
        Ok(match self {
            Self::Acknowledge { alarm, seen_priority } => {
                Request::Acknowledge { alarm: alarm.id(), seen_priority }
            }
            Self::Reset { alarm, reason } => Request::Reset { alarm: alarm.map(SaidAlarm::id), reason },
            Self::AudioPaused { for_ms } => Request::AudioPaused { duration: Duration::from_millis(for_ms) },
            Self::AudioOff { for_ms, reason } => {
                Request::AudioOff { duration: Duration::from_millis(for_ms), reason }
            }
            Self::AlarmPaused { for_ms } => Request::AlarmPaused { duration: Duration::from_millis(for_ms) },
            Self::AlarmOff { rule, for_ms, include_extreme, reason } => Request::AlarmOff {
                rule: Code::of_rule(&rule).ok_or_else(|| format!("{rule:?} is the code of no rule"))?,
                include_extreme,
                duration: Duration::from_millis(for_ms),
                reason,
            },
            Self::Standby { reason } => Request::Standby { reason },
            Self::Resume => Request::Resume,
            Self::Discharge { reason } => Request::Discharge { reason },
            Self::Admit { stay } => Request::Admit { stay },
            Self::Observe { name, value } => Request::Observe(
                Observed::parse(&name, &value).ok_or_else(|| format!("nobody observes {name} {value}"))?,
            ),
            Self::Limits { vital, direction, limit, extreme, reason } => {
                Request::Limits { vital, direction, limit, extreme, reason }
            }
        })
    }
}
