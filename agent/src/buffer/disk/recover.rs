//! Opens a lane: sweeps what was being removed, reads the end of a killed run once, and begins a new generation.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::error;
use vitals::record::ledger::Gap;

use super::super::account::Account;
use super::super::codec::Effort;
use super::super::durable::{Doing as _, StoreError};
use super::super::frame::Kind;
use super::super::generation::{Found as Frame, Generation, blocks, note, read_facts, read_file};
use super::super::history::Manifest;
use super::super::pack::Packer;
use super::super::records;
use super::super::sample::Sampler;
use super::super::{EngineState, Identify, Item};
use super::evict::{remove_gap, stand_in};
use super::rebuild::{close_sealed, naming_of, open_sealed, recover_generation};
use super::{Counts, DiskLane, Old, Place};
use crate::clock;
use crate::envelope::{Lane, Position, RunId};

/// What earlier runs left in a lane; nothing is written yet.
#[derive(Debug)]
pub(in crate::buffer) struct Recovered {
    place: Place,
    old: VecDeque<Old>,
    next_ordinal: u64,
    cursor: Option<Position>,
    pub(in crate::buffer) state: Option<EngineState>,
    pub(in crate::buffer) manifest: Option<Manifest>,
    pub(in crate::buffer) set_aside: u64,
}

impl Recovered {
    pub(in crate::buffer) fn read(place: Place) -> Result<Self, StoreError> {
        fs::create_dir_all(&place.dir).doing("make", &place.dir)?;
        let mut set_aside = 0;
        let mut old = VecDeque::new();
        let stretches = list(&place.dir)?;
        let next_ordinal = stretches.last_key_value().map_or(1, |(it, _)| it + 1);
        for (ordinal, stretch) in stretches {
            let dir = place.generation_dir(ordinal);
            match stretch {
                Stretch::Gap(gap) => old.push_back(stand_in(ordinal, gap)),
                Stretch::Generation => {
                    let facts = match read_facts(&dir.join("seal")) {
                        Some(facts) => Some(facts),
                        None => recover_generation(&place, &dir, &mut set_aside)?,
                    };
                    old.extend(facts.map(|facts| Old {
                        ordinal,
                        facts,
                        bytes: blocks(&dir),
                        raw: None,
                        gap: None,
                        rebuilt: false,
                        tried: None,
                    }));
                }
            }
        }
        drop_covered_gaps(&place, &mut old);
        if let Some(newest) = old.back_mut() {
            reach_end(&place, newest)?;
        }
        let mut recovered =
            Self { place, old, next_ordinal, cursor: None, state: None, manifest: None, set_aside };
        recovered.read_specials();
        Ok(recovered)
    }

    /// The newest run and its last sequence number.
    pub(in crate::buffer) fn newest_run(&self) -> Option<RunId> {
        self.old.back().map(|it| it.facts.run.clone())
    }

    /// The last sequence number of a run; 0: none is known.
    pub(in crate::buffer) fn last_of(&self, run: &RunId) -> u64 {
        self.old.iter().filter(|it| it.facts.run == *run).map(|it| it.facts.last).max().unwrap_or(0)
    }

    /// The identities of the last records, oldest first, of at most so many records. What cannot be read is left out,
    /// and what has no identity. Of the records themselves no more is held than one frame's.
    pub(in crate::buffer) fn newest_identities(&mut self, max: usize, identify: Identify) -> Vec<u64> {
        let (mut identities, mut seen) = (Vec::new(), 0);
        for old in self.old.iter_mut().rev().filter(|it| it.gap.is_none() && !it.facts.is_empty()) {
            if seen >= max {
                break;
            }
            let dir = self.place.generation_dir(old.ordinal);
            let Ok(generation) = open_sealed(&self.place, &dir, &mut old.facts, &mut self.set_aside) else {
                continue;
            };
            let mut before = old.facts.last.saturating_add(1);
            while seen < max {
                let Ok(Frame::Body { head, raw }) = generation.before(before) else { break };
                if head.kind == Kind::Records {
                    let records = records::decode(&head, &raw).unwrap_or_default();
                    let newest = records.iter().rev().take(max - seen);
                    identities.extend(newest.filter_map(|it| match it {
                        Item::Record(envelope) => identify(&envelope.body),
                        Item::Gap(_) => None,
                    }));
                    seen += records.len();
                }
                before = head.first;
            }
            close_sealed(&self.place, generation, &dir, &mut old.facts);
        }
        identities.reverse();
        identities
    }

