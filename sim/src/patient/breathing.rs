//! Lungs and blood gases: carbon dioxide that piles up, oxygen whose store empties, and the saturation that follows.

use super::body::Body;
use crate::exact::{saturating, towards};

/// Dry air at sea level, mmHg.
const DRY_AIR: f64 = 713.0;
/// Carbon dioxide made and not breathed out, mmHg/min…
const CO2_MADE: f64 = 3.5;
/// …and what the lung takes over from the veins in the first minute without breath, mmHg, within this, s.
const CO2_FIRST: f64 = 6.0;
const CO2_FIRST_IN: f64 = 20.0;
/// Carbon dioxide in place of oxygen: the respiratory quotient.
const QUOTIENT: f64 = 0.8;
/// What breathing does per mmHg of carbon dioxide too much, share; at most this many mmHg count.
const CO2_DRIVE: f64 = 0.05;
const CO2_DRIVE_MOST: f64 = 18.0;
/// And per per cent of saturation below 92.
const O2_DRIVE: f64 = 0.025;
/// Fever: +2.5 breaths/min for each °C.
const FEVER_BREATHS: f64 = 2.5;
/// What tissues take from blood at rest, % saturation.
const TAKEN: f64 = 25.0;
/// The capnometer's decay when no blood brings carbon dioxide, s: 38 to 10 mmHg in 70 s.
const WASHOUT: f64 = 50.0;
/// The brain breathes on for so long without blood, s.
const GASPS: u32 = 20;

/// What bears on breathing in one second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// The rate that the patient would have by itself, /min.
    pub(super) rate: f64,
    pub(super) drive: f64,
    pub(super) metabolism: f64,
    pub(super) shunt: f64,
    /// mmHg.
    pub(super) diffusion: f64,
    pub(super) exhalation: f64,
    /// Inspired oxygen, %.
    pub(super) inspired: f64,
    /// °C above normal.
    pub(super) fever: f64,
    /// Cardiac output, share of the resting one.
    pub(super) output: f64,
    /// Whether the patient breathes at all.
    pub(super) breathes: bool,
    /// Whether a machine breathes.
    pub(super) ventilated: bool,
}

/// The state of lungs and blood gases.
#[derive(Debug, Clone)]
pub(super) struct Breathing {
    /// Carbon dioxide of the body, and what a pause of breath adds at once, mmHg.
    co2: f64,
    co2_first: f64,
    /// Oxygen in the lung, mmHg.
    alveolar: f64,
    /// How much carbon dioxide the blood brings, share.
    brought: f64,
    /// Seconds without blood for the brain.
    starved: u32,
    /// Breaths, /min.
    pub(super) rate: f64,
    /// Arterial saturation, %.
    pub(super) saturation: f64,
    /// End-tidal carbon dioxide, mmHg.
    pub(super) end_tidal: f64,
}

impl Breathing {
    pub(super) fn new(body: &Body) -> Self {
        let alveolar = DRY_AIR * 0.21 - body.co2 / QUOTIENT;
        let saturation = severinghaus(alveolar - body.o2_gradient);
        let (co2, rate, end_tidal) = (body.co2, body.resp_rate, body.co2 - body.co2_gradient);
        Self { co2, co2_first: 0.0, alveolar, brought: 1.0, starved: 0, rate, saturation, end_tidal }
    }

    /// One second more.
    pub(super) fn step(&mut self, body: &Body, load: &Load) {
        self.starved = if load.output < 0.1 { self.starved.saturating_add(1) } else { 0 };
        let ventilation = self.breathe(body, load);
        let exchanged = ventilation * load.exhalation;
        self.change_co2(body, load, exchanged);
        self.change_o2(body, load, exchanged);
        let brings = load.output.clamp(0.0, 1.0).sqrt();
        let lag = if brings < self.brought { WASHOUT } else { WASHOUT / 3.0 };
        self.brought = towards(self.brought, brings, lag, 1.0);
        self.end_tidal = ((self.co2 + self.co2_first - body.co2_gradient) * self.brought).max(0.0);
    }

    /// Sets the rate; returns ventilation as a share of the resting one.
    fn breathe(&mut self, body: &Body, load: &Load) -> f64 {
        if load.ventilated {
            self.rate = load.rate;
            return 1.0;
        }
        if !load.breathes || self.starved > GASPS {
            self.rate = 0.0;
            return 0.0;
        }
        let too_much = saturating(self.co2 + self.co2_first - body.co2, CO2_DRIVE_MOST);
        let chemical = CO2_DRIVE * too_much;
        // What dulls the drive dulls the answer to want of oxygen, too.
        let wanting = (92.0_f64.min(body.rests_at) - self.saturation).clamp(0.0, 30.0);
        let drive = load.drive
            + O2_DRIVE * wanting * load.drive.min(1.0)
            + FEVER_BREATHS * load.fever / body.resp_rate;
        self.rate = (load.rate * drive * (1.0 + 0.4 * chemical)).clamp(0.0, 90.0);
        drive * (1.0 + chemical).max(0.1)
    }

    fn change_co2(&mut self, body: &Body, load: &Load, exchanged: f64) {
        let out = exchanged * self.co2 / body.co2 * load.output.clamp(0.0, 1.0);
        self.co2 = (self.co2 + CO2_MADE / 60.0 * (load.metabolism - out)).clamp(10.0, 150.0);
        let first = CO2_FIRST * (1.0 - exchanged.min(1.0));
        self.co2_first = towards(self.co2_first, first, CO2_FIRST_IN, 1.0);
    }

    fn change_o2(&mut self, body: &Body, load: &Load, exchanged: f64) {
        let rest = body.co2 / QUOTIENT;
        let comes = exchanged * (DRY_AIR * load.inspired / 100.0 - self.alveolar) / rest;
        let goes = load.metabolism * load.output.clamp(0.0, 1.0) * (self.alveolar / 60.0).clamp(0.0, 1.0);
        self.alveolar = (self.alveolar + body.o2_use / 60.0 * (comes - goes)).clamp(1.0, DRY_AIR);
        let gradient = (body.o2_gradient + load.diffusion) * (0.5 + 0.5 * self.alveolar / 100.0);
        let passed = severinghaus(self.alveolar - gradient);
        let shunt = (body.shunt + load.shunt).clamp(0.0, 0.6);
        let taken = TAKEN * load.metabolism / load.output.clamp(0.4, 2.0);
        self.saturation = (passed - taken * shunt / (1.0 - shunt)).clamp(2.0, 100.0);
    }
}

/// The saturation of haemoglobin at an oxygen pressure in mmHg, %: Severinghaus 1979.
#[must_use]
pub fn severinghaus(pressure: f64) -> f64 {
    let p = pressure.max(0.1);
    100.0 / (23_400.0 / (p * p * p + 150.0 * p) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saturation_is_as_severinghaus_tabulated_it() {
        for (pressure, known) in [(26.9, 50.0), (40.0, 74.7), (60.0, 90.6), (80.0, 95.8), (100.0, 97.7)] {
            let it = severinghaus(pressure);
            assert!((it - known).abs() < 0.6, "{pressure} mmHg: {it}");
        }
    }
}
