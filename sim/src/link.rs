//! Faults of the way from a device to the agent: bits, bytes and chunks that change, go missing or come twice.
//!
//! What a damaged line carried is said with doubt: it may have arrived, or not, or as something else. What comes within
//! seconds behind damage is doubtful too, because a reader must find its place again.

use std::collections::VecDeque;

use serde::Deserialize;

use crate::device::Emission;
use crate::random::Random;
use crate::schedule::{Episodes, Schedule};

/// Behind damage a reader may need so long to find its place, ms.
const FINDS_ITS_PLACE_MS: u64 = 3000;
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
    /// The line is gone, in the middle of a frame.
    Unplugged,
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
            _ => 1.0,
        }
    }

    /// Whether a serial line can have it.
    const fn is_of_lines(self) -> bool {
        !matches!(self, Self::BrokerLoss | Self::ReconnectStorm)
    }

    /// Whether the way of messages can have it.
    const fn is_of_messages(self) -> bool {
        matches!(self, Self::BrokerLoss | Self::ReconnectStorm | Self::Duplicated)
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
    /// Whether it is a serial line, which carries bytes, and not messages.
    line: bool,
    random: Random,
    /// What waits to be glued together, or for the broker.
    held: VecDeque<Emission>,
    damaged_ms: Option<u64>,
}

/// Which faults are there at a moment, and how much each hits.
#[derive(Debug)]
struct Present(Vec<(Kind, f64)>);

impl Present {
    /// How much a fault hits; 0 where it is not there.
    fn rate(&self, kind: Kind) -> f64 {
        self.0.iter().find(|(it, _)| *it == kind).map_or(0.0, |(_, rate)| *rate)
    }

    fn has(&self, kind: Kind) -> bool {
        self.0.iter().any(|(it, _)| *it == kind)
    }
}

impl Link {
    /// The way of the bed of that index; `line` tells serial lines from messages.
    #[must_use]
    pub fn new(seed: u64, bed: u64, line: bool, faults: &[Fault]) -> Self {
        let stream = |number: u64| Random::new(seed, 3_000_000 + bed * 64 + number);
        let able = |it: &&Fault| if line { it.kind.is_of_lines() } else { it.kind.is_of_messages() };
        let all = (1..).zip(faults.iter().filter(able));
        let all = all.map(|(number, it)| (*it, Episodes::new(it.schedule, stream(number)))).collect();
        Self { all, line, random: stream(0), held: VecDeque::new(), damaged_ms: None }
    }

    /// Whether it is pulled out at a moment.
    pub fn is_unplugged(&mut self, at_ms: u64) -> bool {
        !self.all.is_empty() && self.present(at_ms).has(Kind::Unplugged)
    }

    /// Whether connections are torn down at a moment.
    pub fn has_storm(&mut self, at_ms: u64) -> bool {
        !self.all.is_empty() && self.present(at_ms).has(Kind::ReconnectStorm)
    }

    /// What comes out at the other end when this goes in.
    pub fn carry(&mut self, emission: Emission) -> Vec<Emission> {
        if self.all.is_empty() {
            return vec![emission];
        }
        let now = self.present(emission.at_ms);
        if now.has(Kind::Unplugged) {
            self.damaged_ms = Some(emission.at_ms);
            return Vec::new();
        }
        let emission = self.damage(&now, emission);
        let waits = now.has(Kind::BrokerLoss);
        let held = if waits {
            HELD_MAX
        } else if now.has(Kind::Glued) {
            GLUED
        } else {
            0
        };
        let at_ms = emission.at_ms;
        self.held.push_back(emission);
        if self.held.len() <= held {
            return Vec::new();
        }
        if waits {
            self.held.pop_front();
            return Vec::new();
        }
        let again = !self.line && self.hits(now.rate(Kind::Duplicated));
        let out = self.held.drain(..).map(|it| Emission { at_ms, ..it });
        if again {
            return out.flat_map(|it| [it.clone(), Emission { observation: None, ..it }]).collect();
        }
        if now.has(Kind::OneByte) { out.flat_map(bytewise).collect() } else { out.collect() }
    }

