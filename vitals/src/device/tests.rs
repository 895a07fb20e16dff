//! Every driver against recorded bytes, the vectors of the documents, any split of a stream, noise and damage.

mod corpus;
mod damage;
mod differential;
mod notices;
mod samples;
mod talk;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;

use super::{Counts, DeviceModel, Driver, Fault};
use crate::notice::Notice;
use crate::reading::{Absent, Reading};
use crate::time::Uptime;
use crate::vital::Vital;

fn capture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/captures").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn driver(model: DeviceModel) -> Box<dyn Driver> {
    super::driver(model, model.period())
}

/// The readings and faults that come out of a stream, given in pieces of these lengths, over and over.
fn decode(model: DeviceModel, bytes: &[u8], pieces: &[usize]) -> (Vec<Result<Reading, Fault>>, Counts) {
    let Heard { outcomes, counts, .. } = hear(model, bytes, pieces);
    (outcomes, counts)
}

/// Everything that comes out of a stream.
#[derive(Debug, PartialEq)]
struct Heard {
    outcomes: Vec<Result<Reading, Fault>>,
    notices: Vec<Notice>,
    counts: Counts,
}

fn hear(model: DeviceModel, bytes: &[u8], pieces: &[usize]) -> Heard {
    let mut driver = driver(model);
    let (mut outcomes, mut notices) = (Vec::new(), Vec::new());
    let mut rest = bytes;
    for piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*piece).clamp(1, rest.len()));
        driver.handle_bytes(Uptime::ZERO, now);
        rest = later;
        outcomes.extend(core::iter::from_fn(|| driver.poll_reading()));
        notices.extend(core::iter::from_fn(|| driver.poll_notice()));
    }
    driver.handle_end();
    outcomes.extend(core::iter::from_fn(|| driver.poll_reading()));
    notices.extend(core::iter::from_fn(|| driver.poll_notice()));
    Heard { outcomes, notices, counts: driver.counts() }
}

fn readings(model: DeviceModel, bytes: &[u8]) -> Vec<Reading> {
    decode(model, bytes, &[bytes.len()]).0.into_iter().filter_map(Result::ok).collect()
}

/// A vital of a reading: its value as text, or the reason in brackets, or nothing.
fn said(reading: &Reading, vital: Vital) -> String {
    match reading.measurements.iter().find(|it| it.vital == vital).map(|it| it.value) {
        Some(Ok(value)) => value.to_string(),
        Some(Err(reason)) => alloc::format!("({})", reason.name()),
        None => String::new(),
    }
}

struct Vector {
    id: String,
    bytes: Vec<u8>,
    expect: Value,
}

fn vectors() -> Vec<Vector> {
    let document: Value = serde_json::from_slice(&capture("vectors.json")).unwrap();
    let text = |it: &Value, key: &str| it[key].as_str().map(ToString::to_string);
    document["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| {
            let bytes = match text(it, "hex") {
                Some(hex) => hex.split_whitespace().map(|it| u8::from_str_radix(it, 16).unwrap()).collect(),
                None => text(it, "text")?.into_bytes(),
            };
            Some(Vector { id: text(it, "id")?, bytes, expect: it["expect"].clone() })
        })
        .collect()
}

fn vector(id: &str) -> Vector {
    vectors().into_iter().find(|it| it.id == id).unwrap_or_else(|| panic!("no vector {id}"))
}

/// The vectors of what a device says, and the format of each.
const VECTORS: [(&str, DeviceModel); 22] = [
    ("nonin-df2-ok", DeviceModel::NoninDf2),
    ("nonin-df2-badsum", DeviceModel::NoninDf2),
    ("nonin-df7-ok", DeviceModel::NoninDf7),
    ("nonin-df7-off", DeviceModel::NoninDf7),
    ("nonin-df8-ok", DeviceModel::NoninDf8),
    ("nonin-df8-missing", DeviceModel::NoninDf8),
    ("nonin-df13-spot", DeviceModel::NoninDf13),
    ("contec-v7-real", DeviceModel::ContecV7),
    ("contec-v7-off", DeviceModel::ContecV7),
    ("bci-ok", DeviceModel::Bci),
    ("bci-off", DeviceModel::Bci),
    ("masimo-ok", DeviceModel::MasimoAscii1),
    ("masimo-nosensor", DeviceModel::MasimoAscii1),
    ("nellcor-row", DeviceModel::Nellcor),
    ("nellcor-disconnect", DeviceModel::Nellcor),
    ("cap-numerics", DeviceModel::Capnostream),
    ("dri-real-phdb", DeviceModel::GeS5Dri),
    ("suntech-cuff150", DeviceModel::SunTech),
    ("medibus-icc-resp", DeviceModel::Medibus),
    ("medibus-cp1-resp", DeviceModel::Medibus),
    ("iv-poll-spo2-pr", DeviceModel::Intellivue),
    ("iv-poll-nibp-badspo2", DeviceModel::Intellivue),
];

