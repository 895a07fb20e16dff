//! The measured parameters, and the one table that gives each its unit, plausible range and codes.

use crate::quantity::Quantity;

/// A measured parameter. The order is the table's, and the order in which alarms of one step are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vital {
    /// Heart rate from the ECG.
    HeartRate,
    /// Pulse rate, from an oximeter, an arterial line or a cuff.
    PulseRate,
    /// Oxygen saturation by pulse oximetry.
    Spo2,
    /// Perfusion index of the oximeter's signal.
    PerfusionIndex,
    /// Respiratory rate, where the device does not say how it was measured.
    RespRate,
    /// Respiratory rate by thoracic impedance.
    RespRateImpedance,
    /// Respiratory rate by capnometry.
    RespRateCo2,
    /// Systolic pressure by cuff.
    NibpSystolic,
    /// Diastolic pressure by cuff.
    NibpDiastolic,
    /// Mean pressure by cuff.
    NibpMean,
    /// Systolic arterial pressure, invasive.
    AbpSystolic,
    /// Diastolic arterial pressure, invasive.
    AbpDiastolic,
    /// Mean arterial pressure, invasive.
    AbpMean,
    /// Mean central venous pressure.
    CvpMean,
    /// Body temperature, site not said.
    Temperature,
    /// Core temperature.
    TemperatureCore,
    /// Skin temperature.
    TemperatureSkin,
    /// End-tidal carbon dioxide.
    Etco2,
    /// Inspired carbon dioxide.
    Fico2,
    /// Inspired oxygen.
    Fio2,
    /// Peak airway pressure.
    AirwayPressurePeak,
    /// Mean airway pressure.
    AirwayPressureMean,
    /// Plateau airway pressure.
    AirwayPressurePlateau,
    /// Positive end-expiratory pressure.
    Peep,
    /// Tidal volume.
    TidalVolume,
    /// Minute volume.
    MinuteVolume,
    /// ST segment, first channel.
    St1,
    /// ST segment, second channel.
    St2,
    /// ST segment, third channel.
    St3,
}

/// What the table says of one vital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Properties {
    /// The name in records, configuration, CSV and code.
    pub name: &'static str,
    /// The unit's UCUM code.
    pub unit: &'static str,
    /// The lowest plausible value; what lies below is taken as invalid.
    pub lowest: Quantity,
    /// The highest plausible value; what lies above is taken as invalid.
    pub highest: Quantity,
    /// The IEEE 11073 code: partition × 65,536 + term.
    pub mdc: Option<u32>,
    /// The LOINC code.
    pub loinc: Option<&'static str>,
    /// What a nurse calls it.
    pub label: &'static str,
}

const fn row(
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    (lowest, highest): (i16, i16),
    mdc: u32,
    loinc: &'static str,
) -> Properties {
    Properties {
        name,
        unit,
        lowest: Quantity::from_whole(lowest),
        highest: Quantity::from_whole(highest),
        mdc: if mdc == 0 { None } else { Some(mdc) },
        loinc: if loinc.is_empty() { None } else { Some(loinc) },
        label,
    }
}

