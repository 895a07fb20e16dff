//! Repacking: the same comes out, in less room, and whatever is not whole or is needed stays as it is.

use std::path::Path;

use tempfile::TempDir;
use vitals::record::ledger::GapReason;

use super::codec::Effort;
use super::disk::{DiskLane, Recovered, Yields};
use super::durable::Platter;
use super::facts::{Facts, gap};
use super::generation::{beside, blocks, read_facts, seal};
use super::group::Group;
use super::model_tests::{envelope, group, naming, place};
use super::progress::LaneProgress;
use super::repack::{Job, Left, Repacking, Work};
use super::store_tests::wait_until;
use super::{Chunk, Item, Outage, Progress, StoreState};
use crate::envelope::{Envelope, Position};

pub(super) fn lane(dir: &Path, run: &str) -> DiskLane {
    Recovered::read(place(dir, run, 64 << 20)).unwrap().begin(1, b"{}".to_vec(), None).unwrap()
}

fn progress(lane: &DiskLane) -> LaneProgress {
    let mut progress = LaneProgress::new(&naming().run);
    lane.describe(&mut progress);
    progress
}

/// Waits until nothing is left to repack.
pub(super) fn rest(lane: &mut DiskLane) {
    wait_until(|| {
        lane.rest().unwrap();
        !lane.is_repacking()
    });
}

/// Keeps records one by one until so many generations are sealed; returns the last.
fn fill(lane: &mut DiskLane, generations: u64) -> u64 {
    let mut last = 0;
    while progress(lane).generations <= generations {
        last += 1;
        lane.keep(group(last..=last, 60)).unwrap();
    }
    last
}

fn read_all(lane: &mut DiskLane) -> Vec<Item> {
    let (mut items, mut at) = (Vec::new(), Position { run: naming().run, seq: 0 });
    while let Some(chunk) = lane.next_after(&at).unwrap() {
        at = Position { run: chunk.run, seq: chunk.last };
        items.extend(chunk.items);
    }
    items
}

#[test]
fn what_waits_takes_far_less_room_and_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut lane = lane(dir.path(), "run-1");
    let last = fill(&mut lane, 3);
    rest(&mut lane);
    let after = progress(&lane);
    assert!(after.bytes_on_disk < 2 << 20, "{} bytes of three generations of a MiB", after.bytes_on_disk);
    assert_eq!(after.bytes_on_disk / 65_536, blocks(&dir.path().join("readings")) / 65_536);
    assert_eq!((after.buffered_records, after.unaccounted), (last, 0));
    assert!(after.last_sealed.unwrap().blocks >= 1 << 20);
    let packed = after.packed.unwrap();
    assert!(packed.blocks < 1280 << 10 && packed.raw > 0, "{packed:?}");
    let expected: Vec<_> = (1..=last).map(|seq| Item::Record(envelope(seq, 60))).collect();
    assert_eq!(read_all(&mut lane), expected);
    lane.close();

    let seals = (1..=3).map(|it| dir.path().join(format!("readings/{it:016x}/seal")));
    assert!(seals.map(|it| read_facts(&it).unwrap()).all(|it| it.repacked), "once is enough");
    assert_eq!(read_all(&mut self::lane(dir.path(), "run-2")), expected);
}

/// What was foretold, by the records' own clock, against when the oldest had to make room.
#[test]
fn how_long_it_lasts_is_told_short_rather_than_long() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(dir.path(), "run-1", 16 << 20);
    let mut lane = Recovered::read(place).unwrap().begin(1, b"{}".to_vec(), None).unwrap();
    let (mut outage, mut told, mut last) = (Outage::default(), Vec::new(), 0);
    let mut store = Progress::new(StoreState::Ok, &naming().run, 16 << 20);
    let end = loop {
        let first = last + 1;
        last += 32;
        lane.keep(group(first..=last, 60)).unwrap();
        // So slowly do they come that each generation is repacked before the next is full.
        rest(&mut lane);
        let now = envelope(last, 0).up;
        store.readings = progress(&lane);
        if store.readings.evicted > 0 {
            break now;
        }
        outage.handle_progress(now, &store);
        let sampled = store.readings.packed.is_some();
        told.extend(outage.lasts(now, &store).map(|it| (sampled, now, it)));
    };
    let whole = end.as_millis();
    // Half a MiB, which sled takes at a time, is a thirtieth of it.
    let most = whole * 104 / 100;
    for (sampled, now, lasts) in told {
        let told = (now + lasts).as_millis();
        assert!(told <= most, "at {now:?} {lasts:?} were told (sampled: {sampled}), and it ended at {end:?}");
        let early = now.as_millis() < whole / 2;
        assert!(!sampled || !early || told >= whole / 2, "at {now:?} only {lasts:?} of {end:?}");
    }
}

