//! Messages one after the other as they come in datagrams: each says its own length, and a network has its own checksums.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::device::Fault;
use crate::device::outcomes::Outcomes;

/// Session id and context of Data Export; the kind and the length follow.
const EXPORT: [u8; 4] = [0xE1, 0x00, 0x00, 0x02];
/// Session messages: association request, accept, refuse, finish, disconnect, abort.
const SESSION: [u8; 6] = [0x0D, 0x0E, 0x0C, 0x09, 0x0A, 0x19];
/// The largest datagram.
const MESSAGE_MAX: usize = 4096;

/// Finds messages.
#[derive(Debug, Default)]
pub(super) struct Finder {
    /// At most one message.
    bytes: VecDeque<u8>,
    /// What is passed over belongs to a message that is counted as damaged.
    is_lost: bool,
}

/// What can be said of the bytes at hand.
enum Length {
    Unknown,
    Bytes(usize),
    /// No message begins so.
    None,
}

impl Finder {
    /// Takes a byte; gives a message that is whole.
    pub(super) fn take(&mut self, byte: u8, out: &mut Outcomes) -> Option<Vec<u8>> {
        self.bytes.push_back(byte);
        loop {
            let bytes = self.bytes.make_contiguous();
            // The rest of a damaged message is searched for the next of Data Export alone: a byte that begins a session is
            // in any.
            let is_rest = self.is_lost && bytes.first().is_some_and(|it| Some(it) != EXPORT.first());
            match if is_rest { Length::None } else { length(bytes) } {
                Length::Unknown => return None,
                Length::Bytes(length) if length <= MESSAGE_MAX => {
                    if self.bytes.len() < length {
                        return None;
                    }
                    self.is_lost = false;
                    return Some(self.bytes.drain(..length).collect());
                }
                Length::Bytes(_) | Length::None => {
                    if !core::mem::replace(&mut self.is_lost, true) {
                        out.fault(Fault::BadLength);
                    }
                    self.bytes.pop_front();
                    out.skip(1);
                }
            }
        }
    }
}

fn length(bytes: &[u8]) -> Length {
    match bytes {
        [] => Length::Unknown,
        [0xE1, ..] if bytes.len() < 8 => {
            let count = bytes.len().min(EXPORT.len());
            if bytes.get(..count) == EXPORT.get(..count) { Length::Unknown } else { Length::None }
        }
        &[0xE1, 0x00, 0x00, 0x02, 0x00, kind @ (1 | 2 | 5), high, low, ref body @ ..] => {
            exported(kind, usize::from(u16::from_be_bytes([high, low])), body)
        }
        &[0xE1, 0x00, 0x00, 0x02, _, _, high, low, ..] => {
            Length::Bytes(8 + usize::from(u16::from_be_bytes([high, low])))
        }
        [first, rest @ ..] if SESSION.contains(first) => match *rest {
            [0xFF, high, low, ..] => Length::Bytes(4 + usize::from(u16::from_be_bytes([high, low]))),
            [] | [0xFF] | [0xFF, _] => Length::Unknown,
            [length, ..] => Length::Bytes(2 + usize::from(length)),
        },
        _ => Length::None,
    }
}

/// A request, a result or a part of one (5) says its length twice: one that says two different things is none.
fn exported(kind: u8, said: usize, body: &[u8]) -> Length {
    // The state of a part, the invoke id, the command; then the length of the rest.
    let at = if kind == 5 { 6 } else { 4 };
    match body.get(at..at + 2) {
        None if said >= at + 2 => Length::Unknown,
        Some(&[high, low]) if usize::from(u16::from_be_bytes([high, low])) + at + 2 == said => {
            Length::Bytes(8 + said)
        }
        _ => Length::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_their_own_length_and_what_is_none_is_counted_once() {
        let (mut finder, mut out) = (Finder::default(), Outcomes::default());
        let export = [0xE1, 0, 0, 2, 0, 2, 0, 6, 0, 1, 0, 7, 0, 0];
        let stream = [&export[..], &[0x0E, 2, 1, 2], b"what?", &export, &[0x0E, 0xFF, 0, 1, 5]].concat();
        let found: Vec<usize> =
            stream.iter().filter_map(|byte| finder.take(*byte, &mut out)).map(|it| it.len()).collect();
        assert_eq!(found, [14, 4, 14, 5]);
        assert_eq!((out.counts().bad_length, out.counts().skipped_bytes), (1, 5));
    }

    #[test]
    fn a_length_that_one_bit_has_made_another_costs_its_own_message() {
        let export = [0xE1, 0, 0, 2, 0, 2, 0, 6, 0, 1, 0, 7, 0, 0];
        let mut damaged = export;
        damaged[6] = 0x08;
        let (mut finder, mut out) = (Finder::default(), Outcomes::default());
        let stream = [&export[..], &damaged, &export, &export].concat();
        let found = stream.iter().filter_map(|byte| finder.take(*byte, &mut out)).count();
        assert_eq!((found, out.counts().bad_length), (3, 1));
    }

    #[test]
    fn what_is_no_message_is_passed_over() {
        let (mut finder, mut out) = (Finder::default(), Outcomes::default());
        let export = [0xE1, 0, 0, 2, 0, 2, 0, 6, 0, 1, 0, 7, 0, 0];
        let stream = [b"what?", &export[..]].concat();
        assert_eq!(stream.iter().filter_map(|byte| finder.take(*byte, &mut out)).count(), 1);
        assert_eq!((out.counts().bad_length, out.counts().skipped_bytes), (1, 5));
    }
}
