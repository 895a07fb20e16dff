//! From one generation to the next: the new one stands before the old one is sealed.

use super::super::durable::StoreError;
use super::super::facts::Facts;
use super::super::frame::Kind;
use super::super::generation::{Generation, blocks, seal};
use super::super::pack::Keyed;
use super::super::progress::Sealed;
use super::{DiskLane, Old, Place, Tail, special_frames};
use crate::buffer::EngineState;

impl Place {
    pub(super) fn generation_dir(&self, ordinal: u64) -> std::path::PathBuf {
        self.dir.join(format!("{ordinal:016x}"))
    }

    /// A new generation, durable with what each begins with: the manifest and the engines' whole state.
    pub(super) fn begin(
        &self,
        ordinal: u64,
        first: u64,
        manifest: &[u8],
        state: Option<&EngineState>,
    ) -> Result<Tail, StoreError> {
        let facts = Facts::begin(self.naming.run.clone(), first);
        let dir = self.generation_dir(ordinal);
        let mut generation = Generation::create(&dir, &self.naming, &facts, self.platter.clone())?;
        let last = facts.last;
        let mut frames = special_frames(&self.naming, Kind::Manifest, last, manifest);
        let state: Vec<Keyed> =
            state.map(|it| special_frames(&self.naming, Kind::State, last, it)).unwrap_or_default();
        let state_parts = u16::try_from(state.len()).unwrap_or(u16::MAX);
        frames.extend(state);
        generation.commit(&frames, &[])?;
        Ok(Tail { ordinal, generation, facts, state_parts, state_order: last })
    }
}

impl DiskLane {
    /// Goes on in a new generation.
    pub(super) fn rotate(&mut self) -> Result<(), StoreError> {
        let (ordinal, first) = (self.tail.ordinal + 1, self.tail.facts.last + 1);
        let next = self.place.begin(ordinal, first, &self.manifest, self.state.as_ref())?;
        let mut full = std::mem::replace(&mut self.tail, next);
        self.cursor_stale = true;
        self.counts.syncs += self.tail.generation.take_syncs();
        let dir = self.place.generation_dir(full.ordinal);
        drop(full.generation);
        freeze(&self.place, &dir, &mut full.facts)?;
        self.counts.syncs += 2;
        let sealed = Sealed { frames: std::mem::take(&mut self.counts.tail_stored), blocks: blocks(&dir) };
        let raw = std::mem::take(&mut self.counts.tail_raw);
        self.counts.last_sealed = Some(sealed);
        self.old.push_back(Old {
            ordinal: full.ordinal,
            facts: full.facts,
            bytes: sealed.blocks,
            raw: Some(raw),
            gap: None,
            rebuilt: false,
            tried: None,
        });
        self.remove_acknowledged();
        self.begin_repacking();
        Ok(())
    }

    /// The orderly end: the next run finds everything sealed.
    pub(in crate::buffer) fn close(mut self) {
        self.stop_repacking();
        self.leave_reading();
        let frame = self.cursor_frame();
        let last = self.commit(&[frame], &[]);
        let (place, mut facts) = (self.place.clone(), self.tail.facts.clone());
        let dir = place.generation_dir(self.tail.ordinal);
        drop(self);
        if let Err(error) = last.and_then(|()| freeze(&place, &dir, &mut facts)) {
            tracing::warn!(%error, "The store was not sealed; the next start reads its end once more.");
        }
    }
}

/// Opens a generation once more: sled writes its snapshot only then, and with it a damaged bit costs a leaf and not
/// the rest of the log. Then seals it.
fn freeze(place: &Place, dir: &std::path::Path, facts: &mut Facts) -> Result<(), StoreError> {
    Generation::open(dir, place.platter.clone()).map(drop)?;
    seal(dir, &place.naming, facts)
}
