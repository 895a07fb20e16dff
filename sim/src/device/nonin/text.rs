//! Nonin's older desk models (8500, 8600, 9600, 9847): a line of text a second.

use std::collections::BTreeMap;

use vitals::vital::Vital;

use super::super::regular::{Regular, Turn};
use super::super::{Emission, Observation, Said, quantity, rounded};
use crate::patient::{Numerics, Oximeter, Patient};

/// A desk model.
#[derive(Debug, Default)]
pub struct Text {
    regular: Regular,
}

impl Text {
    pub(in crate::device) fn due(&self) -> u64 {
        self.regular.due()
    }

    pub(in crate::device) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        let at_ms = match self.regular.turn() {
            Turn::Leaves(slice) => return Some(slice),
            Turn::Speaks(at_ms) => at_ms,
        };
        let (text, vitals) = line(&patient.at(at_ms));
        let observation = Some(Observation { vitals, ..Observation::default() });
        self.regular.put(at_ms, text.as_bytes(), observation);
        None
    }
}

/// The line of one second, and what it says: dashes, whatever the reason.
fn line(now: &Numerics) -> (String, BTreeMap<Vital, Said>) {
    let vitals = [Vital::Spo2, Vital::PulseRate];
    if now.oximeter != Oximeter::On {
        let absent = vitals.map(|it| (it, Said::Absent { sensor: false }));
        return ("SPO2=--- HR=---\r\n".into(), absent.into());
    }
    let (saturation, rate) = (rounded(now.spo2, 1).clamp(0, 100), rounded(now.pulse_rate, 1).clamp(18, 321));
    let said = [saturation, rate].map(|it| Said::Value(quantity(it, 1)));
    (format!("SPO2={saturation:03} HR={rate:03}\r\n"), vitals.into_iter().zip(said).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    #[test]
    fn a_line_is_as_documented() {
        let now = Patient::new(1, 0, Course::default()).at(0);
        let (text, said) = line(&Numerics { spo2: 97.2, pulse_rate: 71.6, ..now });
        assert_eq!(text, "SPO2=097 HR=072\r\n");
        assert_eq!(said[&Vital::PulseRate], Said::Value(quantity(72, 1)));
        let (text, said) = line(&Numerics { oximeter: Oximeter::Off, ..now });
        assert_eq!(text, "SPO2=--- HR=---\r\n");
        // Dashes do not say why.
        assert!(said.values().all(|it| *it == Said::Absent { sensor: false }));
    }

    #[test]
    fn a_line_comes_every_second_and_takes_its_time() {
        let mut patient = Patient::new(1, 0, Course::default());
        let mut device = Text::default();
        let mut said = Vec::new();
        while device.due() <= 10_500 {
            said.extend(device.emit(&mut patient).filter(|it| it.observation.is_some()).map(|it| it.at_ms));
        }
        assert_eq!((said.len(), said[0], said[9]), (10, 1017, 10_017));
    }
}
