//! The device beside a bed over time: one that starts anew has forgotten everything, and another one may take its place.
//!
//! A device's own time begins when it is switched on; here it is fitted into the ward's.

use std::net::SocketAddrV4;

use vitals::device::DeviceModel;
use vitals::time::Timestamp;

use super::way::{Way, is_of_network};
use crate::artefact::DeviceState;
use crate::device::flat::Flat;
use crate::device::{Device, Emission};
use crate::patient::{Patient, TICK_MS};

/// Beds of a ward, and with it serial numbers of one set of devices.
const BEDS_MAX: u64 = 1000;

/// The device that stands beside a bed now.
#[derive(Debug)]
pub struct Beside {
    device: Device,
    way: Way,
    /// The wall clock at the ward's time 0.
    start: Timestamp,
    /// The number of the bed, from 1.
    bed: u64,
    /// When it was switched on, ms of the ward's time: whole seconds, as the patient's.
    on_ms: u64,
    /// How often it has started anew, how often another one has come, and whether that is one of another model.
    seen: (u64, u64, bool),
}

impl Beside {
    /// A device that is switched on at the ward's time 0.
    pub(super) fn new(way: Way, start: Timestamp, bed: u64) -> Self {
        let device = match way.model() {
            Some(model) => Device::serial(model, start, bed),
            None => Device::Flat(Flat::new(start)),
        };
        Self::of(device, way, start, bed)
    }

    /// This very device, until it starts anew.
    #[must_use]
    pub const fn of(device: Device, way: Way, start: Timestamp, bed: u64) -> Self {
        Self { device, way, start, bed, on_ms: 0, seen: (0, 0, false) }
    }

    /// When it says something next, ms; `None`: not before it is asked.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        self.device.due().map(|it| it + self.on_ms)
    }

    /// What it says at its due time.
    pub fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        patient.seen_since(self.on_ms);
        let said = self.device.emit(patient);
        patient.seen_since(0);
        let (on_ms, (_, _, of_another_model)) = (self.on_ms, self.seen);
        said.map(|it| Emission {
            at_ms: it.at_ms + on_ms,
            first_ms: it.first_ms + on_ms,
            doubtful: it.doubtful || of_another_model,
            ..it
        })
    }

    /// The datagram with which it announces itself where it listens; `None`: it does not, or a host has it.
    pub(super) fn announcement(&self, at: SocketAddrV4, now_ms: u64) -> Option<Vec<u8>> {
        self.device.announcement(at, now_ms.saturating_sub(self.on_ms))
    }

    /// Takes what the host has sent.
    pub fn handle_host_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        self.device.handle_host_bytes(now_ms.saturating_sub(self.on_ms), bytes);
    }

    /// Is what a moment makes of it: starts anew, makes place for another one, comes back. Returns whether it did.
    pub(super) fn follow(&mut self, state: &DeviceState, now_ms: u64) -> bool {
        let now = (state.restarts, state.others, state.of_another_model);
        // Messages have no line to plug another device into, and their monitor begins to count again by itself.
        let Some(model) = self.way.model().filter(|_| now != self.seen) else { return false };
        self.seen = now;
        self.on_ms = (now_ms / TICK_MS + 1) * TICK_MS;
        let micros = i64::try_from(self.on_ms).unwrap_or(0).saturating_mul(1000);
        let start =
            Timestamp::from_micros(self.start.as_micros().saturating_add(micros)).unwrap_or(self.start);
        let serial = self.bed + state.others * BEDS_MAX;
        self.device = match (state.of_another_model, is_of_network(model)) {
            (false, _) => Device::serial(model, start, serial),
            (true, false) => Device::serial(unlike(model), start, serial),
            // In a network another device has another address: at this one is nobody.
            (true, true) => Device::Silent,
        };
        true
    }
}

