//! A disk that hangs, bits that flip: what is read is right or a gap, and nothing is missing without a name.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use vitals::record::ledger::GapReason;

use super::carve::{Spot, walk};
use super::durable::Platter;
use super::facts::Facts;
use super::frame::Kind;
use super::generation::Generation;
use super::model_tests::{copy_dir, naming};
use super::open::open_on;
use super::store_tests::{
    SOON, end, read_to, reading, settings, tally, wait_for_mark, wait_for_rest, wait_until,
};
use super::{Delivered, Remark, SIZE_MIN, Settings, StoreState, open};
use crate::clock;
use crate::envelope::{Position, Receipt, ToStore};

/// A sync that takes its time: nobody waits for it, and what memory cannot hold is one gap, acknowledged in its turn.
#[test]
fn while_the_disk_hangs_offers_do_not_and_what_memory_cannot_hold_is_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let hangs = Arc::new(AtomicBool::new(false));
    // Twice what is offered: what is missing is missing for the disk's slowness, not for its size.
    let roomy = Settings { size: 2 * SIZE_MIN, ..settings(dir.path(), "run-1") };
    let mut opened = open_on(roomy, Platter::Hanging(Arc::clone(&hangs))).unwrap();
    opened.found.recv().unwrap();
    hangs.store(true, SeqCst);
    let offer = |opened: &mut super::Opened, seq| {
        let begin = clock::instant();
        opened.intake.offer(reading(seq, 2_000));
        assert!(begin.elapsed() < Duration::from_secs(1));
    };
    let (mut seq, begin) = (0, clock::instant());
    let progress = opened.intake.progress();
    while progress.borrow().state != StoreState::Stalled || seq < 30_000 {
        seq += 1;
        offer(&mut opened, seq);
        if seq > 30_000 {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(begin.elapsed() < SOON);
    }
    opened.intake.offer(ToStore::Nothing(Receipt { link: 0, generation: 1, ordinal: seq + 1 }));
    assert_eq!(opened.intake.marks(0).borrow().ordinal, 0);
    hangs.store(false, SeqCst);
    // Nothing more is offered: what was held back must not wait for it.
    wait_for_mark(&opened, seq + 1);
    let (records, gaps) = tally(&read_to(&mut opened.readings, seq));
    assert!(matches!(&gaps[..], [gap] if gap.reason == GapReason::StoreStalled), "{gaps:?}");
    assert_eq!(records + gaps[0].count, seq);
    assert!(records * 2_000 >= 28 << 20, "memory was used: {records}");
    assert_eq!(progress.borrow().readings.shed, gaps[0].count);
    assert_eq!(progress.borrow().state, StoreState::Ok);
    offer(&mut opened, seq + 1);
    assert_eq!(read_to(&mut opened.readings, seq + 1)[0].first, seq + 1);
}

#[test]
fn any_damage_costs_a_frame_or_two_and_is_told() {
    let seed: u64 = seed();
    println!("seed {seed}");
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(settings(dir.path(), "run-1")).unwrap();
    for seq in 1..=3_000 {
        opened.intake.offer(reading(seq, 700));
    }
    wait_for_mark(&opened, 3_000);
    wait_for_rest(&opened);
    let mut word = seed;
    for round in 0..24_u64 {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), copy.path());
        let mut files: Vec<_> = std::fs::read_dir(copy.path().join("readings")).unwrap().collect();
        files.sort_by_key(|it| it.as_ref().unwrap().path());
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
        let db =
            files[usize::try_from(word >> 33).unwrap() % files.len()].as_ref().unwrap().path().join("db");
        let mut bytes = std::fs::read(&db).unwrap();
        let at = usize::try_from(word >> 20).unwrap() % bytes.len();
        bytes[at] ^= 1 << (word >> 61);
        std::fs::write(&db, bytes).unwrap();
        let mut opened = open(settings(copy.path(), "run-2")).unwrap();
        let (records, gaps) = tally(&read_to(&mut opened.readings, 2_999));
        let missing: u64 = gaps.iter().map(|it| it.count).sum();
        assert!(gaps.iter().all(|it| it.reason == GapReason::StoreDamaged));
        assert!(records + missing >= 2_999 && missing <= 30, "round {round}: {records} and {gaps:?}");
    }
}

