//! When a disturbance is there: once at a moment, or by chance so often on average.

use crate::random::Random;

/// When something begins and how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// When it begins.
    pub begins: Begins,
    /// The shortest and the longest time that it lasts, s.
    pub lasts: (f64, f64),
}

/// When something begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Begins {
    /// Then, s.
    At(f64),
    /// By chance: so many seconds on average from the end of one to the beginning of the next.
    Every(f64),
}

/// The episodes of one schedule, one after the other.
#[derive(Debug, Clone)]
pub struct Episodes {
    random: Random,
    schedule: Schedule,
    from: f64,
    until: f64,
    /// How many have begun.
    count: u64,
    begun: bool,
}

impl Episodes {
    /// Draws the first.
    #[must_use]
    pub fn new(schedule: Schedule, random: Random) -> Self {
        let mut it = Self { random, schedule, from: 0.0, until: 0.0, count: 0, begun: false };
        match schedule.begins {
            Begins::At(at) => it.draw(at),
            Begins::Every(mean) => {
                let gap = it.random.exponential();
                it.draw(mean * gap);
            }
        }
        it
    }

    fn draw(&mut self, from: f64) {
        let (low, high) = self.schedule.lasts;
        (self.from, self.until) = (from, from + self.random.between(low, high));
        self.begun = false;
    }

    /// How long it has lasted at a moment, s; `None`: it is not there. Asked in order of time.
    pub fn active(&mut self, at: f64) -> Option<f64> {
        while at >= self.until {
            let Begins::Every(mean) = self.schedule.begins else { return None };
            let from = self.until + mean * self.random.exponential();
            self.draw(from);
        }
        if at < self.from {
            return None;
        }
        if !self.begun {
            self.begun = true;
            self.count += 1;
        }
        Some(at - self.from)
    }

    /// How many have begun.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The number of the present or last one: the same for as long as it lasts.
    #[must_use]
    pub fn dice(&self) -> Random {
        Random::new(self.count, self.from.to_bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_is_once() {
        let schedule = Schedule { begins: Begins::At(10.0), lasts: (5.0, 5.0) };
        let mut episodes = Episodes::new(schedule, Random::new(1, 1));
        let active: Vec<u32> = (0..100).filter(|it| episodes.active(f64::from(*it)).is_some()).collect();
        assert_eq!((active, episodes.count()), ((10..15).collect(), 1));
    }

    #[test]
    fn by_chance_is_as_often_as_it_says() {
        let schedule = Schedule { begins: Begins::Every(100.0), lasts: (10.0, 30.0) };
        let mut episodes = Episodes::new(schedule, Random::new(1, 1));
        let active = (0..1_200_000).filter(|it| episodes.active(f64::from(*it)).is_some()).count();
        // A cycle is 100 s and 20 s on average.
        assert!((9_500..10_500).contains(&episodes.count()), "{}", episodes.count());
        assert!((185_000..215_000).contains(&active), "{active}");
    }
}