/// A sealed generation of some items, and what is to be done with it.
fn sealed(dir: &TempDir, groups: Vec<Group>) -> Job {
    let mut lane = lane(dir.path(), "run-1");
    for group in groups {
        lane.keep(group).unwrap();
    }
    lane.close();
    let generation = dir.path().join("readings/0000000000000001");
    let facts = read_facts(&generation.join("seal")).unwrap();
    Job {
        dir: generation,
        naming: naming(),
        facts,
        platter: Platter::System,
        work: Work::Repack,
        effort: Effort::Exhaustive,
    }
}

fn single(seqs: std::ops::RangeInclusive<u64>) -> Vec<Group> {
    seqs.map(|seq| group(seq..=seq, 60)).collect()
}

fn of_gap(first: u64, last: u64) -> Group {
    let gap = gap(&naming(), &naming().run, (first, last), GapReason::StoreStalled);
    let chunk = Chunk { run: naming().run, first, last, items: vec![Item::Gap(gap)] };
    Group { chunk: Some(chunk), ..Group::default() }
}

#[test]
fn gaps_and_bodies_in_parts_are_copied_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut groups = single(1..=500);
    groups.extend([of_gap(501, 530), group(531..=533, 60_000)]);
    groups.extend(single(534..=1_000));
    let job = sealed(&dir, groups);
    let before = read_all(&mut lane(dir.path(), "run-2"));
    let (copy, original) = (beside(&job.dir), job.dir.clone());
    let mut facts = job.facts.clone();
    // As it was sealed: a lane has read it since.
    let repacking = Repacking::start(job).unwrap();
    repacking.finish().unwrap();
    seal(&copy, &naming(), &mut facts).unwrap();
    std::fs::remove_dir_all(&original).unwrap();
    // What the next start makes of it, should the power go here.
    let after = read_all(&mut lane(dir.path(), "run-3"));
    assert_eq!(before.len(), 971);
    assert_eq!(after, before);
}

#[test]
fn what_is_not_whole_is_left_to_its_reader() {
    let dir = tempfile::tempdir().unwrap();
    let job = sealed(&dir, single(1..=300));
    let beyond = |last| Facts { last, ..job.facts.clone() };
    for facts in [beyond(301), beyond(299), Facts { first: 2, ..job.facts.clone() }] {
        let repacking = Repacking::start(Job { facts, ..job.clone() }).unwrap();
        let outcome = repacking.finish();
        assert!(matches!(outcome, Err(Left::Incomplete)), "{outcome:?}");
        assert!(!beside(&job.dir).exists());
    }
    let mut bytes = std::fs::read(job.dir.join("db")).unwrap();
    // sled writes a page again with each frame: wherever the seventh stands.
    for at in 0..bytes.len() {
        if super::frame::parse(&bytes[at..]).is_ok_and(|it| it.head.first == 7) {
            bytes[at + 60] ^= 1;
        }
    }
    std::fs::write(job.dir.join("db"), bytes).unwrap();
    let outcome = Repacking::start(job).unwrap().finish();
    assert!(matches!(outcome, Err(Left::Incomplete)), "{outcome:?}");
}

#[test]
fn what_is_needed_otherwise_stays_as_it_is_and_the_copy_goes() {
    let dir = tempfile::tempdir().unwrap();
    let job = sealed(&dir, single(1..=300));
    let copy = beside(&job.dir);
    let repacking = Repacking::start(job.clone()).unwrap();
    repacking.cancel();
    let outcome = repacking.finish();
    assert!(matches!(outcome, Err(Left::Cancelled) | Ok(_)), "{outcome:?}");
    drop(Repacking::start(job.clone()).unwrap());
    assert!(!copy.exists());
    drop(Repacking::start(Job { dir: dir.path().join("nothing"), ..job.clone() }).unwrap());
}

