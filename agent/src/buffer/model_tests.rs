//! Lanes against a vector: what is kept, read, told in gaps and removed, over restarts and kills.

use std::ops::RangeInclusive;

use vitals::reading::Mode;
use vitals::time::Uptime;

use super::facts::Naming;
use super::writer::Group;
use super::{Chunk, Item};
use crate::envelope::{Envelope, Lane};

pub(super) fn naming() -> Naming {
    Naming { agent: "icu-3".into(), run: "run-1".into(), lane: Lane::Readings }
}

/// A record whose body can hardly be compressed and tells its number.
pub(super) fn envelope(seq: u64, len: usize) -> Envelope {
    let mut word = seq.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let body = std::iter::repeat_with(|| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (word >> 56) as u8
    });
    let key = format!("monitor-{}", seq % 3).into();
    let up = Uptime::from_millis(seq * 10);
    Envelope { seq, up, mode: Mode::Simulated, late: seq % 7 == 0, key, body: body.take(len).collect() }
}

pub(super) fn group(seqs: RangeInclusive<u64>, len: usize) -> Group {
    let (first, last) = (*seqs.start(), *seqs.end());
    let items: Vec<Item> = seqs.map(|seq| Item::Record(envelope(seq, len))).collect();
    let chunk = (!items.is_empty()).then(|| Chunk { run: naming().run, first, last, items });
    Group { chunk, ..Group::default() }
}
