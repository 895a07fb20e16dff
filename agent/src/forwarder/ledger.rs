//! What the forwarder writes into the ledger by itself: that a run began, and what Kafka would not take.

use vitals::record::ledger::{Gap, GapReason, LEDGER, Lane, Run};
use vitals::time::ClockQuality;

use super::Settings;
use crate::clock;
use crate::envelope::Position;

/// That this run has begun, and what came before it.
pub(super) fn began(settings: &Settings) -> Run {
    let previous = settings.previous.get().and_then(Option::as_ref);
    Run {
        schema: LEDGER.into(),
        agent: settings.agent.clone(),
        run: settings.run.to_string(),
        previous: previous.map(|it| it.run.to_string()),
        previous_last_reading: previous.map(|it| it.last_reading),
        previous_last_alarm: previous.map(|it| it.last_alarm),
        started_at: clock::timestamp(),
        clock: clock::quality(ClockQuality::Unsynced),
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
