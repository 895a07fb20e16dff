//! What a device says beside its readings, in the words of a script.

use crate::notice::{About, BedsideLimit, BedsideLimits, DeviceAlarm, DeviceIdentity, Notice};
use crate::priority::{Direction, Priority};
use crate::quantity::Quantity;
use crate::vital::Vital;

/// The notice of `raises SL+PH:high`, `set spo2=88-none` or `identity 93112`.
pub(super) fn of(kind: &str, said: &str) -> Notice {
    match kind {
        "raises" => Notice::Alarms(said.split('+').filter(|it| *it != "nothing").map(alarm).collect()),
        "set" => Notice::Limits(BedsideLimits(said.split('+').map(limit).collect())),
        _ => Notice::Identity(DeviceIdentity { serial: Some(said.into()), ..DeviceIdentity::default() }),
    }
}

fn alarm(text: &str) -> DeviceAlarm {
    let (code, priority) = text.split_once(':').unwrap_or((text, ""));
    let about = match code {
        "SL" => About::Limit(Vital::Spo2, Direction::Low),
        "PH" => About::Limit(Vital::PulseRate, Direction::High),
        "AP" => About::Apnea,
        "ASY" => About::Patient,
        _ => About::Equipment,
    };
    let priority = match priority {
        "low" => Some(Priority::Low),
        "medium" => Some(Priority::Medium),
        "high" => Some(Priority::High),
        _ => None,
    };
    DeviceAlarm { code: code.into(), about, priority }
}

fn limit(text: &str) -> BedsideLimit {
    let (vital, (low, high)) =
        text.split_once('=').map(|(vital, it)| (vital, it.split_once('-').unwrap())).unwrap();
    let vital = Vital::from_name(vital).unwrap();
    BedsideLimit { vital, low: Quantity::parse(low).ok(), high: Quantity::parse(high).ok() }
}
