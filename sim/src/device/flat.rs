//! A monitor that publishes over MQTT: a flat JSON object a second, numbered and timed.

use std::collections::BTreeMap;
use std::fmt::Write;

use vitals::time::Timestamp;
use vitals::vital::Vital;

use super::{Emission, Observation, Said, quantity, rounded};
use crate::artefact::Voice;
use crate::patient::{Numerics, Oximeter, Patient};

/// A monitor on the network: ECG, oximeter, breath, temperature, capnometer, cuff, arterial line where there is one.
#[derive(Debug)]
pub struct Flat {
    start: Timestamp,
    /// Seconds since it was switched on for the first time.
    seconds: u64,
    /// Messages since it was switched on for the last time.
    messages: u64,
    restarts: u64,
}

impl Flat {
    /// A monitor that is switched on at `start`.
    #[must_use]
    pub const fn new(start: Timestamp) -> Self {
        Self { start, seconds: 0, messages: 0, restarts: 0 }
    }

    pub(super) const fn due(&self) -> u64 {
        (self.seconds + 1) * 1000
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Emission {
        let at_ms = self.due();
        self.seconds += 1;
        let now = patient.at(at_ms);
        if now.device.restarts != self.restarts {
            (self.restarts, self.messages) = (now.device.restarts, 0);
        }
        if now.device.voice == Voice::Speaks {
            self.messages += 1;
        }
        let since = i64::try_from(at_ms).unwrap_or(0) * 1000 + now.device.clock_off * 1_000_000;
        let time = Timestamp::from_micros(self.start.as_micros() + since).unwrap_or(self.start);
        let vitals = said(&now, self.seconds);
        let time = time.to_string();
        let mut payload = String::with_capacity(256);
        // Writing to a String cannot fail.
        let _ = write!(payload, "{{\"time\":\"{time}\",\"seq\":{},\"mode\":\"simulated\"", self.messages);
        for (vital, said) in &vitals {
            let name = vital.name();
            let _ = match said {
                Said::Value(value) => write!(payload, ",\"{name}\":{value}"),
                Said::Absent { sensor: true } => write!(payload, ",\"{name}\":\"{}\"", off(*vital)),
                Said::Absent { sensor: false } | Said::Held => write!(payload, ",\"{name}\":\"searching\""),
            };
        }
        payload.push('}');
        let observation = Observation { seq: Some(self.messages), device_time: Some(time), vitals };
        let (bytes, observation) = (payload.into_bytes(), Some(observation));
        Emission { at_ms, first_ms: at_ms, bytes, observation, doubtful: false }
    }
}

/// The word for a sensor that is off.
pub(crate) fn off(vital: Vital) -> &'static str {
    if matches!(vital, Vital::HeartRate | Vital::RespRate) { "lead_off" } else { "sensor_off" }
}

fn said(now: &Numerics, seconds: u64) -> BTreeMap<Vital, Said> {
    let value = |value: f64, parts| Said::Value(quantity(rounded(value, parts), parts));
    let oximeter = |said| match now.oximeter {
        Oximeter::On => said,
        Oximeter::Off => Said::Absent { sensor: true },
        Oximeter::Searching => Said::Absent { sensor: false },
    };
    // Breath is measured by impedance, through the electrodes of the ECG.
    let leads = |said| if now.leads_on { said } else { Said::Absent { sensor: true } };
    let mut vitals = BTreeMap::from([
        (Vital::HeartRate, leads(value(now.heart_rate, 1))),
        (Vital::PulseRate, oximeter(value(now.pulse_rate, 1))),
        (Vital::Spo2, oximeter(value(now.spo2, 1))),
        (Vital::RespRate, leads(value(now.resp_rate, 1))),
        (Vital::Temperature, value(now.temperature, 10)),
        (Vital::Etco2, value(now.etco2, 1)),
    ]);
    let mut pressures = |names: [Vital; 3], [systolic, diastolic, mean]: [i32; 3]| {
        let whole = |steps| Said::Value(quantity(steps, 1));
        vitals.extend(names.into_iter().zip([systolic, diastolic, mean].map(whole)));
    };
    // A cuff that has found nothing says nothing.
    if let Some(cuff) = now.cuff.filter(|it| it.at == seconds) {
        let (systolic, diastolic) = (rounded(cuff.systolic, 1), rounded(cuff.diastolic, 1));
        let mean = diastolic + (systolic - diastolic) / 3;
        let names = [Vital::NibpSystolic, Vital::NibpDiastolic, Vital::NibpMean];
        pressures(names, [systolic, diastolic, mean]);
    }
    if let Some(line) = now.arterial {
        let names = [Vital::AbpSystolic, Vital::AbpDiastolic, Vital::AbpMean];
        pressures(names, line.map(|it| rounded(it, 1)));
    }
    vitals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    #[test]
    fn a_message_says_what_the_truth_says() {
        let start = Timestamp::from_micros(1_795_422_600_000_000).unwrap();
        let mut device = Flat::new(start);
        let mut patient = Patient::new(1, 0, Course::default());
        for number in 1..=30_u64 {
            let emission = device.emit(&mut patient);
            let json: serde_json::Value = serde_json::from_slice(&emission.bytes).unwrap();
            let observation = emission.observation.unwrap();
            assert_eq!(json["seq"], number);
            assert_eq!(json["mode"], "simulated");
            assert_eq!(json["time"].as_str(), observation.device_time.as_deref());
            assert_eq!(json.get("nibp_systolic").is_some(), number == 20);
            for (vital, said) in &observation.vitals {
                let Said::Value(value) = said else { panic!("{vital:?}: {said:?}") };
                assert_eq!(json[vital.name()].to_string(), value.to_string());
            }
        }
    }
}