    /// Begins this run's first generation, with the sequence number that comes first in it.
    pub(in crate::buffer) fn begin(
        self,
        first: u64,
        manifest: Vec<u8>,
        state: Option<EngineState>,
    ) -> Result<DiskLane, StoreError> {
        let tail = self.place.begin(self.next_ordinal, first, &manifest, state.as_ref())?;
        let beginning = self.old.iter().map(|it| &it.facts).chain([&tail.facts]).next();
        let beginning = beginning.map_or_else(
            || Position { run: self.place.naming.run.clone(), seq: first - 1 },
            |it| Position { run: it.run.clone(), seq: it.first.saturating_sub(1) },
        );
        let lane = self.place.naming.lane;
        let mut lane = DiskLane {
            place: self.place,
            old: self.old,
            tail,
            reading: None,
            repacking: None,
            packer: Packer::new(Effort::Prompt),
            sampler: (lane == Lane::Readings).then(Sampler::new),
            acknowledged: beginning,
            cursor_written: clock::instant(),
            cursor_stale: true,
            state,
            manifest,
            counts: Counts { set_aside: self.set_aside, ..Counts::default() },
            account: Account::default(),
        };
        lane.counts.syncs += lane.tail.generation.take_syncs();
        if let Some(cursor) = self.cursor {
            lane.acknowledge(&cursor, None);
        }
        // What earlier runs left empty was only there to say where they ended, which the manifest now does.
        let empty: Vec<u64> = lane.old.iter().filter(|it| it.facts.is_empty()).map(|it| it.ordinal).collect();
        for ordinal in empty {
            super::evict::remove_generation(&lane.place.generation_dir(ordinal))?;
            lane.old.retain(|it| it.ordinal != ordinal);
        }
        lane.forget_unknown_run();
        lane.note_holes();
        // Nothing is repacked before a generation has been filled: the start has enough to do, and to hold.
        lane.make_room()?;
        Ok(lane)
    }

    /// Cursor, manifest and state of the newest generation that has them.
    fn read_specials(&mut self) {
        for old in self.old.iter_mut().rev().filter(|it| it.gap.is_none()) {
            let dir = self.place.generation_dir(old.ordinal);
            let opened = open_sealed(&self.place, &dir, &mut old.facts, &mut self.set_aside);
            let Ok(generation) = opened else { continue };
            if self.cursor.is_none() {
                self.cursor = special(&generation, Kind::Cursor)
                    .and_then(|it| serde_json::from_slice::<(RunId, u64)>(&it).ok())
                    .map(|(run, seq)| Position { run, seq });
            }
            if self.manifest.is_none() {
                self.manifest =
                    special(&generation, Kind::Manifest).and_then(|it| serde_json::from_slice(&it).ok());
            }
            // An older one must not take the place of what was found.
            self.state = self.state.take().or_else(|| special(&generation, Kind::State).map(Arc::from));
            close_sealed(&self.place, generation, &dir, &mut old.facts);
            let wants_state = self.place.naming.lane == Lane::Alarms;
            if self.cursor.is_some() && (self.state.is_some() || !wants_state) {
                return;
            }
        }
    }
}

