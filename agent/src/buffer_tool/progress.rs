//! How far long work has come, on a terminal: share, rate, and what is left.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::buffer::inspect::Share;
use crate::clock;

/// Short work is over before a word of it could be read.
const AFTER: Duration = Duration::from_millis(700);
/// Seldom enough for a line of 9600 baud.
const EVERY: Duration = Duration::from_millis(250);

/// Says how far work has come, if somebody looks at standard error.
#[derive(Debug)]
pub struct Progress {
    wanted: bool,
    begin: Instant,
    said: Option<Instant>,
}

impl Progress {
    /// On standard error, if that is a terminal and standard output is none: records on the same screen say enough.
    #[must_use]
    pub fn on_terminal() -> Self {
        let wanted = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        Self { wanted, begin: clock::instant(), said: None }
    }

    /// So much is done.
    pub(super) fn note(&mut self, share: Share) {
        let long = self.begin.elapsed() >= AFTER;
        let due = self.said.is_none_or(|it| it.elapsed() >= EVERY);
        if self.wanted && long && due {
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", line(share, self.begin.elapsed()));
            self.said = Some(clock::instant());
        }
    }

    /// Takes the line away, for what is said instead.
    pub(crate) fn clear(&mut self) {
        if self.said.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(share: Share, took: Duration) -> String {
    let Share { done, total } = share;
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = done.saturating_mul(1000) / millis;
    let percent = done.saturating_mul(100) / total.max(1);
    let left = total.saturating_sub(done) / rate.max(1);
    format!("{percent:3} %, {} of {}, {}/s, {left} s left", size(done), size(total), size(rate))
}

/// Bytes as a person reads them.
pub(super) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", tenths(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_shares_are_read_at_a_glance() {
        assert_eq!([size(999), size(1_650_000), size(2 << 30)], ["999 B", "1.6 MB", "2.1 GB"]);
        let share = Share { done: 50_000_000, total: 200_000_000 };
        assert_eq!(line(share, Duration::from_secs(5)), " 25 %, 50.0 MB of 200.0 MB, 10.0 MB/s, 15 s left");
        assert!(line(Share { done: 0, total: 0 }, Duration::ZERO).contains("0 %"));
    }
}
