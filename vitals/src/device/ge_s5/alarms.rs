//! Alarm records, main type 4: what the monitor shows in its alarm boxes.
//!
//! Documents: "Datex-Ohmeda Record Specification" (8005313), alarm status message; "S/5 Computer Interface Specification" (M1017617),
//! access to alarm information. Only CARESCAPE monitors send them, from interface level 10 on, and only when asked.
//!
//! ```text
//! subrecord of type 1: reserved (2) sound (2) reserved (4) silence (2), five boxes of 98 bytes, reserved (10)
//! a box: text (80), text changed (2), colour (2), colour changed (2), reserved (12)
//! ```
//!
//! Boxes stand in descending order of colour: 3 red, 2 yellow, 1 white, 0 no alarm. The text is in the language of the monitor, so
//! that the document warns of telling from it what an alarm is about: nothing is. Whether alarms are silenced at the bedside
//! is not told.

use alloc::string::String;
use alloc::vec::Vec;

use super::frame::HEADER;
use super::record::{i16_at, subrecords};
use crate::device::alarms::alarm;
use crate::notice::{About, DeviceAlarm};
use crate::priority::Priority;

/// The main type of alarm records.
const ALARMS: i16 = 4;
/// The type of the status message.
const STATUS: u8 = 1;
/// What stands before the boxes, how many there are, and their length, bytes.
const BOXES_AT: usize = 10;
const BOXES: usize = 5;
const BOX: usize = 98;
const TEXT: usize = 80;

/// The alarms of an alarm record; `None` for any other record, and for one with what cannot stand there.
pub(super) fn read(record: &[u8]) -> Option<Vec<DeviceAlarm>> {
    if i16_at(record, 14)? != ALARMS {
        return None;
    }
    let (_, offset) = subrecords(record).find(|(kind, _)| *kind == STATUS)?;
    let message = record.get(HEADER + offset..)?;
    let boxes = message.get(BOXES_AT..BOXES_AT + BOXES * BOX)?;
    let boxes: Vec<(i16, &[u8])> = boxes.chunks_exact(BOX).map(colour).collect::<Option<_>>()?;
    // A sum of eight bits lets one damaged record of 256 through; its order, and its fields of two values, hardly any.
    let is_sorted = boxes.is_sorted_by(|(a, _), (b, _)| a >= b);
    let is_sound = matches!(i16_at(message, 2)?, 0 | 1) && matches!(i16_at(message, 8)?, 0..=7);
    (is_sorted && is_sound)
        .then(|| boxes.into_iter().filter_map(|(colour, text)| raised(colour, text)).collect())
}

/// The colour and the text of a box; `None` if it is none.
fn colour(bytes: &[u8]) -> Option<(i16, &[u8])> {
    let word = |at| i16_at(bytes, at);
    let (text_changed, colour, colour_changed) = (word(TEXT)?, word(TEXT + 2)?, word(TEXT + 4)?);
    let fits = matches!(text_changed, 0 | 1) && matches!(colour, 0..=3) && matches!(colour_changed, 0 | 1);
    fits.then_some((colour, bytes.get(..TEXT)?))
}

fn raised(colour: i16, text: &[u8]) -> Option<DeviceAlarm> {
    let priority = match colour {
        3 => Priority::High,
        2 => Priority::Medium,
        1 => Priority::Low,
        _ => return None,
    };
    // Behind the zero that ends a text the rest of another may stand.
    let text: String = text.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
    alarm(&text, About::Unknown, Some(priority))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An alarm record with these boxes, written by hand from the document.
    fn record(boxes: &[(&str, u8)]) -> Vec<u8> {
        let mut record = alloc::vec![0; HEADER + BOXES_AT + BOXES * BOX + 10];
        let length = u16::try_from(record.len()).unwrap();
        record[..2].copy_from_slice(&length.to_le_bytes());
        record[3] = 0x0A;
        record[14] = 4;
        record[18] = STATUS;
        record[21] = 0xFF;
        record[HEADER + 2] = 1;
        for (index, (text, colour)) in boxes.iter().enumerate() {
            let at = HEADER + BOXES_AT + index * BOX;
            record[at..at + text.len()].copy_from_slice(text.as_bytes());
            record[at + text.len() + 1..][..4].copy_from_slice(b"REST");
            record[at + TEXT] = 1;
            record[at + TEXT + 2] = *colour;
        }
        record
    }

    #[test]
    fn boxes_with_a_colour_are_alarms() {
        let text = "A very long text in some language or other\nof two lines";
        let boxes = [("ASYSTOLE", 3), ("HR LOW", 2), (text, 2), ("LEADS OFF", 1), ("HR HIGH", 0)];
        let alarms = read(&record(&boxes)).unwrap();
        let said: Vec<_> = alarms.iter().map(|it| (it.code.as_str(), it.priority)).collect();
        assert_eq!(
            said,
            [
                ("ASYSTOLE", Some(Priority::High)),
                ("HR LOW", Some(Priority::Medium)),
                ("A very long text in some languag", Some(Priority::Medium)),
                ("LEADS OFF", Some(Priority::Low)),
            ]
        );
        assert!(alarms.iter().all(|it| it.about == About::Unknown));
        assert_eq!(read(&record(&[])), Some(Vec::new()));
    }

    #[test]
    fn a_record_with_what_cannot_stand_there_tells_nothing() {
        let good = record(&[("HR LOW", 2), ("LEADS OFF", 1)]);
        let first = HEADER + BOXES_AT;
        for (at, byte) in [
            (14, 1),
            (18, 2),
            (18, 0xFF),
            (first + 80, 2),
            (first + 82, 4),
            (first + 82, 0),
            (first + 84, 9),
            (HEADER + 8, 8),
            (HEADER + 2, 2),
        ] {
            let mut damaged = good.clone();
            damaged[at] = byte;
            assert_eq!(read(&damaged), None, "byte {at}");
        }
        for length in [0, 10, HEADER, good.len() - 11] {
            assert_eq!(read(&good[..length]), None, "{length}");
        }
    }
}
