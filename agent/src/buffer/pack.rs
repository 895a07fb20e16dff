//! Packs a group into frames that fit, learning from each how much fits the next.

use super::Item;
use super::codec::Effort;
use super::facts::Naming;
use super::frame::{FRAME_MAX, Head, Kind, encode, encode_with};
use super::generation::Key;
use super::records;

/// What one flush may write: sled may reuse a segment one segment after it thinks it stable, and a segment has
/// 512 KiB; and an alarm waits behind no more than this.
pub(super) const BATCH_MAX: usize = 256 << 10;

/// A frame and where it stands.
pub(super) type Keyed = (Key, Vec<u8>);

/// Packs; keeps what it has learned.
#[derive(Debug)]
pub(super) struct Packer {
    /// How much a frame has shrunk lately, in sixteenths: 16 is not at all.
    shrink: usize,
    effort: Effort,
}

impl Packer {
    pub(super) fn new(effort: Effort) -> Self {
        Self { shrink: 4 * 16, effort }
    }

    /// So much raw weight makes about one batch.
    pub(super) fn batch_weight(&self) -> usize {
        (BATCH_MAX / 2 / 16 * self.shrink).min(2 << 20)
    }

    /// The frames of some items, in order.
    pub(super) fn pack(&mut self, naming: &Naming, items: &[Item]) -> Vec<Keyed> {
        let (mut frames, mut rest) = (Vec::new(), items);
        while !rest.is_empty() {
            let taken = self.pack_next(naming, rest, &mut frames);
            rest = &rest[taken..];
        }
        frames
    }

    /// The body that stands first in some items; returns how many items it takes.
    pub(super) fn pack_next(&mut self, naming: &Naming, items: &[Item], frames: &mut Vec<Keyed>) -> usize {
        if let Some(Item::Gap(gap)) = items.first().filter(|it| !records::is_entry(it)) {
            let body = serde_json::to_vec(gap).unwrap_or_default();
            let head = head(naming, Kind::Gap, 0, (gap.first_seq, gap.last_seq));
            frames.extend(keyed(&head, encode(&head, &body)));
            return 1;
        }
        let run = items.iter().take_while(|it| records::is_entry(it)).count();
        if run == 0 { 0 } else { self.pack_one(naming, &items[..run], frames) }
    }

    /// One frame of as many records as fit; returns how many. One that does not fit alone continues in parts.
    fn pack_one(&mut self, naming: &Naming, records: &[Item], frames: &mut Vec<Keyed>) -> usize {
        let room = FRAME_MAX - 128;
        let mut count = guess(records, room * self.shrink / 16);
        loop {
            let (head, body) = join(naming, &records[..count]);
            let mut parts = encode_with(self.effort, &head, &body);
            let stored: usize = parts.iter().map(Vec::len).sum();
            let shrink = (body.len() * 16 / stored).clamp(16, 128 * 16);
            if parts.len() == 1 || count == 1 {
                if body.len() > FRAME_MAX {
                    self.shrink = (self.shrink * 3 + shrink * 15 / 16).div_ceil(4).max(16);
                }
                frames.extend(keyed(&head, std::mem::take(&mut parts)));
                return count;
            }
            self.shrink = (shrink * 15 / 16).max(16);
            count = (count * room / stored * 15 / 16).clamp(1, count - 1);
        }
    }
}

/// How many of some records might fit.
fn guess(records: &[Item], raw_max: usize) -> usize {
    let mut raw = 0;
    let fitting = records.iter().take_while(|it| {
        raw += it.weight() - super::entry::OVERHEAD;
        raw <= raw_max
    });
    fitting.count().max(1)
}

/// What a frame's body holds; `None` where it belongs to no number, or cannot be understood.
pub(super) fn unpack(head: &Head, raw: &[u8]) -> Option<Vec<Item>> {
    Some(match head.kind {
        Kind::Records => records::decode(head, raw).ok()?,
        Kind::Gap => vec![Item::Gap(serde_json::from_slice(raw).ok()?)],
        Kind::State | Kind::Manifest | Kind::Cursor | Kind::Facts => return None,
    })
}

/// Frames by what one flush may write.
pub(super) fn batches(mut frames: &[Keyed]) -> impl Iterator<Item = &[Keyed]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = frames.iter().take_while(|(_, it)| {
            bytes += it.len();
            bytes <= BATCH_MAX
        });
        let (batch, later) = frames.split_at(fitting.count().max(1).min(frames.len()));
        frames = later;
        (!batch.is_empty()).then_some(batch)
    })
}

/// The keys of a body's frames.
pub(super) fn keyed(head: &Head, parts: Vec<Vec<u8>>) -> impl Iterator<Item = Keyed> {
    let (kind, first) = (head.kind, head.first);
    (0..).zip(parts).map(move |(part, frame)| (Key { seq: first, kind, part }, frame))
}

pub(super) fn head(naming: &Naming, kind: Kind, count: usize, (first, last): (u64, u64)) -> Head {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    Head { kind, lane: naming.lane, run: naming.run.clone(), count, first, last }
}

fn join(naming: &Naming, items: &[Item]) -> (Head, Vec<u8>) {
    let first = items.first().map_or(0, |it| it.range().0);
    let last = items.last().map_or(first, |it| it.range().1);
    let mut body = Vec::new();
    let mut before = (first, 0);
    for item in items {
        before = records::encode(&mut body, &naming.run, before, item);
    }
    let count = items.iter().filter(|it| matches!(it, Item::Record(_))).count();
    (head(naming, Kind::Records, count, (first, last)), body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::model_tests::{group, naming};

    #[test]
    fn frames_are_filled_and_none_is_too_large() {
        let mut packer = Packer::new(Effort::Prompt);
        for body in [10, 400, 3_000] {
            let items = group(1..=3_000, body).chunk.unwrap().items;
            packer.pack(&naming(), &items);
            let frames = packer.pack(&naming(), &items);
            assert!(frames.iter().all(|(_, it)| it.len() <= FRAME_MAX));
            let filled: usize = frames.iter().map(|(_, it)| it.len()).sum::<usize>() / frames.len();
            assert!(filled > FRAME_MAX / 2, "{body}: {filled} bytes on average");
        }
    }

    #[test]
    fn what_does_not_fit_alone_continues() {
        let items = group(5..=7, 60_000).chunk.unwrap().items;
        let frames = Packer::new(Effort::Prompt).pack(&naming(), &items);
        assert!(frames.len() > 3);
        assert!(frames.iter().all(|(_, it)| it.len() <= FRAME_MAX));
        let keys: Vec<_> = frames.iter().map(|(key, _)| key.to_bytes()).collect();
        assert!(keys.is_sorted());
    }
}
