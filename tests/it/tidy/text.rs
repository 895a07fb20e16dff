//! What no file may say: tests that do not run, lints switched off wholesale, promises to do it later, this machine.

use super::{File, expect_kept};

/// A pattern in two halves, so that this file does not hold it.
fn pattern(halves: &[&str]) -> String {
    halves.concat()
}

fn skips_a_test(file: &File) -> Vec<String> {
    let patterns = [pattern(&["#[ign", "ore"]), pattern(&["#[should", "_panic"])];
    find(file, &patterns, "a test runs, always, and says what it expects: make it run or remove it")
}

fn switches_lints_off(file: &File) -> Vec<String> {
    // A reason may stand some lines further down; without any, it is blanket.
    let mut found = Vec::new();
    for (at, _) in file.text.match_indices(&pattern(&["#![al", "low("])).filter(|_| file.is_rust()) {
        let rest = file.text.get(at..).unwrap_or("");
        let attribute = rest.split(")]").next().unwrap_or(rest);
        if !attribute.contains("reason") {
            found.push(format!("{}: a lint is switched off for the whole file without a reason", file.path));
        }
    }
    found
}

fn promises(file: &File) -> Vec<String> {
    let patterns = [pattern(&["FIX", "ME"]), pattern(&["TO", "DO"]), pattern(&["XX", "X"])];
    let words = |line: &str| patterns.iter().any(|it| super::has_word(line, it));
    let lines = file.text.lines().enumerate().filter(|(_, line)| words(line));
    lines.map(|(index, _)| format!("{}:{}: do it, or open an issue", file.path, index + 1)).collect()
}

fn names_a_machine(file: &File) -> Vec<String> {
    let patterns = [
        pattern(&["/wo", "rk/"]),
        pattern(&["/ro", "ot/"]),
        pattern(&["/home", "/user"]),
        pattern(&["arti", "factory"]),
        pattern(&["/nex", "us"]),
        pattern(&["repl", "ace-with"]),
    ];
    find(file, &patterns, "nothing here may depend on, or tell of, the machine it was written on")
}

/// How the lock file names the public registry.
const PUBLIC: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// Every crate comes from the public registry.
fn has_another_registry(file: &File) -> Vec<String> {
    if file.path != "Cargo.lock" {
        return Vec::new();
    }
    let others = file.text.lines().filter(|it| it.starts_with("source = ") && *it != PUBLIC);
    others.map(|line| format!("Cargo.lock: {line}: take the crate from crates.io")).collect()
}

fn find(file: &File, patterns: &[String], instead: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for pattern in patterns.iter().filter(|it| line.contains(it.as_str())) {
            found.push(format!("{}:{}: {pattern:?}: {instead}", file.path, index + 1));
        }
    }
    found
}

#[test]
fn every_test_runs() {
    expect_kept(skips_a_test);
}

#[test]
fn lints_are_switched_off_with_a_reason() {
    expect_kept(switches_lints_off);
}

#[test]
fn nothing_is_promised_for_later() {
    expect_kept(promises);
}

#[test]
fn nothing_tells_of_the_machine_it_was_written_on() {
    expect_kept(names_a_machine);
}

#[test]
fn crates_come_from_the_public_registry() {
    expect_kept(has_another_registry);
}

#[test]
fn each_of_these_is_caught() {
    let file = |halves: &[&str]| File::new("agent/src/a.rs", &pattern(halves));
    assert_eq!(skips_a_test(&file(&["#[ign", "ore]\nfn a() {}"])).len(), 1);
    assert_eq!(skips_a_test(&file(&["#[ign", "ore = \"slow\"]"])).len(), 1);
    assert_eq!(switches_lints_off(&file(&["#![al", "low(clippy::all)]"])).len(), 1);
    assert!(switches_lints_off(&file(&["#![al", "low(clippy::all, reason = \"a test\")]"])).is_empty());
    assert_eq!(promises(&file(&["// TO", "DO: later"])).len(), 1);
    assert!(promises(&file(&["mask XX", "XX"])).is_empty());
    assert_eq!(names_a_machine(&file(&["cat /wo", "rk/main"])).len(), 1);
    let lock = File::new("Cargo.lock", "source = \"registry+https://example.org/index\"\n");
    assert_eq!(has_another_registry(&lock).len(), 1);
}
