//! Messages of the Capnostream: a length, a code, a payload and their exclusive or, with two bytes escaped.

const START: u8 = 0x85;
const ESCAPE: u8 = 0x80;
/// The longest command of a host: an identity in Unicode, a length, a code and a sum, with room to spare.
const COMMAND_MAX: usize = 64;

/// A message.
#[must_use]
pub fn enclose(code: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len() + 1).unwrap_or(0);
    let mut content = vec![length, code];
    content.extend(payload);
    content.push(content.iter().fold(0, |sum, byte| sum ^ byte));
    let mut message = vec![START];
    for byte in content {
        match byte {
            START => message.extend([ESCAPE, 0x05]),
            ESCAPE => message.extend([ESCAPE, 0x00]),
            byte => message.push(byte),
        }
    }
    message
}

/// Finds the host's commands in what it sends.
#[derive(Debug, Default)]
pub(super) struct Deframer {
    /// Behind the start; `None`: none has come.
    content: Option<Vec<u8>>,
    escaped: bool,
}

impl Deframer {
    /// Takes a byte; the code of a command comes out with its sum, if that is right.
    pub(super) fn take(&mut self, byte: u8) -> Option<u8> {
        if byte == START {
            (self.content, self.escaped) = (Some(Vec::new()), false);
            return None;
        }
        let content = self.content.as_mut()?;
        match (self.escaped, byte) {
            (false, ESCAPE) => {
                self.escaped = true;
                return None;
            }
            (true, byte) => content.push(ESCAPE | byte),
            (false, byte) => content.push(byte),
        }
        self.escaped = false;
        let (length, rest) = content.split_first()?;
        // The length counts the code and the payload; a sum follows.
        if rest.len() <= usize::from(*length) && rest.len() < COMMAND_MAX {
            return None;
        }
        let right = content.iter().fold(0, |sum, byte| sum ^ byte) == 0;
        let code = rest.first().copied().filter(|_| right && *length > 0);
        self.content = None;
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_as_in_the_worked_example() {
        let sample = enclose(0, &[5, 37, 0x80, 0x08]);
        assert_eq!(sample, [0x85, 0x05, 0x00, 0x05, 0x25, 0x80, 0x00, 0x08, 0xAD]);
    }

    #[test]
    fn commands_are_found_and_what_is_damaged_is_not() {
        let mut deframer = Deframer::default();
        let mut found = |bytes: &[u8]| bytes.iter().filter_map(|it| deframer.take(*it)).collect::<Vec<_>>();
        assert_eq!(found(&[0x85, 0x01, 0x01, 0x00, 0x85, 0x01, 0x04, 0x05]), [1, 4]);
        assert_eq!(found(&[0x85, 0x01, 0x06, 0x06, 0x07, 0x85, 0x01, 0x85, 0x01, 0x06, 0x07]), [6]);
        // An identity with both bytes that are escaped.
        assert_eq!(found(&enclose(7, &[0x85, 0x80, 0x41])), [7]);
    }
}
