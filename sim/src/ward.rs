//! A ward: beds with patients and devices, moved on in simulated time. Pure: the same seed gives the same bytes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use vitals::device::DeviceModel;
use vitals::time::Timestamp;

use crate::artefact::Voice;
use crate::device::flat::Flat;
use crate::device::{Device, Emission};
use crate::link::Link;
use crate::patient::Patient;
use crate::scenario::Scenario;

/// The unit's id: nobody takes it for a real one.
pub const UNIT: &str = "sim-ward";
/// What the ids of sources of messages begin with; the bed follows.
pub const TOPIC_SOURCE: &str = "ward";

/// The models on serial lines, in the order in which beds get them.
pub const SERIAL: [DeviceModel; 5] = [
    DeviceModel::NoninDf7,
    DeviceModel::MasimoAscii1,
    DeviceModel::GeS5Dri,
    DeviceModel::NoninDf8,
    DeviceModel::NoninDf2,
];

/// How a device is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A serial line with this model.
    Serial(DeviceModel),
    /// Messages on a topic.
    Mqtt,
}

/// Which ways there are in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ways {
    /// Every bed on a serial line.
    Serial,
    /// Every bed over MQTT.
    Mqtt,
    /// Odd beds on serial lines, even beds over MQTT.
    Both,
}

impl Ways {
    /// The way of the bed of that index, from 0.
    #[must_use]
    pub fn of(self, bed: u64) -> Way {
        let serial = |index: u64| {
            let models = SERIAL.iter().cycle();
            let place = usize::try_from(index).unwrap_or(0) % SERIAL.len();
            Way::Serial(models.copied().nth(place).unwrap_or(DeviceModel::NoninDf7))
        };
        match self {
            Self::Serial => serial(bed),
            Self::Both if bed % 2 == 0 => serial(bed / 2),
            Self::Mqtt | Self::Both => Way::Mqtt,
        }
    }
}

/// A bed: who lies there, what stands beside it.
#[derive(Debug)]
pub struct Bed {
    /// Its id.
    pub id: String,
    /// The source's id, as in records.
    pub source: String,
    /// How its device is connected.
    pub way: Way,
    /// Its device.
    pub device: Device,
    patient: Patient,
    link: Link,
}

impl Bed {
    /// Whether its cable is in, at a moment of simulated time, ms.
    pub fn is_plugged(&mut self, now_ms: u64) -> bool {
        self.patient.now().device.voice != Voice::Unplugged && !self.link.is_unplugged(now_ms)
    }

    /// Whether its connection to the broker is torn down again and again, at a moment of simulated time, ms.
    pub fn has_storm(&mut self, now_ms: u64) -> bool {
        self.link.has_storm(now_ms)
    }
}

/// All beds.
#[derive(Debug)]
pub struct Ward {
    /// The beds, by index.
    pub beds: Vec<Bed>,
    /// When each bed is due, and its index; what is no longer true of a device is passed over.
    due: BinaryHeap<Reverse<(u64, usize)>>,
    /// What has come out of a way at once.
    ready: VecDeque<(usize, Emission)>,
}

impl Ward {
    /// A ward of `beds` beds. `start` is the wall clock at simulated time 0.
    #[must_use]
    pub fn new(scenario: &Scenario, beds: u64, seed: u64, ways: Ways, start: Timestamp) -> Self {
        let bed = |index: u64| {
            let id = format!("{UNIT}-{:02}", index + 1);
            let way = ways.of(index);
            let (source, device) = match way {
                Way::Serial(model) => {
                    (format!("device-{:02}", index + 1), Device::serial(model, start, index + 1))
                }
                // One topic a bed: where serial lines share a ward with topics, no filter must claim their beds.
                Way::Mqtt => (format!("{TOPIC_SOURCE}-{id}"), Device::Flat(Flat::new(start))),
            };
            let patient = Patient::new(seed, index, scenario.course(seed, index));
            let link = Link::new(seed, index, way != Way::Mqtt, &scenario.faults(seed, index));
            Bed { id, source, way, device, patient, link }
        };
        let beds: Vec<Bed> = (0..beds).map(bed).collect();
        let due = beds.iter().enumerate().filter_map(|(index, it)| Some(Reverse((it.device.due()?, index))));
        Self { due: due.collect(), beds, ready: VecDeque::new() }
    }

    /// When something is said next, ms of simulated time.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        let ready = self.ready.front().map(|(_, it)| it.at_ms);
        ready.or_else(|| self.due.peek().map(|Reverse((at, _))| *at))
    }

    /// Takes what a host has sent to a bed's device.
    pub fn handle_host_bytes(&mut self, index: usize, now_ms: u64, bytes: &[u8]) {
        let Some(bed) = self.beds.get_mut(index) else { return };
        bed.device.handle_host_bytes(now_ms, bytes);
        self.due.extend(bed.device.due().map(|at| Reverse((at, index))));
    }

    /// What is said next, if that is due at `now_ms`, and the index of its bed.
    pub fn poll(&mut self, now_ms: u64) -> Option<(usize, Emission)> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            let Reverse((at, index)) = *self.due.peek()?;
            if at > now_ms {
                return None;
            }
            self.due.pop();
            let bed = self.beds.get_mut(index)?;
            if bed.device.due() != Some(at) {
                continue;
            }
            let emission = bed.device.emit(&mut bed.patient);
            self.due.extend(bed.device.due().map(|at| Reverse((at, index))));
            let said = emission.filter(|_| bed.patient.now().device.voice == Voice::Speaks);
            let carried = said.map_or_else(Vec::new, |it| bed.link.carry(it));
            self.ready.extend(carried.into_iter().map(|it| (index, it)));
        }
    }
}

impl Way {
    /// The device's name in records.
    #[must_use]
    pub const fn device(self) -> &'static str {
        match self {
            Self::Serial(model) => model.name(),
            Self::Mqtt => "wardline",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(seed: u64) -> Vec<(usize, Emission)> {
        let scenario = Scenario::load("desaturation").unwrap();
        let start = Timestamp::from_micros(1_795_422_600_000_000).unwrap();
        let mut ward = Ward::new(&scenario, 10, seed, Ways::Both, start);
        std::iter::from_fn(|| ward.poll(60_000)).collect()
    }

    #[test]
    fn the_same_seed_says_the_same_bytes() {
        let (a, b) = (course(7), course(7));
        assert!(a.len() > 1000, "{}", a.len());
        assert_eq!(a, b);
        assert_ne!(a, course(8));
    }

    #[test]
    fn what_is_said_is_in_order_of_time() {
        assert!(course(7).windows(2).all(|it| it[0].1.at_ms <= it[1].1.at_ms));
    }
}
