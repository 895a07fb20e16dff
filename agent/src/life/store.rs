//! Opens the store without waiting for a slow disk: what it finds too late comes after the first alarms.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tracing::warn;
use vitals::time::ClockQuality;

use super::RunError;
use crate::buffer::{self, EngineState, Found, Past, Remark};
use crate::clock;
use crate::config::Config;
use crate::source::identity;
use crate::source::mqtt::Stored;

/// How long the start waits for the disk where the run directory remembers the alarms of this boot: alarms are decided within
/// two seconds of it.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// How long it waits after a loss of power, when the disk alone knows who lies where, and what operators did. The machine has
/// taken longer than that to start.
const WAIT_ALONE_MAX: Duration = Duration::from_secs(5);

/// What the disk tells once, early or late.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// What came before this run.
    pub(super) past: Arc<OnceLock<Past>>,
    /// What a broker may send again.
    pub(super) stored: Stored,
    /// Whether the store as a whole was set aside.
    pub(super) replaced: Arc<OnceLock<bool>>,
}

/// Begins to open the store.
pub(super) fn open(
    config: &Config,
    run: &Arc<str>,
    memory_only: bool,
    quality: ClockQuality,
) -> Result<buffer::Opened, RunError> {
    buffer::open(buffer::Settings {
        dir: config.agent.store_dir(),
        run_dir: Some(config.agent.run_dir.clone()),
        agent: config.agent.id.to_string(),
        run: Arc::clone(run),
        started: clock::wall_clock(quality),
        size: config.buffer.size,
        when_full: config.buffer.when_full,
        commit_every: config.buffer.commit_every,
        links: config.mqtt.len(),
        memory_only,
        identify: identity::of_body,
    })
    .map_err(RunError::Store)
}

/// Waits a moment for what the disk has, longer where it is `alone` in remembering; gives the engines' state if it came in time.
pub(super) fn learn(found: Receiver<Found>, alone: bool) -> Result<(Told, Option<EngineState>), RunError> {
    let told = Told::default();
    match found.recv_timeout(if alone { WAIT_ALONE_MAX } else { WAIT_MAX }) {
        Ok(found) => {
            let state = take(found, &told);
            Ok((told, state))
        }
        Err(RecvTimeoutError::Disconnected) => Err(RunError::Ended("the opening of the store")),
        Err(RecvTimeoutError::Timeout) => {
            warn!(
                "The disk is slow: the store is still being opened. Alarms are decided meanwhile, on what the run directory remembers of them; readings wait in memory."
            );
            let late_told = told.clone();
            let late = move || {
                let state = found.recv().ok().and_then(|it| take(it, &late_told));
                if alone && state.is_some() {
                    warn!(
                        "What the disk remembers came too late and is not in force: look at the stays, pauses and limits of the beds."
                    );
                }
            };
            let spawned = thread::Builder::new().name("store-found".into()).spawn(late);
            spawned.map_err(|source| RunError::System { what: "the wait for the disk", source })?;
            Ok((told, None))
        }
    }
}

fn take(found: Found, told: &Told) -> Option<EngineState> {
    for remark in &found.remarks {
        warn!(%remark, "The store was not as it was left.");
    }
    // They are set here and nowhere else.
    let _ = told.stored.set(found.stored);
    let is_whole = |it: &Remark| matches!(it, Remark::Replaced { .. });
    let _ = told.replaced.set(found.remarks.iter().any(is_whole));
    let _ = told.past.set(found.past);
    found.state
}
