//! Nonin's data format 13: a spot check with its time, by "9560 OEM Specification and Technical Information".

use std::collections::{BTreeMap, VecDeque};

use vitals::time::Timestamp;
use vitals::vital::Vital;

use super::super::regular::{Regular, Turn};
use super::super::{Emission, Observation, Said, quantity, rounded};
use crate::artefact::Voice;
use crate::patient::{Numerics, Oximeter, Patient};

/// Somebody makes the first check then, and the others so far apart, s.
const FIRST: u64 = 30;
const EVERY: u64 = 300;
/// Checks that the meter remembers while its cable is out: more than a day's. When full, the oldest is gone.
const MEMORY: usize = 300;

/// Status, upper byte: a good reading; no measurement.
const SPA: u8 = 0x02;
const NOMS: u8 = 0x01;
/// Status, lower byte: out of the memory; the battery is low.
const FROM_MEMORY: u8 = 0x10;
const LOWBAT: u8 = 0x01;
/// What stands for no heart rate and for no saturation.
const NO_RATE: u16 = 511;
const NO_SATURATION: u8 = 127;

/// A spot check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// When it was made by the meter's clock, s since 1970.
    clock: i64,
    /// Heart rate and saturation; `None`: no pulse was found.
    numbers: Option<(u16, u8)>,
    /// Whether the reading is a good one: the hand was still.
    good: bool,
    battery_low: bool,
}

impl Check {
    fn of(now: &Numerics, clock: i64) -> Self {
        let rate = u16::try_from(rounded(now.pulse_rate, 1).clamp(18, 321)).unwrap_or(NO_RATE);
        let saturation = u8::try_from(rounded(now.spo2, 1).clamp(0, 100)).unwrap_or(NO_SATURATION);
        let numbers = (now.oximeter == Oximeter::On).then_some((rate, saturation));
        let good = numbers.is_some() && !now.motion;
        Self { clock, numbers, good, battery_low: now.device.battery_low }
    }

    /// Its packet.
    fn packet(&self, from_memory: bool) -> Vec<u8> {
        let local = self.local();
        let mark = |condition, bit| if condition { bit } else { 0 };
        let (rate, saturation) = self.numbers.unwrap_or((NO_RATE, NO_SATURATION));
        let [rate_high, rate_low] = rate.to_be_bytes();
        let data = [
            decimal(local.year() / 100),
            decimal(local.year() % 100),
            decimal(local.month().into()),
            decimal(local.day().into()),
            decimal(local.hour().into()),
            decimal(local.minute().into()),
            decimal(local.second().into()),
            0,
            mark(self.good, SPA) | mark(self.numbers.is_none(), NOMS),
            mark(from_memory, FROM_MEMORY) | mark(self.battery_low, LOWBAT),
            rate_high,
            rate_low,
            0,
            saturation,
        ];
        let sum = data.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
        [&[0x00, 0x02, 0x00, 0x0D, 0x00, 0x0E], data.as_slice(), &[sum, 0x03]].concat()
    }

    /// What it says: out of the memory, an old value.
    fn observation(&self, from_memory: bool) -> Observation {
        let say = |value: i32| match self.numbers {
            Some(_) if from_memory => Said::Held,
            Some(_) => Said::Value(quantity(value, 1)),
            None => Said::Absent { sensor: false },
        };
        let (rate, saturation) = self.numbers.unwrap_or_default();
        let vitals =
            BTreeMap::from([(Vital::PulseRate, say(rate.into())), (Vital::Spo2, say(saturation.into()))]);
        Observation { device_time: Some(self.local().to_string()), vitals, ..Observation::default() }
    }

    fn local(&self) -> jiff::civil::DateTime {
        let at = jiff::Timestamp::from_second(self.clock).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        jiff::tz::TimeZone::UTC.to_datetime(at)
    }
}

/// Two digits in a byte.
fn decimal(value: i16) -> u8 {
    u8::try_from(value / 10 * 16 + value % 10).unwrap_or(0)
}

/// A meter into which somebody puts the patient's finger now and then.
#[derive(Debug)]
pub struct Spot {
    /// The wall clock at simulated time 0, s since 1970.
    start: i64,
    memory: VecDeque<Check>,
    regular: Regular,
}

