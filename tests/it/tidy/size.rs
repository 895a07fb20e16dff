//! Files of one idea: at most 300 lines of code before the tests. Functions are clippy's (`clippy.toml`).

use super::{File, expect_kept};

/// Lines of code that one idea may take.
const LINES_MAX: usize = 300;

fn too_long(file: &File) -> Vec<String> {
    if !file.is_rust() || file.is_test() {
        return Vec::new();
    }
    let lines = file.code().filter(|(_, line)| !line.trim().is_empty()).count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    vec![format!("{}: {lines} lines of code, at most {LINES_MAX}: split it where the idea splits", file.path)]
}

#[test]
fn files_hold_one_idea() {
    expect_kept(too_long);
}

#[test]
fn a_long_file_is_caught_and_its_tests_do_not_count() {
    let long = "let x = 1;\n".repeat(301);
    assert_eq!(too_long(&File::new("agent/src/a.rs", &long)).len(), 1);
    let tests = format!("{}\n#[cfg(test)]\nmod tests {{\n{long}}}\n", "// why\n".repeat(400));
    assert!(too_long(&File::new("agent/src/a.rs", &tests)).is_empty());
}
