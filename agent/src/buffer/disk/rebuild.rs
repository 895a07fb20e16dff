//! Makes a generation anew from the frames that can still be found in it, beside whatever sled makes of it.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::carve::Carved;
use super::super::durable::{Doing as _, Platter, StoreError, sync_path};
use super::super::facts::{Facts, Naming};
use super::super::frame::Kind;
use super::super::generation::{Found, Generation, beside, blocks, is_intact, seal};
use super::super::pack::{BATCH_MAX, batches};
use super::super::records;
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
        let carved = Carved::from_generation(&dir);
        old.facts.holes = carved.holes(old.facts.first, old.facts.last);
        write_anew(&self.place, &dir, carved, &mut old.facts, Former::SetAside).map(drop)?;
        old.bytes = blocks(&dir);
        self.note_holes();
        Ok(())
    }
}

/// Opens what was sealed; where its bytes are no longer what they were, makes it anew before sled touches it.
///
/// sled writes to its file whenever it opens it, so a kill while a generation was read changes them too; then no frame
/// is missing, and nothing is set aside.
pub(super) fn open_sealed(
    place: &Place,
    dir: &Path,
    facts: &mut Facts,
    set_aside: &mut u64,
) -> Result<Generation, StoreError> {
    if is_intact(dir, facts) {
        return Generation::open(dir, place.platter.clone());
    }
    let carved = Carved::from_generation(dir);
    facts.holes = carved.holes(facts.first, facts.last);
    if !facts.holes.is_empty() {
        *set_aside += 1;
        return write_anew(place, dir, carved, facts, Former::SetAside);
    }
    write_anew(place, dir, carved, facts, Former::Remove)
}

/// Closes what was sealed, and notes what sled has made of its file by opening it.
pub(super) fn close_sealed(place: &Place, generation: Generation, dir: &Path, facts: &mut Facts) {
    drop(generation);
    if is_intact(dir, facts) {
        return;
    }
    if let Err(error) = seal(dir, &naming_of(place, &facts.run), facts) {
        tracing::warn!(
            error = error.chain(),
            "A part of the store was not sealed; it will be made anew when read."
        );
    }
}

/// What becomes of a generation that was made anew.
#[derive(Clone, Copy)]
pub(super) enum Former {
    SetAside,
    Remove,
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
    // sled makes its file before the other is written.
    let is_gone = born.is_some() && !dir.join("db").exists();
    let carved = Carved::from_generation(dir);
    let scanned = Generation::open(dir, Platter::System)
        .and_then(|it| scan(&it, born.as_ref()).map(|facts| (it, facts)));
    let (generation, mut facts) = match scanned {
        Ok((it, Some((facts, starts)))) if carved.starts().all(|seq| starts.contains(&seq)) => (it, facts),
        Ok((it, None)) if carved.starts().next().is_none() && !is_gone => {
            let Some(born) = born else {
                // It was being made when the power went: nothing was ever acknowledged from it.
                drop(it);
                remove_generation(dir)?;
                return Ok(None);
            };
            (it, born)
        }
        hiding => {
            let unfinished = !is_gone && is_unfinished(&hiding, &carved);
            let former = if unfinished { Former::Remove } else { Former::SetAside };
            drop(hiding);
            *set_aside += u64::from(matches!(former, Former::SetAside));
            let begin = born.or_else(|| carved.beginning());
            let begin = begin.unwrap_or_else(|| Facts::begin("unknown".into(), 1));
            return make_anew(place, dir, carved, begin, former).map(Some);
        }
    };
    drop(generation);
    seal(dir, &naming_of(place, &facts.run), &mut facts)?;
    Ok(Some(facts))
}

/// Whether what sled does not show can be the one batch that was being written when the run was killed.
///
/// sled shows a batch whole or not at all. Its frames are good all the same and are kept, so that nothing is lost should
/// it be damage after all; what is missing between them shows as a hole.
fn is_unfinished(scanned: &Result<(Generation, Scanned), StoreError>, carved: &Carved) -> bool {
    let shown = match scanned {
        Ok((_, Some((facts, starts)))) => {
            let all = carved.starts().take_while(|it| *it <= facts.last).eq(starts.iter().copied());
            all.then_some(facts.last)
        }
        Ok((_, None)) => Some(0),
        Err(_) => None,
    };
    shown.is_some_and(|last| carved.bytes_behind(last) <= BATCH_MAX)
}

/// A fresh generation of a killed run's frames, in its place; returns what they are. That is known before it is sealed, or a
/// kill right behind that would leave one that says it is empty.
fn make_anew(
    place: &Place,
    dir: &Path,
    carved: Carved,
    begin: Facts,
    former: Former,
) -> Result<Facts, StoreError> {
    write_beside(place, dir, carved, &begin)?;
    // Opened once more, as whatever is sealed: `freeze` says why.
    let generation = Generation::open(&beside(dir), place.platter.clone())?;
    let mut facts = if let Some((facts, _)) = scan(&generation, Some(&begin))? {
        facts
    } else {
        tracing::error!(path = %dir.display(), "Nothing could be read from what was set aside.");
        begin
    };
    drop(generation);
    put_in_place(place, dir, &mut facts, former)?;
    Ok(facts)
}

