//! What sets of eight vitals take on the disk, by how many come a second: the store alone, on records as the agent makes
//! them.
//!
//! A group holds what comes within 200 ms by the records' own clock. So that nobody waits for that clock, a group is
//! closed by as many receipts without a record as close one in the agent.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use vitals::reading::Mode;
use vitals::record::alarm::WallClock;
use vitals::time::{ClockQuality, Timestamp, Uptime};
use wardline_agent::buffer::{self, Intake, Opened, Settings};
use wardline_agent::config::WhenFull;
use wardline_agent::envelope::{Receipt, ToStore};
use wardline_tests::records::{self, Unit};
use wardline_tests::scratch::Scratch;

use super::line;

/// The run of the records.
const RUN: &str = "7f3a9c21-58e1";
/// The age of a group, as configured where nothing else is.
const GROUP: Duration = Duration::from_millis(200);
/// Receipts that close a group.
const CLOSES: u64 = 512;
/// So many generations are filled: what the last one still has free counts little then.
const FILLED: u64 = 2;
/// The backlog of the search when the store is opened.
const BACKLOG: u64 = 1_000_000;

pub(super) fn measure() -> Result<()> {
    for rate in [1, 5, 50, 500] {
        let scratch = Scratch::new(&format!("room-{rate}"))?;
        line(&format!("{rate} sets of eight vitals a second on the disk"), &room(scratch.path(), rate)?);
    }
    let scratch = Scratch::new("room-paced")?;
    line("500 sets a second for 10 s", &paced(scratch.path(), 500, Duration::from_secs(10))?);
    let scratch = Scratch::new("room-open")?;
    line(&format!("opening a store with {BACKLOG} sets"), &open_time(scratch.path())?);
    Ok(())
}

/// Fills generations at one rate.
fn room(dir: &Path, rate: u64) -> Result<String> {
    // Never by age: by receipts.
    let Opened { mut intake, found, .. } = open_grouping(dir, RUN, Duration::from_secs(3_600))?;
    found.recv()?;
    let progress = intake.progress();
    let unit = unit(RUN)?;
    let mut coming = records::of_eight_vitals(&unit, rate, 7, rate)?.peekable();
    let (written, mut raw, mut ordinal, mut last) = (write_bytes()?, 0, 0, 0);
    while progress.borrow().readings.generations <= FILLED {
        let end = coming.peek().context("no more records")?.up + GROUP;
        while let Some(set) = coming.next_if(|it| it.up < end) {
            (raw, last) = (raw + set.body.len() as u64, set.seq);
            intake.offer(ToStore::Reading(set, None));
        }
        for _ in 0..CLOSES {
            ordinal += 1;
            intake.offer(ToStore::Nothing(Receipt { link: 0, generation: 1, ordinal }));
        }
        wait_durable(&intake, last);
    }
    let before = blocks(&dir.join("readings"));
    let begin = Instant::now();
    while progress.borrow().readings.repacking {
        thread::sleep(Duration::from_millis(10));
    }
    let (lane, written) = (progress.borrow().readings.clone(), write_bytes()? - written);
    let per = |bytes: u64| bytes as f64 / last as f64;
    let packed = lane.packed.context("nothing was repacked")?;
    // What the store counts of a record is a little more than its body: the same for all.
    let of_set = per(lane.raw_bytes) / packed.raw as f64;
    Ok(format!(
        "{:.0} bytes a set on disk ({:.0} before repacking, which took {:.1} s more), {:.1} of frames, {:.0} before; the last generation, repacked: {:.1} on disk, {:.1} of frames; bytes written: {:.2} for each that came, {:.1} for each of a frame",
        per(blocks(&dir.join("readings"))),
        per(before),
        begin.elapsed().as_secs_f64(),
        per(lane.stored_bytes),
        per(raw),
        packed.blocks as f64 * of_set,
        packed.frames as f64 * of_set,
        written as f64 / raw as f64,
        written as f64 / lane.stored_bytes as f64
    ))
}