/// A damaged last frame says nothing of itself: how far the run was durable is known beside the store, if anywhere.
#[test]
fn a_damaged_end_of_a_killed_run_is_a_gap_where_it_is_known_that_there_was_one() {
    let (dir, run_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let with = |dir: &std::path::Path, run, known: bool| Settings {
        run_dir: known.then(|| run_dir.path().to_owned()),
        ..settings(dir, run)
    };
    let opened = {
        let mut opened = open(with(dir.path(), "run-1", true)).unwrap();
        (1..=500).for_each(|seq| opened.intake.offer(reading(seq, 700)));
        wait_for_mark(&opened, 500);
        opened
    };
    for known in [true, false] {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), copy.path());
        let first = damage_last_frame(&copy.path().join("readings/0000000000000001/db"));
        let mut again = open(with(copy.path(), "run-2", known)).unwrap();
        let last = again.found.recv().unwrap().past.previous.unwrap().last_reading;
        assert_eq!(last, if known { 500 } else { first - 1 }, "the control: nobody knows better");
        let (records, gaps) = tally(&read_to(&mut again.readings, last));
        let told: Vec<_> = gaps.iter().map(|it| (it.first_seq, it.last_seq, it.reason)).collect();
        assert_eq!(records, first - 1);
        assert_eq!(told, Vec::from_iter(known.then_some((first, 500, GapReason::StoreDamaged))));
        end(again);
    }
    end(opened);
}

/// Flips a bit of the frame with the highest numbers, wherever sled has it; returns the first of those.
fn damage_last_frame(db: &std::path::Path) -> u64 {
    let mut bytes = std::fs::read(db).unwrap();
    let mut frames = Vec::new();
    let read = |buffer: &mut [u8], at: u64| Ok(read_from(&bytes, buffer, at));
    let note = |it: Spot<'_>| {
        if it.part.head.kind == Kind::Records {
            frames.push((it.part.head.first, it.at + it.bytes.len() as u64 / 2));
        }
    };
    walk(bytes.len() as u64, read, note, |_| ControlFlow::Continue(()));
    let last = frames.iter().map(|(first, _)| *first).max().unwrap();
    for (_, middle) in frames.iter().filter(|(first, _)| *first == last) {
        bytes[usize::try_from(*middle).unwrap()] ^= 1;
    }
    std::fs::write(db, bytes).unwrap();
    last
}

fn read_from(bytes: &[u8], buffer: &mut [u8], at: u64) -> usize {
    let rest = bytes.get(usize::try_from(at).unwrap()..).unwrap_or_default();
    let len = rest.len().min(buffer.len());
    buffer[..len].copy_from_slice(&rest[..len]);
    len
}

/// Somebody took a whole generation away: its numbers are a gap, and the account balances once Kafka has that.
#[test]
fn a_generation_that_is_gone_is_told_and_accounted_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(settings(dir.path(), "run-1")).unwrap();
    for seq in 1..=4_000 {
        opened.intake.offer(reading(seq, 2_500));
    }
    wait_for_mark(&opened, 4_000);
    end(opened);
    let generations = std::fs::read_dir(dir.path().join("readings")).unwrap();
    let mut generations: Vec<_> = generations.map(|it| it.unwrap().path()).collect();
    generations.sort();
    std::fs::remove_dir_all(&generations[1]).unwrap();
    let mut opened = open(settings(dir.path(), "run-2")).unwrap();
    let (records, gaps) = tally(&read_to(&mut opened.readings, 4_000));
    assert!(matches!(&gaps[..], [gap] if gap.reason == GapReason::StoreDamaged), "{gaps:?}");
    assert_eq!(records + gaps[0].count, 4_000);
    let delivered = Delivered { records, covered: gaps[0].count };
    opened.readings.deliver(&Position { run: "run-1".into(), seq: 4_000 }, delivered);
    let progress = opened.intake.progress();
    wait_until(|| progress.borrow().readings.acknowledged.seq == 4_000);
    assert_eq!(progress.borrow().conservation_error, 0);
    end(opened);
}

