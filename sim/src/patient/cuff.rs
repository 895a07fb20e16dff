//! The cuff: it measures now and then, takes its time, and fails where the arm moves or nothing pulses.

/// How long one measurement takes, s.
const LASTS: u64 = 35;
/// The first result comes then, s.
const FIRST: u64 = 20;
/// Below this share of the patient's own pressure it finds nothing.
const FINDS_FROM: f64 = 0.45;

/// A result of the cuff.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cuffed {
    /// When it was there, s.
    pub at: u64,
    /// Systolic pressure, mmHg.
    pub systolic: f64,
    /// Diastolic pressure, mmHg.
    pub diastolic: f64,
}

/// A cuff around an arm.
#[derive(Debug, Clone)]
pub(super) struct Cuff {
    every: u64,
    ends: u64,
    disturbed: bool,
    /// The newest result.
    pub(super) result: Option<Cuffed>,
}

impl Cuff {
    pub(super) const fn new(every: u64) -> Self {
        Self { every, ends: FIRST, disturbed: false, result: None }
    }

    /// Whether it is inflated.
    pub(super) const fn presses(&self, at: u64) -> bool {
        at + LASTS > self.ends
    }

    /// One second more.
    pub(super) fn step(
        &mut self,
        at: u64,
        [systolic, diastolic, mean]: [f64; 3],
        own_mean: f64,
        moves: bool,
    ) {
        self.disturbed |= moves && self.presses(at);
        if at < self.ends {
            return;
        }
        if !self.disturbed && mean >= FINDS_FROM * own_mean {
            self.result = Some(Cuffed { at, systolic, diastolic });
        }
        self.ends += self.every;
        self.disturbed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_measures_at_its_interval_and_fails_when_the_arm_moves() {
        let mut cuff = Cuff::new(300);
        let mut results = Vec::new();
        for at in 0..1000 {
            let moves = (310..=312).contains(&at);
            let pressure = if at < 900 { [120.0, 80.0, 93.0] } else { [40.0, 30.0, 33.0] };
            cuff.step(at, pressure, 90.0, moves);
            results.extend(cuff.result.filter(|it| it.at == at).map(|it| it.at));
            assert_eq!(cuff.presses(at), at < 20 || (286..320).contains(&((at + 14) % 300 + 286)), "{at}");
        }
        assert_eq!(results, [20, 620]);
    }
}
