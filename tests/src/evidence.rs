//! What a run has shown, in the one form that `tests/evidence` collects into `docs/evidence.md`.

use crate::{length, seed};

/// Prints one line: `evidence: PROMISES | FIGURE | SEED | COMMAND`.
///
/// `promises` are the ids of the promises, separated by blanks (`P2 P3`); `test` is what names the test among all, as
/// its path below `tests/it` (`ledger::every_reading…`). A figure has no `|`.
pub fn show(promises: &str, figure: &str, test: &str) {
    println!("evidence: {promises} | {figure} | {} | {}", seed::value(), command(test));
}

/// What repeats a test at the length, and built as, it is run.
fn command(test: &str) -> String {
    let release = if cfg!(debug_assertions) { "" } else { "--release " };
    length::pick(
        format!("cargo test {release}--workspace --test it -- {test} --nocapture"),
        format!("tests/long {test}"),
    )
}
