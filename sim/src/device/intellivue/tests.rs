//! The dialogue: made, kept, lost and ended, by a host that says what the documents and real hosts say.

use std::collections::BTreeMap;

use vitals::vital::Vital;

use super::association::tests::PHILIPS;
use super::frame::{Deframer, enclose};
use super::*;
use crate::artefact::{Artefact, Kind};
use crate::device::{Observation, Said};
use crate::patient::course::Course;
use crate::schedule::{Begins, Schedule};

/// A real host's answer to the description, and polls: single and for 30 s, of numerics; for alarms.
const CREATED: [u8; 28] =
    [0xE1, 0, 0, 2, 0, 2, 0, 0x14, 0, 1, 0, 1, 0, 0x0E, 0, 0x21, 0, 0, 0, 0, 0, 0x0A, 0xBD, 0, 0x0D, 6, 0, 0];
const SINGLE: [u8; 36] = [
    0xE1, 0, 0, 2, 0, 1, 0, 0x1C, 0, 1, 0, 7, 0, 0x16, 0, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0x0C, 0x16, 0, 8, 0,
    1, 0, 1, 0, 6, 0, 0,
];
const EXTENDED: [u8; 48] = [
    0xE1, 0, 0, 2, 0, 1, 0, 0x28, 0, 1, 0, 7, 0, 0x22, 0, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0xF1, 0x3B, 0, 0x14,
    0, 1, 0, 1, 0, 6, 0, 0, 0, 1, 0, 8, 0xF1, 0x3E, 0, 4, 0, 3, 0xA9, 0x80,
];

/// A monitor, a patient and a host on a line.
struct Bench {
    monitor: Intellivue,
    patient: Patient,
    deframer: Deframer,
    now_ms: u64,
}

/// A message of the monitor: when it was whole, what it is, what it says.
type Heard = (u64, Vec<u8>, Option<Observation>);

impl Bench {
    fn new(artefacts: Vec<Artefact>) -> Self {
        let start = Timestamp::from_micros(1_533_220_220_000_000).unwrap();
        let course = Course { artefacts, ..Course::default() };
        let patient = Patient::new(1, 0, course);
        Self { monitor: Intellivue::serial(start, 7), patient, deframer: Deframer::default(), now_ms: 0 }
    }

    /// A bench with an association in which the description has been taken.
    fn associated(artefacts: Vec<Artefact>) -> Self {
        let mut bench = Self::new(artefacts);
        bench.say(&PHILIPS);
        let heard = bench.wait(1000);
        assert_eq!(heard.iter().map(|it| it.1[0]).collect::<Vec<_>>(), [0x0E, 0xE1]);
        bench.say(&CREATED);
        bench
    }

    fn say(&mut self, message: &[u8]) {
        self.monitor.handle_host_bytes(self.now_ms, &enclose(message));
    }

    /// What the monitor says within so many ms.
    fn wait(&mut self, ms: u64) -> Vec<Heard> {
        let until = self.now_ms + ms;
        let mut heard = Vec::new();
        while self.monitor.due() <= until {
            let Some(emission) = self.monitor.emit(&mut self.patient) else { continue };
            let messages: Vec<_> = emission.bytes.iter().filter_map(|it| self.deframer.take(*it)).collect();
            let mut said = emission.observation;
            for message in messages {
                heard.push((emission.at_ms, message, said.take()));
            }
        }
        self.now_ms = until;
        heard
    }
}

fn kinds(heard: &[Heard]) -> Vec<u16> {
    heard.iter().map(|(_, it, _)| u16::from_be_bytes([it[4], it[5]])).collect()
}

fn once(kind: Kind, at: f64, lasts: f64) -> Artefact {
    Artefact { kind, schedule: Schedule { begins: Begins::At(at), lasts: (lasts, lasts) } }
}

#[test]
fn it_says_nothing_until_asked_then_describes_itself_and_answers() {
    let mut bench = Bench::new(vec![]);
    assert!(bench.wait(20_000).is_empty());
    // Outside an association nothing is answered.
    bench.say(&SINGLE);
    assert!(bench.wait(1000).is_empty());
    bench.say(&PHILIPS);
    let heard = bench.wait(1000);
    assert_eq!(heard.iter().map(|it| it.1[0]).collect::<Vec<_>>(), [0x0E, 0xE1]);
    let description = &heard[1].1;
    assert_eq!(description[4..6], [0, 1]);
    assert_eq!(description[10..12], [0, 1]);
    assert_eq!(description[24..26], [0x0D, 6]);
    assert!(description.windows(10).any(|it| it == b"DE00000007"));
    // Before the host has taken it, nothing is answered either.
    bench.say(&SINGLE);
    assert!(bench.wait(1000).is_empty());
    bench.say(&CREATED);
    bench.say(&SINGLE);
    let heard = bench.wait(1000);
    let said: BTreeMap<_, _> = heard.iter().filter_map(|it| it.2.clone()).flat_map(|it| it.vitals).collect();
    assert!(matches!(said[&Vital::Spo2], Said::Value(_)), "{said:?}");
    assert_eq!(heard[0].2.as_ref().unwrap().device_time.as_deref(), Some("2018-08-02T14:30:43"));
}

