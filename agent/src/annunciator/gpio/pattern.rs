//! What lamp and buzzer do from moment to moment. Pure: time is an argument, and no line is touched.
//!
//! The lamp flashes as IEC 60601-1-8 wants of an alarm indicator light: high 1.4 to 2.8 Hz, medium 0.4 to 0.8 Hz, both on for 20
//! to 60 % of the time, low constant. The buzzer has the rhythm of the standard's bursts and nothing else of them: one tone, no
//! harmonics, an unknown loudness. It is no auditory alarm signal of that standard.

use std::time::Duration;

use vitals::alarm::event::Priority;
use vitals::time::Uptime;

use super::asked::Wanted;

/// A heartbeat toggles this often, while the bedside loop turns.
pub(super) const BEAT: u64 = 500;

/// A loop that has not turned for so long gives no heartbeat: eight of its ticks.
const ALIVE: Duration = Duration::from_secs(2);

/// When something is on, ms: from and to within a period.
struct Rhythm {
    period: u64,
    on: &'static [(u64, u64)],
}

/// 2 Hz, half of the time.
const LAMP_HIGH: Rhythm = Rhythm { period: 500, on: &[(0, 250)] };
/// 0.625 Hz, half of the time.
const LAMP_MEDIUM: Rhythm = Rhythm { period: 1600, on: &[(0, 800)] };
/// Constant.
const LAMP_LOW: Rhythm = Rhythm { period: 1000, on: &[(0, 1000)] };
/// Ten pulses, three and two and again, every eight seconds.
const BUZZER_HIGH: Rhythm = Rhythm {
    period: 8000,
    on: &[
        (0, 150),
        (300, 450),
        (600, 750),
        (1050, 1200),
        (1350, 1500),
        (2100, 2250),
        (2400, 2550),
        (2700, 2850),
        (3150, 3300),
        (3450, 3600),
    ],
};
/// Three slower ones, every fifteen seconds.
const BUZZER_MEDIUM: Rhythm = Rhythm { period: 15_000, on: &[(0, 200), (450, 650), (900, 1100)] };

impl Rhythm {
    fn of_lamp(priority: Priority) -> &'static Self {
        match priority {
            Priority::High => &LAMP_HIGH,
            Priority::Medium => &LAMP_MEDIUM,
            Priority::Low => &LAMP_LOW,
        }
    }

    /// Low makes no sound.
    fn of_buzzer(priority: Priority) -> Option<&'static Self> {
        match priority {
            Priority::High => Some(&BUZZER_HIGH),
            Priority::Medium => Some(&BUZZER_MEDIUM),
            Priority::Low => None,
        }
    }

    fn is_on(&self, elapsed: u64) -> bool {
        let at = elapsed % self.period;
        self.on.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    /// Milliseconds until it changes.
    fn next(&self, elapsed: u64) -> u64 {
        let at = elapsed % self.period;
        let edges = self.on.iter().flat_map(|(from, to)| [*from, *to]);
        edges.filter(|it| *it > at).min().unwrap_or(self.period) - at
    }
}

/// Which lines are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Levels {
    /// The priority whose lamp is lit; none while it is dark.
    pub(super) lamp: Option<Priority>,
    pub(super) buzzer: bool,
    pub(super) heartbeat: bool,
}

/// Something that goes on since some moment.
#[derive(Debug, Clone, Copy)]
struct Going {
    priority: Priority,
    since: Uptime,
}

/// Lamp and buzzer.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    lamp: Option<Going>,
    buzzer: Option<Going>,
    /// Alarms that have begun, as last heard.
    begun: u64,
    alive: Option<Uptime>,
}

impl Pattern {
    /// Takes what is to be shown. Another priority begins its rhythm at once, and so does the sound of another alarm.
    pub(super) fn handle_wanted(&mut self, now: Uptime, wanted: &Wanted) {
        let going = |priority| Going { priority, since: now };
        if self.lamp.map(|it| it.priority) != wanted.asked.lamp {
            self.lamp = wanted.asked.lamp.map(going);
        }
        if self.buzzer.map(|it| it.priority) != wanted.asked.sound || self.begun != wanted.begun {
            self.buzzer = wanted.asked.sound.map(going);
        }
        self.begun = wanted.begun;
    }

    /// Notes that the bedside loop turned.
    pub(super) fn handle_alive(&mut self, at: Uptime) {
        self.alive = Some(at);
    }

    /// Which lines are on now.
    pub(super) fn levels(&self, now: Uptime) -> Levels {
        let elapsed = |it: &Going| millis(now.since(it.since));
        let lit = |it: &Going| Rhythm::of_lamp(it.priority).is_on(elapsed(it));
        let sounds =
            |it: &Going| Rhythm::of_buzzer(it.priority).is_some_and(|rhythm| rhythm.is_on(elapsed(it)));
        Levels {
            lamp: self.lamp.filter(lit).map(|it| it.priority),
            buzzer: self.buzzer.as_ref().is_some_and(sounds),
            heartbeat: self.is_alive(now) && now.as_millis() / BEAT % 2 == 0,
        }
    }

    /// When to look again, at the latest at the next half second: the heartbeat lives on it.
    pub(super) fn poll_timeout(&self, now: Uptime) -> Uptime {
        let next = |rhythm: &Rhythm, it: Going| rhythm.next(millis(now.since(it.since)));
        let lamp = self.lamp.map(|it| next(Rhythm::of_lamp(it.priority), it));
        let buzzer = self.buzzer.and_then(|it| Some(next(Rhythm::of_buzzer(it.priority)?, it)));
        let beat = BEAT - now.as_millis() % BEAT;
        now + Duration::from_millis(lamp.into_iter().chain(buzzer).fold(beat, u64::min))
    }

