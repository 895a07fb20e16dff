//! The frame: everything on disk is one, and each can be understood, checked and found again by its own bytes.
//!
//! All numbers are big-endian. A body that does not fit one frame continues in further parts, each a whole frame.
//!
//! ```text
//! offset size
//!      0    4  magic D7 57 4C 46
//!      4    1  version: 1 or 2
//!      5    1  kind: R records, G gap, S engines' state, M manifest, C cursor, F facts of a generation
//!      6    1  codec of the body: 0 as it is, 1 zstd
//!      7    1  dictionary of the codec: 0 none; version 1 knows none
//!      8    1  lane: r readings, a alarms
//!      9    1  length n of the run's id
//!     10    2  part, from 0
//!     12    2  parts of the body
//!     14    4  count of records
//!     18    8  first sequence number
//!     26    8  last sequence number
//!     34    4  length of the whole body before compression
//!     38    4  CRC-32 (ISO-HDLC) of the whole body before compression
//!     42    4  length m of this part of the body as stored
//!     46    n  id of the run, UTF-8
//!   46+n    m  this part of the body
//! 46+n+m    4  CRC-32 of everything before
//! ```
//!
//! Version 2 differs from version 1 in that there are dictionaries, and in the entries of records (`records`). This
//! program writes version 2 and reads both. `docs/storage-format.md` tells the whole.

use std::sync::Arc;

use super::codec::{self, DICTIONARY, Effort, NO_DICTIONARY};
use crate::envelope::{Lane, RunId};

/// What a frame may take on disk: a value above a quarter of sled's segment goes to a file that sled never syncs, and
/// a node of sled holds up to 17 values (17 × 7 KiB < 128 KiB).
pub(super) const FRAME_MAX: usize = 7 * 1024;
/// With what each frame begins.
pub(super) const MAGIC: [u8; 4] = [0xD7, b'W', b'L', b'F'];
/// A body is never longer: an MQTT message has at most 256 KiB, an engines' state some hundred.
pub(super) const BODY_MAX: usize = 8 << 20;

/// What is written.
const VERSION: u8 = 2;
/// The oldest that is read.
const VERSION_MIN: u8 = 1;
const HEAD: usize = 46;
const SUM: usize = 4;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Records,
    Gap,
    State,
    Manifest,
    Cursor,
    Facts,
}

impl Kind {
    pub(super) const fn letter(self) -> u8 {
        match self {
            Self::Records => b'R',
            Self::Gap => b'G',
            Self::State => b'S',
            Self::Manifest => b'M',
            Self::Cursor => b'C',
            Self::Facts => b'F',
        }
    }

    fn from_letter(letter: u8) -> Option<Self> {
        let all = [Self::Records, Self::Gap, Self::State, Self::Manifest, Self::Cursor, Self::Facts];
        all.into_iter().find(|it| it.letter() == letter)
    }
}

/// What stands in front of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) lane: Lane,
    pub(super) run: RunId,
    pub(super) count: u32,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// One frame, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) head: Head,
    /// Which part of the body, from 0.
    pub(super) index: u16,
    pub(super) parts: u16,
    /// Bytes of the whole frame.
    pub(super) len: usize,
    zstd: bool,
    dictionary: u8,
    raw_len: u32,
    raw_sum: u32,
    body: &'a [u8],
}

/// A frame that cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("it is cut short")]
    Short,
    #[error("it does not begin like a frame of this version")]
    Head,
    #[error("its checksum is wrong")]
    Sum,
    #[error("it needs dictionary {0}, which this version does not have: a newer one has written it")]
    Dictionary(u8),
    #[error("a part of it is missing")]
    Parts,
    #[error("its body cannot be understood")]
    Body,
}

/// Compresses and cuts a body into frames, mostly one.
pub(super) fn encode(head: &Head, raw: &[u8]) -> Vec<Vec<u8>> {
    encode_with(Effort::Prompt, head, raw)
}

