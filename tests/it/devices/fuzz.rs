//! Streams that chance has changed, and every input of the fuzzers: what holds of every driver and format holds of them too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wardline_sim::random::Random;
use wardline_tests::properties::Target;
use wardline_tests::{length, seed};

use super::Stream;

/// Time for each model.
const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(60);
/// Changes to one stream, at most.
const CHANGES_MAX: u64 = 12;

#[test]
fn no_driver_is_brought_down_by_any_bytes() {
    let mut random = seed::random("no_driver_is_brought_down_by_any_bytes");
    let streams: Vec<Stream> = Stream::all().collect();
    for stream in &streams {
        let begin = Instant::now();
        let mut executions = 0_u64;
        while begin.elapsed() < length::pick(SHORT, LONG) {
            let other = &streams[index(&mut random, streams.len())];
            let bytes = changed(&mut random, stream, other);
            let held = Target::Driver(stream.model).check(&bytes, false);
            assert_eq!(held, Ok(()), "{}: {bytes:02X?}", stream.model);
            executions += 1;
        }
        println!("figure fuzz_executions_{} {executions}", stream.model);
    }
}

/// `tests/fuzz/corpus` is what the fuzzers start from, `tests/fuzz/found` what they have found and we have mended.
#[test]
fn every_input_of_the_fuzzers_still_holds() {
    let mut tried = BTreeSet::new();
    for folder in ["corpus", "found"] {
        for (name, path) in inputs(folder) {
            let target = Target::all().find(|it| it.name() == name);
            let target = target.unwrap_or_else(|| panic!("{}: there is no target {name}", path.display()));
            let held = target.check(&fs::read(&path).unwrap(), false);
            assert_eq!(held, Ok(()), "{}", path.display());
            tried.insert(target.name());
        }
    }
    assert_eq!(tried, Target::all().map(Target::name).collect(), "a target without a corpus");
}

#[test]
fn there_is_a_program_for_every_target() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
    let programs = manifest["bin"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap());
    assert_eq!(programs.collect::<Vec<_>>(), Target::all().map(Target::name).collect::<Vec<_>>());
}

#[test]
fn a_property_that_is_wrong_is_found_out() {
    for stream in Stream::all() {
        let mut bytes = stream.bytes.clone();
        // Into a frame in the middle, behind its beginning.
        bytes.remove(stream.frame(stream.ends.len() / 2).start + 1);
        let target = Target::Driver(stream.model);
        assert_eq!(target.check(&bytes, false), Ok(()), "{}", stream.model);
        assert!(target.check(&bytes, true).is_err(), "{}: the control found nothing", stream.model);
    }
    let mixed = br#"{"spo2":97,"heart_rate":"72"}"#;
    assert!(Target::Wardline.check(mixed, true).is_err());
}

/// The inputs of a folder, each with the name of its target.
fn inputs(folder: &str) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    let entries = |path: &Path| fs::read_dir(path).unwrap().map(|it| it.unwrap().path());
    let targets: Vec<PathBuf> = entries(&folder).filter(|it| it.is_dir()).collect();
    let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    targets.iter().flat_map(|target| entries(target).map(move |it| (named(target), it))).collect()
}

/// A part of a stream with bits turned over, bytes lost, added and repeated, and parts of another stream in it.
fn changed(random: &mut Random, stream: &Stream, other: &Stream) -> Vec<u8> {
    let start = index(random, stream.bytes.len());
    let length = 1 + index(random, 3000);
    let mut bytes: Vec<u8> = stream.bytes.iter().copied().cycle().skip(start).take(length).collect();
    for _ in 0..random.below(CHANGES_MAX + 1) {
        let at = index(random, bytes.len());
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = byte(random),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, byte(random)),
            4 => bytes.truncate(at.max(1)),
            5 => {
                let end = (at + index(random, 300)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let from = index(random, other.bytes.len());
                let end = (from + index(random, 300)).min(other.bytes.len());
                bytes.splice(at..at, other.bytes[from..end].iter().copied());
            }
        }
        if bytes.is_empty() {
            bytes.push(byte(random));
        }
    }
    bytes
}

fn index(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap()
}

fn byte(random: &mut Random) -> u8 {
    u8::try_from(random.below(256)).unwrap()
}
