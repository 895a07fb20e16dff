//! Messages on a line where three things run through each other.
//!
//! ```text
//! command    ESC (1B)  code  data  CHK  CR
//! response   SOH (01)  code  data  CHK  CR      CHK = sum of all before it, two hexadecimal digits
//! ```
//!
//! A command may stand in the middle of a response. DC1 and DC3 may stand anywhere. Bytes with bit 7 set are the realtime
//! stream: they are passed over, even in the middle of a message.

use alloc::vec::Vec;

use crate::device::Fault;
use crate::device::outcomes::Outcomes;

const ESC: u8 = 0x1B;
const SOH: u8 = 0x01;
const CR: u8 = 0x0D;
/// Go on, and stop: they belong to the line.
const DC1: u8 = 0x11;
const DC3: u8 = 0x13;

/// The longest response, bytes ("Protocol Definition", structure of responses).
const MESSAGE_MAX: usize = 3845;
/// The shortest: its start, its code and its sum.
const MESSAGE_MIN: usize = 4;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Asks for something.
    Command,
    /// Answers.
    Response,
}

/// A message that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) code: u8,
    pub(super) data: Vec<u8>,
}

/// Finds messages.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    /// The response at hand, from its start on.
    response: Option<Vec<u8>>,
    /// The command at hand, perhaps in the middle of the response.
    command: Option<Vec<u8>>,
    /// A stray start or end has cut the message at hand out of one that is counted already.
    is_counted: bool,
    /// Bytes outside any message.
    stray: usize,
    /// Whether a message has been seen, and none has been damaged since: only then strays are one without its start.
    in_step: bool,
}

impl Deframer {
    /// Takes a byte; gives a message that is whole.
    pub(super) fn take(&mut self, byte: u8, out: &mut Outcomes) -> Option<Message> {
        match byte {
            0x80.. | DC1 | DC3 => {}
            ESC => {
                self.settle_strays(out);
                if let Some(cut) = self.command.replace(alloc::vec![ESC]) {
                    self.lose_cut(&cut, out);
                }
            }
            SOH => self.begin_response(out),
            CR => return self.end_message(out),
            _ => match self.command.as_mut().or(self.response.as_mut()) {
                None => self.stray += 1,
                Some(message) if message.len() < MESSAGE_MAX => message.push(byte),
                Some(_) => {
                    (self.command, self.response) = (None, None);
                    self.lose(Fault::BadLength, out);
                }
            },
        }
        None
    }

    pub(super) fn end(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
    }

    fn begin_response(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
        if let Some(cut) = self.command.take() {
            self.lose_cut(&cut, out);
        }
        if let Some(cut) = self.response.replace(alloc::vec![SOH]) {
            self.lose_cut(&cut, out);
        }
    }

    fn end_message(&mut self, out: &mut Outcomes) -> Option<Message> {
        let Some(bytes) = self.command.take().or_else(|| self.response.take()) else {
            self.settle_strays(out);
            return None;
        };
        match check(&bytes) {
            Ok(message) => {
                (self.in_step, self.is_counted) = (true, false);
                Some(message)
            }
            Err(fault) => {
                if !core::mem::take(&mut self.is_counted) {
                    self.lose(fault, out);
                }
                // A response that this stood in may be whole all the same; if it is not, it is the same damage.
                self.is_counted = self.response.is_some();
                None
            }
        }
    }

    /// A message was cut off by the start of another.
    fn lose_cut(&mut self, cut: &[u8], out: &mut Outcomes) {
        // A start behind a start is no message yet.
        if core::mem::take(&mut self.is_counted) || cut.len() < 2 {
            return;
        }
        self.lose(Fault::Fragment, out);
        // With its sum it lacks nothing but its end, and what follows is another message; else it was cut in two.
        self.is_counted = check(cut).is_err();
    }

    fn lose(&mut self, fault: Fault, out: &mut Outcomes) {
        out.fault(fault);
        self.in_step = false;
    }

    /// Bytes between messages: one that has lost its start, the rest of a damaged one, or what stood before the first.
    fn settle_strays(&mut self, out: &mut Outcomes) {
        match core::mem::take(&mut self.stray) {
            0 => {}
            few if few < MESSAGE_MIN - 1 || !self.in_step => out.skip(few),
            _ => self.lose(Fault::Fragment, out),
        }
    }
}

