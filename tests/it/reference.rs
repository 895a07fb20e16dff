//! The alarm engine against the rules written a second time, in Python, from the specification alone (P18).

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use wardline_tests::{length, program, seed};

/// A program of the reference.
fn reference(name: &str) -> Result<Command> {
    program::installed("python3", "python3")?;
    Ok(Command::new(program::repository().join("tests/reference").join(name)))
}

fn compare(arguments: &[&str]) -> Result<Output> {
    let mut command = reference("compare")?;
    command.arg("--driver").arg(program::ours("alarm-driver")?).args(arguments);
    command.output().context("the comparison does not start")
}

#[test]
fn the_reference_keeps_the_worked_table() -> Result<()> {
    let output = reference("worked.py")?.output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    ensure!(output.status.success(), "the reference does not keep the table");
    Ok(())
}

/// A hundred bed-hours that are the same each time: what breaks them is the change that is tested. Hours that nobody has seen are
/// for `tests/long reference::`, and for WARDLINE_SEED.
#[test]
fn the_engine_says_what_the_reference_says() -> Result<()> {
    let anew = seed::random("reference").below(1 << 32);
    let seed = if seed::is_given() { anew } else { length::pick(20_261_130, anew) }.to_string();
    let hours = length::pick("100", "10000");
    let output = compare(&["--hours", hours, "--seed", &seed])?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    ensure!(
        output.status.success(),
        "engine and reference differ: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// References that are wrong in one small thing.
const WRONG: [&str; 13] = [
    "limits-not-strict",
    "a-delay-off-by-one",
    "stale-a-millisecond-late",
    "apnea-from-the-first-zero",
    "a-cuff-that-is-overdue-late",
    "believed-again-too-soon",
    "another-device-is-not-seen",
    "suspect-too-late",
    "audio-off-covers-what-is-high",
    "a-rule-that-is-on-again-is-not-judged",
    "life-a-second-longer",
    "what-was-known-before-a-restart-is-a-word",
    "nobody-attends-over-a-restart",
];

/// The controls: each is seen to be wrong.
#[test]
fn a_wrong_reference_is_seen() -> Result<()> {
    for wrong in WRONG {
        let output = compare(&["--hours", "40", "--seed", "1", "--wrong", wrong])?;
        let said = String::from_utf8_lossy(&output.stdout);
        let last = said.lines().last().unwrap_or_default();
        println!("{wrong}: {last}");
        ensure!(
            output.status.code() == Some(1) && last.contains("bed-hours"),
            "{wrong} was not seen: {said}"
        );
    }
    Ok(())
}
