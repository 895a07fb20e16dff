//! What a device said at one instant: values, or the reasons why there are none. Absence is data.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;
use crate::time::DeviceTime;
use crate::vital::Vital;

/// What one device said at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// What it measured, in the order of the table of vitals, each vital at most once.
    pub measurements: Vec<Measurement>,
    /// The time the device wrote on it.
    pub device_time: Option<DeviceTime>,
    /// The number the device gave it, where it counts its messages.
    pub device_seq: Option<u64>,
    /// How many of the device's messages before it never came, by those numbers.
    pub device_missed: u64,
    /// What the payload itself says of being live, where it says it.
    pub mode: Option<Mode>,
}

/// One vital of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// Which vital.
    pub vital: Vital,
    /// Its value, or why there is none.
    pub value: Result<Quantity, Absent>,
    /// What the device said of the value's quality.
    pub quality: Quality,
}

impl Measurement {
    /// A value without any remark.
    #[must_use]
    pub fn value(vital: Vital, value: Quantity) -> Self {
        Self { vital, value: Ok(value), quality: Quality::NONE }
    }

    /// No value, and why.
    #[must_use]
    pub fn absent(vital: Vital, reason: Absent) -> Self {
        Self { vital, value: Err(reason), quality: Quality::NONE }
    }

    /// The same with a quality.
    #[must_use]
    pub fn with_quality(self, quality: Quality) -> Self {
        Self { quality, ..self }
    }
}

/// Why a device gave no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// The sensor is not on the patient.
    SensorOff,
    /// The sensor is defective, missing or not recognised.
    SensorFault,
    /// An ECG electrode is off.
    LeadOff,
    /// The device is looking for a signal.
    Searching,
    /// The device marks its value as wrong, or no patient could have it.
    Invalid,
    /// Below what the device can measure.
    UnderRange,
    /// Above what the device can measure.
    OverRange,
    /// The sensor has not been calibrated.
    NotCalibrated,
    /// Nobody asked for it.
    NotMeasured,
    /// Too old to be believed.
    Stale,
    /// The device cannot measure it.
    Unsupported,
}

impl Absent {
    /// Every reason, in the order of the variants.
    pub const ALL: [Self; 11] = [
        Self::SensorOff,
        Self::SensorFault,
        Self::LeadOff,
        Self::Searching,
        Self::Invalid,
        Self::UnderRange,
        Self::OverRange,
        Self::NotCalibrated,
        Self::NotMeasured,
        Self::Stale,
        Self::Unsupported,
    ];

    /// Its name in records and in flat JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SensorOff => "sensor_off",
            Self::SensorFault => "sensor_fault",
            Self::LeadOff => "lead_off",
            Self::Searching => "searching",
            Self::Invalid => "invalid",
            Self::UnderRange => "under_range",
            Self::OverRange => "over_range",
            Self::NotCalibrated => "not_calibrated",
            Self::NotMeasured => "not_measured",
            Self::Stale => "stale",
            Self::Unsupported => "unsupported",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Whether it says that the sensor, not the patient, is the cause (E30, `sensor_off`).
    #[must_use]
    pub const fn is_sensor(self) -> bool {
        matches!(self, Self::SensorOff | Self::SensorFault | Self::LeadOff)
    }
}

/// What a device says of a value's quality: a set of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quality(u8);

impl Quality {
    /// No remark.
    pub const NONE: Self = Self(0);
    /// The device itself doubts it.
    pub const QUESTIONABLE: Self = Self(1);
    /// Motion or another disturbance.
    pub const ARTIFACT: Self = Self(1 << 1);
    /// The pulse is weak.
    pub const LOW_PERFUSION: Self = Self(1 << 2);
    /// An old value, shown on.
    pub const HELD: Self = Self(1 << 3);
    /// The device is calibrating.
    pub const CALIBRATING: Self = Self(1 << 4);
    /// An early estimate.
    pub const EARLY: Self = Self(1 << 5);
    /// The device is in demonstration mode.
    pub const DEMO: Self = Self(1 << 6);
    /// The device is in test mode.
    pub const TEST: Self = Self(1 << 7);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::QUESTIONABLE, "questionable"),
        (Self::ARTIFACT, "artifact"),
        (Self::LOW_PERFUSION, "low_perfusion"),
        (Self::HELD, "held"),
        (Self::CALIBRATING, "calibrating"),
        (Self::EARLY, "early"),
        (Self::DEMO, "demo"),
        (Self::TEST, "test"),
    ];

    /// Both sets of marks.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These marks where `condition` holds, else none.
    #[must_use]
    pub const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }

    /// Whether any mark of `other` is in it.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is no mark.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Whether the value may not be judged (E10): it is not this patient's value of now.
    #[must_use]
    pub const fn is_unusable(self) -> bool {
        self.intersects(Self::DEMO.union(Self::TEST).union(Self::CALIBRATING).union(Self::HELD))
    }

    /// The names of the marks.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(mark, _)| self.intersects(*mark)).map(|(_, name)| name)
    }

    /// The mark of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, it)| *it == name).map(|(mark, _)| mark)
    }
}

impl Serialize for Quality {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Quality {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<alloc::string::String>::deserialize(deserializer)?;
        Ok(names.iter().filter_map(|name| Self::from_name(name)).fold(Self::NONE, Self::union))
    }
}

/// Whether data come from a patient. The order is from most to least live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A patient, now.
    Live,
    /// Recorded bytes, played again.
    Replay,
    /// No patient at all.
    Simulated,
}

impl Mode {
    /// Its name in records and headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Replay => "replay",
            Self::Simulated => "simulated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_variants() {
        for reason in Absent::ALL {
            assert_eq!(Absent::from_name(reason.name()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
        for (mark, name) in Quality::NAMES {
            assert_eq!(Quality::from_name(name), Some(mark));
        }
        assert_eq!(Absent::from_name("zero"), None);
    }

    #[test]
    fn the_less_live_mode_is_the_greater() {
        assert!(Mode::Live < Mode::Replay && Mode::Replay < Mode::Simulated);
    }
}
