//! The table in `docs/devices.md`: what was tried on each driver and what came of it, counted and not claimed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use vitals::device::DeviceModel;
use wardline_sim::random::Random;

use super::{Stream, decode, faults};

/// What encloses the table in the document.
const BEGIN: &str = "<!-- conformance: begin -->\n";
const END: &str = "<!-- conformance: end -->\n";
/// The frame that is damaged, in the middle of three: one whose neighbours are there.
const DAMAGED: usize = 30;
/// Bytes of noise.
const NOISE: usize = 1 << 20;

/// What the vectors call each family.
const PROTOCOLS: [(&str, &[DeviceModel]); 13] = [
    ("nonin-df2", &[DeviceModel::NoninDf2]),
    ("nonin-df7", &[DeviceModel::NoninDf7]),
    ("nonin-df8", &[DeviceModel::NoninDf8]),
    ("nonin-df13", &[DeviceModel::NoninDf13]),
    ("contec-cms50-v7", &[DeviceModel::ContecV7]),
    ("bci-berry", &[DeviceModel::Bci]),
    ("masimo-ascii1", &[DeviceModel::MasimoAscii1]),
    ("nellcor-ascii", &[DeviceModel::Nellcor]),
    ("oridion-capnostream", &[DeviceModel::Capnostream]),
    ("ge-dri", &[DeviceModel::GeS5Dri]),
    ("draeger-medibus", &[DeviceModel::Medibus]),
    ("intellivue-mib", &[DeviceModel::Intellivue]),
    ("suntech-nibp", &[DeviceModel::SunTech]),
];

#[test]
fn the_table_of_the_document_is_what_was_counted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/devices.md");
    let document = fs::read_to_string(path).unwrap();
    let written = document.split(BEGIN).nth(1).and_then(|it| it.split(END).next());
    let table = table();
    println!("{table}");
    assert!(
        written == Some(&*table),
        "docs/devices.md has another table between its marks: put this one there:\n{table}"
    );
}

fn table() -> String {
    let mut table = "| `device` | vectors read | frames tried | accepted | one bit wrong: tried | refused | unseen | readings from 1 MiB of noise |\n\
        |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for stream in Stream::all() {
        let (_, counts) = decode(stream.model, &stream.bytes, 4096);
        let bits = one_bit_wrong(&stream);
        let vectors = vectors(stream.model);
        writeln!(
            table,
            "| `{}` | {vectors} | {} | {} | {} | {} | {} | {} |",
            stream.model,
            stream.ends.len(),
            counts.frames_good,
            bits.tried,
            bits.refused,
            bits.tried - bits.refused,
            noise(stream.model)
        )
        .unwrap();
    }
    table
}

/// What becomes of a frame each of whose bits is turned over in turn.
struct Bits {
    tried: u32,
    refused: u32,
}

fn one_bit_wrong(stream: &Stream) -> Bits {
    // Some frames before it and behind it, so that its driver is in step and finds its way again.
    let number = DAMAGED.min(stream.ends.len() / 2);
    let (first, last) = (number - number.min(6), (number + 6).min(stream.ends.len() - 1));
    let start = stream.frame(first).start;
    let part = &stream.bytes[start..stream.ends[last]];
    let frame = stream.frame(number);
    let (_, clean) = decode(stream.model, part, part.len());
    let mut bits = Bits { tried: 0, refused: 0 };
    for at in frame.start - start..frame.end - start {
        for bit in 0..8 {
            let mut damaged = part.to_vec();
            damaged[at] ^= 1 << bit;
            let (_, counts) = decode(stream.model, &damaged, damaged.len());
            bits.tried += 1;
            bits.refused += u32::from(counts.frames_good < clean.frames_good);
        }
    }
    bits
}

/// Readings that noise gives: with a checksum as many as it lets through, without one as many as look possible.
fn noise(model: DeviceModel) -> usize {
    let mut random = Random::new(1, 0);
    let bytes: Vec<u8> = (0..NOISE).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
    decode(model, &bytes, 4096).0.len()
}

/// Vectors of what this device says: those that are read, of all.
fn vectors(model: DeviceModel) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/vectors.json");
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (mut tried, mut read) = (0, 0);
    for vector in document["vectors"].as_array().unwrap() {
        let of_model =
            PROTOCOLS.iter().any(|(name, models)| vector["protocol"] == *name && models.contains(&model));
        let said = vector["expect"].get("cmd").is_none() && vector["id"] != "iv-fcs-1";
        if !of_model || !said {
            continue;
        }
        let bytes = match vector["hex"].as_str() {
            Some(hex) => hex.split_whitespace().map(|it| u8::from_str_radix(it, 16).unwrap()).collect(),
            None => vector["text"].as_str().unwrap().as_bytes().to_vec(),
        };
        let (readings, counts) = decode(model, &bytes, bytes.len());
        // One must be refused, and a few carry no number.
        let refused = vector["expect"].get("result").is_some();
        tried += 1;
        read += u32::from(if refused {
            readings.is_empty() && faults(counts) == 1
        } else {
            counts.frames_good > 0
        });
    }
    if tried == 0 { "none".into() } else { format!("{read} of {tried}") }
}
