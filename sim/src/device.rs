//! The device side of each line: bytes as the vendor's document has them, and what those bytes say.
//!
//! Pure: time is an argument, bytes come out with the moment at which the line has carried them.

pub mod bci;
pub mod capnostream;
pub mod contec;
pub mod dri;
pub mod fingertip;
pub mod flat;
pub mod intellivue;
pub mod ivy;
pub mod line;
pub mod masimo;
pub mod medibus;
pub mod mindray;
pub mod nellcor;
pub mod nibp;
pub mod nonin;
pub mod regular;
pub mod suntech;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use vitals::device::DeviceModel;
use vitals::quantity::Quantity;
use vitals::time::Timestamp;
use vitals::vital::Vital;

use crate::patient::Patient;

/// What a device said of one vital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// This value, as the device rounds it.
    Value(Quantity),
    /// No value; `sensor` where the device says that the sensor is the cause.
    Absent {
        /// Whether the device names the sensor.
        sensor: bool,
    },
    /// The old value, marked as old: a reader may take it or leave it.
    Held,
}

/// One thing a device said at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observation {
    /// The number the device gave it, where it counts.
    pub seq: Option<u64>,
    /// The time the device wrote on it.
    pub device_time: Option<String>,
    /// What it said of each vital.
    pub vitals: BTreeMap<Vital, Said>,
}

/// Bytes, or a message, that leave a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emission {
    /// When the last of it has left, ms of simulated time.
    pub at_ms: u64,
    /// When the first byte of what it belongs to left, ms.
    pub first_ms: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What has been said completely with these bytes.
    pub observation: Option<Observation>,
    /// Whether the way has damaged it: it may arrive, or not, or as something else.
    pub doubtful: bool,
}

/// A device beside a bed.
#[derive(Debug)]
pub enum Device {
    /// Nonin oximeters, data formats 2 and 7.
    Packets(nonin::Packets),
    /// Nonin oximeters, data format 8.
    Seconds(nonin::Seconds),
    /// Nonin oximeters, data format 13.
    Spot(nonin::spot::Spot),
    /// Older Nonin desk models.
    Text(nonin::text::Text),
    /// A Masimo oximeter.
    Masimo(masimo::Masimo),
    /// A Datex-Ohmeda monitor.
    Dri(Box<dri::Dri>),
    /// A Contec oximeter.
    Contec(contec::Contec),
    /// A module that speaks BCI's format.
    Bci(bci::Bci),
    /// A Nellcor oximeter.
    Nellcor(nellcor::Nellcor),
    /// A Capnostream 20.
    Capnostream(Box<capnostream::Capnostream>),
    /// An Ivy 450C.
    Ivy(Box<ivy::Ivy>),
    /// A SunTech cuff.
    SunTech(Box<suntech::SunTech>),
    /// A Mindray monitor.
    Mindray(mindray::Mindray),
    /// A Philips monitor.
    Intellivue(Box<intellivue::Intellivue>),
    /// A Dräger ventilator.
    Medibus(Box<medibus::Medibus>),
    /// A monitor that publishes flat JSON.
    Flat(flat::Flat),
    /// Nobody: what there is where a device was that has another address now.
    Silent,
}

impl Device {
    /// A device for a serial line. `start` is the wall clock at simulated time 0, for devices that write the time.
    #[must_use]
    pub fn serial(model: DeviceModel, start: Timestamp, bed: u64) -> Self {
        match model {
            DeviceModel::NoninDf2 => Self::Packets(nonin::Packets::new(nonin::Format::Df2)),
            DeviceModel::NoninDf7 => Self::Packets(nonin::Packets::new(nonin::Format::Df7)),
            DeviceModel::NoninDf8 => Self::Seconds(nonin::Seconds::new()),
            DeviceModel::MasimoAscii1 => Self::Masimo(masimo::Masimo::new(start, bed)),
            DeviceModel::GeS5Dri => Self::Dri(Box::new(dri::Dri::new(start))),
            DeviceModel::NoninDf13 => Self::Spot(nonin::spot::Spot::new(start)),
            DeviceModel::NoninAscii => Self::Text(nonin::text::Text::default()),
            DeviceModel::ContecV7 => Self::Contec(contec::Contec::default()),
            DeviceModel::Bci => Self::Bci(bci::Bci::default()),
            DeviceModel::Nellcor => Self::Nellcor(nellcor::Nellcor::new(start)),
            DeviceModel::Capnostream => Self::Capnostream(Box::new(capnostream::Capnostream::new(start))),
            DeviceModel::IvyAnsarB => Self::Ivy(Box::default()),
            DeviceModel::SunTech => Self::SunTech(Box::default()),
            DeviceModel::MindrayPds => Self::Mindray(mindray::Mindray::new(start, bed)),
            DeviceModel::Intellivue => Self::Intellivue(Box::new(intellivue::Intellivue::serial(start, bed))),
            DeviceModel::IntellivueLan => Self::Intellivue(Box::new(intellivue::Intellivue::lan(start, bed))),
            DeviceModel::Medibus => Self::Medibus(Box::new(medibus::Medibus::new(start))),
        }
    }

