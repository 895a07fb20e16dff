//! A Mindray monitor with Patient Data Share: HL7 v2.3.1 in MLLP over TCP, by the "Patient Data Share Protocol
//! Programmer's Guide" (0010-20-43061-2) as public logs of T5, T8 and uMEC monitors show it.
//!
//! It talks from the first query of the host (QRY^R02, 1203) on, while it hears from the host once in ten seconds: a query,
//! or the echo 106. Each module speaks for itself, so that one second has
//! several messages.

pub mod message;

use std::collections::{BTreeMap, VecDeque};

use vitals::time::Timestamp;
use vitals::vital::Vital;

use super::{Emission, Observation, Said, quantity, rounded};
use crate::patient::{Numerics, Oximeter, Patient};
use message::{Parameter, Value};

/// A host that says nothing for so long is gone, ms.
const HOST_GONE_MS: u64 = 10_000;
/// What a query has in its header.
const QUERY: &[u8] = b"QRY^R02|1203|P|2.3.1";
/// Which parameters are alarmed on, and who lies there, every so many s.
const LEVELS_EVERY: u64 = 10;
const PATIENT_EVERY: u64 = 60;

/// Parameters, by id, name, module, and places behind the point.
const HEART_RATE: Parameter = Parameter { id: 101, name: "HR", module: 2101, places: 0 };
const PVCS: Parameter = Parameter { id: 102, name: "PVCs", module: 2101, places: 0 };
const RESP_RATE: Parameter = Parameter { id: 151, name: "RR", module: 2102, places: 0 };
const SPO2: Parameter = Parameter { id: 160, name: "SpO2", module: 2103, places: 0 };
const PULSE_RATE: Parameter = Parameter { id: 161, name: "PR", module: 2103, places: 0 };
const PERFUSION: Parameter = Parameter { id: 162, name: "PI", module: 2103, places: 2 };
const TEMPERATURE: Parameter = Parameter { id: 200, name: "T1", module: 2104, places: 1 };
const NIBP_SYSTOLIC: Parameter = Parameter { id: 170, name: "Sys", module: 2105, places: 0 };
const NIBP_DIASTOLIC: Parameter = Parameter { id: 171, name: "Dia", module: 2105, places: 0 };
const NIBP_MEAN: Parameter = Parameter { id: 172, name: "Mean", module: 2105, places: 0 };

/// A monitor of the uMEC kind.
#[derive(Debug)]
pub struct Mindray {
    start: Timestamp,
    bed: u64,
    /// Seconds since it was switched on.
    seconds: u64,
    /// When the host was heard last, ms; and since when it is there, s.
    heard_ms: Option<u64>,
    since: u64,
    ready: VecDeque<Emission>,
}

impl Mindray {
    pub(super) const fn new(start: Timestamp, bed: u64) -> Self {
        Self { start, bed, seconds: 0, heard_ms: None, since: 0, ready: VecDeque::new() }
    }

    pub(super) fn due(&self) -> Option<u64> {
        let next = self.heard_ms.map(|_| (self.seconds + 1) * 1000);
        self.ready.front().map(|it| it.at_ms).or(next)
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        if self.ready.is_empty() {
            self.seconds += 1;
            let at_ms = self.seconds * 1000;
            if self.heard_ms.is_some_and(|it| it + HOST_GONE_MS < at_ms) {
                self.heard_ms = None;
                return None;
            }
            self.speak(at_ms, &patient.at(at_ms));
        }
        self.ready.pop_front()
    }

    /// A query begins it; then any message of the host is a sign of life.
    pub(super) fn handle_host_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        let asked = bytes.windows(QUERY.len()).any(|it| it == QUERY);
        if !bytes.contains(&message::END) || (self.heard_ms.is_none() && !asked) {
            return;
        }
        if self.heard_ms.replace(now_ms).is_none() {
            self.seconds = self.seconds.max(now_ms / 1000);
            self.since = self.seconds;
        }
    }

    /// All messages of a second.
    fn speak(&mut self, at_ms: u64, now: &Numerics) {
        let here = self.seconds - self.since - 1;
        if here % PATIENT_EVERY == 0 {
            self.put(at_ms, message::of_patient(self.bed), None);
        }
        self.put(at_ms, message::echo(), None);
        for (parameters, said) in periodic(now) {
            let observation = Observation { vitals: said, ..Observation::default() };
            self.put(at_ms, message::periodic(&parameters), Some(observation));
            if here % LEVELS_EVERY == 0 {
                self.put(at_ms, message::levels(&parameters), None);
            }
        }
        let measured = now.cuff.filter(|it| it.at == self.seconds);
        if let Some(cuff) = measured {
            let (systolic, diastolic) = (rounded(cuff.systolic, 1), rounded(cuff.diastolic, 1));
            let pressures = [systolic, diastolic, diastolic + (systolic - diastolic) / 3];
            self.put_pressures(at_ms, pressures.map(Some), now.device.clock_off);
        } else if here == 0 {
            self.put_pressures(at_ms, [None; 3], 0);
        }
    }

    /// The cuff's result, or that there is none.
    fn put_pressures(&mut self, at_ms: u64, pressures: [Option<i32>; 3], clock_off: i64) {
        let [systolic, diastolic, mean] = pressures;
        let parameters =
            [(NIBP_DIASTOLIC, diastolic), (NIBP_MEAN, mean), (NIBP_SYSTOLIC, systolic)].map(valued);
        let clock = self.start.as_micros().div_euclid(1_000_000) + i64::try_from(self.seconds).unwrap_or(0);
        let at = systolic.map(|_| clock + clock_off);
        let say =
            |it: Option<i32>| it.map_or(Said::Absent { sensor: false }, |it| Said::Value(quantity(it, 1)));
        let names = [Vital::NibpSystolic, Vital::NibpDiastolic, Vital::NibpMean];
        let vitals = names.into_iter().zip(pressures.map(say)).collect();
        let observation = Observation { vitals, ..Observation::default() };
        self.put(at_ms, message::aperiodic(&parameters, at), Some(observation));
    }

    fn put(&mut self, at_ms: u64, bytes: Vec<u8>, observation: Option<Observation>) {
        self.ready.push_back(Emission { at_ms, first_ms: at_ms, bytes, observation, doubtful: false });
    }
}

