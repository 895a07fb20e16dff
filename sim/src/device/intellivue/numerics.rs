//! The numeric objects of a monitor: what each is called, its observed values, and what they say.

use std::collections::BTreeMap;

use vitals::vital::Vital;

use super::alarms;
use super::words::{NAN, absolute_time, attribute, float, list, string};
use crate::device::{Said, quantity, rounded};
use crate::patient::{Numerics, Oximeter};

/// Measurement state: no value can be told; it is doubtful; it is not there; by demonstration; in alarm.
const INVALID: u16 = 0x8000;
const QUESTIONABLE: u16 = 0x4000;
const UNAVAILABLE: u16 = 0x2000;
const DEMO: u16 = 0x0400;
const IN_ALARM: u16 = 0x0002;

/// Units.
const DIMENSIONLESS: u16 = 0x0200;
const PER_CENT: u16 = 0x0220;
const BEATS: u16 = 0x0AA0;
const BREATHS: u16 = 0x0AE0;
const MMHG: u16 = 0x0F20;
const CELSIUS: u16 = 0x17A0;

/// Names of observed values, and of the objects that hold one of that name.
pub(super) const HEART_RATE: u16 = 0x4182;
pub(super) const PULSE_RATE: u16 = 0x4822;
pub(super) const SPO2: u16 = 0x4BB8;
const PERFUSION: u16 = 0x4BB0;
pub(super) const RESP_RATE: u16 = 0x500A;
const AIRWAY_RATE: u16 = 0x5012;
const CO2: u16 = 0x50AC;
const ETCO2: u16 = 0x50B0;
/// The least that is breathed in: not the inspired carbon dioxide, and no vital of ours.
const IMCO2: u16 = 0x50BA;
const TEMPERATURE: u16 = 0x4B48;
pub(super) const NIBP: u16 = 0x4A04;
const ABP: u16 = 0x4A14;
/// Of a pressure, the systolic, the diastolic and the mean follow its name.
const PARTS: [u16; 3] = [1, 2, 3];
const NIBP_VITALS: [Vital; 3] = [Vital::NibpSystolic, Vital::NibpDiastolic, Vital::NibpMean];
const ABP_VITALS: [Vital; 3] = [Vital::AbpSystolic, Vital::AbpDiastolic, Vital::AbpMean];

/// Groups of attributes; 0 is all.
const DYNAMIC: u16 = 0x0810;
const STATIC: u16 = 0x0811;
const OBSERVED: u16 = 0x0803;

/// A value as a monitor observes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Observed {
    name: u16,
    state: u16,
    unit: u16,
    float: [u8; 4],
    vital: Option<(Vital, Said)>,
}

impl Observed {
    /// A number of steps of 10^-`decimals`.
    fn value(name: u16, unit: u16, vital: Vital, steps: i32, decimals: u8) -> Self {
        let said = Said::Value(quantity(steps, 10_u16.pow(u32::from(decimals))));
        Self { name, state: 0, unit, float: float(steps, decimals), vital: Some((vital, said)) }
    }

    /// No number; a state cannot tell that a sensor is the cause.
    const fn absent(name: u16, state: u16, unit: u16, vital: Vital) -> Self {
        Self { name, state, unit, float: NAN, vital: Some((vital, Said::Absent { sensor: false })) }
    }

    /// The same with another state added.
    fn with(self, state: u16) -> Self {
        Self { state: self.state | state, ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let words = [self.name, self.state, self.unit].map(u16::to_be_bytes);
        [words.concat(), self.float.to_vec()].concat()
    }
}

/// An object on the monitor's screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    name: u16,
    text: &'static str,
    observed: Vec<Observed>,
    /// Whether its values stand together in one attribute.
    compound: bool,
    /// When it was measured, s of simulated time, where it is measured now and then.
    at: Option<u64>,
}

