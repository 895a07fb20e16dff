//! The fence: how a link knows that everything the broker had kept for it has come.
//!
//! On a connection whose session the broker had kept, the agent sends a QoS 1 marker to a topic of its own; the
//! broker queues it behind the backlog. What arrives before the marker is history, not a patient.

use std::time::Duration;

use vitals::time::Uptime;

/// A marker that has not come back after this is sent again, and said to be missing.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the backlog of the present connection has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fence {
    /// There was none, or it has come.
    Passed,
    /// This marker is awaited.
    Awaited {
        /// What was sent.
        marker: String,
        /// When it is due to be sent again.
        again: Uptime,
    },
}

impl Fence {
    /// The fence of a new connection: awaited where the broker had kept the session.
    pub(super) fn new(session_present: bool, run: &str, generation: u64, now: Uptime) -> Self {
        if session_present {
            Self::Awaited { marker: format!("{run}/{generation}"), again: now + PATIENCE }
        } else {
            Self::Passed
        }
    }

    /// Takes a message of the fence's topic; markers of earlier connections are part of the backlog.
    pub(super) fn handle_marker(&mut self, payload: &[u8]) {
        if matches!(self, Self::Awaited { marker, .. } if marker.as_bytes() == payload) {
            *self = Self::Passed;
        }
    }

    /// The marker to send again, if it is overdue.
    pub(super) fn poll_marker(&mut self, now: Uptime) -> Option<String> {
        match self {
            Self::Awaited { marker, again } if *again <= now => {
                *again = now + PATIENCE;
                Some(marker.clone())
            }
            Self::Awaited { .. } | Self::Passed => None,
        }
    }

    /// Whether what arrives now is history.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Self::Awaited { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marker_of_this_connection_passes_it() {
        let now = Uptime::from_millis(1000);
        let mut fence = Fence::new(true, "run", 2, now);
        fence.handle_marker(b"run/1");
        fence.handle_marker(b"other/2");
        assert!(fence.is_awaited());
        fence.handle_marker(b"run/2");
        assert_eq!(fence, Fence::Passed);
    }

    #[test]
    fn a_lost_marker_is_sent_again_and_a_new_session_needs_none() {
        let now = Uptime::from_millis(1000);
        let mut fence = Fence::new(true, "run", 1, now);
        assert_eq!(fence.poll_marker(now), None);
        assert_eq!(fence.poll_marker(now + PATIENCE), Some("run/1".into()));
        assert_eq!(fence.poll_marker(now + PATIENCE), None);
        assert!(!Fence::new(false, "run", 1, now).is_awaited());
    }
}
