//! Other rules of alarms while the agent watches: read when systemd or a person says so (SIGHUP), and followed only if
//! there is no mistake in them.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::{error, info, warn};

use crate::clock;
use crate::config::again::Again;
use crate::config::load::{LoadError, warn_of};
use crate::metrics::Metrics;
use crate::source::SourceInput;

/// Whoever asks more often is answered once for all.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Reads the clinician's file again.
pub(super) struct Reload {
    again: Again,
    inbox: mpsc::Sender<SourceInput>,
    metrics: Metrics,
    /// Somebody has asked for it since the last time.
    asked: bool,
    not_before: Instant,
}

impl Reload {
    pub(super) fn new(again: Again, inbox: mpsc::Sender<SourceInput>, metrics: Metrics) -> Self {
        Self { again, inbox, metrics, asked: false, not_before: clock::instant() }
    }

    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// Until it is to be done.
    pub(super) async fn due(&self) {
        if self.asked {
            sleep(self.not_before.saturating_duration_since(clock::instant())).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    pub(super) async fn run(&mut self) {
        (self.asked, self.not_before) = (false, clock::instant() + AT_MOST_EVERY);
        if self.again.is_other_file() {
            warn!(
                "wardline.toml has changed since the start. Only alarms.toml is read again; restart the agent for the rest."
            );
        }
        let loaded = match self.again.load() {
            Ok(loaded) => loaded,
            Err(error) => return self.refuse(&error),
        };
        warn_of(&loaded.warnings);
        let beds = loaded.config.beds.len();
        let policies = loaded.config.beds.into_iter().map(|it| (it.id, it.policy)).collect();
        // Whoever is gone needs no rules.
        let _ = self.inbox.send(SourceInput::Rules { policies, at: clock::uptime() }).await;
        self.metrics.note_reload(true);
        info!(beds, "The rules of alarms were read again and are in force.");
    }

    fn refuse(&self, error: &LoadError) {
        self.metrics.note_reload(false);
        error!(
            %error,
            "The rules of alarms stay as they were: what was read again cannot be used. Correct it and reload, before the next start needs it."
        );
    }
}
