//! A ward on the virtual clock alone: no wire, no broker, no wait. What it says goes into tables, the truth and a
//! fingerprint.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use vitals::time::Timestamp;
use vitals::vital::Vital;

use crate::clock;
use crate::device::flat::off;
use crate::device::{Observation, Said};
use crate::scenario::Happening;
use crate::truth::{Statement, Writer};
use crate::ward::Ward;

/// The columns of a table: what any of our devices can say.
const COLUMNS: [Vital; 17] = [
    Vital::HeartRate,
    Vital::PulseRate,
    Vital::Spo2,
    Vital::PerfusionIndex,
    Vital::RespRate,
    Vital::RespRateImpedance,
    Vital::RespRateCo2,
    Vital::NibpSystolic,
    Vital::NibpDiastolic,
    Vital::NibpMean,
    Vital::AbpSystolic,
    Vital::AbpDiastolic,
    Vital::AbpMean,
    Vital::Temperature,
    Vital::Etco2,
    Vital::Fico2,
    Vital::St1,
];

/// The bytes of a run, in one number: the same only if all are the same, in the same order, at the same times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of nothing.
    #[must_use]
    pub const fn new() -> Self {
        // FNV-1a, in words of eight bytes.
        Self(0xCBF2_9CE4_8422_2325)
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.0 = (self.0 ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        // Where one message ends and the next begins is part of it.
        self.0 = (self.0 ^ bytes.len() as u64).wrapping_mul(0x0000_0100_0000_01B3);
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Tables of numbers, one a bed, as `wardline-agent replay` reads them.
#[derive(Debug)]
pub struct Tables {
    files: Vec<BufWriter<File>>,
}

impl Tables {
    /// Begins a table for each bed: `DIR/BED.csv`.
    pub fn create(dir: &Path, ward: &Ward) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let begin = |bed: &crate::ward::Bed| {
            let mut file = BufWriter::new(File::create(dir.join(format!("{}.csv", bed.id)))?);
            let names = COLUMNS.map(Vital::name).join(",");
            writeln!(file, "t,{names}")?;
            Ok(file)
        };
        Ok(Self { files: ward.beds.iter().map(begin).collect::<io::Result<_>>()? })
    }

    fn row(&mut self, bed: usize, at: Timestamp, observation: &Observation) -> io::Result<()> {
        let Some(file) = self.files.get_mut(bed) else { return Ok(()) };
        write!(file, "{at}")?;
        for vital in COLUMNS {
            match observation.vitals.get(&vital) {
                None => write!(file, ",")?,
                Some(Said::Value(value)) => write!(file, ",{value}")?,
                Some(Said::Absent { sensor: true }) => write!(file, ",{}", off(vital))?,
                Some(Said::Absent { sensor: false }) => write!(file, ",searching")?,
                Some(Said::Held) => write!(file, ",invalid")?,
            }
        }
        writeln!(file)
    }
}

/// Where what is said goes.
#[derive(Debug, Default)]
pub struct Sinks {
    /// The tables.
    pub tables: Option<Tables>,
    /// The truth.
    pub truth: Option<Writer>,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Beds.
    pub beds: u64,
    /// How long it lasted by its own clock, ms.
    pub lasted_ms: u64,
    /// What was said: observations, and bytes.
    pub said: u64,
    /// Bytes.
    pub bytes: u64,
    /// All of them in one number.
    pub fingerprint: Fingerprint,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { beds, said, bytes, fingerprint, .. } = self;
        let millis = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX).max(1);
        let (seconds, bed_ms) = (self.lasted_ms / 1000, beds * self.lasted_ms);
        write!(
            f,
            "{beds} beds, {seconds} s each: {said} observations, {bytes} bytes, fingerprint {fingerprint}; {}.{:03} s, \
             {} bed-hours/s",
            millis / 1000,
            millis % 1000,
            bed_ms / 3600 / millis,
        )
    }
}

