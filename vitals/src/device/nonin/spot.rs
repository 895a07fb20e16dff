//! Data format 8: four bytes a second, no pleth and no checksum.
//!
//! ```text
//! 1  1 R   OOT LPRF MPRF ARTF HR8 HR7
//! 2  0 HR6 ...                    HR0
//! 3  0 SpO2
//! 4  0 R   SPA R    SNSF R    R   LOWBAT
//! ```
//!
//! Without a checksum a frame is believed only if its marker bits, its reserved bits and both values are possible. Of
//! 1 KiB of noise one is, so that after three damaged ones in a row the device has to be found again.

use super::{LOWBAT, RATE_MISSING, RATE_RANGE, SATURATION_MISSING, Status};
use crate::device::codec::Codec;
use crate::device::confirmed::Confirmation;
use crate::device::marked::{Form, Marked};
use crate::device::outcomes::Outcomes;
use crate::notice::Notice;
use crate::reading::Reading;

/// Bytes in a frame.
const FRAME: usize = 4;
/// Frames in a row that are a device, and those that are one after damage: at one frame a second nobody waits without a cause.
const IN_A_ROW: (u32, u32) = (1, 3);

/// Reads data format 8. The device talks by itself; nothing is ever sent to it.
#[derive(Debug)]
pub(in crate::device) struct SpotCodec {
    marked: Marked<Spot>,
    confirmation: Confirmation,
}

impl Default for SpotCodec {
    fn default() -> Self {
        // At one frame a second a number that waits for the next would be a second old.
        let marked = Marked::at_once(Form {
            length: FRAME,
            is_start: |byte| byte & 0x80 != 0,
            may_be_short: |_| false,
            read,
            reading: |(reading, _)| Some(reading),
        });
        Self { marked, confirmation: Confirmation::new(IN_A_ROW.0, IN_A_ROW.1) }
    }
}

impl Codec for SpotCodec {
    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        self.marked.take(byte, out);
        self.confirmation.handle_damage(out);
        while let Some((reading, battery_low)) = self.marked.poll() {
            self.confirmation.handle_reading(reading, out);
            if self.confirmation.is_found() {
                out.notice(Notice::BatteryLow(battery_low));
            }
        }
    }

    fn end(&mut self, out: &mut Outcomes) {
        self.marked.end(out);
        self.confirmation.handle_damage(out);
        self.confirmation.end(out);
    }
}

/// The reading of a frame, and whether the battery is low.
type Spot = (Reading, bool);

fn read(frame: &[u8]) -> Option<Spot> {
    let &[first, low, saturation, fourth] = frame else { return None };
    let rate = u16::from(first & 3) << 7 | u16::from(low);
    // An OEM III and an Xpod say with it that the sensor is disconnected; then there is no value.
    let disconnected = first & 0x40 != 0;
    let has_value = rate != RATE_MISSING || saturation != SATURATION_MISSING;
    let reserved = (disconnected && has_value) || fourth & 0b0101_0110 != 0;
    let possible = (RATE_RANGE.contains(&rate) || rate == RATE_MISSING)
        && (saturation <= 100 || saturation == SATURATION_MISSING);
    if reserved || !possible {
        return None;
    }
    let status = Status {
        disconnected,
        sensor_alarm: fourth & 0x08 != 0,
        out_of_track: first & 0x20 != 0,
        artifact: first & 0x04 != 0,
        low_perfusion: first & 0x10 != 0,
    };
    let measurements = status.measurements(rate, saturation).into();
    Some((Reading { measurements, ..Reading::default() }, fourth & LOWBAT != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Absent;

    #[test]
    fn a_sensor_that_is_disconnected_is_no_damage() {
        let (reading, _) = read(&[0xE3, 0x7F, 0x7F, 0x08]).unwrap();
        assert!(reading.measurements.iter().all(|it| it.value == Err(Absent::SensorFault)), "{reading:?}");
        assert!(read(&[0xC0, 0x48, 0x61, 0x00]).is_none(), "with a value it is noise");
    }
}
