//! Which alarm it is: the words of `code` in records.

use core::fmt;

use super::{Direction, Kind};
use crate::alarm::agent::AgentTrouble;
use crate::notice::About;
use crate::vital::Vital;

/// Which alarm it is; with the bed (and for technical alarms the source) it names one alarm object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A vital beyond a limit: `spo2_low`.
    Limit(Vital, Direction),
    /// No breath, in this respiratory rate: E32.
    Apnea(Vital),
    /// No sensor on the patient: E30.
    SensorOff,
    /// Values that no patient could have: E11.
    Implausible,
    /// Values that cannot be used: E30.
    NoValue,
    /// Silence: E30.
    NoData,
    /// The port itself is gone: E30.
    PortGone,
    /// The device repeats itself: E30.
    Suspect,
    /// The cuff has not measured for too long: E31.
    NibpStale,
    /// The cuff's measurement failed: E31.
    NibpFailed,
    /// Too many damaged frames: E30.
    BadDataRate,
    /// The device's battery is low: E30.
    DeviceBattery,
    /// The device's clock was set, or is wrong: E30.
    ClockSkew,
    /// Another device is on the line: E33.
    DeviceChanged,
    /// Two sources say different things of one vital: E33.
    SourcesDisagree(Vital),
    /// Another source is believed for a vital: E33.
    SourceSwitched(Vital),
    /// The limits set on the device are not ours: E38.
    LimitsDiffer,
    /// There is data of a patient where nobody is admitted: E28.
    NoPatient,
    /// The early warning score.
    News2,
    /// Something is paused or off: E26.
    AlarmsInactive,
    /// What is wrong with the agent itself: E36.
    Agent(AgentTrouble),
    /// Nothing: whether an alarm arrives is being tried: E37.
    Test,
    /// An alarm that the device itself raises: E38.
    Device(About),
}

impl Code {
    /// Whose trouble it is.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Limit(..)
            | Self::Apnea(_)
            | Self::Device(About::Limit(..) | About::Apnea | About::Patient | About::Unknown) => {
                Kind::Physiological
            }
            Self::SourceSwitched(_)
            | Self::LimitsDiffer
            | Self::NoPatient
            | Self::News2
            | Self::AlarmsInactive => Kind::Advisory,
            Self::SensorOff
            | Self::Implausible
            | Self::NoValue
            | Self::NoData
            | Self::PortGone
            | Self::Suspect
            | Self::NibpStale
            | Self::NibpFailed
            | Self::BadDataRate
            | Self::DeviceBattery
            | Self::ClockSkew
            | Self::DeviceChanged
            | Self::SourcesDisagree(_)
            | Self::Agent(_)
            | Self::Test
            | Self::Device(About::Equipment) => Kind::Technical,
        }
    }

    /// Whether the device itself decided it, and not we.
    #[must_use]
    pub const fn is_of_device(self) -> bool {
        matches!(self, Self::Device(_))
    }

    /// The code of a rule that can be switched off: `spo2_low`, or `apnea`, whose vital then stands for any.
    #[must_use]
    pub fn of_rule(text: &str) -> Option<Self> {
        if text == "apnea" {
            return Some(Self::Apnea(Vital::RespRate));
        }
        let (vital, direction) = match text.rsplit_once('_')? {
            (vital, "low") => (vital, Direction::Low),
            (vital, "high") => (vital, Direction::High),
            _ => return None,
        };
        Some(Self::Limit(Vital::from_name(vital)?, direction))
    }

    /// On which side, for a limit.
    #[must_use]
    pub fn direction(self) -> Option<Direction> {
        if let Self::Limit(_, direction) | Self::Device(About::Limit(_, direction)) = self {
            Some(direction)
        } else {
            None
        }
    }

    /// The vital it is about, where it is about one.
    #[must_use]
    pub const fn vital(self) -> Option<Vital> {
        match self {
            Self::Limit(vital, _)
            | Self::Apnea(vital)
            | Self::SourcesDisagree(vital)
            | Self::SourceSwitched(vital)
            | Self::Device(About::Limit(vital, _)) => Some(vital),
            Self::SensorOff
            | Self::Implausible
            | Self::NoValue
            | Self::NoData
            | Self::PortGone
            | Self::Suspect
            | Self::NibpStale
            | Self::NibpFailed
            | Self::BadDataRate
            | Self::DeviceBattery
            | Self::ClockSkew
            | Self::DeviceChanged
            | Self::LimitsDiffer
            | Self::NoPatient
            | Self::News2
            | Self::AlarmsInactive
            | Self::Agent(_)
            | Self::Test
            | Self::Device(About::Apnea | About::Patient | About::Equipment | About::Unknown) => None,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(vital, Direction::Low) => write!(f, "{}_low", vital.name()),
            Self::Limit(vital, Direction::High) => write!(f, "{}_high", vital.name()),
            Self::Apnea(_) => f.write_str("apnea"),
            Self::SensorOff => f.write_str("sensor_off"),
            Self::Implausible => f.write_str("implausible"),
            Self::NoValue => f.write_str("no_value"),
            Self::NoData => f.write_str("no_data"),
            Self::PortGone => f.write_str("port_gone"),
            Self::Suspect => f.write_str("suspect"),
            Self::NibpStale => f.write_str("nibp_stale"),
            Self::NibpFailed => f.write_str("nibp_failed"),
            Self::BadDataRate => f.write_str("bad_data_rate"),
            Self::DeviceBattery => f.write_str("device_battery"),
            Self::ClockSkew => f.write_str("clock_skew"),
            Self::DeviceChanged => f.write_str("device_changed"),
            Self::SourcesDisagree(_) => f.write_str("sources_disagree"),
            Self::SourceSwitched(_) => f.write_str("source_switched"),
            Self::LimitsDiffer => f.write_str("limits_differ"),
            Self::NoPatient => f.write_str("no_patient"),
            Self::News2 => f.write_str("news2"),
            Self::AlarmsInactive => f.write_str("alarms_inactive"),
            Self::Agent(trouble) => f.write_str(trouble.name()),
            Self::Test => f.write_str("test"),
            Self::Device(_) => f.write_str("device_alarm"),
        }
    }
}
