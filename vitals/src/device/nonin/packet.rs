//! Data formats 2 and 7: 75 frames a second of five bytes, 25 frames a packet, three packets a second.
//!
//! ```text
//! format 2   01      STATUS     pleth      slot   CHK      CHK = sum of the four bytes before it, modulo 256
//! format 7   STATUS  pleth MSB  pleth LSB  slot   CHK
//! ```
//!
//! A reading comes from a whole packet only: SYNC in its first frame and all 25 sums right. Where bytes are lost the
//! frames are found again where two of them follow each other.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Status;
use crate::device::{Counts, Driver, Fault};
use crate::reading::Reading;
use crate::time::Uptime;

/// Bytes in a frame.
const FRAME: usize = 5;
/// Frames in a packet.
const PACKET: usize = 25;

/// Which of the two layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketFormat {
    /// 8-bit pleth.
    Df2,
    /// 16-bit pleth.
    Df7,
}

/// Status byte and slot value of a good frame.
#[derive(Debug, Clone, Copy)]
struct Frame {
    status: u8,
    slot: u8,
}

impl PacketFormat {
    /// The frame at the beginning of these bytes, if its sum and its fixed bits are right.
    fn frame(self, bytes: &[u8]) -> Option<Frame> {
        let &[first, second, third, slot, sum] = bytes.get(..FRAME)? else { return None };
        let right = first.wrapping_add(second).wrapping_add(third).wrapping_add(slot) == sum;
        let status = match self {
            Self::Df2 if first == 1 => second,
            Self::Df2 => return None,
            Self::Df7 => first,
        };
        (right && status & 0x80 != 0).then_some(Frame { status, slot })
    }
}

/// Reads data format 2 or 7. The device talks by itself; nothing is ever sent to it.
#[derive(Debug)]
pub struct PacketDriver {
    format: PacketFormat,
    /// Bytes without a place yet: at most two frames and a byte.
    bytes: VecDeque<u8>,
    sync: Sync,
    /// The frames of the packet at hand; empty before its first.
    packet: Vec<Frame>,
    outcomes: VecDeque<Result<Reading, Fault>>,
    counts: Counts,
}

/// Whether the boundaries of frames are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// They never were.
    Never,
    /// The next byte begins a frame.
    Held,
    /// They were, this many bytes ago.
    Lost(usize),
}

impl PacketDriver {
    /// A driver that has heard nothing yet.
    #[must_use]
    pub fn new(format: PacketFormat) -> Self {
        Self {
            format,
            bytes: VecDeque::new(),
            sync: Sync::Never,
            packet: Vec::new(),
            outcomes: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// Takes what can be decided; whether anything was.
    fn step(&mut self) -> bool {
        let bytes = self.bytes.make_contiguous();
        let here = self.format.frame(bytes);
        match (self.sync, here) {
            (Sync::Held, Some(frame)) => self.take(frame),
            // What follows tells a damaged frame from lost bytes.
            _ if bytes.len() < 2 * FRAME => return false,
            (Sync::Held, None) if bytes.get(FRAME..).and_then(|it| self.format.frame(it)).is_some() => {
                self.lose(Fault::BadChecksum);
                self.drop_bytes(FRAME);
            }
            (Sync::Held, None) => {
                self.sync = Sync::Lost(0);
            }
            (Sync::Never | Sync::Lost(_), Some(_))
                if bytes.get(FRAME..).and_then(|it| self.format.frame(it)).is_some() =>
            {
                self.find();
            }
            (Sync::Never, _) => {
                self.counts.skipped_bytes += 1;
                self.drop_bytes(1);
            }
            (Sync::Lost(count), _) => {
                self.sync = Sync::Lost(count + 1);
                self.drop_bytes(1);
            }
        }
        true
    }

    /// The boundaries are known again: what lay between is whole frames with a wrong sum, and a part of one.
    fn find(&mut self) {
        if let Sync::Lost(count) = self.sync {
            for _ in 0..count / FRAME {
                self.lose(Fault::BadChecksum);
            }
            if count % FRAME != 0 {
                self.lose(Fault::Fragment);
            }
        }
        self.sync = Sync::Held;
    }

    fn lose(&mut self, fault: Fault) {
        match fault {
            Fault::BadChecksum => self.counts.bad_checksum += 1,
            Fault::Fragment => self.counts.fragments += 1,
            Fault::BadLength | Fault::Skipped(_) => {}
        }
        self.outcomes.push_back(Err(fault));
        self.packet.clear();
    }

    fn take(&mut self, frame: Frame) {
        self.counts.frames_good += 1;
        self.drop_bytes(FRAME);
        let first = frame.status & 1 != 0;
        if first {
            self.packet.clear();
        }
        if first || !self.packet.is_empty() {
            self.packet.push(frame);
        }
        if self.packet.len() == PACKET {
            let reading = read(&self.packet);
            self.packet.clear();
            self.counts.observations += 1;
            self.outcomes.push_back(Ok(reading));
        }
    }

    fn drop_bytes(&mut self, count: usize) {
        self.bytes.drain(..count);
    }
}

/// What a whole packet says. Slots 1 to 3, beat by beat, are for alarms; the display values lag.
fn read(packet: &[Frame]) -> Reading {
    let slot = |number: usize| packet.get(number - 1).map_or(0, |it| it.slot);
    let any = |mask: u8| packet.iter().any(|it| it.status & mask != 0);
    let status = Status {
        disconnected: any(1 << 6),
        artifact: any(1 << 5),
        out_of_track: any(1 << 4),
        sensor_alarm: any(1 << 3),
        // Red and green together are yellow: marginal, not low.
        low_perfusion: packet.iter().any(|it| it.status & 0b110 == 0b100),
    };
    let rate = u16::from(slot(1) & 3) << 7 | u16::from(slot(2) & 0x7F);
    Reading { measurements: status.measurements(rate, slot(3)).into(), ..Reading::default() }
}

impl Driver for PacketDriver {
    fn handle_bytes(&mut self, _now: Uptime, bytes: &[u8]) {
        for byte in bytes {
            self.bytes.push_back(*byte);
            while self.step() {}
        }
    }

    fn handle_timeout(&mut self, _now: Uptime) {}

    fn poll_reading(&mut self) -> Option<Result<Reading, Fault>> {
        self.outcomes.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        None
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}
