//! Says a trouble once and then seldom: librdkafka tells of one dead broker 250 times in 30 seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals::time::Uptime;

/// How long a trouble that has been said is not said again.
pub const QUIET: Duration = Duration::from_secs(60);

/// What has been said lately, by kind of trouble.
#[derive(Debug, Default)]
pub struct Repeats {
    said: BTreeMap<String, Said>,
}

#[derive(Debug)]
struct Said {
    at: Uptime,
    held_back: u64,
}

impl Repeats {
    /// Takes a trouble; returns how many like it were held back if it is to be said now, `None` if it is not.
    pub fn handle(&mut self, now: Uptime, kind: &str) -> Option<u64> {
        match self.said.get_mut(kind) {
            Some(said) if now < said.at + QUIET => {
                said.held_back = said.held_back.saturating_add(1);
                None
            }
            Some(said) => {
                let held_back = said.held_back;
                *said = Said { at: now, held_back: 0 };
                Some(held_back)
            }
            None => {
                self.said.insert(kind.into(), Said { at: now, held_back: 0 });
                Some(0)
            }
        }
    }

    /// Forgets what was said: the next trouble is a new one.
    pub fn clear(&mut self) {
        self.said.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_said_once_and_counted_until_the_next_time() {
        let mut repeats = Repeats::default();
        let at = Uptime::from_millis;
        assert_eq!(repeats.handle(at(0), "down"), Some(0));
        for moment in 1..=250 {
            assert_eq!(repeats.handle(at(moment), "down"), None);
        }
        assert_eq!(repeats.handle(at(251), "refused"), Some(0));
        assert_eq!(repeats.handle(at(60_000), "down"), Some(250));
        repeats.clear();
        assert_eq!(repeats.handle(at(60_001), "down"), Some(0));
    }
}
