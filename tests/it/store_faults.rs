//! P1, P5; F1, F8: the store is killed at a system call of its choice, and damaged bit by bit.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use wardline_sim::random::Random;
use wardline_tests::driver::{self, Left};
use wardline_tests::scratch::Scratch;
use wardline_tests::{evidence, length, program, seed};

/// Whatever changes a disk. strace counts the calls of each thread for itself.
const CALLS: [&str; 8] =
    ["pwrite64", "fdatasync", "fsync", "rename", "unlinkat", "mkdir", "openat", "sync_file_range"];
/// A frame of the driver's records holds at most so many.
const FRAME: u64 = 16;

/// Lets the driver write until it dies at a call, or for a moment; what it said to be durable.
fn write(dir: &Path, run: &str, death: Option<(&str, u64)>) -> Result<(u64, u64)> {
    let writer = driver::writer(dir, run)?;
    let mut command = match death {
        None => writer,
        Some((call, when)) => {
            let mut strace = Command::new(program::installed("strace", "strace")?);
            let inject = format!("inject={call}:signal=SIGKILL:when={when}");
            strace.args([
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &format!("trace={call}"),
                "-e",
                &inject,
                "--",
            ]);
            strace.arg(writer.get_program()).args(writer.get_args());
            strace
        }
    };
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let lines = BufReader::new(child.stdout.take().context("no output")?).lines().map_while(Result::ok);
    let mut last = (0, 0);
    for line in lines {
        last = driver::acknowledged(&line).with_context(|| format!("unexpected: {line}"))?;
        if last.0 > 4_000 {
            child.kill()?;
            break;
        }
    }
    child.wait()?;
    Ok(last)
}

/// A call and the how many-th of it: often an early one, inside opening and recovery.
fn death(random: &mut Random) -> (&'static str, u64) {
    let call = CALLS[usize::try_from(random.below(CALLS.len() as u64)).unwrap_or(0)];
    let most = [4, 20, 200][usize::try_from(random.below(3)).unwrap_or(0)];
    (call, 1 + random.below(most))
}

/// F1. Some rounds are looked at, the others leave what they did for the next one to recover.
#[test]
fn what_is_durable_survives_a_kill_at_any_call() -> Result<()> {
    let scratch = Scratch::new("kill-at-call")?;
    let store = scratch.path().join("store");
    let mut random = seed::random("kill at a call");
    let (rounds, mut owed, mut kept) = (length::pick(50, 1000), BTreeMap::new(), 0);
    for round in 0..rounds {
        let (run, death) = (format!("run-{round}"), death(&mut random));
        let last = write(&store, &run, Some(death))?;
        kept += last.0;
        if last.0 >= driver::KEPT {
            // By then the driver has let the store forget what came before.
            owed.clear();
        }
        if last.0 > 0 {
            owed.insert(run, last);
        }
        if random.unit() < 0.4 && round + 1 < rounds {
            continue;
        }
        let left = driver::check(&store).with_context(|| format!("round {round}, killed at {death:?}"))?;
        for (run, last) in &owed {
            // Alarm records are counted from 1 in each run; of several, only the newest can be told.
            let alarms = if owed.len() == 1 { last.1 } else { 0 };
            if let Some(fault) = left.fault(run, (last.0, alarms)) {
                bail!("round {round}, killed at {death:?}, {run}: {fault}; {left:?}");
            }
        }
        ensure!(left.aside == 0, "round {round}, killed at {death:?}: a kill is no damage: {left:?}");
        owed.clear();
    }
    println!("{rounds} kills, {kept} readings were durable, none was lost");
    ensure!(kept > 0, "no round got as far as to keep anything");
    let figure = format!("{rounds} kills at a random system call: 0 of {kept} durable readings lost");
    evidence::show("P1", &figure, "store_faults::what_is_durable_survives_a_kill_at_any_call");
    Ok(())
}

/// F8. One flipped bit, or one file cut short, anywhere in a killed store.
#[test]
fn damage_costs_a_frame_and_no_value_is_ever_wrong() -> Result<()> {
    let scratch = Scratch::new("damage")?;
    let store = scratch.path().join("store");
    let durable = write(&store, "run", None)?;
    let mut files = Vec::new();
    list(&store, &mut files)?;
    let whole = driver::check_copy(&store, &scratch.path().join("whole"))?;
    ensure!(whole.fault("run", durable).is_none(), "the store is not whole to begin with: {whole:?}");
    let mut random = seed::random("damage");
    let (mut flips, mut cuts, mut lost) = (0, 0, 0);
    for round in 0..length::pick(60, 1000) {
        let copy = scratch.path().join("copy");
        driver::copy(&store, &copy)?;
        let (file, what) = damage(&files, &store, &copy, &mut random)?;
        let left = driver::check(&copy).with_context(|| format!("round {round}: {what} in {file}"))?;
        let missing = missing(&left, &whole);
        if let Some(untold) = untold(&left, &whole) {
            bail!("round {round}: {what} in {file}: {untold}: {left:?}");
        }
        let told = || format!("round {round}: {what} in {file}: {missing} missing, {left:?}");
        ensure!(!left.memory && left.runs.iter().all(|it| it.wrong == 0), "{}", told());
        if what.starts_with("bit") {
            flips += 1;
            ensure!(missing <= FRAME, "{}", told());
        } else {
            cuts += 1;
        }
        lost += missing;
        fs::remove_dir_all(&copy)?;
    }
    println!(
        "{flips} flipped bits and {cuts} files cut short: {lost} of {} readings lost, none wrong",
        durable.0
    );
    let figure = format!(
        "{flips} flipped bits, each at most {FRAME} readings lost, and {cuts} files cut short: 0 wrong values, each loss a gap"
    );
    evidence::show("P5", &figure, "store_faults::damage_costs_a_frame_and_no_value_is_ever_wrong");
    Ok(())
}

