//! The cuff: what is one measurement, which has failed, which is overdue, and whether it inflates now (E30, E31).

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::source::judged;
use crate::reading::{Absent, Measurement, Reading};
use crate::time::{DeviceTime, Uptime};

/// No cuff is inflated longer on a limb.
const INFLATING_MAX: Duration = Duration::from_secs(60);

/// What the cuff of one source has said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Cuff {
    /// The device's time of the newest message that carried a cuff's measurement and nothing else.
    time: Option<DeviceTime>,
    /// It has had nothing to say since its last measurement.
    idle: bool,
    /// Its newest measurement has failed.
    pub(super) failed: bool,
    /// Its newest measurement with a value is overdue.
    pub(super) stale: bool,
    stale_at: Option<Uptime>,
    inflation: Inflation,
}

/// Whether it inflates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Inflation {
    #[default]
    None,
    /// It does, and is believed to until then.
    Until(Uptime),
    /// It says so for longer than any cuff inflates: that is not believed.
    Overdone,
}

/// What one word of a cuff means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Result,
    Failed,
    Off,
    Idle,
}

fn meaning(measurement: &Measurement) -> Meaning {
    match judged(measurement) {
        Ok(_) | Err(Absent::UnderRange | Absent::OverRange) => Meaning::Result,
        Err(Absent::Invalid | Absent::NotCalibrated) => Meaning::Failed,
        Err(Absent::SensorOff | Absent::SensorFault | Absent::LeadOff) => Meaning::Off,
        Err(Absent::NotMeasured | Absent::Unsupported | Absent::Stale | Absent::Searching) => Meaning::Idle,
    }
}

/// Whether a word of a cuff says something of a measurement, and not that there is none.
pub(super) fn is_word(measurement: &Measurement) -> bool {
    meaning(measurement) != Meaning::Idle
}

impl Cuff {
    /// Takes a reading. Whether its words are another measurement than the one held; `differs` compares with that.
    ///
    /// A monitor repeats the last measurement in every message, under the time of the message. So the device's time
    /// tells measurements apart only in messages that carry nothing but the cuff's values; elsewhere a change does.
    pub(super) fn take(
        &mut self,
        now: Uptime,
        reading: &Reading,
        interval: Option<Duration>,
        differs: impl Fn(&Measurement) -> bool,
    ) -> bool {
        let words = || reading.measurements.iter().filter(|it| it.vital.is_discrete());
        if words().next().is_none() {
            return false;
        }
        self.set_inflating(now, words().any(|it| it.value == Err(Absent::Searching)));
        let alone = reading.measurements.iter().all(|it| it.vital.is_discrete());
        let later = alone && reading.device_time.is_some() && reading.device_time != self.time;
        if alone {
            self.time = reading.device_time;
        }
        let said = || words().filter(|it| is_word(it));
        if said().next().is_none() {
            self.idle = true;
            return false;
        }
        let is_new = self.idle || later || said().any(differs);
        if is_new {
            self.idle = false;
            let said: Vec<Meaning> = said().map(meaning).collect();
            self.note(now, &said, interval);
        }
        is_new
    }

    /// What is left of it when the machine starts anew: what was wrong is so until it measures again (E34).
    pub(super) fn over_boot(&self) -> Self {
        Self { failed: self.failed, stale: self.stale, ..Self::default() }
    }

    fn note(&mut self, now: Uptime, said: &[Meaning], interval: Option<Duration>) {
        if said.contains(&Meaning::Result) {
            self.failed = false;
            self.stale = false;
            self.stale_at = interval.map(|it| now + stale_after(it));
        } else if said.contains(&Meaning::Failed) {
            self.failed = true;
        }
    }

    /// Takes whether it inflates.
    pub(super) fn set_inflating(&mut self, now: Uptime, inflates: bool) {
        self.inflation = match self.inflation {
            _ if !inflates => Inflation::None,
            Inflation::None => Inflation::Until(now + INFLATING_MAX),
            it @ (Inflation::Until(_) | Inflation::Overdone) => it,
        };
    }

    pub(super) fn is_inflating(&self) -> bool {
        matches!(self.inflation, Inflation::Until(_))
    }

    /// What is due: its value is overdue, and no inflation lasts so long.
    pub(super) fn run(&mut self, now: Uptime) {
        self.stale |= self.stale_at.take_if(|at| *at <= now).is_some();
        if matches!(self.inflation, Inflation::Until(at) if at <= now) {
            self.inflation = Inflation::Overdone;
        }
    }

    pub(super) fn deadline(&self) -> Option<Uptime> {
        let inflation = match self.inflation {
            Inflation::Until(at) => Some(at),
            Inflation::None | Inflation::Overdone => None,
        };
        self.stale_at.into_iter().chain(inflation).min()
    }

    pub(super) fn shift(&mut self, by: Duration) {
        self.stale_at = self.stale_at.map(|at| at + by);
        if let Inflation::Until(at) = &mut self.inflation {
            *at = *at + by;
        }
    }
}

/// T of a cuff: one and a half of its interval.
pub(super) fn stale_after(interval: Duration) -> Duration {
    interval.saturating_mul(3) / 2
}
