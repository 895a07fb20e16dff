//! The alarm monitor: the lists of patient alarms and of technical alarms that a monitor keeps, by limits of its own.

use super::numerics::{HEART_RATE, NIBP, PULSE_RATE, RESP_RATE, SPO2, handle};
use super::words::{attribute, list, measured, string};
use crate::patient::{Numerics, Oximeter};

/// Attributes of the alarm monitor: patient alarms, technical alarms, their sum.
const PATIENT_LIST: u16 = 0x0902;
const TECHNICAL_LIST: u16 = 0x0904;
const CONDITION: u16 = 0x0916;
/// The group that they are; 0 is all.
const GROUP: u16 = 0x0801;

/// Events.
const HIGH: u16 = 40;
const LOW: u16 = 62;
const APNEA: u16 = 3072;
const ASYSTOLE: u16 = 3076;
const DESATURATION: u16 = 3246;
const SENSOR_DISCONNECTED: u16 = 308;
const LEADS_OFF: u16 = 274;
const SIGNAL_DISTURBED: u16 = 24;
const BATTERY_LOW: u16 = 194;
/// Set in a code whose source is an object of the monitor, and not something that it measures.
const OF_AN_OBJECT: u16 = 1;
const MONITOR: u16 = 0x0021;

/// Kinds, by priority: technical below 0100, patient from there.
const INOP: u16 = 0x0001;
const INOP_URGENT: u16 = 0x0004;
const YELLOW: u16 = 0x0200;
const RED: u16 = 0x0400;
/// What follows an entry: information with a text.
const WITH_TEXT: u16 = 0x0204;
/// The alarm is heard at the bedside and at the central station.
const AUDIBLE: u16 = 0x6000;
/// The state of an alarm of a monitor that shows a demonstration.
const IN_DEMO: u16 = 0x0100;

/// An alarm that is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alarm {
    /// What it comes from.
    pub(super) source: u16,
    code: u16,
    kind: u16,
    text: &'static str,
}

/// A limit set on the monitor: what it belongs to, the number, the bounds, and what it is called when they are passed.
type Limit = (u16, f64, (f64, f64), (&'static str, &'static str));

/// The patient alarms that are on.
pub(super) fn patient(now: &Numerics) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    let mut red = |on: bool, source, code, text| {
        if on {
            alarms.push(Alarm { source, code, kind: RED, text });
        }
    };
    let on = now.oximeter == Oximeter::On;
    red(now.leads_on && now.heart_rate < 0.5, HEART_RATE, ASYSTOLE, "***ASYSTOLE");
    red(now.leads_on && now.resp_rate < 0.5, RESP_RATE, APNEA, "***APNEA");
    red(on && now.spo2 < 80.0, SPO2, DESATURATION, "***DESAT");
    let systolic = now.cuff.map(|it| it.systolic);
    let limits: [Option<Limit>; 5] = [
        now.leads_on.then_some((HEART_RATE, now.heart_rate, (50.0, 120.0), ("**HR LOW", "**HR HIGH"))),
        on.then_some((SPO2, now.spo2, (90.0, 101.0), ("**SpO2 LOW", "**SpO2 HIGH"))),
        on.then_some((PULSE_RATE, now.pulse_rate, (40.0, 140.0), ("**Pulse LOW", "**Pulse HIGH"))),
        now.leads_on.then_some((RESP_RATE, now.resp_rate, (8.0, 30.0), ("**RR LOW", "**RR HIGH"))),
        systolic.map(|it| (NIBP + 1, it, (90.0, 160.0), ("**NBPs LOW", "**NBPs HIGH"))),
    ];
    for (source, value, (low, high), (low_text, high_text)) in limits.into_iter().flatten() {
        // A red alarm of the same source stands for the yellow one.
        if alarms.iter().any(|it| it.source == source) {
            continue;
        }
        let value = value.round();
        if value < low {
            alarms.push(Alarm { source, code: LOW, kind: YELLOW, text: low_text });
        } else if value > high {
            alarms.push(Alarm { source, code: HIGH, kind: YELLOW, text: high_text });
        }
    }
    alarms
}

/// The technical alarms that are on.
pub(super) fn technical(now: &Numerics) -> Vec<Alarm> {
    let alarm = |source, code, kind, text| Alarm { source, code, kind, text };
    let all = [
        (now.oximeter == Oximeter::Off).then_some(alarm(SPO2, SENSOR_DISCONNECTED, INOP, "SpO2 SENSOR OFF")),
        (now.oximeter == Oximeter::On && now.motion).then_some(alarm(
            SPO2,
            SIGNAL_DISTURBED,
            INOP,
            "SpO2 NOISY SIGN.",
        )),
        (!now.leads_on).then_some(alarm(HEART_RATE, LEADS_OFF, INOP, "ECG LEADS OFF")),
        now.device.battery_low.then_some(alarm(
            MONITOR,
            BATTERY_LOW | OF_AN_OBJECT,
            INOP_URGENT,
            "!!BATT LOW",
        )),
    ];
    all.into_iter().flatten().collect()
}

