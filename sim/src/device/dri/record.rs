//! The numeric record (PHDB): where each number stands, by "S/5 Computer Interface" and a captured record.

use std::collections::BTreeMap;

use vitals::quantity::Quantity;
use vitals::vital::Vital;

use crate::device::{Observation, Said, quantity, rounded};
use crate::patient::cuff::Cuffed;
use crate::patient::{Numerics, Oximeter};

const HEADER: usize = 40;
const SUBRECORD: usize = 278;
/// The level of the captured monitor.
const LEVEL: u8 = 0x0A;
/// Sentinel: there is no valid value.
const INVALID: i16 = -32_767;
/// Ambient pressure, tenths of mmHg.
const AMBIENT: i32 = 7598;
/// The ST segment of a patient without ischaemia, hundredths of a millimetre.
const ST: i32 = 20;
/// A group is there and in use.
const ACTIVE: u8 = 3;
/// Of the ECG: there is no heart beat.
const ASYSTOLE: u8 = 1 << 2;

/// Every place of the basic class that holds a value: what is not measured says so.
const VALUES: [usize; 62] = [
    10, 12, 14, 16, 18, 26, 28, 30, 32, 40, 42, 44, 46, 54, 56, 58, 60, 68, 70, 72, 74, 82, 84, 86, 88, 96,
    104, 112, 120, 128, 130, 132, 134, 142, 144, 146, 148, 156, 158, 166, 168, 176, 178, 180, 188, 190, 192,
    194, 196, 198, 200, 202, 210, 230, 232, 234, 242, 250, 252, 254, 264, 266,
];

/// Which subrecords a request wants: basic unless denied, and the extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classes([bool; 4]);

impl Classes {
    /// From the request's mask: 1 denies basic; 2, 4 and 8 ask for the extensions 1 to 3.
    #[must_use]
    pub const fn from_mask(mask: u8) -> Self {
        Self([mask & 1 == 0, mask & 2 != 0, mask & 4 != 0, mask & 8 != 0])
    }
}

/// A result of the cuff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cuff {
    systolic: i32,
    diastolic: i32,
}

impl Cuff {
    fn of(it: Cuffed) -> Self {
        Self { systolic: rounded(it.systolic, 1), diastolic: rounded(it.diastolic, 1) }
    }

    const fn mean(self) -> i32 {
        self.diastolic + (self.systolic - self.diastolic) / 3
    }
}

/// A record of displayed values, and what it says.
pub(super) fn displayed(now: &Numerics, number: u8, clock: i64, classes: Classes) -> (Vec<u8>, Observation) {
    let clock_bytes = u32::try_from(clock).unwrap_or(0).to_le_bytes();
    let wanted: Vec<u8> =
        (0..4).zip(classes.0).filter(|(_, wanted)| *wanted).map(|(class, _)| class).collect();
    let mut record = vec![0; HEADER + SUBRECORD * wanted.len()];
    let length = u16::try_from(record.len()).unwrap_or(0).to_le_bytes();
    put(&mut record, 0, &length);
    put(&mut record, 2, &[number, LEVEL]);
    put(&mut record, 6, &clock_bytes);
    let mut vitals = BTreeMap::new();
    for (place, class) in wanted.iter().enumerate() {
        let offset = u16::try_from(place * SUBRECORD).unwrap_or(0).to_le_bytes();
        put(&mut record, 16 + 3 * place, &[offset[0], offset[1], 1]);
        let mut body = vec![0; SUBRECORD];
        put(&mut body, 0, &clock_bytes);
        if *class == 0 {
            vitals = basic(&mut body, now);
        }
        put(&mut body, 276, &[0xA1, *class]);
        put(&mut record, HEADER + place * SUBRECORD, &body);
    }
    put(&mut record, 16 + 3 * wanted.len(), &[0, 0, 0xFF]);
    let at = jiff::Timestamp::from_second(clock).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    (record, Observation { seq: None, device_time: Some(at.to_string()), vitals })
}

