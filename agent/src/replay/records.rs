//! The records of a replay, one a line: every id fixed, every number counted.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use vitals::alarm::AlarmEngine;
use vitals::alarm::event::Phase;
use vitals::alarm::policy::AlarmPolicy;
use vitals::record::alarm::{AlarmContext, AlarmRecord, WallClock};
use vitals::record::reading::Origin;

use super::REPLAY;
use super::error::ReplayError;
use super::summary::Summary;

/// What has been told so far.
pub(super) struct Records {
    origin: Origin,
    wall: Option<WallClock>,
    seq: u64,
}

impl Records {
    /// None yet; `wall` where the numbers have dates.
    pub(super) fn new(wall: Option<WallClock>) -> Self {
        Self { origin: Origin { agent: REPLAY.into(), run: REPLAY.into() }, wall, seq: 0 }
    }

    /// Another life of the process begins.
    pub(super) fn begin_run(&mut self, run: String) {
        self.origin.run = run;
        self.seq = 0;
    }

    /// Writes what the engine has said.
    pub(super) fn write(
        &mut self,
        engine: &mut AlarmEngine,
        policy: &AlarmPolicy,
        out: &mut impl Write,
        summary: &mut Summary,
    ) -> Result<(), ReplayError> {
        while let Some(event) = engine.poll_event() {
            let stored = event.phase != Phase::Continue;
            self.seq += u64::from(stored);
            let context = AlarmContext {
                newest: &BTreeMap::new(),
                evidence: None,
                origin: &self.origin,
                bed: REPLAY,
                bed_label: None,
                stay: None,
                profile: &policy.profile,
                rule_hash: &policy.hash,
                wall: self.wall,
                signalled_at: None,
            };
            let record = AlarmRecord::new(&event, stored.then_some(self.seq), &context);
            line(&record, out)?;
            summary.note(&event);
        }
        Ok(())
    }
}

/// Writes what an action was answered.
pub(super) fn answer(answer: &impl Serialize, out: &mut impl Write) -> Result<(), ReplayError> {
    line(answer, out)
}

fn line(it: &impl Serialize, out: &mut impl Write) -> Result<(), ReplayError> {
    serde_json::to_writer(&mut *out, it).map_err(|error| ReplayError::Output(error.into()))?;
    out.write_all(b"\n").map_err(ReplayError::Output)
}
