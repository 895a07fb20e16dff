//! Packets of 25 frames: SYNC in the first frame and none lost. A reading comes from a whole packet only.
//!
//! A few stray bytes between two good frames are either what is left of a lost frame, or noise beside whole ones: the
//! next SYNC tells, for it comes 25 frames after the last.

use alloc::vec::Vec;

use super::packet::damaged_frames;
use super::{LOWBAT, Status, rate_of};
use crate::device::Fault;
use crate::device::outcomes::Outcomes;
use crate::notice::{DeviceIdentity, Notice};
use crate::reading::Reading;

/// Frames in a packet.
const PACKET: usize = 25;
/// Bytes in a frame.
const FRAME: usize = 5;

/// Status byte and slot value of a good frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) status: u8,
    pub(super) slot: u8,
}

impl Frame {
    const fn is_first(self) -> bool {
        self.status & 1 != 0
    }
}

/// Puts frames together to packets.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    state: State,
    frames: Vec<Frame>,
    /// Stray bytes in this packet of which nobody knows yet what they were.
    doubtful: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Between SYNCs that nothing is known of, or in a packet that has lost a frame.
    #[default]
    Outside,
    Within,
    /// The packet has its 25 frames; SYNC must follow.
    Complete,
}

impl Assembly {
    pub(super) fn handle_frame(&mut self, frame: Frame, out: &mut Outcomes) {
        if frame.is_first() {
            self.close(out);
            self.state = State::Within;
        }
        match self.state {
            State::Outside => {}
            State::Complete => {
                out.fault(Fault::BadLength);
                self.state = State::Outside;
            }
            State::Within if self.frames.len() == PACKET => self.abandon(out),
            State::Within => {
                self.frames.push(frame);
                if self.frames.len() == PACKET && self.doubtful == 0 {
                    tell(&self.frames, out);
                    self.state = State::Complete;
                }
            }
        }
    }

    /// So many bytes are no good frames; `next` is the good one behind them.
    pub(super) fn handle_damage(&mut self, bytes: usize, next: Option<Frame>, out: &mut Outcomes) {
        let at_the_border = self.state == State::Complete && next.is_some_and(Frame::is_first);
        if at_the_border && bytes < PACKET * FRAME {
            // No frame can be missing between a whole packet and the next.
            out.skip(bytes);
        } else if self.state == State::Within && bytes < FRAME && self.doubtful == 0 {
            self.doubtful = bytes;
        } else if bytes > 0 {
            self.abandon(out);
            damaged_frames(bytes, out);
        }
    }

    /// No byte will follow these damaged frames.
    pub(super) fn handle_end(&mut self, damaged: usize, out: &mut Outcomes) {
        // With all its frames there, the stray bytes in a packet were none of them.
        if self.state == State::Within && self.frames.len() == PACKET {
            self.close(out);
            self.state = State::Outside;
        }
        if damaged > 0 {
            self.abandon(out);
            damaged_frames(damaged * FRAME, out);
        }
    }

    /// A frame of this packet is lost, and with it the packet.
    fn abandon(&mut self, out: &mut Outcomes) {
        if core::mem::take(&mut self.doubtful) > 0 {
            out.fault(Fault::Fragment);
        }
        self.frames.clear();
        self.state = State::Outside;
    }

    /// SYNC has come: the packet before it is whole, or it is not.
    fn close(&mut self, out: &mut Outcomes) {
        let doubtful = core::mem::take(&mut self.doubtful);
        match (self.state, self.frames.len()) {
            (State::Within, PACKET) => {
                out.skip(doubtful);
                tell(&self.frames, out);
            }
            (State::Within, _) if doubtful > 0 => out.fault(Fault::Fragment),
            (State::Within, _) => out.fault(Fault::BadLength),
            (State::Outside | State::Complete, _) => {}
        }
        self.frames.clear();
    }
}

/// What a whole packet says: its reading, the battery (STAT2, slot 8) and the revision of the firmware (SREV, slot 4).
fn tell(packet: &[Frame], out: &mut Outcomes) {
    out.reading(read(packet));
    out.notice(Notice::BatteryLow(slot(packet, 8) & LOWBAT != 0));
    match slot(packet, 4) {
        0 => {}
        revision => {
            let software = Some(alloc::format!("{revision}"));
            out.notice(Notice::Identity(DeviceIdentity { software, ..DeviceIdentity::default() }));
        }
    }
}

fn slot(packet: &[Frame], number: usize) -> u8 {
    packet.get(number - 1).map_or(0, |it| it.slot)
}

/// The reading of a whole packet. Slots 1 to 3, beat by beat, are for alarms; the display values lag.
fn read(packet: &[Frame]) -> Reading {
    let slot = |number: usize| slot(packet, number);
    let any = |mask: u8| packet.iter().any(|it| it.status & mask != 0);
    let status = Status {
        disconnected: any(1 << 6),
        artifact: any(1 << 5),
        out_of_track: any(1 << 4),
        sensor_alarm: any(1 << 3),
        // Red and green together are yellow: marginal, not low.
        low_perfusion: packet.iter().any(|it| it.status & 0b110 == 0b100),
    };
    let rate = rate_of(slot(1), slot(2));
    Reading { measurements: status.measurements(rate, slot(3)).into(), ..Reading::default() }
}
