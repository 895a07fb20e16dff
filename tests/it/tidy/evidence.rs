//! The evidence: each row names promises, a day, a commit, and a command that is there.

use super::{File, expect_none, repository};

/// The last promise.
const PROMISES: u32 = 18;

/// What is wrong with the rows of the page.
fn faults(page: &str, files: &[File]) -> Vec<String> {
    let rows = page.lines().filter(|line| line.starts_with("| P"));
    let mut rows_before = Vec::new();
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let wrong = match cells[..] {
            [promises, figure, date, commit, seed, command] => {
                let twice = rows_before.contains(&(promises, figure, command));
                rows_before.push((promises, figure, command));
                let command = command.strip_prefix('`').and_then(|it| it.strip_suffix('`')).unwrap_or("");
                [
                    (promises.split(' ').all(is_promise), "its promises are P1 to P18"),
                    (!figure.is_empty(), "it has no figure"),
                    (is_date(date), "its date is YYYY-MM-DD"),
                    (commit.len() >= 7 && commit.chars().all(|it| it.is_ascii_hexdigit()), "no such commit"),
                    (seed == "–" || seed.parse::<u64>().is_ok(), "its seed is a number, or –"),
                    (
                        exists(command, files),
                        "no such command or test: take the row out, or run what took its place",
                    ),
                    (!twice, "it is there twice"),
                ]
                .into_iter()
                .filter(|(right, _)| !right)
                .map(|(_, what)| what)
                .collect()
            }
            _ => vec!["six cells: promise, figure, date, commit, seed, command"],
        };
        wrong.into_iter().map(|what| format!("docs/evidence.md: {what}: {row}")).collect::<Vec<_>>()
    })
    .collect()
}

fn is_promise(id: &str) -> bool {
    id.strip_prefix('P').and_then(|it| it.parse().ok()).is_some_and(|it| (1..=PROMISES).contains(&it))
}

fn is_date(text: &str) -> bool {
    let digits = |it: &str, count| it.len() == count && it.chars().all(|it| it.is_ascii_digit());
    matches!(text.split('-').collect::<Vec<_>>()[..], [y, m, d] if digits(y, 4) && digits(m, 2) && digits(d, 2))
}

/// Whether a command names a script of the repository or a test: `cargo … -- TEST …`, `tests/long TEST`.
fn exists(command: &str, files: &[File]) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    let script = words.iter().find(|it| it.starts_with("tests/"));
    if script.is_some_and(|script| !files.iter().any(|it| it.path == **script)) {
        return false;
    }
    let test = match words[..] {
        ["cargo", ..] => words.iter().skip_while(|it| **it != "--").nth(1).copied(),
        ["tests/long", test, ..] => Some(test),
        _ => return script.is_some(),
    };
    let Some(test) = test else { return words.contains(&"bench") || words.contains(&"run") };
    let (module, name) = test.rsplit_once("::").unwrap_or(("", test));
    let module = module.rsplit("::").next().unwrap_or_default();
    let is_of = |it: &&File| it.is_rust() && (module.is_empty() || it.path.contains(module));
    let defines = |it: &File| name.is_empty() || it.text.contains(&format!("fn {name}("));
    files.iter().filter(is_of).any(defines)
}

#[test]
fn the_evidence_is_well_formed_and_names_what_is_there() {
    let files = repository();
    let page = &files.iter().find(|it| it.path == "docs/evidence.md").unwrap().text;
    assert!(
        page.contains("| promise | figure | date | commit | seed | command |\n|---|---|---|---|---|---|\n")
    );
    expect_none(&faults(page, &files));
}

#[test]
fn what_is_wrong_in_a_row_is_caught() {
    let files = [
        File::new("tests/it/ledger.rs", "fn every_reading() {}"),
        File::new("tests/long", ""),
        File::new("tests/bench/run", ""),
    ];
    let good = "| P2 P3 | 0 missing | 2026-11-25 | 0123abc | 7 | `tests/long ledger::every_reading` |\n\
                | P4 | 40 bytes | 2026-11-25 | 0123abc | – | `tests/bench/run store` |\n\
                | P2 | x | 2026-11-25 | 0123abc | 7 | `cargo test --test it -- ledger::every_reading --nocapture` |\n";
    assert_eq!(faults(good, &files), Vec::<String>::new());
    for bad in [
        good.replace("| P4 |", "| P40 |"),
        good.replace("40 bytes", ""),
        good.replace("| 7 | `t", "| seven | `t"),
        good.replace("2026-11-25 | 0123abc | –", "yesterday | 0123abc | –"),
        good.replace("0123abc | –", "HEAD | –"),
        good.replace("`tests/long ledger::every_reading`", "`tests/long ledger::gone`"),
        good.replace("tests/bench/run", "tests/bench/gone"),
        good.replace("| 0 missing |", "|"),
        format!("{good}{}", good.lines().next().unwrap()),
    ] {
        assert_eq!(faults(&bad, &files).len(), 1, "{bad}");
    }
}
