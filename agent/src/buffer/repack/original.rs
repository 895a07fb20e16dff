//! What is repacked: found by the frames' own marks, so that sled need not open, and change, the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::super::carve::{Spot, walk};
use super::super::durable::Doing as _;
use super::super::frame::{Head, Kind, assemble, parse};
use super::super::generation::Key;
use super::super::pack::{Keyed, unpack};
use super::copy::go_on;
use super::{Item, Left};

/// Where a frame lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    len: usize,
}

/// A generation's file and where its frames lie in it.
pub(super) struct Original {
    file: File,
    frames: BTreeMap<Key, Place>,
    /// Of what is written anew each time, the newest: its sequence number, and its parts.
    specials: BTreeMap<Kind, (u64, BTreeMap<u16, Place>)>,
}

impl Original {
    pub(super) fn find(dir: &Path, stop: &AtomicBool) -> Result<Self, Left> {
        let path = dir.join("db");
        let file = File::open(&path).doing("open", &path)?;
        let len = file.metadata().doing("look at", &path)?.len();
        let (mut frames, mut specials) = (BTreeMap::new(), BTreeMap::new());
        walk(
            len,
            |bytes, at| file.read_at(bytes, at),
            |spot| note(&mut frames, &mut specials, &spot),
            |_| if go_on(stop).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) },
        );
        go_on(stop)?;
        Ok(Self { file, frames, specials })
    }

    /// What each body holds, in order of number; `None` for what cannot be read.
    pub(super) fn bodies(&self) -> impl Iterator<Item = Option<Vec<Item>>> {
        self.frames.keys().filter(|it| it.part == 0).map(|key| {
            let parts = self.frames.range(*key..=Key { part: u16::MAX, ..*key });
            let (head, raw) = self.read(parts.map(|(_, place)| place))?;
            unpack(&head, &raw)
        })
    }

    /// The newest of what belongs to no number; `None` if one of them cannot be read.
    pub(super) fn specials(&self) -> Option<Vec<Keyed>> {
        let mut found = Vec::new();
        for (kind, (_, parts)) in &self.specials {
            self.read(parts.values())?;
            for (part, place) in parts {
                found.push((Key::special(*kind, *part), self.bytes(place)?));
            }
        }
        Some(found)
    }

    fn read<'a>(&self, places: impl Iterator<Item = &'a Place>) -> Option<(Head, Vec<u8>)> {
        let frames: Option<Vec<_>> = places.map(|it| self.bytes(it)).collect();
        let frames = frames?;
        let parts: Result<Vec<_>, _> = frames.iter().map(|it| parse(it)).collect();
        assemble(&parts.ok()?).ok()
    }

    fn bytes(&self, place: &Place) -> Option<Vec<u8>> {
        let mut bytes = vec![0; place.len];
        self.file.read_exact_at(&mut bytes, place.at).ok().map(|()| bytes)
    }
}

fn note(
    frames: &mut BTreeMap<Key, Place>,
    specials: &mut BTreeMap<Kind, (u64, BTreeMap<u16, Place>)>,
    spot: &Spot<'_>,
) {
    let (head, part) = (&spot.part.head, spot.part.index);
    let place = Place { at: spot.at, len: spot.bytes.len() };
    match head.kind {
        Kind::Records | Kind::Gap => {
            frames.insert(Key { seq: head.first, kind: head.kind, part }, place);
        }
        Kind::State | Kind::Manifest | Kind::Cursor => {
            let newest = specials.entry(head.kind).or_default();
            if head.first > newest.0 {
                *newest = (head.first, BTreeMap::new());
            }
            if head.first == newest.0 {
                newest.1.insert(part, place);
            }
        }
        Kind::Facts => {}
    }
}
