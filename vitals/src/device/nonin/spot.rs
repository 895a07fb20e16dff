//! Data format 8: four bytes a second, no pleth and no checksum.
//!
//! ```text
//! 1  1 R   OOT LPRF MPRF ARTF HR8 HR7
//! 2  0 HR6 ...                    HR0
//! 3  0 SpO2
//! 4  0 R   SPA R    SNSF R    R   LOWBAT
//! ```
//!
//! Without a checksum a frame is believed only if its marker bits, its reserved bits and both values are possible.

use super::{LOWBAT, RATE_MISSING, RATE_RANGE, SATURATION_MISSING, Status};
use crate::device::codec::Codec;
use crate::device::marked::Marked;
use crate::device::outcomes::Outcomes;
use crate::notice::Notice;
use crate::reading::Reading;

/// Bytes in a frame.
const FRAME: usize = 4;

/// Reads data format 8. The device talks by itself; nothing is ever sent to it.
#[derive(Debug)]
pub(in crate::device) struct SpotCodec {
    marked: Marked,
}

impl Default for SpotCodec {
    fn default() -> Self {
        Self { marked: Marked::new(FRAME, |byte| byte & 0x80 != 0) }
    }
}

impl Codec for SpotCodec {
    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        if let Some((reading, battery_low)) = self.marked.take(byte, out, read) {
            out.reading(reading);
            out.notice(Notice::BatteryLow(battery_low));
        }
    }

    fn end(&mut self, out: &mut Outcomes) {
        self.marked.end(out);
    }
}

/// The reading of a frame, and whether the battery is low.
fn read(frame: &[u8]) -> Option<(Reading, bool)> {
    let &[first, low, saturation, fourth] = frame else { return None };
    let rate = u16::from(first & 3) << 7 | u16::from(low);
    let reserved = first & 0x40 != 0 || fourth & 0b0101_0110 != 0;
    let possible = (RATE_RANGE.contains(&rate) || rate == RATE_MISSING)
        && (saturation <= 100 || saturation == SATURATION_MISSING);
    if reserved || !possible {
        return None;
    }
    let status = Status {
        disconnected: false,
        sensor_alarm: fourth & 0x08 != 0,
        out_of_track: first & 0x20 != 0,
        artifact: first & 0x04 != 0,
        low_perfusion: first & 0x10 != 0,
    };
    let measurements = status.measurements(rate, saturation).into();
    Some((Reading { measurements, ..Reading::default() }, fourth & LOWBAT != 0))
}
