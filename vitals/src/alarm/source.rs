//! What one source has said, and how long that counts: when a value is in force (E7 to E11, E31).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::SampledValue;
use super::level::Input;
use super::policy::SourceSetup;
use crate::name::Name;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Mode, Quality, Reading};
use crate::time::{DeviceTime, Uptime};
use crate::vital::Vital;

/// The shortest T: no source is called silent, and no value stale, before.
const STALE_AFTER_MIN: Duration = Duration::from_secs(5);
/// The period of a source that nobody announced: the strictest that any device here has.
const PERIOD_UNKNOWN: Duration = Duration::from_secs(1);

/// One source of a bed.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) setup: SourceSetup,
    pub(super) state: SourceState,
}

/// What a source has said so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SourceState {
    pub(super) name: Arc<Name>,
    /// The mode of its newest data.
    pub(super) mode: Mode,
    /// When its silence becomes an alarm; `None` while it is one.
    pub(super) silent_at: Option<Uptime>,
    /// Whether late data have come since its last live word.
    pub(super) late: bool,
    pub(super) held: BTreeMap<Vital, Held>,
    /// The device's time of the newest message that carried a cuff's measurement and nothing else.
    pub(super) cuff_time: Option<DeviceTime>,
}

/// The newest word of a source on one vital.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) value: Result<Quantity, Absent>,
    pub(super) quality: Quality,
    pub(super) at: Uptime,
    /// When it will be too old; `None` once it is, and for a cuff's values.
    pub(super) stale_at: Option<Uptime>,
    pub(super) in_force: bool,
    /// Whether there has ever been a value.
    pub(super) valued: bool,
}

impl Held {
    pub(super) fn input(self) -> Input {
        match self.value {
            Ok(value) if self.in_force => Input::Value(value),
            Err(Absent::UnderRange) if self.in_force => Input::UnderRange,
            Err(Absent::OverRange) if self.in_force => Input::OverRange,
            Ok(_) | Err(_) => Input::Void,
        }
    }

    /// The value, while it is in force.
    pub(super) fn sampled(self) -> Option<SampledValue> {
        let value = self.value.ok().filter(|_| self.in_force)?;
        Some(SampledValue { value, at: self.at })
    }

    /// Why there is no value, where there is none.
    pub(super) fn absent(self) -> Option<Absent> {
        if self.in_force { self.value.err() } else { Some(Absent::Stale) }
    }
}

impl Source {
    /// A source that has said nothing yet: its silence counts from `now`.
    pub(super) fn new(setup: SourceSetup, now: Uptime) -> Self {
        let state = SourceState {
            name: Arc::clone(&setup.source),
            mode: setup.mode,
            silent_at: None,
            late: false,
            held: BTreeMap::new(),
            cuff_time: None,
        };
        let mut it = Self { setup, state };
        it.state.silent_at = Some(now + it.stale_after());
        it
    }

    /// A source that nobody announced, by its first word.
    pub(super) fn unannounced(source: Arc<Name>, mode: Mode, now: Uptime) -> Self {
        Self::new(SourceSetup { source, period: PERIOD_UNKNOWN, critical: false, mode }, now)
    }

    /// T: how long a value counts, and how long the source may be silent (E7).
    pub(super) fn stale_after(&self) -> Duration {
        self.setup.period.saturating_mul(3).max(STALE_AFTER_MIN)
    }

    /// G: how long a void or a band is tolerated (E14).
    pub(super) fn gap(&self, tolerance: Duration) -> Duration {
        self.setup.period.saturating_mul(2).max(tolerance)
    }

    /// It spoke.
    pub(super) fn speak(&mut self, now: Uptime) {
        self.state.silent_at = Some(now + self.stale_after());
        self.state.late = false;
    }

    /// Whether the cuff's values in a reading are another measurement than the one held (E31).
    ///
    /// A monitor repeats the last measurement in every message, under the time of the message. So the device's time
    /// tells measurements apart only in messages that carry nothing but the cuff's values; elsewhere a change does.
    pub(super) fn is_new_measurement(&mut self, reading: &Reading) -> bool {
        let mut cuff = reading.measurements.iter().filter(|it| it.vital.is_discrete()).peekable();
        if cuff.peek().is_none() {
            return false;
        }
        let changed =
            cuff.any(|it| self.state.held.get(&it.vital).is_none_or(|held| held.value != judged(it)));
        let alone = reading.measurements.iter().all(|it| it.vital.is_discrete());
        let later = alone && reading.device_time.is_some() && reading.device_time != self.state.cuff_time;
        if alone {
            self.state.cuff_time = reading.device_time;
        }
        changed || later
    }

    /// Holds a measurement from now on.
    pub(super) fn hold(&mut self, now: Uptime, measurement: &Measurement) -> Held {
        let vital = measurement.vital;
        let value = judged(measurement);
        let stale_at = (!vital.is_discrete()).then(|| now + self.stale_after());
        let valued = value.is_ok() || self.state.held.get(&vital).is_some_and(|it| it.valued);
        let quality = measurement.quality;
        let held = Held { value, quality, at: now, stale_at, in_force: true, valued };
        self.state.held.insert(vital, held);
        held
    }
}

/// What of a measurement may be judged: what is not this patient's value of now, and what no patient could have, is
/// absent as invalid (E10, E11).
fn judged(measurement: &Measurement) -> Result<Quantity, Absent> {
    match measurement.value {
        Ok(_) if measurement.quality.is_unusable() => Err(Absent::Invalid),
        Ok(value) if !measurement.vital.is_plausible(value) => Err(Absent::Invalid),
        value => value,
    }
}

impl SourceState {
    /// When something of it becomes too old, or its silence an alarm.
    pub(super) fn deadline(&self) -> Option<Uptime> {
        self.held.values().filter_map(|it| it.stale_at).chain(self.silent_at).min()
    }

    pub(super) fn shift(&mut self, by: Duration) {
        for at in self.held.values_mut().filter_map(|it| it.stale_at.as_mut()).chain(&mut self.silent_at) {
            *at = *at + by;
        }
    }
}
