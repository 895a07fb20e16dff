//! Finds frames in raw bytes: what a damaged store still holds, by the frames' own marks and sums.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::facts::Facts;
use super::frame::{FRAME_MAX, Head, Kind, MAGIC, Part, parse};
use super::generation::Key;
use super::pack::Keyed;

/// What is read of a file at once.
const WINDOW: usize = 256 << 10;

/// Where the disk refuses to read, so much is passed over: a block of the file system.
const REFUSED: u64 = 4096;

/// A good frame, and where it stands.
pub(super) struct Spot<'a> {
    pub(super) at: u64,
    pub(super) part: Part<'a>,
    pub(super) bytes: &'a [u8],
}

/// How a walk through a file went.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    /// Bytes that the disk refused to read.
    pub(super) refused: u64,
}

/// Shows every good frame of `len` bytes to `each`, in order of place, and after each window how far it has come; holds a
/// window and a frame in memory, however large the file.
pub(super) fn walk(
    len: u64,
    read_at: impl Fn(&mut [u8], u64) -> io::Result<usize>,
    mut each: impl FnMut(Spot<'_>),
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Walked {
    let mut walked = Walked::default();
    let (mut window, mut base) = (Vec::new(), 0_u64);
    loop {
        let held = window.len();
        let end = base + held as u64;
        window.resize(held + WINDOW, 0);
        let got = match read_at(&mut window[held..], end) {
            Ok(got) => got,
            Err(_) if end < len => {
                // A frame does not go on behind what cannot be read.
                window.truncate(held);
                show(&window, base, true, &mut each);
                walked.refused += REFUSED.min(len - end);
                (base, window) = (end + REFUSED, Vec::new());
                if base >= len || progress(base).is_break() {
                    return walked;
                }
                continue;
            }
            Err(_) => 0,
        };
        window.truncate(held + got);
        let done = show(&window, base, got == 0, &mut each);
        window.drain(..done);
        base += done as u64;
        if got == 0 || progress(base).is_break() {
            return walked;
        }
    }
}

/// Shows the frames of a window; returns how much of it is done with.
fn show(window: &[u8], base: u64, is_last: bool, each: &mut impl FnMut(Spot<'_>)) -> usize {
    let mut at = 0;
    while let Some(found) = find(&window[at..]) {
        at += found;
        if !is_last && window.len() - at < FRAME_MAX {
            return at;
        }
        let rest = &window[at..];
        match parse(rest) {
            Ok(part) => {
                let len = part.len;
                each(Spot { at: base + at as u64, part, bytes: &rest[..len] });
                at += len;
            }
            Err(_) => at += 1,
        }
    }
    // A mark may have been cut in two.
    window.len().saturating_sub(MAGIC.len() - 1).max(at)
}

/// What was found in a file.
#[derive(Debug, Default)]
pub(super) struct Carved {
    frames: BTreeMap<Key, Vec<u8>>,
    /// Of what is written anew each time: the newest, by its sequence number.
    special: BTreeMap<(Kind, u64, u16), Vec<u8>>,
}

impl Carved {
    /// Reads sled's file of a generation, which has some 8 MiB; nothing if it cannot be read.
    pub(super) fn from_generation(dir: &Path) -> Self {
        let Ok(file) = File::open(dir.join("db")) else { return Self::default() };
        let len = file.metadata().map_or(0, |it| it.len());
        Self::from_bytes(len, |bytes, at| file.read_at(bytes, at))
    }

    fn from_bytes(len: u64, read_at: impl Fn(&mut [u8], u64) -> io::Result<usize>) -> Self {
        let mut carved = Self::default();
        let put = |it: Spot<'_>| carved.put(&it.part.head, it.part.index, it.bytes.to_vec());
        walk(len, read_at, put, |_| ControlFlow::Continue(()));
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

    /// Whose its first body is and where it begins: what is left to a generation that has lost its own word.
    pub(super) fn beginning(&self) -> Option<Facts> {
        let (_, frame) = self.frames.iter().find(|(it, _)| it.part == 0)?;
        let part = parse(frame).ok()?;
        Some(Facts::begin(part.head.run.clone(), part.head.first))
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
    use crate::buffer::codec::Effort;
    use crate::buffer::model_tests::{group, naming};
    use crate::buffer::pack::Packer;

    #[test]
    fn frames_are_found_between_anything_and_damaged_ones_are_not() {
        let items = group(1..=2_000, 300).chunk.unwrap().items;
        let frames = Packer::new(Effort::Prompt).pack(&naming(), &items);
        let mut bytes = Vec::new();
        for (index, (_, frame)) in frames.iter().enumerate() {
            bytes.extend(MAGIC.iter().cycle().take(index));
            let at = bytes.len();
            bytes.extend(frame);
            if index == 1 {
                bytes[at + 60] ^= 1;
            }
        }
        let found = Carved::from_bytes(bytes.len() as u64, from(&bytes)).into_frames();
        let mut expected = frames;
        expected.remove(1);
        assert_eq!(found, expected);
    }

    /// A card with a bad block in the middle: what lies on both sides is found.
    #[test]
    fn what_the_disk_refuses_to_read_costs_the_frames_that_lie_there() {
        let items = group(1..=9_000, 300).chunk.unwrap().items;
        let frames = Packer::new(Effort::Prompt).pack(&naming(), &items);
        let bytes: Vec<u8> = frames.iter().flat_map(|(_, it)| it.clone()).collect();
        let (len, bad) = (bytes.len() as u64, 3 * WINDOW as u64 + 4 * REFUSED);
        let refusing = |buffer: &mut [u8], at: u64| {
            let room = if at < bad { usize::try_from(bad - at).unwrap() } else { buffer.len() };
            if (bad..bad + REFUSED).contains(&at) {
                return Err(io::Error::from_raw_os_error(5));
            }
            let len = buffer.len().min(room);
            from(&bytes)(&mut buffer[..len], at)
        };
        let found = Carved::from_bytes(len, refusing).into_frames();
        assert!(found.len() + 3 >= frames.len() && found.len() < frames.len(), "{}", found.len());
        assert!(found.iter().all(|it| frames.contains(it)));
    }

    fn from(bytes: &[u8]) -> impl Fn(&mut [u8], u64) -> io::Result<usize> {
        |buffer, at| {
            let rest = &bytes[usize::try_from(at).unwrap().min(bytes.len())..];
            let len = buffer.len().min(rest.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        }
    }
}