    /// When it says something next, ms; `None`: not before it is asked.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        match self {
            Self::Packets(it) => Some(it.due()),
            Self::Seconds(it) => Some(it.due()),
            Self::Masimo(it) => Some(it.due()),
            Self::Dri(it) => it.due(),
            Self::Spot(it) => Some(it.due()),
            Self::Text(it) => Some(it.due()),
            Self::Contec(it) => it.due(),
            Self::Bci(it) => Some(it.due()),
            Self::Nellcor(it) => Some(it.due()),
            Self::Capnostream(it) => it.due(),
            Self::Ivy(it) => Some(it.due()),
            Self::SunTech(it) => Some(it.due()),
            Self::Mindray(it) => it.due(),
            Self::Intellivue(it) => Some(it.due()),
            Self::Medibus(it) => Some(it.due()),
            Self::Flat(it) => Some(it.due()),
            Self::Silent => None,
        }
    }

    /// What it says at its due time.
    pub fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        match self {
            Self::Packets(it) => Some(it.emit(patient)),
            Self::Seconds(it) => Some(it.emit(patient)),
            Self::Masimo(it) => it.emit(patient),
            Self::Dri(it) => it.emit(patient),
            Self::Spot(it) => it.emit(patient),
            Self::Text(it) => it.emit(patient),
            Self::Contec(it) => it.emit(patient),
            Self::Bci(it) => Some(it.emit(patient)),
            Self::Nellcor(it) => it.emit(patient),
            Self::Capnostream(it) => it.emit(patient),
            Self::Ivy(it) => it.emit(patient),
            Self::SunTech(it) => it.emit(patient),
            Self::Mindray(it) => it.emit(patient),
            Self::Intellivue(it) => it.emit(patient),
            Self::Medibus(it) => it.emit(patient),
            Self::Flat(it) => Some(it.emit(patient)),
            Self::Silent => None,
        }
    }

    /// The datagram with which a monitor of a network announces itself while no host has it; it listens at `at`.
    #[must_use]
    pub fn announcement(&self, at: SocketAddrV4, now_ms: u64) -> Option<Vec<u8>> {
        if let Self::Intellivue(it) = self { it.announcement(at, now_ms) } else { None }
    }

    /// Takes what the host has sent; the others do not listen.
    pub fn handle_host_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        match self {
            Self::Dri(it) => it.handle_host_bytes(now_ms, bytes),
            Self::Contec(it) => it.handle_host_bytes(now_ms, bytes),
            Self::Nellcor(it) => it.handle_host_bytes(bytes),
            Self::Capnostream(it) => it.handle_host_bytes(now_ms, bytes),
            Self::SunTech(it) => it.handle_host_bytes(now_ms, bytes),
            Self::Mindray(it) => it.handle_host_bytes(now_ms, bytes),
            Self::Intellivue(it) => it.handle_host_bytes(now_ms, bytes),
            Self::Medibus(it) => it.handle_host_bytes(now_ms, bytes),
            Self::Packets(_)
            | Self::Seconds(_)
            | Self::Spot(_)
            | Self::Text(_)
            | Self::Masimo(_)
            | Self::Bci(_)
            | Self::Ivy(_)
            | Self::Flat(_)
            | Self::Silent => {}
        }
    }
}

/// A number of the model as a device rounds it: whole steps of 1/`parts`, halves away from zero.
#[expect(clippy::cast_possible_truncation, reason = "clamped to a range that every vital lies in")]
pub(crate) fn rounded(value: f64, parts: u16) -> i32 {
    (value * f64::from(parts)).round().clamp(-2_000_000.0, 2_000_000.0) as i32
}

/// A rounded number of steps of 1/`parts` as a quantity.
pub(crate) fn quantity(steps: i32, parts: u16) -> Quantity {
    Quantity::from_thousandths(steps * 1000 / i32::from(parts))
}
