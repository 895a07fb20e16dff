//! Records between flags: `7E` record checksum `7E`; inside, `7E` and `7D` are sent as `7D` and the byte with bit 5
//! cleared. The checksum is the 8-bit sum of the record's own (unescaped) bytes. Two flags in a row are legal.

use alloc::vec::Vec;

use crate::device::{Counts, Fault};

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
    /// How long the rest of a frame is that a stray flag cut in two: it was counted with its first part.
    rest: Option<usize>,
    counts: Counts,
}

impl Deframer {
    /// Takes a byte; a whole record comes without its checksum.
    pub(super) fn take(&mut self, byte: u8) -> Option<Result<Vec<u8>, Fault>> {
        match byte {
            FLAG => self.end(),
            _ if !self.flagged || self.overlong => {
                self.counts.skipped_bytes += 1;
                None
            }
            ESCAPE => {
                self.escaped = true;
                None
            }
            _ if self.bytes.len() > RECORD_MAX => {
                self.overlong = true;
                self.counts.bad_length += 1;
                self.counts.skipped_bytes += 1;
                Some(Err(Fault::BadLength))
            }
            _ => {
                let byte = if core::mem::take(&mut self.escaped) { byte | 0x20 } else { byte };
                self.bytes.push(byte);
                None
            }
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    fn end(&mut self) -> Option<Result<Vec<u8>, Fault>> {
        self.flagged = true;
        self.escaped = false;
        let mut bytes = core::mem::take(&mut self.bytes);
        if core::mem::take(&mut self.overlong) || bytes.is_empty() {
            return None;
        }
        let rest = self.rest.take();
        match check(&bytes) {
            Ok(()) => {
                self.counts.frames_good += 1;
                bytes.pop();
                Some(Ok(bytes))
            }
            Err(_) if rest == Some(bytes.len()) => {
                self.counts.skipped_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                None
            }
            Err(fault) => {
                match fault {
                    Fault::Fragment => self.counts.fragments += 1,
                    Fault::BadChecksum => self.counts.bad_checksum += 1,
                    Fault::BadLength | Fault::Skipped(_) => self.counts.bad_length += 1,
                }
                // What the record's own length lacks, less the byte that became a flag, with the checksum.
                self.rest = length(&bytes).and_then(|said| said.checked_sub(bytes.len()));
                Some(Err(fault))
            }
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
