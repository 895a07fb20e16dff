//! Whose body it is: the baselines of one adult, one with chronic lung disease, one premature child.

use serde::Deserialize;

use crate::random::Random;

/// What kind of patient lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An adult with healthy lungs.
    #[default]
    Adult,
    /// An adult with chronic obstructive lung disease: lives at 88 to 92 % and with much carbon dioxide.
    Copd,
    /// A premature child: fast, with small stores of oxygen.
    Neonate,
}

/// The baselines of one body: what it returns to at rest, by day.
#[derive(Debug, Clone)]
pub(super) struct Body {
    /// Heart rate, /min.
    pub(super) heart_rate: f64,
    /// Mean arterial pressure, mmHg.
    pub(super) pressure: f64,
    /// Pulse pressure, mmHg.
    pub(super) pulse_pressure: f64,
    /// Central venous pressure, mmHg.
    pub(super) venous: f64,
    /// Respiratory rate, /min.
    pub(super) resp_rate: f64,
    /// Arterial carbon dioxide, mmHg.
    pub(super) co2: f64,
    /// Arterial less end-tidal carbon dioxide, mmHg.
    pub(super) co2_gradient: f64,
    /// Alveolar less end-capillary oxygen, mmHg.
    pub(super) o2_gradient: f64,
    /// The share of blood that passes no air.
    pub(super) shunt: f64,
    /// What a minute without breath takes from the lung's oxygen, mmHg, while it lasts.
    pub(super) o2_use: f64,
    /// Core temperature, °C.
    pub(super) temperature: f64,
    /// Perfusion index of the finger, %.
    pub(super) perfusion: f64,
    /// Depth of the respiratory sinus arrhythmia, share of the heart rate.
    pub(super) arrhythmia: f64,
    /// What the heart does per mmHg of pressure too little, /min.
    pub(super) baroreflex: f64,
    /// Below this saturation the heart rate changes, %, and by how much for each %.
    pub(super) rate_holds_to: f64,
    pub(super) hypoxic_rate: f64,
    /// The saturation at rest, as far as breathing cares for it, %.
    pub(super) rests_at: f64,
    /// From the lung to the finger, s.
    pub(super) to_finger: usize,
    /// How much the heart slows at 04:00, share.
    pub(super) night_rate: f64,
    /// How much the pressure falls at 04:00, share.
    pub(super) night_pressure: f64,
}

impl Body {
    pub(super) fn new(kind: Kind, random: &mut Random) -> Self {
        let adult = Self {
            heart_rate: random.between(68.0, 84.0),
            pressure: random.between(86.0, 98.0),
            pulse_pressure: random.between(42.0, 52.0),
            venous: random.between(4.0, 8.0),
            resp_rate: random.between(13.0, 18.0),
            co2: random.between(38.0, 42.0),
            co2_gradient: random.between(2.0, 4.0),
            o2_gradient: random.between(5.0, 9.0),
            shunt: random.between(0.01, 0.03),
            o2_use: random.between(38.0, 46.0),
            temperature: random.between(36.5, 37.2),
            perfusion: random.between(1.2, 5.0),
            // Resting adults: 3 to 8 % of the interval, of which a monitor's averaging leaves little.
            arrhythmia: random.between(0.03, 0.05),
            baroreflex: random.between(0.8, 1.0),
            rate_holds_to: 93.0,
            hypoxic_rate: 1.0,
            rests_at: 92.0,
            to_finger: 12 + usize::try_from(random.below(8)).unwrap_or(0),
            night_rate: random.between(0.08, 0.15),
            night_pressure: random.between(0.10, 0.15),
        };
        match kind {
            Kind::Adult => adult,
            Kind::Copd => Self {
                resp_rate: adult.resp_rate + 4.0,
                co2: random.between(52.0, 56.0),
                co2_gradient: random.between(7.0, 10.0),
                o2_gradient: random.between(40.0, 42.0),
                rate_holds_to: 85.0,
                rests_at: 84.0,
                ..adult
            },
            Kind::Neonate => Self {
                heart_rate: random.between(142.0, 156.0),
                pressure: random.between(42.0, 48.0),
                pulse_pressure: random.between(20.0, 24.0),
                resp_rate: random.between(42.0, 52.0),
                // A monitor for a child this small averages over many beats and sees little of the breath.
                arrhythmia: 0.01,
                baroreflex: 0.4,
                o2_use: random.between(155.0, 170.0),
                o2_gradient: random.between(27.0, 31.0),
                rate_holds_to: 90.0,
                hypoxic_rate: -7.5,
                rests_at: 88.0,
                to_finger: 8,
                night_rate: 0.02,
                night_pressure: 0.02,
                temperature: random.between(36.7, 37.0),
                ..adult
            },
        }
    }
}
