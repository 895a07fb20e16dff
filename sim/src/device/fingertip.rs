//! What a fingertip meter knows with each of its sixty frames a second, whatever the form in which it says so.

use std::collections::BTreeMap;

use vitals::vital::Vital;

use super::{Observation, Said, quantity, rounded};
use crate::artefact::Voice;
use crate::patient::{Oximeter, Patient};

/// Frames a second.
const FRAMES: u64 = 60;
/// After so long without a pulse the meter says that it has searched for too long, ms. The documents give no number.
const TOO_LONG_MS: u64 = 10_000;
/// Below this perfusion index the signal is weak, %.
const WEAK: f64 = 0.3;

/// When a frame begins, ms behind the first.
pub(super) const fn frame_ms(frame: u64) -> u64 {
    frame * 1000 / FRAMES
}

/// The numbers of a finger with a pulse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Pulse rate, /min.
    pub rate: u8,
    /// Saturation, %.
    pub saturation: u8,
    /// Perfusion index, hundredths of a per cent; `None`: the meter does not measure it.
    pub perfusion: Option<u16>,
}

/// What the meter knows at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Its numbers; `None`: no finger, or no pulse in it.
    pub numbers: Option<Numbers>,
    /// Whether the finger is there.
    pub finger: bool,
    /// Whether it has searched for a pulse for too long.
    pub too_long: bool,
    /// The wave, 0 to 127.
    pub pleth: u8,
    /// The bar beside it, 0 to 15.
    pub bar: u8,
    /// The strength of the signal, 0 to 8.
    pub signal: u8,
    /// Whether a beat begins.
    pub beep: bool,
}

impl Shown {
    /// What of it is said of each vital; `perfusion` where the format has a place for it.
    pub(super) fn said(&self, perfusion: bool) -> BTreeMap<Vital, Said> {
        let Some(numbers) = self.numbers else {
            let absent = Said::Absent { sensor: !self.finger };
            let vitals = [Vital::PulseRate, Vital::Spo2].into_iter();
            let vitals = vitals.chain(perfusion.then_some(Vital::PerfusionIndex));
            return vitals.map(|it| (it, absent)).collect();
        };
        let whole = |it: u8| Said::Value(quantity(i32::from(it), 1));
        let index = numbers.perfusion.map(|it| Said::Value(quantity(i32::from(it), 100)));
        let pulse =
            [(Vital::PulseRate, whole(numbers.rate)), (Vital::Spo2, whole(numbers.saturation))].into_iter();
        let index =
            perfusion.then_some((Vital::PerfusionIndex, index.unwrap_or(Said::Absent { sensor: false })));
        pulse.chain(index).collect()
    }
}

/// A meter on a finger.
#[derive(Debug, Default)]
pub(super) struct Fingertip {
    searching_since: Option<u64>,
    /// Whether the wave is in its upper half.
    high: bool,
    /// The frame with which something was news, and what that was.
    told: Option<(u64, BTreeMap<Vital, Said>)>,
}

impl Fingertip {
    /// Looks at the finger.
    pub(super) fn look(&mut self, patient: &mut Patient, at_ms: u64) -> Shown {
        let now = patient.at(at_ms);
        if now.device.voice != Voice::Speaks {
            // Whoever hears it again hears news.
            self.told = None;
        }
        let on = now.oximeter == Oximeter::On;
        let searching = now.oximeter == Oximeter::Searching;
        self.searching_since = self.searching_since.or(Some(at_ms)).filter(|_| searching);
        let height = patient.pleth(at_ms);
        let was_high = std::mem::replace(&mut self.high, height > 0.5);
        let strong = if now.perfusion < WEAK { 2 } else { byte(now.perfusion.min(5.0) + 3.0) };
        Shown {
            // The range of these meters: 30 to 250 a minute, 35 to 100 %.
            numbers: on.then(|| Numbers {
                rate: byte(now.pulse_rate.clamp(30.0, 250.0)),
                saturation: byte(now.spo2.clamp(35.0, 100.0)),
                perfusion: u16::try_from(rounded(now.perfusion, 100).clamp(2, 2000)).ok(),
            }),
            finger: now.oximeter != Oximeter::Off,
            too_long: self.searching_since.is_some_and(|it| at_ms - it >= TOO_LONG_MS),
            pleth: byte(height * 100.0 + 10.0),
            bar: byte(height * 15.0),
            signal: if on { strong } else { 0 },
            beep: on && self.high && !was_high,
        }
    }

    /// What is news of a frame: a change at once, and the same once a second.
    pub(super) fn news(&mut self, frame: u64, vitals: BTreeMap<Vital, Said>) -> Option<Observation> {
        let old = self.told.as_ref();
        if old.is_some_and(|(then, told)| *told == vitals && frame < then + FRAMES) {
            return None;
        }
        self.told = Some((frame, vitals.clone()));
        Some(Observation { vitals, ..Observation::default() })
    }
}

fn byte(value: f64) -> u8 {
    u8::try_from(rounded(value, 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    #[test]
    fn a_beat_beeps_once() {
        let mut patient = Patient::new(1, 0, Course::default());
        let mut meter = Fingertip::default();
        let mut beeps = 0;
        for frame in 0..FRAMES * 60 {
            beeps += i32::from(meter.look(&mut patient, frame_ms(frame)).beep);
        }
        let rate = rounded(patient.now().pulse_rate, 1);
        assert!((beeps - rate).abs() <= 6, "{beeps} beeps, {rate} beats");
    }

    #[test]
    fn a_change_is_news_at_once_and_the_same_once_a_second() {
        let mut meter = Fingertip::default();
        let vitals = |absent| BTreeMap::from([(Vital::Spo2, Said::Absent { sensor: absent })]);
        let news: Vec<u64> =
            (0..300).filter(|frame| meter.news(*frame, vitals(*frame >= 100)).is_some()).collect();
        assert_eq!(news, [0, 60, 100, 160, 220, 280]);
    }
}
