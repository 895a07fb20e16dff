//! Remote operations: what a host asks in an association, and the messages that answer it.

use super::words::{Reader, measured};

/// Session and context of every message of an association.
const CONTEXT: [u8; 4] = [0xE1, 0, 0, 2];
/// Kinds of operation: invoke, result, error, linked result.
const ROIV: u16 = 1;
const RORS: u16 = 2;
const ROER: u16 = 3;
const ROLRS: u16 = 5;
/// Commands.
pub(super) const EVENT: u16 = 0;
pub(super) const CONFIRMED_EVENT: u16 = 1;
const CONFIRMED_ACTION: u16 = 7;
/// The object that stands for the whole monitor: class, context, handle.
pub(super) const MDS: [u8; 6] = [0, 0x21, 0, 0, 0, 0];
/// Events and actions.
pub(super) const MDS_CREATE: u16 = 0x0D06;
const SINGLE_POLL: u16 = 0x0C16;
const EXTENDED_POLL: u16 = 0xF13B;
/// Attribute of an extended poll: for how long results are wanted, eighths of a millisecond.
const POLL_PERIOD: u16 = 0xF13E;

/// Why an operation was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NoSuchClass,
    NoSuchAction,
}

/// A request for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Poll {
    pub(super) invoke: u16,
    /// The host's own number of it.
    pub(super) number: u16,
    /// The class of the objects that are wanted, and of their attributes the group; 0: all.
    pub(super) class: u16,
    pub(super) group: u16,
    pub(super) way: Way,
}

/// How values are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Once.
    Single,
    /// Once, or again and again for so many ms.
    Extended { for_ms: Option<u64> },
}

impl Way {
    const fn action(self) -> u16 {
        match self {
            Self::Single => SINGLE_POLL,
            Self::Extended { .. } => EXTENDED_POLL,
        }
    }
}

/// What a host says in an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// It has taken the monitor's description of itself.
    Created,
    Poll(Poll),
    /// An action that a monitor does not have.
    Unknown {
        invoke: u16,
        class: u16,
        action: u16,
    },
}

/// Reads an operation; anything that is none is ignored.
pub(super) fn read(message: &[u8]) -> Option<Operation> {
    let mut reader = Reader(message);
    if reader.take(4)? != CONTEXT {
        return None;
    }
    let kind = reader.u16()?;
    let mut body = reader.measured()?;
    let (invoke, command) = (body.u16()?, body.u16()?);
    let mut body = body.measured()?;
    match (kind, command) {
        (RORS, CONFIRMED_EVENT) => {
            body.take(10)?;
            (body.u16()? == MDS_CREATE).then_some(Operation::Created)
        }
        (ROIV, CONFIRMED_ACTION) => {
            let class = body.u16()?;
            // Context, handle, scope.
            body.take(8)?;
            let action = body.u16()?;
            let argument = body.measured()?;
            match action {
                SINGLE_POLL | EXTENDED_POLL => Some(Operation::Poll(poll(invoke, action, argument)?)),
                action => Some(Operation::Unknown { invoke, class, action }),
            }
        }
        _ => None,
    }
}

fn poll(invoke: u16, action: u16, mut argument: Reader<'_>) -> Option<Poll> {
    let number = argument.u16()?;
    // The partition of the class: objects.
    argument.u16()?;
    let (class, group) = (argument.u16()?, argument.u16()?);
    let mut for_ms = || Some(u64::from(argument.attribute_of_list(POLL_PERIOD)?.u32()? / 8));
    let way = if action == SINGLE_POLL { Way::Single } else { Way::Extended { for_ms: for_ms() } };
    Some(Poll { invoke, number, class, group, way })
}

/// Where one message stands among those that answer together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The only one, or the last.
    Final,
    /// Linked: state, and the count from 1.
    Linked(u8, u8),
}

impl Place {
    /// The places of so many messages: the first, those between and the last of the linked ones, and then the final one.
    pub(super) fn of(messages: usize) -> Vec<Self> {
        let linked = messages.saturating_sub(1);
        let place = |index: usize| {
            let state = if index == 0 {
                1
            } else if index + 1 == linked {
                3
            } else {
                2
            };
            Self::Linked(state, u8::try_from(index + 1).unwrap_or(u8::MAX))
        };
        (0..linked).map(place).chain([Self::Final]).collect()
    }
}

