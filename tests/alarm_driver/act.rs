//! What an operator did, as a line says it.

use serde::Deserialize;
use vitals::alarm::action::{Action, Request, Role, Seen};
use vitals::alarm::event::{AlarmId, Code, Direction, Priority};
use vitals::alarm::score::Observed;
use vitals::name::Name;
use vitals::quantity::Quantity;
use vitals::time::Uptime;
use vitals::vital::Vital;

use crate::input::{BootWord, ms};

#[derive(Deserialize)]
pub(crate) struct Act {
    id: String,
    by: String,
    #[serde(default = "nurse")]
    role: Role,
    stay: Option<Name>,
    /// How new the operator's screen was; none where the agent itself acts.
    seen_ms: Option<u64>,
    #[serde(default)]
    seen_boot: BootWord,
    #[serde(flatten)]
    what: What,
}

fn nurse() -> Role {
    Role::Nurse
}

/// `alarm`: code, and for technical alarms source and sensor, of the newest such alarm.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum What {
    Acknowledge { alarm: Vec<String>, seen: Priority },
    Reset { alarm: Option<Vec<String>>, reason: Option<String> },
    AudioPaused { for_ms: u64 },
    AudioOff { for_ms: u64, reason: String },
    AlarmPaused { for_ms: u64 },
    AlarmOff { rule: String, for_ms: u64, include_extreme: bool, reason: String },
    Standby { reason: String },
    Resume,
    Discharge { reason: String },
    Admit { to: Name },
    Observe { name: String, value: String },
    Limits { vital: Vital, direction: Direction, limit: i32, extreme: Option<i32>, reason: String },
}

impl Act {
    /// `newest` knows the alarm that a name means now.
    pub(crate) fn action(self, newest: impl Fn(&[String]) -> AlarmId) -> Action {
        let seen = self.seen_ms.map(|at| Seen { at: Uptime::from_millis(at), boot: self.seen_boot.boot() });
        let request = self.what.request(newest);
        Action { id: self.id, actor: self.by, role: self.role, stay: self.stay, seen, request }
    }
}

impl What {
    fn request(self, newest: impl Fn(&[String]) -> AlarmId) -> Request {
        match self {
            Self::Acknowledge { alarm, seen } => {
                Request::Acknowledge { alarm: newest(&alarm), seen_priority: seen }
            }
            Self::Reset { alarm, reason } => Request::Reset { alarm: alarm.map(|it| newest(&it)), reason },
            Self::AudioPaused { for_ms } => Request::AudioPaused { duration: ms(for_ms) },
            Self::AudioOff { for_ms, reason } => Request::AudioOff { duration: ms(for_ms), reason },
            Self::AlarmPaused { for_ms } => Request::AlarmPaused { duration: ms(for_ms) },
            Self::AlarmOff { rule, for_ms, include_extreme, reason } => Request::AlarmOff {
                rule: Code::of_rule(&rule).expect("the code of a rule"),
                include_extreme,
                duration: ms(for_ms),
                reason,
            },
            Self::Standby { reason } => Request::Standby { reason },
            Self::Resume => Request::Resume,
            Self::Discharge { reason } => Request::Discharge { reason },
            Self::Admit { to } => Request::Admit { stay: to },
            Self::Observe { name, value } => {
                Request::Observe(Observed::parse(&name, &value).expect("what can be observed"))
            }
            Self::Limits { vital, direction, limit, extreme, reason } => Request::Limits {
                vital,
                direction,
                limit: Quantity::from_thousandths(limit),
                extreme: extreme.map(Quantity::from_thousandths),
                reason,
            },
        }
    }
}
