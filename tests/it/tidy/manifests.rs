//! What the manifests may say: `vitals` depends on nothing that could ask the time, and versions live in one place.

use super::{File, expect_kept, expect_none, repository};

/// All that the domain needs: calendar arithmetic, records, errors, CBOR. None asks the time, opens a file, or spawns.
const VITALS_MAY_USE: [&str; 5] = ["jiff", "minicbor", "serde", "serde_json", "thiserror"];

fn too_much_for_vitals(file: &File) -> Vec<String> {
    if file.path != "vitals/Cargo.toml" {
        return Vec::new();
    }
    let manifest: toml::Table = file.text.parse().unwrap();
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table).into_iter().flatten();
    dependencies
        .filter(|(name, _)| !VITALS_MAY_USE.contains(&name.as_str()))
        .map(|(name, _)| format!("vitals/Cargo.toml: vitals may not use {name}: it is pure"))
        .collect()
}

/// That the crate is `no_std`, and that std comes back for tests alone.
fn vitals_with_std(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    if file.path == "vitals/src/lib.rs" {
        if !file.text.lines().any(|line| line == "#![no_std]") {
            found.push("vitals/src/lib.rs: keep #![no_std]: it is what makes the domain pure".into());
        }
        if !file.text.contains("#[cfg(test)]\nextern crate std;") && file.text.contains("extern crate std") {
            found.push("vitals/src/lib.rs: std is for tests alone".into());
        }
    }
    found
}

/// Members take versions from the workspace, so that there is one of each.
fn own_version(file: &File) -> Vec<String> {
    if file.path == "Cargo.toml" || !file.path.ends_with("/Cargo.toml") {
        return Vec::new();
    }
    let manifest: toml::Table = file.text.parse().unwrap();
    // Another workspace, which is linked into nothing.
    if manifest.contains_key("workspace") {
        return Vec::new();
    }
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let dependencies =
        sections.iter().filter_map(|it| manifest.get(*it)).filter_map(toml::Value::as_table).flatten();
    dependencies
        .filter(|(_, value)| value.is_str() || value.get("version").is_some())
        .map(|(name, _)| {
            format!("{}: give {name} its version in the root Cargo.toml, with a reason", file.path)
        })
        .collect()
}

/// No features of our own, no build script: one way to build it.
fn another_way_to_build(file: &File) -> Vec<String> {
    if file.path.ends_with("build.rs") && file.path.matches('/').count() <= 1 {
        return vec![format!("{}: no build scripts", file.path)];
    }
    let has_features = file.path.ends_with("Cargo.toml") && file.text.lines().any(|it| it == "[features]");
    if has_features { vec![format!("{}: no cargo features of our own", file.path)] } else { Vec::new() }
}

#[test]
fn vitals_depends_on_nothing_that_could_ask_the_time() {
    expect_kept(too_much_for_vitals);
    expect_kept(vitals_with_std);
}

#[test]
fn versions_live_in_one_place() {
    expect_kept(own_version);
}

#[test]
fn there_is_one_way_to_build_it() {
    expect_kept(another_way_to_build);
}

#[test]
fn the_version_is_the_head_of_the_changelog() {
    let files = repository();
    let text = |path: &str| &files.iter().find(|it| it.path == path).unwrap().text;
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let version = manifest["workspace"]["package"]["version"].as_str().unwrap();
    expect_none(&not_at_the_head(version, text("CHANGELOG.md")));
}

/// Whether the changelog's first release, after what is not released, is not this version.
fn not_at_the_head(version: &str, changelog: &str) -> Vec<String> {
    let heads = changelog.lines().filter_map(|it| it.strip_prefix("## ["));
    let head = heads.filter_map(|it| it.split(']').next()).find(|it| *it != "Unreleased");
    if head == Some(version) {
        return Vec::new();
    }
    vec![format!("CHANGELOG.md: its first release is {head:?}, the version is {version}")]
}

#[test]
fn each_of_these_is_caught() {
    let manifest = |text: &str| File::new("vitals/Cargo.toml", text);
    assert_eq!(too_much_for_vitals(&manifest("[dependencies]\ntokio.workspace = true\n")).len(), 1);
    assert!(too_much_for_vitals(&manifest("[dependencies]\njiff.workspace = true\n")).is_empty());
    assert_eq!(vitals_with_std(&File::new("vitals/src/lib.rs", "extern crate std;")).len(), 2);
    assert_eq!(own_version(&manifest("[dependencies]\njiff = \"1\"\n")).len(), 1);
    assert_eq!(own_version(&manifest("[dev-dependencies]\njiff = { version = \"1\" }\n")).len(), 1);
    assert!(own_version(&manifest("[workspace]\n[dependencies]\njiff = \"1\"\n")).is_empty());
    assert_eq!(another_way_to_build(&manifest("[features]\nx = []\n")).len(), 1);
    assert_eq!(another_way_to_build(&File::new("agent/build.rs", "")).len(), 1);
    assert_eq!(not_at_the_head("0.2.0", "## [Unreleased]\n## [0.1.0]\n").len(), 1);
    assert!(not_at_the_head("0.1.0", "## [Unreleased]\n## [0.1.0] - 2026-11-23\n").is_empty());
}
