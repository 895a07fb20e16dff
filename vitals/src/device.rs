//! The grammar every device driver speaks.

mod alarms;
mod bci;
mod capnostream;
mod codec;
mod confirmed;
mod contec;
mod ge_s5;
mod intellivue;
mod ivy;
mod line;
mod marked;
mod masimo;
mod measured;
mod medibus;
mod mindray;
mod model;
mod neighbours;
mod nellcor;
mod nonin;
mod outcomes;
pub mod redact;
mod repeats;
mod schedule;
pub mod setup;
mod steady;
mod suntech;
mod talk;

#[cfg(test)]
mod tests;

pub use intellivue::ConnectIndication;
pub use model::{DeviceModel, Flow, LineSettings, Parity};
pub use repeats::Repeats;
pub use talk::permits;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use self::codec::CodecDriver;
use self::nonin::PacketFormat;
use crate::notice::Notice;
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

    /// Takes that nothing follows for now, as behind a message: what is whole is decided, what is begun goes on waiting.
    fn handle_pause(&mut self) {}

    /// Takes the end of the stream: what waited for more bytes is decided. A frame that has not been finished is none.
    fn handle_end(&mut self) {}

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

    /// Returns what the device has newly said beside its readings, or `None` until more bytes arrive.
    fn poll_notice(&mut self) -> Option<Notice>;
}

/// The driver of a model, before its first byte. A device that must be asked is asked every `period`, if it grants that.
#[must_use]
pub fn driver(model: DeviceModel, period: Duration) -> Box<dyn Driver> {
    match model {
        DeviceModel::NoninDf2 => Box::new(CodecDriver::new(nonin::PacketCodec::new(PacketFormat::Df2))),
        DeviceModel::NoninDf7 => Box::new(CodecDriver::new(nonin::PacketCodec::new(PacketFormat::Df7))),
        DeviceModel::NoninDf8 => Box::new(CodecDriver::new(nonin::SpotCodec::default())),
        DeviceModel::NoninDf13 => Box::new(CodecDriver::new(nonin::MemoryCodec::default())),
        DeviceModel::NoninAscii => Box::new(CodecDriver::new(nonin::TextCodec::default())),
        DeviceModel::MasimoAscii1 => Box::new(CodecDriver::new(masimo::MasimoCodec::default())),
        DeviceModel::GeS5Dri => Box::new(ge_s5::GeS5Driver::new(period)),
        DeviceModel::ContecV7 => Box::new(CodecDriver::new(contec::ContecCodec::default())),
        DeviceModel::Bci => Box::new(CodecDriver::new(bci::BciCodec::default())),
        DeviceModel::Nellcor => Box::new(CodecDriver::new(nellcor::NellcorCodec::default())),
        DeviceModel::Capnostream => Box::new(CodecDriver::new(capnostream::CapnostreamCodec::default())),
        DeviceModel::IvyAnsarB => Box::new(CodecDriver::new(ivy::IvyCodec::default())),
        DeviceModel::SunTech => Box::new(CodecDriver::new(suntech::SunTechCodec::default())),
        DeviceModel::Medibus => Box::new(medibus::MedibusDriver::new(period)),
        DeviceModel::Intellivue => Box::new(intellivue::IntellivueDriver::new(intellivue::Way::Serial)),
        DeviceModel::IntellivueLan => Box::new(intellivue::IntellivueDriver::new(intellivue::Way::Lan)),
        DeviceModel::MindrayPds => Box::new(CodecDriver::new(mindray::MindrayCodec::default())),
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
}

impl Fault {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadChecksum => "bad_checksum",
            Self::BadLength => "bad_length",
            Self::Fragment => "fragment",
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

impl Counts {
    /// Frames that could not be used, for whatever reason.
    #[must_use]
    pub const fn damaged(self) -> u64 {
        self.bad_checksum.saturating_add(self.bad_length).saturating_add(self.fragments)
    }
}
