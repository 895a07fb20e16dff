//! An Ivy 450C with its ANSAR-B output: a second of waves and a page of text in one message, by `cpc/ansarB` of the MD PnP
//! project and its recorded bytes.

mod waves;

use std::collections::BTreeMap;

use vitals::vital::Vital;

use super::nibp::{Newest, Pressures};
use super::regular::{Regular, Turn};
use super::{Emission, Observation, Said, quantity, rounded};
use crate::patient::{Numerics, Oximeter, Patient};
use waves::Waves;

/// What opens a message and what ends it.
const OPENING: &[u8] = b"\xFFANSAR-B ";
const END: u8 = 0xFE;

/// A monitor of ECG, breath, CO2, oximeter, cuff, one pressure and one temperature.
#[derive(Debug, Default)]
pub struct Ivy {
    newest: Newest,
    waves: Waves,
    regular: Regular,
}

impl Ivy {
    pub(super) fn due(&self) -> u64 {
        self.regular.due()
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        let at_ms = match self.regular.turn() {
            Turn::Leaves(slice) => return Some(slice),
            Turn::Speaks(at_ms) => at_ms,
        };
        let now = patient.at(at_ms);
        self.newest.look(&now);
        let waves = self.waves.second(patient, at_ms);
        let (text, vitals) = text(&now, self.newest.result());
        let message = [OPENING, &waves, text.as_bytes(), &[END]].concat();
        let observation = Observation { vitals, ..Observation::default() };
        self.regular.put(at_ms, &message, Some(observation));
        None
    }
}