impl Spot {
    pub(in crate::device) fn new(start: Timestamp) -> Self {
        let start = start.as_micros().div_euclid(1_000_000);
        Self { start, memory: VecDeque::new(), regular: Regular::default() }
    }

    pub(in crate::device) fn due(&self) -> u64 {
        self.regular.due()
    }

    pub(in crate::device) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        let at_ms = match self.regular.turn() {
            Turn::Leaves(slice) => return Some(slice),
            Turn::Speaks(at_ms) => at_ms,
        };
        let now = patient.at(at_ms);
        let second = at_ms / 1000;
        let clock = self.start + i64::try_from(second).unwrap_or(0) + now.device.clock_off;
        // Where no finger is in it nobody makes a check.
        let makes_one = second % EVERY == FIRST && now.oximeter != Oximeter::Off;
        let check = makes_one.then(|| Check::of(&now, clock));
        let (check, from_memory) = match now.device.voice {
            Voice::Speaks if check.is_some() => (check, false),
            Voice::Speaks => (self.memory.pop_front(), true),
            Voice::Unplugged => {
                self.memory.extend(check.filter(|it| it.numbers.is_some()));
                while self.memory.len() > MEMORY {
                    self.memory.pop_front();
                }
                (None, false)
            }
            Voice::Silent => (None, false),
        };
        if let Some(check) = check {
            let observation = Some(check.observation(from_memory));
            self.regular.put(at_ms, &check.packet(from_memory), observation);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefact::{Artefact, Kind};
    use crate::patient::course::Course;
    use crate::schedule::{Begins, Schedule};

    /// 2018-07-26T17:06:05Z
    const CLOCK: i64 = 1_532_624_765;

    fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace().map(|it| u8::from_str_radix(it, 16).unwrap()).collect()
    }

    #[test]
    fn a_packet_is_as_in_the_worked_example() {
        let check = Check { clock: CLOCK, numbers: Some((72, 97)), good: true, battery_low: false };
        assert_eq!(
            check.packet(false),
            hex("00 02 00 0D 00 0E 20 18 07 26 17 06 05 00 02 00 00 48 00 61 32 03")
        );
        assert_eq!(check.observation(false).device_time.as_deref(), Some("2018-07-26T17:06:05"));
        // Nine bits of rate, eight of them in the lower byte.
        let fast = Check { numbers: Some((300, 88)), battery_low: true, ..check }.packet(true);
        assert_eq!(fast[14..20], hex("02 11 01 2C 00 58"));
        let none = Check { numbers: None, good: false, ..check };
        assert_eq!(none.packet(false)[14..20], hex("01 00 01 FF 00 7F"));
        assert_eq!(none.observation(false).vitals[&Vital::Spo2], Said::Absent { sensor: false });
    }

    /// When something was said, s, and what of the saturation.
    fn said(course: Course) -> Vec<(u64, Said)> {
        let (mut spot, mut patient) = (Spot::new(Timestamp::EPOCH), Patient::new(1, 0, course));
        let mut said = Vec::new();
        while spot.due() <= 1_000_000 {
            let Some(it) = spot.emit(&mut patient) else { continue };
            said.extend(it.observation.map(|words| (it.at_ms / 1000, words.vitals[&Vital::Spo2])));
        }
        said
    }

    #[test]
    fn a_check_is_made_every_five_minutes_where_there_is_a_finger() {
        let times: Vec<u64> = said(Course::default()).iter().map(|it| it.0).collect();
        assert_eq!(times, [30, 330, 630, 930]);
        let course = Course { probe: vec![(300.0, false), (400.0, true)], ..Course::default() };
        let times: Vec<u64> = said(course).iter().map(|it| it.0).collect();
        assert_eq!(times, [30, 630, 930]);
    }

    #[test]
    fn what_was_measured_without_a_cable_comes_out_of_the_memory() {
        let schedule = Schedule { begins: Begins::At(200.0), lasts: (500.0, 500.0) };
        let artefacts = vec![Artefact { kind: Kind::CableOut, schedule }];
        let said = said(Course { artefacts, ..Course::default() });
        let times: Vec<u64> = said.iter().map(|it| it.0).collect();
        assert_eq!(times, [30, 700, 701, 930]);
        assert_eq!((said[1].1, said[2].1), (Said::Held, Said::Held));
        assert!(matches!(said[3].1, Said::Value(_)));
    }
}
