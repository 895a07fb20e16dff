//! The body of a frame of records: one envelope after the other.
//!
//! Each: sequence number and boot-time clock as differences to the one before (0 for the first's clock, the frame's
//! first for its number), a byte of flags (bits 0 and 1: mode, 0 live, 1 simulated, 2 replay; bit 2: late), then key
//! and body, each behind its length. Numbers are LEB128; the clock's difference is zigzag, since it may run back
//! between sources.

use vitals::reading::Mode;
use vitals::time::Uptime;

use super::frame::Damage;
use crate::envelope::Envelope;

/// Appends an envelope to a body. `before`: number and clock of the one before.
pub(super) fn encode(body: &mut Vec<u8>, before: (u64, u64), envelope: &Envelope) -> (u64, u64) {
    let up = envelope.up.as_millis();
    put(body, envelope.seq.wrapping_sub(before.0));
    put(body, zigzag(up.wrapping_sub(before.1)));
    let mode = match envelope.mode {
        Mode::Live => 0,
        Mode::Simulated => 1,
        Mode::Replay => 2,
    };
    body.push(mode | u8::from(envelope.late) << 2);
    for bytes in [envelope.key.as_bytes(), &envelope.body] {
        put(body, bytes.len() as u64);
        body.extend(bytes);
    }
    (envelope.seq, up)
}

/// Reads the envelopes of a frame whose first sequence number is `first`.
pub(super) fn decode(first: u64, mut body: &[u8]) -> Result<Vec<Envelope>, Damage> {
    let mut envelopes = Vec::new();
    let (mut seq, mut up) = (first, 0_u64);
    while !body.is_empty() {
        seq = seq.wrapping_add(get(&mut body)?);
        up = up.wrapping_add(unzigzag(get(&mut body)?));
        let (flags, rest) = body.split_first().ok_or(Damage::Body)?;
        body = rest;
        let mode = match flags & 3 {
            0 => Mode::Live,
            1 => Mode::Simulated,
            2 => Mode::Replay,
            _ => return Err(Damage::Body),
        };
        let key = std::str::from_utf8(bytes(&mut body)?).map_err(|_| Damage::Body)?.into();
        let json = bytes(&mut body)?.into();
        let late = flags & 4 != 0;
        envelopes.push(Envelope { seq, up: Uptime::from_millis(up), mode, late, key, body: json });
    }
    Ok(envelopes)
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
    use proptest::prelude::*;

    fn envelope() -> impl Strategy<Value = Envelope> {
        let mode = prop_oneof![Just(Mode::Live), Just(Mode::Simulated), Just(Mode::Replay)];
        (
            any::<u64>(),
            any::<u64>(),
            mode,
            any::<bool>(),
            ".{0,20}",
            proptest::collection::vec(any::<u8>(), 0..200),
        )
            .prop_map(|(seq, up, mode, late, key, body)| Envelope {
                seq,
                up: Uptime::from_millis(up),
                mode,
                late,
                key: key.into(),
                body: body.into(),
            })
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(envelopes in proptest::collection::vec(envelope(), 1..8)) {
            let mut body = Vec::new();
            let mut before = (envelopes[0].seq, 0);
            for it in &envelopes {
                before = encode(&mut body, before, it);
            }
            prop_assert_eq!(decode(envelopes[0].seq, &body).unwrap(), envelopes);
        }

        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(1, &body);
        }
    }
}
