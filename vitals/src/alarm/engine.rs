//! The engine of one bed: runs what is due in the order of its deadlines, then applies what has happened (E2).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::action::{Action, Outcome, Refusal};
use super::event::{AlarmEvent, AlarmIds};
use super::policy::{AlarmPolicy, Preference, SourceSetup};
use super::snapshot::{Boot, Snapshot};
use crate::name::Name;
use crate::observation::Observation;
use crate::time::Uptime;

/// Decides the alarms of one bed.
#[derive(Debug)]
pub struct AlarmEngine {
    clock: Uptime,
    events: VecDeque<AlarmEvent>,
}

/// Why an observation is not judged: time has passed it (E5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the observation of {} ms is older than what was judged at {} ms", at.as_millis(), last.as_millis())]
pub struct OutOfOrder {
    /// When it was read.
    pub at: Uptime,
    /// The engine's time.
    pub last: Uptime,
}

/// Whether the port of a source is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortState {
    /// It is there.
    Present,
    /// It has gone: the cable or the adaptor was pulled.
    Gone,
}

impl AlarmEngine {
    /// The engine of a bed where nothing has happened yet.
    #[must_use]
    pub fn new(_policy: AlarmPolicy, _sources: Vec<SourceSetup>, _prefer: Preference, now: Uptime) -> Self {
        Self { clock: now, events: VecDeque::new() }
    }

    /// Judges an observation at the time it was read. Late ones must go to [`Self::handle_late`].
    pub fn handle_observation(
        &mut self,
        observation: &Observation,
        _ids: &mut AlarmIds,
    ) -> Result<(), OutOfOrder> {
        if observation.at < self.clock {
            return Err(OutOfOrder { at: observation.at, last: self.clock });
        }
        Ok(())
    }

    /// Late data of a source arrived: never judged; if nothing else comes, `no_data` says so.
    pub fn handle_late(&mut self, _now: Uptime, _source: &Name, _ids: &mut AlarmIds) {}

    /// A frame without numbers: the source is alive.
    pub fn handle_frame(&mut self, _now: Uptime, _source: &Name, _ids: &mut AlarmIds) {}

    /// The port of a source has gone or is there again.
    pub fn handle_port(&mut self, _now: Uptime, _source: &Name, _state: PortState, _ids: &mut AlarmIds) {}

    /// Does what an operator asks, or says why not.
    pub fn handle_action(&mut self, _now: Uptime, _action: &Action, _ids: &mut AlarmIds) -> Outcome {
        Outcome::Refused(Refusal::NoSuchAlarm)
    }

    /// Nobody was reading from `from` to `to`: no value aged and no delay ran (E6).
    pub fn handle_stall(&mut self, _from: Uptime, _to: Uptime) {}

    /// Does what was due at `poll_timeout`.
    pub fn handle_timeout(&mut self, _now: Uptime, _ids: &mut AlarmIds) {}

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Uptime> {
        None
    }

    /// The next thing an alarm has to say.
    pub fn poll_event(&mut self) -> Option<AlarmEvent> {
        self.events.pop_front()
    }

    /// Every open alarm as it stands, the most urgent first.
    pub fn open(&self) -> impl Iterator<Item = AlarmEvent> {
        core::iter::empty()
    }

    /// All that must survive the process.
    #[must_use]
    pub fn snapshot(&self, now: Uptime) -> Snapshot {
        Snapshot { at: now }
    }

    /// The engine as it was at the snapshot: each kept alarm says that it goes on (E35).
    #[must_use]
    pub fn restore(
        policy: AlarmPolicy,
        sources: Vec<SourceSetup>,
        prefer: Preference,
        _snapshot: &Snapshot,
        _boot: Boot,
        now: Uptime,
    ) -> Self {
        Self::new(policy, sources, prefer, now)
    }
}
