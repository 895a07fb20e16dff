//! Lines of text out of a stream of bytes, for the formats that have no other frame.
//!
//! A line ends at CR or LF, so that damage to one of the two costs nothing. What stands before a line's first printable
//! character is the rest of a damaged end; inside a line nothing is dropped, for a number without one of its digits is
//! another number.

use alloc::string::String;
use alloc::vec::Vec;

use super::Fault;
use super::outcomes::Outcomes;

/// A longer line is none of a monitor's: the longest has some 200 characters, and two of them may be glued.
const LINE_MAX: usize = 512;

/// Finds lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    /// The line at hand is too long: passed over to its end.
    overlong: bool,
}

/// A line as it came.
#[derive(Debug)]
pub(super) enum Line {
    /// Printable ASCII, without its end.
    Text(String),
    /// With something that no monitor prints.
    Unreadable,
}

impl Lines {
    /// Takes a byte; gives a line that is whole. Empty lines are nothing.
    pub(super) fn take(&mut self, byte: u8, out: &mut Outcomes) -> Option<Line> {
        match byte {
            b'\n' | b'\r' => self.end(),
            _ if self.overlong => {
                out.skip(1);
                None
            }
            _ if self.line.len() == LINE_MAX => {
                self.overlong = true;
                out.fault(Fault::BadLength);
                out.skip(1);
                None
            }
            _ if self.line.is_empty() && !is_printable(byte) => {
                out.skip(1);
                None
            }
            _ => {
                self.line.push(byte);
                None
            }
        }
    }

    fn end(&mut self) -> Option<Line> {
        let line = core::mem::take(&mut self.line);
        if core::mem::take(&mut self.overlong) || line.iter().all(|byte| *byte == b' ') {
            return None;
        }
        let text = String::from_utf8(line).ok().filter(|it| it.bytes().all(is_printable));
        Some(text.map_or(Line::Unreadable, Line::Text))
    }
}

/// What a line holds.
#[derive(Debug)]
pub(super) struct Found<T> {
    /// Its record, or the whole one at its end.
    pub(super) record: Option<T>,
    /// Whether something in it is damaged.
    pub(super) is_damaged: bool,
}

/// Reads a line by what reads a record. A record that has lost its end is glued to the next, and what is left of a damaged end
/// stands before one: where the line is none, a whole record at its end is read, for it begins with what stands nowhere else.
pub(super) fn find<T>(line: &str, mut read: impl FnMut(&str) -> Option<T>) -> Found<T> {
    if let Some(record) = read(line) {
        return Found { record: Some(record), is_damaged: false };
    }
    let mut ends = (1..line.len()).filter_map(|at| line.get(at..)).filter(|it| !it.starts_with(' '));
    Found { record: ends.find_map(read), is_damaged: true }
}

fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}
