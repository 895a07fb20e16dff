//! The alarms of both code pages: `priority (1) code (2) phrase (12)` each.
//!
//! Documents: "MEDIBUS for Draeger Intensive Care Devices" (90 28 329), the alarm tables of Evita, Evita 2, 4, XL, Savina and
//! Capnosat, and the table of code page 1 as public decoders have it. Codes mean the same on every device; phrases come in
//! the language of some. A page lists all alarms of a device.
//!
//! Priorities run from 1 to 31, the most urgent, and whoever operates the device may change them; what is high or medium is
//! the device's own matter (a saturation below its limit is 28 on an Evita and 31 on a Capnosat), so none is told. Of code page
//! 2 only its batteries are certain: the same numbers serve ventilators and anaesthesia machines. Code page 3 (23) has no
//! table at hand and is not asked for.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::device::alarms::{alarm, raised};
use crate::device::outcomes::Outcomes;
use crate::notice::{About, DeviceAlarm, Notice};
use crate::priority::Direction::{self, High, Low};
use crate::vital::Vital;

/// Bytes of an alarm.
const ENTRY: usize = 15;
/// How phrases are shortened: LOW, HIGH and ALARM.
const SHORT: [(&str, &str); 3] = [("$&", "LOW"), ("\"#", "HIGH"), ("'@", "ALARM")];

/// Battery low, of code page 1 and of 2.
const BATTERY: [&str; 2] = ["4B", "5C"];
/// The patient does not breathe: of several sources, no CO2, no volume, no pressure, and what an Evita finds.
const APNEA: [&str; 5] = ["00", "0D", "0E", "0F", "98"];

/// Codes of page 1 that are a limit of a vital of ours.
const LIMITS: [(&str, Vital, Direction); 17] = [
    ("02", Vital::PulseRate, Low),
    ("07", Vital::Spo2, Low),
    ("08", Vital::Fio2, Low),
    ("10", Vital::AirwayPressurePeak, High),
    ("19", Vital::MinuteVolume, Low),
    ("1E", Vital::PulseRate, High),
    ("22", Vital::Spo2, High),
    ("27", Vital::Etco2, Low),
    ("28", Vital::Etco2, High),
    ("37", Vital::Fio2, High),
    ("3C", Vital::Fico2, High),
    ("90", Vital::RespRate, High),
    ("9B", Vital::MinuteVolume, High),
    ("BF", Vital::Fio2, High),
    ("C0", Vital::Fio2, Low),
    ("DA", Vital::Peep, High),
    ("E8", Vital::TidalVolume, High),
];

/// Codes of page 1 that are about the device, its sensors, its tubes or its supply of gas and power.
const EQUIPMENT: [&str; 45] = [
    "11", "12", "13", "35", "3D", "42", "4B", "63", "64", "65", "67", "68", "69", "6A", "6E", "78", "79",
    "7C", "9A", "9F", "A0", "A1", "A4", "AD", "B0", "B7", "B8", "B9", "BC", "BD", "BE", "C1", "C2", "C5",
    "C6", "C7", "C8", "C9", "CA", "D9", "EA", "ED", "EF", "F4", "E9",
];

/// Which code page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    One,
    Two,
}

/// What the device raises, as far as it has said.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    one: Listed,
    two: Listed,
}

/// The alarms of a page, and what they come to.
#[derive(Debug, Default)]
struct Listed {
    alarms: Vec<DeviceAlarm>,
    battery_low: bool,
}

impl Alarms {
    /// Takes a page. One with anything that cannot stand there tells nothing.
    pub(super) fn handle_page(&mut self, page: Page, data: &[u8], out: &mut Outcomes) {
        let Some(mut entries) = data.chunks(ENTRY).map(entry).collect::<Option<Vec<_>>>() else { return };
        entries.sort_by_key(|it| Reverse(it.urgency));
        let has = |codes: &[&str]| entries.iter().any(|it| codes.contains(&it.code));
        let (apnea, battery_low) = (has(&APNEA), has(&BATTERY));
        let listed = Listed { alarms: entries.iter().filter_map(|it| it.alarm(page)).collect(), battery_low };
        match page {
            Page::One => {
                self.one = listed;
                out.notice(Notice::Apnea(apnea));
            }
            Page::Two => self.two = listed,
        }
        out.notice(raised(self.one.alarms.iter().chain(&self.two.alarms).cloned()));
        out.notice(Notice::BatteryLow(self.one.battery_low || self.two.battery_low));
    }
}

struct Entry<'a> {
    urgency: u8,
    code: &'a str,
    phrase: &'a str,
}

fn entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let text = core::str::from_utf8(bytes).ok().filter(|it| it.len() == ENTRY)?;
    let (head, phrase) = text.split_at_checked(3)?;
    let (urgency, code) = head.split_at_checked(1)?;
    let urgency = *urgency.as_bytes().first()?;
    let is_code = code.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let is_phrase = phrase.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    // 1 to 31, each 30 (hexadecimal) more.
    (matches!(urgency, 0x31..=0x4F) && is_code && is_phrase).then_some(Entry { urgency, code, phrase })
}

