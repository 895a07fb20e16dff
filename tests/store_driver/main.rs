//! Writes to a store until it is killed, saying what is durable; or opens what was left of one and says what is there.
//!
//! ```text
//! store-driver write DIR RUN       ack READING ALARM      up to here both are durable; never takes it back
//! store-driver write DIR RUN SEQ   the same, but for a bit of that reading, which no checksum of the store sees
//! store-driver check DIR           run RUN first F last L wrong W holes A-B,…     of each run that is kept
//!                                  state RUN N    the alarm after which the engines' newest state was kept
//!                                  alarms N, aside N, replaced N, memory
//! ```
//!
//! What it has said is durable stays 3,000 readings behind what it lets the store forget.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a program of the tests: it speaks to them, and stops where it fails"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use vitals::reading::Mode;
use vitals::record::alarm::WallClock;
use vitals::time::{ClockQuality, Timestamp, Uptime};
use wardline_agent::buffer::{self, Item, Opened, Remark, Settings, Waited};
use wardline_agent::config::WhenFull;
use wardline_agent::envelope::{Envelope, Position, Receipt, RunId, ToStore};
use wardline_tests::driver::KEPT;

/// So many readings may wait to become durable: what the store's memory cannot hold it would cover by a gap, on a machine
/// that is busy otherwise, and here every gap is a fault.
const AHEAD_MAX: u64 = 2_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", dir, run] => write(Path::new(dir), run, 0),
        ["write", dir, run, flipped] => write(Path::new(dir), run, flipped.parse().unwrap()),
        ["check", dir] => check(Path::new(dir)),
        _ => panic!("store-driver write DIR RUN [SEQ] | check DIR"),
    }
}

fn write(dir: &Path, run: &str, flipped: u64) {
    let Opened { mut intake, mut readings, found, .. } = open(dir, run);
    found.recv().unwrap();
    let (marks, progress) = (intake.marks(0), intake.progress());
    let (mut told, mut alarms) = ((0, 0), 0);
    for seq in 1.. {
        let receipt = Receipt { link: 0, generation: 1, ordinal: seq };
        let mut reading = envelope(run, seq);
        reading.body[0] ^= u8::from(seq == flipped);
        intake.offer(ToStore::Reading(reading, Some(receipt)));
        if seq % 20 != 0 {
            continue;
        }
        alarms += 1;
        intake.offer(ToStore::Alarm(envelope(run, alarms), state(run, alarms)));
        thread::sleep(Duration::from_millis(2));
        let durable = (marks.borrow().ordinal, progress.borrow().alarms.durable.seq);
        if durable != told {
            told = durable;
            println!("ack {} {}", told.0, told.1);
            std::io::stdout().flush().unwrap();
        }
        while seq > marks.borrow().ordinal + AHEAD_MAX {
            thread::sleep(Duration::from_millis(2));
        }
        if told.0 > KEPT {
            readings.acknowledge(&Position { run: run.into(), seq: told.0 - KEPT });
        }
    }
}

fn check(dir: &Path) {
    let Opened { intake, mut readings, mut alarms, found } = open(dir, "check");
    let found = found.recv().unwrap();
    let mut replaced = 0;
    for remark in &found.remarks {
        match remark {
            Remark::SetAside { generations, .. } => println!("aside {generations}"),
            Remark::Replaced { .. } => replaced += 1,
            Remark::MemoryOnly { .. } => println!("memory"),
        }
    }
    println!("replaced {replaced}");
    let state = found.state.as_deref().and_then(|it| std::str::from_utf8(it).ok());
    if let Some((run, after)) = state.and_then(|it| it.trim_end().split_once(' ')) {
        println!("state {run} {after}");
    }
    let progress = intake.progress();
    drop(intake);
    let mut runs: BTreeMap<RunId, Seen> = BTreeMap::new();
    let mut last = None;
    while readings.wait(Duration::from_secs(60)) == Waited::Ready {
        let Some(chunk) = readings.next_chunk().unwrap() else { continue };
        last = Some(Position { run: chunk.run.clone(), seq: chunk.last });
        let seen = runs.entry(chunk.run.clone()).or_default();
        for item in &chunk.items {
            seen.take(&chunk.run, item);
        }
    }
    for (run, Seen { first, last, wrong, holes }) in &runs {
        let holes: Vec<String> = holes.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        println!("run {run} first {first} last {last} wrong {wrong} holes {}", holes.join(","));
    }
    let (mut last_alarm, mut alarm) = (0, None);
    while alarms.wait(Duration::from_secs(60)) == Waited::Ready {
        let Some(chunk) = alarms.next_chunk().unwrap() else { continue };
        last_alarm = last_alarm.max(chunk.last);
        alarm = Some(Position { run: chunk.run.clone(), seq: chunk.last });
    }
    // What was looked at need not be kept for the next look.
    for (lane, last) in [(&mut readings, last), (&mut alarms, alarm)] {
        if let Some(last) = &last {
            lane.acknowledge(last);
        }
    }
    let mut progress = progress;
    drop((readings, alarms));
    // Its end says that both lanes are closed.
    while progress.has_changed().is_ok() {
        thread::sleep(Duration::from_millis(1));
        let _ = progress.borrow_and_update();
    }
    println!("alarms {last_alarm}");
}

/// What was found of a run's readings.
#[derive(Default)]
struct Seen {
    first: u64,
    last: u64,
    /// Values that were never written so, or not in this order.
    wrong: u64,
    holes: Vec<(u64, u64)>,
}

impl Seen {
    fn take(&mut self, run: &RunId, item: &Item) {
        let (first, last) = item.range();
        if self.first == 0 {
            self.first = first;
        } else if first != self.last + 1 {
            self.wrong += 1;
        }
        self.last = last;
        match item {
            Item::Record(it) if *it != envelope(run, first) => self.wrong += 1,
            Item::Record(_) => {}
            Item::Gap(_) => self.holes.push((first, last)),
        }
    }
}

fn open(dir: &Path, run: &str) -> Opened {
    // As the agent's run directory, it is left by a kill.
    let run_dir = dir.join("run");
    std::fs::create_dir_all(&run_dir).unwrap();
    let started = WallClock { up: Uptime::ZERO, at: Timestamp::EPOCH, quality: ClockQuality::Unsynced };
    buffer::open(Settings {
        dir: dir.to_owned(),
        run_dir: Some(run_dir),
        agent: "driver".into(),
        run: run.into(),
        started,
        size: buffer::SIZE_MIN,
        when_full: WhenFull::DropOldestReadings,
        commit_every: Duration::from_millis(20),
        links: 1,
        memory_only: false,
        identify: |_| None,
    })
    .unwrap()
}

/// The engines' state after an alarm: larger than a frame's body is at least.
fn state(run: &str, alarm: u64) -> Arc<[u8]> {
    format!("{:2000}", format!("{run} {alarm}")).into_bytes().into()
}

/// The record of a number: bytes that can hardly be compressed, and that no other run or number has.
fn envelope(run: &str, seq: u64) -> Envelope {
    let mut word = run.bytes().fold(seq.wrapping_mul(0x9E37_79B9_7F4A_7C15), |word, byte| {
        word.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    let len = 200 + usize::try_from(seq % 5).unwrap() * 700;
    let body = std::iter::repeat_with(|| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (word >> 56) as u8
    });
    let key = format!("monitor-{}", seq % 3).into();
    let up = Uptime::from_millis(seq * 10);
    Envelope { seq, up, mode: Mode::Simulated, late: false, key, body: body.take(len).collect() }
}
