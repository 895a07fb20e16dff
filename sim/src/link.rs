//! Faults of the way from a device to the agent: bits, bytes and chunks that change, go missing or come twice.
//!
//! What a damaged line carried is said with doubt: it may have arrived, or not, or as something else. What comes within
//! seconds behind damage is doubtful too, because a reader must find its place again.

mod doubt;
mod replies;

use std::collections::VecDeque;

use serde::Deserialize;

use crate::device::Emission;
use crate::random::Random;
use crate::schedule::{Episodes, Schedule};
use doubt::Doubt;
use replies::Replies;

/// A line that is pulled out waits so long for a frame, to be pulled out in the middle of it, s.
const WAITS_FOR_A_FRAME: f64 = 6.0;
/// How much of that frame is missing, bytes: more than what only ends a frame, less than the shortest one.
const CUT_OFF: usize = 3;
/// So many chunks leave together on a line that glues them.
const GLUED: usize = 8;
/// What a device without its broker can hold: an hour of messages. When full, the oldest are gone.
const HELD_MAX: usize = 3600;

/// A fault of a line or of the way to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Bits turn, one in a byte that is hit.
    BitErrors,
    /// Bytes are lost.
    LostBytes,
    /// A chunk comes twice; a message too.
    Duplicated,
    /// Every byte comes by itself.
    OneByte,
    /// The line has another speed: nothing of it can be read.
    WrongBaud,
    /// Chunks come late and all at once.
    Glued,
    /// The line is pulled out in the middle of the next frame, and then gone.
    Unplugged,
    /// Now and then the device answers wrongly: a sum that does not fit, or once more what it said last.
    WrongReplies,
    /// The device has lost its broker, holds what it has to say, and says it all afterwards.
    BrokerLoss,
    /// The connection to the broker is made anew five times a second.
    ReconnectStorm,
}

impl Kind {
    /// How much is hit where the scenario says nothing, of all bytes or chunks.
    #[must_use]
    pub const fn rate(self) -> f64 {
        match self {
            Self::BitErrors | Self::LostBytes => 0.001,
            Self::Duplicated => 0.05,
            Self::WrongReplies => 0.1,
            _ => 1.0,
        }
    }
}

/// What a way carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Bytes, on a serial line or through a serial device server.
    Bytes,
    /// Datagrams, which arrive whole or not at all.
    Datagrams,
    /// Messages, by way of a broker.
    Messages,
}

impl Medium {
    /// Whether such a way can have a fault.
    const fn can_have(self, kind: Kind) -> bool {
        match self {
            Self::Bytes => !matches!(kind, Kind::BrokerLoss | Kind::ReconnectStorm),
            Self::Datagrams => {
                matches!(kind, Kind::Duplicated | Kind::Glued | Kind::Unplugged | Kind::WrongReplies)
            }
            Self::Messages => matches!(kind, Kind::BrokerLoss | Kind::ReconnectStorm | Kind::Duplicated),
        }
    }
}

/// A fault, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    /// Which.
    pub kind: Kind,
    /// How much is hit, share of bytes or chunks.
    pub rate: f64,
    /// When.
    pub schedule: Schedule,
}

/// One way with its faults.
#[derive(Debug, Clone)]
pub struct Link {
    all: Vec<(Fault, Episodes)>,
    medium: Medium,
    random: Random,
    /// What waits to be glued together, or for the broker.
    held: VecDeque<Emission>,
    doubt: Doubt,
    replies: Replies,
    /// Whether the line has been pulled out in the middle of a frame.
    cut: bool,
}

/// Which faults are there at a moment, how much each hits, and since when, s.
#[derive(Debug)]
struct Present(Vec<(Kind, f64, f64)>);

impl Present {
    /// How much a fault hits; 0 where it is not there.
    fn rate(&self, kind: Kind) -> f64 {
        self.0.iter().find(|(it, ..)| *it == kind).map_or(0.0, |(_, rate, _)| *rate)
    }

    fn since(&self, kind: Kind) -> Option<f64> {
        self.0.iter().find(|(it, ..)| *it == kind).map(|(_, _, since)| *since)
    }

    fn has(&self, kind: Kind) -> bool {
        self.since(kind).is_some()
    }
}

