//! What comes between patient and monitor: sensors that move, come off or are pressed, and devices with troubles.
//!
//! Artefacts have a source of chance of their own: the same seed has the same patient with them and without, so that
//! what they add can be counted.

use serde::Deserialize;

use crate::patient::{Numerics, Oximeter};
use crate::random::Random;
use crate::schedule::{Episodes, Schedule};

/// A disturbance of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The hand moves: saturation 2 to 8 % too low, pulse wrong, marked as artefact where the device can.
    Motion,
    /// The oximeter's sensor comes off.
    ProbeOff,
    /// Cold fingers: perfusion index 0.2 %.
    LowPerfusion,
    /// The cuff is on the oximeter's arm: no pulse while it presses.
    CuffOnProbe,
    /// An electrode comes off: no heart rate, and no breath by impedance, which uses the same leads.
    LeadOff,
    /// Electrocautery: the heart rate is noise.
    Electrocautery,
    /// The arterial line is flushed: 250 mmHg, then none.
    LineFlush,
    /// The transducer hangs 11 cm too high or too low: the pressure is 15 mmHg off.
    TransducerHeight,
    /// The cable is pulled: silence, and a serial line that is gone.
    CableOut,
    /// The battery is low for as long as this lasts; then five minutes of silence.
    LowBattery,
    /// The device's clock is wrong by hours.
    DeviceClock,
    /// The device starts anew: silence for as long as this lasts, and then it has forgotten whom it spoke with and what it
    /// counted.
    DeviceRestart,
    /// Another device is plugged in: for as long as this lasts one of another model, which nobody there can read, then one
    /// of the right model with another serial number.
    OtherDevice,
    /// A second device with the same serial number, two beds on.
    Twin,
}

/// After a low battery there is none, s.
const EMPTY: f64 = 300.0;
/// A flush is a square wave and then air, s.
const FLUSH_SQUARE: f64 = 2.0;
/// The transducer's error, mmHg.
const HEIGHT: f64 = 15.0;

/// A disturbance, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Artefact {
    /// Which.
    pub kind: Kind,
    /// When.
    pub schedule: Schedule,
}

/// All disturbances of one bed.
#[derive(Debug, Clone)]
pub struct Artefacts {
    all: Vec<(Kind, Episodes)>,
    random: Random,
    /// When the last low battery was over, s.
    empty_until: f64,
}

/// Whether a device speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Voice {
    /// It does.
    #[default]
    Speaks,
    /// It says nothing.
    Silent,
    /// It says nothing, and its line is not there.
    Unplugged,
}

/// What a device is like, beside what it measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceState {
    /// Whether it speaks.
    pub voice: Voice,
    /// Its battery is low.
    pub battery_low: bool,
    /// Its clock is wrong by this, s.
    pub clock_off: i64,
    /// How often it has started anew.
    pub restarts: u64,
    /// It has the serial number of the device two beds before.
    pub twin: bool,
    /// How often another device has been plugged in.
    pub others: u64,
    /// That is one of another model.
    pub of_another_model: bool,
}

impl Artefacts {
    /// The disturbances of the bed of that index.
    #[must_use]
    pub fn new(seed: u64, bed: u64, artefacts: &[Artefact]) -> Self {
        let stream = |number: u64| Random::new(seed, 2_000_000 + bed * 64 + number);
        let all = (1..).zip(artefacts);
        let all = all.map(|(number, it)| (it.kind, Episodes::new(it.schedule, stream(number)))).collect();
        Self { all, random: stream(0), empty_until: 0.0 }
    }

    /// Whether the arm moves.
    pub fn moves(&mut self, at: f64) -> bool {
        self.all.iter_mut().any(|(kind, it)| *kind == Kind::Motion && it.active(at).is_some())
    }

    /// Changes what a monitor sees at a moment. `cuff` is whether the cuff presses.
    pub fn disturb(&mut self, at: f64, cuff: bool, now: &mut Numerics) {
        now.device = DeviceState::default();
        for (kind, episodes) in &mut self.all {
            let Some(since) = episodes.active(at) else { continue };
            let mut dice = episodes.dice();
            match kind {
                Kind::Motion => {
                    now.motion = true;
                    now.spo2 = (now.spo2 - dice.between(2.0, 8.0)).max(1.0);
                    now.pulse_rate += dice.between(-25.0, 40.0) + 4.0 * self.random.normal();
                }
                Kind::ProbeOff => now.oximeter = Oximeter::Off,
                Kind::LowPerfusion => now.perfusion = 0.2,
                Kind::CuffOnProbe if cuff && now.oximeter == Oximeter::On => {
                    now.oximeter = Oximeter::Searching;
                }
                Kind::LeadOff => now.leads_on = false,
                Kind::Electrocautery => now.heart_rate += 40.0 * self.random.normal().abs(),
                Kind::LineFlush => {
                    let flat = if since < FLUSH_SQUARE { 250.0 } else { 0.0 };
                    now.arterial = now.arterial.map(|_| [flat; 3]);
                }
                Kind::TransducerHeight => {
                    let off = if dice.unit() < 0.5 { HEIGHT } else { -HEIGHT };
                    now.arterial = now.arterial.map(|it| it.map(|it| it + off));
                }
                Kind::LowBattery => {
                    now.device.battery_low = true;
                    self.empty_until = at + EMPTY;
                }
                Kind::DeviceClock => {
                    now.device.clock_off = 3600 * (1 + i64::try_from(dice.below(11)).unwrap_or(0));
                }
                Kind::DeviceRestart => now.device.voice = Voice::Silent,
                Kind::OtherDevice => now.device.of_another_model = true,
                Kind::CableOut => now.device.voice = Voice::Unplugged,
                Kind::Twin => now.device.twin = true,
                Kind::CuffOnProbe => {}
            }
        }
        if at < self.empty_until && !now.device.battery_low {
            now.device.voice = Voice::Silent;
        }
        (now.device.restarts, now.device.others) =
            (self.count(Kind::DeviceRestart), self.count(Kind::OtherDevice));
    }

    /// How often that has begun.
    fn count(&self, kind: Kind) -> u64 {
        self.all.iter().filter(|(it, _)| *it == kind).map(|(_, it)| it.count()).sum()
    }
}