#[test]
fn what_is_too_long_is_linked_and_the_last_is_a_plain_result() {
    let mut bench = Bench::associated(vec![]);
    bench.say(&SINGLE);
    let heard = bench.wait(1000);
    assert!(heard.len() >= 2, "{}", heard.len());
    let (last, linked) = heard.split_last().unwrap();
    assert_eq!(kinds(&heard)[..linked.len()], vec![5; linked.len()]);
    assert_eq!(kinds(std::slice::from_ref(last)), [2]);
    for (number, (_, message, _)) in (1..).zip(linked) {
        assert_eq!(message[9], number, "the count of linked results");
        assert!(message.len() <= 1000, "{}", message.len());
    }
    assert_eq!(linked[0].1[8], 1);
    // Each vital stands in one of them, and all have one time.
    let times: Vec<_> = heard.iter().filter_map(|it| it.2.clone()?.device_time).collect();
    assert!(times.len() >= 2 && times.windows(2).all(|it| it[0] == it[1]), "{times:?}");
}

#[test]
fn an_extended_poll_goes_on_at_the_pace_of_the_screen_and_ends() {
    let mut bench = Bench::associated(vec![]);
    bench.say(&EXTENDED);
    let heard = bench.wait(60_000);
    let finals: Vec<_> = heard.iter().filter(|(_, it, _)| it[5] == 2).collect();
    // Thirty seconds are 29 updates, and the answer at once.
    assert!((29..=31).contains(&finals.len()), "{}", finals.len());
    let sequences: Vec<_> = finals.iter().map(|(_, it, _)| u16::from_be_bytes([it[26], it[27]])).collect();
    assert!(sequences.iter().zip(0..).all(|(sequence, index)| *sequence == index), "{sequences:?}");
    assert!(finals[1..].windows(2).all(|it| (1020..1030).contains(&(it[1].0 - it[0].0))));
    assert!(finals.last().unwrap().0 < 33_000);
}

#[test]
fn an_association_ends_by_silence_by_release_and_by_abort() {
    // The maker's program asks for polls every 130 s: the association lives as long.
    let mut bench = Bench::associated(vec![]);
    assert!(bench.wait(129_000).is_empty());
    let heard = bench.wait(2000);
    assert_eq!(heard.iter().map(|it| it.1[0]).collect::<Vec<_>>(), [0x19]);
    let mut bench = Bench::associated(vec![]);
    bench.say(&[0x09, 0x18, 0xC1, 0x16, 0x61, 0x80, 0x30, 0x80, 2, 1, 1, 0xA0, 0x80, 0x62]);
    assert_eq!(bench.wait(1000)[0].1[0], 0x0A);
    bench.say(&SINGLE);
    assert!(bench.wait(1000).is_empty());
    let mut bench = Bench::associated(vec![]);
    bench.say(&[0x19, 0x2E]);
    bench.say(&SINGLE);
    assert!(bench.wait(1000).is_empty());
    bench.say(&PHILIPS);
    assert_eq!(bench.wait(1000)[0].1[0], 0x0E);
}

#[test]
fn a_second_association_is_refused_while_the_first_lives() {
    let mut bench = Bench::associated(vec![]);
    bench.say(&PHILIPS);
    let heard = bench.wait(1000);
    assert_eq!(heard.iter().map(|it| it.1[0]).collect::<Vec<_>>(), [0x0C]);
    // The first is not disturbed.
    bench.say(&SINGLE);
    assert!(!bench.wait(1000).is_empty());
}

#[test]
fn a_description_that_is_not_taken_ends_the_association() {
    let mut bench = Bench::new(vec![]);
    bench.say(&PHILIPS);
    let heard = bench.wait(11_000);
    assert_eq!(heard.iter().map(|it| it.1[0]).collect::<Vec<_>>(), [0x0E, 0xE1, 0x19]);
    assert!((10_000..10_100).contains(&heard[2].0));
}

#[test]
fn the_time_out_follows_the_period_of_polls() {
    let after = |ms: u32| times_out_after(ms * 8);
    assert_eq!([after(500), after(3300)], [10_000, 10_000]);
    assert_eq!([after(4000), after(43_000)], [12_000, 129_000]);
    assert_eq!([after(44_000), after(130_000)], [130_000, 130_000]);
}

