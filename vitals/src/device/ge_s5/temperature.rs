//! Temperatures: the label says where one is measured.
//!
//! Labels ("Datex-Ohmeda Record Specification", 8005313): 1 oesophagus and 15 core are core temperatures, 7 is the skin. 8
//! (airway gas), 9 (the room) and 10 (the heart muscle in an operation) are none of a patient's body. All others are a
//! temperature at a site that is none of our vitals, or at one that is not said.

use super::record::{i16_at, value};
use crate::quantity::Quantity;
use crate::reading::Measurement;
use crate::vital::Vital;

/// Where the status of each channel stands in the basic class, and in the first extension; the label is four bytes behind it,
/// the value six.
pub(super) const BASIC: [usize; 4] = [90, 98, 106, 114];
pub(super) const EXTENSION_1: [usize; 2] = [124, 132];

/// The temperatures of a subrecord; of two of one kind the first.
pub(super) fn temperatures<'a>(
    subrecord: &'a [u8],
    channels: &'a [usize],
) -> impl Iterator<Item = Measurement> + 'a {
    channels.iter().filter_map(|status| channel(subrecord, *status))
}

fn channel(subrecord: &[u8], status: usize) -> Option<Measurement> {
    if i16_at(subrecord, status)? & 1 == 0 {
        return None;
    }
    let vital = match i16_at(subrecord, status + 4)? {
        1 | 15 => Vital::TemperatureCore,
        7 => Vital::TemperatureSkin,
        8..=10 => return None,
        _ => Vital::Temperature,
    };
    Some(match value(i16_at(subrecord, status + 6)?) {
        Ok(hundredths) => Measurement::value(vital, Quantity::from_thousandths(hundredths * 10)),
        Err(reason) => Measurement::absent(vital, reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_says_what_a_temperature_is() {
        for (label, vital) in [
            (0, Some(Vital::Temperature)),
            (11, Some(Vital::Temperature)),
            (4, Some(Vital::Temperature)),
            (1, Some(Vital::TemperatureCore)),
            (15, Some(Vital::TemperatureCore)),
            (7, Some(Vital::TemperatureSkin)),
            (8, None),
            (9, None),
            (10, None),
        ] {
            let group = [3, 0, 0, 0, label, 0, 0x7E, 0x0E];
            let found = temperatures(&group, &[0]).next();
            assert_eq!(
                found,
                vital.map(|it| Measurement::value(it, Quantity::from_thousandths(37_100))),
                "{label}"
            );
        }
        assert_eq!(temperatures(&[0; 8], &[0]).next(), None, "no module");
    }
}
