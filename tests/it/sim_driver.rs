//! The simulator's devices against our drivers: written from the vendors' documents by two hands that share no codec.

mod faults;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result};
use vitals::device::{self, DeviceModel, Driver, Repeats};
use vitals::quantity::Quantity;
use vitals::reading::{Absent, Measurement, Quality, Reading};
use vitals::time::{Timestamp, Uptime};
use wardline_sim::artefact::Voice;
use wardline_sim::device::intellivue::Intellivue;
use wardline_sim::device::medibus::Medibus;
use wardline_sim::device::{Device, Observation, Said};
use wardline_sim::patient::Patient;
use wardline_sim::scenario::Scenario;
use wardline_sim::ward::{Beside, Fleet, Ward, Way, Ways};

/// Five minutes, ms: long enough for every scenario to begin, and for many cycles of the slowest device.
const LENGTH_MS: u64 = 300_000;
/// What comes between a driver and a device, one after the other; seeds vary the pace by up to 20 %.
const GONE: &str = r#"
about = "A sensor, electrodes, a cable, a restart and a clock."
duration = "10m"

[[patient]]
arterial_line = true

[[artefact]]
kind = "probe_off"
at = "60s"
lasts = "30s"

[[artefact]]
kind = "lead_off"
at = "2m"
lasts = "30s"

[[artefact]]
kind = "cable_out"
at = "3m"
lasts = "20s"

[[artefact]]
kind = "device_restart"
at = "4m"
lasts = "12s"

[[artefact]]
kind = "device_clock"
at = "5m"
lasts = "30s"
"#;
/// Devices with which an association is made, or a line is opened.
const ASKED: [DeviceModel; 3] = [DeviceModel::Intellivue, DeviceModel::IntellivueLan, DeviceModel::Medibus];

