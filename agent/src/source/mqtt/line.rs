//! One source behind a topic: its payload's format, its freshness, and what it makes of a message.

use std::sync::Arc;

use vitals::device::{self, Driver};
use vitals::freshness::Freshness;
use vitals::name::Name;
use vitals::observation::{Late, Observation};
use vitals::payload::{mapped, wardline};
use vitals::reading::{Mode, Reading};
use vitals::record::alarm::WallClock;
use vitals::time::{DeviceTime, Uptime};

use super::route::Route;
use crate::config::{Format, TopicSource};

/// How a message came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// When its last byte was read, on both clocks.
    pub(super) wall: WallClock,
    /// Whether the broker had kept it for whoever comes.
    pub(super) retained: bool,
    /// Whether it came before the fence.
    pub(super) backlog: bool,
    /// Whether the broker had sent it before.
    pub(super) redelivered: bool,
}

/// What a message came to.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// What was said, in order.
    pub(super) observations: Vec<Observation>,
    /// Why parts of it, or all of it, could not be used.
    pub(super) faults: Vec<&'static str>,
}

/// One source behind a topic.
pub(super) struct Line {
    bed: Arc<Name>,
    id: Arc<Name>,
    /// The device model or payload format, as records name it.
    pub(super) device: Arc<str>,
    mode: Mode,
    format: LineFormat,
    freshness: Freshness,
}

enum LineFormat {
    Wardline,
    Mapped(vitals::payload::Mapping),
    Device(Box<dyn Driver>),
}

impl Line {
    pub(super) fn new(route: &Route, source: &TopicSource) -> Self {
        let format = match &source.format {
            Format::Wardline => LineFormat::Wardline,
            Format::Mapped(mapping) => LineFormat::Mapped(mapping.clone()),
            Format::Device(model) => LineFormat::Device(device::driver(*model)),
        };
        Self {
            bed: Arc::clone(&route.bed),
            id: Arc::clone(&route.id),
            device: source.format.name().into(),
            mode: source.common.mode,
            format,
            freshness: Freshness::new(source.common.period),
        }
    }

    /// Reads a message.
    pub(super) fn decode(&mut self, payload: &[u8], how: Circumstances) -> Decoded {
        let mut decoded = Decoded::default();
        match &mut self.format {
            LineFormat::Wardline => match wardline::parse(payload) {
                Ok(parsed) => {
                    decoded.faults.extend(parsed.faults.iter().map(vitals::payload::FieldFault::reason));
                    decoded.observations.push(self.observe(parsed.reading, how));
                }
                Err(error) => decoded.faults.push(error.reason()),
            },
            LineFormat::Mapped(mapping) => match mapped::parse(mapping, payload) {
                Ok(parsed) => {
                    decoded.faults.extend(parsed.faults.iter().map(vitals::payload::FieldFault::reason));
                    decoded.observations.push(self.observe(parsed.reading, how));
                }
                Err(error) => decoded.faults.push(error.reason()),
            },
            LineFormat::Device(driver) => {
                driver.handle_bytes(how.wall.up, payload);
                let mut readings = Vec::new();
                while let Some(outcome) = driver.poll_reading() {
                    match outcome {
                        Ok(reading) => readings.push(reading),
                        Err(fault) => decoded.faults.push(fault.name()),
                    }
                }
                decoded.observations.extend(readings.into_iter().map(|it| self.observe(it, how)));
            }
        }
        decoded
    }

    fn observe(&mut self, reading: Reading, how: Circumstances) -> Observation {
        let late = self.late(how, reading.device_time);
        Observation {
            bed: Arc::clone(&self.bed),
            source: Arc::clone(&self.id),
            at: how.wall.up,
            received_at: how.wall.at,
            clock: how.wall.quality,
            mode: self.mode.max(reading.mode.unwrap_or(Mode::Live)),
            late,
            redelivered: how.redelivered,
            reading,
        }
    }

    /// Whether a message is history. What is history anyway says nothing of the source's usual lag.
    fn late(&mut self, how: Circumstances, device_time: Option<DeviceTime>) -> Option<Late> {
        if how.retained {
            return Some(Late::Retained);
        }
        if how.backlog {
            return Some(Late::Backlog);
        }
        let at: Uptime = how.wall.up;
        self.freshness.handle_arrival(at, device_time).is_late().then_some(Late::Lag)
    }
}
