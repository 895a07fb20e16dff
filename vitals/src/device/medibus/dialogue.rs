//! What is said to the device: open the line, ask, keep it alive, answer. Nothing else is ever sent.
//!
//! The device may ask too, and stops when it gets no answer within 3 s: each of its commands is answered by its code, and the one
//! that asks who we are by a number, a name and revisions as well, without which an Evita 4 or a Cicero B does not go on. Each
//! side must say something every 3 s; after 10 s of silence the line is opened anew.
//!
//! A new request may be sent when the last is answered ("Protocol Definition", structure of commands). Measured values are due
//! once an interval. Behind their answer come the alarms of code page 1, and, as long as enough of the interval is left, those
//! of code page 2 and one of the limits; who the device is, once whenever the line is opened. Only an answer that is still on
//! its way lets the values wait, and not for long; a device that answers nothing else is left alone for some intervals.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::echo::{Echo, Origin};
use super::frame::{Kind, Message, enframe};
use super::{ALARMS, ALARMS_2, HIGH_LIMITS, IDENTITY, LOW_LIMITS, MEASURED};
use crate::time::Uptime;

/// Initialise communication.
const ICC: u8 = 0x51;
/// No operation.
const NOP: u8 = 0x30;
/// The other side stops.
const STOP: u8 = 0x55;
/// The answer to a command that came damaged.
const NAK: u8 = 0x15;

/// Who we are, in the form in which a device tells it ([`super::identity`]): the number that public decoders give a host (mdpnp
/// `Medibus.java`, VSCaptureDrgVent), a name, and the revisions of what we speak and of Medibus. They never change, so that
/// no device takes an update of ours for another host.
const HOST: &[u8] = b"0161'Wardline'01.00:06.00";

/// At least this often something is said.
const TURN: Duration = Duration::from_secs(2);
/// So long nothing may be heard.
const SILENCE: Duration = Duration::from_secs(10);
/// Between two tries to open the line.
const RETRY: Duration = Duration::from_secs(3);
/// What an answer takes, "usually far less than 500 ms" and its bytes: less than this before the values nothing else is asked.
const ANSWER: Duration = Duration::from_millis(500);
/// So long the values wait for an answer that is still on its way; the device drops a request when the next one comes.
const WAIT: Duration = Duration::from_millis(1500);
/// After two requests in a row without an answer nothing but values is asked for so many intervals.
const REST: u8 = 10;
/// Answers that wait for the line: more in one read is no device.
const ANSWERS_MAX: usize = 8;

/// What to say, and when.
#[derive(Debug)]
pub(super) struct Dialogue {
    interval: Duration,
    /// When measured values are due; `None` while the line is not open.
    ask_at: Option<Uptime>,
    /// The request that is not answered yet, and when it was made.
    asked: Option<(u8, Uptime)>,
    /// What else is to be asked in this interval.
    wanted: VecDeque<u8>,
    /// Requests for something else than values without an answer, in a row.
    missed: u8,
    /// Intervals in which nothing else is asked.
    rest: u8,
    /// Whether the device has been asked who it is since the line was opened.
    is_identified: bool,
    /// The limits whose turn it is.
    limits: u8,
    /// When something must be said.
    speak_at: Uptime,
    heard_at: Uptime,
    due: VecDeque<Vec<u8>>,
    echo: Echo,
}

