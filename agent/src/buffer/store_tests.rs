//! The store as others use it: offered, marked, read, acknowledged, over restarts and in every kind of trouble.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use vitals::record::ledger::{Gap, GapReason};
use vitals::time::{ClockQuality, Timestamp, Uptime};

use super::durable::Platter;
use super::generation::blocks;
use super::model_tests::envelope;
use super::open::open_on;
use super::{Chunk, Item, LaneReader, Mark, OpenError, Opened, Remark, Settings, StoreState, Waited, open};
use crate::clock;
use crate::config::WhenFull;
use crate::envelope::{Position, Receipt, ToStore};

pub(super) const SOON: Duration = Duration::from_secs(20);

pub(super) fn settings(dir: &Path, run: &str) -> Settings {
    let started = vitals::record::alarm::WallClock {
        up: Uptime::ZERO,
        at: Timestamp::EPOCH,
        quality: ClockQuality::Unsynced,
    };
    Settings {
        dir: dir.to_owned(),
        run_dir: None,
        agent: "icu-3".into(),
        run: run.into(),
        started,
        size: super::SIZE_MIN,
        when_full: WhenFull::DropOldestReadings,
        commit_every: Duration::from_millis(20),
        links: 1,
        memory_only: false,
        identify: |_| None,
    }
}

pub(super) fn reading(seq: u64, len: usize) -> ToStore {
    ToStore::Reading(envelope(seq, len), Some(Receipt { link: 0, generation: 1, ordinal: seq }))
}

/// Reads until the lane ends or nothing comes.
pub(super) fn read_to(reader: &mut LaneReader, last: u64) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    while chunks.last().is_none_or(|it| it.last < last) {
        assert_eq!(reader.wait(SOON), Waited::Ready);
        chunks.extend(reader.next_chunk().unwrap());
    }
    chunks
}

pub(super) fn wait_for_mark(opened: &Opened, ordinal: u64) {
    let marks = opened.intake.marks(0);
    let until = clock::instant() + SOON;
    while (*marks.borrow()) < (Mark { generation: 1, ordinal }) {
        assert!(clock::instant() < until, "not marked in time: {:?}", opened.intake.progress().borrow());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Nothing changes on the disk by itself after that.
pub(super) fn wait_for_rest(opened: &Opened) {
    let progress = opened.intake.progress();
    wait_until(|| !progress.borrow().readings.repacking);
}

fn seqs(chunks: &[Chunk]) -> Vec<u64> {
    let items = chunks.iter().flat_map(|it| &it.items);
    items
        .filter_map(|it| match it {
            Item::Record(envelope) => Some(envelope.seq),
            Item::Gap(_) => None,
        })
        .collect()
}

#[test]
fn what_is_offered_is_marked_read_and_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(settings(dir.path(), "run-1")).unwrap();
    for seq in 1..=500 {
        opened.intake.offer(reading(seq, 300));
    }
    opened.intake.offer(ToStore::Alarm(envelope(1, 900), vec![7; 20_000].into()));
    wait_for_mark(&opened, 500);
    let read = read_to(&mut opened.readings, 500);
    assert_eq!(seqs(&read), (1..=500).collect::<Vec<_>>());
    assert_eq!(read[0].items[0], Item::Record(envelope(1, 300)));
    assert_eq!(seqs(&read_to(&mut opened.alarms, 1)), [1]);
    opened.readings.acknowledge(&crate::envelope::Position { run: "run-1".into(), seq: 200 });
    end(opened);

    let mut opened = open(settings(dir.path(), "run-2")).unwrap();
    let found = opened.found.recv().unwrap();
    let previous = found.past.previous.unwrap();
    assert_eq!((&*previous.run, previous.last_reading, previous.last_alarm), ("run-1", 500, 1));
    assert_eq!(found.state.as_deref(), Some(&vec![7; 20_000][..]));
    assert_eq!(seqs(&read_to(&mut opened.readings, 500)), (201..=500).collect::<Vec<_>>());
}

/// The orderly end of both lanes.
pub(super) fn end(opened: Opened) {
    let Opened { intake, mut readings, mut alarms, .. } = opened;
    let mut progress = intake.progress();
    drop(intake);
    for reader in [&mut readings, &mut alarms] {
        while reader.wait(SOON) == Waited::Ready {
            reader.next_chunk().unwrap();
        }
        assert_eq!(reader.wait(SOON), Waited::Ended);
    }
    drop((readings, alarms));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(SOON, async { while progress.changed().await.is_ok() {} }).await.unwrap();
    });
}

