//! Makes a generation anew from the frames that can still be found in it, beside whatever sled makes of it.

use std::path::Path;

use super::super::carve::Carved;
use super::super::durable::{Doing as _, Platter, StoreError};
use super::super::facts::{Facts, Naming};
use super::super::frame::Kind;
use super::super::generation::{Found, Generation, blocks};
use super::super::pack::BATCH_MAX;
use super::super::{Item, records};
use super::evict::remove_generation;
use super::{DiskLane, Place};
use crate::envelope::RunId;

impl DiskLane {
    /// Sets an old generation aside and makes it anew; what is not found again shows as a hole.
    pub(super) fn rebuild_old(&mut self, place: usize) -> Result<(), StoreError> {
        let old = &mut self.old[place];
        old.rebuilt = true;
        self.reading = None;
        self.counts.set_aside += 1;
        let dir = self.place.generation_dir(old.ordinal);
        write_anew(&self.place, &dir, Carved::from_generation(&dir), &old.facts).map(drop)?;
        old.bytes = blocks(&dir);
        Ok(())
    }
}

/// Reads the end of a run that was killed, once, and seals it. `None`: nothing was in it.
///
/// sled may silently cut its log at a damaged place, so what it shows is compared with what the file holds.
pub(super) fn recover_generation(
    place: &Place,
    dir: &Path,
    set_aside: &mut u64,
) -> Result<Option<Facts>, StoreError> {
    let born = super::super::generation::read_facts(&dir.join("born"));
    let carved = Carved::from_generation(dir);
    let scanned = Generation::open(dir, Platter::System)
        .and_then(|it| scan(&it, born.as_ref()).map(|facts| (it, facts)));
    let (mut generation, facts) = match scanned {
        Ok((it, Some((facts, starts)))) if carved.starts().all(|seq| starts.contains(&seq)) => (it, facts),
        Ok((it, None)) if carved.starts().next().is_none() => {
            drop(it);
            if born.is_none() {
                // It was being made when the power went: nothing was ever acknowledged from it.
                remove_generation(dir)?;
                return Ok(None);
            }
            return Ok(born);
        }
        damaged => {
            drop(damaged);
            *set_aside += 1;
            let begin = born.unwrap_or_else(|| Facts::begin("unknown".into(), 1));
            let anew = write_anew(place, dir, carved, &begin)?;
            match scan(&anew, Some(&begin))? {
                Some((facts, _)) => (anew, facts),
                None => {
                    tracing::error!(path = %dir.display(), "Nothing could be read from what was set aside.");
                    (anew, begin)
                }
            }
        }
    };
    generation.write_facts("seal", &naming_of(place, &facts.run), &facts)?;
    Ok(Some(facts))
}

/// A fresh generation of a run's frames, in place of one that was set aside.
fn write_anew(place: &Place, dir: &Path, carved: Carved, facts: &Facts) -> Result<Generation, StoreError> {
    let naming = naming_of(place, &facts.run);
    // Made beside, sealed and then renamed: a power cut leaves the damaged one, or this one whole.
    let beside = dir.with_extension("new");
    if beside.exists() {
        std::fs::remove_dir_all(&beside).doing("remove", &beside)?;
    }
    let mut generation = Generation::create(&beside, &naming, facts, place.platter.clone())?;
    let frames = carved.into_frames();
    for batch in frames.chunks(BATCH_MAX / super::super::frame::FRAME_MAX) {
        generation.commit(batch, &[])?;
    }
    generation.write_facts("seal", &naming, facts)?;
    drop(generation);
    place.quarantine.take(dir)?;
    std::fs::rename(&beside, dir).doing("rename into place", dir)?;
    super::super::durable::sync_path(&place.dir)?;
    Generation::open(dir, place.platter.clone())
}

/// What a generation holds, and where its frames begin; `None`: no records and no gaps.
fn scan(
    generation: &Generation,
    born: Option<&Facts>,
) -> Result<Option<(Facts, std::collections::BTreeSet<u64>)>, StoreError> {
    let mut facts = born.cloned();
    let mut starts = std::collections::BTreeSet::new();
    let mut from = 0;
    loop {
        let (head, raw) = match generation.at_or_after(from)? {
            Found::End => return Ok(facts.filter(|_| !starts.is_empty()).map(|it| (it, starts))),
            Found::Damaged { seq } => {
                from = seq + 1;
                continue;
            }
            Found::Body { head, raw } => (head, raw),
        };
        starts.insert(head.first);
        from = head.first + 1;
        let facts = facts.get_or_insert_with(|| Facts::begin(head.run.clone(), head.first));
        facts.last = facts.last.max(head.last);
        if head.kind == Kind::Records {
            for envelope in records::decode(head.first, &raw).unwrap_or_default() {
                facts.add(&Item::Record(envelope));
            }
        }
    }
}

fn naming_of(place: &Place, run: &RunId) -> Naming {
    Naming { run: run.clone(), ..place.naming.clone() }
}
