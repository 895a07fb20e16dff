//! The lists of a monitor's alarm monitor object (class 0036): those of the patient (0902) and those of the technique (0904).
//!
//! ```text
//! source (2) code (2) type (2) state (2) object (6) info id (2) info: length (2), …
//! ```
//!
//! The code is of the events' nomenclature, the source says what it is about: a physiological id where the last bit of the code
//! is 0, else an object. The type says whose alarm it is and how urgent. The text in `info` is what the monitor shows, with the
//! value and the limit in it, and in its language: it is not read. An alarm is called by its source and code, as
//! `4BB8-0028 HI`, and so are two of one kind from two objects.

use alloc::vec::Vec;

use super::message::Fields;
use super::numeric;
use crate::device::alarms::{ALARMS_MAX, alarm};
use crate::notice::{About, DeviceAlarm};
use crate::priority::{Direction, Priority};
use crate::vital::Vital;

/// The patient's alarms, and the technical ones (inops).
const PATIENT: u16 = 0x0902;
const TECHNICAL: u16 = 0x0904;

/// States in which nothing is raised: switched off, and the device in test or demonstration.
const NOT_RAISED: u16 = 0x8000 | 0x0400 | 0x0100;
/// Types: of the technique and of the patient, each low, medium, high.
const OF_PATIENT: u16 = 0xFF00;
const HIGH: u16 = 0x0404;
const MEDIUM: u16 = 0x0202;
const LOW: u16 = 0x0101;

const HI: u16 = 0x0028;
const LO: u16 = 0x003E;
const EXTREME_HI: u16 = 0xF186;
const EXTREME_LO: u16 = 0xF188;
const APNEA: u16 = 0x0C00;
const DESATURATION: u16 = 0x0CAE;
const BATTERY_LOW: u16 = 0x00C2;

/// Events that are called by their name too: what people look for.
const NAMES: [(u16, &str); 29] = [
    (HI, "HI"),
    (LO, "LO"),
    (EXTREME_HI, "EXTREME HI"),
    (EXTREME_LO, "EXTREME LO"),
    (APNEA, "APNEA"),
    (DESATURATION, "DESAT"),
    (0xF146, "BRADY"),
    (0xF148, "TACHY"),
    (0x0C04, "ASYSTOLE"),
    (0x0C0E, "EXTREME BRADY"),
    (0x0C32, "EXTREME TACHY"),
    (0x0C24, "PAUSE"),
    (0x0C56, "IRREGULAR"),
    (0x0C78, "SV TACHY"),
    (0x0C98, "V TACHY"),
    (0x0C9A, "V TACHY NON SUSTAINED"),
    (0x0C94, "V RHYTHM"),
    (0x0CB4, "PVC RATE"),
    (0xF004, "V FIB/TACHY"),
    (0xF1C8, "A FIB"),
    (BATTERY_LOW, "BATTERY LOW"),
    (0x0016, "DISCONNECTED"),
    (0x0112, "LEADS OFF"),
    (0x010C, "LEAD DISCONNECTED"),
    (0x0134, "SENSOR DISCONNECTED"),
    (0x0136, "SENSOR MALFUNCTION"),
    (0x004A, "NOISY"),
    (0x017C, "SIGNAL LOW"),
    (0x00F2, "EQUIPMENT MALFUNCTION"),
];

/// What a message says of the alarms; `None` of a list that is not in it.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) patient: Option<List>,
    pub(super) technical: Option<List>,
}

/// All alarms of a list, at most [`ALARMS_MAX`], and what they come to.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) alarms: Vec<DeviceAlarm>,
    pub(super) apnea: bool,
    pub(super) battery_low: bool,
}

impl Lists {
    /// Takes an attribute of the object; `None` if its lengths do not fit each other.
    pub(super) fn take_attribute(&mut self, id: u16, fields: Fields<'_>) -> Option<()> {
        match id {
            PATIENT => self.patient = Some(list(fields)?),
            TECHNICAL => self.technical = Some(list(fields)?),
            _ => {}
        }
        Some(())
    }
}

fn list(mut fields: Fields<'_>) -> Option<List> {
    let mut list = List::default();
    let (count, mut entries) = fields.list()?;
    for _ in 0..count {
        let (source, code) = (entries.word()?, entries.word()?);
        let (kind, state) = (entries.word()?, entries.word()?);
        // The object that raises it, and what the monitor shows.
        entries.take(6)?;
        entries.word()?;
        entries.part()?;
        if kind == 0 || state & NOT_RAISED != 0 {
            continue;
        }
        let event = event(code);
        list.apnea |= event == APNEA;
        list.battery_low |= event == BATTERY_LOW;
        if list.alarms.len() < ALARMS_MAX {
            list.alarms.extend(raised(source, code, kind));
        }
    }
    Some(list)
}

/// The event of a code: its last bit is that of the source's nomenclature, but for the maker's own events, which may be odd.
fn event(code: u16) -> u16 {
    if code < 0xF000 { code & !1 } else { code }
}

