//! What a recording says beside its observations, for whoever reads along: the last of each kind.

use std::io::{self, Write};

use vitals::device::Driver;
use vitals::notice::{BedsideLimit, DeviceAlarm, DeviceIdentity, Notice, Notices};
use vitals::quantity::Quantity;

/// Takes what a driver has newly heard.
pub(super) fn take(notices: &mut Notices, driver: &mut dyn Driver) {
    std::iter::from_fn(|| driver.poll_notice()).for_each(|it| notices.put(it));
}

/// Tells them in words, a line each.
pub(super) fn tell(notices: &Notices, out: &mut impl Write) -> io::Result<()> {
    notices.iter().flat_map(words).try_for_each(|it| writeln!(out, "{it}"))
}

fn words(notice: &Notice) -> Vec<String> {
    let flag = |on: &bool, words: &str| if *on { vec![words.to_owned()] } else { Vec::new() };
    match notice {
        Notice::Identity(it) => vec![format!("the device: {}", identity(it))],
        Notice::Limits(it) => it.0.iter().map(limit).collect(),
        Notice::Alarms(it) => it.iter().map(alarm).collect(),
        Notice::BatteryLow(on) => flag(on, "the device says that its battery is low"),
        Notice::Apnea(on) => flag(on, "the device says that the patient does not breathe"),
        Notice::CuffInflating(on) => flag(on, "the device says that its cuff inflates"),
    }
}

fn identity(it: &DeviceIdentity) -> String {
    let part = |name: &str, value: &Option<String>| value.as_ref().map(|it| format!("{name}{it}"));
    let parts = [
        part("", &it.make),
        part("", &it.model),
        part("serial number ", &it.serial),
        part("software ", &it.software),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn limit(it: &BedsideLimit) -> String {
    let end = |it: Option<Quantity>| it.map_or("none".to_owned(), |it| it.to_string());
    let (name, unit) = (it.vital.name(), it.vital.properties().unit);
    format!("limit set at the bedside: {name} {} to {} {unit}", end(it.low), end(it.high))
}

fn alarm(it: &DeviceAlarm) -> String {
    format!("the device's own alarm: {}", it.code)
}
