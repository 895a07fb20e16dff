//! The documents: links lead somewhere, and the glossary's words are the code's.

use std::collections::BTreeMap;

use super::{File, expect_none, has_extension, has_word, repository};

/// Links of Markdown files that lead nowhere in the repository.
fn broken_links(files: &[File], folders: impl Fn(&str) -> bool) -> Vec<String> {
    let anchors: BTreeMap<&str, Vec<String>> =
        files.iter().filter(|it| has_extension(&it.path, "md")).map(|it| (&*it.path, anchors(it))).collect();
    let mut found = Vec::new();
    for file in files.iter().filter(|it| has_extension(&it.path, "md")) {
        for link in links(&file.text) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.path.clone() } else { beside(&file.path, path) };
            let exists = files.iter().any(|it| it.path == target) || folders(&target);
            let known = anchors.get(&*target).is_none_or(|it| it.iter().any(|it| it == anchor));
            if !exists {
                found.push(format!("{}: the link to {link} leads nowhere: {target}", file.path));
            } else if !anchor.is_empty() && !known {
                found.push(format!("{}: {target} has no heading #{anchor}", file.path));
            }
        }
    }
    found
}

/// Targets of `[text](target)` outside code blocks, without those on the web.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if is_code {
            continue;
        }
        // Code spans are the odd parts between back-ticks.
        let spans = line.split('`').step_by(2);
        let targets = spans.flat_map(|it| it.split("](").skip(1)).filter_map(|it| it.split(')').next());
        // A link's text may be a code span, which ends before the bracket.
        found.extend(targets.filter(|it| !it.contains("://") && !it.starts_with("mailto:")));
    }
    found
}

/// The anchors that GitHub gives to a document's headings.
fn anchors(file: &File) -> Vec<String> {
    let headings = file.text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|it| {
            let kept = it.trim_start_matches('#').trim().to_lowercase();
            let kept = kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

/// The path of a link's target, from the root.
fn beside(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Types of the glossary's second column that no code has.
fn unknown_types(glossary: &str, code: &[&str]) -> Vec<String> {
    let rows = glossary.lines().filter(|it| it.starts_with('|'));
    let cells = rows.filter_map(|it| it.split('|').nth(2));
    let types = cells.flat_map(|it| it.split('`').skip(1).step_by(2)).flat_map(|it| it.split("::"));
    types
        .filter(|it| !code.iter().any(|code| has_word(code, it)))
        .map(|it| format!("docs/glossary.md: no code has {it}: name what the code names"))
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let root = super::root();
    expect_none(&broken_links(&repository(), |it| root.join(it).exists()));
}

#[test]
fn the_words_of_the_glossary_are_the_words_of_the_code() {
    let files = repository();
    let glossary = &files.iter().find(|it| it.path == "docs/glossary.md").unwrap().text;
    let code: Vec<&str> = files.iter().filter(|it| it.is_rust()).map(|it| it.text.as_str()).collect();
    assert!(glossary.lines().filter(|it| it.starts_with('|')).count() > 20, "the glossary is empty");
    expect_none(&unknown_types(glossary, &code));
}

#[test]
fn a_broken_link_is_caught() {
    let files = [
        File::new("README.md", "[a](docs/a.md) [b](docs/b.md) [c](docs/a.md#no) [d](docs/a.md#the-way-up)"),
        File::new("docs/a.md", "# The way (up)\n[up](../README.md) [web](https://example.org) `[x](y)`"),
    ];
    let found = broken_links(&files, |_| false);
    assert_eq!(found.len(), 2, "{found:?}");
    let code = links("[`agent`](agent/src/lib.rs)\n```\n[x](y)\n```\n");
    assert_eq!(code, ["agent/src/lib.rs"]);
}

#[test]
fn a_word_that_no_code_has_is_caught() {
    let glossary = "| term | type |\n|---|---|\n| vital | `Vital` |\n| alert | `Alert` |\n";
    assert_eq!(unknown_types(glossary, &["enum Vital {}"]).len(), 1);
}