impl Dialogue {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            ask_at: None,
            asked: None,
            wanted: VecDeque::new(),
            missed: 0,
            rest: 0,
            is_identified: false,
            limits: LOW_LIMITS,
            speak_at: Uptime::ZERO,
            heard_at: Uptime::ZERO,
            due: VecDeque::new(),
            echo: Echo::default(),
        }
    }

    /// Takes a message, and tells whether it is surely the device's.
    pub(super) fn handle_message(&mut self, now: Uptime, message: &Message) -> bool {
        let origin = self.echo.handle_message(now, message);
        match origin {
            Origin::Device | Origin::Doubtful => self.heard_at = now,
            Origin::Discovered => {
                // Whatever has opened the line was our own word.
                self.ask_at = None;
                self.speak_at = now;
                return false;
            }
            Origin::Echo => return false,
        }
        if message.kind == Kind::Command {
            self.answer(now, message.code);
        }
        if (message.kind, message.code) == (Kind::Command, STOP) {
            self.ask_at = None;
            self.speak_at = now + SILENCE;
        } else if message.code == ICC {
            // Whoever opens the line has forgotten what was asked before, and may be another device.
            self.is_identified = false;
            if self.ask_at.is_none() {
                self.ask_at = Some(now);
                self.speak_at = now;
                self.asked = None;
                (self.missed, self.rest) = (0, 0);
            }
        } else if message.kind == Kind::Response {
            self.handle_answer(now, message.code);
        }
        origin == Origin::Device
    }

    fn answer(&mut self, now: Uptime, code: u8) {
        let data = if code == IDENTITY { HOST } else { &[] };
        let answer = Message { kind: Kind::Response, code, data: data.into() };
        if self.due.len() < ANSWERS_MAX {
            self.due.push_back(enframe(&answer));
        }
        // Said or not: what comes then means the same however the reads were cut.
        self.echo.handle_said(now, &answer);
    }

    fn handle_answer(&mut self, now: Uptime, code: u8) {
        let (Some(ask_at), Some((asked, _))) = (self.ask_at, self.asked) else { return };
        if code != asked && code != NAK {
            return;
        }
        self.asked = None;
        if asked != MEASURED {
            self.missed = 0;
        }
        if ask_at <= now {
            self.speak_at = now;
        } else if asked == MEASURED || now + ANSWER <= ask_at {
            if let Some(next) = self.wanted.pop_front() {
                self.ask(now, next);
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Uptime) {
        if now < self.speak_at {
            return;
        }
        if now.since(self.heard_at) >= SILENCE {
            self.ask_at = None;
        }
        match self.ask_at {
            None => {
                self.asked = None;
                self.say(now, ICC, RETRY);
            }
            Some(at) if at <= now => match self.asked {
                Some((_, since)) if now < since + WAIT => self.speak_at = since + WAIT,
                Some(_) | None => self.ask_for_values(now, at),
            },
            Some(at) => self.say(now, NOP, TURN.min(at.since(now))),
        }
    }

    /// Values are due at this time; what is asked behind them in this interval is put down anew.
    fn ask_for_values(&mut self, now: Uptime, due: Uptime) {
        if self.asked.is_some_and(|(code, _)| code != MEASURED) {
            self.missed += 1;
            if self.missed > 1 {
                (self.missed, self.rest) = (0, REST);
            }
        }
        let next = due + self.interval;
        let next = if next > now { next } else { now + self.interval };
        self.ask_at = Some(next);
        self.ask(now, MEASURED);
        self.speak_at = now + TURN.min(next.since(now));
        if let Some(left) = self.rest.checked_sub(1) {
            self.rest = left;
            self.wanted.clear();
            return;
        }
        let last = if core::mem::replace(&mut self.is_identified, true) {
            self.limits = if self.limits == LOW_LIMITS { HIGH_LIMITS } else { LOW_LIMITS };
            self.limits
        } else {
            IDENTITY
        };
        self.wanted = [ALARMS, ALARMS_2, last].into();
    }

    fn ask(&mut self, now: Uptime, code: u8) {
        self.asked = Some((code, now));
        self.put(now, Kind::Command, code, &[]);
    }

    fn say(&mut self, now: Uptime, code: u8, next: Duration) {
        self.speak_at = now + next;
        self.put(now, Kind::Command, code, &[]);
    }

    fn put(&mut self, now: Uptime, kind: Kind, code: u8, data: &[u8]) {
        let message = Message { kind, code, data: data.into() };
        self.due.push_back(enframe(&message));
        self.echo.handle_said(now, &message);
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.due.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Uptime {
        self.speak_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Uptime {
        Uptime::from_millis(second * 1000)
    }

    fn said(dialogue: &mut Dialogue, second: u64) -> Vec<u8> {
        if dialogue.poll_timeout() <= at(second) {
            dialogue.handle_timeout(at(second));
        }
        // The code of each message that is sent.
        core::iter::from_fn(|| dialogue.poll_transmit()).map(|it| it[1]).collect()
    }

    fn message(kind: Kind, code: u8) -> Message {
        Message { kind, code, data: Vec::new() }
    }

    #[test]
    fn opens_asks_keeps_alive_and_opens_again_after_ten_seconds_of_silence() {
        let mut dialogue = Dialogue::new(Duration::from_secs(5));
        assert_eq!(said(&mut dialogue, 100), [ICC]);
        assert!(said(&mut dialogue, 102).is_empty());
        assert_eq!(said(&mut dialogue, 103), [ICC]);
        dialogue.handle_message(at(104), &message(Kind::Response, ICC));
        let turns: Vec<_> = (104..=109).map(|second| said(&mut dialogue, second)).collect();
        assert_eq!(turns, [&[MEASURED][..], &[], &[NOP], &[], &[NOP], &[MEASURED]]);
        assert_eq!(said(&mut dialogue, 113), [NOP]);
        assert_eq!(said(&mut dialogue, 116), [ICC], "nothing was heard since 104");
    }

    /// What is said to a device that answers each request after so long, in so many seconds: the time of each, and its code.
    fn conversation(interval: u64, answer: Duration, seconds: u64) -> Vec<(u64, u8)> {
        let mut dialogue = Dialogue::new(Duration::from_secs(interval));
        dialogue.handle_message(at(100), &message(Kind::Command, ICC));
        let (mut said, mut answers) = (Vec::new(), VecDeque::new());
        for millis in (100_000..100_000 + seconds * 1000).step_by(10) {
            let now = Uptime::from_millis(millis);
            while answers.front().is_some_and(|(when, _)| *when <= now) {
                let (_, code) = answers.pop_front().unwrap();
                dialogue.handle_message(now, &message(Kind::Response, code));
            }
            if dialogue.poll_timeout() <= now {
                dialogue.handle_timeout(now);
            }
            while let Some(it) = dialogue.poll_transmit() {
                if it[0] == 0x1B {
                    answers.push_back((now + answer, it[1]));
                    said.push((millis - 100_000, it[1]));
                }
            }
        }
        said
    }

    #[test]
    fn values_stay_on_time_and_the_rest_is_asked_between_them_one_at_a_time() {
        let said = conversation(1, Duration::from_millis(120), 4);
        let expected: Vec<_> = [
            [(0, MEASURED), (120, ALARMS), (240, ALARMS_2), (360, IDENTITY)],
            [(1000, MEASURED), (1120, ALARMS), (1240, ALARMS_2), (1360, HIGH_LIMITS)],
            [(2000, MEASURED), (2120, ALARMS), (2240, ALARMS_2), (2360, LOW_LIMITS)],
            [(3000, MEASURED), (3120, ALARMS), (3240, ALARMS_2), (3360, HIGH_LIMITS)],
        ]
        .concat();
        assert_eq!(said, expected);
        // A slower one is asked for less.
        let said = conversation(1, Duration::from_millis(300), 3);
        let codes: Vec<_> = said.iter().map(|(_, code)| *code).collect();
        assert_eq!(codes, [MEASURED, ALARMS, MEASURED, ALARMS, MEASURED, ALARMS], "{said:?}");
        assert_eq!(said[2].0, 1000);
        // One that takes longer than the interval for both is asked as fast as it answers.
        let said = conversation(1, Duration::from_millis(700), 5);
        assert!(said.windows(2).all(|it| it[1].0 - it[0].0 >= 500), "{said:?}");
        assert!(said.iter().filter(|(_, code)| *code == ALARMS).count() >= 2, "{said:?}");
        assert!(said.iter().filter(|(_, code)| *code == MEASURED).count() >= 3, "{said:?}");
    }

    #[test]
    fn who_answers_nothing_but_values_is_left_alone() {
        let mut dialogue = Dialogue::new(Duration::from_secs(1));
        dialogue.handle_message(at(100), &message(Kind::Response, ICC));
        let mut times = Vec::new();
        for millis in (100_000..140_000_u64).step_by(50) {
            let now = Uptime::from_millis(millis);
            if dialogue.poll_timeout() <= now {
                dialogue.handle_timeout(now);
            }
            while let Some(it) = dialogue.poll_transmit() {
                if it[1] == MEASURED {
                    times.push(millis);
                    dialogue.handle_message(now, &message(Kind::Response, MEASURED));
                }
            }
        }
        let gaps: Vec<_> = times.windows(2).map(|it| it[1] - it[0]).collect();
        assert!(gaps.iter().filter(|it| **it == 1000).count() > 24, "{gaps:?}");
        assert!(gaps.iter().all(|it| *it <= 1500), "{gaps:?}");
    }

    #[test]
    fn a_request_without_an_answer_stops_nothing_and_a_refused_one_is_answered() {
        let mut dialogue = Dialogue::new(Duration::from_secs(1));
        dialogue.handle_message(at(100), &message(Kind::Response, ICC));
        assert_eq!(said(&mut dialogue, 100), [MEASURED]);
        dialogue.handle_message(at(100), &message(Kind::Response, MEASURED));
        assert_eq!(said(&mut dialogue, 100), [ALARMS]);
        dialogue.handle_message(at(100), &message(Kind::Response, NAK));
        assert_eq!(said(&mut dialogue, 100), [ALARMS_2]);
        assert!(said(&mut dialogue, 101).is_empty(), "the alarms may still come");
        assert_eq!(said(&mut dialogue, 102), [MEASURED], "of the alarms nothing came");
        dialogue.handle_message(at(102), &message(Kind::Response, ALARMS_2));
        assert!(said(&mut dialogue, 102).is_empty(), "too late");
        dialogue.handle_message(at(102), &message(Kind::Response, MEASURED));
        assert_eq!(said(&mut dialogue, 102), [ALARMS]);
    }

    #[test]
    fn each_command_of_the_device_is_answered_and_stop_is_obeyed() {
        let mut dialogue = Dialogue::new(Duration::from_secs(1));
        dialogue.handle_message(at(100), &message(Kind::Command, ICC));
        assert_eq!(said(&mut dialogue, 100), [ICC, MEASURED]);
        dialogue.handle_message(at(100), &message(Kind::Command, 0x49));
        assert_eq!(dialogue.poll_transmit().unwrap(), enframe(&message(Kind::Response, 0x49)));
        dialogue.handle_message(at(100), &message(Kind::Command, IDENTITY));
        assert_eq!(dialogue.poll_transmit().unwrap(), b"\x01R0161'Wardline'01.00:06.00BC\r");
        dialogue.handle_message(at(101), &message(Kind::Command, STOP));
        assert_eq!(said(&mut dialogue, 105), [STOP]);
        assert_eq!(said(&mut dialogue, 111), [ICC]);
        for _ in 0..100 {
            dialogue.handle_message(at(112), &message(Kind::Command, NOP));
        }
        assert_eq!(core::iter::from_fn(|| dialogue.poll_transmit()).count(), ANSWERS_MAX);
    }

    /// What the device says on a line that sends all back: it answers each command after so long. The codes of what is said to it
    /// in so many seconds, and how many messages were surely its own.
    fn on_a_line_that_echoes(answer: Option<Duration>, seconds: u64) -> (Vec<u8>, usize) {
        let mut dialogue = Dialogue::new(Duration::from_secs(1));
        let (mut said, mut device, mut own) = (Vec::new(), VecDeque::new(), 0);
        for millis in (100_000..100_000 + seconds * 1000).step_by(10) {
            let now = Uptime::from_millis(millis);
            while device.front().is_some_and(|(when, _)| *when <= now) {
                let (_, code) = device.pop_front().unwrap();
                own += usize::from(dialogue.handle_message(now, &message(Kind::Response, code)));
            }
            if dialogue.poll_timeout() <= now {
                dialogue.handle_timeout(now);
            }
            while let Some(it) = dialogue.poll_transmit() {
                let kind = if it[0] == 0x1B { Kind::Command } else { Kind::Response };
                if let (Kind::Command, Some(answer)) = (kind, answer) {
                    device.push_back((now + answer, it[1]));
                }
                said.push(it[1]);
                let data = it[2..it.len() - 3].to_vec();
                own += usize::from(dialogue.handle_message(now, &Message { kind, code: it[1], data }));
            }
        }
        (said, own)
    }

    #[test]
    fn what_comes_back_of_our_own_words_is_no_device() {
        let (said, own) = on_a_line_that_echoes(None, 60);
        assert_eq!(own, 0);
        // What came back at first was answered and taken for an open line; later it is opened again and again.
        assert_eq!(said[..5], [ICC, ICC, MEASURED, ICC, ICC], "{said:02X?}");
        assert!(said[5..].iter().all(|code| *code == ICC), "{said:02X?}");
        // A device on such a line is read all the same, and nothing is said to it that it has not asked for.
        let (said, own) = on_a_line_that_echoes(Some(Duration::from_millis(50)), 60);
        let values = said.iter().copied().fold(0, |sum, code| sum + usize::from(code == MEASURED));
        assert!((55..=62).contains(&values), "{values}");
        assert!(own > 200, "{own}");
        assert!(said[4..].iter().all(|code| *code != NOP && *code != ICC), "{said:02X?}");
    }
}