/// A copy that was ready when its original made room must not come back beside the gap.
#[test]
fn a_gap_wins_over_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let mut lane = lane(dir.path(), "run-1");
    let last = fill(&mut lane, 1);
    rest(&mut lane);
    lane.close();
    let first = dir.path().join("readings/0000000000000001");
    let facts = read_facts(&first.join("seal")).unwrap();
    std::fs::rename(&first, beside(&first)).unwrap();
    let told = facts.to_gap(&naming(), 0, GapReason::BufferFull);
    let head = super::pack::head(&naming(), super::frame::Kind::Gap, 0, (told.first_seq, told.last_seq));
    let frames = super::frame::encode(&head, &serde_json::to_vec(&told).unwrap());
    std::fs::write(first.with_extension("gap"), frames.concat()).unwrap();
    let mut again = self::lane(dir.path(), "run-2");
    let items = read_all(&mut again);
    assert_eq!(items[0], Item::Gap(told));
    assert_eq!(items.last().unwrap().range().1, last);
    assert!(!beside(&first).exists());
}

/// An alarm's five changes, which hardly shrink.
fn alarm(first: u64) -> Group {
    let changes = (first..).zip(["start", "escalate", "update", "update", "end"]).map(|(seq, phase)| {
        let noise = envelope(seq, 200).body;
        let body = format!(r#"{{"id":"icu-3/run-1/{first}","phase":"{phase}","noise":{noise:?}}}"#);
        Item::Record(Envelope { body: body.into_bytes().into(), ..envelope(seq, 0) })
    });
    let chunk = Chunk { run: naming().run, first, last: first + 4, items: changes.collect() };
    Group { chunk: Some(chunk), ..Group::default() }
}

/// A lane that so many alarms have gone through, the last number of which is returned. sled gives a generation whole
/// segments of half a MiB, so that small ones get no smaller.
fn of_alarms(dir: &Path, bytes: u64) -> (DiskLane, u64) {
    let mut place = place(dir, "run-1", bytes);
    (place.bound.yields, place.bound.generation) = (Yields::Middles, 4 << 20);
    let mut lane = Recovered::read(place).unwrap().begin(1, b"{}".to_vec(), None).unwrap();
    let count = 5_000;
    for alarm in 0..count {
        lane.keep(self::alarm(5 * alarm + 1)).unwrap();
        if alarm % 500 == 0 {
            rest(&mut lane);
        }
    }
    rest(&mut lane);
    (lane, 5 * count)
}

#[test]
fn where_there_is_no_more_room_for_alarms_start_and_end_of_each_stay() {
    let (dir, roomy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut lane, last) = of_alarms(dir.path(), 10 << 20);
    let items = read_all(&mut lane);
    let mut next = 1;
    for item in &items {
        let (first, end) = item.range();
        assert_eq!(first, next, "every number is a record or in a gap");
        next = end + 1;
        if let Item::Gap(gap) = item {
            assert_eq!((gap.reason, gap.count), (GapReason::Merged, 3));
            assert_eq!(first % 5, 2, "a start or an end in {first} to {end}");
        }
    }
    assert_eq!(next, last + 1);
    let gaps = items.iter().filter(|it| matches!(it, Item::Gap(_))).count() as u64;
    let after = progress(&lane);
    assert_eq!((after.buffered_records, after.unaccounted), (items.len() as u64 - gaps, 0));

    let (lane, _) = of_alarms(roomy.path(), 64 << 20);
    let all = progress(&lane);
    assert_eq!(all.buffered_records, last, "with room, everything stays");
    let sizes = (after.bytes_on_disk >> 10, all.bytes_on_disk >> 10);
    assert!(gaps > last / 5 / 3, "only {gaps} of {} alarms were merged, in {sizes:?} KiB", last / 5);
    assert!(sizes.0 < sizes.1 * 3 / 4, "{sizes:?} KiB");
    assert_eq!(read_all(&mut self::lane(dir.path(), "run-2")), items);
}
