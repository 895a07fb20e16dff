//! `decode`: recorded bytes of a device in, one JSON line per observation out. Needs no configuration and no daemon.
//!
//! A recording has no clock, so the driver is told that no time passes: what it would ask the device is not sent.

mod notices;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use vitals::device::{self, Counts, DeviceModel, Driver};
use vitals::notice::Notices;
use vitals::reading::Reading;
use vitals::record::reading::VitalRecord;
use vitals::time::{DeviceTime, Uptime};

/// Bytes taken at once.
const CHUNK: usize = 64 * 1024;

/// What `decode` is asked to do.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// What spoke: a model of docs/devices.md, as ge-s5-dri
    #[arg(long, value_name = "MODEL", value_parser = parse_model)]
    pub device: DeviceModel,
    /// How the counters are told on standard error; `json`: the last line is one JSON object
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text)]
    pub summary: SummaryFormat,
    /// The bytes; `-` reads standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
}

/// How counters are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SummaryFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Why nothing, or not everything, could be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes cannot be read.
    #[error("cannot read {}", .path.display())]
    Input {
        /// From where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The observations cannot be written.
    #[error("cannot write the observations")]
    Output(#[source] io::Error),
    /// Nothing in it is of that device.
    #[error(
        "{} holds nothing that a {device} says: is it another device (--device), or was the line set wrongly when it was recorded?",
        .path.display()
    )]
    NothingFound {
        /// Where.
        path: PathBuf,
        /// What was looked for.
        device: DeviceModel,
    },
}

/// One observation, as decoded.
#[derive(Serialize)]
struct Decoded {
    device: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_time: Option<DeviceTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_seq: Option<u64>,
    vitals: Vec<VitalRecord>,
}

/// Writes the observations to `out`, and the counters to `talk`.
///
/// A reader who goes away, as `head` does, ends it without an error.
pub fn run(arguments: &Arguments, out: &mut impl Write, talk: &mut impl Write) -> Result<(), DecodeError> {
    let input = |source| DecodeError::Input { path: arguments.file.clone(), source };
    let mut bytes = open(&arguments.file).map_err(input)?;
    let mut driver = device::driver(arguments.device, arguments.device.period());
    let mut notices = Notices::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = bytes.read(&mut chunk).map_err(input)?;
        if count == 0 {
            break;
        }
        driver.handle_bytes(Uptime::ZERO, chunk.get(..count).unwrap_or_default());
        notices::take(&mut notices, driver.as_mut());
        if write_all(out, arguments.device, driver.as_mut())? == Reader::Gone {
            return Ok(());
        }
    }
    driver.handle_end();
    notices::take(&mut notices, driver.as_mut());
    if write_all(out, arguments.device, driver.as_mut())? == Reader::Gone {
        return Ok(());
    }
    match out.flush() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        flushed => flushed.map_err(DecodeError::Output)?,
    }
    let counts = driver.counts();
    // Counters that nobody can read take nothing away from the observations.
    let _ = tell(talk, counts, &notices, arguments.summary);
    if counts.frames_good == 0 && counts.observations == 0 {
        return Err(DecodeError::NothingFound { path: arguments.file.clone(), device: arguments.device });
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path == Path::new("-") { Ok(Box::new(io::stdin().lock())) } else { Ok(Box::new(File::open(path)?)) }
}

/// Whether anybody reads the observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

fn write_all(
    out: &mut impl Write,
    device: DeviceModel,
    driver: &mut dyn Driver,
) -> Result<Reader, DecodeError> {
    while let Some(outcome) = driver.poll_reading() {
        // Faults are in the counters.
        let Ok(reading) = outcome else { continue };
        match write(out, device, &reading) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Reader::Gone),
            written => written.map_err(DecodeError::Output)?,
        }
    }
    Ok(Reader::There)
}

fn write(out: &mut impl Write, device: DeviceModel, reading: &Reading) -> io::Result<()> {
    let decoded = Decoded {
        device: device.name(),
        device_time: reading.device_time,
        device_seq: reading.device_seq,
        vitals: reading.measurements.iter().map(VitalRecord::from).collect(),
    };
    serde_json::to_writer(&mut *out, &decoded)?;
    out.write_all(b"\n")
}

fn tell(talk: &mut impl Write, counts: Counts, notices: &Notices, format: SummaryFormat) -> io::Result<()> {
    if format == SummaryFormat::Text {
        notices::tell(notices, talk)?;
    }
    match format {
        SummaryFormat::Json => writeln!(talk, "{}", serde_json::to_string(&counts)?),
        SummaryFormat::Text => writeln!(
            talk,
            "{} observations from {} good frames; {} with a bad checksum, {} with a bad length, {} fragments, {} bytes skipped",
            counts.observations,
            counts.frames_good,
            counts.bad_checksum,
            counts.bad_length,
            counts.fragments,
            counts.skipped_bytes
        ),
    }
}

pub(crate) fn parse_model(text: &str) -> Result<DeviceModel, String> {
    DeviceModel::from_name(text).ok_or_else(|| {
        let names = DeviceModel::ALL.map(DeviceModel::name).join(", ");
        format!("there is no such device: write one of {names}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/captures/ge_s5_db02.raw");

    fn decode(device: DeviceModel, file: &Path) -> (Result<(), DecodeError>, String, String) {
        let arguments = Arguments { device, summary: SummaryFormat::Json, file: file.into() };
        let (mut out, mut talk) = (Vec::new(), Vec::new());
        let outcome = run(&arguments, &mut out, &mut talk);
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(talk).unwrap())
    }

    #[test]
    fn a_recorded_monitor_is_decoded_and_counted() {
        let (outcome, out, talk) = decode(DeviceModel::GeS5Dri, Path::new(CAPTURE));
        outcome.unwrap();
        let counts: serde_json::Value = serde_json::from_str(talk.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&counts["frames_good"], &counts["bad_checksum"], &counts["bad_length"], &counts["observations"]),
            (&213.into(), &0.into(), &0.into(), &107.into())
        );
        let lines: Vec<serde_json::Value> = out.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        assert_eq!(lines.len(), 107);
        for line in &lines {
            assert_eq!(line["device"], "ge-s5-dri");
            assert!(line["vitals"].as_array().unwrap().iter().all(|it| it["unit"].is_string()), "{line}");
        }
    }

    #[test]
    fn what_another_device_said_is_refused_in_words() {
        let (outcome, out, talk) = decode(DeviceModel::MasimoAscii1, Path::new(CAPTURE));
        assert!(outcome.unwrap_err().to_string().contains("--device"), "{out}");
        assert!(out.is_empty() && talk.contains("skipped_bytes"), "{talk}");
        let (outcome, ..) = decode(DeviceModel::MasimoAscii1, Path::new("/none"));
        assert!(matches!(outcome, Err(DecodeError::Input { .. })));
    }

    #[test]
    fn models_are_named_when_one_is_unknown() {
        let words = parse_model("nonin").unwrap_err();
        assert!(words.contains("nonin-df7") && words.contains("ge-s5-dri"), "{words}");
    }
}
