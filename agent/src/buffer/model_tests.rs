//! Lanes against a vector: what is kept, read, told in gaps and removed, over restarts and kills.

mod controls;
mod torn;

use std::ops::RangeInclusive;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tempfile::TempDir;
use vitals::reading::Mode;
use vitals::record::ledger::GapReason;
use vitals::time::Uptime;

use super::disk::{Bound, DiskLane, Place, Recovered, Yields};
use super::durable::Platter;
use super::facts::Naming;
use super::generation::blocks;
use super::group::Group;
use super::progress::LaneProgress;
use super::quarantine::Quarantine;
use super::through::Through;
use super::{Chunk, Delivered, Item};
use crate::envelope::{Envelope, Lane, Position, RunId};

pub(super) fn naming() -> Naming {
    Naming { agent: "icu-3".into(), run: "run-1".into(), lane: Lane::Readings }
}

/// A lane of a run in a store, with generations of a MiB.
pub(super) fn place(store: &Path, run: &str, bytes: u64) -> Place {
    Place {
        dir: store.join("readings"),
        quarantine: Quarantine::new(store, 1 << 20),
        naming: Naming { run: run.into(), ..naming() },
        bound: Bound { bytes, generation: 1 << 20, yields: Yields::Oldest, free_min: 0 },
        platter: Platter::System,
        through: Through::new(None, Lane::Readings),
    }
}

/// A record whose body can hardly be compressed and tells its number.
pub(super) fn envelope(seq: u64, len: usize) -> Envelope {
    let mut word = seq.wrapping_mul(0x9E38_79B9_7F4A_7C15);
    let body = std::iter::repeat_with(|| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (word >> 56) as u8
    });
    let key = format!("monitor-{}", seq % 3).into();
    let up = Uptime::from_millis(seq * 10);
    Envelope { seq, up, mode: Mode::Simulated, late: seq % 7 == 0, key, body: body.take(len).collect() }
}

pub(super) fn group(seqs: RangeInclusive<u64>, len: usize) -> Group {
    let (first, last) = (*seqs.start(), *seqs.end());
    let items: Vec<Item> = seqs.map(|seq| Item::Record(envelope(seq, len))).collect();
    let chunk = (!items.is_empty()).then(|| Chunk { run: naming().run, first, last, items });
    Group { chunk, ..Group::default() }
}

/// Copies a store as a kill leaves it: what the page cache has, no handle closed in order.
pub(super) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &to);
        } else if let Err(error) = std::fs::copy(entry.path(), to) {
            // A copy that is being made has files that come and go, and counts for nothing until it is sealed.
            assert!(from.extension().is_some_and(|it| it == "new"), "{}: {error}", entry.path().display());
        }
    }
}

#[derive(Debug, Clone)]
enum Action {
    Keep {
        count: u64,
        len: usize,
    },
    /// Reads everything and acknowledges up to this share of it, in percent.
    Acknowledge(u64),
    /// Says once more that what lies so many numbers behind the acknowledged one is delivered.
    AcknowledgeAgain(u64),
    /// Reads again from this share of what is kept.
    Rewind(u64),
    Restart,
    Kill,
    /// Waits until all that waits for Kafka has been repacked.
    Repack,
    /// The power goes while a group is written that nobody was told of: of the bytes that it changed, only those before
    /// this share of the file, in thousandths, are on the disk.
    Tear {
        count: u64,
        len: usize,
        at: u64,
    },
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (1..400_u64, 10..3_000_usize).prop_map(|(count, len)| Action::Keep { count, len }),
        1 => (1..3_u64, 10_000..40_000_usize).prop_map(|(count, len)| Action::Keep { count, len }),
        2 => (0..=100_u64).prop_map(Action::Acknowledge),
        1 => (0..1_000_u64).prop_map(Action::AcknowledgeAgain),
        1 => (0..=100_u64).prop_map(Action::Rewind),
        1 => Just(Action::Restart),
        1 => Just(Action::Kill),
        2 => Just(Action::Repack),
        2 => (1..60_u64, 10..3_000_usize, 0..=1_000_u64).prop_map(|(count, len, at)| Action::Tear { count, len, at }),
    ]
}

