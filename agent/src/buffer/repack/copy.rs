//! The copy: how it is written so that sled adds little, and how it is known to hold the same.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::durable::StoreError;
use super::super::frame::Kind;
use super::super::generation::{Found, Generation, Key};
use super::super::pack::{Keyed, batches, unpack};
use super::super::records;
use super::{Item, Why};
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
    stop: &'a AtomicBool,
    rested: Instant,
}

impl<'a> Copying<'a> {
    pub(super) fn new(generation: Generation, max: u64, stop: &'a AtomicBool) -> Self {
        Self { generation, waiting: Vec::new(), max, stop, rested: clock::instant() }
    }

    /// To what waits to be written.
    pub(super) fn frames(&mut self) -> &mut Vec<Keyed> {
        &mut self.waiting
    }

    /// Writes if there is enough for a block.
    pub(super) fn write_blocks(&mut self) -> Result<Result<(), Why>, StoreError> {
        if self.stop.load(Ordering::Acquire) {
            return Ok(Err(Why::Cancelled));
        }
        let waiting: usize = self.waiting.iter().map(|(_, it)| it.len()).sum();
        if waiting < BLOCK { Ok(Ok(())) } else { self.write() }
    }

    /// Writes the rest, and what belongs to no number.
    pub(super) fn write_rest(&mut self, specials: Vec<Keyed>) -> Result<Result<(), Why>, StoreError> {
        self.waiting.extend(specials);
        self.write()
    }

    fn write(&mut self) -> Result<Result<(), Why>, StoreError> {
        let frames = std::mem::take(&mut self.waiting);
        let keys: Vec<Keyed> = frames.iter().map(|(key, _)| (*key, Vec::new())).collect();
        self.generation.commit(&keys, &[])?;
        for batch in batches(&frames) {
            if self.stop.load(Ordering::Acquire) {
                return Ok(Err(Why::Cancelled));
            }
            self.generation.commit(batch, &[])?;
            self.rest();
            if self.generation.bytes() >= self.max {
                return Ok(Err(Why::NotSmaller));
            }
        }
        Ok(Ok(()))
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
            Item::Record(envelope) => drop(records::encode(&mut bytes, "", (0, 0), envelope)),
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

/// Of all that can be read from a copy; `None` if something cannot.
pub(super) fn fingerprint(copy: &Generation) -> Result<Option<u64>, StoreError> {
    let (mut fingerprint, mut from) = (Fingerprint::default(), 0);
    loop {
        match copy.at_or_after(from)? {
            Found::Body { head, raw } => {
                from = head.first + 1;
                let Some(items) = unpack(&head, &raw) else { return Ok(None) };
                for item in &items {
                    fingerprint.add(item);
                }
            }
            Found::Damaged { .. } => return Ok(None),
            Found::End => break,
        }
    }
    for kind in [Kind::State, Kind::Manifest, Kind::Cursor] {
        for (key, frame) in copy.special_frames(kind)? {
            fingerprint.add_special(key, &frame);
        }
    }
    Ok(Some(fingerprint.sum()))
}
