//! Records as the agent encodes them, of wards that are simulated and of monitors that were recorded, without an agent.
//!
//! The devices' bytes go through the drivers and the alarm engines, in simulated time: the same seed, the same records.

mod desk;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use vitals::device::{DeviceModel, Driver, driver};
use vitals::payload::wardline;
use vitals::quantity::Quantity;
use vitals::reading::{Absent, Measurement, Mode, Quality, Reading};
use vitals::time::{Timestamp, Uptime};
use vitals::vital::Vital;
use wardline_agent::envelope::Envelope;
use wardline_sim::patient::Patient;
use wardline_sim::scenario::Scenario;
use wardline_sim::ward::{Ward, Ways};

use self::desk::{Desk, Recorder};

/// 173 KB of a monitor, with the licence beside it.
const RECORDED: &[u8] = include_bytes!("../captures/ge_s5_db02.raw");

/// Whose records: the names that stand in each.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The agent's id.
    pub agent: String,
    /// The run.
    pub run: String,
    /// What the names of sources begin with; the bed's number follows.
    pub source: String,
    /// The mode.
    pub mode: Mode,
    /// The wall clock when the boot-time clock stood at zero.
    pub boot_at: Timestamp,
}

/// Records of both lanes, in order.
#[derive(Debug, Default)]
pub struct Records {
    /// Observation sets.
    pub readings: Vec<Envelope>,
    /// Changes of alarms.
    pub alarms: Vec<Envelope>,
}

/// What a ward says within `span` of the boot-time clock: half its beds on serial lines, half over MQTT.
pub fn of_ward(unit: &Unit, scenario: &str, beds: u64, seed: u64, span: Duration) -> Result<Records> {
    let mut ward = Ward::new(&Scenario::load(scenario)?, beds, seed, Ways::Both, unit.boot_at);
    let mut drivers: BTreeMap<usize, Box<dyn Driver>> = BTreeMap::new();
    let mut desks = Vec::new();
    for (index, bed) in ward.beds.iter().enumerate() {
        if let Some(model) = bed.way.model() {
            drivers.insert(index, driver(model, model.period()));
        }
        let period = bed.way.model().map_or(Duration::from_secs(1), DeviceModel::period);
        desks.push(Desk::new(unit, index, bed.way.device(), period)?);
    }
    let mut recorder = Recorder::new(unit);
    let end = u64::try_from(span.as_millis())?;
    for now in (0..=end).step_by(100) {
        for (index, driver) in &mut drivers {
            driver.handle_timeout(Uptime::from_millis(now));
            while let Some(bytes) = driver.poll_transmit() {
                ward.beds[*index].device.handle_host_bytes(now, &bytes);
            }
        }
        while let Some((index, emission)) = ward.poll(now) {
            let at = Uptime::from_millis(emission.at_ms);
            if let Some(driver) = drivers.get_mut(&index) {
                driver.handle_bytes(at, &emission.bytes);
                while let Some(outcome) = driver.poll_reading() {
                    recorder.take(&mut desks[index], at, outcome.map_err(|it| anyhow!("{it:?}"))?)?;
                }
            } else {
                let payload = wardline::parse(&emission.bytes).context("the simulator's own payload")?;
                recorder.take(&mut desks[index], at, payload.reading)?;
            }
        }
    }
    Ok(recorder.made)
}

/// What the recorded monitor said, one observation set a second.
pub fn of_recording(unit: &Unit) -> Result<Records> {
    let mut driver = driver(DeviceModel::GeS5Dri, DeviceModel::GeS5Dri.period());
    driver.handle_bytes(Uptime::ZERO, RECORDED);
    let mut desk = Desk::new(unit, 0, DeviceModel::GeS5Dri.name(), Duration::from_secs(1))?;
    let mut recorder = Recorder::new(unit);
    let mut at = Uptime::ZERO;
    while let Some(outcome) = driver.poll_reading() {
        if let Ok(reading) = outcome {
            at = at + Duration::from_secs(1);
            recorder.take(&mut desk, at, reading)?;
        }
    }
    Ok(recorder.made)
}

/// Observation sets of eight vitals of a monitor beside each of so many beds, `rate` a second in all, for ever.
pub fn of_eight_vitals(
    unit: &Unit,
    beds: u64,
    seed: u64,
    rate: u64,
) -> Result<impl Iterator<Item = Envelope>> {
    let scenario = Scenario::load("stable")?;
    let mut patients: Vec<_> =
        (0..beds).map(|bed| Patient::new(seed, bed, scenario.course(seed, bed))).collect();
    let desks = (0..patients.len())
        .map(|index| Desk::new(unit, index, DeviceModel::GeS5Dri.name(), Duration::from_secs(1)))
        .collect::<Result<Vec<_>>>()?;
    let mut recorder = Recorder::new(unit);
    Ok((1..).map_while(move |number: u64| {
        let index = usize::try_from(number % beds).ok()?;
        // Monitors of one kind are not in step: some ms one way or the other.
        let at_ms = number * 1000 / rate + number.wrapping_mul(0x9E37_79B9) % 7;
        let reading = Reading { measurements: eight(&mut patients[index], at_ms), ..Reading::default() };
        let at = Uptime::from_millis(at_ms);
        recorder.store(&desks[index], at, reading).ok()
    }))
}

fn eight(patient: &mut Patient, at_ms: u64) -> Vec<Measurement> {
    let now = patient.at(at_ms);
    let mean = (now.systolic + 2.0 * now.diastolic) / 3.0;
    let shown = [
        (Vital::HeartRate, now.heart_rate, 0),
        (Vital::PulseRate, now.heart_rate, 0),
        (Vital::Spo2, now.spo2, 0),
        (Vital::RespRate, now.resp_rate, 0),
        (Vital::AbpSystolic, now.systolic, 0),
        (Vital::AbpDiastolic, now.diastolic, 0),
        (Vital::AbpMean, mean, 0),
        (Vital::Temperature, now.temperature, 1),
    ];
    let mut measurements: Vec<_> = shown
        .map(|(vital, value, places)| Measurement {
            vital,
            value: Quantity::parse(&format!("{value:.places$}")).map_err(|_| Absent::Invalid),
            quality: Quality::NONE,
        })
        .into();
    measurements.sort_by_key(|it| it.vital);
    measurements
}