/// The same, with more or less time for it.
pub(super) fn encode_with(effort: Effort, head: &Head, raw: &[u8]) -> Vec<Vec<u8>> {
    let packed = codec::compress(raw, effort);
    let (zstd, dictionary, body) =
        packed.as_deref().map_or((0, NO_DICTIONARY, raw), |it| (1, DICTIONARY, it));
    let room = FRAME_MAX - HEAD - head.run.len().min(255) - SUM;
    let parts = body.len().div_ceil(room).max(1);
    let mut frames = Vec::with_capacity(parts);
    for part in 0..parts {
        let piece = &body[part * room..body.len().min((part + 1) * room)];
        let mut frame = Vec::with_capacity(HEAD + 64 + piece.len());
        frame.extend(MAGIC);
        frame.extend([VERSION, head.kind.letter(), zstd, dictionary, head.lane.letter() as u8]);
        let run = &head.run.as_bytes()[..head.run.len().min(255)];
        frame.push(u8::try_from(run.len()).unwrap_or(u8::MAX));
        frame.extend(u16::try_from(part).unwrap_or(u16::MAX).to_be_bytes());
        frame.extend(u16::try_from(parts).unwrap_or(u16::MAX).to_be_bytes());
        frame.extend(head.count.to_be_bytes());
        frame.extend(head.first.to_be_bytes());
        frame.extend(head.last.to_be_bytes());
        frame.extend(len32(raw).to_be_bytes());
        frame.extend(crc32fast::hash(raw).to_be_bytes());
        frame.extend(len32(piece).to_be_bytes());
        frame.extend(run);
        frame.extend(piece);
        frame.extend(crc32fast::hash(&frame).to_be_bytes());
        assert!(frame.len() <= FRAME_MAX, "a frame above its bound would not be synced");
        frames.push(frame);
    }
    frames
}

/// Reads the frame at the beginning of some bytes.
pub(super) fn parse(bytes: &[u8]) -> Result<Part<'_>, Damage> {
    let head = bytes.get(..HEAD).ok_or(Damage::Short)?;
    if !head.starts_with(&MAGIC) || !(VERSION_MIN..=VERSION).contains(&head[4]) || head[6] > 1 {
        return Err(Damage::Head);
    }
    let body_at = HEAD + usize::from(head[9]);
    let sum_at = body_at.saturating_add(usize::try_from(number(head, 42, 4)?).map_err(|_| Damage::Head)?);
    if sum_at > FRAME_MAX {
        return Err(Damage::Head);
    }
    let sum = bytes.get(sum_at..sum_at + SUM).ok_or(Damage::Short)?;
    if crc32fast::hash(&bytes[..sum_at]).to_be_bytes() != sum {
        return Err(Damage::Sum);
    }
    let dictionary = head[7];
    if !codec::knows(dictionary) {
        return Err(Damage::Dictionary(dictionary));
    }
    let run = std::str::from_utf8(&bytes[HEAD..body_at]).map_err(|_| Damage::Head)?;
    let lane = match head[8] {
        b'r' => Lane::Readings,
        b'a' => Lane::Alarms,
        _ => return Err(Damage::Head),
    };
    let small = |at, len| number(head, at, len);
    Ok(Part {
        head: Head {
            kind: Kind::from_letter(head[5]).ok_or(Damage::Head)?,
            lane,
            run: Arc::from(run),
            count: u32::try_from(small(14, 4)?).map_err(|_| Damage::Head)?,
            first: small(18, 8)?,
            last: small(26, 8)?,
        },
        index: u16::try_from(small(10, 2)?).map_err(|_| Damage::Head)?,
        parts: u16::try_from(small(12, 2)?).map_err(|_| Damage::Head)?,
        len: sum_at + SUM,
        zstd: head[6] == 1,
        dictionary,
        raw_len: u32::try_from(small(34, 4)?).map_err(|_| Damage::Head)?,
        raw_sum: u32::try_from(small(38, 4)?).map_err(|_| Damage::Head)?,
        body: &bytes[body_at..sum_at],
    })
}

