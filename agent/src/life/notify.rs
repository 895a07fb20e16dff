//! What systemd hears: ready, how it goes, and that the bedside loop still turns.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::bedside::BedsideStatus;
use crate::config::Config;

/// The watchdog is fed this often, and only when the bedside loop has turned since: it is a stuck loop, not a stuck
/// process, that must be restarted. The unit allows 10 s.
const FEED_EVERY: Duration = Duration::from_secs(2);

/// The agent watches its beds.
pub(super) fn ready(config: &Config) {
    let status = format!("Watching {} beds", config.beds.len());
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// The agent is about to end.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Feeds the watchdog by the progress of the bedside loop until the agent stops.
pub(super) async fn feed(mut status: watch::Receiver<BedsideStatus>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(FEED_EVERY);
    let mut turns = 0;
    while super::timeout_or_stop(&mut ticks, &mut stopped).await {
        let now = status.borrow_and_update().clone();
        if now.turns == turns {
            continue;
        }
        turns = now.turns;
        let [low, medium, high] = now.alarms;
        let words = format!("{} beds; alarms: {high} high, {medium} medium, {low} low", now.beds);
        tell(&[NotifyState::Watchdog, NotifyState::Status(&words)]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(false, states);
}