#[test]
fn the_vectors_of_the_documents() {
    for (id, model) in VECTORS {
        let Vector { bytes, expect, .. } = vector(id);
        let (_, counts) = decode(model, &bytes, &[bytes.len()]);
        let found = readings(model, &bytes);
        if expect.get("result").is_some() {
            assert!(found.is_empty(), "{id} must be rejected, and gave {found:?}");
            assert_eq!((counts.frames_good, counts.bad_checksum), (24, 1), "{id}");
            continue;
        }
        if expect.get("cuff_mmHg").is_some() || expect.get("resp").is_some() {
            assert_eq!((counts.frames_good, found.len()), (1, 0), "{id}");
            continue;
        }
        let [reading] = found.as_slice() else { panic!("{id} gave {} readings", found.len()) };
        let hr = if model == DeviceModel::GeS5Dri { Vital::HeartRate } else { Vital::PulseRate };
        let rr = [(DeviceModel::GeS5Dri, Vital::RespRateImpedance), (DeviceModel::Medibus, Vital::RespRate)];
        let rr = rr.iter().find(|(it, _)| *it == model).map_or(Vital::RespRateCo2, |(_, vital)| *vital);
        observed(id, &expect, reading);
        for (key, vital) in [
            ("hr", hr),
            ("pr", Vital::PulseRate),
            ("spo2", Vital::Spo2),
            ("pi", Vital::PerfusionIndex),
            ("etco2_mmHg", Vital::Etco2),
            ("fico2", Vital::Fico2),
            ("rr", rr),
            ("imp_rr", rr),
            ("co2_rr", Vital::RespRateCo2),
            ("pulse", Vital::PulseRate),
            ("peak_pressure", Vital::AirwayPressurePeak),
            ("peep", Vital::Peep),
        ] {
            match &expect[key] {
                Value::Number(number) => {
                    assert_eq!(said(reading, vital), number.to_string().trim_end_matches(".0"), "{id} {key}");
                }
                Value::Null if expect.get(key).is_some() => {
                    assert!(said(reading, vital).starts_with('('), "{id} {key}: {}", said(reading, vital));
                }
                Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {}
            }
        }
        let time =
            ["local_time", "time", "abs_time"].iter().find_map(|it| expect.get(*it)).and_then(Value::as_str);
        if let Some(time) = time {
            assert_eq!(reading.device_time.unwrap().to_string(), time, "{id}");
        }
    }
}

/// The observed values of IntelliVue's vectors: by their MDC number, or as a cuff's three.
fn observed(id: &str, expect: &Value, reading: &Reading) {
    for it in expect["obs"].as_array().into_iter().flatten() {
        let vital = match it["physio"].as_str() {
            Some("4BB8") => Vital::Spo2,
            Some("4822") => Vital::PulseRate,
            _ => Vital::NibpSystolic,
        };
        if let Some(number) = it["value"].as_number() {
            assert_eq!(said(reading, vital), number.to_string().trim_end_matches(".0"), "{id}");
        } else if vital == Vital::Spo2 {
            assert_eq!(said(reading, vital), "(not_measured)", "{id}");
        } else {
            let cuff = [Vital::NibpSystolic, Vital::NibpDiastolic, Vital::NibpMean];
            assert_eq!(cuff.map(|it| said(reading, it)), ["120", "80", "93"], "{id}");
        }
    }
}

#[test]
fn every_vector_of_a_device_we_speak_to_is_tried() {
    let foreign = [
        "nonin-setfmt",
        "-cmd-",
        "-req-",
        "-poll",
        "-aarq",
        "-float-",
        "alaris",
        "medibus-icc",
        "medibus-cp1",
        "medibus-stop",
        "iv-fcs",
        "cap-enable",
        "cap-start",
        "suntech-getbp",
    ];
    for vector in vectors() {
        let tried = VECTORS.iter().any(|(id, _)| *id == vector.id);
        assert!(tried || foreign.iter().any(|it| vector.id.contains(it)), "{} is not tried", vector.id);
    }
}

