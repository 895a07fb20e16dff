//! The answer to a poll: objects with their attributes, in as many messages as it takes, and what each of them says.

use std::collections::BTreeMap;

use vitals::vital::Vital;

use super::identity::{self, Identity, Moment};
use super::operation::{Place, Poll, Refusal, Way, error, poll_result};
use super::words::{absolute_time, attribute, list};
use super::{alarms, numerics};
use crate::device::{Observation, Said};
use crate::patient::Numerics;

/// Classes of objects.
const NUMERICS: u16 = 0x0006;
const ENUMERATIONS: u16 = 0x0005;
const WAVES: u16 = 0x0009;
const MONITOR: u16 = 0x0021;
const PATIENT: u16 = 0x002A;
const ALARMS: u16 = 0x0036;
/// The patient's state of admission, of a bed in which nobody is admitted: nothing else is said of who lies there.
const ADMISSION: u16 = 0x0957;

/// What stands around the entries of a message, bytes: operation, action, head of the reply, lists.
const AROUND: usize = 64;

/// An object's entry, and what it says.
type Entry = (Vec<u8>, BTreeMap<Vital, Said>);

/// Makes answers, and counts the changes of the alarm lists that it has told.
#[derive(Debug, Default)]
pub(super) struct Replier {
    changes: u16,
    alarms: Vec<alarms::Alarm>,
}

impl Replier {
    /// The messages that answer a poll, the `sequence`th time, none of them longer than `longest` bytes. `start` is what
    /// the monitor's clock showed at simulated time 0.
    pub(super) fn messages(
        &mut self,
        (poll, sequence): (&Poll, u16),
        (now, moment, identity, start): (&Numerics, Moment, Identity, i64),
        longest: u32,
    ) -> Vec<(Vec<u8>, Option<Observation>)> {
        let entries: Vec<Entry> = match poll.class {
            NUMERICS => {
                let entry = |it: &numerics::Object| (it.entry(poll.group, start), it.vitals(poll.group));
                numerics::objects(now, moment.demo).iter().map(entry).collect()
            }
            MONITOR => vec![entry_of(0, &identity::attributes(identity, moment))],
            PATIENT => vec![entry_of(1, &[attribute(ADMISSION, &[0, 0])])],
            ALARMS => vec![entry_of(1, &self.alarms(now, moment.demo, poll.group))],
            // There are none on the screen.
            ENUMERATIONS | WAVES => Vec::new(),
            class => return vec![(error(poll.invoke, Refusal::NoSuchClass, &[class]), None)],
        };
        let parts = split(entries, usize::try_from(longest).unwrap_or(usize::MAX).saturating_sub(AROUND));
        let (_, words) = absolute_time(moment.clock);
        let message = |(part, place): (Vec<Entry>, Place)| {
            let (entries, vitals): (Vec<_>, Vec<_>) = part.into_iter().unzip();
            let vitals: BTreeMap<_, _> = vitals.into_iter().flatten().collect();
            let observation = Observation { seq: None, device_time: Some(words.clone()), vitals };
            let message = poll_result(poll, place, &body((poll, sequence), moment, &entries));
            (message, Some(observation).filter(|it| !it.vitals.is_empty()))
        };
        let places = Place::of(parts.len());
        parts.into_iter().zip(places).map(message).collect()
    }

    fn alarms(&mut self, now: &Numerics, demo: bool, group: u16) -> Vec<Vec<u8>> {
        let alarms = [alarms::patient(now), alarms::technical(now)].concat();
        if alarms != self.alarms {
            self.changes = self.changes.wrapping_add(1);
            self.alarms = alarms;
        }
        alarms::attributes(now, demo, group, self.changes)
    }
}

/// What a reply says: which poll it answers, when, and the entries, of one context.
fn body((poll, sequence): (&Poll, u16), moment: Moment, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut body = poll.number.to_be_bytes().to_vec();
    if matches!(poll.way, Way::Extended { .. }) {
        body.extend(sequence.to_be_bytes());
    }
    body.extend(moment.relative.to_be_bytes());
    body.extend(absolute_time(moment.clock).0);
    // The partition of the class: objects.
    body.extend([1, poll.class, poll.group].map(u16::to_be_bytes).concat());
    let context = [vec![0, 0], list(entries)].concat();
    body.extend(if entries.is_empty() { list(&[]) } else { list(&[context]) });
    body
}

/// The entry of an object of which a monitor has one.
fn entry_of(handle: u16, attributes: &[Vec<u8>]) -> Entry {
    ([handle.to_be_bytes().to_vec(), list(attributes)].concat(), BTreeMap::new())
}

/// Entries in parts that fit into a message: at least one part, and at least one entry in each but an empty one.
fn split(entries: Vec<Entry>, room: usize) -> Vec<Vec<Entry>> {
    let mut parts = vec![Vec::new()];
    let mut used = 0;
    for entry in entries {
        if used > 0 && used + entry.0.len() > room {
            parts.push(Vec::new());
            used = 0;
        }
        used += entry.0.len();
        if let Some(part) = parts.last_mut() {
            part.push(entry);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::intellivue::frame::enclose;

    /// The worked answer, saturation of 97 % and pulse of 72.0, byte for byte.
    #[test]
    fn an_answer_is_the_worked_frame() {
        let worked = "C0110100 66E1000002 0002005E 000100070058 002100000000 0C16004E 0001 00112233 2018080214302000 \
                      000100060000 00010036 0000 00020030 0055 00020016 0924000400024BB8 0950000A4BB800000220 00000061 \
                      0056 0001000E 0950000A482200000AA0 FF0002D0 39E0C1";
        let digits: Vec<u8> = worked.bytes().filter(|it| !it.is_ascii_whitespace()).collect();
        let digit = |it: &u8| u8::try_from(char::from(*it).to_digit(16).unwrap()).unwrap();
        let worked: Vec<u8> = digits.chunks(2).map(|it| digit(&it[0]) * 16 + digit(&it[1])).collect();
        let poll = Poll { invoke: 1, number: 1, class: NUMERICS, group: 0, way: Way::Single };
        // 2018-08-02T14:30:20
        let moment = Moment { clock: 1_533_220_220, relative: 0x0011_2233, demo: false, association: 1 };
        let spo2 = [
            attribute(0x0924, &[0, 2, 0x4B, 0xB8]),
            attribute(0x0950, &[0x4B, 0xB8, 0, 0, 2, 0x20, 0, 0, 0, 0x61]),
        ];
        let pulse = [attribute(0x0950, &[0x48, 0x22, 0, 0, 0x0A, 0xA0, 0xFF, 0, 2, 0xD0])];
        let entries = [entry_of(0x55, &spo2).0, entry_of(0x56, &pulse).0];
        let answer = poll_result(&poll, Place::Final, &body((&poll, 0), moment, &entries));
        assert_eq!(enclose(&answer), worked);
    }

    #[test]
    fn a_part_is_as_full_as_it_may_be_and_an_empty_answer_is_one() {
        let entry = |length: usize| (vec![0; length], BTreeMap::new());
        let lengths = |parts: Vec<Vec<Entry>>| parts.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(split(vec![entry(60), entry(40), entry(1), entry(500)], 100)), [2, 1, 1]);
        assert_eq!(lengths(split(vec![], 100)), [0]);
    }
}
