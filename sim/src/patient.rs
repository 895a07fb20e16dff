//! A patient: slow drift, breath and heartbeat around a baseline of their own, and where a scenario drives them.

pub mod course;

use crate::random::Random;
use course::{Course, Sign};

/// The patient's state moves on in steps of this, ms.
pub const TICK_MS: u64 = 100;

/// What an ideal device would read now; no device shows these digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Numerics {
    /// Heart rate, /min; the pulse is the same.
    pub heart_rate: f64,
    /// Oxygen saturation, %.
    pub spo2: f64,
    /// Perfusion index, %.
    pub perfusion: f64,
    /// Respiratory rate, /min.
    pub resp_rate: f64,
    /// Temperature, °C.
    pub temperature: f64,
    /// End-tidal carbon dioxide, mmHg.
    pub etco2: f64,
    /// Systolic pressure, mmHg.
    pub systolic: f64,
    /// Diastolic pressure, mmHg.
    pub diastolic: f64,
    /// Whether the oximeter's sensor is on.
    pub probe_on: bool,
}

/// Noise that forgets: an Ornstein-Uhlenbeck process of a given standard deviation and time constant.
#[derive(Debug, Clone)]
struct Drift {
    value: f64,
    deviation: f64,
    seconds: f64,
}

impl Drift {
    fn new(random: &mut Random, deviation: f64, seconds: f64) -> Self {
        Self { value: deviation * random.normal(), deviation, seconds }
    }

    fn step(&mut self, random: &mut Random, dt: f64) -> f64 {
        let share = dt / self.seconds;
        self.value += -self.value * share + self.deviation * (2.0 * share).sqrt() * random.normal();
        self.value
    }
}

/// The baselines of one adult.
#[derive(Debug, Clone)]
struct Baseline {
    heart_rate: f64,
    spo2: f64,
    perfusion: f64,
    resp_rate: f64,
    temperature: f64,
    etco2: f64,
    systolic: f64,
    diastolic: f64,
    /// Depth of the respiratory sinus arrhythmia, share of the heart rate.
    arrhythmia: f64,
}

/// One simulated adult.
#[derive(Debug, Clone)]
pub struct Patient {
    random: Random,
    baseline: Baseline,
    heart_rate: Drift,
    spo2: Drift,
    resp_rate: Drift,
    temperature: Drift,
    etco2: Drift,
    pressure: Drift,
    course: Course,
    /// How far the state has come, ms.
    at_ms: u64,
    /// Breaths and beats so far; their fraction is the phase.
    breaths: f64,
    beats: f64,
    now: Numerics,
}

impl Patient {
    /// The patient in the bed of that index, from 0, on a scenario's course.
    #[must_use]
    pub fn new(seed: u64, bed: u64, course: Course) -> Self {
        let mut random = Random::new(seed, bed + 1);
        let baseline = Baseline {
            heart_rate: random.between(64.0, 84.0),
            spo2: random.between(96.3, 98.2),
            perfusion: random.between(1.2, 5.0),
            resp_rate: random.between(13.0, 18.0),
            temperature: random.between(36.3, 37.2),
            etco2: random.between(35.0, 40.0),
            systolic: random.between(112.0, 135.0),
            diastolic: random.between(66.0, 82.0),
            // Resting adults: 3 to 8 % of the interval; a device's averaging leaves about half of it.
            arrhythmia: random.between(0.015, 0.03),
        };
        let mut it = Self {
            heart_rate: Drift::new(&mut random, 1.6, 300.0),
            spo2: Drift::new(&mut random, 0.4, 60.0),
            resp_rate: Drift::new(&mut random, 0.8, 90.0),
            temperature: Drift::new(&mut random, 0.05, 1200.0),
            etco2: Drift::new(&mut random, 0.8, 120.0),
            pressure: Drift::new(&mut random, 3.0, 600.0),
            breaths: random.unit(),
            beats: random.unit(),
            random,
            course,
            at_ms: 0,
            now: Numerics {
                heart_rate: baseline.heart_rate,
                spo2: baseline.spo2,
                perfusion: baseline.perfusion,
                resp_rate: baseline.resp_rate,
                temperature: baseline.temperature,
                etco2: baseline.etco2,
                systolic: baseline.systolic,
                diastolic: baseline.diastolic,
                probe_on: true,
            },
            baseline,
        };
        it.step();
        it
    }

    /// The state at a moment; asking for the past gives the newest.
    pub fn at(&mut self, at_ms: u64) -> Numerics {
        while self.at_ms + TICK_MS <= at_ms {
            self.at_ms += TICK_MS;
            self.step();
        }
        self.now
    }

    /// The pulse wave at a moment, 0 to 1: a steep rise, a slow fall, a dicrotic notch.
    #[must_use]
    pub fn pleth(&self, at_ms: u64) -> f64 {
        let since = seconds(at_ms.saturating_sub(self.at_ms));
        let phase = (self.beats + since * self.now.heart_rate / 60.0).fract();
        let rise = if phase < 0.15 { phase / 0.15 } else { 1.0 - (phase - 0.15) / 0.85 };
        let notch = 0.12 * (1.0 - ((phase - 0.45) / 0.12).powi(2)).max(0.0);
        (rise + notch).clamp(0.0, 1.0)
    }

    fn step(&mut self) {
        let dt = seconds(TICK_MS);
        let random = &mut self.random;
        let at = seconds(self.at_ms);
        let base = &self.baseline;
        let resp_rate = base.resp_rate + self.resp_rate.step(random, dt);
        let heart_rate = base.heart_rate + self.heart_rate.step(random, dt);
        let spo2 = base.spo2 + self.spo2.step(random, dt);
        let temperature = base.temperature + self.temperature.step(random, dt);
        let etco2 = base.etco2 + self.etco2.step(random, dt);
        let pressure = self.pressure.step(random, dt);
        let course = &self.course;
        let resp_rate = course.drive(Sign::RespRate, at, resp_rate).max(0.0);
        let breath = (self.breaths * core::f64::consts::TAU).sin();
        // Mayer wave: 0.1 Hz in the pressure, and through the baroreflex in the rate.
        let mayer = (at * 0.1 * core::f64::consts::TAU).sin();
        let heart_rate = course.drive(Sign::HeartRate, at, heart_rate).max(0.0);
        self.now = Numerics {
            heart_rate: heart_rate * (1.0 + base.arrhythmia * breath) + 0.8 * mayer,
            spo2: course.drive(Sign::Spo2, at, spo2).clamp(0.0, 100.0),
            perfusion: (base.perfusion * (1.0 + 0.1 * mayer)).clamp(0.05, 20.0),
            resp_rate,
            temperature: course.drive(Sign::Temperature, at, temperature),
            etco2: course.drive(Sign::Etco2, at, etco2).max(0.0),
            systolic: course.drive(Sign::Systolic, at, base.systolic + pressure + 2.0 * mayer),
            diastolic: course.drive(Sign::Diastolic, at, base.diastolic + 0.6 * pressure + mayer),
            probe_on: course.probe_on(at),
        };
        self.breaths += resp_rate / 60.0 * dt;
        self.beats += heart_rate / 60.0 * dt;
    }
}

/// Milliseconds in seconds, for the model's arithmetic.
#[expect(clippy::cast_precision_loss, reason = "a run lasts days, not 2^53 ms")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests;
