//! A Capnostream 20: silent until the host enables it and starts it, and again when the host stops saying that it is there.
//! By the open driver of the MD PnP project (`devices/oridion`).

pub mod frame;
pub mod numerics;

use vitals::time::Timestamp;

use super::line::Line;
use super::{Emission, rounded};
use crate::artefact::Voice;
use crate::patient::{Numerics, Patient};
use frame::{Deframer, enclose};

/// 115,200 baud, ten bits a byte.
const BYTES_A_SECOND: u64 = 11_520;
/// From sample to sample of the CO2 wave, ms.
const SAMPLE_MS: u64 = 50;
/// Samples from numbers to numbers.
const NUMBERS_EVERY: u64 = 20;
/// Without "the link is active" it falls silent after this, ms. No document gives a number; a host that says it every 5 s is
/// known to be heard.
const LINK_LASTS_MS: u64 = 10_000;

/// Commands.
const ENABLE: u8 = 1;
const DISABLE: u8 = 2;
const START: u8 = 4;
const STOP: u8 = 5;
const LINK_IS_ACTIVE: u8 = 6;
/// The messages of the monitor: a sample of the wave; numbers.
const WAVE: u8 = 0;
const NUMERICS: u8 = 1;
/// Status of a sample: a breath has ended with it.
const END_OF_BREATH: u8 = 0x08;

/// Realtime data on their way.
#[derive(Debug, Clone, Copy)]
struct Running {
    since_ms: u64,
    /// Samples that have left.
    samples: u64,
    link_active_at_ms: u64,
}

/// A monitor beside the bed.
#[derive(Debug)]
pub struct Capnostream {
    /// The wall clock at simulated time 0, s since 1970.
    start: i64,
    deframer: Deframer,
    enabled: bool,
    running: Option<Running>,
    /// How far the breath is, 0 to 1.
    breath: f64,
    no_breath_since: Option<u64>,
    line: Line,
}

