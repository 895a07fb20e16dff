//! What a line does to a device, and the driver that must find its place again.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use vitals::device::{self, DeviceModel};
use vitals::reading::Reading;
use vitals::time::Timestamp;
use wardline_sim::device::{Emission, Observation};
use wardline_sim::scenario::Scenario;
use wardline_sim::ward::{Fleet, Ward, Ways};

use super::{End, agree};

/// A driver may need so long for the first reading behind the beginning, and for any one, ms.
const SOON_MS: u64 = 10_000;

#[test]
fn a_driver_hears_all_that_was_said_for_sure_whatever_has_happened_to_its_line() -> Result<()> {
    let scenario = Scenario::load("line-faults")?;
    let models = DeviceModel::ALL;
    let fleet = Fleet::new(Ways::Serial, &models);
    let mut ward = Ward::with(&scenario, u64::try_from(models.len())?, 7, &fleet, Timestamp::EPOCH);
    let mut lines: Vec<Line> =
        ward.beds.iter().map(|it| Ok(Line::new(End::new(it.way)?))).collect::<Result<_>>()?;
    for now in (0..scenario.duration_ms).step_by(10) {
        for (index, line) in lines.iter_mut().enumerate() {
            line.plug(ward.is_plugged(index, now));
            for request in line.ask(now) {
                ward.handle_host_bytes(index, now, &request);
            }
        }
        while let Some((index, emission)) = ward.poll(now) {
            lines[index].carry(emission);
        }
    }
    let mut rejected = BTreeMap::new();
    for line in lines {
        let (model, sure) = (line.end.model, line.said.iter().filter(|it| !it.doubtful).count());
        println!(
            "{model}: {} said, {sure} for sure, {} heard, {} damaged",
            line.said.len(),
            line.heard.len(),
            line.damaged
        );
        assert!(sure < line.said.len(), "{model}: nothing has happened");
        assert!(sure > 0, "{model}: nothing was said for sure");
        assert_eq!(line.unheard(), Vec::<String>::new(), "{model}");
        rejected.insert(model, line.damaged);
    }
    assert!(rejected[&DeviceModel::GeS5Dri] > 0 && rejected[&DeviceModel::NoninDf7] > 0, "{rejected:?}");
    Ok(())
}

/// A line with its two ends: what left on one, what arrived at the other.
struct Line {
    end: End,
    plugged: bool,
    said: Vec<Said>,
    heard: Vec<(u64, Reading)>,
    /// Frames that the driver could not use.
    damaged: u64,
}

struct Said {
    at_ms: u64,
    observation: Observation,
    doubtful: bool,
}

impl Line {
    fn new(end: End) -> Self {
        Self { end, plugged: true, said: Vec::new(), heard: Vec::new(), damaged: 0 }
    }

    /// A line that is plugged in again is another one: the agent gives it a new driver.
    fn plug(&mut self, plugged: bool) {
        if plugged && !self.plugged {
            self.count();
            self.end.driver = device::driver(self.end.model, self.end.model.period());
        }
        self.plugged = plugged;
    }

    fn ask(&mut self, now: u64) -> Vec<Vec<u8>> {
        if self.plugged { self.end.ask(now) } else { Vec::new() }
    }

    fn carry(&mut self, emission: Emission) {
        if !self.plugged {
            return;
        }
        let Emission { at_ms, doubtful, .. } = emission;
        self.end.hear(at_ms, &emission.bytes);
        self.heard.extend(self.end.heard.drain(..).map(|it| (at_ms, it)));
        self.said.extend(emission.observation.map(|observation| Said { at_ms, observation, doubtful }));
        self.count();
    }

    fn count(&mut self) {
        let counts = self.end.driver.counts();
        self.damaged = self.damaged.max(counts.bad_checksum + counts.bad_length + counts.fragments);
    }

    /// What was said for sure, and not heard in its order.
    fn unheard(&self) -> Vec<String> {
        let mut heard = self.heard.iter();
        let mut unheard = Vec::new();
        for it in self.said.iter().filter(|it| !it.doubtful && it.at_ms > SOON_MS) {
            let before = heard.clone();
            let is = |(at, reading): &&(u64, Reading)| {
                (it.at_ms..=it.at_ms + SOON_MS).contains(at) && says(reading, &it.observation)
            };
            if heard.find(is).is_none() {
                heard = before;
                let at = Duration::from_millis(it.at_ms);
                unheard.push(format!("at {at:?}: {:?}", it.observation.vitals));
            }
        }
        unheard
    }
}

fn says(reading: &Reading, said: &Observation) -> bool {
    let same = |it: &vitals::reading::Measurement| {
        said.vitals.get(&it.vital).is_some_and(|said| agree(*said, it.value, it.quality))
    };
    reading.measurements.len() == said.vitals.len() && reading.measurements.iter().all(same)
}