/// Plays until `end_ms`; `start` is the wall clock at simulated time 0.
pub fn play(
    mut ward: Ward,
    end_ms: u64,
    start: Timestamp,
    happenings: Vec<Happening>,
    sinks: Sinks,
) -> io::Result<Summary> {
    let begin = clock::now();
    let beds = ward.beds.len() as u64;
    let Sinks { mut tables, mut truth } = sinks;
    let (mut said, mut bytes, mut fingerprint) = (0, 0, Fingerprint::new());
    let mut happenings = happenings.into_iter().peekable();
    while let Some((index, emission)) = ward.poll(end_ms) {
        while let Some(it) = happenings.next_if(|it| it.at_ms <= emission.at_ms) {
            let bed = usize::try_from(it.bed).ok().and_then(|bed| ward.beds.get(bed));
            if let (Some(truth), Some(bed)) = (&mut truth, bed) {
                truth.happen(wall_ms(start, it.at_ms), &bed.id, &it.words)?;
            }
        }
        fingerprint.add(&(index as u64).to_le_bytes());
        fingerprint.add(&emission.at_ms.to_le_bytes());
        fingerprint.add(&emission.bytes);
        bytes += emission.bytes.len() as u64;
        let Some(observation) = emission.observation else { continue };
        said += 1;
        let at_ms = wall_ms(start, emission.at_ms);
        if let Some(tables) = &mut tables {
            let at = Timestamp::from_micros(at_ms * 1000).unwrap_or(start);
            tables.row(index, at, &observation)?;
        }
        if let (Some(truth), Some(bed)) = (&mut truth, ward.beds.get(index)) {
            truth.say(&Statement {
                source: bed.source.clone(),
                bed: bed.id.clone(),
                at_ms,
                seq: observation.seq,
                vitals: observation.vitals,
                doubtful: emission.doubtful,
                repeats: bed.way.repeats_itself(),
                every_ms: bed.way.every_ms(),
            })?;
        }
    }
    for file in tables.iter_mut().flat_map(|it| &mut it.files) {
        file.flush()?;
    }
    if let Some(truth) = truth {
        truth.end(wall_ms(start, end_ms))?;
    }
    Ok(Summary { beds, lasted_ms: end_ms, said, bytes, fingerprint, took: begin.elapsed() })
}

/// A moment of simulated time on the wall clock, ms.
fn wall_ms(start: Timestamp, at_ms: u64) -> i64 {
    start.as_micros() / 1000 + i64::try_from(at_ms).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::truth::{self, Start};
    use crate::ward::Ways;

    fn start() -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000).unwrap()
    }

    fn played(scenario: &str, seed: u64, ways: Ways, sinks: Sinks) -> Summary {
        let scenario = Scenario::load(scenario).unwrap();
        let ward = Ward::new(&scenario, 6, seed, ways, start());
        play(ward, 600_000, start(), scenario.happenings(seed, 6), sinks).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_on_every_machine() {
        // The known seeds were played once and written down; they change with the simulator, never with the machine.
        let known = [
            ("stable", Ways::Mqtt, "023aca9c8f477ea8"),
            ("artefacts", Ways::Both, "258636d976b00bd1"),
            ("line-faults", Ways::Serial, "653b73fe22ed315a"),
            ("haemorrhage", Ways::Both, "d952a8084686b05a"),
        ];
        let mut found = Vec::new();
        for (scenario, ways, _) in known {
            let (a, b) =
                (played(scenario, 7, ways, Sinks::default()), played(scenario, 7, ways, Sinks::default()));
            assert_eq!(a.fingerprint, b.fingerprint, "{scenario}");
            assert_ne!(a.fingerprint, played(scenario, 8, ways, Sinks::default()).fingerprint, "{scenario}");
            println!("{scenario}: {a}");
            found.push((scenario, ways, a.fingerprint.to_string()));
        }
        let known = known.map(|(scenario, ways, print)| (scenario, ways, print.to_owned()));
        assert_eq!(found, known);
    }

    #[test]
    fn tables_and_truth_say_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let scenario = Scenario::load("artefacts").unwrap();
        let ward = Ward::new(&scenario, 2, 7, Ways::Mqtt, start());
        let path = dir.path().join("truth.jsonl");
        let writer =
            Writer::create(&path, &Start { scenario: "artefacts".into(), seed: 7, beds: 2 }, 0).unwrap();
        let sinks = Sinks { tables: Some(Tables::create(dir.path(), &ward).unwrap()), truth: Some(writer) };
        let summary = play(ward, 900_000, start(), scenario.happenings(7, 2), sinks).unwrap();
        let said = truth::read(&path).unwrap();
        assert_eq!(said.len() as u64, summary.said);
        let table = fs::read_to_string(dir.path().join("sim-ward-01.csv")).unwrap();
        let rows: Vec<&str> = table.lines().skip(1).collect();
        let of_bed: Vec<&Statement> = said.iter().filter(|it| it.bed == "sim-ward-01").collect();
        assert_eq!(rows.len(), of_bed.len());
        assert!(table.contains(",sensor_off,") && table.contains(",lead_off,"), "{}", &table[..2000]);
        for (row, said) in rows.iter().zip(of_bed) {
            let cell = row.split(',').nth(1).unwrap();
            match said.vitals[&Vital::HeartRate] {
                Said::Value(value) => assert_eq!(cell, value.to_string()),
                Said::Absent { .. } | Said::Held => assert_eq!(cell, "lead_off"),
            }
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""kind":"event""#) && text.contains("Motion for 40 s"));
    }
}
