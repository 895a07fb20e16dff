//! An alarm storm: every bed of a unit has three alarms at once, one of each priority, told by one message each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use wardline_agent::clock;

use crate::agent::Agent;
use crate::kafka::Kafka;
use crate::mosquitto::Mosquitto;
use crate::publisher::Caller;
use crate::reader::{Reader, Record};
use crate::site::Site;
use crate::wait;

/// The topic of alarms.
pub const ALARMS: &str = "vitals.alarms.v1";
/// The alarms of a bed, the most urgent first.
pub const CODES: [&str; 3] = ["spo2_low", "heart_rate_high", "temperature_high"];

const SOON: Duration = Duration::from_secs(60);
/// One message makes all three pending, so that all three are decided in the same millisecond.
const RULES: &str = r#"
version = 1
approved_by = "tests"
approved_on = "2026-01-01"
[defaults]
clear_delay = "5s"
gap_tolerance = "10s"
continue_every = "15s"
reminder = "3m"
extreme = { priority = "high", latch = true }
limit = { priority = "medium", latch = false }
[profile.adult.spo2]
hysteresis = 1
worse_by = 3
low = { limit = 90, delay = "2s", priority = "high" }
high = "off"
[profile.adult.heart_rate]
hysteresis = 2
worse_by = 20
low = "off"
high = { limit = 120, delay = "2s", priority = "medium" }
[profile.adult.temperature]
hysteresis = 0.1
worse_by = 1
low = "off"
high = { limit = 38, delay = "2s", priority = "low" }
[technical]
sensor_off = { delay = "10s", priority = "low", medium_after = "60s" }
no_value = { delay = "30s", priority = "low", medium_after = "60s" }
no_data = { priority = "medium", high_after = "3m" }
"#;

/// A unit before its storm.
pub struct Unit {
    /// Its agent's configuration.
    pub site: Site,
    agent: Agent,
    caller: Caller,
    beds: Vec<String>,
}

/// The first record of an alarm in Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// Its bed.
    pub bed: String,
    /// Its code.
    pub code: String,
    /// Its place in [`CODES`]: 0 is the most urgent.
    pub rank: usize,
    /// When it was decided, on the boot-time clock, ms.
    pub decided_ms: u64,
    /// When Kafka took it, ms since 1970, by the broker's clock.
    pub taken_ms: i64,
    /// From its decision until a consumer had it.
    pub after: Duration,
}

impl Unit {
    /// An agent with so many beds, all of them well. The topic of alarms tells Kafka's time from now on.
    pub fn start(name: &str, kafka: &Kafka, broker: &Mosquitto, beds: usize) -> Result<Self> {
        kafka.set_topic(ALARMS, "message.timestamp.type=LogAppendTime")?;
        let beds: Vec<String> = (1..=beds).map(|bed| format!("{name}-{bed}")).collect();
        let site = Site::new(name)?.kafka(&kafka.bootstrap()).mqtt(broker.port()).alarms(RULES);
        let site = site.beds(beds.iter().map(String::as_str)).ward();
        let agent = Agent::start(&site)?;
        let unit = Self { site, agent, caller: Caller::connect(broker.port())?, beds };
        let well = |beds: &[String]| unit.say(beds, 97, 72, "36.6");
        unit.agent.wait_heard(|| well(&unit.beds[..1]))?;
        well(&unit.beds)?;
        let all = f64::from(u32::try_from(unit.beds.len())?);
        wait::until("every bed to be heard", SOON, || {
            Ok((unit.metric("wardline_readings")? >= all).then_some(()))
        })?;
        Ok(unit)
    }

    /// What the agent counts.
    pub fn metric(&self, name: &str) -> Result<f64> {
        self.agent.metric(name)
    }