impl Capnostream {
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start: start.as_micros().div_euclid(1_000_000),
            deframer: Deframer::default(),
            enabled: false,
            running: None,
            breath: 0.0,
            no_breath_since: None,
            line: Line::default(),
        }
    }

    pub(super) fn due(&self) -> Option<u64> {
        let sample = self.running.map(|it| it.since_ms + (it.samples + 1) * SAMPLE_MS);
        self.line.due().or(sample)
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        if self.line.due().is_some() {
            return self.line.next();
        }
        let at_ms = self.due()?;
        let running = self.running.as_mut()?;
        let now = patient.at(at_ms);
        if now.device.voice == Voice::Silent {
            // Switched on again, it waits to be enabled.
            (self.enabled, self.running) = (false, None);
            return None;
        }
        if at_ms >= running.link_active_at_ms + LINK_LASTS_MS {
            self.running = None;
            return None;
        }
        running.samples += 1;
        let number = running.samples;
        self.sample(at_ms, number, &now);
        if number % NUMBERS_EVERY == 0 {
            self.numbers(at_ms, &now);
        }
        // The first bytes leave a little later.
        None
    }

    /// A sample of the wave: nothing while air is breathed in, then a plateau up to its end-tidal value.
    fn sample(&mut self, at_ms: u64, number: u64, now: &Numerics) {
        let step = now.resp_rate / 60_000.0 * 50.0;
        self.breath += step;
        let ends = self.breath >= 1.0;
        if ends {
            self.breath -= self.breath.floor();
        }
        let shape = match (ends, self.breath) {
            (true, _) => 1.0,
            (false, it) if it < 0.4 => 0.0,
            (false, it) => 0.8 + (it - 0.4) / 3.0,
        };
        let breathes = now.resp_rate > 0.0;
        let pressure = if breathes { rounded(now.etco2 * shape, 256).clamp(0, 0xFEFF) } else { 0 };
        let [whole, part] = u16::try_from(pressure).unwrap_or(0).to_be_bytes();
        let counter = u8::try_from(number % 256).unwrap_or(0);
        let status = if ends && breathes { END_OF_BREATH } else { 0 };
        self.line.put(at_ms, &enclose(WAVE, &[counter, whole, part, status]), None, BYTES_A_SECOND);
    }

    fn numbers(&mut self, at_ms: u64, now: &Numerics) {
        let breathes = rounded(now.resp_rate, 1) > 0;
        self.no_breath_since = self.no_breath_since.or(Some(at_ms)).filter(|_| !breathes);
        let no_breath_s = self.no_breath_since.map_or(0, |it| (at_ms - it) / 1000);
        let clock = self.start + i64::try_from(at_ms / 1000).unwrap_or(0) + now.device.clock_off;
        let (payload, observation) = numerics::said(now, clock, no_breath_s);
        self.line.put(at_ms, &enclose(NUMERICS, &payload), Some(observation), BYTES_A_SECOND);
    }

    pub(super) fn handle_host_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        for command in bytes.iter().filter_map(|byte| self.deframer.take(*byte)).collect::<Vec<_>>() {
            self.obey(now_ms, command);
        }
    }

    /// Does what it is told; what it does not know it ignores.
    fn obey(&mut self, now_ms: u64, command: u8) {
        match (command, &mut self.running) {
            (ENABLE, _) => self.enabled = true,
            (DISABLE, _) => (self.enabled, self.running) = (false, None),
            (START, None) if self.enabled => {
                self.running = Some(Running { since_ms: now_ms, samples: 0, link_active_at_ms: now_ms });
            }
            (START | LINK_IS_ACTIVE, Some(running)) => running.link_active_at_ms = now_ms,
            (STOP, _) => self.running = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    const ENABLED: [u8; 4] = [0x85, 0x01, 0x01, 0x00];
    const STARTED: [u8; 4] = [0x85, 0x01, 0x04, 0x05];
    const ACTIVE: [u8; 4] = [0x85, 0x01, 0x06, 0x07];

    fn monitor() -> (Capnostream, Patient) {
        (Capnostream::new(Timestamp::EPOCH), Patient::new(1, 0, Course::default()))
    }

    #[test]
    fn it_says_nothing_until_enabled_and_started() {
        let (mut monitor, _) = monitor();
        monitor.handle_host_bytes(0, &STARTED);
        monitor.handle_host_bytes(0, &ACTIVE);
        assert_eq!(monitor.due(), None, "it is not enabled");
        monitor.handle_host_bytes(100, &ENABLED);
        assert_eq!(monitor.due(), None, "it is not started");
        let mut wrong = STARTED;
        wrong[3] ^= 1;
        monitor.handle_host_bytes(200, &wrong);
        assert_eq!(monitor.due(), None, "the sum is wrong");
        monitor.handle_host_bytes(300, &[&[0x85, 0x01], STARTED.as_slice()].concat());
        assert_eq!(monitor.due(), Some(350));
        monitor.handle_host_bytes(320, &[0x85, 0x01, 0x02, 0x03]);
        assert_eq!(monitor.due(), None, "it is disabled");
    }

    #[test]
    fn it_falls_silent_when_the_host_does() {
        let (mut monitor, mut patient) = monitor();
        monitor.handle_host_bytes(0, &[ENABLED, STARTED].concat());
        let (mut said, mut bytes, mut told) = (Vec::new(), 0, false);
        while let Some(due) = monitor.due() {
            if due > 5000 && !std::mem::replace(&mut told, true) {
                monitor.handle_host_bytes(5000, &ACTIVE);
            }
            let Some(it) = monitor.emit(&mut patient) else { continue };
            bytes += it.bytes.len();
            said.extend(it.observation.map(|_| it.at_ms / 1000));
            assert!(it.at_ms < 15_000, "{}", it.at_ms);
        }
        assert_eq!(said, (1..15).collect::<Vec<_>>());
        // 20 samples of 8 bytes and numbers of 31 a second, and what is escaped.
        assert!((14 * 191..15 * 200).contains(&bytes), "{bytes}");
        monitor.handle_host_bytes(20_000, &ACTIVE);
        assert_eq!(monitor.due(), None);
        monitor.handle_host_bytes(20_000, &STARTED);
        assert!(monitor.due().is_some());
    }
}
