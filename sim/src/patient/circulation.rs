//! Heart and vessels: pressure is output times resistance, and the baroreflex holds it where it should be.

use super::body::Body;
use super::course::Rhythm;
use crate::exact::{saturating, to_three_halves, towards};

/// Beyond this error the baroreflex has given all it has, mmHg.
const REFLEX_MOST: f64 = 40.0;
/// The vagus answers within seconds, the sympathetic nerves and the vessels later, s.
const VAGAL: f64 = 2.5;
const SYMPATHETIC: f64 = 12.0;
const VESSELS: f64 = 20.0;
/// What the vessels do per mmHg of pressure too little, share of their resistance.
const REFLEX_VESSELS: f64 = 0.012;
/// The vessels' elastic store, s.
const WINDKESSEL: f64 = 2.0;
/// A loss of this share of the blood leaves nothing to beat.
const LOSS_DEADLY: f64 = 0.45;
/// What a square of the share of lost blood makes of the heart rate, times the resting rate: +10 at 15 %, +50 at 35 %.
const LOSS_RATE: f64 = 5.5;
/// Fever: +9 /min for each °C.
const FEVER_RATE: f64 = 9.0;
/// Below this share of its pressure, or this saturation, the heart itself fails…
const FAILS_BELOW: f64 = 0.47;
const FAILS_BELOW_SATURATION: f64 = 50.0;
/// …within these seconds, and recovers in twice as many.
const FAILS_IN: f64 = 150.0;
/// From this share of failure on it stands still.
const STANDS_STILL: f64 = 0.8;

/// What bears on heart and vessels in one second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strain {
    /// The rate that the heart would have by itself, /min.
    pub(super) rate: f64,
    /// The pressure that the reflex wants, mmHg.
    pub(super) pressure: f64,
    pub(super) loss: f64,
    pub(super) resistance: f64,
    pub(super) contractility: f64,
    pub(super) stress: f64,
    /// °C above normal.
    pub(super) fever: f64,
    pub(super) rhythm: Rhythm,
    /// Arterial saturation, %.
    pub(super) saturation: f64,
    /// The Mayer wave, mmHg.
    pub(super) wave: f64,
}

/// The state of heart and vessels.
#[derive(Debug, Clone)]
pub(super) struct Circulation {
    vagal: f64,
    sympathetic: f64,
    vessels: f64,
    failure: f64,
    /// Mean arterial pressure without the wave, mmHg.
    mean: f64,
    /// Beats that move blood, /min, before the breath's share.
    pub(super) rate: f64,
    /// Cardiac output, share of the resting one.
    pub(super) output: f64,
    /// Systolic, diastolic and mean pressure, mmHg.
    pub(super) pressures: [f64; 3],
}

impl Circulation {
    pub(super) fn new(body: &Body) -> Self {
        let pressures = pressures(body.pressure, body.pulse_pressure);
        let (mean, rate) = (body.pressure, body.heart_rate);
        Self { vagal: 0.0, sympathetic: 0.0, vessels: 1.0, failure: 0.0, mean, rate, output: 1.0, pressures }
    }

    /// One second more.
    pub(super) fn step(&mut self, body: &Body, strain: &Strain) {
        let error = saturating(strain.pressure - self.mean - strain.wave, REFLEX_MOST);
        let reflex = body.baroreflex * error;
        self.vagal = towards(self.vagal, 0.5 * reflex + hypoxic(body, strain.saturation), VAGAL, 1.0);
        self.sympathetic = towards(self.sympathetic, 0.5 * reflex, SYMPATHETIC, 1.0);
        // Vessels that poison keeps open do not hear the nerves.
        let hears = strain.resistance.min(1.0) * strain.resistance.min(1.0);
        self.vessels = towards(self.vessels, 1.0 + REFLEX_VESSELS * error * hears, VESSELS, 1.0);
        self.age(strain);
        let lost = LOSS_RATE * body.heart_rate * strain.loss * strain.loss;
        let wish = strain.rate + FEVER_RATE * strain.fever + strain.stress + lost;
        let still = self.failure >= STANDS_STILL || strain.rhythm != Rhythm::Sinus;
        let rate = (wish + self.vagal + self.sympathetic).clamp(20.0, 220.0) * (1.0 - 0.6 * self.failure);
        self.rate = if still { 0.0 } else { rate };
        let ratio = self.rate / body.heart_rate;
        // A heart that races has no time to fill.
        let filling = (1.0 - 0.3 * (ratio - 1.6).max(0.0)).max(0.2);
        let volume = (1.0 - to_three_halves((strain.loss / LOSS_DEADLY).min(1.0))) * filling;
        let stroke = volume * strain.contractility * (1.0 - self.failure);
        self.output = ratio * stroke;
        let resistance = self.vessels * strain.resistance;
        let goal = body.venous + (body.pressure - body.venous) * self.output * resistance;
        self.mean = towards(self.mean, goal, WINDKESSEL, 1.0);
        let pulse = if still { 0.0 } else { body.pulse_pressure * stroke };
        self.pressures = pressures(self.mean + strain.wave, pulse);
    }

    /// A heart without pressure or oxygen fails, and recovers with them.
    fn age(&mut self, strain: &Strain) {
        if strain.rhythm != Rhythm::Sinus {
            return;
        }
        let starved = self.mean < FAILS_BELOW * strain.pressure || strain.saturation < FAILS_BELOW_SATURATION;
        let step = if starved { 1.0 / FAILS_IN } else { -0.5 / FAILS_IN };
        self.failure = (self.failure + step).clamp(0.0, 1.0);
    }
}

/// What too little oxygen does to the heart rate, /min: an adult's races, a premature child's slows.
fn hypoxic(body: &Body, saturation: f64) -> f64 {
    let wanting = (body.rate_holds_to - saturation).max(0.0);
    saturating(wanting * body.hypoxic_rate, 90.0)
}

/// Systolic, diastolic and mean of a mean and a pulse pressure.
fn pressures(mean: f64, pulse: f64) -> [f64; 3] {
    [mean + pulse * 2.0 / 3.0, mean - pulse / 3.0, mean]
}
