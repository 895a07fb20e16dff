//! What carries the messages: frames at the pace of a line, or datagrams.

use std::collections::VecDeque;

use super::frame::{Deframer, enclose};
use crate::device::line::Line;
use crate::device::{Emission, Observation};

/// 115,200 baud, ten bits a byte (8N1).
const BYTES_A_SECOND: u64 = 11_520;
/// The longest message on a line, and on a LAN, bytes.
const LONGEST_SERIAL: u32 = 1000;
const LONGEST_LAN: u32 = 1364;

/// One of the two.
#[derive(Debug)]
pub(super) enum Carrier {
    /// The MIB/RS-232 line.
    Serial { line: Line, deframer: Deframer },
    /// Datagrams, each of them one emission.
    Lan(VecDeque<Emission>),
}

impl Carrier {
    pub(super) fn serial() -> Self {
        Self::Serial { line: Line::default(), deframer: Deframer::default() }
    }

    pub(super) const fn lan() -> Self {
        Self::Lan(VecDeque::new())
    }

    /// The longest message that it carries, bytes.
    pub(super) const fn longest(&self) -> u32 {
        match self {
            Self::Serial { .. } => LONGEST_SERIAL,
            Self::Lan(_) => LONGEST_LAN,
        }
    }

    pub(super) fn due(&self) -> Option<u64> {
        match self {
            Self::Serial { line, .. } => line.due(),
            Self::Lan(datagrams) => datagrams.front().map(|it| it.at_ms),
        }
    }

    pub(super) fn next(&mut self) -> Option<Emission> {
        match self {
            Self::Serial { line, .. } => line.next(),
            Self::Lan(datagrams) => datagrams.pop_front(),
        }
    }

    pub(super) fn put(&mut self, now_ms: u64, message: &[u8], observation: Option<Observation>) {
        match self {
            Self::Serial { line, .. } => line.put(now_ms, &enclose(message), observation, BYTES_A_SECOND),
            Self::Lan(datagrams) => datagrams.push_back(Emission {
                at_ms: now_ms,
                first_ms: now_ms,
                bytes: message.to_vec(),
                observation,
                doubtful: false,
            }),
        }
    }

    /// The messages that are whole with these bytes of the host.
    pub(super) fn messages(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        match self {
            Self::Serial { deframer, .. } => bytes.iter().filter_map(|it| deframer.take(*it)).collect(),
            Self::Lan(_) => vec![bytes.to_vec()],
        }
    }
}
