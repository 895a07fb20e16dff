//! Whether a link is there. A lost connection stays untold for as long as a broker takes to be started again: then every
//! source behind the link is told to have lost its port (E30).

use std::time::Duration;

use vitals::alarm::engine::PortState;
use vitals::time::Uptime;

/// How long a link may be away without a word. No source that speaks at its period is silent sooner: T is 5 s or three
/// periods, of which the last before the loss may have taken one. So it has one alarm and not two.
pub(super) const UNTOLD_MAX: Duration = Duration::from_secs(3);

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// It is connected, and the broker knows what is wanted of it.
    There,
    /// It is not, since then.
    Away(Uptime),
    /// Its sources have been told so.
    Gone,
}

impl Link {
    /// The broker has taken the subscriptions; what its sources must be told.
    pub(super) fn handle_subscribed(&mut self) -> Option<PortState> {
        let before = std::mem::replace(self, Self::There);
        (before == Self::Gone).then_some(PortState::Present)
    }

    /// The connection is lost, or cannot be made.
    pub(super) fn handle_lost(&mut self, now: Uptime) {
        if *self == Self::There {
            *self = Self::Away(now);
        }
    }

    /// When to look again.
    pub(super) fn poll_timeout(self) -> Option<Uptime> {
        match self {
            Self::Away(since) => Some(since + UNTOLD_MAX),
            Self::There | Self::Gone => None,
        }
    }

    /// What its sources must be told by now.
    pub(super) fn handle_timeout(&mut self, now: Uptime) -> Option<PortState> {
        let due = self.poll_timeout().is_some_and(|at| at <= now);
        due.then(|| {
            *self = Self::Gone;
            PortState::Gone
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Uptime {
        Uptime::from_millis(millis)
    }

    #[test]
    fn a_link_that_is_back_in_time_says_nothing() {
        let mut link = Link::There;
        link.handle_lost(at(1000));
        assert_eq!(link.handle_timeout(at(3999)), None);
        assert_eq!(link.handle_subscribed(), None);
        assert_eq!((link.poll_timeout(), link.handle_timeout(at(9000))), (None, None));
    }

    #[test]
    fn each_loss_is_told_once_however_often_it_is_tried_again() {
        // It was never there.
        let mut link = Link::Away(at(0));
        for _ in 0..2 {
            let Link::Away(since) = link else { panic!("{link:?}") };
            link.handle_lost(since + Duration::from_secs(2));
            let due = since + UNTOLD_MAX;
            assert_eq!(link.poll_timeout(), Some(due));
            assert_eq!(link.handle_timeout(due), Some(PortState::Gone));
            link.handle_lost(due);
            assert_eq!((link.poll_timeout(), link.handle_timeout(due)), (None, None));
            assert_eq!(link.handle_subscribed(), Some(PortState::Present));
            link.handle_lost(at(60_000));
        }
    }
}