#[test]
fn a_monitor_that_starts_anew_has_no_association_and_another_time() {
    let mut bench = Bench::associated(vec![once(Kind::DeviceRestart, 10.0, 5.0)]);
    bench.say(&EXTENDED);
    let last = bench.wait(9000).pop().unwrap();
    let relative = |it: &Heard| u32::from_be_bytes(it.1[28..32].try_into().unwrap()) / 8;
    assert!(relative(&last) > 8000, "{}", relative(&last));
    assert!(bench.wait(9000).is_empty());
    bench.say(&PHILIPS);
    assert_eq!(bench.wait(1000)[0].1[0], 0x0E);
    bench.say(&CREATED);
    bench.say(&EXTENDED);
    let first = bench.wait(1000).pop().unwrap();
    assert!(relative(&first) < 7000, "{}", relative(&first));
}

#[test]
fn a_clock_that_is_wrong_and_a_twin_are_told() {
    let mut bench = Bench::associated(vec![once(Kind::DeviceClock, 2.0, 5.0), once(Kind::Twin, 60.0, 60.0)]);
    bench.wait(2000);
    bench.say(&SINGLE);
    let heard = bench.wait(1000);
    let time = heard[0].2.as_ref().unwrap().device_time.clone().unwrap();
    assert!(!time.starts_with("2018-08-02T14:"), "{time}");
    bench.wait(70_000);
    let mut monitor = SINGLE;
    monitor[33] = 0x21;
    bench.say(&monitor);
    let heard = bench.wait(1000);
    assert!(heard[0].1.windows(10).any(|it| it == b"DE00000005"));
}

#[test]
fn alarms_are_listed_when_they_are_polled_and_a_patient_is_never_named() {
    let mut bench = Bench::associated(vec![once(Kind::ProbeOff, 2.0, 60.0)]);
    bench.wait(3000);
    let mut poll = SINGLE;
    poll[33] = 0x36;
    bench.say(&poll);
    let heard = bench.wait(1000);
    assert_eq!(heard.len(), 1);
    let off = [0x4B, 0xB8, 0x01, 0x34, 0, 1];
    assert!(heard[0].1.windows(6).any(|it| it == off));
    assert_eq!(heard[0].2, None);
    poll[33] = 0x2A;
    bench.say(&poll);
    let demographics = &bench.wait(1000)[0].1;
    assert_eq!(demographics[demographics.len() - 6..], [9, 0x57, 0, 2, 0, 0]);
    poll[33] = 0x99;
    bench.say(&poll);
    let heard = bench.wait(1000);
    assert_eq!(heard[0].1[4..], [0, 3, 0, 8, 0, 1, 0, 0, 0, 2, 0, 0x99]);
}

#[test]
fn a_line_takes_its_time_and_a_datagram_is_one_emission() {
    let mut bench = Bench::associated(vec![]);
    bench.say(&SINGLE);
    let asked = bench.now_ms;
    let heard = bench.wait(1000);
    let bytes: usize = heard.iter().map(|it| enclose(&it.1).len()).sum();
    let took = heard.last().unwrap().0 - asked - ANSWERS_IN;
    let expected = u64::try_from(bytes).unwrap() * 1000 / 11_520;
    assert!((expected..=expected + 2).contains(&took), "{bytes} bytes in {took} ms");
    let mut lan = Intellivue::lan(Timestamp::EPOCH, 7);
    lan.handle_host_bytes(0, &PHILIPS);
    let mut datagrams = Vec::new();
    while lan.due() <= 1000 {
        datagrams.extend(lan.emit(&mut bench.patient));
    }
    assert_eq!(datagrams.iter().map(|it| it.bytes[0]).collect::<Vec<_>>(), [0x0E, 0xE1]);
    assert!(datagrams.iter().all(|it| it.at_ms == it.first_ms));
}

#[test]
fn a_demonstration_says_no_value() {
    let mut bench = Bench::new(vec![]);
    bench.monitor = Intellivue::serial(Timestamp::EPOCH, 7).in_demonstration();
    bench.say(&PHILIPS);
    let description = bench.wait(1000).pop().unwrap().1;
    // The operating mode says it too.
    assert!(description.windows(6).any(|it| it == [9, 0x46, 0, 2, 0x20, 0]));
    bench.say(&CREATED);
    bench.say(&SINGLE);
    let heard = bench.wait(1000);
    let said = heard.iter().filter_map(|it| it.2.as_ref()).flat_map(|it| it.vitals.values());
    assert!(said.clone().count() > 10);
    assert!(said.into_iter().all(|it| *it == Said::Absent { sensor: false }));
}