/// A lane and the vector it is measured against: per run, the length of each body.
struct Model {
    dirs: Vec<TempDir>,
    lane: Option<DiskLane>,
    runs: Vec<(RunId, Vec<usize>)>,
    acknowledged: (usize, u64),
    /// What was being written when the power went: a run, and behind which number. It may be missing, and is told then.
    torn: Vec<(usize, u64, u64)>,
}

impl Model {
    fn new() -> Self {
        let mut model = Self {
            dirs: vec![tempfile::tempdir().unwrap()],
            lane: None,
            runs: Vec::new(),
            acknowledged: (0, 0),
            torn: Vec::new(),
        };
        model.open();
        model
    }

    fn open(&mut self) {
        let run: RunId = format!("run-{}", self.runs.len()).into();
        let store = self.dirs.last().unwrap().path();
        let place = place(store, &run, 8 << 20);
        let recovered = Recovered::read(place).unwrap();
        assert_eq!(recovered.set_aside, 0);
        let index = self.runs.len().wrapping_sub(1);
        if let Some((last, lens)) = self.runs.last_mut() {
            assert_eq!(recovered.newest_run(), Some(last.clone()));
            let known = recovered.last_of(last);
            if let Some((_, after, upto)) = self.torn.iter_mut().find(|it| it.0 == index) {
                assert!(
                    (*after..=lens.len() as u64).contains(&known),
                    "{known} of {after} to {}",
                    lens.len()
                );
                lens.truncate(usize::try_from(known).unwrap());
                *upto = known;
            }
            assert_eq!(known, lens.len() as u64, "the end of the run is known");
        }
        self.runs.push((run, Vec::new()));
        self.lane = Some(recovered.begin(1, b"{}".to_vec(), None).unwrap());
    }

    fn lane(&mut self) -> &mut DiskLane {
        self.lane.as_mut().unwrap()
    }

    fn keep(&mut self, count: u64, len: usize) {
        let (run, lens) = self.runs.last_mut().unwrap();
        let (first, run) = (lens.len() as u64 + 1, run.clone());
        lens.extend(std::iter::repeat_n(len, usize::try_from(count).unwrap()));
        let mut group = group(first..=first + count - 1, len);
        group.chunk.as_mut().unwrap().run = run;
        self.lane().keep(group).unwrap();
        let on_disk = blocks(self.dirs.last().unwrap().path());
        assert!(on_disk <= 9 << 20, "{on_disk} bytes on disk");
    }

    /// Reads all behind a position and checks each record; returns (run, seq) of each number covered, and gaps.
    fn read(&mut self, mut at: Position) -> Vec<(usize, u64, bool)> {
        let mut covered = Vec::new();
        while let Some(chunk) = self.lane().next_after(&at).unwrap() {
            let index = self.runs.iter().position(|(it, _)| *it == chunk.run).unwrap();
            assert_eq!(chunk.first, chunk.items[0].range().0);
            assert_eq!(chunk.last, chunk.items.last().unwrap().range().1);
            for item in &chunk.items {
                match item {
                    Item::Record(it) => {
                        let len = self.runs[index].1[usize::try_from(it.seq).unwrap() - 1];
                        assert_eq!(*it, envelope(it.seq, len));
                        covered.push((index, it.seq, true));
                    }
                    Item::Gap(gap) => {
                        let (first, last) = item.range();
                        let may_be_torn =
                            |it: &&(usize, u64, u64)| it.0 == index && it.1 < first && last <= it.2;
                        let is_torn = self.torn.iter().any(|it| may_be_torn(&it));
                        let is_full = gap.reason == GapReason::BufferFull;
                        assert!(
                            is_full || is_torn && gap.reason == GapReason::StoreDamaged,
                            "{first} to {last} of run {index}: {gap:?}"
                        );
                        assert_eq!(gap.count, gap.last_seq + 1 - gap.first_seq);
                        covered.extend((gap.first_seq..=gap.last_seq).map(|seq| (index, seq, false)));
                    }
                }
            }
            at = Position { run: chunk.run, seq: chunk.last };
        }
        covered
    }