/// What is on the screen.
pub(super) fn objects(now: &Numerics, demo: bool) -> Vec<Object> {
    let mut objects = vec![heart_rate(now)];
    objects.extend(oximeter(now));
    objects.extend([resp_rate(now), temperature(now)]);
    objects.extend(carbon_dioxide(now));
    objects.push(cuff(now));
    objects.extend(now.arterial.map(|it| pressure(ABP, "ABP", it, ABP_VITALS)));
    let alarmed = alarms::patient(now);
    for observed in objects.iter_mut().flat_map(|it| &mut it.observed) {
        if alarmed.iter().any(|it| it.source == observed.name) {
            observed.state |= IN_ALARM;
        }
        if demo {
            observed.state |= DEMO;
            // Whatever the number is, it is no patient's.
            observed.vital = observed.vital.map(|(vital, _)| (vital, Said::Absent { sensor: false }));
        }
    }
    objects
}

fn heart_rate(now: &Numerics) -> Object {
    let value = if now.leads_on {
        Observed::value(HEART_RATE, BEATS, Vital::HeartRate, rounded(now.heart_rate, 1), 0)
    } else {
        Observed::absent(HEART_RATE, INVALID | UNAVAILABLE, BEATS, Vital::HeartRate)
    };
    single("HR", value)
}

/// The breath by the electrodes: without them there is none.
fn resp_rate(now: &Numerics) -> Object {
    let value = if now.leads_on {
        Observed::value(RESP_RATE, BREATHS, Vital::RespRate, rounded(now.resp_rate, 1), 0)
    } else {
        Observed::absent(RESP_RATE, INVALID | UNAVAILABLE, BREATHS, Vital::RespRate)
    };
    single("RR", value)
}

fn oximeter(now: &Numerics) -> [Object; 3] {
    let values = [
        Observed::value(SPO2, PER_CENT, Vital::Spo2, rounded(now.spo2, 1), 0),
        // Told in tenths, of which the last is always 0.
        Observed::value(PULSE_RATE, BEATS, Vital::PulseRate, rounded(now.pulse_rate, 1) * 10, 1),
        Observed::value(PERFUSION, DIMENSIONLESS, Vital::PerfusionIndex, rounded(now.perfusion, 100), 2),
    ];
    let missing = match now.oximeter {
        Oximeter::On => None,
        Oximeter::Off => Some(INVALID | UNAVAILABLE),
        Oximeter::Searching => Some(INVALID),
    };
    let [spo2, pulse, perfusion] = values.map(|it| match (missing, it.vital) {
        (Some(state), Some((vital, _))) => Observed::absent(it.name, state, it.unit, vital),
        _ => it.with(if now.motion { QUESTIONABLE } else { 0 }),
    });
    [single("SpO\u{2082}", spo2), single("Pulse", pulse), single("Perf", perfusion)]
}

fn temperature(now: &Numerics) -> Object {
    let value = Observed::value(TEMPERATURE, CELSIUS, Vital::Temperature, rounded(now.temperature, 10), 1);
    single("Temp", value)
}

fn carbon_dioxide(now: &Numerics) -> [Object; 2] {
    let end_tidal = Observed::value(ETCO2, MMHG, Vital::Etco2, rounded(now.etco2, 1), 0);
    let inspired = Observed { name: IMCO2, state: 0, unit: MMHG, float: float(0, 0), vital: None };
    let rate = Observed::value(AIRWAY_RATE, BREATHS, Vital::RespRateCo2, rounded(now.resp_rate, 1), 0);
    let values = vec![end_tidal, inspired];
    [
        Object { name: CO2, text: "CO\u{2082}", observed: values, compound: true, at: None },
        single("awRR", rate),
    ]
}

/// The cuff: its newest result stays on the screen; before the first there is none.
fn cuff(now: &Numerics) -> Object {
    let Some(it) = now.cuff else {
        let absent =
            |(part, vital): (u16, Vital)| Observed::absent(NIBP + part, INVALID | UNAVAILABLE, MMHG, vital);
        let observed = PARTS.into_iter().zip(NIBP_VITALS).map(absent).collect();
        return Object { name: NIBP, text: "NBP", observed, compound: true, at: None };
    };
    let mean = it.diastolic + (it.systolic - it.diastolic) / 3.0;
    Object { at: Some(it.at), ..pressure(NIBP, "NBP", [it.systolic, it.diastolic, mean], NIBP_VITALS) }
}

