//! What the forwarder writes into the ledger by itself: which runs began, how the
//! clocks stand, and what Kafka would not take.

use vitals::record::ledger::{Clock, Gap, GapReason, LEDGER, Lane, Run};
use vitals::time::ClockQuality;

use super::Settings;
use crate::buffer::Began;
use crate::clock::{self, Reckoning};
use crate::envelope::Position;

/// The lines of the runs that the ledger does not know yet, oldest first; `told` is the last it knows.
pub(super) fn runs(settings: &Settings, told: Option<&str>) -> Vec<Run> {
    let past = settings.past.get().cloned().unwrap_or_default();
    let this = Began {
        run: settings.run.clone(),
        started_at: clock::timestamp(),
        clock: clock::quality(ClockQuality::Unsynced),
        previous: past.previous.clone(),
    };
    past.untold(told).iter().chain([&this]).map(|it| run(settings, it)).collect()
}

fn run(settings: &Settings, began: &Began) -> Run {
    let previous = began.previous.as_ref();
    Run {
        schema: LEDGER.into(),
        agent: settings.agent.clone(),
        run: began.run.to_string(),
        previous: previous.map(|it| it.run.to_string()),
        previous_last_reading: previous.map(|it| it.last_reading),
        previous_last_alarm: previous.map(|it| it.last_alarm),
        started_at: began.started_at,
        clock: began.clock,
    }
}

/// How the boot-time clock and the wall clock stand to each other.
pub(super) fn clock(settings: &Settings, reckoning: Reckoning) -> Clock {
    Clock {
        schema: LEDGER.into(),
        agent: settings.agent.clone(),
        run: settings.run.to_string(),
        up_ms: clock::uptime(),
        boot_at: reckoning.boot_at,
        clock: reckoning.quality,
    }
}

/// That Kafka refuses a reading for ever.
pub(super) fn refused(settings: &Settings, position: &Position) -> Gap {
    Gap {
        schema: LEDGER.into(),
        agent: settings.agent.clone(),
        run: position.run.to_string(),
        lane: Lane::Readings,
        first_seq: position.seq,
        last_seq: position.seq,
        count: 1,
        from_up_ms: None,
        to_up_ms: None,
        reason: GapReason::Refused,
        sources: Vec::new(),
    }
}
