//! What a monitor makes of the body: averages, the way of blood to the finger, the wait for a breath that does not come.

use super::body::Body;

/// A monitor's averages, s.
const RATE_OVER: usize = 12;
const PULSE_OVER: usize = 8;
const SATURATION_OVER: usize = 8;
/// A pause of breath after which the rate is shown as 0, s.
const NO_BREATH_AFTER: f64 = 12.0;
/// The rate of breath is that of some breaths: its lag, s.
const BREATH_LAG: f64 = 8.0;
/// For so long an oximeter shows on what it has, without a pulse, s.
const PULSE_HELD: u32 = 15;
/// The longest way to the finger, and what is averaged there.
const RING: usize = 32;

/// The last seconds of one number.
#[derive(Debug, Clone)]
struct Ring {
    values: [f64; RING],
    next: usize,
}

impl Ring {
    fn new(value: f64) -> Self {
        Self { values: [value; RING], next: 0 }
    }

    fn put(&mut self, value: f64) {
        if let Some(place) = self.values.get_mut(self.next) {
            *place = value;
        }
        self.next = (self.next + 1) % RING;
    }

    /// The mean of `count` values, the newest of which is `delay` seconds old.
    fn mean(&self, delay: usize, count: usize) -> f64 {
        let back = |index: usize| self.values.get((self.next + 2 * RING - 1 - delay - index) % RING);
        let sum: f64 = (0..count).filter_map(back).sum();
        sum / f64::from(u32::try_from(count).unwrap_or(1))
    }
}

/// Averages and delays.
#[derive(Debug, Clone)]
pub(super) struct Observer {
    rates: Ring,
    pulses: Ring,
    saturations: Ring,
    breath: f64,
    /// Seconds without breath, and without pulse.
    breathless: f64,
    pulseless: u32,
}

/// What a monitor shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) heart_rate: f64,
    pub(super) pulse_rate: f64,
    pub(super) spo2: f64,
    pub(super) resp_rate: f64,
    /// Whether the oximeter still has a pulse, or shows on what it had.
    pub(super) has_pulse: bool,
    /// Whether a breath is expected any more.
    pub(super) has_breath: bool,
}

impl Observer {
    pub(super) fn new(body: &Body, saturation: f64) -> Self {
        Self {
            rates: Ring::new(body.heart_rate),
            pulses: Ring::new(body.heart_rate),
            saturations: Ring::new(saturation),
            breath: body.resp_rate,
            breathless: 0.0,
            pulseless: 0,
        }
    }

    /// One second more: the rate on the ECG, the beats that reach the finger, the blood's saturation, the breaths.
    pub(super) fn step(
        &mut self,
        body: &Body,
        (electric, beats): (f64, f64),
        saturation: f64,
        breaths: f64,
    ) -> Shown {
        self.rates.put(electric);
        if beats > 0.0 {
            self.pulses.put(beats);
            self.saturations.put(saturation);
            self.pulseless = 0;
        } else {
            self.pulseless = self.pulseless.saturating_add(1);
        }
        if breaths > 0.0 {
            self.breathless = 0.0;
            self.breath = crate::exact::towards(self.breath, breaths, BREATH_LAG, 1.0);
        } else {
            self.breathless += 1.0;
        }
        let has_breath = self.breathless < NO_BREATH_AFTER;
        if !has_breath {
            self.breath = 0.0;
        }
        Shown {
            heart_rate: self.rates.mean(0, RATE_OVER),
            pulse_rate: self.pulses.mean(0, PULSE_OVER),
            spo2: self.saturations.mean(body.to_finger, SATURATION_OVER),
            resp_rate: self.breath,
            has_pulse: self.pulseless < PULSE_HELD,
            has_breath,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_averages_what_was_so_many_seconds_ago() {
        let mut ring = Ring::new(0.0);
        for second in 1..=100_i16 {
            ring.put(f64::from(second));
        }
        assert!((ring.mean(0, 1) - 100.0).abs() < 1e-12);
        assert!((ring.mean(10, 3) - 89.0).abs() < 1e-12);
        assert!((ring.mean(20, 8) - 76.5).abs() < 1e-12);
    }
}
