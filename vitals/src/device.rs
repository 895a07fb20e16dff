//! The grammar every device driver speaks, and the list of devices we speak to.

pub mod ge_s5;
pub mod masimo;
pub mod nonin;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::reading::Reading;
use crate::time::Uptime;

/// Speaks with one device on one line: bytes in, readings out.
///
/// A driver never fails and never panics: bytes it cannot use are skipped, counted and told as a [`Fault`].
/// The same bytes, however split across calls, give the same output. Its memory is bounded by the largest frame.
/// A damaged frame costs at most itself and the next.
pub trait Driver: Send {
    /// Takes the next bytes from the device, read at `now`.
    fn handle_bytes(&mut self, now: Uptime, bytes: &[u8]);

    /// Does what was due at the time that `poll_timeout` gave.
    fn handle_timeout(&mut self, now: Uptime);

    /// Returns the next reading or fault, or `None` until more bytes arrive.
    fn poll_reading(&mut self) -> Option<Result<Reading, Fault>>;

    /// Returns bytes to send: requests, keep-alives and replies; never a command that changes a device.
    fn poll_transmit(&mut self) -> Option<Vec<u8>>;

    /// Returns when to call `handle_timeout` next.
    fn poll_timeout(&self) -> Option<Uptime>;

    /// Returns what has been counted since the driver was made.
    fn counts(&self) -> Counts;
}

/// The driver of a model, before its first byte.
#[must_use]
pub fn driver(model: DeviceModel) -> Box<dyn Driver> {
    match model {
        DeviceModel::NoninDf2 => Box::new(nonin::PacketDriver::new(nonin::PacketFormat::Df2)),
        DeviceModel::NoninDf7 => Box::new(nonin::PacketDriver::new(nonin::PacketFormat::Df7)),
        DeviceModel::NoninDf8 => Box::new(nonin::SpotDriver::default()),
        DeviceModel::MasimoAscii1 => Box::new(masimo::MasimoDriver::default()),
        DeviceModel::GeS5Dri => Box::new(ge_s5::GeS5Driver::new(model.period())),
    }
}

/// What a driver could not use. Each is also counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A frame's checksum does not fit its bytes.
    BadChecksum,
    /// A frame's length does not fit what it says of itself.
    BadLength,
    /// A frame too short to hold its header, or one that another frame interrupted.
    Fragment,
    /// Bytes between frames, this many.
    Skipped(usize),
}

impl Fault {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadChecksum => "bad_checksum",
            Self::BadLength => "bad_length",
            Self::Fragment => "fragment",
            Self::Skipped(_) => "skipped",
        }
    }
}

/// What a driver has counted. A frame is counted once, by the first check it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Frames that passed every check, whether or not they carried numbers.
    pub frames_good: u64,
    /// Frames whose sum is wrong.
    pub bad_checksum: u64,
    /// Frames whose length is wrong.
    pub bad_length: u64,
    /// Frames too short to hold a header.
    pub fragments: u64,
    /// Bytes that belong to no frame.
    pub skipped_bytes: u64,
    /// Readings that came out.
    pub observations: u64,
}

/// The devices we speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceModel {
    /// Nonin oximeters, data format 2: 8-bit pleth.
    NoninDf2,
    /// Nonin oximeters, data format 7: 16-bit pleth.
    NoninDf7,
    /// Nonin oximeters, data format 8: numbers only.
    NoninDf8,
    /// Masimo oximeters, ASCII-1 lines.
    MasimoAscii1,
    /// GE Datex-Ohmeda S/5 monitors, Datex Record Interface.
    GeS5Dri,
}

impl DeviceModel {
    /// Every model we speak to.
    pub const ALL: [Self; 5] =
        [Self::NoninDf2, Self::NoninDf7, Self::NoninDf8, Self::MasimoAscii1, Self::GeS5Dri];

    /// Its name in configuration and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoninDf2 => "nonin-df2",
            Self::NoninDf7 => "nonin-df7",
            Self::NoninDf8 => "nonin-df8",
            Self::MasimoAscii1 => "masimo-ascii1",
            Self::GeS5Dri => "ge-s5-dri",
        }
    }

    /// The model of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// How its serial line is set.
    #[must_use]
    pub const fn line(self) -> LineSettings {
        match self {
            Self::NoninDf2 | Self::NoninDf7 | Self::NoninDf8 | Self::MasimoAscii1 => {
                LineSettings { baud: 9600, parity: Parity::None, flow: Flow::None }
            }
            Self::GeS5Dri => LineSettings { baud: 19_200, parity: Parity::Even, flow: Flow::RtsCts },
        }
    }

    /// How often it says something, unless the configuration says otherwise.
    #[must_use]
    pub const fn period(self) -> Duration {
        match self {
            // Three packets a second.
            Self::NoninDf2 | Self::NoninDf7 => Duration::from_millis(334),
            Self::NoninDf8 | Self::MasimoAscii1 => Duration::from_secs(1),
            // The shortest interval that every level of the interface grants.
            Self::GeS5Dri => Duration::from_secs(5),
        }
    }
}

impl fmt::Display for DeviceModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a serial line is set: always 8 data bits and 1 stop bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSettings {
    /// Bits a second.
    pub baud: u32,
    /// The parity bit.
    pub parity: Parity,
    /// Who may stop the other.
    pub flow: Flow,
}

/// The parity bit of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    /// No parity bit.
    None,
    /// Even parity.
    Even,
    /// Odd parity.
    Odd,
}

/// Flow control of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// None.
    None,
    /// By the lines RTS and CTS.
    RtsCts,
}
