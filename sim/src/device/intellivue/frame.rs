//! Frames of the MIB/RS232 line: a header, user data and a check sequence between two marks, with three bytes escaped.

/// Begin of frame, end of frame, control escape.
const BOF: u8 = 0xC0;
const EOF: u8 = 0xC1;
const ESCAPE: u8 = 0x7D;
/// What an escaped byte is complemented with.
const BIT: u8 = 0x20;
/// Header: the protocol, and its message type; the length of the user data follows.
const HEADER: [u8; 2] = [0x11, 0x01];

/// The longest frame that a monitor takes: its user data are a thousand bytes at most.
const FRAME_MAX: usize = 2048;

/// Puts user data into a frame.
pub(super) fn enclose(user: &[u8]) -> Vec<u8> {
    let mut inside = HEADER.to_vec();
    inside.extend(u16::try_from(user.len()).unwrap_or(u16::MAX).to_be_bytes());
    inside.extend(user);
    let sequence = check_sequence(&inside);
    marked(&inside, sequence)
}

/// Header and user data with their check sequence, escaped, between the marks.
fn marked(inside: &[u8], sequence: u16) -> Vec<u8> {
    let mut frame = vec![BOF];
    for byte in inside.iter().chain(&sequence.to_le_bytes()) {
        match *byte {
            BOF | EOF | ESCAPE => frame.extend([ESCAPE, byte ^ BIT]),
            byte => frame.push(byte),
        }
    }
    frame.push(EOF);
    frame
}

/// CRC-CCITT as in HDLC: reflected, complemented, sent with the low byte first.
fn check_sequence(bytes: &[u8]) -> u16 {
    let add = |rest: u16, byte: &u8| {
        (0..8).fold(
            rest ^ u16::from(*byte),
            |rest, _| {
                if rest & 1 == 1 { rest >> 1 ^ 0x8408 } else { rest >> 1 }
            },
        )
    };
    !bytes.iter().fold(0xFFFF, add)
}

/// Finds the host's frames in what it sends.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    /// What has come since the first mark; `None`: before it.
    inside: Option<Vec<u8>>,
    escaped: bool,
}

impl Deframer {
    /// Takes a byte; user data come out with the last mark, if header and check sequence are right.
    pub(super) fn take(&mut self, byte: u8) -> Option<Vec<u8>> {
        let escaped = std::mem::take(&mut self.escaped);
        match byte {
            BOF => self.inside = Some(Vec::new()),
            EOF => {
                let inside = self.inside.take()?;
                // An escape before the last mark aborts the frame.
                return if escaped { None } else { user_data(&inside) };
            }
            ESCAPE => self.escaped = true,
            byte => {
                let inside = self.inside.as_mut().filter(|it| it.len() < FRAME_MAX)?;
                inside.push(if escaped { byte ^ BIT } else { byte });
            }
        }
        None
    }
}

fn user_data(inside: &[u8]) -> Option<Vec<u8>> {
    let (body, sequence) = inside.split_last_chunk()?;
    if u16::from_le_bytes(*sequence) != check_sequence(body) {
        return None;
    }
    let rest = body.strip_prefix(&HEADER)?;
    let (length, user) = rest.split_first_chunk()?;
    (usize::from(u16::from_be_bytes(*length)) == user.len()).then(|| user.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sequence_is_that_of_the_worked_frames() {
        let marked = |inside: &[u8]| marked(inside, check_sequence(inside));
        assert_eq!(marked(&[0x3A, 0x71]), [0xC0, 0x3A, 0x71, 0x9B, 0x26, 0xC1]);
        // The sequence itself holds a mark.
        assert_eq!(marked(&[0x3A, 0x91]), [0xC0, 0x3A, 0x91, 0x95, 0x7D, 0xE1, 0xC1]);
    }

    #[test]
    fn a_frame_is_read_back_whatever_is_in_it() {
        let user: Vec<u8> = (0..=255).chain([0xC0, 0xC1, 0x7D, 0xC0]).collect();
        let frame = enclose(&user);
        assert_eq!(frame.iter().filter(|it| **it == BOF || **it == EOF).count(), 2);
        let mut deframer = Deframer::default();
        let noise = [1, 2, EOF, ESCAPE, 3];
        let found: Vec<_> = noise.iter().chain(&frame).filter_map(|it| deframer.take(*it)).collect();
        assert_eq!(found, [user]);
    }

    #[test]
    fn a_wrong_bit_a_wrong_length_and_an_aborted_frame_are_ignored() {
        let frame = enclose(&[0xE1, 0, 0, 2]);
        for (place, bit) in (0..frame.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let mut damaged = frame.clone();
            damaged[place] ^= 1 << bit;
            let mut deframer = Deframer::default();
            assert_eq!(damaged.iter().find_map(|it| deframer.take(*it)), None, "byte {place}, bit {bit}");
        }
        let mut aborted = frame.clone();
        aborted.insert(frame.len() - 1, ESCAPE);
        let mut deframer = Deframer::default();
        assert_eq!(aborted.iter().find_map(|it| deframer.take(*it)), None);
        assert!(frame.iter().find_map(|it| deframer.take(*it)).is_some());
    }
}