fn valued((parameter, steps): (Parameter, Option<i32>)) -> Value {
    Value { parameter, steps }
}

/// What each module says of one second, and what that means.
fn periodic(now: &Numerics) -> Vec<(Vec<Value>, BTreeMap<Vital, Said>)> {
    let whole = |it: f64, is_there: bool| is_there.then(|| rounded(it, 1));
    let on = now.oximeter == Oximeter::On;
    let heart_rate = whole(now.heart_rate, now.leads_on);
    let (resp_rate, spo2) = (whole(now.resp_rate, now.leads_on), whole(now.spo2, on));
    let (pulse_rate, perfusion) = (whole(now.pulse_rate, on), on.then(|| rounded(now.perfusion, 100)));
    let temperature = Some(rounded(now.temperature, 10));
    // It never says why a number is not there.
    let say = |steps: Option<i32>, parts: u16| match steps {
        Some(steps) => Said::Value(quantity(steps, parts)),
        None => Said::Absent { sensor: false },
    };
    let module = |parameters: &[(Parameter, Option<i32>)], said: &[(Vital, Said)]| {
        (parameters.iter().copied().map(valued).collect(), said.iter().copied().collect())
    };
    vec![
        module(&[(HEART_RATE, heart_rate), (PVCS, Some(0))], &[(Vital::HeartRate, say(heart_rate, 1))]),
        module(&[(RESP_RATE, resp_rate)], &[(Vital::RespRate, say(resp_rate, 1))]),
        module(
            &[(SPO2, spo2), (PULSE_RATE, pulse_rate), (PERFUSION, perfusion)],
            &[(Vital::Spo2, say(spo2, 1)), (Vital::PulseRate, say(pulse_rate, 1))],
        ),
        module(&[(TEMPERATURE, temperature)], &[(Vital::Temperature, say(temperature, 10))]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    fn played(end_ms: u64, heard_ms: &[u64]) -> Vec<Emission> {
        let mut monitor = Mindray::new(Timestamp::EPOCH, 3);
        let mut patient = Patient::new(1, 0, Course::default());
        let mut said = Vec::new();
        for now in (0..end_ms).step_by(100) {
            if heard_ms.contains(&now) {
                monitor.handle_host_bytes(now, &message::echo());
                if now < 1000 || now % 1000 != 0 || now == 30_000 {
                    monitor.handle_host_bytes(now, b"\x0BMSH|^~\\&|||||||QRY^R02|1203|P|2.3.1\r\x1C\r");
                }
            }
            while monitor.due().is_some_and(|it| it <= now) {
                said.extend(monitor.emit(&mut patient));
            }
        }
        said
    }

    fn is(it: &Emission, id: &str) -> bool {
        String::from_utf8_lossy(&it.bytes).contains(&format!("ORU^R01|{id}|P"))
    }

    #[test]
    fn it_talks_while_it_hears_from_the_host() {
        assert!(played(5000, &[]).is_empty());
        assert!(played(5000, &[1000, 2000]).is_empty(), "nobody has asked");
        let said = played(60_000, &[2500, 30_000, 35_000]);
        let seconds: Vec<u64> = said.iter().filter(|it| is(it, "106")).map(|it| it.at_ms / 1000).collect();
        let expected: Vec<u64> = (3..=12).chain(31..=45).collect();
        assert_eq!(seconds, expected);
        let patients: Vec<u64> = said.iter().filter(|it| is(it, "103")).map(|it| it.at_ms).collect();
        assert_eq!(patients, [3000, 31_000], "who lies there is told to each host");
    }

    #[test]
    fn each_module_speaks_each_second_and_the_cuff_when_it_has_measured() {
        let said = played(40_000, &(0..40_000).step_by(1000).collect::<Vec<_>>());
        let count = |id| said.iter().filter(|it| is(it, id)).count();
        assert_eq!((count("204"), count("205"), count("106")), (39 * 4, 4 * 4, 39));
        let cuff: Vec<&Emission> = said.iter().filter(|it| is(it, "503")).collect();
        assert_eq!(cuff.len(), 2);
        let vitals = |it: &Emission| it.observation.as_ref().unwrap().vitals[&Vital::NibpMean];
        assert_eq!((cuff[0].at_ms, vitals(cuff[0])), (1000, Said::Absent { sensor: false }));
        assert!(matches!(vitals(cuff[1]), Said::Value(_)) && cuff[1].at_ms == 20_000);
        let text = String::from_utf8_lossy(&cuff[1].bytes);
        assert!(text.contains("||||||F||APERIODIC|19700101000020\r"), "{text}");
        assert!(said.iter().all(|it| it.observation.is_some() == (is(it, "204") || is(it, "503"))));
    }
}
