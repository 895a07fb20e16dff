//! Commands and responses of the protocol: a code and data between a mark and a checksum, in readable characters.

/// Begin of a command, of a response; end of both.
const ESC: u8 = 0x1B;
const SOH: u8 = 0x01;
const CR: u8 = 0x0D;
/// Flow control, which may stand anywhere.
pub(super) const DC1: u8 = 0x11;
pub(super) const DC3: u8 = 0x13;
/// The code of a response to a command that came damaged.
pub(super) const NAK: u8 = 0x15;
/// With this bit a byte belongs to the stream of realtime values.
pub(super) const REALTIME: u8 = 0x80;

/// The longest message of a host: its arguments are 251 bytes at most.
const MESSAGE_MAX: usize = 256;
/// Messages inside each other: a command in a response.
const DEPTH_MAX: usize = 2;

/// A command of that code, without arguments.
pub(super) fn command(code: u8) -> Vec<u8> {
    enclosed(ESC, code, &[])
}

/// A response to the command of that code.
pub(super) fn response(code: u8, data: &[u8]) -> Vec<u8> {
    enclosed(SOH, code, data)
}

fn enclosed(mark: u8, code: u8, data: &[u8]) -> Vec<u8> {
    let mut message = vec![mark, code];
    message.extend(data);
    message.extend(checksum(&message));
    message.push(CR);
    message
}

/// The sum of all bytes before it, in two digits.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let sum = bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
    [sum >> 4, sum & 0x0F].map(|digit| if digit < 10 { b'0' + digit } else { b'A' + digit - 10 })
}

/// A message of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// A command of that code; its arguments change nothing here.
    Command(u8),
    /// The response to a command of that code, and what it says.
    Response(u8, Vec<u8>),
    /// A command that came damaged.
    Corrupt,
}

/// Finds a host's messages in what it sends; one may stand inside another.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// Those that have begun, the innermost last.
    open: Vec<Vec<u8>>,
}

impl Parser {
    /// Takes a byte; a message comes out with its last.
    pub(super) fn take(&mut self, byte: u8) -> Option<Heard> {
        match byte {
            DC1 | DC3 | REALTIME.. => None,
            ESC | SOH => {
                if self.open.len() == DEPTH_MAX {
                    self.open.remove(0);
                }
                self.open.push(vec![byte]);
                None
            }
            CR => read(&self.open.pop()?),
            byte => {
                let message = self.open.last_mut()?;
                message.push(byte);
                if message.len() > MESSAGE_MAX {
                    self.open.pop();
                }
                None
            }
        }
    }
}

fn read(message: &[u8]) -> Option<Heard> {
    let whole = message.split_last_chunk().filter(|(body, sum)| checksum(body) == **sum);
    match (message.first()?, whole) {
        (&ESC, Some((body, _))) => Some(Heard::Command(*body.get(1)?)),
        (&ESC, None) => Some(Heard::Corrupt),
        (_, whole) => {
            let (_, [code, data @ ..]) = whole?.0.split_first()? else { return None };
            Some(Heard::Response(*code, data.to_vec()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_worked_ones() {
        assert_eq!(response(0x51, &[]), [0x01, 0x51, 0x35, 0x32, 0x0D]);
        assert_eq!(command(0x51), [0x1B, 0x51, 0x36, 0x43, 0x0D]);
        assert_eq!(command(0x30), [0x1B, 0x30, 0x34, 0x42, 0x0D]);
        assert_eq!(response(b'R', b"0161'ICE'04.03      "), b"\x01R0161'ICE'04.03      EF\r");
        assert_eq!(response(b'\'', b"502SpO2 PULSE L"), b"\x01'502SpO2 PULSE L18\r");
        assert_eq!(response(b'(', b"14:07:00 2-AUG-18"), b"\x01(14:07:00 2-AUG-18BB\r");
        assert_eq!(
            response(b'$', b"7D  2178 5.0D6  14EB  97E1  72E6  38"),
            b"\x01$7D  2178 5.0D6  14EB  97E1  72E6  3800\r"
        );
    }

    fn heard(bytes: &[u8]) -> Vec<Heard> {
        let mut parser = Parser::default();
        bytes.iter().filter_map(|it| parser.take(*it)).collect()
    }

    #[test]
    fn a_command_inside_a_response_is_heard_first_and_costs_it_nothing() {
        let (outer, inner) = (response(0x49, b"x"), command(0x24));
        let bytes = [&outer[..3], &inner, &[DC3, 0xD1, 0x80, DC1], &outer[3..]].concat();
        assert_eq!(heard(&bytes), [Heard::Command(0x24), Heard::Response(0x49, b"x".to_vec())]);
    }

    #[test]
    fn a_damaged_command_is_told_and_a_damaged_response_is_none() {
        assert_eq!(heard(b"\x1B$3E\r\x1B$3F\r"), [Heard::Corrupt, Heard::Command(0x24)]);
        assert_eq!(heard(b"\x01Q53\rnoise\r"), []);
        assert_eq!(heard(&[vec![ESC], vec![b'1'; 1000], vec![CR]].concat()), []);
    }
}
