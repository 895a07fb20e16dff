//! Devices that say the same sixty times a second: what is new of it.
//!
//! An oximeter that sends its numbers with every sample of its wave says nothing new with most of them. A change goes on
//! at once; what is the same goes on once a period, so that a source is never taken for silent.

use alloc::vec::Vec;
use core::time::Duration;

use super::DeviceModel;
use crate::reading::{Measurement, Reading};
use crate::time::Uptime;

/// Tells what is new from what repeats, of one source.
#[derive(Debug)]
pub struct Repeats {
    /// `None`: of this device every reading is news.
    period: Option<Duration>,
    last: Option<(Uptime, Vec<Measurement>)>,
}

impl Repeats {
    /// Of a model that is to speak this often.
    #[must_use]
    pub fn new(model: DeviceModel, period: Duration) -> Self {
        Self { period: model.repeats_itself().then_some(period), last: None }
    }

    /// Whether a reading that came at `at` says what the last did not, or says it a period later.
    pub fn is_news(&mut self, at: Uptime, reading: &Reading) -> bool {
        let Some(period) = self.period else { return true };
        let same = self.last.as_ref().is_some_and(|(then, measurements)| {
            *measurements == reading.measurements && at.since(*then) < period
        });
        if !same {
            self.last = Some((at, reading.measurements.clone()));
        }
        !same
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Quantity;
    use crate::vital::Vital;

    fn news(model: DeviceModel) -> Vec<u64> {
        let mut repeats = Repeats::new(model, Duration::from_secs(1));
        let reading = |rate| Reading {
            measurements: alloc::vec![Measurement::value(Vital::PulseRate, Quantity::from_whole(rate))],
            ..Reading::default()
        };
        let rate = |at| if at < 1700 { 60 } else { 61 };
        let times = (0..3000).step_by(20);
        times.filter(|at| repeats.is_news(Uptime::from_millis(*at), &reading(rate(*at)))).collect()
    }

    #[test]
    fn a_change_goes_on_at_once_and_the_same_once_a_period() {
        assert_eq!(news(DeviceModel::Bci), [0, 1000, 1700, 2700]);
        assert_eq!(news(DeviceModel::NoninDf7).len(), 150);
    }
}
