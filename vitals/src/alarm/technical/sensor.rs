//! What is measured with what, and when the lack of a value is the sensor's trouble.

use serde::{Deserialize, Serialize};

use super::Trouble;
use crate::alarm::level::Class;
use crate::alarm::source::{Held, Source};
use crate::reading::Absent;
use crate::vital::Vital;

/// What several vitals are measured with: one of it off the patient is one alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::alarm) enum Sensor {
    Ecg,
    Oximeter,
    Respiration,
    Capnometer,
    Cuff,
    ArterialLine,
    VenousLine,
    Temperature,
    TemperatureCore,
    TemperatureSkin,
    OxygenAnalyser,
    Ventilator,
}

impl Sensor {
    /// What a vital is measured with. Thoracic impedance is measured through the electrodes of the ECG.
    pub(in crate::alarm) fn of(vital: Vital) -> Self {
        match vital {
            Vital::HeartRate | Vital::RespRateImpedance | Vital::St1 | Vital::St2 | Vital::St3 => Self::Ecg,
            Vital::PulseRate | Vital::Spo2 | Vital::PerfusionIndex => Self::Oximeter,
            Vital::RespRate => Self::Respiration,
            Vital::RespRateCo2 | Vital::Etco2 | Vital::Fico2 => Self::Capnometer,
            Vital::NibpSystolic | Vital::NibpDiastolic | Vital::NibpMean => Self::Cuff,
            Vital::AbpSystolic | Vital::AbpDiastolic | Vital::AbpMean => Self::ArterialLine,
            Vital::CvpMean => Self::VenousLine,
            Vital::Temperature => Self::Temperature,
            Vital::TemperatureCore => Self::TemperatureCore,
            Vital::TemperatureSkin => Self::TemperatureSkin,
            Vital::Fio2 => Self::OxygenAnalyser,
            Vital::AirwayPressurePeak
            | Vital::AirwayPressureMean
            | Vital::AirwayPressurePlateau
            | Vital::Peep
            | Vital::TidalVolume
            | Vital::MinuteVolume => Self::Ventilator,
        }
    }

    /// Its name in `cause`.
    pub(in crate::alarm) const fn name(self) -> &'static str {
        match self {
            Self::Ecg => "ecg",
            Self::Oximeter => "oximeter",
            Self::Respiration => "respiration",
            Self::Capnometer => "capnometer",
            Self::Cuff => "cuff",
            Self::ArterialLine => "arterial_line",
            Self::VenousLine => "venous_line",
            Self::Temperature => "temperature",
            Self::TemperatureCore => "temperature_core",
            Self::TemperatureSkin => "temperature_skin",
            Self::OxygenAnalyser => "oxygen_analyser",
            Self::Ventilator => "ventilator",
        }
    }
}

/// Where a sensor's vitals of one source stand to a trouble, and the reason; `None` if it is none of a sensor.
pub(in crate::alarm) fn class(source: &Source, trouble: Trouble) -> Option<(Class, Option<Absent>)> {
    let (Trouble::SensorOff(sensor) | Trouble::NoValue(sensor)) = trouble else {
        return None;
    };
    let mut class = (Class::Void, Some(Absent::Stale));
    let of_sensor =
        source.state.held.iter().filter(|(vital, it)| Sensor::of(**vital) == sensor && it.in_force);
    for (_, held) in of_sensor {
        match held.value {
            Err(reason) if is_trouble(trouble, held) => return Some((Class::Out, Some(reason))),
            Ok(_) | Err(_) => class = (Class::In, None),
        }
    }
    Some(class)
}

/// Whether an absence is this trouble. What the device never measured is no trouble, and a cuff that has nothing to
/// say between two measurements is none either.
pub(in crate::alarm) fn is_trouble(trouble: Trouble, held: &Held) -> bool {
    let Err(reason) = held.value else {
        return false;
    };
    match trouble {
        Trouble::SensorOff(_) => reason.is_sensor(),
        Trouble::NoValue(Sensor::Cuff) | Trouble::NoData | Trouble::PortGone => false,
        Trouble::NoValue(_) => match reason {
            Absent::SensorOff | Absent::SensorFault | Absent::LeadOff => false,
            Absent::NotMeasured | Absent::Unsupported => held.valued,
            Absent::Searching
            | Absent::Invalid
            | Absent::UnderRange
            | Absent::OverRange
            | Absent::NotCalibrated
            | Absent::Stale => true,
        },
    }
}
