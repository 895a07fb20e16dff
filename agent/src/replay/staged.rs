//! A script played on one engine: inputs in, records and answers out.

use std::io::Write;
use std::sync::Arc;

use serde::Serialize;
use vitals::alarm::AlarmEngine;
use vitals::alarm::action::{Outcome, Refusal};
use vitals::alarm::event::AlarmIds;
use vitals::alarm::policy::AlarmPolicy;
use vitals::name::Name;
use vitals::observation::Observation;
use vitals::reading::{Mode, Reading};
use vitals::time::{ClockQuality, Timestamp, Uptime};

use super::error::ReplayError;
use super::records::{self, Records};
use super::script::{Input, Script};
use super::summary::Summary;
use super::{REPLAY, Rules};

/// What an action was answered.
#[derive(Serialize)]
struct Answer<'a> {
    of: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Refusal>,
}

/// One bed on which a script is played.
struct Staged<'a> {
    rules: &'a Rules,
    script: &'a Script,
    policy: AlarmPolicy,
    engine: AlarmEngine,
    ids: AlarmIds,
    /// Lives of the process so far.
    lives: u32,
}

/// Plays a script and writes what is said.
pub(super) fn play(
    rules: &Rules,
    policy: AlarmPolicy,
    script: &Script,
    records: &mut Records,
    (out, summary): (&mut impl Write, &mut Summary),
) -> Result<(), ReplayError> {
    let (sources, prefer) = (script.sources.clone(), script.prefer.clone());
    let engine = AlarmEngine::new(policy.clone(), sources, prefer, script.start).of_stay(script.stay.clone());
    let ids = AlarmIds::new(REPLAY.into());
    let mut it = Staged { rules, script, policy, engine, ids, lives: 1 };
    for (at, input) in &script.inputs {
        let answer = it.take(*at, input, records, (&mut *out, &mut *summary))?;
        records.write(&mut it.engine, &it.policy, &mut *out, summary)?;
        if let Some(answer) = answer {
            records::answer(&answer, &mut *out)?;
        }
    }
    Ok(())
}

impl<'a> Staged<'a> {
    fn take(
        &mut self,
        at: Uptime,
        input: &'a Input,
        records: &mut Records,
        (out, summary): (&mut impl Write, &mut Summary),
    ) -> Result<Option<Answer<'a>>, ReplayError> {
        let (engine, ids) = (&mut self.engine, &mut self.ids);
        match input {
            Input::Observation(source, reading) => {
                // No input is before the one above it.
                let _ = engine.handle_observation(&observation(at, source, reading), ids);
            }
            Input::Frame(source) => engine.handle_frame(at, source, ids),
            Input::Late(source) => engine.handle_late(at, source, ids),
            Input::Device(source) => engine.handle_device(at, source, ids),
            Input::Port(source, state, cause) => {
                engine.handle_port(at, source, (*state, cause.as_deref()), ids);
            }
            Input::Flag(source, flag, on) => engine.handle_flag(at, source, *flag, *on, ids),
            Input::Stall(to) => engine.handle_stall(at, *to),
            Input::Profile(profile) => {
                self.policy = self.rules.policy(profile)?;
                engine.handle_policy(at, self.policy.clone(), ids);
            }
            Input::Restart(boot, up) => {
                engine.handle_timeout(at, ids);
                records.write(&mut self.engine, &self.policy, out, summary)?;
                let kept = self.engine.snapshot(at);
                let (sources, prefer) = (self.script.sources.clone(), self.script.prefer.clone());
                self.engine = AlarmEngine::restore(self.policy.clone(), sources, prefer, &kept, *boot, *up);
                self.lives += 1;
                let run = format!("{REPLAY}{}", self.lives);
                self.ids = AlarmIds::new(run.as_str().into());
                records.begin_run(run);
                self.engine.handle_timeout(*up, &mut self.ids);
            }
            Input::Action(action) => {
                let (outcome, reason) = match engine.handle_action(at, action, ids) {
                    Outcome::Accepted => ("accepted", None),
                    Outcome::Refused(reason) => ("refused", Some(reason)),
                    Outcome::Duplicate(reason) => ("duplicate", reason),
                };
                return Ok(Some(Answer { of: &action.id, outcome, reason }));
            }
            Input::Nothing => engine.handle_timeout(at, ids),
        }
        Ok(None)
    }
}

fn observation(at: Uptime, source: &Arc<Name>, reading: &Reading) -> Observation {
    Observation {
        bed: Arc::clone(source),
        source: Arc::clone(source),
        reading: reading.clone(),
        at,
        received_at: Timestamp::EPOCH,
        clock: ClockQuality::Unsynced,
        mode: Mode::Replay,
        late: None,
        redelivered: false,
    }
}