#[expect(clippy::disallowed_methods, reason = "how a person replays a random test")]
pub(super) fn seed() -> u64 {
    let given = std::env::var("WARDLINE_SEED").ok().and_then(|it| it.parse().ok());
    given.unwrap_or_else(|| u64::from(std::process::id()).wrapping_mul(0x9E38_79B9_7F4A_7C15))
}

/// What a child process does that is being started while a generation is closed and opened again.
#[test]
fn a_lock_that_somebody_shares_for_a_moment_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1");
    drop(Generation::create(&path, &naming(), &Facts::begin("run-1".into(), 1), Platter::System).unwrap());
    let shared = std::fs::File::open(path.join("db")).unwrap();
    rustix::fs::flock(&shared, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (sender, opened) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || sender.send(Generation::open(&path, Platter::System).is_ok()));
    assert!(opened.recv_timeout(Duration::from_millis(100)).is_err(), "it gave up, or did not ask");
    drop(shared);
    assert!(opened.recv_timeout(SOON).unwrap());
}

/// Two segments that say they are one, as after a block was written to the wrong place: sled panics, which is caught and
/// no worse than any other damage.
#[test]
fn what_sled_panics_on_is_made_anew_from_its_frames() {
    const SEGMENT: usize = 512 << 10;
    const HEADER: usize = 20;
    let (dir, copies) = (tempfile::tempdir().unwrap(), [(); 2].map(|()| tempfile::tempdir().unwrap()));
    let mut opened = open(settings(dir.path(), "run-1")).unwrap();
    let db = dir.path().join("readings/0000000000000001/db");
    let mut last = 0;
    while std::fs::metadata(&db).map_or(0, |it| it.len()) < 5 * SEGMENT as u64 / 2 {
        (last + 1..=last + 20).for_each(|seq| opened.intake.offer(reading(seq, 700)));
        last += 20;
        wait_for_mark(&opened, last);
    }
    let [generation, _] = copies.each_ref().map(|copy| {
        copy_dir(dir.path(), copy.path());
        let generation = copy.path().join("readings/0000000000000001");
        let mut db = std::fs::read(generation.join("db")).unwrap();
        db.copy_within(SEGMENT..SEGMENT + HEADER, 2 * SEGMENT);
        std::fs::write(generation.join("db"), db).unwrap();
        generation
    });
    let error = Generation::open(&generation, Platter::System).err().unwrap();
    assert!(error.chain().contains("it panicked"), "{}", error.chain());
    let mut again = open(settings(copies[1].path(), "run-2")).unwrap();
    assert_eq!(tally(&read_to(&mut again.readings, last)), (last, Vec::new()));
    end(again);
    end(opened);
}

/// A disk that answers late: what is offered meanwhile is kept once it does.
#[test]
fn nobody_waits_for_the_disk_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let hangs = Arc::new(AtomicBool::new(true));
    let settings = settings(dir.path(), "run-1");
    let mut opened = open_on(settings, Platter::Hanging(Arc::clone(&hangs))).unwrap();
    for seq in 1..=100 {
        opened.intake.offer(reading(seq, 300));
    }
    assert!(opened.found.try_recv().is_err());
    assert_eq!(opened.intake.marks(0).borrow().ordinal, 0);
    hangs.store(false, SeqCst);
    wait_for_mark(&opened, 100);
    assert_eq!(tally(&read_to(&mut opened.readings, 100)), (100, Vec::new()));
}

/// A disk that takes nothing is left as it is, and sled never meets it.
#[test]
fn a_dead_disk_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(settings(dir.path(), "run-1")).unwrap();
    opened.intake.offer(reading(1, 300));
    wait_for_mark(&opened, 1);
    end(opened);
    let dead = Platter::Failing(Arc::new(AtomicBool::new(true)));
    let opened = open_on(settings(dir.path(), "run-2"), dead).unwrap();
    assert!(matches!(opened.found.recv().unwrap().remarks[..], [Remark::MemoryOnly { .. }]));
    end(opened);
    let mut opened = open(settings(dir.path(), "run-3")).unwrap();
    assert_eq!(opened.found.recv().unwrap().past.previous.unwrap().last_reading, 1);
    assert_eq!(tally(&read_to(&mut opened.readings, 1)), (1, Vec::new()));
}