impl DiskLane {
    /// After empty generations are gone, the acknowledged position may name a run that is not kept: all before the
    /// oldest is then done.
    fn forget_unknown_run(&mut self) {
        if self.facts().any(|(_, it)| it.run == self.acknowledged.run) {
            return;
        }
        let oldest = self.old.front().map_or(&self.tail.facts, |it| &it.facts);
        self.acknowledged = Position { run: oldest.run.clone(), seq: oldest.first.saturating_sub(1) };
    }
}

/// What a run said to be durable and what is found of it may differ by its damaged end, which shows as a hole.
fn reach_end(place: &Place, newest: &mut Old) -> Result<(), StoreError> {
    let facts = &mut newest.facts;
    let through = place.through.read().filter(|it| it.run == facts.run && it.seq > facts.last);
    let Some(through) = through.filter(|_| newest.gap.is_none()) else { return Ok(()) };
    error!(run = %facts.run, first = facts.last + 1, last = through.seq, "The end of the run before is damaged. A gap in the ledger says which records are missing.");
    facts.holes.push((facts.last + 1, through.seq));
    facts.last = through.seq;
    note(&place.generation_dir(newest.ordinal), &naming_of(place, &facts.run), facts)
}

fn special(generation: &Generation, kind: Kind) -> Option<Vec<u8>> {
    generation.special(kind).ok().flatten()
}

enum Stretch {
    Generation,
    Gap(Gap),
}

/// Generations and gaps by ordinal; removes what was being removed or written when the last run ended.
fn list(dir: &Path) -> Result<BTreeMap<u64, Stretch>, StoreError> {
    let mut stretches = BTreeMap::new();
    let entries: Result<Vec<PathBuf>, _> =
        fs::read_dir(dir).doing("list", dir)?.map(|it| it.map(|it| it.path())).collect();
    let mut paths = entries.doing("list", dir)?;
    // `0001.gap` comes behind `0001`: a gap that is written takes the place of what it stands for.
    paths.sort();
    for path in paths {
        let ordinal = path.file_stem().and_then(|it| u64::from_str_radix(&it.to_string_lossy(), 16).ok());
        match (path.extension().and_then(|it| it.to_str()), ordinal) {
            (None, Some(ordinal)) => {
                stretches.insert(ordinal, Stretch::Generation);
            }
            (Some("gap"), Some(ordinal)) => {
                let Some(gap) = read_file(&path).and_then(|it| serde_json::from_slice(&it).ok()) else {
                    error!(path = %path.display(), "A gap on disk is damaged: what it covered is not told.");
                    continue;
                };
                if stretches.insert(ordinal, Stretch::Gap(gap)).is_some() {
                    super::evict::remove_generation(&path.with_extension(""))?;
                }
            }
            (Some("new"), Some(ordinal))
                if read_facts(&path.join("seal")).is_some() && !stretches.contains_key(&ordinal) =>
            {
                // It was made anew, whole, and what it replaces is gone already, without a gap in its place.
                fs::rename(&path, path.with_extension("")).doing("rename into place", &path)?;
                stretches.insert(ordinal, Stretch::Generation);
            }
            (Some("del" | "new"), _) if path.is_dir() => fs::remove_dir_all(&path).doing("remove", &path)?,
            (Some("del" | "new"), _) => fs::remove_file(&path).doing("remove", &path)?,
            _ => tracing::warn!(path = %path.display(), "This is not part of the store; it is left alone."),
        }
    }
    Ok(stretches)
}

/// A gap that grew was written whole before the smaller one was removed.
fn drop_covered_gaps(place: &Place, old: &mut VecDeque<Old>) {
    let gaps: Vec<Gap> = old.iter().filter_map(|it| it.gap.clone()).collect();
    old.retain(|it| {
        let covered = it.gap.as_ref().is_some_and(|small| {
            gaps.iter().any(|big| {
                big.run == small.run && big.first_seq <= small.first_seq && big.last_seq > small.last_seq
            })
        });
        if covered {
            remove_gap(&place.generation_dir(it.ordinal).with_extension("gap"));
        }
        !covered
    });
}
