//! The alarm limits set on the device, of code page 1: the low ones in one answer, the high ones in another, in the codes and
//! the format of measured values. A limit that is switched off is left out.

use alloc::vec::Vec;

use super::data;
use crate::device::outcomes::Outcomes;
use crate::notice::{BedsideLimit, BedsideLimits, Notice};
use crate::quantity::Quantity;
use crate::vital::Vital;

/// On which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Low,
    High,
}

/// What has been said of each side; of a vital at most one limit each, so there are never more than vitals.
#[derive(Debug, Default)]
pub(super) struct Limits {
    low: Option<Vec<(Vital, Quantity)>>,
    high: Option<Vec<(Vital, Quantity)>>,
}

impl Limits {
    /// Takes the limits of a side. They are told when both sides have been heard.
    pub(super) fn handle_page(&mut self, side: Side, data: &[u8], out: &mut Outcomes) {
        let measurements = data::read(data).map(|it| it.measurements).unwrap_or_default();
        let limits = measurements.into_iter().filter_map(|it| Some((it.vital, it.value.ok()?))).collect();
        match side {
            Side::Low => self.low = Some(limits),
            Side::High => self.high = Some(limits),
        }
        let (Some(low), Some(high)) = (&self.low, &self.high) else { return };
        let of =
            |side: &[(Vital, Quantity)], vital| side.iter().find(|(it, _)| *it == vital).map(|(_, it)| *it);
        let limit = |vital| {
            let (low, high) = (of(low, vital), of(high, vital));
            (low.is_some() || high.is_some()).then_some(BedsideLimit { vital, low, high })
        };
        out.notice(Notice::Limits(BedsideLimits(Vital::all().filter_map(limit).collect())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_when_both_sides_are_known() {
        let (mut limits, mut out) = (Limits::default(), Outcomes::default());
        limits.handle_page(Side::Low, b"EB  90B9 3.0", &mut out);
        assert_eq!(out.poll_notice(), None);
        limits.handle_page(Side::High, b"EB 1007D  40D6  30EB****", &mut out);
        let whole = |it| Some(Quantity::from_whole(it));
        let expected = [
            (Vital::Spo2, whole(90), whole(100)),
            (Vital::RespRate, None, whole(30)),
            (Vital::AirwayPressurePeak, None, whole(40)),
            (Vital::MinuteVolume, whole(3), None),
        ];
        let expected = expected.map(|(vital, low, high)| BedsideLimit { vital, low, high });
        assert_eq!(out.poll_notice(), Some(Notice::Limits(BedsideLimits(expected.into()))));
        limits.handle_page(Side::Low, b"", &mut out);
        let Some(Notice::Limits(it)) = out.poll_notice() else { panic!("no limits") };
        assert!(it.0.iter().all(|it| it.low.is_none()) && it.0.len() == 3);
    }
}