    /// Each of these beds says the same.
    fn say(&self, beds: &[String], spo2: u8, heart_rate: u8, temperature: &str) -> Result<()> {
        for bed in beds {
            let now = clock::timestamp();
            let payload = format!(
                r#"{{"time":"{now}","spo2":{spo2},"heart_rate":{heart_rate},"temperature":{temperature}}}"#
            );
            self.caller.publish(&format!("ward/{bed}"), payload)?;
        }
        Ok(())
    }

    /// The storm breaks.
    pub fn break_out(&self) -> Result<()> {
        self.say(&self.beds, 75, 150, "39.5")
    }

    /// How many alarms it must raise.
    #[must_use]
    pub fn alarms(&self) -> usize {
        self.beds.len() * CODES.len()
    }

    /// Its alarms, as far as they come in time, each as it first came.
    pub fn raised(&self, reader: &Reader, within: Duration) -> Result<Vec<Raised>> {
        let (mut raised, mut seen) = (Vec::new(), BTreeSet::new());
        reader.read_until(Instant::now() + within, |record| {
            if record.text("agent") == self.site.agent() && seen.insert(record.text("id").to_owned()) {
                raised.extend(of(record));
            }
            raised.len() >= self.alarms()
        })?;
        Ok(raised)
    }

    /// Ends the agent.
    pub fn stop(self) -> Result<()> {
        self.agent.stop(SOON).map(drop)
    }
}

/// What a record says, if it is of an alarm of the storm.
fn of(record: &Record) -> Option<Raised> {
    let rank = CODES.iter().position(|code| *code == record.text("code"))?;
    let decided_ms = record.number("up_ms")?;
    let after = Duration::from_millis(clock::uptime().as_millis().saturating_sub(decided_ms));
    let (bed, code) = (record.text("bed").to_owned(), record.text("code").to_owned());
    Some(Raised { bed, code, rank, decided_ms, taken_ms: record.at_ms, after })
}

/// Pairs of alarms, of those that were decided at the same time, of which Kafka took the less urgent before the more urgent.
#[must_use]
pub fn inversions(raised: &[Raised]) -> Vec<String> {
    let mut moments: BTreeMap<u64, Vec<&Raised>> = BTreeMap::new();
    for it in raised {
        moments.entry(it.decided_ms).or_default().push(it);
    }
    let pairs = moments.values().flat_map(|of| of.iter().flat_map(|a| of.iter().map(move |b| (*a, *b))));
    pairs
        .filter(|(a, b)| a.rank < b.rank && b.taken_ms < a.taken_ms)
        .map(|(a, b)| format!("{b:?} before {a:?}"))
        .collect()
}

/// `p50, p99, longest` of the times until a consumer had them.
pub fn times(raised: &[Raised]) -> Result<String> {
    let mut times: Vec<_> = raised.iter().map(|it| it.after).collect();
    times.sort_unstable();
    let at = |percent: usize| {
        times.get((times.len() * percent).div_ceil(100).max(1) - 1).context("none was raised")
    };
    let (half, most, longest) = (at(50)?, at(99)?, at(100)?);
    Ok(format!("p50 {half:.2?}, p99 {most:.2?}, longest {longest:.2?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(code: usize, decided_ms: u64, taken_ms: i64) -> Raised {
        let (bed, code, rank) = ("a".into(), CODES[code].into(), code);
        Raised { bed, code, rank, decided_ms, taken_ms, after: Duration::ZERO }
    }

    /// The control: what is out of order is seen, and what was decided at another time is not blamed.
    #[test]
    fn a_low_one_before_a_high_one_is_seen() {
        let order = [
            raised(0, 10, 100),
            raised(1, 10, 100),
            raised(2, 10, 101),
            raised(2, 9, 99),
            raised(0, 11, 102),
        ];
        assert_eq!(inversions(&order), Vec::<String>::new());
        assert_eq!(inversions(&[raised(0, 10, 101), raised(1, 10, 100)]).len(), 1);
        assert_eq!(inversions(&[raised(0, 10, 102), raised(1, 10, 103), raised(2, 10, 100)]).len(), 2);
    }
}