/// A message that answers a poll.
pub(super) fn poll_result(poll: &Poll, place: Place, body: &[u8]) -> Vec<u8> {
    let mut action = MDS.to_vec();
    action.extend(poll.way.action().to_be_bytes());
    action.extend(measured(body));
    let result = command(poll.invoke, CONFIRMED_ACTION, &action);
    match place {
        Place::Final => message(RORS, &result),
        Place::Linked(state, count) => message(ROLRS, &[[state, count].as_slice(), &result].concat()),
    }
}

/// A message that says why nothing was done, of that class, or of that class and action.
pub(super) fn error(invoke: u16, refusal: Refusal, about: &[u16]) -> Vec<u8> {
    let reason = match refusal {
        Refusal::NoSuchClass => 0,
        Refusal::NoSuchAction => 9,
    };
    let about: Vec<u8> = about.iter().flat_map(|it| it.to_be_bytes()).collect();
    message(ROER, &command(invoke, reason, &about))
}

/// A message in which the monitor itself speaks of an event.
pub(super) fn event(kind: u16, object: [u8; 6], time: u32, event: u16, information: &[u8]) -> Vec<u8> {
    let mut body = object.to_vec();
    body.extend(time.to_be_bytes());
    body.extend(event.to_be_bytes());
    body.extend(measured(information));
    // Its first operation is its only one.
    message(ROIV, &command(u16::from(kind == CONFIRMED_EVENT), kind, &body))
}

/// An operation outside an association: the same with another context.
pub(super) fn without_association(message: &[u8]) -> Vec<u8> {
    [[0, 0, 1, 0].as_slice(), message.get(CONTEXT.len()..).unwrap_or(&[])].concat()
}

fn command(invoke: u16, command: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = [invoke.to_be_bytes(), command.to_be_bytes()].concat();
    bytes.extend(measured(body));
    bytes
}

fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = CONTEXT.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend(measured(body));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A real host's extended poll, for 30 s, and its answer to the monitor's description, without their frames.
    const EXTENDED: [u8; 48] = [
        0xE1, 0, 0, 2, 0, 1, 0, 0x28, 0, 1, 0, 7, 0, 0x22, 0, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0xF1, 0x3B, 0,
        0x14, 0, 1, 0, 1, 0, 6, 0, 0, 0, 1, 0, 8, 0xF1, 0x3E, 0, 4, 0, 3, 0xA9, 0x80,
    ];
    const CREATED: [u8; 28] = [
        0xE1, 0, 0, 2, 0, 2, 0, 0x14, 0, 1, 0, 1, 0, 0x0E, 0, 0x21, 0, 0, 0, 0, 0, 0x0A, 0xBD, 0, 0x0D, 6, 0,
        0,
    ];

    #[test]
    fn a_real_hosts_messages_are_understood() {
        let way = Way::Extended { for_ms: Some(30_000) };
        let poll = Poll { invoke: 1, number: 1, class: 6, group: 0, way };
        assert_eq!(read(&EXTENDED), Some(Operation::Poll(poll)));
        assert_eq!(read(&CREATED), Some(Operation::Created));
        for length in 0..EXTENDED.len() {
            assert_eq!(read(&EXTENDED[..length]), None, "{length}");
        }
        let mut other = EXTENDED;
        other[24] = 0x77;
        assert_eq!(read(&other), Some(Operation::Unknown { invoke: 1, class: 0x21, action: 0x773B }));
    }

    #[test]
    fn linked_messages_are_counted_and_a_final_one_follows() {
        assert_eq!(Place::of(1), [Place::Final]);
        assert_eq!(Place::of(2), [Place::Linked(1, 1), Place::Final]);
        assert_eq!(
            Place::of(4),
            [Place::Linked(1, 1), Place::Linked(2, 2), Place::Linked(3, 3), Place::Final]
        );
    }
}