impl Link {
    /// The way of the bed of that index.
    #[must_use]
    pub fn new(seed: u64, bed: u64, medium: Medium, faults: &[Fault]) -> Self {
        let stream = |number: u64| Random::new(seed, 3_000_000 + bed * 64 + number);
        let all = (1..).zip(faults.iter().filter(|it| medium.can_have(it.kind)));
        let all = all.map(|(number, it)| (*it, Episodes::new(it.schedule, stream(number)))).collect();
        let (doubt, replies) = (Doubt::default(), Replies::default());
        Self { all, medium, random: stream(0), held: VecDeque::new(), doubt, replies, cut: false }
    }

    /// Whether it is pulled out at a moment.
    pub fn is_unplugged(&mut self, at_ms: u64) -> bool {
        if self.all.is_empty() {
            return false;
        }
        let now = self.present(at_ms);
        self.is_out(&now)
    }

    /// Whether connections are torn down at a moment.
    pub fn has_storm(&mut self, at_ms: u64) -> bool {
        !self.all.is_empty() && self.present(at_ms).has(Kind::ReconnectStorm)
    }

    /// The device has stopped, in the middle of whatever it said.
    pub fn interrupt(&mut self, at_ms: u64) {
        if self.medium != Medium::Messages {
            self.doubt.begin(at_ms);
        }
    }

    /// What comes out at the other end when this goes in.
    pub fn carry(&mut self, mut emission: Emission) -> Vec<Emission> {
        if emission.doubtful {
            self.interrupt(emission.at_ms);
        }
        if self.all.is_empty() && self.doubt.is_none() {
            return vec![emission];
        }
        let now = self.present(emission.at_ms);
        if now.has(Kind::Unplugged) && self.medium != Medium::Messages && !self.lets_pass(&now, &mut emission)
        {
            return Vec::new();
        }
        let (before, emission) = self.damage(&now, emission);
        let waits = now.has(Kind::BrokerLoss);
        let held = if waits {
            HELD_MAX
        } else if now.has(Kind::Glued) {
            GLUED
        } else {
            0
        };
        let at_ms = emission.at_ms;
        self.held.extend(before);
        self.held.push_back(emission);
        if self.held.len() <= held {
            return Vec::new();
        }
        if waits {
            self.held.pop_front();
            return Vec::new();
        }
        let again = self.medium != Medium::Bytes && self.hits(now.rate(Kind::Duplicated));
        let out = self.held.drain(..).map(|it| Emission { at_ms, ..it });
        if again {
            // Who counts messages knows one that comes twice; a datagram that does is another reading.
            let doubtful = self.medium == Medium::Datagrams;
            let twice = |it: Emission| {
                let it = Emission { doubtful: it.doubtful || doubtful, ..it };
                [it.clone(), Emission { observation: None, ..it }]
            };
            return out.flat_map(twice).collect();
        }
        if now.has(Kind::OneByte) { out.flat_map(bytewise).collect() } else { out.collect() }
    }

    fn present(&mut self, at_ms: u64) -> Present {
        let at = seconds(at_ms);
        let there = self.all.iter_mut();
        Present(there.filter_map(|(fault, it)| Some((fault.kind, fault.rate, it.active(at)?))).collect())
    }

    /// Whether the line is really out: from the frame on in which it is pulled.
    fn is_out(&mut self, now: &Present) -> bool {
        let since = now.since(Kind::Unplugged);
        self.cut &= since.is_some();
        let at_once = self.medium == Medium::Datagrams;
        since.is_some_and(|it| self.cut || at_once || it >= WAITS_FOR_A_FRAME)
    }

    /// What of the bytes still leaves a line that is being pulled out: all, or all but the end of a frame, or nothing.
    fn lets_pass(&mut self, now: &Present, emission: &mut Emission) -> bool {
        if self.is_out(now) {
            self.doubt.begin(emission.at_ms);
            return false;
        }
        if emission.observation.take().is_some() {
            self.cut = true;
            self.doubt.begin(emission.at_ms);
            emission.bytes.truncate(emission.bytes.len().saturating_sub(CUT_OFF));
        }
        !emission.bytes.is_empty()
    }

    /// By chance; a rate of 0 asks nobody.
    fn hits(&mut self, rate: f64) -> bool {
        rate > 0.0 && self.random.unit() < rate
    }