/// Readings that a damaged store neither has nor tells to be missing; `None`: there are none.
fn untold(left: &Left, whole: &Left) -> Option<String> {
    let of = |it: &driver::RunLeft| -> Option<String> {
        let Some(found) = left.runs.iter().find(|found| found.run == it.run) else {
            return Some(format!("all of {} is gone without a gap", it.run));
        };
        // Between its ends the driver has looked by itself: what it does not find there counts as wrong.
        let (first, last) = (found.first, found.last);
        (first > it.first || last < it.last)
            .then(|| format!("{first} to {last} of {} to {} are there or in a gap", it.first, it.last))
    };
    whole.runs.iter().find_map(of)
}

/// Readings that the whole store has and the damaged one has not.
fn missing(left: &Left, whole: &Left) -> u64 {
    let count = |it: &Left| -> u64 {
        let of = |run: &driver::RunLeft| {
            let holes: u64 = run.holes.iter().map(|(first, last)| last + 1 - first).sum();
            (run.last + 1 - run.first).saturating_sub(holes)
        };
        it.runs.iter().map(of).sum()
    };
    count(whole).saturating_sub(count(left))
}

/// Flips a bit of a file, or cuts it short; says which and what.
fn damage(files: &[PathBuf], from: &Path, copy: &Path, random: &mut Random) -> Result<(String, String)> {
    let file = files[usize::try_from(random.below(files.len() as u64))?].strip_prefix(from)?;
    let path = copy.join(file);
    let mut bytes = fs::read(&path)?;
    let name = file.display().to_string();
    if bytes.is_empty() {
        return Ok((name, "bit of nothing".into()));
    }
    let at = random.below(bytes.len() as u64);
    if random.below(5) == 0 {
        fs::File::options().write(true).open(&path)?.set_len(at)?;
        return Ok((name, format!("cut to {at} of {}", bytes.len())));
    }
    let bit = random.below(8);
    bytes[usize::try_from(at)?] ^= 1 << bit;
    fs::write(&path, bytes)?;
    Ok((name, format!("bit {bit} of byte {at}")))
}

fn list(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // The reserve holds nothing, and the lock only its name.
        match path.file_name().and_then(|it| it.to_str()) {
            Some("reserve" | "lock" | "probe") => {}
            _ if path.is_dir() => list(&path, files)?,
            _ => files.push(path),
        }
    }
    files.sort();
    Ok(())
}

/// The controls of the damages: a flipped bit that no checksum sees is found by the driver in the value, and a loss at
/// either end of a run is missed where no gap tells it.
#[test]
fn a_wrong_value_and_an_untold_loss_are_seen() -> Result<()> {
    let scratch = Scratch::new("flipped")?;
    let store = scratch.path().join("store");
    let mut writer = driver::writer(&store, "run")?;
    let mut child = writer.arg("500").stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stdout.take().context("no output")?).lines().map_while(Result::ok);
    let reached = lines.filter_map(|it| driver::acknowledged(&it)).find(|it| it.0 >= 500);
    child.kill()?;
    child.wait()?;
    reached.context("it did not get there")?;
    let left = driver::check(&store)?;
    assert_eq!(left.runs.iter().map(|it| it.wrong).collect::<Vec<_>>(), [1]);

    assert_eq!(untold(&left, &left), None);
    for change in [|it: &mut driver::RunLeft| it.first += 1, |it: &mut driver::RunLeft| it.last -= 1] {
        let mut shorter = left.clone();
        change(&mut shorter.runs[0]);
        ensure!(untold(&shorter, &left).is_some(), "{shorter:?}");
    }
    ensure!(untold(&Left::default(), &left).is_some(), "a run that is gone");
    Ok(())
}

/// The control of the kills: a driver that says more than is durable is caught.
#[test]
fn a_promise_that_is_not_kept_is_seen() -> Result<()> {
    let scratch = Scratch::new("liar")?;
    let store = scratch.path().join("store");
    let (reading, alarm) = write(&store, "run", Some(("fdatasync", 60)))?;
    let left = driver::check(&store)?;
    assert_eq!(left.fault("run", (reading, alarm)), None);
    let last = left.runs.first().context("nothing was kept")?.last;
    assert!(left.fault("run", (last + 1, alarm)).is_some(), "{left:?}");
    assert!(left.fault("run", (reading, left.last_alarm + 1)).is_some(), "{left:?}");
    Ok(())
}
