//! Data format 13: one spot check with its time, sent when the measurement is done or out of the device's memory.
//!
//! ```text
//! 00 02 00 0D  00 0E  YYYY MM DD hh mm ss 00 (BCD)  STATUS(2)  0 HR8  HR7..0  00  SpO2  CHK  03
//! ```
//!
//! CHK is the low byte of the sum of the 14 bytes between the length and it. A spot check out of the memory is marked as
//! held: it is an old one.

use alloc::collections::VecDeque;

use super::{LOWBAT, Status};
use crate::device::Fault;
use crate::device::codec::Codec;
use crate::device::measured;
use crate::device::outcomes::Outcomes;
use crate::notice::Notice;
use crate::reading::{Quality, Reading};
use crate::time::DeviceTime;

/// How a frame begins.
const HEAD: [u8; 4] = [0x00, 0x02, 0x00, 0x0D];
/// The bytes of data, as the frame says.
const DATA: usize = 14;
/// Where they begin: behind the head and two bytes of length.
const DATA_AT: usize = 6;
/// Bytes in a frame.
const FRAME: usize = DATA_AT + DATA + 2;
/// How a frame ends.
const ETX: u8 = 0x03;

/// Reads data format 13. Nothing is ever sent to the device.
#[derive(Debug, Default)]
pub(in crate::device) struct MemoryCodec {
    /// At most one frame.
    bytes: VecDeque<u8>,
    /// Bytes outside any frame since the last one.
    stray: usize,
    /// Whether a frame has been seen.
    found: bool,
    /// Bytes that belong to a frame already counted as damaged.
    damaged: usize,
}

impl Codec for MemoryCodec {
    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        self.bytes.push_back(byte);
        while self.bytes.len() >= FRAME {
            self.step(out);
        }
    }

    fn end(&mut self, out: &mut Outcomes) {
        while !self.bytes.is_empty() {
            self.drop_first();
        }
        // A frame that has not been finished is not damaged.
        if self.stray >= FRAME {
            self.settle_strays(out);
        }
    }
}

impl MemoryCodec {
    fn step(&mut self, out: &mut Outcomes) {
        let bytes = self.bytes.make_contiguous();
        if !bytes.starts_with(&HEAD) {
            self.drop_first();
            return;
        }
        let checked = check(bytes);
        self.settle_strays(out);
        self.found = true;
        match checked {
            Ok((reading, battery_low)) => {
                out.good();
                out.reading(reading);
                if let Some(low) = battery_low {
                    out.notice(Notice::BatteryLow(low));
                }
                self.bytes.clear();
                self.damaged = 0;
            }
            Err(fault) => {
                out.fault(fault);
                // The next may begin inside it, if bytes were lost.
                self.damaged = FRAME;
                self.drop_first();
            }
        }
    }

    fn drop_first(&mut self) {
        self.bytes.pop_front();
        match self.damaged.checked_sub(1) {
            Some(left) => self.damaged = left,
            None => self.stray += 1,
        }
    }

    /// Bytes between frames: frames that have lost their head, or what stood before the first.
    fn settle_strays(&mut self, out: &mut Outcomes) {
        let stray = core::mem::take(&mut self.stray);
        let whole = stray % FRAME == 0;
        if stray == 0 || !(self.found || whole) || stray < FRAME / 2 {
            out.skip(stray);
            return;
        }
        for _ in 0..stray.div_ceil(FRAME) {
            out.fault(Fault::Fragment);
        }
    }
}

/// A frame is judged by the first check it fails: length, sum, end. A good one gives its reading, and whether the battery is
/// low; out of the memory it tells nothing of the battery now.
fn check(bytes: &[u8]) -> Result<(Reading, Option<bool>), Fault> {
    let part = |from, to| bytes.get(from..to).unwrap_or_default();
    let data = part(DATA_AT, DATA_AT + DATA);
    let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let (said, end) = (bytes.get(FRAME - 2), bytes.get(FRAME - 1));
    if Some(&sum) != said {
        return Err(Fault::BadChecksum);
    }
    if part(4, DATA_AT) != [0, 0x0E] || end != Some(&ETX) {
        return Err(Fault::BadLength);
    }
    let &[_, _, _, _, _, _, _, _, status_high, status_low, rate_high, rate_low, _, saturation] = data else {
        return Err(Fault::BadLength);
    };
    let from_memory = status_low & 1 << 4 != 0;
    let rate = u16::from(rate_high & 1) << 8 | u16::from(rate_low);
    let unsure = status_high & 1 << 1 == 0;
    let mut measurements = Status::default().measurements(rate, saturation);
    for it in &mut measurements {
        it.quality = it
            .quality
            .union(Quality::HELD.when(from_memory))
            // No SmartPoint: the device itself does not vouch for it.
            .union(Quality::QUESTIONABLE.when(unsure && it.value.is_ok()));
    }
    let battery_low = (!from_memory).then_some(status_low & LOWBAT != 0);
    let reading =
        Reading { measurements: measurements.into(), device_time: time(data), ..Reading::default() };
    Ok((reading, battery_low))
}

/// The time of the spot check, by the device's clock.
fn time(data: &[u8]) -> Option<DeviceTime> {
    let mut digits = data.iter().map(|byte| {
        let (tens, ones) = (byte >> 4, byte & 0x0F);
        (tens <= 9 && ones <= 9).then(|| i8::try_from(tens * 10 + ones).unwrap_or(0))
    });
    let mut next = || digits.next().flatten();
    let (century, year) = (i16::from(next()?), i16::from(next()?));
    measured::local_time(century * 100 + year, [next()?, next()?, next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    const SPOT: [u8; FRAME] = [
        0x00, 0x02, 0x00, 0x0D, 0x00, 0x0E, 0x20, 0x18, 0x07, 0x26, 0x17, 0x06, 0x05, 0x00, 0x02, 0x00, 0x00,
        0x48, 0x00, 0x61, 0x32, 0x03,
    ];

    fn hear(bytes: &[u8]) -> (Vec<Reading>, Counts) {
        crate::device::codec::hear(MemoryCodec::default(), bytes)
    }

    #[test]
    fn a_spot_check_out_of_the_memory_is_an_old_one() {
        let mut old = SPOT;
        (old[15], old[20]) = (0x10, 0x42);
        let (readings, _) = hear(&[SPOT, old].concat());
        assert_eq!(readings[0].device_time.unwrap().to_string(), "2018-07-26T17:06:05");
        assert!(readings[0].measurements.iter().all(|it| it.quality.is_empty()));
        assert!(readings[1].measurements.iter().all(|it| it.quality.is_unusable()));
    }

    #[test]
    fn each_damage_is_counted_once_and_costs_its_own_frame() {
        for at in 0..FRAME {
            let mut damaged = SPOT;
            damaged[at] ^= 0x40;
            let (readings, counts) = hear(&[SPOT, damaged, SPOT].concat());
            assert_eq!(readings.len(), 2, "byte {at}");
            let faults = counts.bad_checksum + counts.bad_length + counts.fragments;
            assert_eq!(faults, 1, "byte {at}: {counts:?}");
            let short: Vec<u8> = [&SPOT[..], &SPOT[..at], &SPOT[at + 1..], &SPOT].concat();
            let (readings, counts) = hear(&short);
            assert_eq!(readings.len(), 2, "without byte {at}: {counts:?}");
            assert_eq!(counts.bad_checksum + counts.bad_length + counts.fragments, 1, "without byte {at}");
        }
    }
}
