//! Names of files: what is named for no idea has none.

use super::{File, expect_kept};

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["utils", "util", "helpers", "helper", "common", "misc", "types", "manager", "mod"];

fn says_nothing(file: &File) -> Vec<String> {
    let parts = file.path.trim_end_matches(".rs").split('/');
    let empty = parts.filter(|_| file.is_rust()).filter(|part| EMPTY_NAMES.contains(part));
    empty.map(|part| format!("{}: {part:?} says nothing: name the file for its idea", file.path)).collect()
}

/// Every file of code opens with what it alone knows.
fn has_no_opening(file: &File) -> Vec<String> {
    if !file.is_rust() || file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![format!("{}: open it with `//!` and the one thing this module alone knows", file.path)]
}

#[test]
fn files_are_named_for_their_idea() {
    expect_kept(says_nothing);
}

#[test]
fn files_open_with_what_they_alone_know() {
    expect_kept(has_no_opening);
}

#[test]
fn empty_names_are_caught() {
    for path in ["agent/src/utils.rs", "sim/src/device/mod.rs", "agent/src/common/clock.rs"] {
        assert_eq!(says_nothing(&File::new(path, "")).len(), 1, "{path}");
    }
    assert!(says_nothing(&File::new("agent/src/mode.rs", "")).is_empty());
}

#[test]
fn a_missing_opening_is_caught() {
    assert_eq!(has_no_opening(&File::new("a.rs", "use std::io;\n")).len(), 1);
    assert!(has_no_opening(&File::new("a.rs", "//! The clock.\n")).is_empty());
}
