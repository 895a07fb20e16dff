//! The simulator's devices against our drivers: written from the vendors' documents by two hands that share no codec.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use vitals::device::{self, DeviceModel, Driver};
use vitals::quantity::Quantity;
use vitals::reading::{Absent, Quality, Reading};
use vitals::time::{Timestamp, Uptime};
use wardline_sim::device::{Observation, Said};
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

/// The host's end of one line, and what was said on it.
struct End {
    model: DeviceModel,
    driver: Box<dyn Driver>,
    heard: Vec<Reading>,
    said: Vec<Observation>,
}

impl End {
    fn new(way: Way) -> Result<Self> {
        let Way::Serial(model) = way else { anyhow::bail!("a bed without a line") };
        Ok(Self { model, driver: device::driver(model, model.period()), heard: Vec::new(), said: Vec::new() })
    }

    fn ask(&mut self, now: u64) -> Vec<Vec<u8>> {
        let now = Uptime::from_millis(now);
        if self.driver.poll_timeout().is_some_and(|at| at <= now) {
            self.driver.handle_timeout(now);
        }
        std::iter::from_fn(|| self.driver.poll_transmit()).collect()
    }

    fn hear(&mut self, at: u64, bytes: &[u8]) {
        self.driver.handle_bytes(Uptime::ZERO + Duration::from_millis(at), bytes);
        self.heard.extend(std::iter::from_fn(|| self.driver.poll_reading()).filter_map(Result::ok));
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
    let sensor = matches!(value, Err(Absent::SensorOff | Absent::SensorFault));
    match said {
        Said::Value(said) => value == Ok(said) && !quality.intersects(Quality::HELD),
        Said::Absent { sensor: by_sensor } => value.is_err() && by_sensor == sensor,
        Said::Held => value.is_err() || quality.intersects(Quality::HELD),
    }
}
