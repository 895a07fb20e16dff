//! Whether the wall clock was found, lost or set, told to those who write times down.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;
use vitals::time::ClockQuality;

use crate::clock::{self, Reckoning};

/// Asks the kernel every few seconds how far the wall clock can be believed, and whether it was set.
pub(super) fn watch(
    tasks: &mut JoinSet<()>,
    mut stopped: watch::Receiver<bool>,
) -> (watch::Receiver<ClockQuality>, watch::Receiver<Reckoning>) {
    let begin = clock::reckoning(ClockQuality::Unsynced);
    let (sender, receiver) = watch::channel(begin.quality);
    let (reckoning, reckonings) = watch::channel(begin);
    tasks.spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        while super::timeout_or_stop(&mut ticks, &mut stopped).await {
            let before = *reckoning.borrow();
            let now = clock::reckoning(before.quality);
            if now.differs(&before) {
                info!(boot_at = %now.boot_at, was = %before.boot_at, quality = ?now.quality, "The wall clock was set or found. Ages and alarms go by another clock; the ledger tells the correction.");
                reckoning.send_replace(now);
                sender.send_if_modified(|it| std::mem::replace(it, now.quality) != now.quality);
            }
        }
    });
    (receiver, reckonings)
}
