//! Writes what the store's dictionary is trained on: one file a record, as a frame holds it. `tests/dictionary/train` runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use vitals::reading::Mode;
use vitals::time::Timestamp;
use wardline_agent::envelope::Envelope;
use wardline_tests::records::{self, Records, Unit};

/// What happens in the wards.
const SCENARIOS: [&str; 4] = ["stable", "desaturation", "probe-off", "tachycardia"];
/// Names as hospitals give them, each with how its sources are called: a dictionary for all knows the names of none.
const UNITS: [(&str, &str); 6] = [
    ("icu-3-pi-1", "monitor"),
    ("ward-7", "oximeter"),
    ("picu-1", "device"),
    ("ed-2", "wearable"),
    ("a4-north", "bed"),
    ("icu-1", "monitor"),
];
/// Every kind of record a device makes is wanted a few hundred times, and not the fastest device a thousand times.
const PER_SOURCE: usize = 60;

fn main() -> Result<()> {
    let dir = PathBuf::from(std::env::args().nth(1).context("say into which directory")?);
    let mut samples = Samples { dir, count: 0 };
    for (number, scenario) in (1..).zip(SCENARIOS.iter().cycle().take(12)) {
        let unit = unit(number);
        let ward = records::of_ward(&unit, scenario, 10, number, Duration::from_secs(420))?;
        samples.add(&ward)?;
    }
    samples.add(&records::of_recording(&unit(21))?)?;
    for number in [31, 32, 33] {
        let unit = Unit { mode: Mode::Live, ..unit(number) };
        let readings = records::of_eight_vitals(&unit, 16, number, 16)?.step_by(7).take(400).collect();
        samples.add(&Records { readings, ..Records::default() })?;
    }
    println!("{} samples in {}", samples.count, samples.dir.display());
    Ok(())
}

fn unit(number: u64) -> Unit {
    let (agent, source) = UNITS[usize::try_from(number).unwrap_or(0) % UNITS.len()];
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Unit {
        agent: agent.into(),
        run: format!("{:08x}-{:x}", mixed >> 32, mixed & 0xF_FFFF),
        source: source.into(),
        mode: if number % 3 == 0 { Mode::Simulated } else { Mode::Live },
        // Days and hours of a year.
        boot_at: Timestamp::from_micros(1_767_225_600_000_000 + i64::from((mixed >> 40) as u32) * 1_880_000)
            .unwrap_or(Timestamp::EPOCH),
    }
}

struct Samples {
    dir: PathBuf,
    count: usize,
}

impl Samples {
    fn add(&mut self, records: &Records) -> Result<()> {
        let mut keys: Vec<&str> = records.readings.iter().map(|it| &*it.key).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let of_source: Vec<_> = records.readings.iter().filter(|it| &*it.key == key).collect();
            let step = of_source.len().div_ceil(PER_SOURCE).max(1);
            for reading in of_source.into_iter().step_by(step) {
                self.write(&[reading.key.as_bytes(), shortened(reading)])?;
            }
        }
        records.alarms.iter().try_for_each(|it| self.write(&[it.key.as_bytes(), &it.body]))
    }

    fn write(&mut self, parts: &[&[u8]]) -> Result<()> {
        let path: &Path = &self.dir.join(format!("{:05}", self.count));
        self.count += 1;
        fs::write(path, parts.concat()).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A reading's body behind the beginning that entries leave out.
fn shortened(reading: &Envelope) -> &[u8] {
    let at = reading.body.windows(6).position(|it| it == br#""bed":"#);
    at.map_or(&reading.body[..], |it| &reading.body[it..])
}