fn pressure(name: u16, text: &'static str, pressures: [f64; 3], vitals: [Vital; 3]) -> Object {
    let value = |((part, pressure), vital): ((u16, f64), Vital)| {
        Observed::value(name + part, MMHG, vital, rounded(pressure, 1), 0)
    };
    let observed = PARTS.into_iter().zip(pressures).zip(vitals).map(value).collect();
    Object { name, text, observed, compound: true, at: None }
}

fn single(text: &'static str, observed: Observed) -> Object {
    Object { name: observed.name, text, observed: vec![observed], compound: false, at: None }
}

impl Object {
    /// Its entry in the answer to a poll: handle and attributes of that group. `clock` is what the monitor's clock showed
    /// at simulated time 0, s since 1970.
    pub(super) fn entry(&self, group: u16, clock: i64) -> Vec<u8> {
        let wanted = |it: u16| group == 0 || group == it;
        let mut attributes = Vec::new();
        if wanted(STATIC) {
            attributes.push(attribute(0x0921, &self.handle().to_be_bytes()));
            // The name is one of the partition of physiological identifiers.
            attributes.push(attribute(0x092F, &[[0, 2], self.name.to_be_bytes()].concat()));
            // Every 1024 ms, by itself, one value or several.
            let structure = u8::from(self.compound);
            let values = u8::try_from(self.observed.len()).unwrap_or(0);
            let specification = [0, 0, 0x20, 0, 0, 1, 0xC6, 0, structure, values, 0, 0];
            attributes.push(attribute(0x093F, &specification));
        }
        if wanted(DYNAMIC) {
            attributes.push(attribute(0x0924, &[[0, 2], self.name.to_be_bytes()].concat()));
            attributes.push(attribute(0x0927, &string(self.text)));
            // On and in use; no special mode; green; how many digits are shown.
            attributes.push(attribute(0x0940, &[0, 0]));
            attributes.push(attribute(0x0945, &[0, 0]));
            attributes.push(attribute(0x0911, &[0, 2]));
            attributes.push(attribute(0x0917, &[3, 2]));
            attributes.extend(self.observed.first().map(|it| attribute(0x0996, &it.unit.to_be_bytes())));
        }
        if wanted(OBSERVED) {
            let values: Vec<_> = self.observed.iter().map(Observed::bytes).collect();
            attributes.push(if self.compound {
                attribute(0x094B, &list(&values))
            } else {
                attribute(0x0950, &values.concat())
            });
            let at = self.at.and_then(|at| i64::try_from(at).ok());
            attributes.extend(at.map(|at| attribute(0x0990, &absolute_time(clock + at).0)));
        }
        [self.handle().to_be_bytes().to_vec(), list(&attributes)].concat()
    }

    /// What is said with that group of its attributes.
    pub(super) fn vitals(&self, group: u16) -> BTreeMap<Vital, Said> {
        let told = group == 0 || group == OBSERVED;
        self.observed.iter().filter(|_| told).filter_map(|it| it.vital).collect()
    }

    /// Any number of 16 bits, as long as it stays with the object.
    pub(super) const fn handle(&self) -> u16 {
        handle(self.name)
    }
}

