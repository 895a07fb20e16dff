//! Which readings an alarm rests on, so that whoever doubts it can look them up.

use alloc::collections::VecDeque;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::time::Uptime;

/// Readings of a bed that are remembered by number: a minute of condition delay, four sources, two readings a second.
pub const TRAIL_MAX: usize = 480;

/// The readings of one bed that were judged from an alarm's onset to its newest record, by their numbers in a run.
///
/// All readings of the bed with a number from `first` to `last` are meant. Of a longer delay than [`TRAIL_MAX`] readings
/// they are the last of it; of an alarm taken over from an earlier run, those of this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The run that numbered them.
    pub run: String,
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// The last readings of one bed, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Trail(VecDeque<(Uptime, u64)>);

impl Trail {
    /// Notes a reading that is about to be judged; what the bound pushes out is the oldest.
    pub fn handle_reading(&mut self, at: Uptime, seq: u64) {
        if self.0.len() == TRAIL_MAX {
            self.0.pop_front();
        }
        self.0.push_back((at, seq));
    }

    /// What an alarm with this onset rests on; `told` is what its last record said.
    ///
    /// Where nothing was judged since the onset, as when a source fell silent, it is the last reading before it.
    #[must_use]
    pub fn evidence(&self, run: &str, onset: Uptime, told: Option<&Evidence>) -> Option<Evidence> {
        let (_, last) = *self.0.back()?;
        let told = told.filter(|it| it.run == run).map(|it| it.first);
        let since = || self.0.iter().find(|(at, _)| *at >= onset).map(|(_, seq)| *seq);
        let first = told.or_else(since).unwrap_or(last);
        Some(Evidence { run: run.into(), first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Uptime {
        Uptime::from_millis(second * 1000)
    }

    fn trail(readings: u64) -> Trail {
        let mut trail = Trail::default();
        for it in 1..=readings {
            trail.handle_reading(at(it), it * 10);
        }
        trail
    }

    #[test]
    fn an_alarm_rests_on_the_readings_from_its_onset_to_now() {
        let evidence = |first, last| Some(Evidence { run: "r".into(), first, last });
        assert_eq!(Trail::default().evidence("r", at(3), None), None, "an alarm before any reading");
        assert_eq!(trail(5).evidence("r", at(3), None), evidence(30, 50));
        assert_eq!(trail(5).evidence("r", at(9), None), evidence(50, 50), "silence since the last reading");
        let told = Evidence { run: "r".into(), first: 20, last: 30 };
        assert_eq!(trail(5).evidence("r", at(3), Some(&told)), evidence(20, 50), "the first stays");
        let earlier = Evidence { run: "q".into(), ..told };
        assert_eq!(trail(5).evidence("r", at(3), Some(&earlier)), evidence(30, 50), "numbers of another run");
        let many = TRAIL_MAX as u64 + 7;
        assert_eq!(
            trail(many).evidence("r", at(1), None),
            evidence(80, many * 10),
            "the last of a long delay"
        );
    }
}
