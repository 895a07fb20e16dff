//! Who may use whom: between the crates, inside `vitals`, and who alone may name a store, a broker or a clock.

use super::{File, expect_kept, has_word};

/// What each module of `vitals` may use of its own crate; `docs/ARCHITECTURE.md` says why.
const VITALS: [(&str, &[&str]); 19] = [
    ("time", &[]),
    ("name", &[]),
    ("quantity", &[]),
    ("vital", &["quantity"]),
    ("reading", &["time", "quantity", "vital"]),
    ("observation", &["time", "name", "reading"]),
    ("priority", &[]),
    ("notice", &["quantity", "vital", "priority"]),
    ("payload", &["time", "name", "quantity", "vital", "reading"]),
    ("device", &["time", "quantity", "vital", "reading", "priority", "notice"]),
    ("news2", &["quantity"]),
    (
        "alarm",
        &["time", "name", "quantity", "vital", "reading", "observation", "news2", "priority", "notice"],
    ),
    ("record", &["time", "name", "quantity", "vital", "reading", "observation", "alarm", "notice"]),
    ("batch", &["time"]),
    ("backoff", &["time"]),
    ("freshness", &["time"]),
    ("line_watch", &["time", "freshness"]),
    ("sequence", &[]),
    ("lib", &[]),
];

/// The three programs: none is the other's library.
const PROGRAMS: [(&str, &str); 3] =
    [("agent/", "wardline_agent"), ("sim/", "wardline_sim"), ("station/", "wardline_station")];

/// A word that only some files may use in code.
struct Reserved {
    word: &'static str,
    within: &'static str,
    allowed: &'static [&'static str],
    instead: &'static str,
}

const RESERVED: [Reserved; 7] = [
    reserved("sled", "", &["agent/src/buffer"], "go through the buffer's writer and reader"),
    reserved("rdkafka", "agent/", &["agent/src/kafka", "agent/src/forwarder"], "go through the forwarder"),
    reserved("Instant::now", "agent/", &["agent/src/clock.rs"], "ask agent/src/clock.rs"),
    reserved("SystemTime::now", "agent/", &["agent/src/clock.rs"], "ask agent/src/clock.rs"),
    reserved("Timestamp::now", "agent/", &["agent/src/clock.rs"], "ask agent/src/clock.rs"),
    reserved("clock_gettime", "agent/", &["agent/src/clock.rs"], "ask agent/src/clock.rs"),
    reserved("macro_rules", "", &[], "write the lines: the house has no macros of its own"),
];

const fn reserved(
    word: &'static str,
    within: &'static str,
    allowed: &'static [&'static str],
    instead: &'static str,
) -> Reserved {
    Reserved { word, within, allowed, instead }
}

fn against_the_direction(file: &File) -> Vec<String> {
    let Some(module) = file.path.strip_prefix("vitals/src/").and_then(|it| it.split(['/', '.']).next())
    else {
        return Vec::new();
    };
    if file.is_test() {
        return Vec::new();
    }
    let Some((_, allowed)) = VITALS.iter().find(|(it, _)| *it == module) else {
        return vec![format!("{}: say in tests/it/tidy/imports.rs what {module:?} may use", file.path)];
    };
    let uses = file.code().flat_map(|(number, line)| used(line).map(move |it| (number, it)));
    uses.filter(|(_, used)| *used != module && !allowed.contains(used))
        .map(|(number, used)| {
            format!("{}:{number}: {module} may not use {used}: the direction is one way", file.path)
        })
        .collect()
}

/// The modules of its own crate that a line names.
fn used(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).filter_map(|rest| {
        let name =
            rest.split(|it: char| !it.is_ascii_lowercase() && !it.is_ascii_digit() && it != '_').next();
        name.filter(|name| !name.is_empty())
    })
}

