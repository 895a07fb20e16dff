//! P1, F2: a power cut at any write: what the store said is durable is there, and the store opens.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wardline_tests::block_log::{self, BlockLog, Recorder};
use wardline_tests::scratch::Scratch;
use wardline_tests::{driver, evidence, length, program, seed};

const SIZE: u64 = 256 << 20;
const RUN: &str = "before-the-cut";

/// What was said to be durable when so many writes had been recorded.
#[derive(Debug, Clone, Copy)]
struct Floor {
    entries: u64,
    acknowledged: (u64, u64),
}

/// Records the writes of a driver for a while.
fn record(scratch: &Scratch, under: &[&str], time: Duration) -> Result<(BlockLog, Vec<Floor>)> {
    let recorder = Recorder::start(scratch.path(), SIZE)?;
    let writer = driver::writer(&recorder.mountpoint().join("store"), RUN)?;
    let mut command = match under {
        [] => writer,
        [tracer, arguments @ ..] => {
            let mut outer = Command::new(tracer);
            outer.args(arguments).arg(writer.get_program()).args(writer.get_args());
            outer
        }
    };
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let lines = BufReader::new(child.stdout.take().context("no output")?).lines().map_while(Result::ok);
    let (mut floors, begin) = (Vec::new(), Instant::now());
    for line in lines {
        let acknowledged = driver::acknowledged(&line).with_context(|| format!("unexpected: {line}"))?;
        // Asked after it was said: the number of writes is rather too high, which only makes the floor lower.
        floors.push(Floor { entries: recorder.entries()?, acknowledged });
        if begin.elapsed() >= time {
            child.kill()?;
            break;
        }
    }
    child.wait()?;
    Ok((recorder.finish(SIZE)?, floors))
}

/// Cuts the power at some writes; what was wrong at which.
fn cut(
    scratch: &Scratch,
    log: &BlockLog,
    floors: &[Floor],
    points: usize,
    name: &str,
) -> Result<Vec<String>> {
    let mut random = seed::random(name);
    let first = floors.iter().find(|it| it.acknowledged.0 > 0).context("nothing became durable")?;
    let (low, high) = (first.entries, log.len() as u64 - 1);
    ensure!(low < high, "too short a recording");
    let (image, mount) = (scratch.path().join("cut"), scratch.path().join("cut.m"));
    let mut faults = Vec::new();
    for _ in 0..points {
        let point = low + random.below(high - low);
        let owed = floors.iter().rev().find(|it| it.entries <= point).map_or((0, 0), |it| it.acknowledged);
        log.rebuild(usize::try_from(point)?, &mut random, &image)?;
        let left = block_log::with_mounted(&image, &mount, |at| driver::check(&at.join("store")));
        let fault = match left.and_then(|it| it) {
            Ok(left) => left.fault(RUN, owed).map(|it| format!("{it} ({left:?})")),
            Err(error) => Some(format!("{error:#}")),
        };
        faults.extend(fault.map(|it| format!("write {point} of {high}: {it}")));
    }
    println!("{name}: {} writes, {points} power cuts, {} faults", log.len(), faults.len());
    Ok(faults)
}

#[test]
fn what_is_durable_survives_a_power_cut_at_any_write() -> Result<()> {
    let scratch = Scratch::new("power-cut")?;
    let time = Duration::from_secs(length::pick(5, 20));
    let (log, floors) = record(&scratch, &[], time)?;
    let last = floors.last().context("nothing was durable")?.acknowledged;
    println!("{} readings and {} alarm records were durable at the end", last.0, last.1);
    let points = length::pick(30, 500);
    let faults = cut(&scratch, &log, &floors, points, "power cut")?;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let figure = format!("{points} power cuts at random writes: 0 acknowledged lost, 0 stores unopenable");
    evidence::show("P1", &figure, "power_cut::what_is_durable_survives_a_power_cut_at_any_write");
    Ok(())
}

/// The control: with a sync that does nothing, the same cuts must lose what was said to be durable.
#[test]
fn without_our_sync_a_power_cut_loses_what_was_durable() -> Result<()> {
    let scratch = Scratch::new("no-sync")?;
    let strace = program::installed("strace", "strace")?.display().to_string();
    let under = [&*strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e"];
    let under: Vec<&str> = under.into_iter().chain(["inject=fdatasync,fsync:retval=0", "--"]).collect();
    let (log, floors) = record(&scratch, &under, Duration::from_secs(5))?;
    let faults = cut(&scratch, &log, &floors, 8, "power cut without sync")?;
    assert!(!faults.is_empty(), "the rig cannot tell a disk that was synced from one that was not");
    Ok(())
}
