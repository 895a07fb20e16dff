//! The result of a cuff as a device keeps it: whole mmHg, a mean, and the pulse that was counted at that moment.

use super::rounded;
use crate::patient::Numerics;

/// A result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressures {
    /// Systolic pressure, mmHg.
    pub systolic: i32,
    /// Diastolic pressure, mmHg.
    pub diastolic: i32,
    /// Mean pressure, mmHg.
    pub mean: i32,
    /// Pulse rate, /min.
    pub pulse: i32,
}

/// Keeps the newest result, until the device starts anew.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// When the newest was there, s.
    seen: Option<u64>,
    restarts: u64,
    result: Option<Pressures>,
}

impl Newest {
    /// Looks at the cuff; whether it has just brought a result.
    pub(super) fn look(&mut self, now: &Numerics) -> bool {
        if now.device.restarts != self.restarts {
            (self.restarts, self.result) = (now.device.restarts, None);
        }
        let Some(cuff) = now.cuff.filter(|it| Some(it.at) != self.seen) else { return false };
        let (systolic, diastolic) = (rounded(cuff.systolic, 1), rounded(cuff.diastolic, 1));
        let mean = diastolic + (systolic - diastolic) / 3;
        // The cuff counts the pulse by itself: a finger need not be in the oximeter.
        let pulse = rounded(now.heart_rate, 1).clamp(30, 220);
        self.seen = Some(cuff.at);
        self.result = Some(Pressures { systolic, diastolic, mean, pulse });
        true
    }

    /// The newest result.
    pub(super) const fn result(&self) -> Option<Pressures> {
        self.result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Patient;
    use crate::patient::course::Course;
    use crate::patient::cuff::Cuffed;

    #[test]
    fn a_result_stays_as_it_was_until_the_next_or_a_restart() {
        let mut now = Patient::new(1, 0, Course::default()).at(0);
        let mut newest = Newest::default();
        assert!(!newest.look(&now) && newest.result().is_none());
        (now.cuff, now.heart_rate) = (Some(Cuffed { at: 20, systolic: 120.2, diastolic: 79.6 }), 71.7);
        assert!(newest.look(&now));
        let result = Pressures { systolic: 120, diastolic: 80, mean: 93, pulse: 72 };
        now.heart_rate = 90.0;
        assert!(!newest.look(&now));
        assert_eq!(newest.result(), Some(result));
        now.device.restarts = 1;
        assert!(!newest.look(&now));
        assert_eq!(newest.result(), None);
    }
}
