//! Frames of the interface: a record and its sum between flags, with two bytes escaped.

const FLAG: u8 = 0x7E;
const ESCAPE: u8 = 0x7D;
/// What an escaped byte loses.
const BIT: u8 = 0x20;

/// A request is 49 bytes and a sum; more is none.
const REQUEST_MAX: usize = 2048;

/// Puts a record with its sum between flags.
#[must_use]
pub fn enclose(record: &[u8]) -> Vec<u8> {
    // The sum is of the bytes before they are escaped.
    let sum = record.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
    let mut frame = vec![FLAG];
    for byte in record.iter().chain([&sum]) {
        match *byte {
            FLAG | ESCAPE => frame.extend([ESCAPE, byte & !BIT]),
            byte => frame.push(byte),
        }
    }
    frame.push(FLAG);
    frame
}

/// Finds the host's requests in what it sends.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    record: Vec<u8>,
    escaped: bool,
}

impl Deframer {
    /// Takes a byte; a request comes out with its last flag, if its sum is right.
    pub(super) fn take(&mut self, byte: u8) -> Option<Vec<u8>> {
        match byte {
            FLAG => {
                self.escaped = false;
                let record = std::mem::take(&mut self.record);
                let (sum, body) = record.split_last()?;
                let right = body.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) == *sum;
                return right.then(|| body.to_vec());
            }
            ESCAPE => self.escaped = true,
            byte if self.record.len() < REQUEST_MAX => {
                self.record.push(if self.escaped { byte | BIT } else { byte });
                self.escaped = false;
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_back_whatever_is_in_it() {
        let record: Vec<u8> = (0..=255).chain([0x7E, 0x7D, 0x7E]).collect();
        let frame = enclose(&record);
        assert_eq!(frame.split(|it| *it == FLAG).count(), 3);
        let mut deframer = Deframer::default();
        let found: Vec<_> = frame.iter().filter_map(|byte| deframer.take(*byte)).collect();
        assert_eq!(found, [record]);
    }

    #[test]
    fn the_clock_of_the_captured_record_is_escaped_as_captured() {
        // r_time 5B59FF7D of the first record of the capture.
        let frame = enclose(&[0x7D, 0xFF, 0x59, 0x5B]);
        assert_eq!(frame[1..6], [0x7D, 0x5D, 0xFF, 0x59, 0x5B]);
    }
}