    /// Damages the bytes, and doubts what they say. Returns what comes before them, too.
    fn damage(&mut self, now: &Present, mut emission: Emission) -> (Option<Emission>, Emission) {
        if self.medium == Medium::Messages {
            return (None, emission);
        }
        let whole = emission.bytes.len();
        let wrong_baud = now.has(Kind::WrongBaud);
        let (lost_bytes, bit_errors) = (now.rate(Kind::LostBytes), now.rate(Kind::BitErrors));
        let (wrong, before) = if self.all.iter().any(|(it, _)| it.kind == Kind::WrongReplies) {
            self.replies.pass(now.rate(Kind::WrongReplies), &mut self.random, &mut emission)
        } else {
            (false, None)
        };
        let mut hit = wrong_baud || wrong;
        let mut bytes = Vec::with_capacity(whole);
        for byte in emission.bytes {
            if self.hits(lost_bytes) {
                hit = true;
                continue;
            }
            let turned = self.hits(bit_errors);
            hit |= turned;
            let byte = if turned { byte ^ 1 << self.random.below(8) } else { byte };
            bytes.push(if wrong_baud { self.random.byte() } else { byte });
        }
        if self.medium == Medium::Bytes && self.hits(now.rate(Kind::Duplicated)) {
            hit = true;
            bytes.extend_from_within(..);
        }
        emission.bytes = bytes;
        if hit {
            self.doubt.begin(emission.at_ms);
        }
        // All of a message that was hit anywhere, and what comes soon behind it.
        let about = self.doubt.is_about(emission.first_ms, emission.observation.is_some());
        emission.doubtful |= about;
        (before, emission)
    }
}

