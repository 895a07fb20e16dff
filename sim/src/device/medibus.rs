//! A Dräger ventilator behind its Medibus interface: it answers, and asks for signs of life itself.
//!
//! By "Dräger RS 232 MEDIBUS, Protocol Definition", revision 6.00, as public decoders know it: a host opens the
//! communication, each side answers the other's commands, and either falls silent when the other does. It is one that asks who
//! the host is and takes no empty answer for one, as an Evita 4 and a Cicero B do.

mod message;
mod phrases;
mod values;

use std::collections::VecDeque;

use vitals::time::Timestamp;

use super::line::Line;
use super::{Emission, Observation};
use crate::artefact::{DeviceState, Voice};
use crate::patient::{Numerics, Patient};
use message::{DC1, DC3, Heard, NAK, Parser, REALTIME, command, response};

/// 19,200 baud, ten bits a byte (8N1).
const BYTES_A_SECOND: u64 = 1920;
/// From a command to its response, ms.
const ANSWERS_IN: u64 = 40;
/// A command of its own must be answered within this, ms.
const ANSWERED_WITHIN: u64 = 3000;
/// Without a word of the host it falls silent after this, ms.
const HOST_SILENT: u64 = 10_000;
/// Without a word on the line it asks for a sign of life after this, ms.
const LINE_SILENT: u64 = 2000;
/// How often its clock is set, ms: it tells the host.
const CLOCK_SET_EVERY: u64 = 47_000;
/// After that time on an open line it asks who the host is, ms.
const ASKS_IN: u64 = 900;
/// How often the ventilator looks at itself, ms.
const LOOKS_EVERY: u64 = 1000;
/// How often realtime values leave while nothing else does, ms.
const SAMPLES_EVERY: u64 = 50;
/// Every so many responses with data one is interrupted by a command, or by flow control.
const INTERRUPTED_EVERY: u64 = 7;
/// Commands that wait for their responses; a host that asks faster is not heard.
const WAITING_MAX: usize = 32;

/// Codes of commands.
const MEASURED_1: u8 = 0x24;
const LOW_LIMITS_1: u8 = 0x25;
const HIGH_LIMITS_1: u8 = 0x26;
const ALARMS_1: u8 = 0x27;
const TIME: u8 = 0x28;
const SETTINGS: u8 = 0x29;
const TEXTS: u8 = 0x2A;
const MEASURED_2: u8 = 0x2B;
const NOP: u8 = 0x30;
const TIME_CHANGED: u8 = 0x49;
const OPEN: u8 = 0x51;
const IDENTITY: u8 = 0x52;
const STOP: u8 = 0x55;

/// The talk with a host that has opened it.
#[derive(Debug, Clone, Copy)]
struct Talk {
    /// When the host was last heard, and when anything was last on the line, ms.
    heard_ms: u64,
    spoken_ms: u64,
    /// When the clock is set next, and when it asks who the host is, where it has not, ms.
    clock_ms: u64,
    asks_ms: Option<u64>,
    /// A command of its own that is not answered yet, and until when it waits, ms.
    open: Option<(u8, u64)>,
}

/// A ventilator.
#[derive(Debug)]
pub struct Medibus {
    /// The wall clock at simulated time 0, s since 1970.
    start: i64,
    streams: bool,
    parser: Parser,
    talk: Option<Talk>,
    /// Codes of responses that are due, in order of time.
    responses: VecDeque<(u64, u8)>,
    /// Responses with data so far.
    count: u64,
    /// How far its time has come, and when it looks at itself and when a realtime value leaves next, ms.
    now_ms: u64,
    looks_ms: u64,
    sample_ms: u64,
    restarts: u64,
    line: Line,
}