    fn is_alive(&self, now: Uptime) -> bool {
        self.alive.is_some_and(|it| now.since(it) < ALIVE)
    }
}

fn millis(it: Duration) -> u64 {
    u64::try_from(it.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annunciator::gpio::asked::Asked;

    fn at(ms: u64) -> Uptime {
        Uptime::from_millis(ms)
    }

    fn wanted(lamp: Option<Priority>, sound: Option<Priority>, begun: u64) -> Wanted {
        Wanted { asked: Asked { lamp, sound }, begun, test: None }
    }

    /// The times, ms after `from`, at which `on` changes within `until`, as the pattern itself says when to look.
    fn edges(pattern: &Pattern, from: u64, until: u64, on: impl Fn(&Levels) -> bool) -> Vec<u64> {
        let (mut now, mut was, mut edges) = (at(from), false, Vec::new());
        while now < at(from + until) {
            let is = on(&pattern.levels(now));
            if is != was {
                edges.push(now.as_millis() - from);
            }
            was = is;
            let next = pattern.poll_timeout(now);
            assert!(next > now, "time goes on");
            now = next;
        }
        edges
    }

    #[test]
    fn the_lamp_flashes_as_the_standard_wants() {
        let lit = |it: &Levels| it.lamp.is_some();
        for (priority, expected) in [
            (Priority::High, vec![0, 250, 500, 750, 1000, 1250, 1500, 1750]),
            (Priority::Medium, vec![0, 800, 1600]),
            (Priority::Low, vec![0]),
        ] {
            let mut pattern = Pattern::default();
            pattern.handle_wanted(at(1_234), &wanted(Some(priority), None, 0));
            assert_eq!(edges(&pattern, 1_234, 2_000, lit), expected, "{priority:?}");
        }
        for (rhythm, hertz) in [(LAMP_HIGH, 1400..=2800), (LAMP_MEDIUM, 400..=800)] {
            assert!(hertz.contains(&(1_000_000 / rhythm.period)), "thousandths of a hertz");
            let on: u64 = rhythm.on.iter().map(|(from, to)| to - from).sum();
            assert!((20..=60).contains(&(on * 100 / rhythm.period)), "percent of the time");
        }
    }

    #[test]
    fn the_buzzer_makes_bursts_and_low_makes_none() {
        let sounds = |it: &Levels| it.buzzer;
        for (priority, pulses, period) in [(Priority::High, 10, 8_000), (Priority::Medium, 3, 15_000)] {
            let mut pattern = Pattern::default();
            pattern.handle_wanted(at(77), &wanted(None, Some(priority), 1));
            let edges = edges(&pattern, 77, 2 * period, sounds);
            assert_eq!(edges.len(), 4 * pulses, "{edges:?}");
            let (first, second) = edges.split_at(2 * pulses);
            assert_eq!(first.iter().map(|it| it + period).collect::<Vec<_>>(), second);
        }
        let mut pattern = Pattern::default();
        pattern.handle_wanted(at(0), &wanted(Some(Priority::Low), Some(Priority::Low), 1));
        assert_eq!(edges(&pattern, 0, 60_000, sounds), [0; 0]);
    }

    #[test]
    fn what_changes_begins_at_once_and_what_goes_on_keeps_its_rhythm() {
        let mut pattern = Pattern::default();
        let levels = |pattern: &Pattern, ms| pattern.levels(at(ms));
        pattern.handle_wanted(at(0), &wanted(Some(Priority::Medium), Some(Priority::Medium), 1));
        assert!(!levels(&pattern, 1_200).buzzer && levels(&pattern, 1_200).lamp.is_none());
        // The same again changes nothing; a second alarm of that priority is heard at once, and seen in the old rhythm.
        pattern.handle_wanted(at(1_200), &wanted(Some(Priority::Medium), Some(Priority::Medium), 1));
        assert!(!levels(&pattern, 1_200).buzzer);
        pattern.handle_wanted(at(1_200), &wanted(Some(Priority::Medium), Some(Priority::Medium), 2));
        assert!(levels(&pattern, 1_200).buzzer && levels(&pattern, 1_200).lamp.is_none());
        pattern.handle_wanted(at(1_250), &wanted(Some(Priority::High), Some(Priority::High), 3));
        assert_eq!(levels(&pattern, 1_250).lamp, Some(Priority::High));
        // Acknowledged: the sound ends, the lamp goes on.
        pattern.handle_wanted(at(1_300), &wanted(Some(Priority::High), None, 3));
        assert_eq!(levels(&pattern, 1_300), Levels { lamp: Some(Priority::High), ..Levels::default() });
        pattern.handle_wanted(at(1_400), &wanted(None, None, 3));
        assert_eq!(levels(&pattern, 1_400), Levels::default());
    }

    #[test]
    fn the_heartbeat_stops_with_the_bedside_loop() {
        let mut pattern = Pattern::default();
        let beats = |it: &Levels| it.heartbeat;
        assert_eq!(edges(&pattern, 0, 5_000, beats), [0; 0], "nobody has turned yet");
        pattern.handle_alive(at(10_000));
        assert_eq!(edges(&pattern, 10_000, 5_000, beats), [0, 500, 1_000, 1_500]);
    }
}