/// The page, and what it says: an empty field is a value that is not there, a text behind it why.
fn text(now: &Numerics, cuff: Option<Pressures>) -> (String, BTreeMap<Vital, Said>) {
    let mut vitals = BTreeMap::new();
    let mut lines = Vec::new();
    let whole = |value: i32| Said::Value(quantity(value, 1));
    let (heart, breath) = (rounded(now.heart_rate, 1), rounded(now.resp_rate, 1));
    if now.leads_on {
        vitals.extend([(Vital::HeartRate, whole(heart)), (Vital::RespRate, whole(breath))]);
        lines.push(format!("HR=1;{heart};ECG-II-DIAG;"));
        // Set on the monitor, and no alarm.
        lines.push(format!("RR=1;{breath};APNEA: 20 SEC;"));
    } else {
        let off = Said::Absent { sensor: true };
        vitals.extend([(Vital::HeartRate, off), (Vital::RespRate, off)]);
        lines.extend(["HR=1;;LEAD OFF;".into(), "RR=1;;LEAD OFF;".into()]);
    }
    let etco2 = rounded(now.etco2, 1);
    vitals.insert(Vital::Etco2, whole(etco2));
    lines.push(format!("ETCO2=1;{etco2};;"));
    let (saturation, pulse) = (rounded(now.spo2, 1).clamp(0, 100), rounded(now.pulse_rate, 1));
    let oximeter = match now.oximeter {
        Oximeter::On => {
            lines.push(format!("SPO2=1;{saturation};PR={pulse:<3};"));
            [whole(saturation), whole(pulse)]
        }
        Oximeter::Off => {
            lines.push("SPO2=1;;SENSOR OFF;".into());
            [Said::Absent { sensor: true }; 2]
        }
        Oximeter::Searching => {
            lines.push("SPO2=1;;PULSE SEARCH;".into());
            [Said::Absent { sensor: false }; 2]
        }
    };
    vitals.extend([Vital::Spo2, Vital::PulseRate].into_iter().zip(oximeter));
    // The newest result stays on display.
    let pressures = [Vital::NibpSystolic, Vital::NibpDiastolic, Vital::NibpMean];
    if let Some(Pressures { systolic, diastolic, mean, pulse }) = cuff {
        vitals.extend(pressures.into_iter().zip([systolic, diastolic, mean].map(whole)));
        lines.push(format!("NIBP=4;{systolic};{diastolic};{mean};{pulse};;"));
    } else {
        vitals.extend(pressures.map(|it| (it, Said::Absent { sensor: false })));
        lines.push("NIBP=4;;;;;;".into());
    }
    // Nothing says what kind of pressure it is.
    lines.push(now.arterial.map_or("P1=3;;;;NO TRANSDUCER;".into(), |line| {
        let [systolic, diastolic, mean] = line.map(|it| rounded(it, 1));
        format!("P1=3;{systolic};{diastolic};{mean};;")
    }));
    lines.push("P2=3;;;;NO TRANSDUCER;".into());
    let temperature = rounded(now.temperature, 10);
    vitals.insert(Vital::Temperature, Said::Value(quantity(temperature, 10)));
    lines.push(format!("T1=1;{}.{};;", temperature / 10, temperature % 10));
    lines.push("T2=1;;;".into());
    lines.push(String::new());
    (lines.join("\r"), vitals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    fn numerics() -> Numerics {
        Numerics {
            heart_rate: 72.0,
            resp_rate: 14.0,
            spo2: 97.0,
            pulse_rate: 71.0,
            etco2: 38.4,
            temperature: 36.64,
            arterial: Some([119.0, 77.0, 91.0]),
            ..Patient::new(1, 0, Course::default()).at(0)
        }
    }

    #[test]
    fn the_page_is_as_in_the_recorded_one() {
        let cuff = Pressures { systolic: 128, diastolic: 82, mean: 97, pulse: 70 };
        let (page, vitals) = text(&numerics(), Some(cuff));
        let worked = "HR=1;72;ECG-II-DIAG;\rRR=1;14;APNEA: 20 SEC;\rETCO2=1;38;;\rSPO2=1;97;PR=71 ;\r\
                      NIBP=4;128;82;97;70;;\rP1=3;119;77;91;;\rP2=3;;;;NO TRANSDUCER;\rT1=1;36.6;;\rT2=1;;;\r";
        assert_eq!(page, worked);
        assert_eq!(vitals[&Vital::NibpMean], Said::Value(quantity(97, 1)));
        assert!(!vitals.contains_key(&Vital::AbpMean));
    }

    #[test]
    fn what_is_not_measured_is_an_empty_field() {
        let now = Numerics { leads_on: false, oximeter: Oximeter::Off, arterial: None, ..numerics() };
        let (page, vitals) = text(&now, None);
        let lines: Vec<&str> = page.split('\r').collect();
        assert_eq!(lines[..2], ["HR=1;;LEAD OFF;", "RR=1;;LEAD OFF;"]);
        assert_eq!(lines[3..6], ["SPO2=1;;SENSOR OFF;", "NIBP=4;;;;;;", "P1=3;;;;NO TRANSDUCER;"]);
        assert_eq!(vitals[&Vital::Spo2], Said::Absent { sensor: true });
        assert_eq!(vitals[&Vital::NibpMean], Said::Absent { sensor: false });
    }

    #[test]
    fn a_message_comes_every_second_and_is_a_page_behind_400_bytes() {
        let (mut ivy, mut patient) = (Ivy::default(), Patient::new(1, 0, Course::default()));
        let (mut bytes, mut said) = (Vec::new(), Vec::new());
        while ivy.due() <= 10_900 {
            let Some(it) = ivy.emit(&mut patient) else { continue };
            bytes.extend(it.bytes);
            said.extend(it.observation.map(|_| it.at_ms));
        }
        // Some 580 bytes take 0.6 s.
        assert!(said.len() == 10 && (1500..1700).contains(&said[0]), "{said:?}");
        for message in bytes.split_inclusive(|it| *it == END) {
            assert!(message.starts_with(OPENING), "{message:?}");
            assert!(message[409..].starts_with(b"HR=1;"), "{message:?}");
            assert!(!message[1..].contains(&0xFF), "{message:?}");
        }
    }
}
