//! The evidence: each row names promises, a day, a commit that is in the history, and a command that is there.

use std::path::Path;
use std::process::Command;

use super::{File, expect_none, repository, root};

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

/// The commits of the rows.
fn commits(page: &str) -> Vec<&str> {
    let rows = page.lines().filter(|line| line.starts_with("| P"));
    rows.filter_map(|row| row.split('|').nth(4).map(str::trim)).collect()
}

/// Which of these commits no history holds; or why it cannot be told: no git, no history, or only its end.
fn unknown<'a>(commits: &[&'a str], repository: &Path) -> Result<Vec<&'a str>, String> {
    let git = |arguments: &[&str]| Command::new("git").arg("-C").arg(repository).args(arguments).output();
    let shallow = git(&["rev-parse", "--is-shallow-repository"]).map_err(|error| format!("git: {error}"))?;
    match String::from_utf8_lossy(&shallow.stdout).trim() {
        "false" => {}
        "true" => return Err("the history here is cut short".into()),
        _ => return Err(String::from_utf8_lossy(&shallow.stderr).trim().into()),
    }
    let is_unknown =
        |commit: &&str| git(&["merge-base", "--is-ancestor", commit, "HEAD"]).map(|it| !it.status.success());
    let mut found = Vec::new();
    for commit in commits {
        if is_unknown(commit).map_err(|error| format!("git: {error}"))? {
            found.push(*commit);
        }
    }
    Ok(found)
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
fn the_evidence_is_of_commits_that_are_in_the_history() {
    let files = repository();
    let page = &files.iter().find(|it| it.path == "docs/evidence.md").unwrap().text;
    let commits = commits(page);
    assert!(!commits.is_empty());
    match unknown(&commits, &root()) {
        Ok(unknown) => assert!(unknown.is_empty(), "docs/evidence.md: no history holds {unknown:?}"),
        Err(why) => println!("not checked whether the commits of docs/evidence.md are there: {why}"),
    }
}

#[test]
fn a_commit_that_no_history_holds_is_caught() {
    let dir = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        let output = command.arg("-C").arg(dir.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert!(unknown(&["0123abc"], dir.path()).is_err(), "a tree without a history cannot tell");
    git(&["init", "--quiet"]);
    let commit = |message: &str| {
        let who = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"];
        git(&[&who[..], &["commit", "--quiet", "--allow-empty", "-m", message]].concat());
        git(&["rev-parse", "--short=7", "HEAD"])
    };
    let (first, gone) = (commit("first"), commit("gone"));
    git(&["reset", "--quiet", "--hard", &first]);
    let rows = [&*first, &*gone, "0123abc"];
    assert_eq!(unknown(&rows, dir.path()), Ok(vec![&*gone, "0123abc"]), "one is in no history, one nowhere");
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
