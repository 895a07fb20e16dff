//! BCI's serial format, as Berry modules, the older Contec CMS50D and the CMS-P send it: 60 frames a second, newer ones 100.
//!
//! Document: Berry "BCI Protocol" v1.2 (2017, `zh2x/BCI_Protocol`), package content, for its own oximeters. Older devices are known
//! from public decoders (`berry-oximeter`, Adafruit's BerryMed), which agree but for bits 4 and 5 of the first byte. Line:
//! 4800 8N1, some modules 8O1.
//!
//! ```text
//! 0  1 beep probe search signal(4)    probe: unplugged, or SpO2 falling; search: no signal, or searching for long
//! 1  0 pleth(7)
//! 2  0 PR7 searching no-finger bar(4)
//! 3  0 PR(7)                          pulse rate 255: none
//! 4  0 SpO2(7)                        127: none
//! ```
//!
//! A saturation of 0 is in the document's range, and no patient's: it is no value, like a pulse rate of 0, and no damage either.
//!
//! There is no checksum: a frame whose numbers no device sends is damaged.

use super::codec::Codec;
use super::confirmed::Confirmation;
use super::marked::{Form, Marked};
use super::measured::{self, measured};
use super::outcomes::Outcomes;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::vital::Vital;

/// Bytes in a frame.
const FRAME: usize = 5;
/// Frames in a row that are a device, and those that are one after damage: three of noise look right once in 100 KiB.
const IN_A_ROW: (u32, u32) = (3, 5);

/// Reads frames. The device talks by itself; nothing is ever sent to it.
#[derive(Debug)]
pub(super) struct BciCodec {
    marked: Marked<Reading>,
    confirmation: Confirmation,
}

impl Default for BciCodec {
    fn default() -> Self {
        let marked = Marked::by_neighbours(Form {
            length: FRAME,
            is_start: |byte| byte & 0x80 != 0,
            may_be_short: |_| false,
            read,
            reading: |reading| Some(reading),
        });
        Self { marked, confirmation: Confirmation::new(IN_A_ROW.0, IN_A_ROW.1) }
    }
}

impl Codec for BciCodec {
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

impl BciCodec {
    fn hand_on(&mut self, out: &mut Outcomes) {
        self.confirmation.handle_damage(out);
        while let Some(reading) = self.marked.poll() {
            self.confirmation.handle_reading(reading, out);
        }
    }
}

fn read(frame: &[u8]) -> Option<Reading> {
    let &[first, _, third, low, saturation] = frame else { return None };
    let rate = u8::from(third & 0x40 != 0) << 7 | low;
    if !matches!(first & 0x0F, 0..=8 | 0x0F) || !matches!(saturation, 0..=100 | 0x7F) {
        return None;
    }
    let no_finger = third & 0x10 != 0;
    // Bits 4 and 5 of the first byte differ by maker: they explain a missing value, and never take one away.
    let reason = match (no_finger, first & 0x20 != 0, third & 0x20 != 0 || first & 0x10 != 0) {
        (true, ..) => Absent::SensorOff,
        (_, true, _) => Absent::SensorFault,
        (_, _, true) => Absent::Searching,
        _ => Absent::Invalid,
    };
    let quality = Quality::HELD.when(no_finger).union(Quality::QUESTIONABLE.when(third & 0x20 != 0));
    let say = |vital, value: u8, missing: u8| {
        if value == missing || value == 0 {
            Measurement::absent(vital, reason)
        } else {
            measured(vital, Quantity::from_whole(i16::from(value)), quality)
        }
    };
    measured::reading(
        alloc::vec![say(Vital::PulseRate, rate, 0xFF), say(Vital::Spo2, saturation, 0x7F)],
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::codec;

    #[test]
    fn a_zero_is_no_value_and_no_damage() {
        let whole = |value| Ok(Quantity::from_whole(value));
        for (frame, expected) in [
            ([0x90, 0, 0x10, 0, 0], [Err(Absent::SensorOff); 2]),
            ([0x80, 0, 0x20, 0, 0], [Err(Absent::Searching); 2]),
            ([0x85, 0, 0x08, 0, 97], [Err(Absent::Invalid), whole(97)]),
            ([0x85, 0, 0x48, 125, 97], [whole(253), whole(97)]),
        ] {
            let (readings, counts) = codec::hear(BciCodec::default(), &frame.repeat(3));
            assert_eq!((readings.len(), counts.frames_good, counts.damaged()), (3, 3, 0), "{frame:02X?}");
            let values = readings[0].measurements.iter().map(|it| (it.vital, it.value));
            let expected = [Vital::PulseRate, Vital::Spo2].into_iter().zip(expected);
            assert!(values.eq(expected), "{frame:02X?}: {:?}", readings[0]);
        }
        let (_, counts) = codec::hear(BciCodec::default(), &[0x85, 0, 0x08, 72, 101].repeat(3));
        assert_eq!(counts.frames_good, 0, "no device sends more than 100 %");
    }
}