/// A model that talks by itself and that a host of the other cannot read: bytes for lines of text, text for bytes.
const fn unlike(model: DeviceModel) -> DeviceModel {
    match model {
        DeviceModel::MasimoAscii1 | DeviceModel::NoninAscii | DeviceModel::Nellcor | DeviceModel::Medibus => {
            DeviceModel::NoninDf7
        }
        DeviceModel::NoninDf2
        | DeviceModel::NoninDf7
        | DeviceModel::NoninDf8
        | DeviceModel::NoninDf13
        | DeviceModel::GeS5Dri
        | DeviceModel::ContecV7
        | DeviceModel::Bci
        | DeviceModel::Capnostream
        | DeviceModel::IvyAnsarB
        | DeviceModel::SunTech
        | DeviceModel::Intellivue
        | DeviceModel::IntellivueLan
        | DeviceModel::MindrayPds => DeviceModel::MasimoAscii1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    fn until(beside: &mut Beside, patient: &mut Patient, end_ms: u64) -> Vec<Emission> {
        let mut said = Vec::new();
        while beside.due().is_some_and(|it| it <= end_ms) {
            said.extend(beside.emit(patient));
        }
        said
    }

    fn text(said: &[Emission]) -> String {
        said.iter().map(|it| String::from_utf8_lossy(&it.bytes).into_owned()).collect()
    }

    #[test]
    fn a_device_that_starts_anew_waits_to_be_asked_again() {
        // Displayed values every 10 s, all classes: a captured request.
        let request: [u8; 52] = [
            0x7E, 0x31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x0A, 0, 0x0E, 0, 0, 0, 0, 0, 0x49, 0x7E,
        ];
        let mut patient = Patient::new(1, 0, Course::default());
        let mut monitor = Beside::new(Way::Serial(DeviceModel::GeS5Dri), Timestamp::EPOCH, 1);
        monitor.handle_host_bytes(1000, &request);
        assert!(until(&mut monitor, &mut patient, 30_000).iter().any(|it| it.observation.is_some()));
        let state = DeviceState { restarts: 1, ..DeviceState::default() };
        assert!(monitor.follow(&state, 30_100));
        assert_eq!(monitor.due(), None);
        assert!(!monitor.follow(&state, 30_200), "once");
        monitor.handle_host_bytes(40_000, &request);
        let said = until(&mut monitor, &mut patient, 45_000);
        let at = said.iter().find(|it| it.observation.is_some()).unwrap().at_ms;
        assert!((40_250..42_000).contains(&at), "{at}");
    }

    #[test]
    fn another_device_is_of_another_model_first_and_then_has_another_serial_number() {
        let mut patient = Patient::new(1, 0, Course::default());
        let mut oximeter = Beside::new(Way::Serial(DeviceModel::MasimoAscii1), Timestamp::EPOCH, 7);
        assert!(text(&until(&mut oximeter, &mut patient, 10_000)).contains("SN=0000093007"));
        oximeter.follow(&DeviceState { others: 1, of_another_model: true, ..DeviceState::default() }, 10_000);
        let said = until(&mut oximeter, &mut patient, 20_000);
        assert!(said.iter().all(|it| it.doubtful) && said.iter().any(|it| it.observation.is_some()));
        assert!(!text(&said).contains("SN="));
        oximeter.follow(&DeviceState { others: 1, ..DeviceState::default() }, 20_000);
        let said = until(&mut oximeter, &mut patient, 30_000);
        assert!(text(&said).contains("01/01/70 00:00:22 SN=0000094007"), "{}", text(&said));
        assert!(said.iter().all(|it| !it.doubtful && it.at_ms > 21_000));
    }

    #[test]
    fn at_the_address_of_a_monitor_that_is_gone_is_nobody() {
        let mut monitor = Beside::new(Way::Udp(DeviceModel::IntellivueLan), Timestamp::EPOCH, 1);
        monitor.follow(&DeviceState { others: 1, of_another_model: true, ..DeviceState::default() }, 10_000);
        assert!(matches!(monitor.device, Device::Silent));
    }

    #[test]
    fn no_model_is_unlike_itself() {
        assert!(DeviceModel::ALL.into_iter().all(|it| unlike(it) != it));
    }
}
