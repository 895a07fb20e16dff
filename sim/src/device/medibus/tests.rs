//! The dialogue: opened, kept alive, interrupted, and over when one side falls silent.

use std::collections::BTreeMap;

use vitals::vital::Vital;

use super::*;
use crate::artefact::{Artefact, Kind};
use crate::device::Said;
use crate::patient::course::Course;
use crate::schedule::{Begins, Schedule};

/// Messages of a host, as the document has them.
const OPENS: &[u8] = b"\x1BQ6C\r";
const ASKS: &[u8] = b"\x1B$3F\r";
const LIVES: &[u8] = b"\x1B04B\r";
const STOPS: &[u8] = b"\x1BU70\r";

/// A ventilator, a patient and a host on a line.
struct Bench {
    ventilator: Medibus,
    patient: Patient,
    now_ms: u64,
    /// Whether the host answers each command of the ventilator.
    answers: bool,
    /// Who the host says that it is.
    says: &'static [u8],
}

/// What came in a time: all bytes, and what they said.
#[derive(Default)]
struct Came {
    bytes: Vec<u8>,
    said: Vec<BTreeMap<Vital, Said>>,
    last_ms: u64,
}

impl Came {
    /// The messages, without those that stand inside others, flow control and the realtime stream.
    fn messages(&self) -> Vec<Vec<u8>> {
        let mut open: Vec<Vec<u8>> = Vec::new();
        let mut messages = Vec::new();
        for byte in &self.bytes {
            match byte {
                0x80.. | 0x11 | 0x13 => {}
                0x01 | 0x1B => open.push(vec![*byte]),
                0x0D => messages.extend(open.pop()),
                byte => open.last_mut().unwrap().push(*byte),
            }
        }
        messages
    }

    fn commands(&self) -> Vec<u8> {
        self.messages().iter().filter(|it| it[0] == 0x1B).map(|it| it[1]).collect()
    }

    fn responses(&self) -> Vec<u8> {
        self.messages().iter().filter(|it| it[0] == 0x01).map(|it| it[1]).collect()
    }
}

