//! What a record says to a person, in one line.

use alloc::string::String;

use super::AlarmRecord;
use crate::alarm::event::Direction;
use crate::quantity::Quantity;

impl AlarmRecord {
    /// What of the bed's alarms is paused or off.
    fn inactive_words(&self) -> String {
        let cause = self.cause.as_deref().unwrap_or_default();
        alloc::format!("Alarms inactive: {cause}")
    }

    /// That nobody needs to run.
    fn test_words(&self) -> String {
        let by = self.cause.as_deref().unwrap_or_default();
        alloc::format!("TEST by {by}: nothing is wrong here")
    }

    fn is_beyond(&self, value: Quantity, limit: Quantity) -> bool {
        match self.direction {
            Some(Direction::Low) => value < limit,
            Some(Direction::High) => value > limit,
            None => false,
        }
    }

    /// One line for a person: what, how much against which limit, since when. No bed and no priority.
    pub(super) fn words(&self) -> String {
        let what = match (self.vital, self.direction) {
            (Some(vital), Some(Direction::Low)) => alloc::format!("{} low", vital.properties().label),
            (Some(vital), Some(Direction::High)) => alloc::format!("{} high", vital.properties().label),
            _ => match self.code.as_str() {
                "apnea" => "Apnea".into(),
                "sensor_off" => "Sensor off".into(),
                "implausible" => "Implausible values".into(),
                "no_value" => "No usable value".into(),
                "no_data" => "No data".into(),
                "port_gone" if self.cause.as_deref() == Some("mqtt") => "No data: MQTT broker gone".into(),
                "port_gone" => "Port gone".into(),
                "suspect" => "Values stand still: check the device".into(),
                "nibp_stale" => "NIBP overdue".into(),
                "nibp_failed" => "NIBP failed".into(),
                "bad_data_rate" => "Bad data: check cable and settings".into(),
                "device_battery" => "Device battery low".into(),
                "clock_skew" => "Device clock wrong".into(),
                "device_changed" => "Another device is on this line: same patient?".into(),
                "sources_disagree" => "Two devices disagree".into(),
                "source_switched" => "Another device is believed now".into(),
                "no_patient" => "Values, and no patient admitted".into(),
                "alarms_inactive" => return self.inactive_words(),
                "test" => return self.test_words(),
                other => other.into(),
            },
        };
        let sign = match self.direction {
            Some(Direction::Low) => "<",
            Some(Direction::High) => ">",
            None => "",
        };
        match (self.value, self.absent, self.limit) {
            (Some(value), _, Some(limit)) if self.is_beyond(value, limit) => {
                alloc::format!("{what} {value} {sign} {limit}")
            }
            // Latched, ending, or on its way back: nobody must read that 97 is below 90.
            (Some(value), _, Some(limit)) => alloc::format!("{what} (limit {limit}), now {value}"),
            (None, Some(absent), Some(limit)) => {
                alloc::format!("{what} (limit {limit}), no value now: {}", absent.name())
            }
            (None, None, Some(limit)) => alloc::format!("{what} (limit {limit}), no value now"),
            // "Sensor off: sensor_off" says nothing twice.
            (_, Some(absent), None) if absent.name() != self.code => {
                alloc::format!("{what}: {}", absent.name())
            }
            _ => what,
        }
    }
}
