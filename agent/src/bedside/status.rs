//! How the bedside loop is: what the heartbeat, the watchdog and `status` are fed with.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals::alarm::event::Priority;
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::alarm::{AlarmRecord, WallClock};
use vitals::record::reading::Origin;
use vitals::record::state::{STATUS, StatusRecord};
use vitals::time::{Uptime, millis};

use super::bed::BedState;
use super::own::OwnAlarms;
use super::test_alarm::TestStatus;
use crate::buffer::Progress;
use crate::forwarder::{StateTopic, StateUpdate};

/// The loop's own account of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BedsideStatus {
    /// Turns of the loop since it began.
    pub turns: u64,
    /// When it last said so, on the boot-time clock.
    pub at: Uptime,
    /// The last number given to a reading.
    pub reading_seq: u64,
    /// The last number given to an alarm record.
    pub alarm_seq: u64,
    /// Beds under watch.
    pub beds: usize,
    /// The hash of the rule set that they follow.
    pub rule_hash: Option<String>,
    /// Open alarms by priority: low, medium, high.
    pub alarms: [usize; 3],
    /// The agent's own, in the same order.
    pub own_alarms: [usize; 3],
    /// How long the store takes readings if Kafka takes none from now on; `None`: not measured yet.
    pub outage: Option<Duration>,
    /// Every open alarm, the most urgent first, and of equals the oldest; the agent's own among them.
    pub open: Vec<Arc<AlarmRecord>>,
    /// The newest test alarm.
    pub test: Option<TestStatus>,
}

pub(super) fn of(
    (turns, reading_seq, alarm_seq): (u64, u64, u64),
    beds: &BTreeMap<Arc<Name>, BedState>,
    own: &OwnAlarms,
    test: Option<TestStatus>,
    outage: Option<Duration>,
    at: Uptime,
) -> BedsideStatus {
    let mut open: Vec<_> = beds.values().flat_map(BedState::open_alarms).collect();
    let alarms = by_priority(&open);
    let own_open = own.open_alarms();
    let own_alarms = by_priority(&own_open);
    open.extend(own_open);
    open.sort_by_key(|it| (it.test, Reverse(it.priority), Reverse(age(it, at))));
    // One file has the rules of all.
    let rule_hash = beds.values().next().map(|it| it.rule_hash().into());
    let beds = beds.len();
    BedsideStatus {
        turns,
        at,
        reading_seq,
        alarm_seq,
        beds,
        rule_hash,
        alarms,
        own_alarms,
        outage,
        open,
        test,
    }
}

/// How long ago it was decided.
fn age(alarm: &AlarmRecord, now: Uptime) -> u64 {
    millis(now.since(alarm.up_ms)).saturating_add(alarm.present_ms)
}

/// Test alarms are none.
fn by_priority(alarms: &[Arc<AlarmRecord>]) -> [usize; 3] {
    let mut count = [0; 3];
    for alarm in alarms.iter().filter(|it| !it.test) {
        match alarm.priority {
            Priority::Low => count[0] += 1,
            Priority::Medium => count[1] += 1,
            Priority::High => count[2] += 1,
        }
    }
    count
}

/// The heartbeat: how the agent is, each second, from the loop itself, so that a loop that stands still has none.
pub(super) fn heartbeat(
    origin: &Origin,
    status: &BedsideStatus,
    store: &Progress,
    bytes_max: u64,
    wall: WallClock,
    mode: Mode,
) -> Option<StateUpdate> {
    let record = StatusRecord {
        schema: STATUS.into(),
        agent: origin.agent.clone(),
        run: origin.run.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        up_ms: status.at,
        at: wall.at,
        clock: wall.quality,
        rule_hash: status.rule_hash.clone(),
        turns: status.turns,
        beds: u32::try_from(status.beds).unwrap_or(u32::MAX),
        alarms: u32::try_from(status.alarms.iter().chain(&status.own_alarms).sum::<usize>())
            .unwrap_or(u32::MAX),
        accepted: status.reading_seq,
        buffered: store.readings.buffered_records + store.alarms.buffered_records,
        buffer_bytes: store.bytes_on_disk,
        buffer_bytes_max: bytes_max,
        store: store.state.name().into(),
        reading_seq: status.reading_seq,
        alarm_seq: status.alarm_seq,
    };
    let body = serde_json::to_vec(&record).ok()?;
    Some(StateUpdate {
        about: None,
        topic: StateTopic::Status,
        mode,
        key: origin.agent.as_str().into(),
        body: body.into(),
    })
}