fn raised(source: u16, code: u16, kind: u16) -> Option<DeviceAlarm> {
    let event = event(code);
    let priority = match kind {
        it if it & HIGH != 0 => Some(Priority::High),
        it if it & MEDIUM != 0 => Some(Priority::Medium),
        it if it & LOW != 0 => Some(Priority::Low),
        _ => None,
    };
    let about = if kind & OF_PATIENT == 0 {
        About::Equipment
    } else {
        // With its last bit set the source is an object, and no physiological id.
        let vital = if code & 1 == 0 { numeric::measured_vital(source) } else { None };
        of_patient(event, vital)
    };
    let name = NAMES.iter().find(|(it, _)| *it == event).map_or("", |(_, name)| name);
    alarm(&alloc::format!("{source:04X}-{code:04X} {name}"), about, priority)
}

fn of_patient(event: u16, vital: Option<Vital>) -> About {
    match (event, vital) {
        (APNEA, _) => About::Apnea,
        (DESATURATION, Some(Vital::Spo2)) => About::Limit(Vital::Spo2, Direction::Low),
        (HI | EXTREME_HI, Some(vital)) => About::Limit(vital, Direction::High),
        (LO | EXTREME_LO, Some(vital)) => About::Limit(vital, Direction::Low),
        _ => About::Patient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of entries: source, code, type, state.
    fn bytes(entries: &[[u16; 4]]) -> Vec<u8> {
        let mut body = Vec::new();
        for entry in entries {
            for word in entry {
                body.extend(word.to_be_bytes());
            }
            // The object, the info id, and a text that must not be read: "JANE".
            body.extend([0x00, 0x06, 0x00, 0x00, 0x00, 0x55, 0x02, 0x04, 0x00, 0x14]);
            body.extend([0x00, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x08]);
            body.extend([0, b'J', 0, b'A', 0, b'N', 0, b'E']);
        }
        let (count, length) = (u16::try_from(entries.len()).unwrap(), u16::try_from(body.len()).unwrap());
        [&count.to_be_bytes()[..], &length.to_be_bytes(), &body].concat()
    }

    fn read(entries: &[[u16; 4]]) -> List {
        list(Fields::new(&bytes(entries))).unwrap()
    }

    #[test]
    fn source_code_and_type_say_what_an_alarm_is() {
        let patient = About::Patient;
        let limit = About::Limit;
        for (entry, code, about, priority) in [
            ([0x4BB8, HI, 0x0200, 0], "4BB8-0028 HI", limit(Vital::Spo2, Direction::High), Priority::Medium),
            (
                [0x4182, LO, 0x0200, 8],
                "4182-003E LO",
                limit(Vital::HeartRate, Direction::Low),
                Priority::Medium,
            ),
            (
                [0x4BB8, 0x0CAE, 0x0400, 0],
                "4BB8-0CAE DESAT",
                limit(Vital::Spo2, Direction::Low),
                Priority::High,
            ),
            ([0x500A, APNEA, 0x0400, 0x2000], "500A-0C00 APNEA", About::Apnea, Priority::High),
            ([0x4182, 0x0C04, 0x0400, 0x1000], "4182-0C04 ASYSTOLE", patient, Priority::High),
            // A group of three pressures, and an object: of which vital is not certain.
            ([0x4A14, HI, 0x0200, 0], "4A14-0028 HI", patient, Priority::Medium),
            ([0x4A04, HI, 0x0200, 0], "4A04-0028 HI", patient, Priority::Medium),
            ([0x4BB8, HI | 1, 0x0100, 0], "4BB8-0029 HI", patient, Priority::Low),
            ([0x1002, 0x0113, 0x0001, 0], "1002-0113 LEADS OFF", About::Equipment, Priority::Low),
            ([0x4BB8, 0x0FFE, 0x0004, 0], "4BB8-0FFE", About::Equipment, Priority::High),
            // The maker's own events: an extreme, and a lead that is off, whose number is one more.
            (
                [0x4182, 0xF188, 0x0400, 0],
                "4182-F188 EXTREME LO",
                limit(Vital::HeartRate, Direction::Low),
                Priority::High,
            ),
            ([0x4182, 0xF189, 0x0002, 0], "4182-F189", About::Equipment, Priority::Medium),
        ] {
            let alarms = read(&[entry]).alarms;
            let expected = DeviceAlarm { code: code.into(), about, priority: Some(priority) };
            assert_eq!(alarms, [expected], "{code}");
        }
    }

    #[test]
    fn what_is_not_raised_is_left_out_and_apnea_and_the_battery_are_known() {
        for entry in [
            [0x4BB8, LO, 0, 0],
            [0x4BB8, LO, 0x200, 0x8000],
            [0x4BB8, LO, 0x200, 0x100],
            [0x4BB8, APNEA, 0x400, 0x400],
        ] {
            let list = read(&[entry]);
            assert!(list.alarms.is_empty() && !list.apnea, "{entry:04X?}");
        }
        let both = read(&[[0x500A, APNEA, 0x0400, 0], [0x1000, BATTERY_LOW | 1, 1, 0]]);
        assert!(both.apnea && both.battery_low);
        assert!(read(&[]).alarms.is_empty());
        let many: Vec<_> = (0..200).map(|it| [it, HI, 0x0200, 0]).collect();
        assert_eq!(read(&many).alarms.len(), ALARMS_MAX);
    }

    #[test]
    fn a_list_whose_lengths_do_not_fit_is_none() {
        let whole = bytes(&[[0x4BB8, HI, 0x0200, 0]]);
        for length in 0..whole.len() {
            assert!(list(Fields::new(&whole[..length])).is_none(), "{length}");
        }
    }
}
