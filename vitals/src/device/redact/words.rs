//! Formats of lines: what may stand in one is known word by word.

use alloc::string::String;
use alloc::vec::Vec;

/// Masimo's keys, of which none tells who somebody is. `SN` is the sensor's or the device's serial number.
const KEYS: [&str; 15] = [
    "SPO2", "BPM", "PI", "SPCO", "SPMET", "SPHB", "SPOC", "RESVD", "DESAT", "PIDELTA", "PVI", "ALARM", "EXC",
    "EXC1", "EXC2",
];

/// `SPO2=097 HR=072`: the driver takes nothing else for a line.
pub(super) fn nonin(line: &[u8]) -> Option<Vec<u8>> {
    text(line).map(String::into_bytes)
}

/// Rows and headings. The heading's first line ends with the limits; what a site may have put behind them is cut off with
/// the line itself.
pub(super) fn nellcor(line: &[u8]) -> Option<Vec<u8>> {
    let text = text(line)?;
    let said = text.trim();
    let is_row = said.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let is_columns = said.starts_with("TIME") && said.ends_with("Status");
    let is_limits = said.contains(" VERSION ") && said.contains("CRC:") && said.ends_with("BPM");
    let mode = said.split_ascii_whitespace().next();
    let is_mode = said.ends_with("SAT-S") && matches!(mode, Some("ADULT" | "NEONATE" | "NEO" | "PED"));
    (is_row || is_columns || is_limits || is_mode).then(|| text.into_bytes())
}

/// Date, time and `KEY=value`: a serial number becomes zeros, and so does what stands under a key that is not known.
pub(super) fn masimo(line: &[u8]) -> Option<Vec<u8>> {
    let text = text(line)?;
    let mut out = String::with_capacity(text.len());
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            out.push(' ');
        }
        match word.split_once('=') {
            Some((key, value)) if !KEYS.contains(&key.trim_start()) => {
                out.push_str(if key == "SN" { key } else { "X" });
                out.push('=');
                out.extend(value.chars().map(|it| if it.is_ascii_alphanumeric() { '0' } else { it }));
            }
            _ => out.push_str(word),
        }
    }
    Some(out.into_bytes())
}

/// A whole line of printable ASCII with its end, or the end of the one before it.
fn text(line: &[u8]) -> Option<String> {
    let ends = line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n'));
    let fits = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | 0x11 | 0x13);
    let whole = ends && line.iter().all(fits);
    whole.then(|| String::from_utf8(line.to_vec()).ok()).flatten()
}
