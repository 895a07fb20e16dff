//! The simulator's devices against our drivers: written from the vendors' documents by two hands that share no codec.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use vitals::device::{self, DeviceModel, Driver, Repeats};
use vitals::quantity::Quantity;
use vitals::reading::{Absent, Quality, Reading};
use vitals::time::{Timestamp, Uptime};
use wardline_sim::artefact::Voice;
use wardline_sim::device::{Device, Observation, Said};
use wardline_sim::patient::Patient;
use wardline_sim::scenario::Scenario;
use wardline_sim::ward::{Ward, Way, Ways};

/// Five minutes, ms: long enough for every scenario to begin, and for many cycles of the slowest device.
const LENGTH_MS: u64 = 300_000;

#[test]
fn what_a_simulated_device_says_is_what_its_driver_hears() -> Result<()> {
    let mut compared = BTreeMap::new();
    for scenario in ["stable", "desaturation", "probe-off", "tachycardia", "cardiac-arrest", "hypoxia"] {
        let scenario = Scenario::load(scenario)?;
        let mut ward = Ward::new(&scenario, 10, 7, Ways::Serial, Timestamp::EPOCH);
        let mut ends: Vec<End> = ward.beds.iter().map(|it| End::new(it.way)).collect::<Result<_>>()?;
        for now in (0..LENGTH_MS).step_by(10) {
            for (index, end) in ends.iter_mut().enumerate() {
                for request in end.ask(now) {
                    ward.handle_host_bytes(index, now, &request);
                }
            }
            while let Some((index, emission)) = ward.poll(now) {
                let end = &mut ends[index];
                end.hear(emission.at_ms, &emission.bytes);
                end.said.extend(emission.observation);
            }
        }
        for end in ends {
            *compared.entry(end.model).or_insert(0) += end.compare()?;
        }
    }
    println!("observations compared: {compared:?}");
    for model in wardline_sim::ward::SERIAL {
        // The slowest says something every five seconds.
        assert!(compared.get(&model).is_some_and(|it| *it >= 150), "{model}: {compared:?}");
    }
    Ok(())
}

/// The models that a ward has only where it is told to, how long each is heard, ms, and how much it says at least: a spot
/// check every five minutes, an answer of the cuff every 30 s.
const OTHERS: [(DeviceModel, u64, usize); 8] = [
    (DeviceModel::NoninDf13, 7_200_000, 20),
    (DeviceModel::NoninAscii, LENGTH_MS, 200),
    (DeviceModel::ContecV7, LENGTH_MS, 200),
    (DeviceModel::Bci, LENGTH_MS, 200),
    (DeviceModel::Nellcor, LENGTH_MS, 100),
    (DeviceModel::Capnostream, LENGTH_MS, 200),
    (DeviceModel::IvyAnsarB, LENGTH_MS, 200),
    (DeviceModel::SunTech, 1_800_000, 45),
];

/// Every trouble of sensors and devices within five minutes; `low_battery` ends in five minutes of silence.
const TROUBLES: [(&str, u32, u32); 10] = [
    ("motion", 20, 10),
    ("probe_off", 35, 20),
    ("low_perfusion", 60, 10),
    ("cuff_on_probe", 75, 60),
    ("lead_off", 140, 10),
    ("device_clock", 155, 10),
    ("cable_out", 170, 10),
    ("device_restart", 185, 12),
    ("twin", 205, 5),
    ("low_battery", 215, 20),
];

fn troubles() -> Result<Scenario> {
    let mut text =
        "about = \"Troubles.\"\nduration = \"5m\"\ncuff_every = \"1m\"\n[[patient]]\narterial_line = true\n"
            .to_owned();
    for (kind, at, lasts) in TROUBLES {
        writeln!(text, "[[artefact]]\nkind = \"{kind}\"\nat = \"{at}s\"\nlasts = \"{lasts}s\"")?;
    }
    Ok(Scenario::parse("troubles", &text)?)
}

