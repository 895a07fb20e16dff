//! Without a store the agent asks now and then whether the disk takes one again, and begins anew when it does.

use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::info;

use crate::bedside::BedsideStatus;
use crate::buffer::{self, StoreState};
use crate::clock;
use crate::config::Config;

/// How often the disk is asked: normal again within half a minute of its return.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// A disk that has failed twice, and not only been full, is not trusted for so long.
const DISTRUST: Duration = Duration::from_secs(600);

/// A new beginning takes two seconds in which nothing is measured: it waits so long for a moment without a medium or
/// high alarm. A ward may have none for hours, and without a store readings are lost when Kafka is away.
const PATIENCE: Duration = Duration::from_secs(600);

/// Returns when a store can be opened where there was none; never, while there is one.
pub(super) async fn wait(
    config: &Config,
    failed: bool,
    store: watch::Receiver<buffer::Progress>,
    status: watch::Receiver<BedsideStatus>,
) {
    let (dir, size) = (config.agent.store_dir(), config.buffer.size);
    let begin = clock::instant();
    let mut usable_since = None;
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        let is_trusted = !failed || begin.elapsed() >= DISTRUST;
        if store.borrow().state != StoreState::Memory || !is_trusted || !ask(&dir, size).await {
            usable_since = None;
            continue;
        }
        let since = *usable_since.get_or_insert_with(clock::instant);
        let [_, medium, high] = status.borrow().alarms;
        if medium + high == 0 || since.elapsed() >= PATIENCE {
            info!("The disk takes a store again: the agent begins anew with it.");
            return;
        }
    }
}

/// Asks a disk that may hang, from a thread that may.
async fn ask(dir: &Path, size: u64) -> bool {
    let dir = dir.to_owned();
    spawn_blocking(move || buffer::can_open(&dir, size)).await.unwrap_or(false)
}
