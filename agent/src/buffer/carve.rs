//! Finds frames in raw bytes: what a damaged store still holds, by the frames' own marks and sums.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::frame::{Head, Kind, MAGIC, parse};
use super::generation::Key;
use super::pack::Keyed;

/// What was found in a file.
#[derive(Debug, Default)]
pub(super) struct Carved {
    frames: BTreeMap<Key, Vec<u8>>,
    /// Of what is written anew each time: the newest, by its sequence number.
    special: BTreeMap<(Kind, u64, u16), Vec<u8>>,
}

impl Carved {
    /// Reads sled's file of a generation, which has some 16 MiB; nothing if it cannot be read.
    pub(super) fn from_generation(dir: &Path) -> Self {
        fs::read(dir.join("db")).map(|it| Self::from_bytes(&it)).unwrap_or_default()
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let mut carved = Self::default();
        let mut at = 0;
        while let Some(found) = find(&bytes[at..]) {
            at += found;
            match parse(&bytes[at..]) {
                Ok(part) => {
                    let frame = bytes[at..at + part.len].to_vec();
                    at += part.len;
                    carved.put(&part.head, part.index, frame);
                }
                Err(_) => at += 1,
            }
        }
        carved
    }

    fn put(&mut self, head: &Head, part: u16, frame: Vec<u8>) {
        match head.kind {
            Kind::Records | Kind::Gap => {
                self.frames.insert(Key { seq: head.first, kind: head.kind, part }, frame);
            }
            Kind::State | Kind::Manifest | Kind::Cursor => {
                self.special.insert((head.kind, head.first, part), frame);
            }
            Kind::Facts => {}
        }
    }

    /// Whether a record or a gap begins at this number.
    pub(super) fn starts(&self) -> impl Iterator<Item = u64> {
        self.frames.keys().filter(|it| it.part == 0).map(|it| it.seq)
    }

    /// What the frames that begin behind a number take, bytes.
    pub(super) fn bytes_behind(&self, seq: u64) -> usize {
        self.frames.iter().filter(|(it, _)| it.seq > seq).map(|(_, it)| it.len()).sum()
    }

    /// What is missing from `first` to `last`.
    pub(super) fn holes(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let (mut holes, mut next) = (Vec::new(), first);
        for (key, frame) in self.frames.iter().filter(|(it, _)| it.part == 0) {
            let Ok(part) = parse(frame) else { continue };
            let whole = (1..part.parts).all(|part| self.frames.contains_key(&Key { part, ..*key }));
            if !whole || key.seq > last {
                continue;
            }
            if key.seq > next {
                holes.push((next, key.seq - 1));
            }
            next = next.max(part.head.last.saturating_add(1));
        }
        if next <= last {
            holes.push((next, last));
        }
        holes
    }

    /// All frames, with the newest of each kind of which there is one.
    pub(super) fn into_frames(self) -> Vec<Keyed> {
        let mut newest: BTreeMap<Kind, u64> = BTreeMap::new();
        for (kind, first, part) in self.special.keys() {
            let parts = |frame: &[u8]| parse(frame).map_or(0, |it| it.parts);
            let of = self.special.range((*kind, *first, 0)..=(*kind, *first, u16::MAX));
            let whole = of.clone().count() == usize::from(of.map(|(_, it)| parts(it)).max().unwrap_or(0));
            if *part == 0 && whole {
                newest.insert(*kind, *first);
            }
        }
        let special = self.special.into_iter().filter_map(|((kind, first, part), frame)| {
            (newest.get(&kind) == Some(&first)).then_some((Key::special(kind, part), frame))
        });
        self.frames.into_iter().chain(special).collect()
    }
}

fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MAGIC.len()).position(|it| it == MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::model_tests::{group, naming};
    use crate::buffer::pack::Packer;

    #[test]
    fn frames_are_found_between_anything_and_damaged_ones_are_not() {
        let items = group(1..=2_000, 300).chunk.unwrap().items;
        let frames = Packer::new().pack(&naming(), &items);
        let mut bytes = Vec::new();
        for (index, (_, frame)) in frames.iter().enumerate() {
            bytes.extend(MAGIC.iter().cycle().take(index));
            let at = bytes.len();
            bytes.extend(frame);
            if index == 1 {
                bytes[at + 60] ^= 1;
            }
        }
        let found = Carved::from_bytes(&bytes).into_frames();
        let mut expected = frames;
        expected.remove(1);
        assert_eq!(found, expected);
    }
}