    /// Everything offered that is not acknowledged is there once, in order, as a record or in a gap.
    fn check(&mut self) -> Vec<(usize, u64, bool)> {
        let start = self.lane().acknowledged().clone();
        let covered = self.read(start);
        let numbers: Vec<_> = covered.iter().map(|(run, seq, _)| (*run, *seq)).collect();
        let all = self
            .runs
            .iter()
            .enumerate()
            .flat_map(|(run, (_, lens))| (1..=lens.len() as u64).map(move |seq| (run, seq)));
        let all: Vec<_> = all.collect();
        assert!(all.ends_with(&numbers), "a gap without a name, or out of order");
        let kept = numbers.first().copied().unwrap_or((usize::MAX, 0));
        let next = all.iter().find(|it| **it > self.acknowledged).copied().unwrap_or((usize::MAX, 0));
        assert!(kept <= next, "missing: {next:?} to {kept:?}");
        let told = self.progress();
        let torn: u64 = self.torn.iter().map(|(_, after, upto)| upto - after).sum();
        assert!(told.unaccounted <= torn, "{} are not accounted for", told.unaccounted);
        assert_eq!(told.buffered_records, covered.iter().filter(|it| it.2).count() as u64);
        covered
    }

    /// How it is, but for what a copy takes meanwhile.
    fn standing(&mut self) -> (Position, LaneProgress) {
        (self.lane().acknowledged().clone(), LaneProgress { bytes_on_disk: 0, ..self.progress() })
    }

    fn progress(&mut self) -> LaneProgress {
        let mut progress = LaneProgress::new(&naming().run);
        self.lane().describe(&mut progress);
        progress
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Keep { count, len } => self.keep(count, len),
            Action::Acknowledge(share) => {
                let covered = self.check();
                let Some((run, seq, _)) = at_share(&covered, share) else { return };
                let upto = Position { run: self.runs[run].0.clone(), seq };
                let taken = covered.iter().take_while(|it| (it.0, it.1) <= (run, seq));
                let records = taken.clone().filter(|it| it.2).count() as u64;
                let delivered = Delivered { records, covered: taken.count() as u64 - records };
                self.lane().acknowledge(&upto, Some(delivered));
                self.acknowledged = self.acknowledged.max((run, seq));
            }
            Action::AcknowledgeAgain(behind) => {
                let before = self.standing();
                let upto = Position { seq: before.0.seq.saturating_sub(behind), ..before.0.clone() };
                self.lane().acknowledge(&upto, Some(Delivered { records: 1, covered: 0 }));
                assert_eq!(self.standing(), before, "{upto:?}");
            }
            Action::Rewind(share) => {
                let covered = self.check();
                let Some((run, seq, _)) = at_share(&covered, share) else { return };
                let again = self.read(Position { run: self.runs[run].0.clone(), seq });
                assert_eq!(again, covered[covered.len() - again.len()..]);
                assert_eq!(
                    again.len() + covered.iter().position(|it| (it.0, it.1) == (run, seq)).unwrap() + 1,
                    covered.len()
                );
            }
            Action::Restart => {
                self.lane.take().unwrap().close();
                self.open();
            }
            Action::Kill => {
                let copy = tempfile::tempdir().unwrap();
                copy_dir(self.dirs.last().unwrap().path(), copy.path());
                self.go_on_in(copy);
            }
            Action::Repack => super::repack_tests::rest(self.lane()),
            Action::Tear { count, len, at } => self.tear(count, len, at),
        }
    }

    /// What was held open is gone; what a copy has is the disk.
    fn go_on_in(&mut self, copy: TempDir) {
        self.lane = None;
        self.dirs.push(copy);
        self.open();
    }
}

fn at_share(covered: &[(usize, u64, bool)], share: u64) -> Option<(usize, u64, bool)> {
    let index = covered.len() as u64 * share / 100;
    covered.get(usize::try_from(index).unwrap().checked_sub(1)?).copied()
}

#[test]
fn a_lane_is_what_a_vector_is() {
    let seed = super::damage_tests::seed();
    println!("a_lane_is_what_a_vector_is: WARDLINE_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = ProptestConfig {
        cases: 24,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let played = runner.run(&proptest::collection::vec(action(), 1..40), |actions| {
        let mut model = Model::new();
        for action in actions {
            model.act(&action);
        }
        model.check();
        model.act(&Action::Kill);
        model.check();
        Ok(())
    });
    played.unwrap_or_else(|error| panic!("WARDLINE_SEED={seed}: {error}"));
}
