//! The alarms that a device raises, and who it is, on their way to a notice: bounded, in one order, in letters that everybody
//! can print.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::notice::{About, DeviceAlarm, Notice};
use crate::priority::Priority;

/// Alarms of one device that are told: a monitor shows some ten. What it raises beyond them is left out, the later of its list.
/// 64 alarms of a code of 32 bytes are less than 6 KiB.
pub(super) const ALARMS_MAX: usize = 64;
/// Letters of a name, a serial number or a version.
const NAME_MAX: usize = 64;

/// All alarms that a device raises now, in the order of its own list. They are told in the order of their codes, so that
/// another order is no news; of two with one code the more urgent.
pub(super) fn raised(alarms: impl IntoIterator<Item = DeviceAlarm>) -> Notice {
    let mut alarms: Vec<DeviceAlarm> = alarms.into_iter().take(ALARMS_MAX).collect();
    alarms.sort_by(|a, b| (&a.code, Reverse(a.priority)).cmp(&(&b.code, Reverse(b.priority))));
    alarms.dedup_by(|a, b| a.code == b.code);
    Notice::Alarms(alarms)
}

/// An alarm under this code, as far as it can be printed; `None` for a code without a letter.
pub(super) fn alarm(code: &str, about: About, priority: Option<Priority>) -> Option<DeviceAlarm> {
    let code = printable(code.chars(), DeviceAlarm::CODE_MAX)?;
    Some(DeviceAlarm { code, about, priority })
}

/// A name, a serial number or a version as a device writes it; `None` where nothing is written.
pub(super) fn name(bytes: &[u8]) -> Option<String> {
    printable(bytes.iter().map(|byte| char::from(*byte)).filter(|it| *it != '\0'), NAME_MAX)
}

/// At most so many letters: a row of blanks becomes one, and what is no printable ASCII a question mark.
fn printable(letters: impl Iterator<Item = char>, most: usize) -> Option<String> {
    let mut text = String::new();
    for letter in letters {
        let letter = match letter {
            ' ' | '\t' | '\r' | '\n' | '\0' => ' ',
            '!'..='~' => letter,
            _ => '?',
        };
        if text.len() < most && (letter != ' ' || !matches!(text.chars().last(), None | Some(' '))) {
            text.push(letter);
        }
    }
    text.truncate(text.trim_end().len());
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "a text that is longer than any alarm of any device may be";

    #[test]
    fn a_code_is_printable_and_bounded() {
        let code = |it| alarm(it, About::Patient, None).map(|it| it.code);
        assert_eq!(code("  HR\nLOW  \0"), Some("HR LOW".into()));
        assert_eq!(code("SpO2 niedrig: Ä\u{7F}"), Some("SpO2 niedrig: ??".into()));
        assert_eq!(code(LONG).map(|it| it.len()), Some(DeviceAlarm::CODE_MAX));
        assert_eq!(code(" \0\n"), None);
        assert_eq!(name(b"M8105A\0\0 "), Some("M8105A".into()));
        assert_eq!(name(b""), None);
    }

    #[test]
    fn another_order_is_no_news_and_there_are_never_too_many() {
        let of = |code: &str, priority| alarm(code, About::Patient, priority).unwrap();
        let (a, b) = (of("A", None), of("B", Some(Priority::High)));
        assert_eq!(raised([b.clone(), a.clone()]), raised([a.clone(), b.clone(), a]));
        assert_eq!(raised([of("B", Some(Priority::Low)), b.clone()]), Notice::Alarms(alloc::vec![b]));
        let many = (0..1000).map(|it| of(&alloc::format!("{it}"), None));
        assert!(matches!(raised(many), Notice::Alarms(it) if it.len() == ALARMS_MAX));
    }
}