/// The attributes of the alarm monitor of that group. `changes` is how often its lists have changed.
pub(super) fn attributes(now: &Numerics, demo: bool, group: u16, changes: u16) -> Vec<Vec<u8>> {
    if group != 0 && group != GROUP {
        return Vec::new();
    }
    let state = if demo { IN_DEMO } else { 0 };
    let entries = |alarms: &[Alarm]| {
        let numbered = (1..).zip(alarms);
        list(&numbered.map(|(number, it)| it.entry(number, state)).collect::<Vec<_>>())
    };
    let (patient, technical) = (patient(now), technical(now));
    let worst = |alarms: &[Alarm]| alarms.iter().map(|it| it.kind).max().unwrap_or(0);
    let (p, t) = (worst(&patient), worst(&technical));
    let condition = [state, changes, p, t, p.max(t)].map(u16::to_be_bytes).concat();
    vec![
        attribute(CONDITION, &condition),
        attribute(PATIENT_LIST, &entries(&patient)),
        attribute(TECHNICAL_LIST, &entries(&technical)),
    ]
}

impl Alarm {
    fn entry(self, number: u16, state: u16) -> Vec<u8> {
        let (class, handle) =
            if self.source == MONITOR { (MONITOR, 0) } else { (0x0006, handle(self.source)) };
        let mut information = number.to_be_bytes().to_vec();
        // No number for the text: it is written out.
        information.extend([0; 4]);
        // Within its kind, each is as urgent as the other.
        information.extend([0, 0]);
        information.extend(AUDIBLE.to_be_bytes());
        information.extend(string(self.text));
        let words = [self.source, self.code, self.kind, state, class, 0, handle, WITH_TEXT];
        [words.map(u16::to_be_bytes).concat(), measured(&information)].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Patient;
    use crate::patient::course::Course;

    fn now() -> Numerics {
        let now = Patient::new(1, 0, Course::default()).at(0);
        Numerics { heart_rate: 72.0, pulse_rate: 72.0, spo2: 97.0, resp_rate: 14.0, ..now }
    }

    #[test]
    fn a_sensor_that_is_off_is_technical_and_a_limit_is_the_patients() {
        assert_eq!((patient(&now()), technical(&now())), (vec![], vec![]));
        let off = Numerics { oximeter: Oximeter::Off, spo2: 70.0, ..now() };
        assert_eq!(patient(&off), []);
        assert_eq!(technical(&off).iter().map(|it| it.code).collect::<Vec<_>>(), [SENSOR_DISCONNECTED]);
        let low = patient(&Numerics { spo2: 88.0, ..now() });
        assert_eq!(
            low.iter().map(|it| (it.source, it.code, it.kind)).collect::<Vec<_>>(),
            [(SPO2, LOW, YELLOW)]
        );
        let very_low = patient(&Numerics { spo2: 78.0, ..now() });
        assert_eq!(very_low.iter().map(|it| (it.code, it.kind)).collect::<Vec<_>>(), [(DESATURATION, RED)]);
    }

    /// The structures of the guide: DeviceAlertCondition, then two DevAlarmList of DevAlarmEntry with StrAlMonInfo.
    #[test]
    fn lists_and_entries_have_the_guides_layout() {
        let off = Numerics { oximeter: Oximeter::Off, heart_rate: 130.0, ..now() };
        let all = attributes(&off, false, 0, 3).concat();
        assert_eq!(all[..14], [9, 0x16, 0, 0x0A, 0, 0, 0, 3, 2, 0, 0, 1, 2, 0]);
        let text = "**HR HIGH".len() * 2 + 2;
        assert_eq!(all[14..16], [9, 2]);
        assert_eq!(all[18..20], [0, 1]);
        let entry = &all[22..];
        assert_eq!(entry[..16], [0x41, 0x82, 0, 40, 2, 0, 0, 0, 0, 6, 0, 0, 0xC1, 0x82, 2, 4]);
        assert_eq!(usize::from(entry[17]), 10 + 2 + text);
        assert_eq!(entry[18..28], [0, 1, 0, 0, 0, 0, 0, 0, 0x60, 0]);
        let technical = &entry[18 + 12 + text..];
        assert_eq!(technical[..2], [9, 4]);
        assert_eq!(technical[8..12], [0x4B, 0xB8, 0x01, 0x34]);
        assert!(attributes(&off, false, 0x0810, 0).is_empty());
    }

    #[test]
    fn a_low_battery_is_the_monitors_own() {
        let mut low = now();
        low.device.battery_low = true;
        let entry = technical(&low)[0].entry(1, 0);
        assert_eq!(entry[..6], [0, 0x21, 0, 195, 0, 4]);
    }
}