/// In real time.
fn paced(dir: &Path, rate: u64, time: Duration) -> Result<String> {
    let Opened { mut intake, found, .. } = open(dir, RUN)?;
    found.recv()?;
    let progress = intake.progress();
    let before = progress.borrow().readings.clone();
    let (unit, begin) = (unit(RUN)?, Instant::now());
    let count = rate * time.as_secs();
    for (set, n) in records::of_eight_vitals(&unit, rate, 7, rate)?.zip(1..=count) {
        let due = begin + Duration::from_micros(1_000_000 * n / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        intake.offer(ToStore::Reading(set, None));
    }
    wait_durable(&intake, count);
    let (lane, took) = (progress.borrow().readings.clone(), begin.elapsed().as_secs_f64());
    Ok(format!(
        "{:.1} groups and {:.1} syncs a second",
        (lane.commits - before.commits) as f64 / took,
        (lane.syncs - before.syncs) as f64 / took
    ))
}

/// Until all that earlier runs left is known, after an orderly end.
fn open_time(dir: &Path) -> Result<String> {
    let Opened { mut intake, readings, alarms, found } = open(dir, RUN)?;
    found.recv()?;
    let unit = unit(RUN)?;
    for (set, n) in records::of_eight_vitals(&unit, 500, 7, 500)?.zip(1..=BACKLOG) {
        intake.offer(ToStore::Reading(set, None));
        if n % 10_000 == 0 {
            wait_durable(&intake, n - 5_000);
        }
    }
    wait_durable(&intake, BACKLOG);
    close(Opened { intake, readings, alarms, found });
    let on_disk = blocks(&dir.join("readings")) as f64 / BACKLOG as f64;
    let begin = Instant::now();
    let opened = open(dir, "again")?;
    opened.found.recv()?;
    Ok(format!("{:.0} ms; stored as fast as it could, a set has {on_disk:.0} bytes on disk", millis(begin)))
}

fn millis(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}

/// A store as the agent opens it where nothing is configured.
pub(super) fn open(dir: &Path, run: &str) -> Result<Opened> {
    open_grouping(dir, run, GROUP)
}

/// Its orderly end.
pub(super) fn close(store: Opened) {
    let mut progress = store.intake.progress();
    drop(store);
    // Its end says that both lanes are closed.
    while progress.has_changed().is_ok() {
        let _ = progress.borrow_and_update();
        thread::sleep(Duration::from_millis(1));
    }
}

fn open_grouping(dir: &Path, run: &str, commit_every: Duration) -> Result<Opened> {
    Ok(buffer::open(Settings {
        dir: dir.to_owned(),
        run_dir: None,
        agent: "icu-3-pi-1".into(),
        run: run.into(),
        started: WallClock { up: Uptime::ZERO, at: Timestamp::EPOCH, quality: ClockQuality::Unsynced },
        size: buffer::SIZE_DEFAULT,
        when_full: WhenFull::DropOldestReadings,
        commit_every,
        links: 1,
        memory_only: false,
        identify: |_| None,
    })?)
}

pub(super) fn unit(run: &str) -> Result<Unit> {
    Ok(Unit {
        agent: "icu-3-pi-1".into(),
        run: run.into(),
        source: "monitor".into(),
        mode: Mode::Simulated,
        boot_at: Timestamp::from_micros(1_767_225_600_000_000).context("no time")?,
    })
}

pub(super) fn wait_durable(intake: &Intake, seq: u64) {
    let progress = intake.progress();
    while progress.borrow().readings.durable.seq < seq {
        thread::sleep(Duration::from_micros(50));
    }
}

/// What this process has caused to be written to disks, bytes.
fn write_bytes() -> Result<u64> {
    let io = fs::read_to_string("/proc/self/io")?;
    let line = io.lines().find_map(|it| it.strip_prefix("write_bytes: ")).context("no write_bytes")?;
    Ok(line.parse()?)
}

/// Blocks on disk of everything in a directory, in bytes.
pub(super) fn blocks(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let inside = entries.flatten().map(|entry| match entry.metadata() {
        Ok(it) if it.is_dir() => blocks(&entry.path()),
        Ok(it) => it.blocks() * 512,
        Err(_) => 0,
    });
    inside.sum::<u64>() + fs::metadata(dir).map_or(0, |it| it.blocks() * 512)
}
