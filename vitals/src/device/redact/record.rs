//! Formats of binary frames: which kinds of frame carry values alone.

use alloc::vec::Vec;

use crate::device::ge_s5;

/// Contec: realtime data. Device id (04) and user (05) are texts, and answers say nothing of a patient.
const CONTEC: u8 = 0x01;
/// Capnostream: the wave and the numbers.
const CAPNOSTREAM: [u8; 2] = [0, 1];
/// SunTech, by length: done, the cuff's pressure, the last result.
const SUNTECH: [u8; 3] = [0x04, 0x05, 0x18];
/// S/5: displayed values, waves, alarms.
const GE_S5: [u8; 3] = [0, 1, 4];
/// Where an S/5 record says on which plug of the hospital's network it was made, and in which part of it.
const PLUG: [usize; 3] = [4, 5, 10];
/// Medibus: alarms, values, limits and settings of both pages, the time, no operation, and what opens and closes the line.
/// Device id (52) and text messages (2A) are texts.
const MEDIBUS: [u8; 20] = [
    0x15, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2B, 0x2C, 0x2D, 0x2E, 0x30, 0x49, 0x4A, 0x51, 0x53,
    0x54, 0x55, 0x56,
];
/// Ivy: the head, and the waves behind it.
const IVY_HEAD: &[u8] = b"\xFFANSAR-B ";

/// Answers go with the byte behind them, for that alone shows where they end.
pub(super) fn contec(frame: &[u8]) -> Option<Vec<u8>> {
    let marked = frame.iter().skip(1).all(|byte| byte & 0x80 != 0);
    (frame.first() == Some(&CONTEC) && frame.len() == 9 && marked).then(|| frame.to_vec())
}

pub(super) fn capnostream(frame: &[u8]) -> Option<Vec<u8>> {
    let &[0x85, _length, code, ..] = frame else { return None };
    CAPNOSTREAM.contains(&code).then(|| frame.to_vec())
}

pub(super) fn suntech(frame: &[u8]) -> Option<Vec<u8>> {
    let &[0x3E, length, ..] = frame else { return None };
    (SUNTECH.contains(&length) && frame.len() == usize::from(length)).then(|| frame.to_vec())
}

/// The driver knows every word of the text; what is looked at here is that the frame has its head.
pub(super) fn ivy(frame: &[u8]) -> Option<Vec<u8>> {
    frame.starts_with(IVY_HEAD).then(|| frame.to_vec())
}

pub(super) fn ge_s5(frame: &[u8]) -> Option<Vec<u8>> {
    let mut record = ge_s5::unframed(frame)?;
    let &[low, high] = record.get(14..16)? else { return None };
    if high != 0 || !GE_S5.contains(&low) {
        return None;
    }
    for at in PLUG {
        *record.get_mut(at)? = 0;
    }
    Some(ge_s5::framed(&record))
}

pub(super) fn medibus(frame: &[u8]) -> Option<Vec<u8>> {
    // A command may stand in the middle of a response.
    let mut codes =
        frame.iter().zip(frame.iter().skip(1)).filter(|(it, _)| matches!(it, 0x01 | 0x1B)).peekable();
    codes.peek()?;
    codes.all(|(_, code)| MEDIBUS.contains(code)).then(|| frame.to_vec())
}
