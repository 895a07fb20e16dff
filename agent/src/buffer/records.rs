//! The body of a frame of records: one envelope after the other.
//!
//! Each: sequence number and boot-time clock as differences to the one before (0 for the first's clock, the frame's
//! first for its number), a byte of flags, then key and body, each behind its length. Numbers are LEB128; the clock's
//! difference is zigzag, since it may run back between sources.
//!
//! Flags: bits 0 and 1 are the mode (0 live, 1 simulated, 2 replay), bit 2 late, bit 3 that the body's usual beginning is
//! left out. That is what frame and envelope say already, as [`beginning`] writes it: half of what a single record takes.
//! The agent's id stands in its place, behind its length, before the rest of the body. All other bits are 0. Version 1
//! of the frame has no bit 3.
//!
//! Flags of bit 4 alone stand for numbers whose records were merged away (`repack`): number and clock are those of the
//! first of them; the agent's id behind its length, how many they are, and how much later on the clock the last was.
//! Version 1 has none.

use vitals::reading::Mode;
use vitals::record::ledger::{Gap, GapReason};
use vitals::record::reading::READINGS;
use vitals::time::Uptime;

use super::Item;
use super::facts::{Naming, gap};
use super::frame::{Damage, Head};
use crate::envelope::Envelope;

const MODE: u8 = 3;
const LATE: u8 = 1 << 2;
const SHORTENED: u8 = 1 << 3;
const MERGED: u8 = 1 << 4;

/// Whether an item has its place among the records of a body: a gap elsewhere is a body of its own.
pub(super) fn is_entry(item: &Item) -> bool {
    match item {
        Item::Record(_) => true,
        Item::Gap(gap) => gap.reason == GapReason::Merged,
    }
}

/// Appends an item of a run that [`is_entry`] to a body. `before`: number and clock of the one before.
pub(super) fn encode(body: &mut Vec<u8>, run: &str, before: (u64, u64), item: &Item) -> (u64, u64) {
    match item {
        Item::Record(envelope) => encode_record(body, run, before, envelope),
        Item::Gap(gap) => encode_merged(body, before, gap),
    }
}

fn encode_merged(body: &mut Vec<u8>, before: (u64, u64), gap: &Gap) -> (u64, u64) {
    let from = gap.from_up_ms.map_or(before.1, Uptime::as_millis);
    let to = gap.to_up_ms.map_or(from, Uptime::as_millis);
    put(body, gap.first_seq.wrapping_sub(before.0));
    put(body, zigzag(from.wrapping_sub(before.1)));
    body.push(MERGED);
    put_bytes(body, gap.agent.as_bytes());
    put(body, gap.count);
    put(body, zigzag(to.wrapping_sub(from)));
    (gap.last_seq, to)
}

fn encode_record(body: &mut Vec<u8>, run: &str, before: (u64, u64), envelope: &Envelope) -> (u64, u64) {
    let up = envelope.up.as_millis();
    put(body, envelope.seq.wrapping_sub(before.0));
    put(body, zigzag(up.wrapping_sub(before.1)));
    let mode = match envelope.mode {
        Mode::Live => 0,
        Mode::Simulated => 1,
        Mode::Replay => 2,
    };
    let late = if envelope.late { LATE } else { 0 };
    let shortened = shorten(run, envelope);
    body.push(mode | late | shortened.map_or(0, |_| SHORTENED));
    put_bytes(body, envelope.key.as_bytes());
    if let Some((agent, rest)) = shortened {
        put_bytes(body, agent.as_bytes());
        put_bytes(body, rest);
    } else {
        put_bytes(body, &envelope.body);
    }
    (envelope.seq, up)
}