#[test]
fn what_a_simulated_device_says_is_what_its_driver_hears() -> Result<()> {
    let (mut compared, models) = (BTreeMap::new(), DeviceModel::ALL);
    let fleet = Fleet::new(Ways::Serial, &models);
    // Twice each: no patient is like another.
    let beds = 2 * u64::try_from(models.len())?;
    for scenario in ["stable", "desaturation", "probe-off", "tachycardia", "cardiac-arrest", "hypoxia"] {
        let scenario = Scenario::load(scenario)?;
        let mut ward = Ward::with(&scenario, beds, 7, &fleet, Timestamp::EPOCH);
        let mut ends: Vec<End> = ward.beds.iter().map(|it| End::new(it.way)).collect::<Result<_>>()?;
        run(&mut ward, &mut ends, 0..LENGTH_MS);
        for end in ends {
            *compared.entry(end.model).or_insert(0) += end.compare()?;
        }
    }
    println!("observations compared: {compared:?}");
    for model in models {
        // Twelve beds; half of what a device says at its pace is what it must have said.
        let expected = 12 * Duration::from_millis(LENGTH_MS).as_millis() / model.period().as_millis() / 2;
        let found = compared.get(&model).copied().unwrap_or(0);
        assert!(found as u128 >= expected.max(1), "{model}: {compared:?}");
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

#[test]
fn what_a_device_that_is_asked_says_is_what_its_driver_hears() -> Result<()> {
    let mut compared = BTreeMap::new();
    for scenario in ["stable", "desaturation", "probe-off", "tachycardia", "cardiac-arrest", "hypoxia"] {
        let scenario = Scenario::load(scenario)?;
        for model in ASKED {
            let device = || Device::serial(model, Timestamp::EPOCH, 1);
            for end in play(&scenario, model, device, LENGTH_MS)? {
                *compared.entry(model).or_insert(0) += end.compare()?;
            }
        }
    }
    println!("observations compared: {compared:?}");
    // Once a second, of two beds, in six scenarios.
    for model in ASKED {
        assert!(compared.get(&model).is_some_and(|it| *it >= 3000), "{model}: {compared:?}");
    }
    Ok(())
}

/// Sensors that come off, cables that are pulled, devices that start anew: the driver makes its way back to each.
#[test]
fn a_device_that_was_gone_is_found_again() -> Result<()> {
    let scenario = Scenario::parse("gone", GONE)?;
    for model in ASKED {
        let device = || Device::serial(model, Timestamp::EPOCH, 1);
        for end in play(&scenario, model, device, 500_000)? {
            let count = end.compare()?;
            println!("figure {model}: {count} observations in 500 s with two interruptions");
            assert!(count > 400, "{model}: {count} observations");
            let last = end.heard_at.last().copied().unwrap_or(0);
            assert!(last > 497_000, "{model}: the last was heard after {last} ms");
        }
    }
    Ok(())
}

/// The agent starts anew while the device keeps what was agreed with the one before.
#[test]
fn a_driver_that_starts_anew_is_answered() -> Result<()> {
    let scenario = Scenario::load("stable")?;
    for model in ASKED {
        let mut ward = ward(&scenario, model, || Device::serial(model, Timestamp::EPOCH, 1));
        let mut ends: Vec<End> = ward.beds.iter().map(|it| End::new(it.way)).collect::<Result<_>>()?;
        run(&mut ward, &mut ends, 0..100_000);
        for end in &mut ends {
            end.driver = device::driver(model, model.period());
        }
        run(&mut ward, &mut ends, 100_000..200_000);
        for end in ends {
            assert!(end.compare()? > 190, "{model}: {} observations", end.heard.len());
            let gap = end.heard_at.windows(2).map(|it| it[1] - it[0]).max().unwrap_or(0);
            assert!(gap < 2000, "{model}: nothing was heard for {gap} ms");
        }
    }
    Ok(())
}

#[test]
fn a_demonstration_is_never_a_value() -> Result<()> {
    let device = || Device::Intellivue(Box::new(Intellivue::serial(Timestamp::EPOCH, 1).in_demonstration()));
    for end in play(&Scenario::load("stable")?, DeviceModel::Intellivue, device, 60_000)? {
        assert!(end.compare()? > 30);
        let mut all = end.heard.iter().flat_map(|it| &it.measurements);
        assert!(all.all(|it| it.value.is_err() && it.quality.intersects(Quality::DEMO)));
    }
    Ok(())
}

#[test]
fn a_realtime_stream_that_nobody_asked_for_costs_no_message() -> Result<()> {
    let device = || Device::Medibus(Box::new(Medibus::new(Timestamp::EPOCH).with_realtime()));
    for end in play(&Scenario::load("desaturation")?, DeviceModel::Medibus, device, LENGTH_MS)? {
        assert!(end.compare()? > 250);
    }
    Ok(())
}

#[test]
fn a_monitor_of_a_lan_announces_itself_until_a_host_has_it() -> Result<()> {
    let fleet = Fleet::new(Ways::Serial, &[DeviceModel::IntellivueLan, DeviceModel::GeS5Dri]);
    let mut ward = Ward::with(&Scenario::load("stable")?, 2, 7, &fleet, Timestamp::EPOCH);
    let at = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 24_105);
    let announced = ward.announcement(0, at, 1000).context("it says nothing")?;
    // At which port it answers.
    assert!(announced.windows(2).any(|it| it == 24_105_u16.to_be_bytes()));
    assert_eq!(ward.announcement(1, at, 1000), None, "a monitor on a line");
    let mut end = End::new(ward.beds[0].way)?;
    for now in (0..10_000).step_by(10) {
        for request in end.ask(now) {
            ward.handle_host_bytes(0, now, &request);
        }
        while let Some((index, emission)) = ward.poll(now) {
            assert_eq!(index, 0);
            end.hear(emission.at_ms, &emission.bytes);
        }
    }
    assert!(!end.heard.is_empty());
    assert_eq!(ward.announcement(0, at, 10_000), None, "a host has it");
    Ok(())
}

/// Two beds with one device each, and their drivers, for so long.
fn play(
    scenario: &Scenario,
    model: DeviceModel,
    device: impl Fn() -> Device,
    length_ms: u64,
) -> Result<Vec<End>> {
    let mut ward = ward(scenario, model, device);
    let mut ends: Vec<End> = ward.beds.iter().map(|it| End::new(it.way)).collect::<Result<_>>()?;
    run(&mut ward, &mut ends, 0..length_ms);
    Ok(ends)
}

fn ward(scenario: &Scenario, model: DeviceModel, device: impl Fn() -> Device) -> Ward {
    let mut ward = Ward::new(scenario, 2, 7, Ways::Serial, Timestamp::EPOCH);
    for bed in &mut ward.beds {
        let way = Way::Serial(model);
        (bed.way, bed.device) = (way, Beside::of(device(), way, Timestamp::EPOCH, 1));
    }
    ward
}

/// Lets drivers and devices talk during a time, ms.
fn run(ward: &mut Ward, ends: &mut [End], time: Range<u64>) {
    for now in time.step_by(10) {
        for (index, end) in ends.iter_mut().enumerate() {
            // What a driver says to a cable that is out is heard by nobody.
            let plugged = ward.is_plugged(index, now);
            for request in end.ask(now) {
                if plugged {
                    ward.handle_host_bytes(index, now, &request);
                }
            }
        }
        while let Some((index, emission)) = ward.poll(now) {
            let end = &mut ends[index];
            end.hear(emission.at_ms, &emission.bytes);
            end.said.extend(emission.observation);
        }
    }
}

/// The host's end of one line, and what was said on it.
struct End {
    model: DeviceModel,
    driver: Box<dyn Driver>,
    /// What of a device that repeats itself is news, as a source sees it.
    repeats: Repeats,
    heard: Vec<Reading>,
    heard_at: Vec<u64>,
    heard_bytes_at: Uptime,
    said: Vec<Observation>,
}

impl End {
    fn new(way: Way) -> Result<Self> {
        Ok(Self::of(way.model().context("a bed without a line")?))
    }

    fn of(model: DeviceModel) -> Self {
        let (driver, repeats) = (device::driver(model, model.period()), Repeats::new(model, model.period()));
        Self {
            model,
            driver,
            repeats,
            heard: Vec::new(),
            heard_at: Vec::new(),
            heard_bytes_at: Uptime::ZERO,
            said: Vec::new(),
        }
    }

    fn ask(&mut self, now: u64) -> Vec<Vec<u8>> {
        let now = Uptime::from_millis(now);
        if self.driver.poll_timeout().is_some_and(|at| at <= now) {
            self.driver.handle_timeout(now);
            // What had waited was said when the last bytes came.
            self.take_readings(self.heard_bytes_at);
        }
        std::iter::from_fn(|| self.driver.poll_transmit()).collect()
    }

    fn hear(&mut self, at: u64, bytes: &[u8]) {
        let now = Uptime::ZERO + Duration::from_millis(at);
        self.driver.handle_bytes(now, bytes);
        self.heard_bytes_at = now;
        self.take_readings(now);
    }

    fn take_readings(&mut self, now: Uptime) {
        while let Some(heard) = self.driver.poll_reading() {
            self.heard.extend(heard.ok().filter(|it| self.repeats.is_news(now, it)));
        }
        self.heard_at.resize(self.heard.len(), now.as_millis());
    }

    /// Compares all that was heard with what was said; a driver may need a packet to find its place.
    fn compare(&self) -> Result<usize> {
        let counts = self.driver.counts();
        assert_eq!((counts.bad_checksum, counts.bad_length), (0, 0), "{}: {counts:?}", self.model);
        if matches!(self.model, DeviceModel::ContecV7 | DeviceModel::Bci) {
            assert_eq!(counts.fragments, 0, "{}: {counts:?}", self.model);
            return self.compare_news();
        }
        let first = self.said.len().checked_sub(self.heard.len());
        let first = first.with_context(|| format!("{}: more was heard than was said", self.model))?;
        assert!(first <= 3, "{}: {first} of {} were not heard", self.model, self.said.len());
        for (index, (said, heard)) in self.said[first..].iter().zip(&self.heard).enumerate() {
            assert!(is_of(said, heard), "{} number {index}: said {said:?}, heard {heard:?}", self.model);
        }
        Ok(self.heard.len())
    }

    /// The same where a change is heard a frame later than it is said: when the same is said again, a period later, is then
    /// another moment. Whatever is heard was said, in that order, and whatever is said and no repetition was heard.
    fn compare_news(&self) -> Result<usize> {
        let mut said = self.said.iter().enumerate().peekable();
        let mut heard_of = vec![0; self.said.len()];
        for heard in &self.heard {
            while said.next_if(|(_, it)| !is_of(it, heard)).is_some() {}
            let (number, _) =
                said.peek().with_context(|| format!("{}: nobody said {heard:?}", self.model))?;
            heard_of[*number] += 1;
        }
        let is_new =
            |number: &usize| *number > 0 && self.said[number - 1].vitals != self.said[*number].vitals;
        let missing: Vec<_> = (0..self.said.len()).filter(|it| is_new(it) && heard_of[*it] == 0).collect();
        // The last may still wait for the frame behind it.
        let is_last = |number: &usize| *number + 1 == self.said.len();
        assert!(missing.iter().all(is_last), "{}: {missing:?} were not heard", self.model);
        Ok(self.heard.len())
    }
}

fn is_of(said: &Observation, heard: &Reading) -> bool {
    let agrees =
        |it: &Measurement| said.vitals.get(&it.vital).is_some_and(|said| agree(*said, it.value, it.quality));
    said.vitals.len() == heard.measurements.len() && heard.measurements.iter().all(agrees)
}

fn agree(said: Said, value: Result<Quantity, Absent>, quality: Quality) -> bool {
    let sensor = value.is_err_and(Absent::is_sensor);
    match said {
        Said::Value(said) => value == Ok(said) && !quality.intersects(Quality::HELD),
        Said::Absent { sensor: by_sensor } => value.is_err() && by_sensor == sensor,
        Said::Held => value.is_err() || quality.intersects(Quality::HELD),
    }
}
