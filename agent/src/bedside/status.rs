//! How the bedside loop is: what the heartbeat, the watchdog and `status` are fed with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals::alarm::event::Priority;
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::alarm::{AlarmRecord, WallClock};
use vitals::record::reading::Origin;
use vitals::record::state::{STATUS, StatusRecord};
use vitals::time::Uptime;

use super::bed::BedState;
use super::own::OwnAlarms;
use crate::buffer::Progress;
use crate::forwarder::{StateTopic, StateUpdate};

/// The loop's own account of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// Open alarms by priority: low, medium, high.
    pub alarms: [usize; 3],
    /// The agent's own, in the same order.
    pub own_alarms: [usize; 3],
    /// How long the store takes readings if Kafka takes none from now on; `None`: not measured yet.
    pub outage: Option<Duration>,
}

pub(super) fn of(
    turns: u64,
    reading_seq: u64,
    alarm_seq: u64,
    beds: &BTreeMap<Arc<Name>, BedState>,
    own: &OwnAlarms,
    outage: Option<Duration>,
    at: Uptime,
) -> BedsideStatus {
    let alarms = by_priority(beds.values().flat_map(BedState::open_alarms));
    let own_alarms = by_priority(own.open_alarms());
    BedsideStatus { turns, at, reading_seq, alarm_seq, beds: beds.len(), alarms, own_alarms, outage }
}

fn by_priority(alarms: impl IntoIterator<Item = Arc<AlarmRecord>>) -> [usize; 3] {
    let mut count = [0; 3];
    for alarm in alarms {
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