/// Reads the entries of a frame with this head.
pub(super) fn decode(head: &Head, mut body: &[u8]) -> Result<Vec<Item>, Damage> {
    let mut items = Vec::new();
    let (mut seq, mut up) = (head.first, 0_u64);
    while !body.is_empty() {
        seq = seq.wrapping_add(get(&mut body)?);
        up = up.wrapping_add(unzigzag(get(&mut body)?));
        let (flags, rest) = body.split_first().ok_or(Damage::Body)?;
        body = rest;
        if *flags == MERGED {
            let merged = decode_merged(head, &mut body, seq, up)?;
            (seq, up) = (merged.last_seq, merged.to_up_ms.map_or(up, Uptime::as_millis));
            items.push(Item::Gap(merged));
            continue;
        }
        if flags & !(MODE | LATE | SHORTENED) != 0 {
            return Err(Damage::Body);
        }
        let mode = match flags & MODE {
            0 => Mode::Live,
            1 => Mode::Simulated,
            2 => Mode::Replay,
            _ => return Err(Damage::Body),
        };
        let key = text(&mut body)?.into();
        let mut json = Vec::new();
        if flags & SHORTENED != 0 {
            json.extend(beginning(text(&mut body)?, &head.run, seq, up).as_bytes());
        }
        json.extend(bytes(&mut body)?);
        let late = flags & LATE != 0;
        let up = Uptime::from_millis(up);
        items.push(Item::Record(Envelope { seq, up, mode, late, key, body: json.into() }));
    }
    Ok(items)
}

fn decode_merged(head: &Head, body: &mut &[u8], first: u64, up: u64) -> Result<Gap, Damage> {
    let agent = text(body)?.to_owned();
    let more = get(body)?.checked_sub(1).ok_or(Damage::Body)?;
    let last = first.checked_add(more).ok_or(Damage::Body)?;
    let to = up.wrapping_add(unzigzag(get(body)?));
    let naming = Naming { agent, run: head.run.clone(), lane: head.lane };
    Ok(Gap {
        from_up_ms: Some(Uptime::from_millis(up)),
        to_up_ms: Some(Uptime::from_millis(to)),
        ..gap(&naming, &head.run, (first, last), GapReason::Merged)
    })
}

/// With what a reading's body begins. Part of the format for ever: another beginning gets another bit.
fn beginning(agent: &str, run: &str, seq: u64, up: u64) -> String {
    format!(
        r#"{{"schema":"{READINGS}","id":"{agent}/{run}/r/{seq}","agent":"{agent}","run":"{run}","seq":{seq},"up_ms":{up},"#
    )
}

/// The agent and what follows the usual beginning, where a body has exactly that.
fn shorten<'a>(run: &str, envelope: &'a Envelope) -> Option<(&'a str, &'a [u8])> {
    const BEFORE_ID: &[u8] = br#"{"schema":"vitals.readings.v1","id":""#;
    let id = envelope.body.strip_prefix(BEFORE_ID)?;
    let end = id.iter().position(|it| *it == b'"')?;
    let id = std::str::from_utf8(&id[..end]).ok()?;
    let agent = id.strip_suffix(&format!("/{run}/r/{}", envelope.seq))?;
    let beginning = beginning(agent, run, envelope.seq, envelope.up.as_millis());
    envelope.body.strip_prefix(beginning.as_bytes()).map(|rest| (agent, rest))
}

fn put_bytes(body: &mut Vec<u8>, bytes: &[u8]) {
    put(body, bytes.len() as u64);
    body.extend(bytes);
}

fn put(body: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        body.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    body.push((number & 0x7F) as u8);
}

fn get(body: &mut &[u8]) -> Result<u64, Damage> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = body.split_first().ok_or(Damage::Body)?;
        *body = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Damage::Body)
}

fn bytes<'a>(body: &mut &'a [u8]) -> Result<&'a [u8], Damage> {
    let len = usize::try_from(get(body)?).map_err(|_| Damage::Body)?;
    let (bytes, rest) = body.split_at_checked(len).ok_or(Damage::Body)?;
    *body = rest;
    Ok(bytes)
}

fn text<'a>(body: &mut &'a [u8]) -> Result<&'a str, Damage> {
    std::str::from_utf8(bytes(body)?).map_err(|_| Damage::Body)
}

/// Small differences, in two's complement, to small numbers.
fn zigzag(difference: u64) -> u64 {
    difference << 1 ^ (difference >> 63).wrapping_neg()
}