/// Numbers covered by records, and by gaps with their reason.
pub(super) fn tally(chunks: &[Chunk]) -> (u64, Vec<Gap>) {
    let items = || chunks.iter().flat_map(|it| &it.items);
    let records = items().filter(|it| matches!(it, Item::Record(_))).count() as u64;
    let gaps = items().filter_map(|it| match it {
        Item::Gap(gap) => Some(gap.clone()),
        Item::Record(_) => None,
    });
    (records, gaps.collect())
}

#[test]
fn a_sync_that_fails_is_final_and_nothing_of_its_group_is_marked() {
    let dir = tempfile::tempdir().unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let mut opened = open_on(settings(dir.path(), "run-1"), Platter::Failing(Arc::clone(&fails))).unwrap();
    opened.intake.offer(reading(1, 100));
    wait_for_mark(&opened, 1);
    fails.store(true, SeqCst);
    opened.intake.offer(reading(2, 100));
    let progress = opened.intake.progress();
    wait_until(|| matches!(progress.borrow().state, StoreState::Failed { .. }));
    fails.store(false, SeqCst);
    opened.intake.offer(reading(3, 100));
    assert_eq!(opened.readings.wait(Duration::from_millis(200)), Waited::Ready, "the first was durable");
    assert_eq!(opened.readings.next_chunk().unwrap().unwrap().last, 1);
    assert_eq!(opened.readings.wait(Duration::from_millis(200)), Waited::TimedOut);
    assert_eq!(*opened.intake.marks(0).borrow(), Mark { generation: 1, ordinal: 1 });
    assert_eq!(progress.borrow().readings.durable.seq, 1);
}

#[test]
fn a_state_alone_is_durable_once_it_is_said_to_be_and_the_newest_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let hangs = Arc::new(AtomicBool::new(false));
    let mut opened = open_on(settings(dir.path(), "run-1"), Platter::Hanging(Arc::clone(&hangs))).unwrap();
    let progress = opened.intake.progress();
    opened.intake.offer(ToStore::State(vec![1; 30_000].into(), 1));
    wait_until(|| progress.borrow().alarms.state == 1);
    opened.intake.offer(ToStore::Alarm(envelope(1, 900), vec![2; 9_000].into()));
    assert_eq!(seqs(&read_to(&mut opened.alarms, 1)), [1]);
    hangs.store(true, SeqCst);
    opened.intake.offer(ToStore::State(vec![3; 20_000].into(), 2));
    assert_eq!(opened.alarms.wait(Duration::from_millis(100)), Waited::TimedOut);
    assert_eq!(progress.borrow().alarms.state, 1, "no sync has returned");
    hangs.store(false, SeqCst);
    wait_until(|| progress.borrow().alarms.state == 2);
    end(opened);
    let opened = open(settings(dir.path(), "run-2")).unwrap();
    let found = opened.found.recv().unwrap();
    assert_eq!(found.state.as_deref(), Some(&vec![3; 20_000][..]));
    assert_eq!(found.past.previous.unwrap().last_alarm, 1, "a state is no record");
}

#[test]
fn a_second_agent_is_refused_and_the_first_is_not_disturbed() {
    let dir = tempfile::tempdir().unwrap();
    for memory_only in [false, true] {
        let first = open(Settings { memory_only, ..settings(dir.path(), "run-1") }).unwrap();
        let second = open(settings(dir.path(), "run-2"));
        assert!(matches!(second, Err(OpenError::AlreadyInUse { dir: it }) if it == dir.path()));
        end(first);
        wait_until(|| open(settings(dir.path(), "run-3")).map(end).is_ok());
    }
}

#[test]
fn without_a_directory_readings_go_through_memory_and_are_marked_when_in_kafka() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let mut opened = open(settings(&file, "run-1")).unwrap();
    assert!(matches!(opened.found.recv().unwrap().remarks[..], [Remark::MemoryOnly { .. }]));
    assert_eq!(opened.intake.progress().borrow().state, StoreState::Memory);
    for seq in 1..=100 {
        opened.intake.offer(reading(seq, 100));
    }
    let read = read_to(&mut opened.readings, 100);
    assert_eq!(seqs(&read), (1..=100).collect::<Vec<_>>());
    assert_eq!(*opened.intake.marks(0).borrow(), Mark::default());
    opened.readings.acknowledge(&position(40));
    opened.readings.rewind(&position(40));
    assert_eq!(seqs(&read_to(&mut opened.readings, 100)), (41..=100).collect::<Vec<_>>());
    opened.readings.acknowledge(&position(100));
    wait_for_mark(&opened, 100);
    end(opened);
}

