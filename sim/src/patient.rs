//! A patient: heart, vessels, lungs and blood gases in steps of one second, and what a monitor makes of them.
//!
//! ```text
//! causes ─► circulation ⇄ breathing ─► observer (delay, average) ─► numbers driven by hand ─► artefacts ─► Numerics
//!           (baroreflex)  (gas stores)
//! ```
//!
//! The arithmetic is `f64` and only what is exactly specified ([`crate::exact`]): the same seed gives the same bytes on
//! every machine.

pub mod body;
pub mod breathing;
mod circulation;
pub mod course;
pub mod cuff;
mod drift;
mod observer;

use crate::artefact::{Artefacts, DeviceState};
use crate::exact::sine;
use crate::random::Random;
use body::Body;
use breathing::{Breathing, Load};
use circulation::{Circulation, Strain};
use course::{Cause, Course, Rhythm, Sign};
use cuff::{Cuff, Cuffed};
use drift::Drift;
use observer::{Observer, Shown};

/// The patient's state moves on in steps of this, ms.
pub const TICK_MS: u64 = 1000;
/// At 04:00 a body is half a degree cooler.
const NIGHT_COOLER: f64 = 0.5;
/// The Mayer wave: 0.1 Hz, mmHg.
const MAYER: f64 = 2.0;

/// Where the oximeter's sensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oximeter {
    /// On the finger, with a pulse.
    On,
    /// Off the finger.
    Off,
    /// On the finger, and no pulse to be found.
    Searching,
}

/// What an ideal device would read now; no device shows these digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Numerics {
    /// Heart rate by ECG, /min.
    pub heart_rate: f64,
    /// Pulse rate, /min.
    pub pulse_rate: f64,
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
    /// Systolic, diastolic and mean pressure of an arterial line, mmHg, where there is one.
    pub arterial: Option<[f64; 3]>,
    /// The newest result of the cuff.
    pub cuff: Option<Cuffed>,
    /// The oximeter's sensor.
    pub oximeter: Oximeter,
    /// Whether the electrodes are on.
    pub leads_on: bool,
    /// Whether the hand moves.
    pub motion: bool,
    /// The device's own state.
    pub device: DeviceState,
}

/// What moves by itself.
#[derive(Debug, Clone)]
struct Drifts {
    /// The heart rate within minutes, and within seconds.
    slow_rate: Drift,
    quick_rate: Drift,
    spo2: Drift,
    resp_rate: Drift,
    temperature: Drift,
    etco2: Drift,
    pressure: Drift,
}