fn unzigzag(number: u64) -> u64 {
    number >> 1 ^ (number & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::frame::Kind;
    use crate::envelope::Lane;
    use proptest::prelude::*;

    const RUN: &str = "7f3a9c21-58e1";

    fn head(first: u64) -> Head {
        Head { kind: Kind::Records, lane: Lane::Readings, run: RUN.into(), count: 0, first, last: first }
    }

    /// Bodies of any bytes, and such as begin like a reading of this run, or nearly.
    fn body(seq: u64, up: u64) -> impl Strategy<Value = Vec<u8>> {
        let any_bytes = proptest::collection::vec(any::<u8>(), 0..200);
        let near =
            ("[a-z/-]{0,8}", 0..3_u64, 0..3_u64, ".{0,12}").prop_map(move |(agent, one, other, rest)| {
                format!("{}{rest}", beginning(&agent, RUN, seq.wrapping_add(one / 2), up ^ (other / 2)))
                    .into_bytes()
            });
        prop_oneof![any_bytes, near]
    }

    fn merged() -> impl Strategy<Value = Item> {
        (1..=u64::MAX, 0..1_000_u64, any::<(u64, u64)>(), "[a-z0-9-]{0,9}").prop_map(
            |(first, more, up, agent)| {
                let naming = Naming { agent, run: RUN.into(), lane: Lane::Readings };
                Item::Gap(Gap {
                    from_up_ms: Some(Uptime::from_millis(up.0)),
                    to_up_ms: Some(Uptime::from_millis(up.1)),
                    ..gap(&naming, &naming.run, (first, first.saturating_add(more)), GapReason::Merged)
                })
            },
        )
    }

    fn item() -> impl Strategy<Value = Item> {
        prop_oneof![3 => envelope().prop_map(Item::Record), 1 => merged()]
    }

    fn envelope() -> impl Strategy<Value = Envelope> {
        let mode = prop_oneof![Just(Mode::Live), Just(Mode::Simulated), Just(Mode::Replay)];
        (any::<u64>(), any::<u64>(), mode, any::<bool>(), ".{0,20}").prop_flat_map(
            |(seq, up, mode, late, key)| {
                body(seq, up).prop_map(move |body| Envelope {
                    seq,
                    up: Uptime::from_millis(up),
                    mode,
                    late,
                    key: key.clone().into(),
                    body: body.into(),
                })
            },
        )
    }

    #[test]
    fn the_usual_beginning_takes_no_room() {
        let body = format!("{}\"bed\":\"icu-3-07\"}}", beginning("icu-3", RUN, 184_467, 93_211_042));
        let mut envelope = crate::buffer::model_tests::envelope(184_467, 0);
        (envelope.up, envelope.body) = (Uptime::from_millis(93_211_042), body.into_bytes().into());
        let mut stored = Vec::new();
        encode_record(&mut stored, RUN, (184_467, 0), &envelope);
        assert!(stored.len() < 50, "{}", stored.len());
        assert_eq!(decode(&head(184_467), &stored).unwrap(), [Item::Record(envelope.clone())]);
        let mut whole = Vec::new();
        encode_record(&mut whole, "another-run", (184_467, 0), &envelope);
        assert!(whole.len() > envelope.body.len(), "of another run, nothing may be left out");
    }

    #[test]
    fn unknown_flags_are_not_guessed_at() {
        let mut stored = Vec::new();
        encode_record(&mut stored, RUN, (1, 0), &crate::buffer::model_tests::envelope(1, 9));
        let at = stored.len() - 1 - "monitor-1".len() - 1 - 9 - 1;
        assert!(decode(&head(1), &stored).is_ok());
        for unknown in [0x10, 0x20, 0x40, 0x80] {
            let mut other = stored.clone();
            other[at] |= unknown;
            assert_eq!(decode(&head(1), &other), Err(Damage::Body), "{unknown:x}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(items in proptest::collection::vec(item(), 1..8)) {
            let mut body = Vec::new();
            let first = items[0].range().0;
            let mut before = (first, 0);
            for it in &items {
                before = encode(&mut body, RUN, before, it);
            }
            prop_assert_eq!(decode(&head(first), &body).unwrap(), items);
        }

        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&head(1), &body);
        }
    }
}
