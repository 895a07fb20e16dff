//! Opens the store without waiting for a slow disk: what it finds too late comes after the first alarms.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tracing::warn;
use vitals::time::ClockQuality;

use super::RunError;
use crate::buffer::{self, Found, Previous};
use crate::clock;
use crate::config::Config;

/// How long the start waits for the disk: alarms are decided within two seconds of it.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The run before this one, once the disk has told.
pub(super) type PreviousRun = Arc<OnceLock<Option<Previous>>>;

/// Begins to open the store.
pub(super) fn open(
    config: &Config,
    run: &Arc<str>,
    memory_only: bool,
    quality: ClockQuality,
) -> Result<buffer::Opened, RunError> {
    buffer::open(buffer::Settings {
        dir: config.agent.state_dir.join("store"),
        agent: config.agent.id.to_string(),
        run: Arc::clone(run),
        started: clock::wall_clock(quality),
        size: config.buffer.size,
        when_full: config.buffer.when_full,
        commit_every: config.buffer.commit_every,
        links: config.mqtt.len(),
        memory_only,
    })
    .map_err(RunError::Store)
}

/// Waits a moment for what the disk has; gives the engines' state if it came in time.
pub(super) fn learn(found: Receiver<Found>, previous: &PreviousRun) -> Result<Option<Arc<[u8]>>, RunError> {
    match found.recv_timeout(WAIT_MAX) {
        Ok(found) => Ok(take(found, previous)),
        Err(RecvTimeoutError::Disconnected) => Err(RunError::Ended("the opening of the store")),
        Err(RecvTimeoutError::Timeout) => {
            warn!(
                "The disk is slow: the store is still being opened. Alarms are decided meanwhile, on what the run directory remembers of them; readings wait in memory."
            );
            let previous = Arc::clone(previous);
            let late = move || {
                if let Ok(found) = found.recv() {
                    take(found, &previous);
                }
            };
            let spawned = thread::Builder::new().name("store-found".into()).spawn(late);
            spawned.map_err(|source| RunError::System { what: "the wait for the disk", source })?;
            Ok(None)
        }
    }
}

fn take(found: Found, previous: &PreviousRun) -> Option<Arc<[u8]>> {
    for remark in &found.remarks {
        warn!(%remark, "The store was not as it was left.");
    }
    // It is set here and nowhere else.
    let _ = previous.set(found.previous);
    found.state
}
