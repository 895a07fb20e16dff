//! The devices we speak to: their names, their lines and their pace.

use core::fmt;
use core::time::Duration;

/// A kind of device, by the format it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceModel {
    /// Nonin oximeters, data format 2: 8-bit pleth.
    NoninDf2,
    /// Nonin oximeters, data format 7: 16-bit pleth.
    NoninDf7,
    /// Nonin oximeters, data format 8: numbers only.
    NoninDf8,
    /// Nonin oximeters, data format 13: spot checks with their time.
    NoninDf13,
    /// Older Nonin desk models: a line of text a second.
    NoninAscii,
    /// Masimo oximeters, ASCII-1 lines.
    MasimoAscii1,
    /// GE Datex-Ohmeda S/5 monitors, Datex Record Interface.
    GeS5Dri,
    /// Contec oximeters, protocol V7.
    ContecV7,
    /// BCI's format: Berry modules, older Contec oximeters.
    Bci,
    /// Nellcor oximeters, ASCII rows.
    Nellcor,
    /// Capnostream 20 capnometers.
    Capnostream,
    /// Ivy 450C monitors, ANSAR-B.
    IvyAnsarB,
    /// SunTech OEM cuffs.
    SunTech,
    /// Dräger ventilators and anaesthesia machines, Medibus and Medibus.X.
    Medibus,
    /// Philips IntelliVue monitors, Data Export on the MIB/RS-232 line.
    Intellivue,
    /// The same in datagrams.
    IntellivueLan,
    /// Mindray monitors, patient data share.
    MindrayPds,
}

impl DeviceModel {
    /// Every model we speak to.
    pub const ALL: [Self; 17] = [
        Self::NoninDf2,
        Self::NoninDf7,
        Self::NoninDf8,
        Self::NoninDf13,
        Self::NoninAscii,
        Self::MasimoAscii1,
        Self::GeS5Dri,
        Self::ContecV7,
        Self::Bci,
        Self::Nellcor,
        Self::Capnostream,
        Self::IvyAnsarB,
        Self::SunTech,
        Self::Medibus,
        Self::Intellivue,
        Self::IntellivueLan,
        Self::MindrayPds,
    ];

    /// Its name in configuration and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoninDf2 => "nonin-df2",
            Self::NoninDf7 => "nonin-df7",
            Self::NoninDf8 => "nonin-df8",
            Self::NoninDf13 => "nonin-df13",
            Self::NoninAscii => "nonin-ascii",
            Self::MasimoAscii1 => "masimo-ascii1",
            Self::GeS5Dri => "ge-s5-dri",
            Self::ContecV7 => "contec-v7",
            Self::Bci => "bci",
            Self::Nellcor => "nellcor",
            Self::Capnostream => "capnostream",
            Self::IvyAnsarB => "ivy-ansarb",
            Self::SunTech => "suntech",
            Self::Medibus => "medibus",
            Self::Intellivue => "intellivue",
            Self::IntellivueLan => "intellivue-lan",
            Self::MindrayPds => "mindray-pds",
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
            Self::GeS5Dri => LineSettings { baud: 19_200, parity: Parity::Even, flow: Flow::RtsCts },
            Self::ContecV7 | Self::Capnostream | Self::Intellivue => LineSettings { baud: 115_200, ..PLAIN },
            Self::Bci => LineSettings { baud: 4800, ..PLAIN },
            Self::NoninDf2
            | Self::NoninDf7
            | Self::NoninDf8
            | Self::NoninDf13
            | Self::NoninAscii
            | Self::MasimoAscii1
            | Self::Nellcor
            | Self::IvyAnsarB
            | Self::SunTech
            // Of a network: behind a gateway, where there is a line at all.
            | Self::IntellivueLan
            | Self::MindrayPds => PLAIN,
            // Evita XL and V500; others differ (docs/devices.md).
            Self::Medibus => LineSettings { baud: 19_200, ..PLAIN },
        }
    }

    /// Whether it speaks in datagrams, each of which is a whole message, and not in a stream of bytes (Philips, "Data Export
    /// Interface Programming Guide", PN 4535 642 59271: UDP on the LAN).
    #[must_use]
    pub const fn is_in_datagrams(self) -> bool {
        matches!(self, Self::IntellivueLan)
    }

    /// Whether it says the same sixty times a second, so that whoever reads it takes what is news: a change at once, and the
    /// same once a period.
    #[must_use]
    pub const fn repeats_itself(self) -> bool {
        matches!(self, Self::ContecV7 | Self::Bci)
    }

    /// Whether its messages carry names and numbers of patients beside the values: nothing of what comes from it is kept but
    /// what a driver has read.
    #[must_use]
    pub const fn names_patients(self) -> bool {
        matches!(self, Self::MindrayPds | Self::Capnostream | Self::Intellivue | Self::IntellivueLan)
    }

    /// How often it says something, unless the configuration says otherwise.
    #[must_use]
    pub const fn period(self) -> Duration {
        match self {
            // Three packets a second.
            Self::NoninDf2 | Self::NoninDf7 => Duration::from_millis(334),
            // The shortest interval that every level of the interface grants.
            Self::GeS5Dri => Duration::from_secs(5),
            // A row every two seconds.
            Self::Nellcor => Duration::from_secs(2),
            // As often as it is asked.
            Self::SunTech => Duration::from_secs(30),
            // A spot check, when somebody makes one.
            Self::NoninDf13 => Duration::from_secs(3600),
            Self::NoninDf8
            | Self::NoninAscii
            | Self::MasimoAscii1
            | Self::ContecV7
            | Self::Bci
            | Self::Capnostream
            | Self::IvyAnsarB
            | Self::Medibus
            | Self::Intellivue
            | Self::IntellivueLan
            | Self::MindrayPds => Duration::from_secs(1),
        }
    }
}

/// 9600 baud, no parity, no flow control.
const PLAIN: LineSettings = LineSettings { baud: 9600, parity: Parity::None, flow: Flow::None };

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
