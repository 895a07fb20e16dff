//! Feeds the alarm engine the lines that the reference is fed, and says what it says in the same words.
//!
//! ```text
//! alarm-driver < inputs > records       both as tests/reference/README.md describes them, one JSON object a line
//! ```
//!
//! A line with a setup begins a new bed. It knows the engine's public interface and no rule.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a program of the tests: it speaks to them, and stops where it fails"
)]

mod act;
mod bed;
mod input;
mod said;
mod setup;

use std::io::{BufRead as _, BufWriter, Write as _};

fn main() {
    let mut said = BufWriter::new(std::io::stdout().lock());
    let mut bed: Option<bed::Bed> = None;
    for text in std::io::stdin().lock().lines() {
        let text = text.expect("standard input ends early");
        if text.is_empty() {
            continue;
        }
        let line: input::Line = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let told = match (line.input, &mut bed) {
            (input::Input::Setup(setup), bed) => {
                *bed = Some(bed::Bed::new(*setup, line.t));
                Vec::new()
            }
            (input, Some(bed)) => bed.take(line.t, input),
            (_, None) => panic!("{text}: before any setup"),
        };
        for it in told {
            writeln!(said, "{it}").expect("nobody listens");
        }
    }
}
