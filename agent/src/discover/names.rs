//! Which names of foreign JSON look like a vital, and in which unit such a number is likely to be.

use vitals::vital::Vital;

/// The longest name of a field.
const NAME_MAX: usize = 32;
/// So many digits in a row may be a patient's number.
const DIGITS_MAX: usize = 3;

/// Other names, in small letters and without anything between them. Those that may mean something else ("sat", "map", "t")
/// are left out: a person can map them.
const ALIASES: [(&str, Vital); 39] = [
    ("hr", Vital::HeartRate),
    ("heartrate", Vital::HeartRate),
    ("ecghr", Vital::HeartRate),
    ("hrecg", Vital::HeartRate),
    ("pr", Vital::PulseRate),
    ("pulse", Vital::PulseRate),
    ("pulserate", Vital::PulseRate),
    ("bpm", Vital::PulseRate),
    ("spo2", Vital::Spo2),
    ("o2sat", Vital::Spo2),
    ("spo2pct", Vital::Spo2),
    ("oxygensaturation", Vital::Spo2),
    ("pi", Vital::PerfusionIndex),
    ("perfusionindex", Vital::PerfusionIndex),
    ("rr", Vital::RespRate),
    ("resp", Vital::RespRate),
    ("resprate", Vital::RespRate),
    ("respirationrate", Vital::RespRate),
    ("respiratoryrate", Vital::RespRate),
    ("breathingrate", Vital::RespRate),
    ("sys", Vital::NibpSystolic),
    ("sbp", Vital::NibpSystolic),
    ("systolic", Vital::NibpSystolic),
    ("nibpsys", Vital::NibpSystolic),
    ("dia", Vital::NibpDiastolic),
    ("dbp", Vital::NibpDiastolic),
    ("diastolic", Vital::NibpDiastolic),
    ("nibpdia", Vital::NibpDiastolic),
    ("nibpmean", Vital::NibpMean),
    ("nibpmap", Vital::NibpMean),
    ("artsys", Vital::AbpSystolic),
    ("artdia", Vital::AbpDiastolic),
    ("artmean", Vital::AbpMean),
    ("temp", Vital::Temperature),
    ("tempc", Vital::Temperature),
    ("tempf", Vital::Temperature),
    ("bodytemperature", Vital::Temperature),
    ("bodytemp", Vital::Temperature),
    ("endtidalco2", Vital::Etco2),
];

/// The vital that a name looks like, and the unit of such a number.
pub(super) fn vital(name: &str, value: f64) -> Option<(Vital, &'static str)> {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let own = || Vital::all().find(|it| it.name().replace('_', "") == plain);
    let vital = ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, vital)| *vital).or_else(own)?;
    let unit = match vital {
        // No body is so warm in one, nor so cold in the other.
        Vital::Temperature | Vital::TemperatureCore | Vital::TemperatureSkin if value > 60.0 => "[degF]",
        Vital::Spo2 if value > 0.0 && value <= 1.0 => "1",
        other => other.properties().unit,
    };
    Some((vital, unit))
}

/// Whether a field's name is one that a program gave it: short, and no number that could be a patient's.
pub(super) fn is_plain(name: &str) -> bool {
    let known = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.');
    let mut digits = 0;
    let few = name.bytes().all(|it| {
        digits = if it.is_ascii_digit() { digits + 1 } else { 0 };
        digits <= DIGITS_MAX
    });
    !name.is_empty() && name.len() <= NAME_MAX && name.bytes().all(known) && few
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_a_vital_are_known_and_others_are_not() {
        for (name, expected) in [
            ("SpO2", Some(Vital::Spo2)),
            ("heart_rate", Some(Vital::HeartRate)),
            ("Heart-Rate", Some(Vital::HeartRate)),
            ("airway_pressure_peak", Some(Vital::AirwayPressurePeak)),
            ("spo2_low_limit", None),
            ("battery", None),
            ("t", None),
        ] {
            assert_eq!(vital(name, 90.0).map(|(it, _)| it), expected, "{name}");
        }
    }

    #[test]
    fn what_may_be_a_person_is_no_plain_name() {
        for (name, plain) in [
            ("hr", true),
            ("spo2.value", true),
            ("12", true),
            ("4711", false),
            ("Jane Doe", false),
            ("", false),
        ] {
            assert_eq!(is_plain(name), plain, "{name}");
        }
    }
}
