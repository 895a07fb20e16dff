//! The end of the agent: what brings it, and what each part may still do.

use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::RunError;
use super::notify;
use super::reload::Reload;
use super::store_failure::StoreFailure;
use crate::bedside::BedsideStatus;
use crate::buffer::{self, StoreState};
use crate::forwarder;

/// What the agent hears from whoever manages it, from its first moment on.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, RunError> {
        let listen =
            |kind| signal(kind).map_err(|source| RunError::System { what: "to listen to signals", source });
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Until it is told to stop.
    async fn stop(&mut self, reload: &mut Reload) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => break info!("Told to stop."),
                _ = self.interrupt.recv() => break info!("Interrupted."),
                _ = self.hang_up.recv() => reload.ask(),
                () = reload.due() => reload.run().await,
            }
        }
    }
}

/// Waits until somebody stops the agent (`Ok`), or it cannot go on.
pub(super) async fn wait(
    mut signals: Signals,
    // Gone with this: while somebody may send it rules, the bedside loop does not end.
    mut reload: Reload,
    tasks: &mut JoinSet<()>,
    mut status: watch::Receiver<BedsideStatus>,
    mut store: watch::Receiver<buffer::Progress>,
    failure: StoreFailure,
    returned: impl Future<Output = ()>,
) -> Result<(), RunError> {
    // A sender that is gone says that its part has ended; the loop's panics are on stderr by then.
    let bedside_ended = async { while status.changed().await.is_ok() {} };
    let store_failed = store.wait_for(|it| matches!(it.state, StoreState::Failed { .. }));
    tokio::select! {
        () = signals.stop(&mut reload) => {}
        () = returned => {
            failure.forget();
            return Err(RunError::StoreReturned);
        }
        () = bedside_ended => return Err(RunError::Ended("the bedside loop")),
        Some(ended) = tasks.join_next() => {
            if let Err(error) = ended {
                error!(%error, "A part of the agent has panicked.");
            }
            return Err(RunError::Ended("a task"));
        }
        progress = store_failed => {
            if let Ok(progress) = progress {
                failure.note(matches!(progress.state, StoreState::Failed { full: true, .. }));
                return Err(RunError::StoreFailed);
            }
            return Err(RunError::Ended("the store"));
        }
    }
    Ok(())
}

/// Downstream, each part within the time that is left.
pub(super) async fn drain(
    mut tasks: JoinSet<()>,
    bedside: thread::JoinHandle<()>,
    forwarder: forwarder::Handle,
    keeper: thread::JoinHandle<()>,
    why: &Result<(), RunError>,
    grace: Duration,
) {
    notify::stopping();
    // What the store did not take it will not take now; every second here is one without alarms.
    let grace = (!matches!(why, Err(RunError::StoreFailed))).then_some(grace);
    let orderly = tokio::task::spawn_blocking(move || {
        let _ = bedside.join();
        let _ = keeper.join();
        forwarder.stop(grace.unwrap_or_default());
    });
    let rest = async {
        let _ = orderly.await;
        while tasks.join_next().await.is_some() {}
    };
    // The bedside loop and the store need a moment of their own besides what the forwarder may take.
    let most = grace.map_or(IN_HASTE, |it| it + DRAIN_MARGIN);
    if timeout(most, rest).await.is_err() && grace.is_some() {
        warn!("Not everything ended in time; what is on the disk is sent after the next start.");
    }
}

/// What an end without a store may take: the bedside loop's last word to the run directory.
const IN_HASTE: Duration = Duration::from_millis(500);

/// What the parts before the forwarder may take at the end.
const DRAIN_MARGIN: Duration = Duration::from_secs(6);
