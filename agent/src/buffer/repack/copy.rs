//! The copy: how it is written so that sled adds little, and how it is known to hold the same.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::frame::Kind;
use super::super::generation::{Found, Generation, Key};
use super::super::pack::{Keyed, batches, unpack};
use super::super::records;
use super::{Item, Left};
use crate::clock;

/// Frames that are written together: their keys first, without values. So sled splits its pages while they are nearly
/// empty, and each is written with its frames about once; in key order alone it would write each again and again as it
/// fills.
const BLOCK: usize = 1 << 20;

/// No rest is longer, however slow the disk.
const REST_MAX: Duration = Duration::from_millis(500);

/// A copy that is being written.
pub(super) struct Copying<'a> {
    generation: Generation,
    waiting: Vec<Keyed>,
    /// The original's blocks, bytes: a copy that has as many is of no use.
    max: u64,
    /// Bytes of frames written.
    stored: u64,
    stop: &'a AtomicBool,
    rested: Instant,
}

impl<'a> Copying<'a> {
    pub(super) fn new(generation: Generation, max: u64, stop: &'a AtomicBool) -> Self {
        Self { generation, waiting: Vec::new(), max, stored: 0, stop, rested: clock::instant() }
    }

    /// To what waits to be written.
    pub(super) fn frames(&mut self) -> &mut Vec<Keyed> {
        &mut self.waiting
    }

    /// Bytes of the frames that have been written.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }

    /// Writes if there is enough for a block.
    pub(super) fn write_blocks(&mut self) -> Result<(), Left> {
        go_on(self.stop)?;
        let waiting: usize = self.waiting.iter().map(|(_, it)| it.len()).sum();
        if waiting < BLOCK { Ok(()) } else { self.write() }
    }

    /// Writes the rest, and what belongs to no number.
    pub(super) fn write_rest(&mut self, specials: Vec<Keyed>) -> Result<(), Left> {
        self.waiting.extend(specials);
        self.write()
    }

    fn write(&mut self) -> Result<(), Left> {
        let frames = std::mem::take(&mut self.waiting);
        let keys: Vec<Keyed> = frames.iter().map(|(key, _)| (*key, Vec::new())).collect();
        self.generation.commit(&keys, &[])?;
        for batch in batches(&frames) {
            go_on(self.stop)?;
            self.generation.commit(batch, &[])?;
            self.stored += batch.iter().map(|(_, it)| it.len() as u64).sum::<u64>();
            self.rest();
            if self.generation.bytes() >= self.max {
                return Err(Left::NotSmaller);
            }
        }
        Ok(())
    }

    /// Rests as long as it has worked: others wait for the processor and the disk, and nobody for this. The service may
    /// not set a priority, which would do the same.
    fn rest(&mut self) {
        thread::park_timeout(self.rested.elapsed().min(REST_MAX));
        self.rested = clock::instant();
    }
}

/// What a generation holds, by its sum.
#[derive(Debug, Default)]
pub(super) struct Fingerprint(DefaultHasher);

impl Fingerprint {
    pub(super) fn add(&mut self, item: &Item) {
        let mut bytes = Vec::new();
        match item {
            // Of no run: so nothing is left out of it.
            Item::Record(_) => drop(records::encode(&mut bytes, "", (0, 0), item)),
            Item::Gap(gap) => bytes = serde_json::to_vec(gap).unwrap_or_default(),
        }
        self.0.write_usize(bytes.len());
        self.0.write(&bytes);
    }

    pub(super) fn add_special(&mut self, key: Key, frame: &[u8]) {
        self.0.write(&key.to_bytes());
        self.0.write(frame);
    }

    pub(super) fn sum(&self) -> u64 {
        self.0.finish()
    }
}

/// Of all that can be read from a copy; what cannot makes it another.
pub(super) fn fingerprint(copy: &Generation, stop: &AtomicBool) -> Result<u64, Left> {
    let (mut fingerprint, mut from) = (Fingerprint::default(), 0);
    loop {
        go_on(stop)?;
        match copy.at_or_after(from)? {
            Found::Body { head, raw } => {
                from = head.first + 1;
                for item in &unpack(&head, &raw).ok_or(Left::Differs)? {
                    fingerprint.add(item);
                }
            }
            Found::Damaged { .. } => return Err(Left::Differs),
            Found::End => break,
        }
    }
    for kind in [Kind::State, Kind::Manifest, Kind::Cursor] {
        for (key, frame) in copy.special_frames(kind)? {
            fingerprint.add_special(key, &frame);
        }
    }
    Ok(fingerprint.sum())
}

/// Unless it was cancelled.
pub(super) fn go_on(stop: &AtomicBool) -> Result<(), Left> {
    if stop.load(Ordering::Acquire) { Err(Left::Cancelled) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::codec::Effort;
    use crate::buffer::durable::Platter;
    use crate::buffer::facts::Facts;
    use crate::buffer::model_tests::{group, naming};
    use crate::buffer::pack::Packer;

    /// The fingerprint of a generation of some records, so many of them in a frame.
    fn of(items: &[Item], in_frame: usize, cursor: &[u8]) -> u64 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1");
        let born = Facts::begin(naming().run, 1);
        let mut generation = Generation::create(&path, &naming(), &born, Platter::System).unwrap();
        let mut packer = Packer::new(Effort::Prompt);
        for items in items.chunks(in_frame) {
            generation.commit(&packer.pack(&naming(), items), &[]).unwrap();
        }
        let head = crate::buffer::pack::head(&naming(), Kind::Cursor, 0, (7, 7));
        let frames = crate::buffer::frame::encode(&head, cursor).concat();
        generation.commit(&[(Key::special(Kind::Cursor, 0), frames)], &[]).unwrap();
        fingerprint(&generation, &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn what_reads_differently_is_another_however_it_is_packed() {
        let items = group(1..=60, 40).chunk.unwrap().items;
        let same = of(&items, 60, b"cursor");
        assert_eq!(of(&items, 1, b"cursor"), same);
        assert_ne!(of(&items[..59], 1, b"cursor"), same, "one is missing");
        assert_ne!(of(&items, 1, b"cursos"), same);
        let mut other = items.clone();
        let Item::Record(envelope) = &mut other[30] else { panic!() };
        envelope.late = !envelope.late;
        assert_ne!(of(&other, 1, b"cursor"), same);
    }
}
