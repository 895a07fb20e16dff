//! What a monitor says: answers of the session, events that want an answer, and results of a poll.
//!
//! ```text
//! E1 00 00 02 | kind (2) length (2) | [linked: state, count] invoke id (2) command (2) length (2) | …
//! ```
//!
//! A result may come in several linked messages; each has values of its own and is read by itself.

use alloc::vec::Vec;

use super::alarm::Lists;
use super::identity;
use crate::device::measured::local_time;
use crate::notice::DeviceIdentity;
use crate::time::DeviceTime;

/// Remote operations: invoke, result, error, linked result.
const INVOKE: u16 = 1;
const RESULT: u16 = 2;
const LINKED: u16 = 5;
/// Commands: confirmed event report, confirmed action.
const EVENT: u16 = 1;
const ACTION: u16 = 7;
/// The event that a monitor begins with: MDS create.
const MDS_CREATE: u16 = 0x0D06;
/// Polls, single and extended.
const SINGLE: u16 = 0x0C16;
const EXTENDED: u16 = 0xF13B;
/// The classes that are polled: numerics, and the alarm monitor.
const NUMERIC: u16 = 0x0006;
const ALARM_MONITOR: u16 = 0x0036;

/// A message, as far as it concerns us.
#[derive(Debug)]
pub(super) enum Message {
    /// The association is accepted.
    Accepted,
    /// It is refused, finished or aborted.
    Ended,
    /// The monitor has made its MDS, under this invoke id and at this time, and waits for an answer; who it is, as far as it
    /// says so.
    MdsCreated { invoke: u16, time: u32, identity: Option<DeviceIdentity> },
    /// Values.
    Poll(Poll),
    /// The alarms.
    Alarms(Lists),
    /// Anything else.
    Other,
}

/// The numerics of a poll.
#[derive(Debug)]
pub(super) struct Poll {
    /// The monitor's clock.
    pub(super) time: Option<DeviceTime>,
    /// Observed values: physiological id, state, unit and amount, as sent.
    pub(super) values: Vec<Observed>,
}

/// One observed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) physio: u16,
    pub(super) state: u16,
    pub(super) unit: u16,
    pub(super) value: u32,
}

impl Message {
    /// Reads a message; `None` if its lengths do not fit each other.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? {
            0x0E => Some(Self::Accepted),
            0x0C | 0x09 | 0x0A | 0x19 => Some(Self::Ended),
            0xE1 => export(bytes.get(4..)?),
            _ => Some(Self::Other),
        }
    }
}

fn export(bytes: &[u8]) -> Option<Message> {
    let mut fields = Fields(bytes);
    let kind = fields.word()?;
    let mut fields = fields.part()?;
    if kind == LINKED {
        fields.word()?;
    }
    if !matches!(kind, INVOKE | RESULT | LINKED) {
        return Some(Message::Other);
    }
    let (invoke, command) = (fields.word()?, fields.word()?);
    let mut fields = fields.part()?;
    match (kind, command) {
        (INVOKE, EVENT) => event(fields, invoke),
        (RESULT | LINKED, ACTION) => {
            // The managed object; a scope stands in requests alone.
            fields.take(6)?;
            let action = fields.word()?;
            let fields = fields.part()?;
            if matches!(action, SINGLE | EXTENDED) { poll(fields, action) } else { Some(Message::Other) }
        }
        _ => Some(Message::Other),
    }
}

fn event(mut fields: Fields<'_>, invoke: u16) -> Option<Message> {
    fields.take(6)?;
    let time = fields.long()?;
    let kind = fields.word()?;
    let event = fields.part()?;
    Some(match kind {
        MDS_CREATE => Message::MdsCreated { invoke, time, identity: identity::read(event) },
        _ => Message::Other,
    })
}

fn poll(mut fields: Fields<'_>, action: u16) -> Option<Message> {
    fields.word()?;
    if action == EXTENDED {
        fields.word()?;
    }
    fields.long()?;
    let time = clock(fields.take(8)?);
    fields.word()?;
    let class = fields.word()?;
    fields.word()?;
    match class {
        NUMERIC => {
            let mut values = Vec::new();
            attributes(fields, |id, value| observed(id, value, &mut values))?;
            Some(Message::Poll(Poll { time, values }))
        }
        ALARM_MONITOR => {
            let mut lists = Lists::default();
            attributes(fields, |id, value| lists.take_attribute(id, value))?;
            Some(Message::Alarms(lists))
        }
        _ => Some(Message::Other),
    }
}

/// Every attribute of every object in a result.
fn attributes(mut fields: Fields<'_>, mut take: impl FnMut(u16, Fields<'_>) -> Option<()>) -> Option<()> {
    let (contexts, mut list) = fields.list()?;
    for _ in 0..contexts {
        list.word()?;
        let (objects, mut object) = list.list()?;
        for _ in 0..objects {
            object.word()?;
            let (attributes, mut attribute) = object.list()?;
            for _ in 0..attributes {
                let id = attribute.word()?;
                take(id, attribute.part()?)?;
            }
        }
    }
    Some(())
}

/// The values of an attribute: one, or several in one (a cuff's).
fn observed(id: u16, mut fields: Fields<'_>, values: &mut Vec<Observed>) -> Option<()> {
    match id {
        0x0950 => values.push(fields.observed()?),
        0x094B => {
            let (count, mut list) = fields.list()?;
            for _ in 0..count {
                values.push(list.observed()?);
            }
        }
        _ => {}
    }
    Some(())
}

/// Eight bytes of two digits: century, year, month, day, hour, minute, second, fraction.
fn clock(bytes: &[u8]) -> Option<DeviceTime> {
    let mut digits = bytes.iter().map(|byte| {
        let (tens, ones) = (byte >> 4, byte & 0x0F);
        if tens <= 9 && ones <= 9 { i8::try_from(tens * 10 + ones).ok() } else { None }
    });
    let mut next = || digits.next().flatten();
    let (century, year) = (i16::from(next()?), i16::from(next()?));
    local_time(century * 100 + year, [next()?, next()?, next()?, next()?, next()?])
}

/// What is left of a message.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// All of it.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn word(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn long(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// A length, and so many bytes.
    pub(super) fn part(&mut self) -> Option<Self> {
        let length = usize::from(self.word()?);
        self.take(length).map(Self)
    }

    /// A count, a length, and so many bytes.
    pub(super) fn list(&mut self) -> Option<(u16, Self)> {
        Some((self.word()?, self.part()?))
    }

    fn observed(&mut self) -> Option<Observed> {
        Some(Observed { physio: self.word()?, state: self.word()?, unit: self.word()?, value: self.long()? })
    }
}
