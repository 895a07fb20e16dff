//! Which alarm of the equipment, and the rule that governs it. The order is that of the records of one step (E4).

use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::Sensor;
use crate::alarm::event::{Code, Kind, Priority};
use crate::alarm::policy::{TechnicalPolicy, TechnicalRule};
use crate::name::Name;
use crate::notice::{About, DeviceAlarm};
use crate::vital::Vital;

/// What is wrong, or worth knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::alarm) enum Trouble {
    SensorOff(Sensor),
    Implausible(Sensor),
    NoValue(Sensor),
    NoData,
    PortGone,
    Suspect,
    NibpStale,
    NibpFailed,
    BadDataRate,
    DeviceBattery,
    ClockSkew,
    DeviceChanged,
    SourcesDisagree(Vital),
    SourceSwitched(Vital),
    LimitsDiffer,
    NoPatient,
    News2,
    AlarmsInactive,
    /// An alarm that the device itself raises.
    Device(About),
}

impl Trouble {
    /// The sensor it is of.
    pub(in crate::alarm) fn sensor(self) -> Option<Sensor> {
        match self {
            Self::SensorOff(sensor) | Self::Implausible(sensor) | Self::NoValue(sensor) => Some(sensor),
            Self::NoData
            | Self::PortGone
            | Self::Suspect
            | Self::NibpStale
            | Self::NibpFailed
            | Self::BadDataRate
            | Self::DeviceBattery
            | Self::ClockSkew
            | Self::DeviceChanged
            | Self::SourcesDisagree(_)
            | Self::SourceSwitched(_)
            | Self::LimitsDiffer
            | Self::NoPatient
            | Self::News2
            | Self::AlarmsInactive
            | Self::Device(_) => None,
        }
    }

    pub(in crate::alarm) fn code(self) -> Code {
        match self {
            Self::SensorOff(_) => Code::SensorOff,
            Self::Implausible(_) => Code::Implausible,
            Self::NoValue(_) => Code::NoValue,
            Self::NoData => Code::NoData,
            Self::PortGone => Code::PortGone,
            Self::Suspect => Code::Suspect,
            Self::NibpStale => Code::NibpStale,
            Self::NibpFailed => Code::NibpFailed,
            Self::BadDataRate => Code::BadDataRate,
            Self::DeviceBattery => Code::DeviceBattery,
            Self::ClockSkew => Code::ClockSkew,
            Self::DeviceChanged => Code::DeviceChanged,
            Self::SourcesDisagree(vital) => Code::SourcesDisagree(vital),
            Self::SourceSwitched(vital) => Code::SourceSwitched(vital),
            Self::LimitsDiffer => Code::LimitsDiffer,
            Self::NoPatient => Code::NoPatient,
            Self::News2 => Code::News2,
            Self::AlarmsInactive => Code::AlarmsInactive,
            Self::Device(about) => Code::Device(about),
        }
    }

    /// The vital it is about, where it is about one.
    pub(in crate::alarm) fn vital(self) -> Option<Vital> {
        self.code().vital()
    }

    /// Whether it is told once and stays until somebody has seen it, or for a while.
    pub(in crate::alarm) fn is_event(self) -> bool {
        matches!(self, Self::DeviceChanged | Self::SourceSwitched(_))
    }

    pub(in crate::alarm) fn is_silence(self) -> bool {
        matches!(self, Self::NoData | Self::PortGone)
    }

    pub(in crate::alarm) fn is_advisory(self) -> bool {
        self.code().kind() == Kind::Advisory
    }
}

/// Which technical alarm or advisory of a bed: first those of sensors, in the order of sensors.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::alarm) struct Key {
    /// `None` last: what concerns a source as a whole follows what concerns its sensors.
    place: (bool, Option<Sensor>),
    pub(in crate::alarm) trouble: Trouble,
    /// `None`: of the bed.
    pub(in crate::alarm) source: Option<Arc<Name>>,
    /// The device's own name for its alarm.
    #[serde(default)]
    own_code: Option<Arc<str>>,
}