impl Medibus {
    /// A ventilator. `start` is the wall clock at simulated time 0.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self {
            start: start.as_micros().div_euclid(1_000_000),
            streams: false,
            parser: Parser::default(),
            talk: None,
            responses: VecDeque::new(),
            count: 0,
            now_ms: 0,
            looks_ms: LOOKS_EVERY,
            sample_ms: 0,
            restarts: 0,
            line: Line::default(),
        }
    }

    /// The same as another host has left it: a stream of realtime values runs between and through its messages.
    #[must_use]
    pub fn with_realtime(self) -> Self {
        Self { streams: true, ..self }
    }

    pub(super) fn due(&self) -> u64 {
        let response = self.responses.front().map(|(at_ms, _)| *at_ms);
        let sample = (self.streams && self.talk.is_some()).then_some(self.sample_ms);
        let talk = self.talk.map(|it| it.due());
        let due = [self.line.due(), response, sample, talk].into_iter().flatten();
        // What had to wait for an answer is late, and not in the past.
        due.fold(self.looks_ms, u64::min).max(self.now_ms)
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        let at_ms = self.due();
        self.now_ms = at_ms;
        if self.line.due().is_some_and(|it| it <= at_ms) {
            return self.line.next();
        }
        let now = patient.at(at_ms);
        self.look_at_power(now.device);
        self.looks_ms = if self.looks_ms <= at_ms { at_ms + LOOKS_EVERY } else { self.looks_ms };
        if self.talk.is_some_and(|it| it.is_over(at_ms)) {
            self.fall_silent();
        }
        if self.responses.front().is_some_and(|(due, _)| *due <= at_ms) {
            if let Some((_, code)) = self.responses.pop_front() {
                self.respond(at_ms, &now, code);
            }
        }
        if let Some(code) = self.talk.as_mut().and_then(|it| it.own_command(at_ms)) {
            self.put(at_ms, &command(code), None);
        }
        if self.streams && self.sample_ms <= at_ms {
            self.sample_ms = at_ms + SAMPLES_EVERY;
            if self.talk.is_some() {
                self.line.put(at_ms, &samples(at_ms), None, BYTES_A_SECOND);
            }
        }
        // The first bytes leave a little later.
        None
    }

    pub(super) fn handle_host_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        self.now_ms = self.now_ms.max(now_ms);
        for byte in bytes {
            let Some(heard) = self.parser.take(*byte) else { continue };
            if heard == Heard::Command(OPEN) {
                self.talk = Some(Talk::begun(now_ms));
                self.sample_ms = self.sample_ms.max(now_ms);
            }
            // A line that has not been opened, or is no longer open, is dead.
            let Some(talk) = &mut self.talk else { continue };
            talk.heard_ms = now_ms;
            let code = match heard {
                Heard::Command(code) => code,
                Heard::Corrupt => NAK,
                Heard::Response(code, data) => {
                    // Who the host is, it must say: an empty answer is none.
                    let is_answer = code != IDENTITY || phrases::names_a_host(&data);
                    talk.open = talk.open.filter(|(asked, _)| *asked != code || !is_answer);
                    continue;
                }
            };
            if self.responses.len() < WAITING_MAX {
                self.responses.push_back((now_ms + ANSWERS_IN, code));
            }
        }
    }

    fn respond(&mut self, at_ms: u64, now: &Numerics, code: u8) {
        let clock = self.start + i64::try_from(at_ms / 1000).unwrap_or(0) + now.device.clock_off;
        let measured = match code {
            MEASURED_1 => values::first_page(now),
            MEASURED_2 => values::second_page(now),
            _ => Vec::new(),
        };
        let data = match code {
            MEASURED_1 | MEASURED_2 => values::bytes(&measured),
            LOW_LIMITS_1 => values::bytes(&values::low_limits()),
            HIGH_LIMITS_1 => values::bytes(&values::high_limits()),
            ALARMS_1 => phrases::alarms(now),
            TIME => phrases::time(clock),
            SETTINGS => phrases::settings().to_vec(),
            TEXTS => phrases::texts(),
            IDENTITY => phrases::identity().to_vec(),
            // Control commands and those that it does not know come back as they are; of alarms and limits of the other
            // pages it has none, which looks the same.
            _ => Vec::new(),
        };
        let vitals = values::vitals(&measured);
        let observation =
            (!vitals.is_empty()).then_some(Observation { seq: None, device_time: None, vitals });
        let message = response(code, &data);
        let message = if data.is_empty() { message } else { self.interrupted(at_ms, message) };
        self.put(at_ms, &message, observation);
        if code == STOP {
            self.fall_silent();
        }
    }

    /// Now and then puts a command of its own, or flow control, into the middle of a response.
    fn interrupted(&mut self, at_ms: u64, message: Vec<u8>) -> Vec<u8> {
        self.count += 1;
        let (head, tail) = message.split_at(message.len() / 2);
        match (self.count % INTERRUPTED_EVERY, &mut self.talk) {
            (3, Some(talk)) if talk.open.is_none() => {
                talk.open = Some((NOP, at_ms + ANSWERED_WITHIN));
                [head, &command(NOP), tail].concat()
            }
            (5, _) => [head, &[DC3, DC1], tail].concat(),
            _ => message,
        }
    }

    /// Puts a message on the line, with the realtime stream running through it where there is one.
    fn put(&mut self, at_ms: u64, message: &[u8], observation: Option<Observation>) {
        if let Some(talk) = &mut self.talk {
            talk.spoken_ms = at_ms;
        }
        let chunks = message.chunks(5);
        let message = if self.streams {
            chunks.flat_map(|chunk| [chunk, &samples(at_ms)].concat()).collect()
        } else {
            message.to_vec()
        };
        self.line.put(at_ms, &message, observation, BYTES_A_SECOND);
    }

    /// A ventilator that was switched off knows of no talk.
    fn look_at_power(&mut self, state: DeviceState) {
        if state.voice == Voice::Silent || state.restarts != self.restarts {
            self.restarts = state.restarts;
            self.fall_silent();
        }
    }

    fn fall_silent(&mut self) {
        self.talk = None;
        self.responses.clear();
    }
}

