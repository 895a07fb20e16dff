//! A store looked at while it works, when it has stopped, killed and damaged: what is told is true, and nothing is changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::buffer::model_tests::{copy_dir, envelope};
use crate::buffer::store_tests::{end, read_to, settings, wait_for_mark, wait_for_rest, wait_until};
use crate::buffer::{Opened, open};
use crate::envelope::{Position, Receipt, ToStore};

/// Enough for several generations of the smallest store.
const COUNT: u64 = 6_000;

/// A reading whose body is JSON that hardly shrinks.
fn reading(run: &str, seq: u64) -> ToStore {
    let noise: String = envelope(seq, 400).body.iter().map(|it| char::from(b'!' + 2 + it % 56)).collect();
    let body = format!(r#"{{"schema":"vitals.readings.v1","run":"{run}","seq":{seq},"noise":"{noise}"}}"#);
    let envelope = crate::envelope::Envelope { body: body.into_bytes().into(), ..envelope(seq, 0) };
    ToStore::Reading(envelope, Some(Receipt { link: 0, generation: 1, ordinal: seq }))
}

fn fill(dir: &Path, run: &str, count: u64) -> Opened {
    let mut opened = open(settings(dir, run)).unwrap();
    for seq in 1..=count {
        opened.intake.offer(reading(run, seq));
    }
    wait_for_mark(&opened, count);
    wait_for_rest(&opened);
    opened
}

/// What a look at the readings shows: numbers of each run, gaps, and the stretches.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    seqs: BTreeMap<String, Vec<u64>>,
    gaps: Vec<(u64, u64)>,
    stretches: Vec<Stretch>,
    ended: bool,
}

impl Shown {
    fn holes(&self) -> Vec<(u64, u64)> {
        self.stretches.iter().flat_map(|it| it.holes.clone()).collect()
    }

    fn pending(&self) -> u64 {
        self.stretches.iter().map(|it| it.pending).sum()
    }

    fn records(&self) -> u64 {
        self.stretches.iter().map(|it| it.records).sum()
    }
}

fn shown(dir: &Path, depth: Depth, pending: bool, live: Option<&Live>) -> Shown {
    let mut shown = Shown::default();
    let ask = Ask { depth, lane: Some(Lane::Readings), pending, within: None };
    inspect(dir, ask, live, &mut |finding| {
        match finding {
            Finding::Record(body) => {
                let body: serde_json::Value = serde_json::from_str(body.get()).unwrap();
                let seqs = shown.seqs.entry(body["run"].as_str().unwrap().to_owned()).or_default();
                seqs.push(body["seq"].as_u64().unwrap());
            }
            Finding::Gap(LedgerRecord::Gap(gap)) => shown.gaps.push((gap.first_seq, gap.last_seq)),
            Finding::Stretch(it) => shown.stretches.push(it),
            Finding::End => shown.ended = true,
            _ => {}
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(shown.ended);
    shown
}

/// Every file below a directory, with what it holds.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

fn generations(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir.join("readings")).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn a_stopped_store_is_shown_whole_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = fill(dir.path(), "run-1", COUNT);
    read_to(&mut opened.readings, COUNT);
    opened.readings.acknowledge(&Position { run: "run-1".into(), seq: 5_000 });
    end(opened);
    end(fill(dir.path(), "run-2", 300));
    let before = files(dir.path());
    for depth in [Depth::Facts, Depth::Frames, Depth::Records] {
        let all = shown(dir.path(), depth, false, None);
        assert_eq!(all.holes(), [], "{depth:?}");
        assert_eq!(all.pending(), COUNT - 5_000 + 300, "{depth:?}: {all:?}");
        assert!(all.stretches.len() > 1, "{all:?}");
    }
    let all = shown(dir.path(), Depth::Records, false, None);
    assert_eq!(all.seqs["run-1"].last(), Some(&COUNT));
    assert!(all.seqs["run-1"].windows(2).all(|it| it[0] + 1 == it[1]));
    assert_eq!(all.seqs["run-2"], (1..=300).collect::<Vec<_>>());
    assert_eq!(all.records(), all.seqs.values().map(|it| it.len() as u64).sum::<u64>());
    let waiting = shown(dir.path(), Depth::Records, true, None);
    assert_eq!(waiting.seqs["run-1"], (5_001..=COUNT).collect::<Vec<_>>());
    assert_eq!(waiting.seqs["run-2"].len(), 300);
    assert!(before == files(dir.path()), "a look changes nothing");
}

#[test]
fn a_store_at_work_shows_what_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = fill(dir.path(), "run-1", COUNT);
    let progress = opened.intake.progress();
    let live = Live::new(&progress.borrow()).unwrap();
    let all = shown(dir.path(), Depth::Records, false, Some(&live));
    assert_eq!(all.seqs["run-1"], (1..=COUNT).collect::<Vec<_>>());
    assert_eq!((all.gaps, all.stretches.iter().map(|it| it.pending).sum::<u64>()), (vec![], COUNT));
    // What has come since is on the disk, and was not durable when the look began.
    opened.intake.offer(reading("run-1", COUNT + 1));
    wait_for_mark(&opened, COUNT + 1);
    assert_eq!(shown(dir.path(), Depth::Records, false, Some(&live)).seqs["run-1"].last(), Some(&COUNT));
    // Delivered and removed while it is looked at: a shorter list, and no damage.
    read_to(&mut opened.readings, COUNT);
    opened.readings.acknowledge(&Position { run: "run-1".into(), seq: COUNT });
    wait_until(|| progress.borrow().readings.generations == 2);
    let live = Live::new(&progress.borrow()).unwrap();
    let rest = shown(dir.path(), Depth::Frames, false, Some(&live));
    assert_eq!((rest.holes(), rest.pending()), (vec![], 1));
    end(opened);
}

#[test]
fn of_a_killed_store_everything_durable_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let opened = fill(dir.path(), "run-1", COUNT);
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    end(opened);
    let all = shown(copy.path(), Depth::Frames, false, None);
    assert_eq!((all.holes(), all.records()), (vec![], COUNT));
    assert_eq!(all.stretches.last().unwrap().form, Form::Open);
}

