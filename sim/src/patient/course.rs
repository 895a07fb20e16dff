//! Where a scenario drives a patient: targets with ramps, and the oximeter's sensor.

/// What a scenario can drive.
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

/// From a moment on, a sign goes to a target, or back to where it would be by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ramp {
    /// Which.
    pub sign: Sign,
    /// When it begins, s.
    pub at: f64,
    /// How long it takes, s.
    pub over: f64,
    /// Where to; `None`: back.
    pub target: Option<f64>,
}

/// All that happens to one patient, in order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Course {
    /// The ramps.
    pub ramps: Vec<Ramp>,
    /// When the sensor goes off (`false`) or on (`true`), s.
    pub probe: Vec<(f64, bool)>,
}

impl Course {
    /// What becomes of a sign that would by itself have the value `own`.
    pub(super) fn drive(&self, sign: Sign, at: f64, own: f64) -> f64 {
        let begun = self.ramps.iter().filter(|it| it.sign == sign && it.at <= at);
        begun.fold(own, |from, ramp| {
            let share = if ramp.over > 0.0 { ((at - ramp.at) / ramp.over).min(1.0) } else { 1.0 };
            // A target keeps a third of the patient's own restlessness: nobody lies still at exactly 82 %.
            let to = ramp.target.map_or(own, |target| target + (own - own.round()) / 3.0);
            from + (to - from) * share
        })
    }

    /// Whether the sensor is on.
    pub(super) fn probe_on(&self, at: f64) -> bool {
        self.probe.iter().rev().find(|(from, _)| *from <= at).is_none_or(|(_, on)| *on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_leads_to_its_target_and_back() {
        let ramp = |at, target| Ramp { sign: Sign::Spo2, at, over: 10.0, target };
        let course = Course { ramps: vec![ramp(10.0, Some(80.0)), ramp(60.0, None)], probe: Vec::new() };
        let at = |at| course.drive(Sign::Spo2, at, 97.0);
        assert!((at(9.9) - 97.0).abs() < 1e-9);
        assert!((at(15.0) - 88.5).abs() < 1e-9);
        assert!((at(40.0) - 80.0).abs() < 1e-9);
        assert!((at(90.0) - 97.0).abs() < 1e-9);
        assert!((course.drive(Sign::HeartRate, 40.0, 70.0) - 70.0).abs() < 1e-9);
    }

    #[test]
    fn the_sensor_is_on_until_it_is_taken_off() {
        let course = Course { ramps: Vec::new(), probe: vec![(5.0, false), (9.0, true)] };
        assert_eq!([1.0, 5.0, 8.9, 9.0].map(|at| course.probe_on(at)), [true, false, false, true]);
    }
}
