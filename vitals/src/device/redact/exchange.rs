//! Messages of Data Export: the attributes of numerics, waves and alarms are kept, and every other value becomes zeros of its
//! length.
//!
//! What tells who the patient is stands under attributes of its own (names, numbers, birth date: 0956 to 0962, 09D8 to 09DF,
//! F001, F129, F12A), the monitor's bed and serial numbers in the attributes of its MDS. They need no list: what is kept
//! has one. An object of the class of patients (002A) keeps nothing.

use alloc::vec::Vec;
use core::ops::Range;

use crate::device::intellivue;

/// Numerics: value, compound value, label, type, unit, state, calibration, time stamps. Waves: values, scale, period. Alarms:
/// the two lists, the condition. The system's model, clock and type.
const KEPT: [u16; 27] = [
    0x0902, 0x0904, 0x0911, 0x0916, 0x0921, 0x0924, 0x0928, 0x092F, 0x093F, 0x0945, 0x0946, 0x0948, 0x094B,
    0x0950, 0x0967, 0x096D, 0x096E, 0x096F, 0x0986, 0x0987, 0x098D, 0x098F, 0x0990, 0x0991, 0x0996, 0x099E,
    0xF008,
];
/// The class of who the patient is.
const PATIENT: u16 = 0x002A;
/// Beginnings of the session's own messages, which carry terms of the association.
const SESSION: [u8; 6] = [0x0D, 0x0E, 0x0C, 0x09, 0x0A, 0x19];

/// A frame of the serial line.
pub(super) fn serial(frame: &[u8]) -> Option<Vec<u8>> {
    let message = intellivue::unframed(frame)?;
    Some(intellivue::framed(&redacted(message)?))
}

/// A message as it comes in a datagram.
pub(super) fn lan(message: &[u8]) -> Option<Vec<u8>> {
    redacted(message.to_vec())
}

fn redacted(mut message: Vec<u8>) -> Option<Vec<u8>> {
    if message.first().is_some_and(|it| SESSION.contains(it)) {
        return Some(message);
    }
    let mut blanks = Vec::new();
    export(Place::whole(&message), &mut blanks)?;
    for blank in blanks {
        message.get_mut(blank)?.fill(0);
    }
    Some(message)
}

/// Finds what is overwritten; `None` for a message of which it cannot be said.
fn export(mut place: Place<'_>, blanks: &mut Vec<Range<usize>>) -> Option<()> {
    if place.long()? != 0xE100_0002 {
        return None;
    }
    let kind = place.word()?;
    let mut place = place.part()?;
    if kind == 5 {
        // Which of several linked results.
        place.skip(2)?;
    }
    place.skip(2)?;
    let command = place.word()?;
    let mut place = place.part()?;
    match (kind, command) {
        // Events: the system that was made, and others.
        (1, 0 | 1) => {
            place.skip(10)?;
            place.skip(2)?;
            let mut data = place.part()?;
            let all = data.rest();
            if event(&mut data, blanks).is_none() {
                blanks.push(all);
            }
            Some(())
        }
        // Results of a poll.
        (2 | 5, 7) => {
            place.skip(6)?;
            let action = place.word()?;
            let mut data = place.part()?;
            poll(&mut data, action == 0xF13B, blanks)
        }
        // The answer to an event, or an error.
        (2, 1) | (3, _) => Some(()),
        _ => None,
    }
}

/// An object and its attributes.
fn event(data: &mut Place<'_>, blanks: &mut Vec<Range<usize>>) -> Option<()> {
    data.skip(6)?;
    let mut found = Vec::new();
    attributes(data, false, &mut found)?;
    data.is_at_its_end().then(|| blanks.extend(found))
}

fn poll(data: &mut Place<'_>, extended: bool, blanks: &mut Vec<Range<usize>>) -> Option<()> {
    // Number, sequence, relative and absolute time, partition.
    data.skip(if extended { 18 } else { 16 })?;
    let is_patient = data.word()? == PATIENT;
    data.skip(2)?;
    let (contexts, mut list) = data.list()?;
    for _ in 0..contexts {
        list.skip(2)?;
        let (objects, mut object) = list.list()?;
        for _ in 0..objects {
            object.skip(2)?;
            attributes(&mut object, is_patient, blanks)?;
        }
        object.is_at_its_end().then_some(())?;
    }
    list.is_at_its_end().then_some(())
}

fn attributes(place: &mut Place<'_>, is_patient: bool, blanks: &mut Vec<Range<usize>>) -> Option<()> {
    let (count, mut list) = place.list()?;
    for _ in 0..count {
        let id = list.word()?;
        let value = list.part()?;
        if is_patient || !KEPT.contains(&id) {
            blanks.push(value.rest());
        }
    }
    list.is_at_its_end().then_some(())
}

/// A part of a message, and where it stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Place<'a> {
    fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn rest(&self) -> Range<usize> {
        self.at..self.at + self.bytes.len()
    }

    fn is_at_its_end(&self) -> bool {
        self.bytes.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<Self> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        let place = Self { bytes: taken, at: self.at };
        (self.bytes, self.at) = (rest, self.at + count);
        Some(place)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(drop)
    }

    fn word(&mut self) -> Option<u16> {
        self.take(2)?.bytes.try_into().ok().map(u16::from_be_bytes)
    }

    fn long(&mut self) -> Option<u32> {
        self.take(4)?.bytes.try_into().ok().map(u32::from_be_bytes)
    }

    /// A length, and so many bytes.
    fn part(&mut self) -> Option<Self> {
        let length = usize::from(self.word()?);
        self.take(length)
    }

    /// A count, a length, and so many bytes.
    fn list(&mut self) -> Option<(u16, Self)> {
        Some((self.word()?, self.part()?))
    }
}
