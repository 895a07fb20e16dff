//! A ward: beds with patients and devices, moved on in simulated time. Pure: the same seed gives the same bytes.

mod beside;
mod way;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddrV4;

use vitals::time::Timestamp;

pub use beside::Beside;
pub use way::{Fleet, Models, SERIAL, Way, Ways};

use crate::artefact::Voice;
use crate::device::Emission;
use crate::link::{Link, Medium};
use crate::patient::Patient;
use crate::scenario::Scenario;

/// The unit's id: nobody takes it for a real one.
pub const UNIT: &str = "sim-ward";
/// What the ids of sources of messages begin with; the bed follows.
pub const TOPIC_SOURCE: &str = "ward";

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
    pub device: Beside,
    patient: Patient,
    link: Link,
}

impl Bed {
    /// Whether its connection to the broker is torn down again and again, at a moment of simulated time, ms.
    pub fn has_storm(&mut self, now_ms: u64) -> bool {
        self.link.has_storm(now_ms)
    }

    /// Lets time pass for a device that says nothing by itself: nobody else does.
    fn wait(&mut self, now_ms: u64) {
        if self.device.due().is_none() {
            let state = self.patient.at(now_ms).device;
            self.device.follow(&state, now_ms);
        }
    }

    /// What its device says at its due time, and what comes out of its way.
    fn speak(&mut self, at_ms: u64) -> Vec<Emission> {
        let said = self.device.emit(&mut self.patient);
        let state = self.patient.now().device;
        if self.device.follow(&state, at_ms) || state.voice != Voice::Speaks {
            self.link.interrupt(at_ms);
        }
        let said = said.filter(|_| state.voice == Voice::Speaks);
        said.map_or_else(Vec::new, |it| self.link.carry(it))
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
    /// A ward of `beds` beds with the usual devices. `start` is the wall clock at simulated time 0.
    #[must_use]
    pub fn new(scenario: &Scenario, beds: u64, seed: u64, ways: Ways, start: Timestamp) -> Self {
        Self::with(scenario, beds, seed, &Fleet::new(ways, &[]), start)
    }

    /// A ward of `beds` beds with these devices.
    #[must_use]
    pub fn with(scenario: &Scenario, beds: u64, seed: u64, fleet: &Fleet, start: Timestamp) -> Self {
        let bed = |index: u64| {
            let id = format!("{UNIT}-{:02}", index + 1);
            let way = fleet.way(index);
            let (source, medium) = match way {
                Way::Serial(_) | Way::Tcp(_) => (format!("device-{:02}", index + 1), Medium::Bytes),
                Way::Udp(_) => (format!("device-{:02}", index + 1), Medium::Datagrams),
                // One topic a bed: where serial lines share a ward with topics, no filter must claim their beds.
                Way::Mqtt => (format!("{TOPIC_SOURCE}-{id}"), Medium::Messages),
            };
            let device = Beside::new(way, start, index + 1);
            let patient = Patient::new(seed, index, scenario.course(seed, index));
            let link = Link::new(seed, index, medium, &scenario.faults(seed, index));
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

    /// Takes what a host has sent to a bed's device: a piece of a stream, or one datagram.
    pub fn handle_host_bytes(&mut self, index: usize, now_ms: u64, bytes: &[u8]) {
        let Some(bed) = self.beds.get_mut(index) else { return };
        bed.wait(now_ms);
        if bed.patient.now().device.voice == Voice::Speaks {
            bed.device.handle_host_bytes(now_ms, bytes);
        }
        self.due.extend(bed.device.due().map(|at| Reverse((at, index))));
    }

    /// The datagram with which a bed's device announces itself where it listens; `None`: it does not, or a host has it.
    #[must_use]
    pub fn announcement(&self, index: usize, at: SocketAddrV4, now_ms: u64) -> Option<Vec<u8>> {
        let bed = self.beds.get(index)?;
        let speaks = bed.patient.now().device.voice == Voice::Speaks;
        speaks.then(|| bed.device.announcement(at, now_ms))?
    }

    /// Whether a bed's cable is in, at a moment of simulated time, ms.
    pub fn is_plugged(&mut self, index: usize, now_ms: u64) -> bool {
        let Some(bed) = self.beds.get_mut(index) else { return false };
        if bed.device.due().is_none() {
            bed.wait(now_ms);
            self.due.extend(bed.device.due().map(|at| Reverse((at, index))));
        }
        bed.patient.now().device.voice != Voice::Unplugged && !bed.link.is_unplugged(now_ms)
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
            let carried = bed.speak(at);
            self.due.extend(bed.device.due().map(|at| Reverse((at, index))));
            self.ready.extend(carried.into_iter().map(|it| (index, it)));
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