#[test]
fn what_any_other_device_says_is_what_its_driver_hears() -> Result<()> {
    let mut scenarios = vec![troubles()?];
    for name in ["desaturation", "probe-off", "cardiac-arrest", "neonate-apnea", "opioid"] {
        scenarios.push(Scenario::load(name)?);
    }
    for (model, length_ms, least) in OTHERS {
        for (bed, scenario) in (0..).zip(&scenarios) {
            let mut patient = Patient::new(7, bed, scenario.course(7, bed));
            let mut device = Device::serial(model, Timestamp::EPOCH, bed + 1);
            let mut end = End::of(model);
            for now in (0..length_ms).step_by(10) {
                for request in end.ask(now) {
                    device.handle_host_bytes(now, &request);
                }
                while device.due().is_some_and(|due| due <= now) {
                    let emission = device.emit(&mut patient);
                    if let (Some(it), Voice::Speaks) = (emission, patient.now().device.voice) {
                        end.hear(it.at_ms, &it.bytes);
                        end.said.extend(it.observation);
                    }
                }
            }
            let compared = end.compare()?;
            println!("{model}, {}: {compared} observations compared", scenario.about);
            // In the first there are silences.
            assert!(compared >= if bed == 0 { least / 3 } else { least }, "{model}: {compared}");
        }
    }
    Ok(())
}

/// The host's end of one line, and what was said on it.
struct End {
    model: DeviceModel,
    driver: Box<dyn Driver>,
    /// What of a device that repeats itself is news, as a source sees it.
    repeats: Repeats,
    heard: Vec<Reading>,
    said: Vec<Observation>,
}

impl End {
    fn new(way: Way) -> Result<Self> {
        let Way::Serial(model) = way else { anyhow::bail!("a bed without a line") };
        Ok(Self::of(model))
    }

    fn of(model: DeviceModel) -> Self {
        let (driver, repeats) = (device::driver(model, model.period()), Repeats::new(model, model.period()));
        Self { model, driver, repeats, heard: Vec::new(), said: Vec::new() }
    }

    fn ask(&mut self, now: u64) -> Vec<Vec<u8>> {
        let now = Uptime::from_millis(now);
        if self.driver.poll_timeout().is_some_and(|at| at <= now) {
            self.driver.handle_timeout(now);
        }
        std::iter::from_fn(|| self.driver.poll_transmit()).collect()
    }

    fn hear(&mut self, at: u64, bytes: &[u8]) {
        let at = Uptime::ZERO + Duration::from_millis(at);
        self.driver.handle_bytes(at, bytes);
        while let Some(heard) = self.driver.poll_reading() {
            self.heard.extend(heard.ok().filter(|it| self.repeats.is_news(at, it)));
        }
    }

    /// Compares all that was heard with what was said; a driver may need a packet to find its place.
    fn compare(&self) -> Result<usize> {
        let counts = self.driver.counts();
        assert_eq!((counts.bad_checksum, counts.bad_length), (0, 0), "{}: {counts:?}", self.model);
        let first = self.said.len().checked_sub(self.heard.len());
        let first = first.with_context(|| format!("{}: more was heard than was said", self.model))?;
        assert!(first <= 3, "{}: {first} of {} were not heard", self.model, self.said.len());
        for (index, (said, heard)) in self.said[first..].iter().zip(&self.heard).enumerate() {
            let told = format!("{} number {index}: said {said:?}, heard {heard:?}", self.model);
            assert_eq!(said.vitals.len(), heard.measurements.len(), "{told}");
            for it in &heard.measurements {
                let said = said.vitals.get(&it.vital).with_context(|| told.clone())?;
                assert!(agree(*said, it.value, it.quality), "{told}");
            }
        }
        Ok(self.heard.len())
    }
}

fn agree(said: Said, value: Result<Quantity, Absent>, quality: Quality) -> bool {
    let sensor = value.is_err_and(Absent::is_sensor);
    match said {
        Said::Value(said) => value == Ok(said) && !quality.intersects(Quality::HELD),
        Said::Absent { sensor: by_sensor } => value.is_err() && by_sensor == sensor,
        Said::Held => value.is_err() || quality.intersects(Quality::HELD),
    }
}