impl Talk {
    const fn begun(now_ms: u64) -> Self {
        Self {
            heard_ms: now_ms,
            spoken_ms: now_ms,
            clock_ms: now_ms + CLOCK_SET_EVERY,
            asks_ms: Some(now_ms + ASKS_IN),
            open: None,
        }
    }

    /// When there is something to do.
    fn due(&self) -> u64 {
        let over = self.heard_ms + HOST_SILENT;
        match self.open {
            Some((_, until_ms)) => over.min(until_ms),
            None => [self.spoken_ms + LINE_SILENT, self.clock_ms, self.asks_ms.unwrap_or(over)]
                .into_iter()
                .fold(over, u64::min),
        }
    }

    /// Whether the host has been silent for too long, or owes an answer for too long.
    fn is_over(&self, at_ms: u64) -> bool {
        self.heard_ms + HOST_SILENT <= at_ms || self.open.is_some_and(|(_, until_ms)| until_ms <= at_ms)
    }

    /// The command that the ventilator itself has to give now; one at a time.
    fn own_command(&mut self, at_ms: u64) -> Option<u8> {
        if self.open.is_some() {
            return None;
        }
        let code = if self.asks_ms.is_some_and(|it| it <= at_ms) {
            self.asks_ms = None;
            IDENTITY
        } else if self.clock_ms <= at_ms {
            self.clock_ms = at_ms + CLOCK_SET_EVERY;
            TIME_CHANGED
        } else if self.spoken_ms + LINE_SILENT <= at_ms {
            NOP
        } else {
            return None;
        };
        self.open = Some((code, at_ms + ANSWERED_WITHIN));
        Some(code)
    }
}

/// A sync byte that announces one stream, and a value of it in two bytes of six bits.
fn samples(at_ms: u64) -> [u8; 3] {
    let [.., low] = (at_ms / 7 % 64).to_be_bytes();
    let [.., high] = (at_ms / 311 % 64).to_be_bytes();
    [0xD1, REALTIME | low, REALTIME | high]
}

#[cfg(test)]
mod tests;
