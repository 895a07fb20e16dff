//! Nonin oximeters (Xpod, OEM III, WristOx2, 9560 and the older desk models): data formats 2, 7, 8, 13 and ASCII.
//!
//! Document: Nonin "9560 OEM Specification and Technical Information", serial data formats #2, #7, #8 and #13; the packet
//! tables of formats 2 and 7, and the byte tables of formats 8 and 13. The ASCII line is that of the operator manuals of
//! the models 8500, 8600, 9600 and 9847. Line: 9600 8N1.
//!
//! Beside readings: a low battery (not in ASCII), and in formats 2 and 7 the revision of the firmware. A serial number is told
//! only when it is asked for, and these devices are asked nothing.

mod assembly;
mod memory;
mod packet;
mod spot;
mod text;

pub(super) use memory::MemoryCodec;
pub(super) use packet::{PacketCodec, PacketFormat};
pub(super) use spot::SpotCodec;
pub(super) use text::TextCodec;

use super::measured::measured;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality};
use crate::vital::Vital;

/// The battery is low: of STAT2 in formats 2 and 7, of the last status byte in 8 and 13.
const LOWBAT: u8 = 1;
/// The heart rate that says that there is none.
const RATE_MISSING: u16 = 511;
/// The saturation that says that there is none.
const SATURATION_MISSING: u8 = 127;
/// What the devices can measure, beats a minute.
const RATE_RANGE: core::ops::RangeInclusive<u16> = 18..=321;

/// A rate in two bytes of seven bits.
fn rate_of(high: u8, low: u8) -> u16 {
    u16::from(high & 3) << 7 | u16::from(low & 0x7F)
}

/// What the status bits of all formats come to.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the device's status bits, each independent")]
struct Status {
    disconnected: bool,
    sensor_alarm: bool,
    out_of_track: bool,
    artifact: bool,
    low_perfusion: bool,
}

impl Status {
    fn absent(self) -> Absent {
        match self {
            Self { disconnected: true, .. } => Absent::SensorFault,
            Self { sensor_alarm: true, .. } => Absent::SensorOff,
            Self { out_of_track: true, .. } => Absent::Searching,
            Self { .. } => Absent::Invalid,
        }
    }

    fn quality(self) -> Quality {
        let held = Quality::HELD.when(self.sensor_alarm || self.disconnected);
        let marks =
            Quality::ARTIFACT.when(self.artifact).union(Quality::LOW_PERFUSION.when(self.low_perfusion));
        held.union(marks).union(Quality::QUESTIONABLE.when(self.out_of_track))
    }

    /// Pulse rate and saturation as the device gives them, with what the status makes of them.
    fn measurements(self, rate: u16, saturation: u8) -> [Measurement; 2] {
        let known = |vital, value: Option<i16>| match value {
            Some(value) => measured(vital, Quantity::from_whole(value), self.quality()),
            None => Measurement::absent(vital, self.absent()),
        };
        let given = i16::try_from(rate).ok().filter(|_| rate != RATE_MISSING);
        let saturation = (saturation != SATURATION_MISSING).then(|| i16::from(saturation));
        let pulse = if given.is_some() && !RATE_RANGE.contains(&rate) {
            Measurement::absent(Vital::PulseRate, Absent::Invalid)
        } else {
            known(Vital::PulseRate, given)
        };
        [pulse, known(Vital::Spo2, saturation)]
    }
}