impl Bench {
    fn new(artefacts: Vec<Artefact>) -> Self {
        let start = Timestamp::from_micros(1_533_218_820_000_000).unwrap();
        let patient = Patient::new(1, 0, Course { artefacts, ..Course::default() });
        Self {
            ventilator: Medibus::new(start),
            patient,
            now_ms: 0,
            answers: true,
            says: b"0161'Host'01.00:06.00",
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.ventilator.handle_host_bytes(self.now_ms, bytes);
    }

    fn wait(&mut self, ms: u64) -> Came {
        let until = self.now_ms + ms;
        let mut came = Came::default();
        let mut commands = 0;
        while self.ventilator.due() <= until {
            let Some(emission) = self.ventilator.emit(&mut self.patient) else { continue };
            came.bytes.extend(&emission.bytes);
            came.last_ms = emission.at_ms;
            came.said.extend(emission.observation.map(|it| it.vitals));
            let new = came.commands();
            for code in new.iter().skip(commands).filter(|_| self.answers) {
                let data = if *code == IDENTITY { self.says } else { &[] };
                self.ventilator.handle_host_bytes(emission.at_ms, &response(*code, data));
            }
            commands = new.len();
        }
        self.now_ms = until;
        came
    }

    /// A host that asks every second.
    fn ask_for(&mut self, seconds: u64) -> Came {
        let mut all = Came::default();
        for _ in 0..seconds {
            self.say(ASKS);
            let came = self.wait(1000);
            all.bytes.extend(came.bytes);
            all.said.extend(came.said);
        }
        all
    }
}

fn once(kind: Kind, at: f64, lasts: f64) -> Artefact {
    Artefact { kind, schedule: Schedule { begins: Begins::At(at), lasts: (lasts, lasts) } }
}

#[test]
fn it_is_dead_until_it_is_opened_and_dead_again_when_it_is_stopped() {
    let mut bench = Bench::new(vec![]);
    bench.say(ASKS);
    assert!(bench.wait(5000).bytes.is_empty());
    bench.say(OPENS);
    assert_eq!(bench.wait(500).bytes, b"\x01Q52\r");
    bench.say(ASKS);
    let came = bench.wait(300);
    assert!(came.bytes.starts_with(b"\x01$7D  "));
    assert!(matches!(came.said[0][&Vital::Spo2], Said::Value(_)));
    bench.say(STOPS);
    assert_eq!(bench.wait(300).bytes, b"\x01U56\r");
    bench.say(ASKS);
    assert!(bench.wait(20_000).bytes.is_empty());
}

#[test]
fn it_asks_who_the_host_is_and_for_signs_of_life() {
    let mut bench = Bench::new(vec![]);
    bench.say(OPENS);
    let came = bench.wait(9000);
    assert_eq!(came.commands(), [IDENTITY, NOP, NOP, NOP, NOP], "every 2 s of silence");
    bench.say(LIVES);
    assert_eq!(bench.wait(500).responses(), [NOP]);
    let came = bench.ask_for(120);
    let count = |wanted| came.commands().into_iter().filter(|it| *it == wanted).count();
    assert_eq!(count(TIME_CHANGED), 2);
    assert_eq!(came.responses().len(), 120);
    assert_eq!(came.said.len(), 120);
}

#[test]
fn without_an_answer_for_three_seconds_it_stops_until_it_is_opened_again() {
    let mut bench = Bench::new(vec![]);
    bench.answers = false;
    bench.say(OPENS);
    // It asks after 0.9 s, and then waits.
    assert_eq!(bench.wait(1000).commands(), [IDENTITY]);
    let came = bench.ask_for(10);
    assert_eq!(came.said.len(), 3);
    // An answer that says nothing is none.
    let mut nameless = Bench { says: b"", ..Bench::new(vec![]) };
    nameless.say(OPENS);
    nameless.wait(1000);
    assert_eq!(nameless.ask_for(10).said.len(), 3);
    bench.say(OPENS);
    assert_eq!(bench.wait(500).responses(), [OPEN]);
    // A host that answers, and is silent for ten seconds otherwise, is heard all the same.
    bench.answers = true;
    assert!(bench.wait(30_000).commands().len() > 10);
}

#[test]
fn a_host_that_is_silent_is_forgotten() {
    let mut bench = Bench::new(vec![]);
    bench.answers = false;
    bench.say(OPENS);
    let came = bench.wait(60_000);
    assert_eq!(came.commands(), [IDENTITY]);
    assert!(came.last_ms < 2000);
    // Ten seconds without a word, were there no command to answer.
    let mut talk = Talk { asks_ms: None, open: None, ..Talk::begun(0) };
    talk.spoken_ms = 9999;
    assert!(!talk.is_over(9999) && talk.is_over(10_000));
}

#[test]
fn a_command_may_stand_in_the_middle_of_a_response() {
    let mut bench = Bench::new(vec![]);
    bench.say(OPENS);
    let came = bench.ask_for(20);
    let inside = |bytes: &[u8]| {
        let response = bytes.iter().position(|it| *it == 0x01).unwrap();
        bytes[response + 1..].iter().find(|it| matches!(it, 0x1B | 0x0D)) == Some(&0x1B)
    };
    let interrupted = (0..came.bytes.len()).filter(|it| came.bytes[*it] == 0x01);
    let count = interrupted.filter(|it| inside(&came.bytes[*it..])).count();
    assert_eq!(count, 3);
    assert!(came.bytes.windows(2).any(|it| it == [DC3, DC1]));
    assert_eq!(came.said.len(), 20);
    // Put together again, each response has its sum.
    let mut parser = Parser::default();
    let heard: Vec<_> = came.bytes.iter().filter_map(|it| parser.take(*it)).collect();
    assert_eq!(heard.iter().filter(|it| matches!(it, Heard::Response(MEASURED_1, _))).count(), 20);
    assert!(!heard.contains(&Heard::Corrupt));
}

#[test]
fn a_damaged_command_is_refused_and_an_unknown_one_comes_back() {
    let mut bench = Bench::new(vec![]);
    bench.say(OPENS);
    bench.wait(300);
    bench.say(b"\x1B$3E\r");
    assert_eq!(bench.wait(200).bytes, b"\x01\x1516\r");
    bench.say(&command(0x79));
    assert_eq!(bench.wait(200).responses(), [0x79]);
    for code in [0x23, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2E, 0x52] {
        bench.say(&command(code));
        assert!(bench.wait(200).responses().contains(&code), "{code:02X}");
    }
}

#[test]
fn the_realtime_stream_runs_through_the_messages() {
    let mut bench = Bench::new(vec![]);
    bench.ventilator = Medibus::new(Timestamp::EPOCH).with_realtime();
    assert!(bench.wait(2000).bytes.is_empty());
    bench.say(OPENS);
    let came = bench.ask_for(30);
    let realtime = came.bytes.iter().filter(|it| **it >= 0x80).count();
    assert!(realtime > 30 * 60, "{realtime}");
    assert_eq!(came.responses().into_iter().filter(|it| *it == MEASURED_1).count(), 30);
}

#[test]
fn a_line_takes_its_time() {
    let mut bench = Bench::new(vec![]);
    bench.say(OPENS);
    bench.wait(300);
    let asked = bench.now_ms;
    bench.say(ASKS);
    let came = bench.wait(400);
    let expected = u64::try_from(came.bytes.len()).unwrap() * 1000 / BYTES_A_SECOND;
    let took = came.last_ms - asked - ANSWERS_IN;
    assert!((expected..=expected + 1).contains(&took), "{} bytes in {took} ms", came.bytes.len());
}

#[test]
fn a_ventilator_that_starts_anew_must_be_opened_again() {
    let mut bench =
        Bench::new(vec![once(Kind::DeviceRestart, 10.0, 5.0), once(Kind::DeviceClock, 30.0, 20.0)]);
    bench.say(OPENS);
    assert_eq!(bench.ask_for(9).said.len(), 9);
    assert_eq!(bench.ask_for(11).said.len(), 1);
    bench.say(OPENS);
    bench.wait(500);
    assert_eq!(bench.ask_for(9).said.len(), 9);
    bench.wait(1000);
    bench.say(&command(TIME));
    let came = bench.wait(500);
    let time = came.messages().into_iter().find(|it| it[1] == TIME).unwrap();
    assert_ne!(time[2..4], *b"14");
}
