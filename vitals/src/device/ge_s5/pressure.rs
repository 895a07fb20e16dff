//! Invasive pressures: only what carries the label of an artery or of the central vein is named so.
//!
//! Labels 1 and 8 are ART and ABP, 2 is CVP ("Datex-Ohmeda Record Specification", 8005313, invasive pressure labels), and the
//! recorded monitor has them on its first two channels. Any other label (a pulmonary artery, a brain, "P3") is no vital of ours and is left out.

use alloc::vec::Vec;

use super::record::{i16_at, value};
use crate::device::measured::measured;
use crate::quantity::Quantity;
use crate::reading::{Measurement, Quality};
use crate::vital::Vital;

/// Where the status of each channel stands in the basic class, and in the first extension; the label is four bytes behind it,
/// the first value six.
pub(super) const BASIC: [usize; 6] = [20, 34, 48, 62, 244, 258];
pub(super) const EXTENSION_1: [usize; 2] = [82, 96];
/// The module exists and is in use.
const ACTIVE: i16 = 3;

/// The pressures of a subrecord whose vessel is known; of two in arteries the first.
pub(super) fn pressures<'a>(
    subrecord: &'a [u8],
    channels: &'a [usize],
) -> impl Iterator<Item = Measurement> + 'a {
    channels.iter().filter_map(|status| channel(subrecord, *status)).flatten()
}

fn channel(subrecord: &[u8], status: usize) -> Option<Vec<Measurement>> {
    if i16_at(subrecord, status)? & ACTIVE != ACTIVE {
        return None;
    }
    let vitals: &[(Vital, usize)] = match i16_at(subrecord, status + 4)? {
        1 | 8 => &[(Vital::AbpSystolic, 6), (Vital::AbpDiastolic, 8), (Vital::AbpMean, 10)],
        2 => &[(Vital::CvpMean, 10)],
        _ => &[],
    };
    let read = |(vital, at): &(Vital, usize)| {
        let raw = i16_at(subrecord, status + at)?;
        Some(match value(raw) {
            Ok(hundredths) => measured(*vital, Quantity::from_thousandths(hundredths * 10), Quality::NONE),
            Err(reason) => Measurement::absent(*vital, reason),
        })
    };
    Some(vitals.iter().filter_map(read).collect())
}