impl Key {
    pub(in crate::alarm) fn new(trouble: Trouble, source: &Arc<Name>) -> Self {
        let sensor = trouble.sensor();
        Self { place: (sensor.is_none(), sensor), trouble, source: Some(Arc::clone(source)), own_code: None }
    }

    /// One of the bed as a whole.
    pub(in crate::alarm) fn of_bed(trouble: Trouble) -> Self {
        Self { place: (true, None), trouble, source: None, own_code: None }
    }

    /// An alarm of a source's device itself.
    pub(in crate::alarm) fn of_device(source: &Arc<Name>, alarm: &DeviceAlarm) -> Self {
        let own_code = Some(alarm.code.as_str().into());
        Self { own_code, ..Self::new(Trouble::Device(alarm.about), source) }
    }

    pub(in crate::alarm) fn is_device_alarm(&self) -> bool {
        matches!(self.trouble, Trouble::Device(_))
    }

    /// Whether it rests on what a device says beside its readings.
    pub(in crate::alarm) fn is_of_notice(&self) -> bool {
        self.is_device_alarm() || self.trouble == Trouble::LimitsDiffer
    }

    /// The device's own name for its alarm; empty for what is no alarm of a device.
    pub(in crate::alarm) fn own_code(&self) -> &str {
        self.own_code.as_deref().unwrap_or_default()
    }

    pub(in crate::alarm) fn is_of(&self, source: &Name) -> bool {
        self.source.as_ref().is_some_and(|it| **it == *source)
    }

    /// The rule that governs it. That of `port_gone` is that of the `no_data` which it replaces.
    pub(in crate::alarm) fn rule<'a>(&self, policy: &'a TechnicalPolicy) -> &'a TechnicalRule {
        match self.trouble {
            Trouble::SensorOff(_) => &policy.sensor_off,
            Trouble::NoValue(_) | Trouble::Implausible(_) => &policy.no_value,
            Trouble::NoData | Trouble::PortGone => &policy.no_data,
            Trouble::Suspect => &SUSPECT,
            Trouble::DeviceBattery => &DEVICE_BATTERY,
            Trouble::DeviceChanged => &AT_ONCE_MEDIUM,
            Trouble::SourcesDisagree(_) => &SOURCES_DISAGREE,
            Trouble::LimitsDiffer => &LIMITS_DIFFER,
            Trouble::NibpStale
            | Trouble::NibpFailed
            | Trouble::BadDataRate
            | Trouble::ClockSkew
            | Trouble::SourceSwitched(_)
            | Trouble::NoPatient
            | Trouble::News2
            | Trouble::AlarmsInactive
            | Trouble::Device(_) => &AT_ONCE,
        }
    }
}

/// Told at once, over at once.
static AT_ONCE: TechnicalRule = TechnicalRule {
    delay: Duration::ZERO,
    priority: Priority::Low,
    escalation: None,
    clear_delay: Duration::ZERO,
};
static AT_ONCE_MEDIUM: TechnicalRule = TechnicalRule { priority: Priority::Medium, ..AT_ONCE };
/// A patient's numbers and the device's clock do not stand still for two minutes: clinical judgement.
static SUSPECT: TechnicalRule = TechnicalRule { delay: Duration::from_secs(120), ..AT_ONCE };
/// A battery that is low goes on for some minutes: clinical judgement.
static DEVICE_BATTERY: TechnicalRule =
    TechnicalRule { escalation: Some((Duration::from_secs(600), Priority::Medium)), ..AT_ONCE };
/// Whoever sets limits turns a knob for a while: clinical judgement.
static LIMITS_DIFFER: TechnicalRule = TechnicalRule { delay: Duration::from_secs(60), ..AT_ONCE };
/// Two averaging windows, and some more: clinical judgement.
static SOURCES_DISAGREE: TechnicalRule =
    TechnicalRule { delay: Duration::from_secs(30), clear_delay: Duration::from_secs(3), ..AT_ONCE };
