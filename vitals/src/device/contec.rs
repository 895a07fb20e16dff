//! Contec oximeters (CMS50D+, CMS50E, CMS50F): protocol V7.0, 60 frames a second.
//!
//! Document: Contec "Communication protocol of pulse oximeter V7.0", the packages and their commands; a stream of a real
//! device confirms the layout. Line: 115200 8N1 (USB).
//!
//! ```text
//! type (bit 7 clear)  80 | high bits  data bytes (bit 7 set): data[i] = low 7 bits | bit i of the high bits
//! 01  realtime: seven data bytes: 0 flags and signal, 1 pleth, 2 bar and flags, 3 pulse rate, 4 SpO2, 5-6 PI × 100
//! ```
//!
//! Valid are a pulse rate of (0, 254], a saturation of (0, 100] and an index of (0, 22.00]; what is not is "disposed as invalid"
//! like FF, 7F and FFFF ("Realtime data package"): a zero is no value, and no damage either.
//!
//! There is no checksum. The device speaks when it is told to start, and stops when nothing is said to it for 5 s.

use core::time::Duration;

use super::codec::Codec;
use super::confirmed::Confirmation;
use super::marked::{Form, Marked};
use super::measured::{self, measured};
use super::outcomes::Outcomes;
use super::schedule::Phrases;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::vital::Vital;

/// Bytes in a package.
const FRAME: usize = 9;
/// Frames in a row that are a device.
const IN_A_ROW: u32 = 3;
/// The type of realtime packages.
const REALTIME: u8 = 0x01;
/// The types of answers: device id, feedback, stopped, goodbye, perfusion index supported.
const ANSWERS: [u8; 5] = [0x04, 0x0B, 0x0C, 0x0D, 0x0E];

/// Start, and a word every 2 s where 5 are allowed. Everything else that the device understands (its memory, its
/// clock) is not in this table.
const PHRASES: Phrases = Phrases {
    opening: &[&[0x7D, 0x81, 0xA1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]],
    at_once: true,
    patience: Duration::from_secs(3),
    repeated: Some((&[0x7D, 0x81, 0xAF, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80], Duration::from_secs(2))),
};

/// Reads packages.
#[derive(Debug)]
pub(super) struct ContecCodec {
    marked: Marked<Package>,
    confirmation: Confirmation,
}

impl Default for ContecCodec {
    fn default() -> Self {
        let marked = Marked::by_neighbours(Form {
            length: FRAME,
            is_start: |byte| byte & 0x80 == 0,
            may_be_short: |first| ANSWERS.contains(&first),
            read,
            reading: Package::reading,
        });
        Self { marked, confirmation: Confirmation::new(IN_A_ROW, IN_A_ROW) }
    }
}

impl Codec for ContecCodec {
    const PHRASES: &'static Phrases = &PHRASES;

    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        self.marked.take(byte, out);
        self.hand_on(out);
    }

    fn is_waiting(&self) -> bool {
        self.marked.is_waiting()
    }

    fn pause(&mut self, out: &mut Outcomes) {
        self.marked.end(out);
        self.hand_on(out);
    }

    fn end(&mut self, out: &mut Outcomes) {
        self.pause(out);
        self.confirmation.end(out);
    }
}

impl ContecCodec {
    fn hand_on(&mut self, out: &mut Outcomes) {
        self.confirmation.handle_damage(out);
        while let Some(package) = self.marked.poll() {
            if let Package::Realtime(reading) = package {
                self.confirmation.handle_reading(reading, out);
            }
        }
    }
}

/// What a package holds.
#[derive(Debug)]
enum Package {
    Realtime(Reading),
    Answer,
}

impl Package {
    fn reading(&self) -> Option<&Reading> {
        match self {
            Self::Realtime(reading) => Some(reading),
            Self::Answer => None,
        }
    }
}

/// A package; nothing for one that no device sends.
fn read(frame: &[u8]) -> Option<Package> {
    let (kind, high) = (*frame.first()?, *frame.get(1)?);
    if kind != REALTIME {
        return ANSWERS.contains(&kind).then_some(Package::Answer);
    }
    let data = |index: usize| {
        let low = frame.get(index + 2).copied().unwrap_or_default() & 0x7F;
        low | (high >> index & 1) << 7
    };
    let (flags, pleth, bar) = (data(0), data(1), data(2));
    let (rate, saturation) = (data(3), data(4));
    let perfusion = u16::from_le_bytes([data(5), data(6)]);
    if flags & 0x0F > 8 || !matches!(saturation, 0..=100 | 0x7F) {
        return None;
    }
    let off = flags & 0x80 != 0;
    let reason = match (off, flags & 0x10 != 0 || pleth & 0x80 != 0) {
        (true, _) => Absent::SensorOff,
        (false, true) => Absent::Searching,
        (false, false) => Absent::Invalid,
    };
    let quality = Quality::HELD.when(off);
    let say = |vital, value: Option<Quantity>| match value {
        Some(value) => measured(vital, value, quality),
        None => Measurement::absent(vital, reason),
    };
    let whole = |value: u8, missing: u8| {
        (value != missing && value != 0).then(|| Quantity::from_whole(i16::from(value)))
    };
    let no_perfusion = bar & 0x10 != 0 || matches!(perfusion, 0 | 0xFFFF);
    let perfusion = (!no_perfusion).then(|| Quantity::from_thousandths(i32::from(perfusion) * 10));
    measured::reading(
        alloc::vec![
            say(Vital::PulseRate, whole(rate, 0xFF)),
            say(Vital::Spo2, whole(saturation, 0x7F)),
            say(Vital::PerfusionIndex, perfusion),
        ],
        None,
    )
    .map(Package::Realtime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::codec;

    #[test]
    fn a_zero_is_no_value_and_no_damage() {
        // Signal 5, flags as given, rate, saturation, perfusion index.
        let package = |flags: u8, rate: u8, saturation: u8, perfusion: u8| {
            let data = [flags | 5, 0x33, 6, rate, saturation, perfusion, 0];
            let high = (0..).zip(data).fold(0x80, |high, (index, byte)| high | byte >> 7 << index);
            [&[1, high], &data.map(|byte| byte | 0x80)[..]].concat()
        };
        for (package, expected) in [
            (package(0x80, 0, 0, 0), [Err(Absent::SensorOff); 3]),
            (package(0x10, 0, 0, 0), [Err(Absent::Searching); 3]),
            (
                package(0, 0, 97, 200),
                [Err(Absent::Invalid), Ok(Quantity::from_whole(97)), Ok(Quantity::from_thousandths(2000))],
            ),
            (
                package(0, 253, 97, 200),
                [
                    Ok(Quantity::from_whole(253)),
                    Ok(Quantity::from_whole(97)),
                    Ok(Quantity::from_thousandths(2000)),
                ],
            ),
        ] {
            let (readings, counts) = codec::hear(ContecCodec::default(), &package.repeat(3));
            assert_eq!((readings.len(), counts.frames_good, counts.damaged()), (3, 3, 0), "{package:02X?}");
            let of = |vital| readings[0].measurements.iter().find(|it| it.vital == vital).unwrap().value;
            assert_eq!([Vital::PulseRate, Vital::Spo2, Vital::PerfusionIndex].map(of), expected);
        }
        let (_, counts) = codec::hear(ContecCodec::default(), &package(0, 72, 101, 0).repeat(3));
        assert_eq!(counts.frames_good, 0, "no device sends more than 100 %");
    }
}