/// A message is judged by the first check it fails: too short, sum, length of its data.
fn check(bytes: &[u8]) -> Result<Message, Fault> {
    if bytes.len() < MESSAGE_MIN {
        return Err(Fault::Fragment);
    }
    let (body, said) = bytes.split_at(bytes.len() - 2);
    if said != checksum(body) {
        return Err(Fault::BadChecksum);
    }
    let &[start, code, ref data @ ..] = body else { return Err(Fault::Fragment) };
    let entry = match (start, code) {
        // Measured values and limits of both code pages: a code of two digits and four characters.
        (SOH, 0x24..=0x26 | 0x2B..=0x2D) => 6,
        // Alarms: a priority, a code, twelve characters.
        (SOH, 0x23 | 0x27 | 0x2E) => 15,
        _ => 1,
    };
    if data.len() % entry != 0 || !(0x15..=0x7F).contains(&code) {
        return Err(Fault::BadLength);
    }
    let kind = if start == ESC { Kind::Command } else { Kind::Response };
    Ok(Message { kind, code, data: data.to_vec() })
}

/// A message as it goes over the line.
pub(super) fn enframe(message: &Message) -> Vec<u8> {
    let start = match message.kind {
        Kind::Command => ESC,
        Kind::Response => SOH,
    };
    let mut bytes = alloc::vec![start, message.code];
    bytes.extend(&message.data);
    bytes.extend(checksum(&bytes));
    bytes.push(CR);
    bytes
}

/// The sum of these bytes, as two hexadecimal digits.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + value - 10 };
    [digit(sum >> 4), digit(sum & 0x0F)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;
    use alloc::vec;

    /// Measured values: peak pressure 21, PEEP 5.0, rate 14, SpO2 97, pulse 72, EtCO2 38.
    const VALUES: &[u8] = b"\x01$7D  2178 5.0D6  14EB  97E1  72E6  3800\r";
    const NOP: &[u8] = b"\x1B04B\r";

    fn hear(bytes: &[u8]) -> (Vec<Message>, Counts) {
        let (mut deframer, mut out) = (Deframer::default(), Outcomes::default());
        let messages = bytes.iter().filter_map(|byte| deframer.take(*byte, &mut out)).collect();
        deframer.end(&mut out);
        (messages, out.counts())
    }

    fn faults(counts: Counts) -> u64 {
        counts.bad_checksum + counts.bad_length + counts.fragments
    }

    #[test]
    fn a_command_inside_a_response_and_a_stream_through_both_lose_nothing() {
        let mut bytes = VALUES[..9].to_vec();
        bytes.extend(NOP);
        bytes.extend(&VALUES[9..]);
        let bytes: Vec<u8> = bytes.into_iter().flat_map(|byte| [0xC3, byte, 0x91, DC1]).collect();
        let (messages, counts) = hear(&bytes);
        let kinds: Vec<_> = messages.iter().map(|it| (it.kind, it.code)).collect();
        assert_eq!(kinds, [(Kind::Command, 0x30), (Kind::Response, 0x24)]);
        assert_eq!((faults(counts), counts.skipped_bytes), (0, 0));
        let framed = |kind, code, data: &[u8]| enframe(&Message { kind, code, data: data.into() });
        assert_eq!(framed(Kind::Command, 0x30, b""), NOP);
        assert_eq!(framed(Kind::Command, 0x51, b""), b"\x1BQ6C\r");
        assert_eq!(framed(Kind::Response, 0x51, b""), b"\x01Q52\r");
        assert_eq!(framed(Kind::Response, 0x24, &VALUES[2..VALUES.len() - 3]), VALUES);
    }

    #[test]
    fn any_byte_that_becomes_another_costs_one_message_and_is_counted_once() {
        for at in 0..VALUES.len() {
            for byte in [ESC, SOH, CR, VALUES[at] | 0x80, VALUES[at] ^ 1, VALUES[at] ^ 0x40] {
                let mut damaged = VALUES.to_vec();
                damaged[at] = byte;
                if damaged == VALUES {
                    continue;
                }
                let (messages, counts) = hear(&[VALUES, &damaged, VALUES].concat());
                let told = alloc::format!("byte {at} became {byte:02X}: {counts:?}");
                assert_eq!((messages.len(), faults(counts)), (2, 1), "{told}");
            }
            let mut short = VALUES.to_vec();
            short.remove(at);
            let (messages, counts) = hear(&[VALUES, &short, VALUES].concat());
            assert_eq!((messages.len(), faults(counts)), (2, 1), "without byte {at}: {counts:?}");
        }
    }

    #[test]
    fn what_never_ends_is_bounded() {
        let (messages, counts) = hear(&[&[SOH][..], &vec![b' '; 100_000], VALUES].concat());
        assert_eq!((messages.len(), faults(counts)), (1, 1), "{counts:?}");
    }
}
