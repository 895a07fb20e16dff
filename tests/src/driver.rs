//! The store's driver, and what it says of a store that was left behind.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use rustix::fs::{FlockOperation, flock};

use crate::{process, program, wait};

/// Readings behind the newest that the driver never lets the store forget.
pub const KEPT: u64 = 3_000;

/// What is left of a store.
#[derive(Debug, Default, Clone)]
pub struct Left {
    /// Of each run's readings: name, first and last number, wrong values, holes.
    pub runs: Vec<RunLeft>,
    /// The newest alarm record.
    pub last_alarm: u64,
    /// The run whose state of the engines is the newest, and the alarm that it was kept with.
    pub state: Option<(String, u64)>,
    /// Generations that were set aside.
    pub aside: u64,
    /// Whole lanes that did not open.
    pub replaced: u64,
    /// There was no opening it at all.
    pub memory: bool,
}

/// What is left of a run's readings.
#[derive(Debug, Default, Clone)]
pub struct RunLeft {
    /// The run.
    pub run: String,
    /// The first number that is kept.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// Values that were never written so, or not in this order.
    pub wrong: u64,
    /// Numbers that are told to be missing.
    pub holes: Vec<(u64, u64)>,
}

/// A driver that writes; what it says of its progress comes on its standard output.
pub fn writer(dir: &Path, run: &str) -> Result<Command> {
    let mut command = process::guarded(&program::ours("store-driver")?)?;
    command.arg("write").arg(dir).arg(run);
    Ok(command)
}

/// Opens a store as the agent does, once nobody works on it any more, and reads it whole.
pub fn check(dir: &Path) -> Result<Left> {
    // A tracer that was killed takes what it traced with it, a moment later.
    wait::until("the store's lock", Duration::from_secs(20), || {
        let Ok(lock) = std::fs::File::open(dir.join("lock")) else { return Ok(Some(())) };
        Ok(flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok().then_some(()))
    })?;
    let output = process::guarded(&program::ours("store-driver")?)?.arg("check").arg(dir).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success() && said.contains("\nalarms "),
        "the store does not open: {}\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let mut left = Left::default();
    for line in said.lines() {
        left.take(line).with_context(|| format!("not understood: {line}"))?;
    }
    Ok(left)
}

/// `ack READING ALARM`: what the writer says is durable.
#[must_use]
pub fn acknowledged(line: &str) -> Option<(u64, u64)> {
    let mut words = line.strip_prefix("ack ")?.split(' ').map(str::parse);
    Some((words.next()?.ok()?, words.next()?.ok()?))
}

impl Left {
    fn take(&mut self, line: &str) -> Result<()> {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["run", run, "first", first, "last", last, "wrong", wrong, "holes", holes] => {
                let hole = |it: &str| -> Result<(u64, u64)> {
                    let (first, last) = it.split_once('-').context("no range")?;
                    Ok((first.parse()?, last.parse()?))
                };
                let holes = holes.split(',').filter(|it| !it.is_empty()).map(hole);
                self.runs.push(RunLeft {
                    run: run.to_owned(),
                    first: first.parse()?,
                    last: last.parse()?,
                    wrong: wrong.parse()?,
                    holes: holes.collect::<Result<_>>()?,
                });
            }
            ["alarms", last] => self.last_alarm = last.parse()?,
            ["state", run, after] => self.state = Some((run.to_owned(), after.parse()?)),
            ["aside", count] => self.aside = count.parse()?,
            ["replaced", count] => self.replaced = count.parse()?,
            ["memory"] => self.memory = true,
            _ => bail!("unknown"),
        }
        Ok(())
    }

    /// What is wrong with a run of which this much was said to be durable; `None`: nothing.
    #[must_use]
    pub fn fault(&self, run: &str, acknowledged: (u64, u64)) -> Option<String> {
        let (reading, alarm) = acknowledged;
        if self.memory || self.replaced > 0 {
            return Some("it did not open".into());
        }
        if self.last_alarm < alarm {
            return Some(format!("alarm {alarm} was durable, and {} is the last", self.last_alarm));
        }
        if alarm > 0 && !self.state.as_ref().is_some_and(|(of, after)| of == run && *after >= alarm) {
            return Some(format!("alarm {alarm} was durable, and the engines' state is of {:?}", self.state));
        }
        let Some(it) = self.runs.iter().find(|it| it.run == run) else {
            return (reading > 0).then(|| format!("reading {reading} was durable, and there is none"));
        };
        if it.wrong > 0 {
            return Some(format!("{} values are wrong", it.wrong));
        }
        if it.last < reading || it.first > reading.max(1) {
            return Some(format!("reading {reading} was durable, there are {} to {}", it.first, it.last));
        }
        // Of the batch that was being written, some frames may be there and others not.
        let lost = it.holes.iter().find(|(first, _)| *first <= reading);
        lost.map(|hole| format!("reading {reading} was durable, and {hole:?} are missing"))
    }
}

/// Looks at a copy, so that the store stays as it was left.
pub fn check_copy(store: &Path, copy: &Path) -> Result<Left> {
    self::copy(store, copy)?;
    check(copy)
}

/// Copies a store.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to)?;
        } else {
            std::fs::copy(path, to)?;
        }
    }
    Ok(())
}
