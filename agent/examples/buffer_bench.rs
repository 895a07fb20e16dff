//! Prints what the store costs: bytes on disk per record, commits a second, a backlog read, a start with a backlog.
//!
//! `cargo run --release -p wardline-agent --example buffer_bench [DIRECTORY]`: the directory (default: a temporary one)
//! should lie on the disk in question; it is left empty.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench speaks, and stops where it fails")]

use std::path::Path;
use std::time::Duration;

use vitals::reading::Mode;
use vitals::record::alarm::WallClock;
use vitals::time::{ClockQuality, Timestamp, Uptime};
use wardline_agent::buffer::{self, LaneReader, Opened, Progress, Settings, Waited};
use wardline_agent::clock;
use wardline_agent::config::WhenFull;
use wardline_agent::envelope::{Envelope, Position, ToStore};

fn main() {
    let base = std::env::args().nth(1).unwrap_or_else(|| std::env::temp_dir().display().to_string());
    let base = Path::new(&base).join(format!("buffer-bench-{}", std::process::id()));
    println!(
        "in {}; a record is an observation set of eight vitals, {} bytes",
        base.display(),
        reading(1).body.len()
    );
    for rate in [50, 500, 5_000] {
        paced(&base, rate, Duration::from_secs(8));
    }
    flood(&base, 1_000_000);
    alarms(&base, 300);
    std::fs::remove_dir_all(&base).unwrap();
}

fn open(dir: &Path, run: &str) -> Opened {
    let started = WallClock { up: Uptime::ZERO, at: Timestamp::EPOCH, quality: ClockQuality::Unsynced };
    let settings = Settings {
        dir: dir.to_owned(),
        run_dir: None,
        agent: "icu-3".into(),
        run: run.into(),
        started,
        size: buffer::SIZE_DEFAULT,
        when_full: WhenFull::DropOldestReadings,
        commit_every: Duration::from_millis(200),
        links: 0,
        memory_only: false,
        identify: |_| None,
    };
    buffer::open(settings).unwrap()
}