    fn present(&mut self, at_ms: u64) -> Present {
        let at = seconds(at_ms);
        let there =
            self.all.iter_mut().filter_map(|(fault, it)| it.active(at).map(|_| (fault.kind, fault.rate)));
        Present(there.collect())
    }

    /// By chance; a rate of 0 asks nobody.
    fn hits(&mut self, rate: f64) -> bool {
        rate > 0.0 && self.random.unit() < rate
    }

    /// Damages the bytes, and doubts what they say.
    fn damage(&mut self, now: &Present, mut emission: Emission) -> Emission {
        if !self.line {
            return emission;
        }
        let whole = emission.bytes.len();
        let wrong_baud = now.has(Kind::WrongBaud);
        let (lost_bytes, bit_errors) = (now.rate(Kind::LostBytes), now.rate(Kind::BitErrors));
        let mut hit = wrong_baud;
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
        if self.hits(now.rate(Kind::Duplicated)) {
            hit = true;
            bytes.extend_from_within(..);
        }
        emission.bytes = bytes;
        if hit {
            self.damaged_ms = Some(emission.at_ms);
        }
        // All of a message that was hit anywhere, and what comes soon behind it.
        let doubt_until = self.damaged_ms.map(|it| it + FINDS_ITS_PLACE_MS);
        emission.doubtful = doubt_until.is_some_and(|it| it >= emission.first_ms);
        emission
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

    fn through(kind: Kind, line: bool) -> Vec<Emission> {
        let schedule = Schedule { begins: Begins::At(10.0), lasts: (10.0, 10.0) };
        let mut way = Link::new(1, 0, line, &[Fault { kind, rate: kind.rate(), schedule }]);
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
    fn counts(kind: Kind, line: bool) -> (usize, usize, usize) {
        let out = through(kind, line);
        let sure = out.iter().filter(|it| it.observation.is_some() && !it.doubtful).count();
        (out.iter().map(|it| it.bytes.len()).sum(), out.len(), sure)
    }

    #[test]
    fn each_fault_does_what_it_says() {
        assert_eq!(counts(Kind::OneByte, true), (3000, 20 + 1000, 30));
        assert_eq!(counts(Kind::Unplugged, true), (2000, 20, 17));
        assert_eq!(counts(Kind::WrongBaud, true), (3000, 30, 17));
        assert_eq!(counts(Kind::Glued, true), (3000, 30, 30));
        assert_eq!(counts(Kind::BrokerLoss, false), (3000, 30, 30));
        let late = through(Kind::BrokerLoss, false).iter().filter(|it| it.at_ms != it.first_ms).count();
        assert_eq!(late, 10);
        let (bytes, _, sure) = counts(Kind::LostBytes, true);
        assert!((2980..3000).contains(&bytes) && sure < 30, "{bytes} {sure}");
        let doubtful = through(Kind::BitErrors, true).iter().filter(|it| it.doubtful).count();
        assert!(doubtful >= 1, "{doubtful}");
    }

    #[test]
    fn a_fault_that_a_way_cannot_have_is_none() {
        assert_eq!(counts(Kind::WrongBaud, false), (3000, 30, 30));
        assert_eq!(counts(Kind::BrokerLoss, true), (3000, 30, 30));
        // A message comes twice as a whole, and is said once.
        let schedule = Schedule { begins: Begins::At(0.0), lasts: (10.0, 10.0) };
        let mut link = Link::new(1, 0, false, &[Fault { kind: Kind::Duplicated, rate: 1.0, schedule }]);
        let observation = Some(Observation::default());
        let emission = Emission { at_ms: 7, first_ms: 7, bytes: vec![1, 2], observation, doubtful: false };
        let twice = link.carry(emission.clone());
        assert_eq!(twice, [emission.clone(), Emission { observation: None, ..emission }]);
    }

    #[test]
    fn what_is_not_damaged_is_carried_as_it_is() {
        let mut link = Link::new(1, 0, true, &[]);
        let emission =
            Emission { at_ms: 7, first_ms: 3, bytes: vec![1, 2], observation: None, doubtful: false };
        assert_eq!(link.carry(emission.clone()), [emission]);
    }
}
