//! The frames of one generation, in order, by their places in its file: bodies are read one at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::Look;
use super::ranges::Ranges;
use crate::buffer::carve::{Spot, walk};
use crate::buffer::frame::{self, BODY_MAX, FRAME_MAX, Head, Kind};
use crate::buffer::generation::Key;
use crate::buffer::pack::BATCH_MAX;
use crate::envelope::RunId;

/// What was found in a generation's file.
#[derive(Debug, Default)]
pub(super) struct Contents {
    file: Option<File>,
    frames: BTreeMap<Key, Place>,
    /// How far Kafka had each run's numbers, as far as this generation was told.
    pub(super) cursors: BTreeMap<RunId, u64>,
    pub(super) run: Option<RunId>,
    pub(super) trouble: Option<String>,
}

#[derive(Debug)]
struct Place {
    at: u64,
    len: usize,
    last: u64,
    count: u64,
    parts: u16,
    /// sled writes a leaf anew now and then as it grows.
    copies: u32,
}

impl Contents {
    /// Reads a generation's file once, telling how far it has come; of one that cannot be read, why.
    pub(super) fn read(dir: &Path, look: &mut Look<'_>) -> ControlFlow<(), Self> {
        let mut contents = Self::default();
        let file = match File::open(dir.join("db")) {
            Ok(file) => file,
            Err(error) => {
                contents.trouble = Some(format!("its file db cannot be read: {error}"));
                return ControlFlow::Continue(contents);
            }
        };
        let len = file.metadata().map_or(0, |it| it.len());
        let (mut before, mut flow) = (0, ControlFlow::Continue(()));
        let progress = |at: u64| {
            flow = look.advance(at.saturating_sub(before));
            before = at;
            flow
        };
        let walked = walk(len, |bytes, at| file.read_at(bytes, at), |it| contents.put(&it), progress);
        flow?;
        if walked.refused > 0 {
            contents.trouble = Some(format!("the disk refused to read {} bytes of it", walked.refused));
        }
        contents.file = Some(file);
        ControlFlow::Continue(contents)
    }

    fn put(&mut self, spot: &Spot<'_>) {
        let (head, part) = (&spot.part.head, &spot.part);
        match head.kind {
            Kind::Records | Kind::Gap => {
                let key = Key { seq: head.first, kind: head.kind, part: part.index };
                let (len, count) = (spot.bytes.len(), u64::from(head.count));
                let copies = self.frames.get(&key).map_or(1, |it| it.copies + 1);
                let place = Place { at: spot.at, len, last: head.last, count, parts: part.parts, copies };
                self.frames.insert(key, place);
                self.run.get_or_insert_with(|| head.run.clone());
            }
            Kind::Cursor => {
                let cursor = frame::assemble(std::slice::from_ref(part)).ok();
                let cursor = cursor.and_then(|(_, raw)| serde_json::from_slice::<(RunId, u64)>(&raw).ok());
                if let Some((run, seq)) = cursor {
                    let known = self.cursors.entry(run).or_default();
                    *known = seq.max(*known);
                }
            }
            Kind::State | Kind::Manifest | Kind::Facts => {}
        }
    }

    /// How many whole frames, or frames in parts, of records and gaps.
    pub(super) fn bodies(&self) -> u64 {
        self.frames.keys().filter(|it| it.part == 0).count() as u64
    }

    /// Records in whole bodies that begin no later than a number.
    pub(super) fn records(&self, upto: u64) -> u64 {
        self.whole().filter(|(key, _)| key.seq <= upto).map(|(_, it)| it.count).sum()
    }

    /// The numbers that whole bodies cover, by their heads.
    pub(super) fn covered(&self) -> Ranges {
        let mut ranges = Ranges::default();
        for (key, place) in self.whole() {
            ranges.insert(key.seq, place.last);
        }
        ranges
    }

    /// Whether all frames behind a number can be of one batch that was being written: no more than fits one, and none
    /// written a second time, as happens when others come after.
    pub(super) fn is_last_batch_behind(&self, seq: u64) -> bool {
        let behind = || self.frames.iter().filter(|(key, _)| key.seq > seq).map(|(_, place)| place);
        behind().all(|it| it.copies == 1) && behind().map(|it| it.len).sum::<usize>() <= BATCH_MAX
    }

    /// Reads and checks every body, in order of numbers; those that cannot be read are left out.
    pub(super) fn each(&self, mut take: impl FnMut(&Head, &[u8]) -> ControlFlow<()>) -> ControlFlow<()> {
        for (key, place) in self.whole() {
            if let Some((head, raw)) = self.body(key, place.parts) {
                take(&head, &raw)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn whole(&self) -> impl Iterator<Item = (&Key, &Place)> {
        self.frames.iter().filter(|(key, place)| {
            key.part == 0 && (1..place.parts).all(|part| self.frames.contains_key(&Key { part, ..**key }))
        })
    }

    fn body(&self, key: &Key, parts: u16) -> Option<(Head, Vec<u8>)> {
        // More parts than the largest body has are none of ours.
        if usize::from(parts) > BODY_MAX / (FRAME_MAX / 2) {
            return None;
        }
        let mut frames = Vec::with_capacity(usize::from(parts));
        for part in 0..parts {
            let place = self.frames.get(&Key { part, ..*key })?;
            let mut bytes = vec![0; place.len];
            self.file.as_ref()?.read_exact_at(&mut bytes, place.at).ok()?;
            frames.push(bytes);
        }
        let parts: Option<Vec<_>> = frames.iter().map(|it| frame::parse(it).ok()).collect();
        frame::assemble(&parts?).ok()
    }
}
