//! Where a scenario drives a patient: causes, numbers, rhythm, pauses of breath, the oximeter's sensor.

use super::body::Kind;
use crate::artefact::Artefact;

/// A number that a scenario can drive by itself, whatever the body does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Heart rate and pulse.
    HeartRate,
    /// Oxygen saturation.
    Spo2,
    /// Respiratory rate.
    RespRate,
    /// Temperature.
    Temperature,
    /// End-tidal carbon dioxide.
    Etco2,
    /// Systolic pressure.
    Systolic,
    /// Diastolic pressure.
    Diastolic,
}

/// What goes wrong in the body; the numbers follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Blood or plasma lost, share of all; by itself 0.
    BloodLoss,
    /// The resistance of the vessels, times the normal.
    Resistance,
    /// The strength of the heart, times the normal.
    Contractility,
    /// The drive to breathe, times the normal.
    Drive,
    /// What the body burns, times the normal.
    Metabolism,
    /// The share of blood that passes no air, added.
    Shunt,
    /// What oxygen loses between air and blood, mmHg, added.
    Diffusion,
    /// How well carbon dioxide is breathed out, times the normal.
    Exhalation,
    /// Inspired oxygen, %; by itself 21.
    InspiredOxygen,
    /// The temperature that the body wants, °C, added.
    Fever,
    /// What hormones and pain make of the heart rate, /min, added.
    Stress,
}

/// What a ramp drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Driven {
    /// A number.
    Sign(Sign),
    /// A cause.
    Cause(Cause),
}

/// What the heart does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rhythm {
    /// It beats.
    #[default]
    Sinus,
    /// It quivers: an ECG without a pulse.
    Fibrillation,
    /// It stands still.
    Asystole,
}

/// From a moment on, something goes to a target, or back to where it would be by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ramp {
    /// What.
    pub driven: Driven,
    /// When it begins, s.
    pub at: f64,
    /// How long it takes, s.
    pub over: f64,
    /// Where to; `None`: back.
    pub target: Option<f64>,
}

/// One patient, and all that happens to them, in order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Course {
    /// Whose body it is.
    pub kind: Kind,
    /// The hour of the day at the beginning.
    pub hour: f64,
    /// Whether a machine breathes.
    pub ventilated: bool,
    /// Whether there is an arterial line.
    pub arterial_line: bool,
    /// How often the cuff measures, s; `None`: 5 or 10 minutes.
    pub cuff_every: Option<u64>,
    /// What disturbs the measurement.
    pub artefacts: Vec<Artefact>,
    /// The ramps.
    pub ramps: Vec<Ramp>,
    /// When the sensor goes off (`false`) or on (`true`), s.
    pub probe: Vec<(f64, bool)>,
    /// When the rhythm changes, s.
    pub rhythm: Vec<(f64, Rhythm)>,
    /// Pauses of breath: from, until, s.
    pub apnea: Vec<(f64, f64)>,
}

impl Course {
    /// What becomes of a number that would by itself have the value `own`.
    pub(super) fn sign(&self, sign: Sign, at: f64, own: f64) -> f64 {
        // A target keeps a third of the patient's own restlessness: nobody lies still at exactly 82 %.
        self.drive(Driven::Sign(sign), at, own, (own - own.round()) / 3.0)
    }

    /// What a cause is that would by itself be `own`.
    pub(super) fn cause(&self, cause: Cause, at: f64, own: f64) -> f64 {
        self.drive(Driven::Cause(cause), at, own, 0.0)
    }

    fn drive(&self, driven: Driven, at: f64, own: f64, restless: f64) -> f64 {
        let begun = self.ramps.iter().take_while(|it| it.at <= at).filter(|it| it.driven == driven);
        begun.fold(own, |from, ramp| {
            let share = if ramp.over > 0.0 { ((at - ramp.at) / ramp.over).min(1.0) } else { 1.0 };
            let to = ramp.target.map_or(own, |target| target + restless);
            from + (to - from) * share
        })
    }

    /// Whether the sensor is on.
    pub(super) fn probe_on(&self, at: f64) -> bool {
        self.probe.iter().rev().find(|(from, _)| *from <= at).is_none_or(|(_, on)| *on)
    }

    pub(super) fn rhythm(&self, at: f64) -> Rhythm {
        self.rhythm.iter().rev().find(|(from, _)| *from <= at).map_or(Rhythm::Sinus, |(_, it)| *it)
    }

    pub(super) fn breathes(&self, at: f64) -> bool {
        !self.apnea.iter().any(|(from, until)| (*from..*until).contains(&at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_leads_to_its_target_and_back() {
        let driven = Driven::Sign(Sign::Spo2);
        let ramp = |at, target| Ramp { driven, at, over: 10.0, target };
        let course = Course { ramps: vec![ramp(10.0, Some(80.0)), ramp(60.0, None)], ..Course::default() };
        let at = |at| course.sign(Sign::Spo2, at, 97.0);
        assert!((at(9.9) - 97.0).abs() < 1e-9);
        assert!((at(15.0) - 88.5).abs() < 1e-9);
        assert!((at(40.0) - 80.0).abs() < 1e-9);
        assert!((at(90.0) - 97.0).abs() < 1e-9);
        assert!((course.sign(Sign::HeartRate, 40.0, 70.0) - 70.0).abs() < 1e-9);
        assert!((course.cause(Cause::BloodLoss, 40.0, 0.0)).abs() < 1e-9);
    }

    #[test]
    fn sensor_rhythm_and_breath_change_at_their_times() {
        let course = Course {
            probe: vec![(5.0, false), (9.0, true)],
            rhythm: vec![(5.0, Rhythm::Fibrillation), (9.0, Rhythm::Sinus)],
            apnea: vec![(5.0, 9.0)],
            ..Course::default()
        };
        assert_eq!([1.0, 5.0, 8.9, 9.0].map(|at| course.probe_on(at)), [true, false, false, true]);
        assert_eq!([1.0, 5.0, 9.0].map(|at| course.breathes(at)), [true, false, true]);
        let sinus = [1.0, 5.0, 9.0].map(|at| course.rhythm(at) == Rhythm::Sinus);
        assert_eq!(sinus, [true, false, true]);
    }
}