/// Puts a body together again from its parts, in order.
pub(super) fn assemble(parts: &[Part<'_>]) -> Result<(Head, Vec<u8>), Damage> {
    let first = parts.first().ok_or(Damage::Parts)?;
    let whole = usize::from(first.parts) == parts.len();
    let alike = parts.iter().enumerate().all(|(index, it)| {
        usize::from(it.index) == index
            && it.head == first.head
            && (it.raw_sum, it.zstd, it.dictionary) == (first.raw_sum, first.zstd, first.dictionary)
    });
    if !whole || !alike {
        return Err(Damage::Parts);
    }
    let raw_len = first.raw_len as usize;
    let body: Vec<u8> = parts.iter().flat_map(|it| it.body).copied().collect();
    let raw = match first.zstd {
        true if raw_len > BODY_MAX => return Err(Damage::Body),
        true => codec::decompress(first.dictionary, &body, raw_len).ok_or(Damage::Body)?,
        false => body,
    };
    if raw.len() != raw_len || crc32fast::hash(&raw) != first.raw_sum {
        return Err(Damage::Sum);
    }
    Ok((first.head.clone(), raw))
}

/// A frame that is whole by itself.
#[cfg(test)]
fn decode(bytes: &[u8]) -> Result<(Head, Vec<u8>), Damage> {
    assemble(&[parse(bytes)?])
}

fn len32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn number(bytes: &[u8], at: usize, len: usize) -> Result<u64, Damage> {
    let field = bytes.get(at..at + len).ok_or(Damage::Short)?;
    Ok(field.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(count: u32) -> Head {
        Head {
            kind: Kind::Records,
            lane: Lane::Readings,
            run: "7f3a9c21-58e1".into(),
            count,
            first: 7,
            last: 9,
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let frame =
            encode(&head(3), &b"one body with some words, one body with more words".repeat(9)).remove(0);
        let whole = decode(&frame).unwrap();
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
        for len in 0..frame.len() {
            assert!(decode(&frame[..len]).is_err(), "cut to {len}");
        }
        assert_eq!(decode(&frame).unwrap(), whole);
    }

    #[test]
    fn a_dictionary_of_the_future_is_told_and_not_guessed() {
        let mut frame = encode(&head(1), &b"some words, some more words, some words".repeat(20)).remove(0);
        assert_eq!(frame[7], DICTIONARY);
        frame[7] = 9;
        assert_eq!(parse(&frame), Err(Damage::Sum), "a flipped bit is no newer version");
        let end = frame.len() - SUM;
        let sum = crc32fast::hash(&frame[..end]).to_be_bytes();
        frame[end..].copy_from_slice(&sum);
        assert_eq!(parse(&frame), Err(Damage::Dictionary(9)));
        assert!(Damage::Dictionary(9).to_string().contains("dictionary 9"));
    }

    #[test]
    fn parts_must_be_all_and_in_order() {
        let raw = crate::buffer::model_tests::envelope(1, 30_000).body.into_vec();
        let frames = encode(&head(1), &raw);
        assert!(frames.len() > 3);
        let mut parts: Vec<_> = frames.iter().map(|it| parse(it).unwrap()).collect();
        assert_eq!(assemble(&parts).unwrap(), (head(1), raw));
        parts.swap(0, 1);
        assert_eq!(assemble(&parts), Err(Damage::Parts));
        parts.swap(0, 1);
        parts.pop();
        assert_eq!(assemble(&parts), Err(Damage::Parts));
    }

    proptest! {
        #[test]
        fn any_body_comes_back_and_no_frame_is_too_large(raw in proptest::collection::vec(any::<u8>(), 0..40_000)) {
            let frames = encode(&head(1), &raw);
            prop_assert!(frames.iter().all(|it| it.len() <= FRAME_MAX));
            let parts: Vec<_> = frames.iter().map(|it| parse(it).unwrap()).collect();
            prop_assert_eq!(assemble(&parts).unwrap(), (head(1), raw));
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), magic: bool) {
            if magic && bytes.len() > 10 {
                bytes[..4].copy_from_slice(&MAGIC);
                bytes[4] = VERSION;
                bytes[6] &= 1;
                bytes[7] &= 1;
            }
            let _ = decode(&bytes);
        }
    }
}