/// A record like the real ones: eight vitals that wander.
fn reading(seq: u64) -> Envelope {
    let wander = |step: u64, range: u64| seq.wrapping_mul(0x9E38_79B9).rotate_left(7) / step % range;
    let vitals: Vec<String> = [
        ("heart_rate", 60 + wander(3, 40), "/min", 147_842),
        ("spo2", 92 + wander(5, 8), "%", 150_456),
        ("pulse_rate", 60 + wander(7, 40), "/min", 149_530),
        ("resp_rate", 10 + wander(11, 12), "/min", 151_562),
        ("abp_systolic", 100 + wander(13, 50), "mm[Hg]", 150_037),
        ("abp_diastolic", 60 + wander(17, 30), "mm[Hg]", 150_038),
        ("abp_mean", 75 + wander(19, 35), "mm[Hg]", 150_039),
        ("temperature", 36 + wander(23, 3), "Cel", 150_344),
    ]
    .map(|(name, value, unit, mdc)| {
        format!(r#"{{"name":"{name}","value":{value},"unit":"{unit}","mdc":{mdc}}}"#)
    })
    .into();
    let bed = seq % 16;
    let (second, milli) = (seq / 50 % 60, seq * 20 % 1000);
    let body = format!(
        r#"{{"schema":"vitals.readings.v1","id":"icu-3/7f3a9c21-58e1/r/{seq}","agent":"icu-3","run":"7f3a9c21-58e1","seq":{seq},"up_ms":{},"bed":"icu-3-{bed:02}","source":"monitor-{bed:02}","device":"ge-s5-dri","mode":"live","received_at":"2026-11-23T08:30:{second:02}.{milli:03}Z","clock":"synced","vitals":[{}]}}"#,
        seq * 20,
        vitals.join(",")
    );
    let up = Uptime::from_millis(seq * 20);
    let key = format!("monitor-{bed:02}").into();
    Envelope { seq, up, mode: Mode::Live, late: false, key, body: body.into_bytes().into() }
}

fn paced(base: &Path, rate: u64, time: Duration) {
    let dir = base.join(rate.to_string());
    let mut opened = open(&dir, "run-1");
    let begin = clock::instant();
    let last = rate * time.as_secs();
    for seq in 1..=last {
        let due = begin + Duration::from_micros(1_000_000 * seq / rate);
        std::thread::sleep(due.saturating_duration_since(clock::instant()));
        opened.intake.offer(ToStore::Reading(reading(seq), None));
    }
    let progress = durable(&opened, last);
    let lane = &progress.readings;
    println!(
        "{rate}/s: {:.0} bytes stored and {:.0} on disk per record; {:.1} commits/s, {:.1} syncs/s; peak RSS {} MB",
        per(lane.stored_bytes, last),
        per(lane.bytes_on_disk, last),
        per(lane.commits, time.as_secs()),
        per(lane.syncs, time.as_secs()),
        peak_rss()
    );
    close(opened);
}

fn flood(base: &Path, last: u64) {
    let dir = base.join("flood");
    let mut opened = open(&dir, "run-1");
    let begin = clock::instant();
    for seq in 1..=last {
        opened.intake.offer(ToStore::Reading(reading(seq), None));
        if seq % 10_000 == 0 {
            durable(&opened, seq - 5_000);
        }
    }
    let progress = durable(&opened, last);
    let took = begin.elapsed();
    println!(
        "{last} at once: {:.0} records/s durable, {:.0} commits/s; {:.0} bytes stored and {:.0} on disk per record; {} generations; shed {}; peak RSS {} MB",
        rate(last, took),
        rate(progress.commits, took),
        per(progress.readings.stored_bytes, last),
        per(progress.bytes_on_disk, last),
        progress.readings.generations,
        progress.readings.shed,
        peak_rss()
    );
    close(opened);
    let begin = clock::instant();
    let mut opened = open(&dir, "run-2");
    println!("start with {last} buffered: {} ms", begin.elapsed().as_millis());
    opened.readings.rewind(&Position { run: "run-1".into(), seq: 0 });
    let begin = clock::instant();
    let read = drain(&mut opened.readings, last);
    println!(
        "backlog: {:.0} records/s read and acknowledged; peak RSS {} MB",
        rate(read, begin.elapsed()),
        peak_rss()
    );
    close(opened);
}

/// One alarm after the other, each waited for.
fn alarms(base: &Path, count: u64) {
    let mut opened = open(&base.join("alarms"), "run-1");
    let state: std::sync::Arc<[u8]> = reading(1).body.repeat(8).into();
    let mut took: Vec<Duration> = Vec::new();
    for seq in 1..=count {
        let begin = clock::instant();
        opened.intake.offer(ToStore::Alarm(reading(seq), state.clone()));
        while opened.alarms.wait(Duration::from_secs(5)) != Waited::Ready {}
        opened.alarms.next_chunk().unwrap();
        took.push(begin.elapsed());
    }
    took.sort();
    let at = |share: usize| took[took.len() * share / 100];
    println!(
        "alarm, offered to durable and read: p50 {:?}, p99 {:?}, max {:?}",
        at(50),
        at(99),
        took[took.len() - 1]
    );
    close(opened);
}

fn drain(reader: &mut LaneReader, last: u64) -> u64 {
    let mut read = 0;
    while read < last {
        if reader.wait(Duration::from_secs(10)) == Waited::Ready {
            let Some(chunk) = reader.next_chunk().unwrap() else { continue };
            assert_eq!(chunk.first, read + 1);
            read = chunk.last;
            reader.acknowledge(&Position { run: chunk.run, seq: chunk.last });
        }
    }
    read
}

fn durable(opened: &Opened, seq: u64) -> Progress {
    let progress = opened.intake.progress();
    while progress.borrow().readings.durable.seq < seq {
        std::thread::sleep(Duration::from_millis(2));
    }
    progress.borrow().clone()
}

fn close(opened: Opened) {
    let Opened { intake, readings, alarms, .. } = opened;
    let progress = intake.progress();
    drop((intake, readings, alarms));
    while progress.has_changed().is_ok() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Megabytes.
fn peak_rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|it| it.starts_with("VmHWM"));
    let number = line.and_then(|it| it.split_whitespace().nth(1)).and_then(|it| it.parse::<u64>().ok());
    number.unwrap_or(0) / 1024
}

#[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
fn per(what: u64, count: u64) -> f64 {
    what as f64 / count as f64
}

#[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