/// One simulated patient.
#[derive(Debug, Clone)]
pub struct Patient {
    random: Random,
    body: Body,
    circulation: Circulation,
    breathing: Breathing,
    observer: Observer,
    cuff: Cuff,
    drifts: Drifts,
    course: Course,
    artefacts: Artefacts,
    /// How far the state has come, ms.
    at_ms: u64,
    /// When the time began of whoever asks, ms.
    since_ms: u64,
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
        let body = Body::new(course.kind, &mut random);
        let drifts = Drifts {
            slow_rate: Drift::new(&mut random, 1.2, 300.0),
            quick_rate: Drift::new(&mut random, 2.7, 9.0),
            spo2: Drift::new(&mut random, 0.3, 25.0),
            resp_rate: Drift::new(&mut random, 0.8, 45.0),
            temperature: Drift::new(&mut random, 0.05, 1200.0),
            etco2: Drift::new(&mut random, 0.8, 60.0),
            pressure: Drift::new(&mut random, 2.5, 600.0),
        };
        let breathing = Breathing::new(&body);
        let observer = Observer::new(&body, breathing.saturation);
        let now = at_rest(&body, &breathing);
        let mut it = Self {
            circulation: Circulation::new(&body),
            cuff: Cuff::new(course.cuff_every.unwrap_or(if random.unit() < 0.5 { 300 } else { 600 })),
            artefacts: Artefacts::new(seed, bed, &course.artefacts),
            breaths: random.unit(),
            beats: random.unit(),
            at_ms: 0,
            since_ms: 0,
            breathing,
            observer,
            random,
            body,
            drifts,
            course,
            now,
        };
        it.step();
        it
    }

    /// The state at a moment; asking for the past gives the newest.
    pub fn at(&mut self, at_ms: u64) -> Numerics {
        while self.at_ms + TICK_MS <= at_ms + self.since_ms {
            self.at_ms += TICK_MS;
            self.step();
        }
        // A monitor that was switched on later knows nothing of it.
        let since = self.since_ms / 1000;
        let cuff = self.now.cuff.and_then(|it| Some(Cuffed { at: it.at.checked_sub(since)?, ..it }));
        Numerics { cuff, ..self.now }
    }

    /// Whoever asks from now on counts time from here, ms: whole seconds.
    pub(crate) const fn seen_since(&mut self, since_ms: u64) {
        self.since_ms = since_ms;
    }

    /// The newest state.
    #[must_use]
    pub const fn now(&self) -> &Numerics {
        &self.now
    }

    /// The pulse wave at a moment, 0 to 1: a steep rise, a slow fall, a dicrotic notch; flat without a pulse.
    #[must_use]
    pub fn pleth(&self, at_ms: u64) -> f64 {
        if self.circulation.rate <= 0.0 || self.now.oximeter != Oximeter::On {
            return 0.0;
        }
        let since = seconds((at_ms + self.since_ms).saturating_sub(self.at_ms));
        let phase = (self.beats + since * self.circulation.rate / 60.0).fract();
        let rise = if phase < 0.15 { phase / 0.15 } else { 1.0 - (phase - 0.15) / 0.85 };
        let from_notch = (phase - 0.45) / 0.12;
        let notch = 0.12 * (1.0 - from_notch * from_notch).max(0.0);
        (rise + notch).clamp(0.0, 1.0)
    }

    /// One second more, from causes to what a monitor sees.
    fn step(&mut self) {
        let at = seconds(self.at_ms);
        let night = self.night(at);
        let mayer = sine(at * 0.1);
        let fever = self.course.cause(Cause::Fever, at, 0.0);
        self.live(at, night, fever, MAYER * mayer);
        let breath = sine(self.breaths);
        let electric = self.electric(at, breath);
        let beats = self.circulation.rate * (1.0 + self.body.arrhythmia * breath);
        let beats = if self.circulation.rate > 0.0 { beats } else { 0.0 };
        let rate = self.breathing.rate;
        let shown = self.observer.step(&self.body, (electric, beats), self.breathing.saturation, rate);
        let moves = self.artefacts.moves(at);
        let whole = self.at_ms / 1000;
        let pressed = self.cuff.presses(whole);
        let mut now = self.seen(at, &shown, night, fever);
        self.cuff.step(whole, [now.systolic, now.diastolic, mean(&now)], self.body.pressure, moves);
        now.cuff = self.cuff.result;
        now.perfusion *= 1.0 + 0.1 * mayer;
        self.artefacts.disturb(at, pressed, &mut now);
        now.spo2 = now.spo2.clamp(0.0, 100.0);
        now.pulse_rate = now.pulse_rate.max(0.0);
        self.now = now;
        self.breaths += self.breathing.rate / 60.0;
        self.beats += self.circulation.rate / 60.0;
    }

    /// Moves heart and lungs on by a second.
    fn live(&mut self, at: f64, night: f64, fever: f64, wave: f64) {
        let (body, random, drifts) = (&self.body, &mut self.random, &mut self.drifts);
        let cause = |cause, own| self.course.cause(cause, at, own);
        let own_rate = body.heart_rate * (1.0 - body.night_rate * night);
        let drift = drifts.slow_rate.step(random) + drifts.quick_rate.step(random);
        let pressure = body.pressure * (1.0 - body.night_pressure * night) + drifts.pressure.step(random);
        let strain = Strain {
            rate: own_rate + drift,
            pressure,
            loss: cause(Cause::BloodLoss, 0.0).clamp(0.0, 1.0),
            resistance: cause(Cause::Resistance, 1.0).max(0.0),
            contractility: cause(Cause::Contractility, 1.0).max(0.0),
            stress: cause(Cause::Stress, 0.0),
            fever,
            rhythm: self.course.rhythm(at),
            saturation: self.breathing.saturation,
            wave,
        };
        self.circulation.step(body, &strain);
        let load = Load {
            rate: body.resp_rate + drifts.resp_rate.step(random),
            drive: cause(Cause::Drive, 1.0).max(0.0),
            metabolism: cause(Cause::Metabolism, 1.0).max(0.0),
            shunt: cause(Cause::Shunt, 0.0),
            diffusion: cause(Cause::Diffusion, 0.0),
            exhalation: cause(Cause::Exhalation, 1.0).max(0.0),
            inspired: cause(Cause::InspiredOxygen, 21.0).clamp(21.0, 100.0),
            fever,
            output: self.circulation.output,
            breathes: self.course.breathes(at),
            ventilated: self.course.ventilated,
        };
        self.breathing.step(body, &load);
    }

    /// What the ECG counts.
    fn electric(&mut self, at: f64, breath: f64) -> f64 {
        match self.course.rhythm(at) {
            Rhythm::Sinus => self.circulation.rate * (1.0 + self.body.arrhythmia * breath),
            // A monitor counts the quivering as it can.
            Rhythm::Fibrillation => self.random.between(190.0, 290.0),
            Rhythm::Asystole => 0.0,
        }
    }

    /// What a monitor shows, without disturbances.
    fn seen(&mut self, at: f64, shown: &Shown, night: f64, fever: f64) -> Numerics {
        let (random, drifts, course) = (&mut self.random, &mut self.drifts, &self.course);
        let [systolic, diastolic, _] = self.circulation.pressures;
        let own = self.body.temperature - NIGHT_COOLER * night + fever + drifts.temperature.step(random);
        let etco2 = self.breathing.end_tidal + drifts.etco2.step(random);
        // What passes no air adds to what moves by itself; at 100 % nothing moves.
        let spo2 = (shown.spo2 + drifts.spo2.step(random)).min(100.0);
        let etco2 = if shown.has_breath { etco2.max(0.0) } else { 0.0 };
        let systolic = course.sign(Sign::Systolic, at, systolic).max(0.0);
        let diastolic = course.sign(Sign::Diastolic, at, diastolic).max(0.0);
        let oximeter = match (course.probe_on(at), shown.has_pulse) {
            (false, _) => Oximeter::Off,
            (true, false) => Oximeter::Searching,
            (true, true) => Oximeter::On,
        };
        Numerics {
            heart_rate: course.sign(Sign::HeartRate, at, shown.heart_rate).max(0.0),
            pulse_rate: course.sign(Sign::HeartRate, at, shown.pulse_rate).max(0.0),
            spo2: course.sign(Sign::Spo2, at, spo2),
            perfusion: (self.body.perfusion * self.circulation.output.min(2.0)).clamp(0.05, 20.0),
            resp_rate: course.sign(Sign::RespRate, at, shown.resp_rate).max(0.0),
            temperature: course.sign(Sign::Temperature, at, own),
            etco2: course.sign(Sign::Etco2, at, etco2).max(0.0),
            systolic,
            diastolic,
            arterial: course
                .arterial_line
                .then(|| [systolic, diastolic, diastolic + (systolic - diastolic) / 3.0]),
            cuff: None,
            oximeter,
            leads_on: true,
            motion: false,
            device: self.now.device,
        }
    }

    /// How deep in the night it is: 1 at 04:00, 0 at 16:00.
    fn night(&self, at: f64) -> f64 {
        // A quarter of a turn makes a cosine of the sine.
        0.5 + 0.5 * sine((self.course.hour - 4.0 + at / 3600.0) / 24.0 + 0.25)
    }
}

/// Before the first second.
fn at_rest(body: &Body, breathing: &Breathing) -> Numerics {
    Numerics {
        heart_rate: body.heart_rate,
        pulse_rate: body.heart_rate,
        spo2: breathing.saturation,
        perfusion: body.perfusion,
        resp_rate: body.resp_rate,
        temperature: body.temperature,
        etco2: breathing.end_tidal,
        systolic: body.pressure + body.pulse_pressure * 2.0 / 3.0,
        diastolic: body.pressure - body.pulse_pressure / 3.0,
        arterial: None,
        cuff: None,
        oximeter: Oximeter::On,
        leads_on: true,
        motion: false,
        device: DeviceState::default(),
    }
}

fn mean(now: &Numerics) -> f64 {
    now.diastolic + (now.systolic - now.diastolic) / 3.0
}

/// Milliseconds in seconds, for the model's arithmetic.
#[expect(clippy::cast_precision_loss, reason = "a run lasts days, not 2^53 ms")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests;