/// The table. Codes: LOINC and IEEE 11073-10101; ranges are wider than any patient and narrower than noise.
///
/// A rate of 0 is plausible (asystole, apnea). Codes that could not be confirmed are left out.
const TABLE: [(Vital, Properties); 29] = [
    (Vital::HeartRate, row("heart_rate", "HR", "/min", (0, 350), 147_842, "8867-4")),
    (Vital::PulseRate, row("pulse_rate", "Pulse", "/min", (0, 350), 149_530, "8889-8")),
    (Vital::Spo2, row("spo2", "SpO2", "%", (2, 100), 150_456, "59408-5")),
    (Vital::PerfusionIndex, row("perfusion_index", "PI", "%", (0, 100), 150_448, "61006-3")),
    (Vital::RespRate, row("resp_rate", "RR", "/min", (0, 200), 151_562, "9279-1")),
    (
        Vital::RespRateImpedance,
        row("resp_rate_impedance", "RR (impedance)", "/min", (0, 200), 151_578, "9279-1"),
    ),
    (Vital::RespRateCo2, row("resp_rate_co2", "RR (CO2)", "/min", (0, 200), 151_594, "9279-1")),
    (Vital::NibpSystolic, row("nibp_systolic", "NIBP sys", "mm[Hg]", (20, 300), 150_021, "8480-6")),
    (Vital::NibpDiastolic, row("nibp_diastolic", "NIBP dia", "mm[Hg]", (5, 250), 150_022, "8462-4")),
    (Vital::NibpMean, row("nibp_mean", "NIBP mean", "mm[Hg]", (10, 270), 150_023, "8478-0")),
    (Vital::AbpSystolic, row("abp_systolic", "ABP sys", "mm[Hg]", (-50, 350), 150_037, "76215-3")),
    (Vital::AbpDiastolic, row("abp_diastolic", "ABP dia", "mm[Hg]", (-50, 350), 150_038, "76213-8")),
    (Vital::AbpMean, row("abp_mean", "ABP mean", "mm[Hg]", (-50, 350), 150_039, "76214-6")),
    (Vital::CvpMean, row("cvp_mean", "CVP", "mm[Hg]", (-50, 100), 150_087, "60985-9")),
    (Vital::Temperature, row("temperature", "Temp", "Cel", (10, 46), 150_344, "8310-5")),
    (Vital::TemperatureCore, row("temperature_core", "Temp core", "Cel", (10, 46), 150_368, "8310-5")),
    (Vital::TemperatureSkin, row("temperature_skin", "Temp skin", "Cel", (0, 46), 150_388, "8310-5")),
    (Vital::Etco2, row("etco2", "EtCO2", "mm[Hg]", (0, 200), 151_728, "19889-5")),
    (Vital::Fico2, row("fico2", "FiCO2", "mm[Hg]", (0, 100), 0, "")),
    (Vital::Fio2, row("fio2", "FiO2", "%", (15, 100), 152_196, "3150-6")),
    (Vital::AirwayPressurePeak, row("airway_pressure_peak", "Ppeak", "cm[H2O]", (-20, 150), 0, "")),
    (Vital::AirwayPressureMean, row("airway_pressure_mean", "Pmean", "cm[H2O]", (-20, 150), 0, "")),
    (Vital::AirwayPressurePlateau, row("airway_pressure_plateau", "Pplat", "cm[H2O]", (-20, 150), 0, "")),
    (Vital::Peep, row("peep", "PEEP", "cm[H2O]", (-10, 60), 0, "")),
    (Vital::TidalVolume, row("tidal_volume", "VT", "mL", (0, 4000), 0, "")),
    (Vital::MinuteVolume, row("minute_volume", "MV", "L/min", (0, 100), 0, "")),
    (Vital::St1, row("st_1", "ST1", "mm", (-30, 30), 0, "")),
    (Vital::St2, row("st_2", "ST2", "mm", (-30, 30), 0, "")),
    (Vital::St3, row("st_3", "ST3", "mm", (-30, 30), 0, "")),
];

impl Vital {
    /// Every vital, in table order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(vital, _)| *vital)
    }

    /// What the table says of it.
    #[must_use]
    pub fn properties(self) -> &'static Properties {
        // The rows stand in the order of the variants, which a test confirms.
        #[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "one row a variant, in order")]
        &TABLE[self as usize].1
    }

    /// Its name in records, configuration, CSV and code.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.properties().name
    }

    /// The vital of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|(_, properties)| properties.name == name).map(|(vital, _)| *vital)
    }

    /// Whether a patient could have this value at all.
    #[must_use]
    pub fn is_plausible(self, value: Quantity) -> bool {
        let properties = self.properties();
        properties.lowest <= value && value <= properties.highest
    }

    /// Whether it is measured now and then (a cuff) and not all the time.
    #[must_use]
    pub fn is_discrete(self) -> bool {
        matches!(self, Self::NibpSystolic | Self::NibpDiastolic | Self::NibpMean)
    }
}

impl serde::Serialize for Vital {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Vital {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = alloc::string::String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom("no vital of that name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_stands_at_its_variant() {
        for (index, (vital, properties)) in TABLE.iter().enumerate() {
            assert_eq!(*vital as usize, index);
            assert_eq!(Vital::from_name(properties.name), Some(*vital));
            assert!(properties.lowest < properties.highest, "{vital:?}");
        }
    }

    #[test]
    fn no_rate_of_zero_is_implausible_but_no_saturation_of_one_is_believed() {
        for vital in [Vital::HeartRate, Vital::PulseRate, Vital::RespRate] {
            assert!(vital.is_plausible(Quantity::ZERO), "{vital:?}");
        }
        assert!(!Vital::Spo2.is_plausible(Quantity::from_whole(1)));
    }
}