#[test]
fn what_is_damaged_is_told_and_everything_else_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    end(fill(dir.path(), "run-1", COUNT));
    let victim = generations(dir.path())[1].clone();
    let whole = shown(dir.path(), Depth::Facts, false, None).stretches[1].clone();
    let db = victim.join("db");
    let good = fs::read(&db).unwrap();
    // One bit in a frame in the middle; every copy of it, as sled may hold two.
    let mut bytes = good.clone();
    let is_frame = |at: &usize| good[*at..].starts_with(&[0xD7, b'W', b'L', b'F']) && good[at + 5] == b'R';
    let marks: Vec<usize> = (0..good.len() - 60).filter(is_frame).collect();
    let first = good[marks[marks.len() / 2]..][18..26].to_vec();
    for at in marks.into_iter().filter(|at| good[at + 18..at + 26] == first[..]) {
        bytes[at + 50] ^= 4;
    }
    fs::write(&db, &bytes).unwrap();
    let seen = shown(dir.path(), Depth::Frames, false, None);
    let [(from, to)] = seen.holes()[..] else { panic!("{:?}", seen.holes()) };
    assert!(from > whole.first && to < whole.last && to - from < 60, "{from} to {to}");
    let records = shown(dir.path(), Depth::Records, false, None);
    assert_eq!(records.gaps, [(from, to)]);
    assert_eq!(records.seqs["run-1"].len() as u64 + to + 1 - from, COUNT);
    assert!(records.seqs["run-1"].is_sorted());
    fs::write(&db, &good).unwrap();

    // Each of its files is gone, or cut.
    for name in ["db", "conf", "born", "seal"] {
        for cut in [None, Some(0), Some(7)] {
            let copy = tempfile::tempdir().unwrap();
            copy_dir(dir.path(), copy.path());
            let path = copy.path().join("readings").join(victim.file_name().unwrap()).join(name);
            match cut {
                None => fs::remove_file(&path).unwrap(),
                Some(len) => fs::File::options().write(true).open(&path).unwrap().set_len(len).unwrap(),
            }
            let seen = shown(copy.path(), Depth::Records, false, None);
            let lost = if name == "db" { vec![(whole.first, whole.last)] } else { vec![] };
            assert_eq!((&seen.holes(), &seen.gaps), (&lost, &lost), "{name} {cut:?}");
        }
    }
    // And the whole of it: the numbers on both sides say so.
    fs::remove_dir_all(&victim).unwrap();
    let seen = shown(dir.path(), Depth::Records, false, None);
    assert_eq!((seen.holes(), seen.gaps), (vec![(whole.first, whole.last)], vec![(whole.first, whole.last)]));
}

#[test]
fn a_lane_and_a_generation_are_shown_by_themselves_and_anything_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    end(fill(dir.path(), "run-1", COUNT));
    let lane = shown(&dir.path().join("readings"), Depth::Frames, false, None);
    assert_eq!(lane.records(), COUNT);
    let first = shown(&generations(dir.path())[0], Depth::Frames, false, None);
    assert_eq!(first.records(), lane.stretches[0].records);
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("photo"), "x").unwrap();
    let ask = Ask { depth: Depth::Facts, lane: None, pending: false, within: None };
    let mut none = |_| ControlFlow::Continue(());
    assert!(matches!(inspect(other.path(), ask, None, &mut none), Err(InspectError::NotAStore { .. })));
    let nowhere = other.path().join("nowhere");
    assert!(matches!(inspect(&nowhere, ask, None, &mut none), Err(InspectError::Unreadable { .. })));
}

#[test]
fn of_a_few_numbers_nothing_else_is_read_and_nothing_is_called_missing() {
    let dir = tempfile::tempdir().unwrap();
    end(fill(dir.path(), "run-1", COUNT));
    end(fill(dir.path(), "run-2", 300));
    assert!(generations(dir.path()).len() > 2, "more than one generation of the first run");
    let (whole, few) = (read(dir.path(), None), read(dir.path(), Some((COUNT - 20, COUNT - 11))));
    assert_eq!(few.0, (COUNT - 20..=COUNT - 11).collect::<Vec<_>>());
    assert!(few.1 < whole.1 / 2, "{} bytes of {}", few.1, whole.1);
    assert_eq!(read(dir.path(), Some((7, 8))).0, [7, 8, 7, 8], "of both runs");
    assert!(read(dir.path(), Some((COUNT + 1, u64::MAX))).0.is_empty());
}

/// The numbers of the records within some, and how many bytes were read for them.
fn read(dir: &Path, within: Option<(u64, u64)>) -> (Vec<u64>, u64) {
    let (mut seqs, mut bytes) = (Vec::new(), 0);
    inspect(dir, Ask::records(Lane::Readings, within), None, &mut |finding| {
        match finding {
            Finding::Record(body) => {
                let body: serde_json::Value = serde_json::from_str(body.get()).unwrap();
                seqs.push(body["seq"].as_u64().unwrap());
            }
            Finding::Gap(gap) => panic!("nothing is missing: {gap:?}"),
            Finding::Progress(share) => bytes = share.done,
            _ => {}
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    (seqs, bytes)
}
