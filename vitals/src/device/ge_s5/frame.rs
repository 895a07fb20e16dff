//! Records between flags: `7E` record checksum `7E`; inside, `7E` and `7D` are sent as `7D` and the byte with bit 5
//! cleared. The checksum is the 8-bit sum of the record's own (unescaped) bytes. Two flags in a row are legal.

use alloc::vec::Vec;

use crate::device::Fault;
use crate::device::outcomes::Outcomes;

const FLAG: u8 = 0x7E;
const ESCAPE: u8 = 0x7D;

/// The record header's length, bytes.
pub(super) const HEADER: usize = 40;

/// The longest record that the interface sends is a header with eight subrecords of waves; longer is noise.
const RECORD_MAX: usize = 4096;

/// Finds records in a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    /// Whether a flag has been seen: what stands before the first belongs to no frame.
    flagged: bool,
    bytes: Vec<u8>,
    escaped: bool,
    /// The frame at hand is too long: passed over to the next flag.
    overlong: bool,
    /// What is left of a frame that a stray flag cut in two: it was counted with its first part.
    rest: Rest,
}

/// The part of a damaged frame that may still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Rest {
    #[default]
    Nothing,
    /// So many bytes, or one less where the flag stands in the place of a byte.
    UpTo(usize),
    /// The cut came before the frame had said its length.
    Unknown,
}

impl Deframer {
    /// Takes a byte; a whole record comes without its checksum.
    pub(super) fn take(&mut self, byte: u8, out: &mut Outcomes) -> Option<Vec<u8>> {
        match byte {
            FLAG => return self.end(out),
            _ if !self.flagged || self.overlong => out.skip(1),
            ESCAPE => self.escaped = true,
            _ if self.bytes.len() > RECORD_MAX => {
                self.overlong = true;
                self.rest = Rest::Nothing;
                out.fault(Fault::BadLength);
                out.skip(1);
            }
            _ => {
                let byte = if core::mem::take(&mut self.escaped) { byte | 0x20 } else { byte };
                self.bytes.push(byte);
            }
        }
        None
    }

    fn end(&mut self, out: &mut Outcomes) -> Option<Vec<u8>> {
        self.flagged = true;
        self.escaped = false;
        let mut bytes = core::mem::take(&mut self.bytes);
        if core::mem::take(&mut self.overlong) || bytes.is_empty() {
            return None;
        }
        let rest = core::mem::take(&mut self.rest);
        match check(&bytes) {
            Ok(()) => {
                out.good();
                bytes.pop();
                return Some(bytes);
            }
            Err(_) if rest.holds(&bytes) => {
                out.skip(bytes.len());
                self.rest = rest.less(bytes.len());
            }
            Err(fault) => {
                out.fault(fault);
                self.rest = Rest::after(&bytes);
            }
        }
        None
    }
}

impl Rest {
    /// What is missing of a frame that begins with these bytes: what its length says, with the checksum.
    fn after(bytes: &[u8]) -> Self {
        match length(bytes) {
            Some(said) if (HEADER.max(bytes.len())..=RECORD_MAX).contains(&said) => {
                Self::UpTo(said + 1 - bytes.len())
            }
            Some(_) => Self::Nothing,
            None => Self::Unknown,
        }
    }

    /// Whether these bytes are it, and no frame of their own.
    fn holds(self, bytes: &[u8]) -> bool {
        let is_start = length(bytes) == Some(bytes.len().saturating_sub(1));
        match self {
            Self::Nothing => false,
            Self::Unknown => !is_start,
            Self::UpTo(left) => bytes.len() <= left && !is_start,
        }
    }

    /// What is left after so many more bytes and the flag behind them.
    fn less(self, bytes: usize) -> Self {
        match self {
            Self::UpTo(left) if left > bytes + 1 => Self::UpTo(left - bytes),
            Self::UpTo(_) | Self::Nothing | Self::Unknown => Self::Nothing,
        }
    }
}

/// The length that a record says of itself.
fn length(bytes: &[u8]) -> Option<usize> {
    let &[low, high] = bytes.get(..2)? else { return None };
    Some(usize::from(u16::from_le_bytes([low, high])))
}

/// A frame is counted by the first check it fails: too short for a header, sum, length.
fn check(bytes: &[u8]) -> Result<(), Fault> {
    let (sum, record) = bytes.split_last().ok_or(Fault::Fragment)?;
    if record.len() < HEADER {
        return Err(Fault::Fragment);
    }
    if record.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) != *sum {
        return Err(Fault::BadChecksum);
    }
    if length(record) != Some(record.len()) {
        return Err(Fault::BadLength);
    }
    Ok(())
}

/// A record as it goes over the line: with flags, escapes and checksum.
pub(super) fn enframe(record: &[u8]) -> Vec<u8> {
    let sum = record.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let mut bytes = Vec::with_capacity(record.len() + 4);
    bytes.push(FLAG);
    for byte in record.iter().chain([&sum]) {
        match *byte {
            FLAG | ESCAPE => bytes.extend([ESCAPE, byte & 0x5F]),
            byte => bytes.push(byte),
        }
    }
    bytes.push(FLAG);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;

    fn record(length: u16) -> Vec<u8> {
        let mut record: Vec<u8> = (0..length).map(|it| it.to_le_bytes()[0]).collect();
        record[..2].copy_from_slice(&length.to_le_bytes());
        record
    }

    fn counts(bytes: &[u8]) -> (usize, Counts) {
        let (mut deframer, mut out) = (Deframer::default(), Outcomes::default());
        let records = bytes.iter().filter_map(|byte| deframer.take(*byte, &mut out)).count();
        (records, out.counts())
    }

    #[test]
    fn any_byte_that_becomes_another_costs_one_frame_and_is_counted_once() {
        let good = enframe(&record(300));
        for at in 1..good.len() - 1 {
            for byte in [FLAG, ESCAPE, good[at] ^ 0x40, good[at] ^ 1] {
                if byte == good[at] {
                    continue;
                }
                let mut damaged = good.clone();
                damaged[at] = byte;
                let (records, counts) = counts(&[&good[..], &damaged, &good].concat());
                let faults = counts.bad_checksum + counts.bad_length + counts.fragments;
                assert_eq!((records, faults), (2, 1), "byte {at} became {byte:02X}: {counts:?}");
            }
        }
    }

    #[test]
    fn two_flags_in_one_frame_are_one_damaged_frame() {
        let good = enframe(&record(300));
        let mut damaged = good.clone();
        (damaged[90], damaged[200]) = (FLAG, FLAG);
        let (records, counts) = counts(&[&good[..], &damaged, &good].concat());
        assert_eq!(
            (records, counts.bad_checksum + counts.bad_length + counts.fragments),
            (2, 1),
            "{counts:?}"
        );
    }
}