fn another_program(file: &File) -> Vec<String> {
    let own = |folder: &&(&str, &str)| file.path.starts_with(folder.0);
    let Some((folder, _)) = PROGRAMS.iter().find(own) else { return Vec::new() };
    let others = PROGRAMS.iter().filter(|(it, _)| it != folder);
    others
        .filter_map(|(other, library)| {
            let dependency = format!("\"../{}\"", other.trim_end_matches('/'));
            let names = has_word(&file.text, library) || file.text.contains(&dependency);
            names.then(|| format!("{}: {folder} may not use {other}: they meet in vitals alone", file.path))
        })
        .collect()
}

fn reserved_elsewhere(file: &File) -> Vec<String> {
    if !file.is_rust() || file.is_test() || file.path.starts_with("tests/") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let applies = |it: &&Reserved| {
        file.path.starts_with(it.within) && !it.allowed.iter().any(|allowed| file.path.starts_with(allowed))
    };
    for it in RESERVED.iter().filter(applies) {
        for (number, _) in file.code().filter(|(_, line)| names(line, it.word)) {
            found.push(format!("{}:{number}: {:?} is not for this file: {}", file.path, it.word, it.instead));
        }
    }
    found
}

/// Whether a line of code names a crate or calls a function, and does not only say so in a text.
fn names(line: &str, word: &str) -> bool {
    let code = line.split('"').step_by(2).collect::<String>();
    has_word(&code, word)
}

#[test]
fn inside_vitals_the_direction_is_one_way() {
    expect_kept(against_the_direction);
}

#[test]
fn the_programs_do_not_use_each_other() {
    expect_kept(another_program);
}

#[test]
fn store_broker_and_clock_have_one_place_each() {
    expect_kept(reserved_elsewhere);
}

#[test]
fn a_call_back_up_is_caught() {
    let bad = "//! Time.\nuse crate::record::alarm::AlarmRecord;\n";
    assert_eq!(against_the_direction(&File::new("vitals/src/time.rs", bad)).len(), 1);
    let inline = "//! A device.\nfn a(it: crate::alarm::event::Code) {}\n";
    assert_eq!(against_the_direction(&File::new("vitals/src/device/nonin.rs", inline)).len(), 1);
    let good = "//! A device.\nuse crate::reading::Reading;\n";
    assert!(against_the_direction(&File::new("vitals/src/device/nonin.rs", good)).is_empty());
    assert_eq!(against_the_direction(&File::new("vitals/src/new.rs", good)).len(), 1);
}

#[test]
fn a_program_inside_another_is_caught() {
    assert_eq!(another_program(&File::new("sim/src/demo.rs", "use wardline_agent::config;")).len(), 1);
    assert_eq!(another_program(&File::new("sim/Cargo.toml", "a = { path = \"../agent\" }")).len(), 1);
    assert!(another_program(&File::new("sim/src/main.rs", "use wardline_sim::demo;")).is_empty());
}

#[test]
fn a_store_a_broker_or_a_clock_out_of_place_is_caught() {
    for (path, line) in [
        ("agent/src/forwarder.rs", "let db = sled::open(path)?;"),
        ("sim/src/judge.rs", "use sled::Db;"),
        ("agent/src/bedside.rs", "use rdkafka::producer::BaseProducer;"),
        ("agent/src/bedside.rs", "let now = std::time::Instant::now();"),
        ("agent/src/bedside.rs", "let now = tokio::time::Instant::now();"),
        ("vitals/src/vital.rs", "macro_rules! row { () => {} }"),
    ] {
        assert_eq!(reserved_elsewhere(&File::new(path, line)).len(), 1, "{path}: {line}");
    }
    for (path, line) in [
        ("agent/src/buffer/store.rs", "let db = sled::open(path)?;"),
        ("agent/src/kafka/producer.rs", "use rdkafka::producer::BaseProducer;"),
        ("agent/src/clock.rs", "rustix::time::clock_gettime(id)"),
        ("station/src/feed.rs", "use rdkafka::Offset;"),
        ("agent/src/forwarder.rs", "// sled knows better"),
        ("agent/src/forwarder.rs", "#[error(\"sled has failed\")]"),
    ] {
        assert!(reserved_elsewhere(&File::new(path, line)).is_empty(), "{path}: {line}");
    }
}
