//! What is measured with what, and when the lack of a value is the sensor's trouble.

use serde::{Deserialize, Serialize};

use super::Trouble;
use crate::alarm::level::Class;
use crate::alarm::source::{Held, Source};
use crate::reading::Absent;
use crate::time::Uptime;
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

    /// Whether it measures all the time wherever it is, so that its not being named any more means something (H6).
    fn is_continuous(self) -> bool {
        matches!(self, Self::Ecg | Self::Oximeter | Self::Respiration | Self::Capnometer | Self::ArterialLine)
    }

    /// Whether it gives settings, which stand still in any patient.
    pub(in crate::alarm) fn is_setting(self) -> bool {
        matches!(self, Self::Ventilator | Self::OxygenAnalyser)
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

/// Every trouble a sensor can have, in the order of records.
pub(in crate::alarm) fn troubles_of(sensor: Sensor) -> impl Iterator<Item = Trouble> {
    // A cuff that has nothing to say between two measurements is no trouble (E31).
    let of_values =
        (sensor != Sensor::Cuff).then_some([Trouble::Implausible(sensor), Trouble::NoValue(sensor)]);
    core::iter::once(Trouble::SensorOff(sensor)).chain(of_values.into_iter().flatten())
}

/// What a source says of a sensor, as far as one trouble is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::alarm) struct Word {
    pub(in crate::alarm) class: Class,
    /// Whether the sensor's trouble is this one: the delay runs for each trouble of a sensor, and one becomes present (H7).
    pub(in crate::alarm) own: bool,
    pub(in crate::alarm) absent: Option<Absent>,
    /// Whether it is of a sensor, whose troubles share their delay.
    pub(in crate::alarm) of_sensor: bool,
    /// When it was said.
    pub(in crate::alarm) said: Uptime,
}

impl Word {
    pub(in crate::alarm) fn is_in(self) -> bool {
        self.class == Class::In
    }

    pub(in crate::alarm) fn is_out(self) -> bool {
        self.class == Class::Out
    }

    pub(in crate::alarm) const VOID: Self =
        Self { class: Class::Void, own: true, absent: None, of_sensor: false, said: Uptime::ZERO };

    /// A trouble that is there or not.
    pub(in crate::alarm) fn plain(is_there: bool) -> Self {
        Self { class: if is_there { Class::Out } else { Class::In }, ..Self::VOID }
    }
}

/// What a source says of a sensor, as far as this trouble of it is concerned. `watched`: whether a vital has a rule.
pub(in crate::alarm) fn word(
    source: &Source,
    sensor: Sensor,
    trouble: Trouble,
    watched: impl Fn(Vital) -> bool,
) -> Word {
    let of_sensor = |(vital, _): &(&Vital, &Held)| Sensor::of(**vital) == sensor;
    let said =
        source.state.held.iter().filter(of_sensor).map(|(_, held)| held.at).max().unwrap_or(Uptime::ZERO);
    let nothing = Word { of_sensor: true, said, ..Word::VOID };
    let mut word = Word { absent: Some(Absent::Stale), ..nothing };
    for (vital, held) in source.state.held.iter().filter(of_sensor) {
        match trouble_of(source, *vital, held, &watched) {
            Some((of_vital, reason)) if of_vital == trouble => {
                return Word { class: Class::Out, absent: Some(reason), ..nothing };
            }
            Some(_) => word = Word { class: Class::Out, own: false, ..nothing },
            None if held.in_force && word.class != Class::Out => {
                word = Word { class: Class::In, ..nothing };
            }
            None => {}
        }
    }
    word
}

/// The trouble that a vital speaks of, and the reason.
///
/// What the device never measured is no trouble. What it no longer names while it goes on speaking is one, if a rule
/// watches it and it is measured all the time (H6).
pub(in crate::alarm) fn trouble_of(
    source: &Source,
    vital: Vital,
    held: &Held,
    watched: impl Fn(Vital) -> bool,
) -> Option<(Trouble, Absent)> {
    let sensor = Sensor::of(vital);
    if !held.in_force {
        let missed = held.valued && sensor.is_continuous() && !source.state.is_silent() && watched(vital);
        return missed.then_some((Trouble::NoValue(sensor), Absent::Stale));
    }
    let reason = held.value.err()?;
    let never = matches!(reason, Absent::NotMeasured | Absent::Unsupported) && !held.valued;
    let trouble = match () {
        () if reason.is_sensor() => Trouble::SensorOff(sensor),
        () if sensor == Sensor::Cuff || never => return None,
        () if held.implausible => Trouble::Implausible(sensor),
        () => Trouble::NoValue(sensor),
    };
    Some((trouble, reason))
}
