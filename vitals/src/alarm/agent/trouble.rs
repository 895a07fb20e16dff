//! The table of the agent's troubles: code, priority, delays, words. `docs/alarms.md`, E36, has the same table.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::alarm::event::Priority;
use crate::time::Uptime;

/// What can be wrong with an agent. The order is that of the records of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentTrouble {
    /// Kafka confirms nothing of what waits for it: no station is told.
    ForwardingDown,
    /// A high alarm was shown on no station.
    NotReceived,
    /// Nothing is kept on disk any more.
    StoreFailed,
    /// The bedside loop was not running: no alarm was decided.
    BedsideStalled,
    /// Another agent sends under the same id.
    DuplicateAgent,
    /// Kafka is another cluster than the readings have gone to.
    KafkaClusterChanged,
    /// The disk takes nothing for the moment.
    StoreStalled,
    /// The buffer is filling up.
    BufferFilling,
    /// A lamp or a buzzer cannot be switched.
    AnnunciatorFailed,
    /// Kafka refuses a record for ever.
    RecordRefused,
    /// A test alarm did not come back: who is called when there is a real one?
    TestAlarmFailed,
    /// A damaged part of the store was set aside.
    StoreSetAside,
    /// Nobody has told this machine the time.
    ClockUnsynced,
}

/// When a trouble is an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentRule {
    /// How urgent it is.
    pub priority: Priority,
    /// How long it must last.
    pub delay: Duration,
    /// How long it must be well, unbroken, before the alarm ends: for what is an event and no state, how long it is told.
    pub clear_delay: Duration,
}

/// What is known of a trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Nothing yet.
    Unknown,
    /// It is not there.
    Well,
    /// It is neither clearly there nor clearly gone: what was, stays (E13, band).
    Between,
    /// It is there, since then.
    Since(Uptime),
}

impl AgentTrouble {
    /// All, in the order of their records.
    pub const ALL: [Self; 13] = [
        Self::ForwardingDown,
        Self::NotReceived,
        Self::StoreFailed,
        Self::BedsideStalled,
        Self::DuplicateAgent,
        Self::KafkaClusterChanged,
        Self::StoreStalled,
        Self::BufferFilling,
        Self::AnnunciatorFailed,
        Self::RecordRefused,
        Self::TestAlarmFailed,
        Self::StoreSetAside,
        Self::ClockUnsynced,
    ];

    /// The code in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForwardingDown => "forwarding_down",
            Self::NotReceived => "not_received",
            Self::StoreFailed => "store_failed",
            Self::BedsideStalled => "bedside_stalled",
            Self::DuplicateAgent => "duplicate_agent",
            Self::KafkaClusterChanged => "kafka_cluster_changed",
            Self::StoreStalled => "store_stalled",
            Self::BufferFilling => "buffer_filling",
            Self::AnnunciatorFailed => "annunciator_failed",
            Self::RecordRefused => "record_refused",
            Self::TestAlarmFailed => "test_alarm_failed",
            Self::StoreSetAside => "store_set_aside",
            Self::ClockUnsynced => "clock_unsynced",
        }
    }

    /// When it is an alarm. All numbers are judgement (†).
    #[must_use]
    pub const fn rule(self) -> AgentRule {
        let (priority, delay, clear_delay) = match self {
            Self::ForwardingDown => (Priority::High, 15, 5),
            Self::NotReceived => (Priority::High, 10, 3),
            Self::StoreFailed => (Priority::High, 0, 3),
            Self::BedsideStalled => (Priority::Medium, 0, 60),
            Self::DuplicateAgent | Self::KafkaClusterChanged | Self::TestAlarmFailed => {
                (Priority::Medium, 0, 0)
            }
            Self::StoreStalled => (Priority::Medium, 10, 5),
            Self::BufferFilling => (Priority::Medium, 5, 30),
            Self::AnnunciatorFailed => (Priority::Medium, 2, 3),
            Self::RecordRefused => (Priority::Medium, 0, 600),
            Self::StoreSetAside => (Priority::Low, 0, 600),
            Self::ClockUnsynced => (Priority::Low, 300, 0),
        };
        AgentRule {
            priority,
            delay: Duration::from_secs(delay),
            clear_delay: Duration::from_secs(clear_delay),
        }
    }

    /// One line for a nurse: what it means at the bed, then whose it is to mend.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::ForwardingDown => {
                "Alarms do not leave this bedside computer: watch the bedside monitors; call IT"
            }
            Self::NotReceived => "A high alarm is shown on no station: look at the bedside monitors; call IT",
            Self::StoreFailed => "The bedside computer's disk has failed: readings may be lost; call IT",
            Self::BedsideStalled => {
                "The bedside computer stood still, no alarm was decided meanwhile: look at the patients"
            }
            Self::DuplicateAgent => "Two bedside computers bear one name, readings are held back: call IT",
            Self::KafkaClusterChanged => {
                "Another server answers than before, readings are held back: call IT"
            }
            Self::StoreStalled => "The bedside computer's disk does not answer: call IT",
            Self::BufferFilling => "The bedside computer's buffer is filling up: call IT",
            Self::AnnunciatorFailed => {
                "A lamp or buzzer of the bedside computer does not work: watch the bedside monitors; call IT"
            }
            Self::RecordRefused => {
                "The server refuses some alarms or readings: watch the bedside monitors; call IT"
            }
            Self::TestAlarmFailed => "A test alarm did not come back: watch the bedside monitors; call IT",
            Self::StoreSetAside => {
                "Damaged readings were set aside on the bedside computer; some may be lost: tell IT"
            }
            Self::ClockUnsynced => "The bedside computer does not know the time; times may be wrong: tell IT",
        }
    }
}

/// Above this share of its bound, percent, the buffer is filling up.
const FILLING: u64 = 80;

/// Below this share, percent, it no longer is.
const FILLING_OVER: u64 = 75;

/// What so many bytes of so many say of a buffer.
#[must_use]
pub fn buffer_report(bytes: u64, bytes_max: u64, now: Uptime) -> Report {
    let share = bytes.saturating_mul(100) / bytes_max.max(1);
    match share {
        it if it > FILLING => Report::Since(now),
        it if it < FILLING_OVER => Report::Well,
        _ => Report::Between,
    }
}

/// Kafka takes its time even when all is well: a commit may take as long as a connection lives without an answer.
const WAITING: Duration = Duration::from_secs(5);

/// What it says of the way to Kafka that something has waited for its word, unconfirmed, since then.
#[must_use]
pub fn waiting_report(since: Option<Uptime>, now: Uptime) -> Report {
    match since {
        Some(since) if now.since(since) >= WAITING => Report::Since(since),
        Some(_) | None => Report::Well,
    }
}