#[test]
fn the_oldest_make_room_and_their_gaps_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(settings(dir.path(), "run-1")).unwrap();
    let last = 40_000;
    for seq in 1..=last {
        opened.intake.offer(reading(seq, 2_500));
        if seq % 4_000 == 0 {
            wait_for_mark(&opened, seq);
            let on_disk = blocks(dir.path());
            assert!(on_disk <= super::SIZE_MIN, "{on_disk}");
        }
    }
    opened.readings.rewind(&position(0));
    let (records, gaps) = tally(&read_to(&mut opened.readings, last));
    assert_eq!(gaps.len(), 1, "one gap for all that made room: {gaps:?}");
    assert_eq!(gaps[0].reason, GapReason::BufferFull);
    assert_eq!(gaps[0].sources, ["monitor-0", "monitor-1", "monitor-2"]);
    assert_eq!(gaps[0].from_up_ms, Some(Uptime::from_millis(10)));
    assert_eq!((gaps[0].first_seq, records + gaps[0].count), (1, last));
    assert_eq!(opened.intake.progress().borrow().readings.evicted, gaps[0].count);
    end(opened);
    let mut opened = open(settings(dir.path(), "run-2")).unwrap();
    // The new run's generation takes room of its own, which may cost one more of the old.
    let (still, grown) = tally(&read_to(&mut opened.readings, last));
    assert_eq!(grown.len(), 1, "{grown:?}");
    assert_eq!((grown[0].first_seq, still + grown[0].count), (1, last));
    assert!(still <= records && records - still <= 1_000, "{records} before, {still} after");
}

#[test]
fn what_is_in_kafka_leaves_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(settings(dir.path(), "run-1")).unwrap();
    for seq in 1..=4_000 {
        opened.intake.offer(reading(seq, 2_500));
    }
    wait_for_mark(&opened, 4_000);
    let progress = opened.intake.progress();
    assert!(progress.borrow().readings.generations > 3);
    read_to(&mut opened.readings, 4_000);
    opened.readings.acknowledge(&position(4_000));
    // The one that is written to, and the newest of the others, whose last messages a broker may send again.
    wait_until(|| progress.borrow().readings.generations == 2);
    assert_eq!(progress.borrow().readings.buffered_records, 0);
    let left = std::fs::read_dir(dir.path().join("readings")).unwrap().count();
    assert_eq!(left, 2, "the one that is written to, and the newest of the others");
}

#[test]
fn a_store_told_to_wait_takes_no_more_than_fits_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(Settings { when_full: WhenFull::Wait, ..settings(dir.path(), "run-1") }).unwrap();
    let last = 16_000;
    for seq in 1..=last {
        opened.intake.offer(reading(seq, 2_500));
        if seq == 4_000 {
            wait_for_mark(&opened, seq);
        }
    }
    let mut read = 0;
    while read < last {
        let chunks = read_to(&mut opened.readings, read + 1);
        let (records, gaps) = tally(&chunks);
        let covered: u64 = gaps.iter().map(|it| it.count).sum();
        assert!(
            gaps.iter().all(|it| it.reason == GapReason::StoreStalled),
            "only memory may have been short"
        );
        read = chunks.last().unwrap().last;
        assert_eq!(chunks[0].first + records + covered, read + 1);
        opened.readings.acknowledge(&position(read));
    }
    wait_for_mark(&opened, last);
    assert_eq!(opened.intake.progress().borrow().readings.evicted, 0);
    assert!(blocks(dir.path()) <= super::SIZE_MIN);
}

fn position(seq: u64) -> Position {
    Position { run: "run-1".into(), seq }
}

pub(super) fn wait_until(mut done: impl FnMut() -> bool) {
    let until = clock::instant() + SOON;
    while !done() {
        assert!(clock::instant() < until, "not in time");
        std::thread::sleep(Duration::from_millis(1));
    }
}
