//! What a device says beside its readings: who it is, what is set on it, what it raises an alarm for, what ails it.
//!
//! A notice is a state: it holds until the next of its kind, and a driver tells it only when it differs from the last.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem::discriminant;

use serde::{Deserialize, Serialize};

use crate::priority::{Direction, Priority};
use crate::quantity::Quantity;
use crate::vital::Vital;

/// One thing a device says beside its readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Who it is.
    Identity(DeviceIdentity),
    /// The alarm limits set on it, all of them.
    Limits(BedsideLimits),
    /// The alarms it raises now, all of them; none when the list is empty.
    Alarms(Vec<DeviceAlarm>),
    /// Whether its battery is low.
    BatteryLow(bool),
    /// Whether it says that the patient does not breathe.
    Apnea(bool),
    /// Whether its cuff inflates.
    CuffInflating(bool),
}

/// Notices, the last of each kind.
#[derive(Debug, Clone, Default)]
pub struct Notices(Vec<Notice>);

impl Notices {
    /// Puts a notice in the place of the last of its kind, behind all others.
    pub fn put(&mut self, notice: Notice) {
        self.0.retain(|it| discriminant(it) != discriminant(&notice));
        self.0.push(notice);
    }

    /// Whether the last of its kind says the same.
    #[must_use]
    pub fn contains(&self, notice: &Notice) -> bool {
        self.0.contains(notice)
    }

    /// Each, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.0.iter()
    }

    /// Takes them out, in the order in which they came.
    pub fn drain(&mut self) -> impl Iterator<Item = Notice> + '_ {
        self.0.drain(..)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Who a device is, as far as its protocol tells; nothing of a patient.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeviceIdentity {
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub make: Option<String>,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
    /// Its serial number: what tells it from another of its kind.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub serial: Option<String>,
    /// The version of its software.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub software: Option<String>,
}

/// An alarm that a device itself raises.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceAlarm {
    /// The device's own name for it, which tells it from its other alarms: a code or a text of its protocol, in printable
    /// ASCII, at most [`DeviceAlarm::CODE_MAX`] bytes.
    pub code: String,
    /// What it is about, where that is certain.
    pub about: About,
    /// How urgent the device calls it; `None` where it does not say, or in words that are not certain.
    pub priority: Option<Priority>,
}

impl DeviceAlarm {
    /// The longest code, bytes: an IntelliVue alarm text has at most 32 characters.
    pub const CODE_MAX: usize = 32;
}

/// What an alarm of a device is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A vital beyond a limit.
    Limit(Vital, Direction),
    /// The patient does not breathe.
    Apnea,
    /// Something else of the patient: an arrhythmia, no pulse.
    Patient,
    /// The device, its sensors or its surroundings.
    Equipment,
    /// Nothing is certain: the device does not say, or only in words of the language it is set to.
    Unknown,
}

/// The alarm limits that somebody has set on a device, at the bedside, in the order in which it tells them. Told and
/// compared with ours; never judged by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BedsideLimits(pub Vec<BedsideLimit>);

/// Below and above which the device itself raises an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BedsideLimit {
    /// Of what.
    pub vital: Vital,
    /// The low limit, in the vital's unit; `None`: there is none.
    pub low: Option<Quantity>,
    /// The high limit, in the vital's unit; `None`: there is none.
    pub high: Option<Quantity>,
}
