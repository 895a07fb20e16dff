//! Nonin oximeters (Xpod, OEM III, WristOx2, 9560): data formats 2, 7 and 8.
//!
//! Document: Nonin "9560 OEM Specification and Technical Information", serial data formats #2, #7 and #8; the packet
//! tables of formats 2 and 7, and the byte table of format 8.

mod packet;
mod spot;

pub use packet::{PacketDriver, PacketFormat};
pub use spot::SpotDriver;

use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality};
use crate::vital::Vital;

/// The heart rate that says that there is none.
const RATE_MISSING: u16 = 511;
/// The saturation that says that there is none.
const SATURATION_MISSING: u8 = 127;
/// What the devices can measure, beats a minute.
const RATE_RANGE: core::ops::RangeInclusive<u16> = 18..=321;

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
            Some(value) => {
                Measurement::value(vital, Quantity::from_whole(value)).with_quality(self.quality())
            }
            None => Measurement::absent(vital, self.absent()),
        };
        let rate = i16::try_from(rate).ok().filter(|_| rate != RATE_MISSING);
        let saturation = (saturation != SATURATION_MISSING).then(|| i16::from(saturation));
        [known(Vital::PulseRate, rate), known(Vital::Spo2, saturation)]
    }
}
