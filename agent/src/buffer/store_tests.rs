//! The store as others use it: offered, marked, read, acknowledged, over restarts and in every kind of trouble.

use std::path::Path;
use std::time::Duration;

use vitals::time::{ClockQuality, Timestamp, Uptime};

use super::model_tests::envelope;
use super::{Chunk, Item, LaneReader, Mark, Opened, Settings, Waited, open};
use crate::config::WhenFull;
use crate::envelope::{Receipt, ToStore};

pub(super) const SOON: Duration = Duration::from_secs(20);

pub(super) fn settings(dir: &Path, run: &str) -> Settings {
    let started = vitals::record::alarm::WallClock {
        up: Uptime::ZERO,
        at: Timestamp::EPOCH,
        quality: ClockQuality::Unsynced,
    };
    Settings {
        dir: dir.to_owned(),
        agent: "icu-3".into(),
        run: run.into(),
        started,
        size: super::SIZE_MIN,
        when_full: WhenFull::DropOldestReadings,
        commit_every: Duration::from_millis(20),
        links: 1,
        memory_only: false,
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
    let until = std::time::Instant::now() + SOON;
    while (*marks.borrow()) < (Mark { generation: 1, ordinal }) {
        assert!(
            std::time::Instant::now() < until,
            "not marked in time: {:?}",
            opened.intake.progress().borrow()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
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
    let previous = opened.previous.clone().unwrap();
    assert_eq!((&*previous.run, previous.last_reading, previous.last_alarm), ("run-1", 500, 1));
    assert_eq!(opened.state.as_deref(), Some(&[7; 20_000][..]));
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