/// The same, a byte at a time; what it says is said with the last.
fn bytewise(emission: Emission) -> Vec<Emission> {
    let Emission { at_ms, first_ms, bytes, observation, doubtful } = emission;
    let count = bytes.len();
    let mut observation = observation;
    let one = |(index, byte): (usize, u8)| Emission {
        at_ms,
        first_ms,
        bytes: vec![byte],
        observation: if index + 1 == count { observation.take() } else { None },
        doubtful,
    };
    bytes.into_iter().enumerate().map(one).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a run lasts days, not 2^53 ms")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Observation;
    use crate::schedule::Begins;

    fn through(kind: Kind, medium: Medium) -> Vec<Emission> {
        let schedule = Schedule { begins: Begins::At(10.0), lasts: (10.0, 10.0) };
        let mut way = Link::new(1, 0, medium, &[Fault { kind, rate: kind.rate(), schedule }]);
        let emission = |second: u64| Emission {
            at_ms: second * 1000,
            first_ms: second * 1000,
            bytes: vec![u8::try_from(second).unwrap(); 100],
            observation: Some(Observation::default()),
            doubtful: false,
        };
        (0..30).flat_map(|second| way.carry(emission(second))).collect()
    }

    /// Bytes, chunks, things said for sure.
    fn counts(kind: Kind, medium: Medium) -> (usize, usize, usize) {
        let out = through(kind, medium);
        let sure = out.iter().filter(|it| it.observation.is_some() && !it.doubtful).count();
        (out.iter().map(|it| it.bytes.len()).sum(), out.len(), sure)
    }

    #[test]
    fn each_fault_does_what_it_says() {
        assert_eq!(counts(Kind::OneByte, Medium::Bytes), (3000, 20 + 1000, 30));
        assert_eq!(counts(Kind::Unplugged, Medium::Bytes), (2097, 21, 17));
        assert_eq!(counts(Kind::WrongBaud, Medium::Bytes), (3000, 30, 17));
        assert_eq!(counts(Kind::Glued, Medium::Bytes), (3000, 30, 30));
        assert_eq!(counts(Kind::BrokerLoss, Medium::Messages), (3000, 30, 30));
        let late =
            through(Kind::BrokerLoss, Medium::Messages).iter().filter(|it| it.at_ms != it.first_ms).count();
        assert_eq!(late, 10);
        let (bytes, _, sure) = counts(Kind::LostBytes, Medium::Bytes);
        assert!((2980..3000).contains(&bytes) && sure < 30, "{bytes} {sure}");
        let doubtful = through(Kind::BitErrors, Medium::Bytes).iter().filter(|it| it.doubtful).count();
        assert!(doubtful >= 1, "{doubtful}");
    }

    #[test]
    fn a_line_is_pulled_out_in_the_middle_of_a_frame() {
        let out = through(Kind::Unplugged, Medium::Bytes);
        let cut = out.iter().find(|it| it.bytes.len() != 100).unwrap();
        assert_eq!((cut.first_ms, cut.bytes.len(), &cut.observation), (10_000, 97, &None));
        let schedule = Schedule { begins: Begins::At(10.0), lasts: (10.0, 10.0) };
        let fault = Fault { kind: Kind::Unplugged, rate: 1.0, schedule };
        let mut line = Link::new(1, 0, Medium::Bytes, &[fault]);
        let mut part = |at_ms, observation: Option<Observation>| {
            let before = line.is_unplugged(at_ms);
            let bytes = vec![0; 4];
            let emission = Emission { at_ms, first_ms: at_ms, bytes, observation, doubtful: false };
            let left: usize = line.carry(emission).iter().map(|it| it.bytes.len()).sum();
            (before, left, line.is_unplugged(at_ms))
        };
        // It stays until a frame ends; a line without any is out in the end.
        assert_eq!(part(10_100, None), (false, 4, false));
        assert_eq!(part(10_200, Some(Observation::default())), (false, 1, true));
        assert_eq!(part(10_300, None), (true, 0, true));
        assert_eq!(part(20_000, None), (false, 4, false));
        let mut silent = Link::new(1, 0, Medium::Bytes, &[fault]);
        assert_eq!([15_900, 16_000, 20_000].map(|it| silent.is_unplugged(it)), [false, true, false]);
    }

    #[test]
    fn datagrams_come_whole_twice_late_or_not_at_all() {
        assert_eq!(counts(Kind::Unplugged, Medium::Datagrams), (2000, 20, 17));
        assert_eq!(counts(Kind::Glued, Medium::Datagrams), (3000, 30, 30));
        assert_eq!(counts(Kind::OneByte, Medium::Datagrams), (3000, 30, 30));
        let schedule = Schedule { begins: Begins::At(0.0), lasts: (10.0, 10.0) };
        let fault = Fault { kind: Kind::Duplicated, rate: 1.0, schedule };
        let mut link = Link::new(1, 0, Medium::Datagrams, &[fault]);
        let observation = Some(Observation::default());
        let twice =
            link.carry(Emission { at_ms: 7, first_ms: 7, bytes: vec![1], observation, doubtful: false });
        assert!(twice.len() == 2 && twice.iter().all(|it| it.doubtful && it.bytes == [1]));
    }

    #[test]
    fn wrong_replies_are_doubtful_and_all_others_are_not() {
        let schedule = Schedule { begins: Begins::At(0.0), lasts: (1e6, 1e6) };
        let fault = Fault { kind: Kind::WrongReplies, rate: 0.05, schedule };
        let mut link = Link::new(1, 0, Medium::Bytes, &[fault]);
        let (mut wrong, mut sure) = (0, 0);
        for number in 0..500_u64 {
            let (at_ms, bytes) = (number * 10_000, vec![u8::try_from(number % 251).unwrap(); 10]);
            let observation = Some(Observation::default());
            let out = link.carry(Emission {
                at_ms,
                first_ms: at_ms,
                bytes: bytes.clone(),
                observation,
                doubtful: false,
            });
            let as_said = out.len() == 1 && out[0].bytes == bytes;
            wrong += u32::from(!as_said);
            assert!(as_said || out.iter().all(|it| it.doubtful || it.observation.is_none()), "{number}");
            sure += usize::from(out.iter().all(|it| !it.doubtful));
        }
        // Each costs itself and the next.
        assert!((15..40).contains(&wrong) && sure > 400, "{wrong} {sure}");
    }

    #[test]
    fn a_fault_that_a_way_cannot_have_is_none() {
        assert_eq!(counts(Kind::WrongBaud, Medium::Messages), (3000, 30, 30));
        assert_eq!(counts(Kind::BrokerLoss, Medium::Bytes), (3000, 30, 30));
        // A message comes twice as a whole, and is said once.
        let schedule = Schedule { begins: Begins::At(0.0), lasts: (10.0, 10.0) };
        let mut link =
            Link::new(1, 0, Medium::Messages, &[Fault { kind: Kind::Duplicated, rate: 1.0, schedule }]);
        let observation = Some(Observation::default());
        let emission = Emission { at_ms: 7, first_ms: 7, bytes: vec![1, 2], observation, doubtful: false };
        let twice = link.carry(emission.clone());
        assert_eq!(twice, [emission.clone(), Emission { observation: None, ..emission }]);
    }

    #[test]
    fn what_is_not_damaged_is_carried_as_it_is() {
        let mut link = Link::new(1, 0, Medium::Bytes, &[]);
        let emission =
            Emission { at_ms: 7, first_ms: 3, bytes: vec![1, 2], observation: None, doubtful: false };
        assert_eq!(link.carry(emission.clone()), [emission]);
    }
}