/// A fresh generation of the frames of one whose facts are known, in its place.
fn write_anew(
    place: &Place,
    dir: &Path,
    carved: Carved,
    facts: &mut Facts,
    former: Former,
) -> Result<Generation, StoreError> {
    write_beside(place, dir, carved, facts)?;
    put_in_place(place, dir, facts, former)?;
    Generation::open(dir, place.platter.clone())
}

fn write_beside(place: &Place, dir: &Path, carved: Carved, born: &Facts) -> Result<(), StoreError> {
    let naming = naming_of(place, &born.run);
    let mut generation = Generation::create_beside(dir, &naming, born, place.platter.clone())?;
    batches(&carved.into_frames()).try_for_each(|it| generation.commit(it, &[]))
}

/// Seals what was made beside and renames it: whenever the power goes, the former is there, or this, whole.
pub(super) fn put_in_place(
    place: &Place,
    dir: &Path,
    facts: &mut Facts,
    former: Former,
) -> Result<(), StoreError> {
    let beside = beside(dir);
    seal(&beside, &naming_of(place, &facts.run), facts)?;
    match former {
        Former::SetAside => place.quarantine.take(dir).map(drop)?,
        Former::Remove => remove_generation(dir)?,
    }
    std::fs::rename(&beside, dir).doing("rename into place", dir)?;
    sync_path(&place.dir)
}

/// What a generation holds, and where its frames begin; `None`: no records and no gaps.
type Scanned = Option<(Facts, BTreeSet<u64>)>;

fn scan(generation: &Generation, born: Option<&Facts>) -> Result<Scanned, StoreError> {
    let mut facts = born.cloned();
    let mut starts = BTreeSet::new();
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
        if head.first > facts.last + 1 {
            facts.holes.push((facts.last + 1, head.first - 1));
        }
        facts.last = facts.last.max(head.last);
        if head.kind == Kind::Records {
            for item in &records::decode(&head, &raw).unwrap_or_default() {
                facts.add(item);
            }
        }
    }
}

pub(super) fn naming_of(place: &Place, run: &RunId) -> Naming {
    Naming { run: run.clone(), ..place.naming.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Item;
    use crate::buffer::codec::Effort;
    use crate::buffer::generation::read_facts;
    use crate::buffer::model_tests::{group, naming, place};
    use crate::buffer::pack::Packer;
    use crate::buffer::repack_tests::lane;
    use crate::envelope::Position;

    /// A generation whose own word on whose it is was lost, and of which sled does not show everything.
    #[test]
    fn what_has_lost_its_own_word_is_of_the_run_that_its_frames_name() {
        let store = tempfile::tempdir().unwrap();
        let mut lane = lane(store.path(), "run-1");
        lane.keep(group(7..=50, 100)).unwrap();
        lane.close();
        let dir = store.path().join("readings/0000000000000001");
        for file in ["born", "seal"] {
            std::fs::remove_file(dir.join(file)).unwrap();
        }
        let hidden = Packer::new(Effort::Prompt).pack(&naming(), &group(51..=51, 100).chunk.unwrap().items);
        let mut db = std::fs::OpenOptions::new().append(true).open(dir.join("db")).unwrap();
        std::io::Write::write_all(&mut db, &hidden[0].1).unwrap();
        let mut again = self::lane(store.path(), "run-2");
        let (mut at, mut seen) = (Position { run: naming().run, seq: 0 }, Vec::new());
        while let Some(chunk) = again.next_after(&at).unwrap() {
            assert!(seen.len() < 100, "it goes round: {chunk:?}");
            at = Position { run: chunk.run, seq: chunk.last };
            seen.extend(chunk.items.iter().map(Item::range));
        }
        assert_eq!(seen, (7..=51).map(|it| (it, it)).collect::<Vec<_>>());
    }

    /// A kill right behind the rename: what the seal says then is all that the next start knows.
    #[test]
    fn what_was_made_anew_says_what_it_holds_as_soon_as_it_is_in_place() {
        let store = tempfile::tempdir().unwrap();
        let mut lane = lane(store.path(), "run-1");
        lane.keep(group(1..=50, 100)).unwrap();
        lane.close();
        let dir = store.path().join("readings/0000000000000001");
        let sealed = read_facts(&dir.join("seal")).unwrap();
        let born = read_facts(&dir.join("born")).unwrap();
        let carved = Carved::from_generation(&dir);
        let place = place(store.path(), "run-2", 64 << 20);
        let facts = make_anew(&place, &dir, carved, born, Former::Remove).unwrap();
        let told = read_facts(&dir.join("seal")).unwrap();
        assert_eq!((told.records, told.first, told.last), (50, 1, 50));
        assert_eq!(Facts { sum: None, ..facts }, Facts { sum: None, ..sealed });
    }
}
