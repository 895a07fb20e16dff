//! What the forwarder writes into the ledger by itself: which runs began, how the
//! clocks stand, what Kafka would not take, and what another cluster has.

use vitals::record::ledger::{Clock, Gap, GapReason, LEDGER, Lane, Run};
use vitals::time::ClockQuality;

use super::Settings;
use crate::buffer::{Began, Chunk, Previous};
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

/// That Kafka refuses a record of a lane for ever.
pub(super) fn refused(settings: &Settings, lane: Lane, position: &Position) -> Gap {
    gap(settings, lane, &position.run, (position.seq, position.seq), GapReason::Refused)
}

/// What a new cluster will never get, because the one before has it: all readings before this chunk, and behind what it
/// got in an earlier stay.
pub(super) fn left_behind(settings: &Settings, stay: Option<&Position>, next: &Chunk) -> Vec<Gap> {
    let past = settings.past.get().cloned().unwrap_or_default();
    let of_past = |before: &Previous| (before.run.to_string(), before.last_reading);
    let told = past.runs.iter().filter_map(|it| it.previous.as_ref()).map(of_past);
    let mut ended: Vec<(String, u64)> = told.chain(past.previous.as_ref().map(of_past)).collect();
    // Of the run that begins here, and those after it, the cluster gets what there is.
    ended.truncate(ended.iter().position(|(it, _)| *it == *next.run).unwrap_or(ended.len()));
    ended.push((next.run.to_string(), next.first.saturating_sub(1)));
    let begin = stay.and_then(|stay| ended.iter().position(|(it, _)| *it == *stay.run)).unwrap_or(0);
    let first = |run: &str| stay.filter(|it| *it.run == *run).map_or(1, |it| it.seq + 1);
    let of_run = |(run, last): &(String, u64)| {
        let first = first(run);
        (first <= *last).then(|| gap(settings, Lane::Readings, run, (first, *last), GapReason::OtherCluster))
    };
    ended[begin..].iter().filter_map(of_run).collect()
}

fn gap(settings: &Settings, lane: Lane, run: &str, (first, last): (u64, u64), reason: GapReason) -> Gap {
    Gap {
        schema: LEDGER.into(),
        agent: settings.agent.clone(),
        run: run.to_owned(),
        lane,
        first_seq: first,
        last_seq: last,
        count: last + 1 - first,
        from_up_ms: None,
        to_up_ms: None,
        reason,
        sources: Vec::new(),
    }
}
