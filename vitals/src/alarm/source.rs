//! What one source has said, and how long that counts: when a value is in force (E7 to E11, E31).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::cuff::{self, Cuff};
use super::engine::Flag;
use super::event::SampledValue;
use super::level::Input;
use super::policy::SourceSetup;
use super::technical::Sensor;
use crate::name::Name;
use crate::notice::{BedsideLimits, DeviceAlarm, DeviceIdentity};
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
    /// Whether the configuration names it.
    #[serde(default = "announced")]
    pub(super) announced: bool,
    /// The mode of its newest data.
    pub(super) mode: Mode,
    /// When its silence becomes an alarm; `None` while it is one.
    pub(super) silent_at: Option<Uptime>,
    /// When it spoke last.
    #[serde(default)]
    pub(super) heard_at: Uptime,
    /// Whether it has not spoken since a restart.
    #[serde(default)]
    pub(super) unheard: bool,
    /// Whether late data have come since its last live word.
    pub(super) late: bool,
    pub(super) held: BTreeMap<Vital, Held>,
    #[serde(default)]
    pub(super) cuff: Cuff,
    /// What the device, or the agent of it, says is the matter.
    #[serde(default)]
    pub(super) flags: BTreeSet<Flag>,
    /// The device's time of its newest observation.
    #[serde(default)]
    pub(super) device_time: Option<DeviceTime>,
    /// Whether its newest observation repeats the one before it; `None`: it has said nothing that could.
    #[serde(default)]
    pub(super) repeats: Option<bool>,
    /// Who the device on its line is, as far as it has said.
    #[serde(default)]
    pub(super) identity: Option<DeviceIdentity>,
    /// The alarms that the device raises itself; `None`: the one on the line now has not said.
    #[serde(default)]
    pub(super) device_alarms: Option<Vec<DeviceAlarm>>,
    /// The limits set on the device; `None`: the one on the line now has not said.
    #[serde(default)]
    pub(super) bedside_limits: Option<BedsideLimits>,
}

fn announced() -> bool {
    true
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
    /// Whether it is absent because no patient could have it (E11).
    #[serde(default)]
    pub(super) implausible: bool,
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
            announced: true,
            mode: setup.mode,
            silent_at: None,
            heard_at: Uptime::ZERO,
            unheard: false,
            late: false,
            held: BTreeMap::new(),
            cuff: Cuff::default(),
            flags: BTreeSet::new(),
            device_time: None,
            repeats: None,
            identity: None,
            device_alarms: None,
            bedside_limits: None,
        };
        let mut it = Self { setup, state };
        it.state.silent_at = Some(now + it.stale_after());
        it
    }

    /// A source that nobody announced, by its first word.
    pub(super) fn unannounced(source: Arc<Name>, mode: Mode, now: Uptime) -> Self {
        let mut it = Self::new(SourceSetup::new(source, PERIOD_UNKNOWN, mode), now);
        it.state.announced = false;
        it
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
        self.state.heard_at = now;
        self.state.unheard = false;
        self.state.late = false;
    }

    /// Takes what a reading says of the cuff. Whether it is another measurement than the one held (E31).
    pub(super) fn is_new_measurement(&mut self, now: Uptime, reading: &Reading) -> bool {
        let held = &self.state.held;
        let differs = |it: &Measurement| held.get(&it.vital).is_none_or(|held| held.value != judged(it));
        self.state.cuff.take(now, reading, self.setup.nibp_interval, differs)
    }

    /// Takes whether the device repeats itself: its clock stands still, and with it every number (E30).
    pub(super) fn notice_repetition(&mut self, reading: &Reading) {
        let same_time = reading.device_time.is_some() && reading.device_time == self.state.device_time;
        self.state.device_time = reading.device_time;
        let moves = |vital: Vital| !vital.is_discrete() && !Sensor::of(vital).is_setting();
        let named = reading.measurements.iter().filter(|it| moves(it.vital));
        let held = self.state.held.iter().filter(|(vital, _)| moves(**vital));
        let count = named.clone().count();
        if count == 0 {
            return;
        }
        let same =
            |it: &Measurement| self.state.held.get(&it.vital).is_some_and(|held| held.value == judged(it));
        let repeats = same_time
            && count == held.count()
            && named.clone().all(same)
            && named.clone().any(|it| judged(it).is_ok());
        self.state.repeats = Some(repeats);
    }

    /// Holds a measurement from now on.
    pub(super) fn hold(&mut self, now: Uptime, measurement: &Measurement) -> Held {
        let vital = measurement.vital;
        let value = judged(measurement);
        let interval = self.setup.nibp_interval.filter(|_| !matches!(value, Err(it) if it.is_sensor()));
        let stale_at = if vital.is_discrete() {
            interval.map(|it| now + cuff::stale_after(it))
        } else {
            Some(now + self.stale_after())
        };
        let valued = value.is_ok() || self.state.held.get(&vital).is_some_and(|it| it.valued);
        let quality = measurement.quality;
        let implausible = measurement.value.is_ok() && value.is_err() && !quality.is_unusable();
        let held = Held { value, quality, at: now, stale_at, in_force: true, valued, implausible };
        self.state.held.insert(vital, held);
        held
    }
}

/// What of a measurement may be judged: what is not this patient's value of now, and what no patient could have, is
/// absent as invalid (E10, E11).
pub(super) fn judged(measurement: &Measurement) -> Result<Quantity, Absent> {
    match measurement.value {
        Ok(_) if measurement.quality.is_unusable() => Err(Absent::Invalid),
        Ok(value) if !measurement.vital.is_plausible(value) => Err(Absent::Invalid),
        value => value,
    }
}

impl SourceState {
    /// Whether nobody announced it: it is known by its first word alone, also over a restart.
    pub(super) fn is_unannounced(&self) -> bool {
        !self.announced
    }

    /// Whether its silence is an alarm, or that of its port, or nobody knows because nobody has listened yet.
    pub(super) fn is_silent(&self) -> bool {
        self.unheard || self.silent_at.is_none()
    }

    /// When something of it becomes too old, or its silence an alarm.
    pub(super) fn deadline(&self) -> Option<Uptime> {
        let held = self.held.values().filter_map(|it| it.stale_at);
        held.chain(self.silent_at).chain(self.cuff.deadline()).min()
    }

    pub(super) fn shift(&mut self, by: Duration) {
        for at in self.held.values_mut().filter_map(|it| it.stale_at.as_mut()).chain(&mut self.silent_at) {
            *at = *at + by;
        }
        self.cuff.shift(by);
    }

    /// Another device is there: what was said is of the other.
    pub(super) fn forget_device(&mut self) {
        let kept = self.clone();
        let (held, cuff) = (BTreeMap::new(), Cuff::default());
        // A bad line is as bad with another device.
        let flags = kept.flags.iter().copied().filter(|it| *it == Flag::BadDataRate).collect();
        *self = Self { held, cuff, flags, device_time: None, repeats: None, ..kept };
        self.forget_line();
    }

    /// The line was lost: what its device had raised and set nobody knows now.
    pub(super) fn forget_line(&mut self) {
        self.device_alarms = None;
        self.bedside_limits = None;
    }
}
