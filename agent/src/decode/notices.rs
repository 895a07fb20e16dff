//! What a recording says beside its observations, for whoever reads along: the last of each kind.

use std::io::{self, Write};
use std::mem::discriminant;

use vitals::device::Driver;
use vitals::notice::{BedsideLimit, DeviceAlarm, DeviceIdentity, Notice};
use vitals::quantity::Quantity;

/// The last notice of each kind.
#[derive(Debug, Default)]
pub(super) struct Notices(Vec<Notice>);

impl Notices {
    /// Takes what a driver has newly heard.
    pub(super) fn take(&mut self, driver: &mut dyn Driver) {
        while let Some(notice) = driver.poll_notice() {
            self.0.retain(|it| discriminant(it) != discriminant(&notice));
            self.0.push(notice);
        }
    }

    /// Tells them in words, a line each.
    pub(super) fn tell(&self, out: &mut impl Write) -> io::Result<()> {
        self.0.iter().flat_map(words).try_for_each(|it| writeln!(out, "{it}"))
    }
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