#[test]
fn status_bits_say_why_there_is_no_value() {
    let of = |id: &str, model| readings(model, &vector(id).bytes).remove(0).measurements[1].value;
    assert_eq!(of("nonin-df7-off", DeviceModel::NoninDf7), Err(Absent::SensorOff));
    assert_eq!(of("nonin-df8-missing", DeviceModel::NoninDf8), Err(Absent::SensorOff));
    assert_eq!(of("masimo-nosensor", DeviceModel::MasimoAscii1), Err(Absent::SensorFault));
    assert_eq!(of("contec-v7-off", DeviceModel::ContecV7), Err(Absent::SensorOff));
    assert_eq!(of("bci-off", DeviceModel::Bci), Err(Absent::SensorOff));
    assert_eq!(of("nellcor-disconnect", DeviceModel::Nellcor), Err(Absent::SensorFault));
}

#[test]
fn the_recorded_monitor_gives_the_numbers_beside_it() {
    let bytes = capture("ge_s5_db02.raw");
    let (outcomes, counts) = decode(DeviceModel::GeS5Dri, &bytes, &[4096]);
    let expected = Counts { frames_good: 213, observations: 107, ..Counts::default() };
    assert_eq!(counts, expected);
    let readings: Vec<Reading> = outcomes.into_iter().filter_map(Result::ok).collect();
    let csv = String::from_utf8(capture("ge_s5_db02_numerics_1hz.csv")).unwrap();
    let columns = [
        Vital::HeartRate,
        Vital::RespRateImpedance,
        Vital::Spo2,
        Vital::PulseRate,
        Vital::PerfusionIndex,
        Vital::NibpSystolic,
        Vital::NibpDiastolic,
        Vital::NibpMean,
        Vital::Etco2,
        Vital::RespRateCo2,
    ];
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    assert_eq!(rows.len(), readings.len());
    for (row, reading) in rows.iter().zip(&readings) {
        let mut cells = row.split(',');
        let seconds: i64 = cells.next().unwrap().parse().unwrap();
        assert_eq!(reading.device_time.unwrap().as_millis(), seconds * 1000);
        for (vital, cell) in columns.into_iter().zip(cells) {
            assert_eq!(said(reading, vital), cell.trim_end_matches(".0"), "{} in {row}", vital.name());
        }
    }
}

/// A stream of good records of a model.
fn stream(model: DeviceModel) -> Vec<u8> {
    samples::records(model, 6).concat()
}

#[test]
fn a_line_without_an_end_and_noise_stay_bounded_and_are_counted() {
    let noise = "x".repeat(10 << 20);
    let (outcomes, counts) = decode(DeviceModel::MasimoAscii1, noise.as_bytes(), &[4096]);
    assert_eq!((outcomes.len(), counts.bad_length), (1, 1));
    let mut bytes = noise.into_bytes();
    bytes.push(b'\n');
    bytes.extend(stream(DeviceModel::MasimoAscii1));
    assert_eq!(readings(DeviceModel::MasimoAscii1, &bytes).len(), 6);
}

#[test]
fn lost_bytes_cost_the_packet_they_were_in_and_at_most_the_next() {
    for model in [DeviceModel::NoninDf2, DeviceModel::NoninDf7] {
        for lost in 125..250 {
            let mut bytes = stream(model);
            bytes.remove(lost);
            let (outcomes, counts) = decode(model, &bytes, &[7]);
            let good = outcomes.iter().filter(|it| it.is_ok()).count();
            assert!(good >= 4, "{model} without byte {lost}: {good} packets");
            assert_eq!(counts.fragments + counts.bad_checksum, 1, "{model} without byte {lost}: {counts:?}");
        }
    }
}

fn model() -> impl Strategy<Value = DeviceModel> {
    proptest::sample::select(DeviceModel::ALL.to_vec())
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        model in model(),
        pieces in proptest::collection::vec(1_usize..400, 1..20),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = [stream(model), notices::stream(model)].concat();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        prop_assert_eq!(hear(model, &bytes, &pieces), hear(model, &bytes, &[bytes.len()]));
    }

    #[test]
    fn never_panics_on_noise(model in model(), bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let _ = decode(model, &bytes, &[3]);
    }
}
