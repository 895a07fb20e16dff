//! A monitor that publishes over MQTT: a flat JSON object a second, numbered and timed.

use std::collections::BTreeMap;
use std::fmt::Write;

use vitals::quantity::Quantity;
use vitals::time::Timestamp;
use vitals::vital::Vital;

use super::{Emission, Observation, Said, quantity, rounded};
use crate::patient::{Numerics, Patient};

/// The cuff measures so often, s.
const CUFF_EVERY: u64 = 300;
/// And for the first time then, s.
const CUFF_FIRST: u64 = 20;

/// A monitor on the network: ECG, oximeter, breath, temperature, capnometer and cuff.
#[derive(Debug)]
pub struct Flat {
    start: Timestamp,
    messages: u64,
}

impl Flat {
    /// A monitor that is switched on at `start`.
    #[must_use]
    pub const fn new(start: Timestamp) -> Self {
        Self { start, messages: 0 }
    }

    pub(super) const fn due(&self) -> u64 {
        (self.messages + 1) * 1000
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Emission {
        let at_ms = self.due();
        self.messages += 1;
        let since = i64::try_from(at_ms).unwrap_or(0) * 1000;
        let time = Timestamp::from_micros(self.start.as_micros() + since).unwrap_or(self.start);
        let seconds = at_ms / 1000;
        let cuff = seconds % CUFF_EVERY == CUFF_FIRST;
        let vitals = said(&patient.at(at_ms), cuff);
        let mut payload = format!("{{\"time\":\"{time}\",\"seq\":{},\"mode\":\"simulated\"", self.messages);
        for (vital, said) in &vitals {
            // Writing to a String cannot fail.
            let _ = match said {
                Said::Value(value) => write!(payload, ",\"{}\":{value}", vital.name()),
                Said::Absent { .. } | Said::Held => write!(payload, ",\"{}\":\"sensor_off\"", vital.name()),
            };
        }
        payload.push('}');
        let observation =
            Observation { seq: Some(self.messages), device_time: Some(time.to_string()), vitals };
        Emission { at_ms, first_ms: at_ms, bytes: payload.into_bytes(), observation: Some(observation) }
    }
}

fn said(now: &Numerics, cuff: bool) -> BTreeMap<Vital, Said> {
    let value = |value: f64, parts| Said::Value(quantity(rounded(value, parts), parts));
    let sensor = |said| if now.probe_on { said } else { Said::Absent { sensor: true } };
    let mut vitals = BTreeMap::from([
        (Vital::HeartRate, value(now.heart_rate, 1)),
        (Vital::PulseRate, sensor(value(now.heart_rate, 1))),
        (Vital::Spo2, sensor(value(now.spo2, 1))),
        (Vital::RespRate, value(now.resp_rate, 1)),
        (Vital::Temperature, value(now.temperature, 10)),
        (Vital::Etco2, value(now.etco2, 1)),
    ]);
    if cuff {
        let (systolic, diastolic) = (rounded(now.systolic, 1), rounded(now.diastolic, 1));
        let whole = |steps| Said::Value(Quantity::from_thousandths(steps * 1000));
        vitals.insert(Vital::NibpSystolic, whole(systolic));
        vitals.insert(Vital::NibpDiastolic, whole(diastolic));
        vitals.insert(Vital::NibpMean, whole(diastolic + (systolic - diastolic) / 3));
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
            assert_eq!(json.get("nibp_systolic").is_some(), number == CUFF_FIRST);
            for (vital, said) in &observation.vitals {
                let Said::Value(value) = said else { panic!("{vital:?}: {said:?}") };
                assert_eq!(json[vital.name()].to_string(), value.to_string());
            }
        }
    }
}
