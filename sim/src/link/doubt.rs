//! What behind damage may not be read: for seconds a reader looks for its place, and it may take one whole message.

/// Behind damage a reader may need so long to find its place, ms.
const FINDS_ITS_PLACE_MS: u64 = 3000;

/// The damage on a way, as far as it still matters.
#[derive(Debug, Clone, Default)]
pub(super) struct Doubt {
    /// When it was done last, ms.
    at_ms: Option<u64>,
    /// The same, until a whole message has come behind it.
    before_next_ms: Option<u64>,
}

impl Doubt {
    /// Something is damaged.
    pub(super) fn begin(&mut self, at_ms: u64) {
        (self.at_ms, self.before_next_ms) = (Some(at_ms), Some(at_ms));
    }

    /// Whether a part of the message that began at `first_ms` may not be read; `ends` with its last part.
    pub(super) fn is_about(&mut self, first_ms: u64, ends: bool) -> bool {
        let soon = self.at_ms.is_some_and(|it| it + FINDS_ITS_PLACE_MS >= first_ms);
        let next = self.before_next_ms.is_some();
        if ends && self.before_next_ms.is_some_and(|it| it < first_ms) {
            self.before_next_ms = None;
        }
        soon || next
    }

    /// Whether there was none yet.
    pub(super) const fn is_none(&self) -> bool {
        self.at_ms.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_lasts_for_seconds_and_over_the_next_message_however_late() {
        let mut doubt = Doubt::default();
        assert!(doubt.is_none() && !doubt.is_about(900, true));
        doubt.begin(1000);
        // Its own message, in two parts, and what comes within three seconds.
        assert!(doubt.is_about(900, false) && doubt.is_about(900, true));
        assert!([1500, 3900, 4000].into_iter().all(|it| doubt.is_about(it, true)));
        assert!(!doubt.is_about(4001, true));
        doubt.begin(10_000);
        assert!(doubt.is_about(10_000, true) && doubt.is_about(40_000, true), "the next");
        assert!(!doubt.is_about(70_000, true));
    }
}