/// Writes the basic class, and tells what it says.
fn basic(body: &mut [u8], now: &Numerics) -> BTreeMap<Vital, Said> {
    for place in VALUES {
        put(body, place, &INVALID.to_le_bytes());
    }
    let mut vitals = BTreeMap::new();
    let mut say = |place: usize, vital, steps: i32, parts: u16| {
        put(body, place, &i16::try_from(steps).unwrap_or(INVALID).to_le_bytes());
        vitals.insert(vital, Said::Value(quantity(steps, parts)));
    };
    // The newest result of the cuff stays on display.
    let cuff = now.cuff.map(Cuff::of);
    if now.leads_on {
        say(10, Vital::HeartRate, rounded(now.heart_rate, 1), 1);
        say(12, Vital::St1, ST, 100);
        say(18, Vital::RespRateImpedance, rounded(now.resp_rate, 1), 1);
    }
    say(96, Vital::Temperature, rounded(now.temperature, 10) * 10, 100);
    if let Some(cuff) = cuff {
        say(82, Vital::NibpSystolic, cuff.systolic * 100, 100);
        say(84, Vital::NibpDiastolic, cuff.diastolic * 100, 100);
        say(86, Vital::NibpMean, cuff.mean() * 100, 100);
    }
    say(146, Vital::RespRateCo2, rounded(now.resp_rate, 1), 1);
    if now.oximeter == Oximeter::On {
        say(128, Vital::Spo2, rounded(now.spo2, 100), 100);
        say(130, Vital::PulseRate, rounded(now.pulse_rate, 1), 1);
        say(132, Vital::PerfusionIndex, rounded(now.perfusion, 100), 100);
    } else {
        // The interface has no word for a sensor that is off: the values are invalid.
        let invalid = [Vital::Spo2, Vital::PulseRate, Vital::PerfusionIndex];
        vitals.extend(invalid.map(|it| (it, Said::Absent { sensor: false })));
    }
    if !now.leads_on {
        let invalid = [Vital::HeartRate, Vital::St1, Vital::RespRateImpedance];
        vitals.extend(invalid.map(|it| (it, Said::Absent { sensor: false })));
    }
    // End-tidal CO2 is sent as a share of the ambient pressure, hundredths of a per cent.
    let etco2 = rounded(now.etco2 * 1000.0 / f64::from(AMBIENT), 100);
    let ambient = i16::try_from(AMBIENT).unwrap_or(INVALID);
    put(body, 142, &i16::try_from(etco2).unwrap_or(INVALID).to_le_bytes());
    put(body, 148, &ambient.to_le_bytes());
    // The monitor shows tenths of mmHg.
    vitals.insert(Vital::Etco2, Said::Value(quantity((etco2 * AMBIENT + 5000) / 10_000, 10)));
    // Nothing is breathed in again.
    put(body, 144, &[0, 0]);
    vitals.insert(Vital::Fico2, Said::Value(Quantity::ZERO));
    // The two other leads show what the first shows.
    if let Some(first) = vitals.get(&Vital::St1).copied() {
        for (place, vital) in [(14, Vital::St2), (16, Vital::St3)] {
            if let Said::Value(_) = first {
                put(body, place, &i16::try_from(ST).unwrap_or(INVALID).to_le_bytes());
            }
            vitals.insert(vital, first);
        }
    }
    // ECG, first temperature, oximeter, CO2: there and in use; the cuff when it has a result.
    for group in [4, 90, 122, 136].into_iter().chain(cuff.map(|_| 76)) {
        put(body, group, &[ACTIVE]);
    }
    if now.leads_on && now.heart_rate < 0.5 {
        put(body, 4, &[ACTIVE | ASYSTOLE]);
    }
    vitals
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + what.len()) {
        place.copy_from_slice(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Patient;
    use crate::patient::course::Course;

    fn word(record: &[u8], at: usize) -> i16 {
        i16::from_le_bytes([record[at], record[at + 1]])
    }

    /// The numbers of the captured record, at the places where the capture has them.
    #[test]
    fn the_numbers_stand_where_the_captured_record_has_them() {
        let now = Numerics {
            heart_rate: 80.2,
            pulse_rate: 80.2,
            spo2: 96.65,
            perfusion: 3.77,
            resp_rate: 15.1,
            temperature: 36.6,
            etco2: 37.0,
            cuff: Some(Cuffed { at: 0, systolic: 93.0, diastolic: 48.0 }),
            ..*Patient::new(1, 0, Course::default()).now()
        };
        let classes = Classes::from_mask(0x0E);
        let (record, observation) = displayed(&now, 2, 0x5B59_FF7D, classes);
        assert_eq!(record.len(), 1152);
        assert_eq!(record[..10], [0x80, 0x04, 0x02, 0x0A, 0, 0, 0x7D, 0xFF, 0x59, 0x5B]);
        let descriptors = [0, 0, 1, 0x16, 1, 1, 0x2C, 2, 1, 0x42, 3, 1, 0, 0, 0xFF];
        assert_eq!(record[16..31], descriptors);
        for (at, expected) in [
            (50, 80),
            (58, 15),
            (122, 9300),
            (124, 4800),
            (168, 9665),
            (170, 80),
            (172, 377),
            (182, 487),
            (188, 7598),
        ] {
            assert_eq!(word(&record, at), expected, "at {at}");
        }
        assert_eq!((word(&record, 66), record[316], record[317 + 278]), (INVALID, 0xA1, 1));
        assert_eq!(observation.device_time.as_deref(), Some("2018-07-26T17:06:05Z"));
        let Said::Value(etco2) = observation.vitals[&Vital::Etco2] else { panic!() };
        assert_eq!(etco2.thousandths(), 37_000);
    }

    #[test]
    fn a_heart_that_stands_still_is_told_by_the_status_of_the_ecg_and_leads_that_are_off_are_not() {
        let now = Patient::new(1, 0, Course::default()).at(0);
        for (heart_rate, leads_on, expected) in [(80.0, true, 3), (0.0, true, 7), (0.0, false, 3)] {
            let now = Numerics { heart_rate, leads_on, ..now };
            let (record, _) = displayed(&now, 1, 0, Classes::from_mask(0));
            assert_eq!(record[HEADER + 4], expected, "{heart_rate} {leads_on}");
        }
    }

    #[test]
    fn a_missing_probe_is_invalid_and_not_zero() {
        let now = Numerics { oximeter: Oximeter::Off, ..Patient::new(1, 0, Course::default()).at(0) };
        let (record, observation) = displayed(&now, 1, 0, Classes::from_mask(0));
        assert_eq!(record.len(), HEADER + SUBRECORD);
        assert_eq!((word(&record, 168), word(&record, 122)), (INVALID, INVALID));
        assert_eq!(observation.vitals[&Vital::Spo2], Said::Absent { sensor: false });
    }
}
