//! Messages of HL7 in MLLP: of their segments MSH, OBR and OBX are kept, and of those the fields that say what was measured.
//!
//! PID, PV1, NK1, NTE and whatever else a site adds are dropped whole, and so are the names of programs, sites and persons in
//! the segments that are kept. In OBX the value is kept if it is a number: a text may be anybody's words.

use alloc::string::String;
use alloc::vec::Vec;

const VT: char = '\u{B}';
const FS: char = '\u{1C}';

/// Which fields of a segment are kept, counted from its name.
struct Kept {
    /// As they are: encoding, type and state of what is said, and its name and unit.
    any: &'static [usize],
    /// If they are plain numbers.
    numbers: &'static [usize],
}

const MSH: Kept = Kept { any: &[1, 8, 10, 11], numbers: &[9] };
const OBR: Kept = Kept { any: &[], numbers: &[7] };
const OBX: Kept = Kept { any: &[2, 3, 6, 11], numbers: &[1, 4, 5, 14] };

/// What is kept of a message, or `None` if it has no beginning or is no text.
pub(super) fn message(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(bytes).ok()?;
    let (_before, text) = text.split_once(VT)?;
    let text = text.strip_suffix(FS)?;
    let mut out = String::from(VT);
    for segment in text.split(['\r', '\n']) {
        let fields: Vec<&str> = segment.split('|').collect();
        let kept = match fields.first().copied() {
            Some("MSH") => MSH,
            Some("OBR") => OBR,
            Some("OBX") => OBX,
            _ => continue,
        };
        out.push_str(&segment_of(&fields, &kept));
        out.push('\r');
    }
    out.push(FS);
    out.push('\r');
    Some(out.into_bytes())
}

fn segment_of(fields: &[&str], kept: &Kept) -> String {
    let is_number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    let mut out = String::new();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push('|');
        }
        if index == 0 || kept.any.contains(&index) || (kept.numbers.contains(&index) && is_number(field)) {
            out.push_str(field);
        }
    }
    out
}