impl Entry<'_> {
    fn alarm(&self, page: Page) -> Option<DeviceAlarm> {
        let phrase = SHORT
            .iter()
            .fold(self.phrase.into(), |it: alloc::string::String, (short, long)| it.replace(short, long));
        match page {
            Page::One => alarm(&alloc::format!("{} {phrase}", self.code), about(self.code), None),
            Page::Two => {
                let is_battery = self.code == BATTERY[1];
                let about = if is_battery { About::Equipment } else { About::Unknown };
                alarm(&alloc::format!("2-{} {phrase}", self.code), about, None)
            }
        }
    }
}

/// What an alarm of page 1 is about.
fn about(code: &str) -> About {
    if APNEA.contains(&code) {
        return About::Apnea;
    }
    if let Some((_, vital, direction)) = LIMITS.iter().find(|(it, ..)| *it == code) {
        return About::Limit(*vital, *direction);
    }
    match code {
        // No pulse, and a spontaneous breath that does not end.
        "01" | "3A" => About::Patient,
        _ if EQUIPMENT.contains(&code) => About::Equipment,
        _ => About::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn heard(alarms: &mut Alarms, page: Page, data: &str) -> Vec<Notice> {
        let mut out = Outcomes::default();
        alarms.handle_page(page, data.as_bytes(), &mut out);
        core::iter::from_fn(|| out.poll_notice()).collect()
    }

    fn codes(notices: &[Notice]) -> Vec<(String, About)> {
        let of = |it: &Notice| {
            let Notice::Alarms(alarms) = it else { return None };
            Some(alarms.iter().map(|it| (it.code.clone(), it.about)).collect())
        };
        notices.iter().find_map(of).expect("alarms")
    }

    #[test]
    fn an_alarm_is_a_priority_a_code_and_a_phrase() {
        let mut alarms = Alarms::default();
        let notices =
            heard(&mut alarms, Page::One, "502SpO2 PULSE LN98APNEA EVITA K10PAW \"#      64BBATTERY ERR ");
        assert_eq!(
            codes(&notices),
            [
                ("02 SpO2 PULSE L".into(), About::Limit(Vital::PulseRate, Low)),
                ("10 PAW HIGH".into(), About::Limit(Vital::AirwayPressurePeak, High)),
                ("4B BATTERY ERR".into(), About::Equipment),
                ("98 APNEA EVITA".into(), About::Apnea),
            ]
        );
        assert!(notices.contains(&Notice::Apnea(true)) && notices.contains(&Notice::BatteryLow(true)));
        let notices = heard(&mut alarms, Page::Two, "N6ATUBE OBSTRUC");
        assert_eq!(codes(&notices).last().unwrap(), &("98 APNEA EVITA".into(), About::Apnea));
        assert_eq!(codes(&notices)[1].0, "10 PAW HIGH");
        assert!(codes(&notices).contains(&("2-6A TUBE OBSTRUC".into(), About::Unknown)));
        let notices = heard(&mut alarms, Page::One, "");
        assert_eq!(codes(&notices), [("2-6A TUBE OBSTRUC".into(), About::Unknown)]);
        assert!(notices.contains(&Notice::Apnea(false)) && notices.contains(&Notice::BatteryLow(false)));
        assert!(heard(&mut alarms, Page::Two, "H5CBATT. < 2MIN").contains(&Notice::BatteryLow(true)));
    }

    #[test]
    fn a_page_with_what_cannot_stand_there_tells_nothing() {
        for damaged in
            ["502SpO2 PULSE", "P02SpO2 PULSE L", "0 2SpO2 PULSE L", "50gSpO2 PULSE L", "502SpO2\u{7}PULSE L"]
        {
            assert_eq!(heard(&mut Alarms::default(), Page::One, damaged), [], "{damaged:?}");
        }
    }

    #[test]
    fn no_code_stands_in_two_tables_and_each_limit_is_a_vital_that_is_read() {
        let limits = LIMITS.iter().map(|(code, ..)| *code);
        let mut codes: Vec<_> = limits.chain(EQUIPMENT).chain(APNEA).chain(["01", "3A"]).collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert!(codes.iter().all(|it| u8::from_str_radix(it, 16).is_ok()));
    }

    #[test]
    fn of_too_many_the_most_urgent_are_told() {
        let page: Vec<String> = (0..200)
            .map(|it| alloc::format!("{}{it:02X}PHRASE {it:<5}", if it == 199 { 'O' } else { '1' }))
            .collect();
        let codes = codes(&heard(&mut Alarms::default(), Page::One, &page.concat()));
        assert_eq!(codes.len(), crate::device::alarms::ALARMS_MAX);
        assert!(codes.iter().any(|(code, _)| code == "C7 PHRASE 199"), "{codes:?}");
    }
}