/// The handle of the object of that name.
pub(super) const fn handle(name: u16) -> u16 {
    0x8000 | name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Patient;
    use crate::patient::course::Course;
    use crate::patient::cuff::Cuffed;

    fn now() -> Numerics {
        Numerics {
            heart_rate: 72.4,
            pulse_rate: 72.4,
            spo2: 97.2,
            perfusion: 2.0,
            resp_rate: 14.0,
            temperature: 36.8,
            etco2: 38.0,
            cuff: Some(Cuffed { at: 20, systolic: 120.0, diastolic: 80.0 }),
            ..Patient::new(1, 0, Course::default()).at(0)
        }
    }

    fn entry(now: &Numerics, name: u16, group: u16) -> Vec<u8> {
        objects(now, false).iter().find(|it| it.name == name).unwrap().entry(group, 0)
    }

    /// The observed values of the worked answers, byte for byte behind the handle.
    #[test]
    fn values_stand_as_in_the_worked_answers() {
        let spo2 = [0, 1, 0, 0x0E, 9, 0x50, 0, 0x0A, 0x4B, 0xB8, 0, 0, 2, 0x20, 0, 0, 0, 0x61];
        assert_eq!(entry(&now(), SPO2, OBSERVED)[2..], spo2);
        let pulse = [0, 1, 0, 0x0E, 9, 0x50, 0, 0x0A, 0x48, 0x22, 0, 0, 0x0A, 0xA0, 0xFF, 0, 2, 0xD0];
        assert_eq!(entry(&now(), PULSE_RATE, OBSERVED)[2..], pulse);
        let cuff = [
            9, 0x4B, 0, 0x22, 0, 3, 0, 0x1E, 0x4A, 5, 0, 0, 0x0F, 0x20, 0, 0, 0, 0x78, 0x4A, 6, 0, 0, 0x0F,
            0x20, 0, 0, 0, 0x50, 0x4A, 7, 0, 0, 0x0F, 0x20, 0, 0, 0, 0x5D,
        ];
        assert_eq!(entry(&now(), NIBP, OBSERVED)[6..44], cuff);
        // The label comes before the value.
        let all = entry(&now(), SPO2, 0);
        let label = [9, 0x24, 0, 4, 0, 2, 0x4B, 0xB8];
        let place = |part: &[u8]| all.windows(part.len()).position(|it| it == part);
        assert!(place(&label).unwrap() < place(&spo2[4..]).unwrap());
    }

    #[test]
    fn a_missing_probe_is_a_state_and_no_number() {
        let off = Numerics { oximeter: Oximeter::Off, ..now() };
        let absent = [9, 0x50, 0, 0x0A, 0x4B, 0xB8, 0xA0, 0, 2, 0x20, 0, 0x7F, 0xFF, 0xFF];
        assert_eq!(entry(&off, SPO2, OBSERVED)[6..], absent);
        let all = objects(&off, false);
        let said: BTreeMap<_, _> = all.iter().flat_map(|it| it.vitals(0)).collect();
        assert_eq!(said[&Vital::Spo2], Said::Absent { sensor: false });
        assert_eq!(said[&Vital::HeartRate], Said::Value(quantity(72, 1)));
    }

    #[test]
    fn motion_is_doubt_and_limits_are_an_alarm_and_both_keep_the_number() {
        let moving = Numerics { motion: true, spo2: 84.0, ..now() };
        assert_eq!(entry(&moving, SPO2, OBSERVED)[12..14], [0x40, 0x02]);
        let said = objects(&moving, false)[1].vitals(OBSERVED);
        assert_eq!(said[&Vital::Spo2], Said::Value(quantity(84, 1)));
    }

    #[test]
    fn a_demonstration_has_numbers_and_says_none() {
        let all = objects(&now(), true);
        assert!(all.iter().flat_map(|it| &it.observed).all(|it| it.state & DEMO != 0));
        let mut said = all.iter().flat_map(|it| it.vitals(0));
        assert!(said.all(|(_, it)| it == Said::Absent { sensor: false }));
    }

    #[test]
    fn an_arterial_line_is_an_object_of_its_own() {
        let line = Numerics { arterial: Some([118.0, 71.0, 86.7]), ..now() };
        let abp = objects(&line, false).pop().unwrap().vitals(0);
        assert_eq!(abp[&Vital::AbpMean], Said::Value(quantity(87, 1)));
        assert_eq!(objects(&line, false).len(), objects(&now(), false).len() + 1);
    }
}
