//! A Contec oximeter, by "Communication protocol of pulse oximeter V7.0": silent until it is started, and again when nobody
//! keeps it alive.

use super::Emission;
use super::fingertip::{Fingertip, Shown, frame_ms};
use crate::artefact::Voice;
use crate::patient::Patient;

/// Without a word of the host it stops after this, ms.
const KEPT_ALIVE_MS: u64 = 5000;
/// Nine bytes at 115,200 baud, ms.
const FRAME_TAKES_MS: u64 = 1;
/// Every package of the host is so long, and of this type.
const COMMAND: usize = 9;
const COMMAND_TYPE: u8 = 0x7D;
/// Commands: start realtime data, stop them, keep alive.
const START: u8 = 0xA1;
const STOP: u8 = 0xA2;
const KEEP_ALIVE: u8 = 0xAF;
/// Below this saturation it says that it is low, %.
const LOW: u8 = 85;

/// A frame of realtime data.
#[must_use]
pub fn frame(shown: &Shown) -> [u8; 9] {
    let mark = |condition, bit| if condition { bit } else { 0 };
    let searching = shown.finger && shown.numbers.is_none();
    let low = shown.numbers.is_some_and(|it| it.saturation < LOW);
    let perfusion = shown.numbers.and_then(|it| it.perfusion);
    let [index_low, index_high] = perfusion.unwrap_or(0xFFFF).to_le_bytes();
    package(
        0x01,
        [
            shown.signal
                | mark(shown.too_long, 0x10)
                | mark(low, 0x20)
                | mark(shown.beep, 0x40)
                | mark(!shown.finger, 0x80),
            // Without a finger the wave rests in the middle.
            if shown.finger { shown.pleth | mark(searching, 0x80) } else { 64 },
            shown.bar | mark(perfusion.is_none(), 0x10),
            shown.numbers.map_or(0xFF, |it| it.rate),
            shown.numbers.map_or(0x7F, |it| it.saturation),
            index_low,
            index_high,
        ],
    )
}

/// A package: its type, the upper bits of the data, and the data without them.
fn package(kind: u8, data: [u8; 7]) -> [u8; 9] {
    let mut package = [kind, 0x80, 0, 0, 0, 0, 0, 0, 0];
    let mut upper = 0x80;
    for (place, (byte, to)) in data.iter().zip(package.iter_mut().skip(2)).enumerate() {
        *to = byte | 0x80;
        upper |= byte >> 7 << place;
    }
    package[1] = upper;
    package
}

/// Realtime data on their way.
#[derive(Debug, Clone, Copy)]
struct Running {
    since_ms: u64,
    /// Frames that have left.
    frames: u64,
    kept_alive_at_ms: u64,
}

/// A CMS50 with a cable.
#[derive(Debug, Default)]
pub struct Contec {
    command: Vec<u8>,
    running: Option<Running>,
    meter: Fingertip,
}

impl Contec {
    pub(super) fn due(&self) -> Option<u64> {
        self.running.map(|it| it.since_ms + frame_ms(it.frames) + FRAME_TAKES_MS)
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        let at_ms = self.due()?;
        let running = self.running.as_mut()?;
        let is_off = patient.at(at_ms).device.voice == Voice::Silent;
        if is_off || at_ms >= running.kept_alive_at_ms + KEPT_ALIVE_MS {
            // Switched on again, it waits to be started.
            (self.running, self.meter) = (None, Fingertip::default());
            return None;
        }
        let number = running.frames;
        running.frames += 1;
        let shown = self.meter.look(patient, at_ms - FRAME_TAKES_MS);
        let observation = self.meter.news(number, shown.said(true));
        let bytes = frame(&shown).to_vec();
        Some(Emission { at_ms, first_ms: at_ms - FRAME_TAKES_MS, bytes, observation, doubtful: false })
    }

    pub(super) fn handle_host_bytes(&mut self, now_ms: u64, bytes: &[u8]) {
        for byte in bytes {
            if byte & 0x80 == 0 {
                // Only the type of a package has no upper bit.
                self.command.clear();
            }
            self.command.push(*byte);
            if let [COMMAND_TYPE, upper, command, ..] = self.command[..] {
                if self.command.len() == COMMAND {
                    self.obey(now_ms, command & 0x7F | upper << 7);
                    self.command.clear();
                }
            } else if self.command.len() >= COMMAND {
                self.command.clear();
            }
        }
    }

    /// Does what it is told; what it does not know it ignores.
    fn obey(&mut self, now_ms: u64, command: u8) {
        match (command, &mut self.running) {
            (START | KEEP_ALIVE, Some(running)) => running.kept_alive_at_ms = now_ms,
            (START, None) => {
                self.running = Some(Running { since_ms: now_ms, frames: 0, kept_alive_at_ms: now_ms });
            }
            (STOP, _) => (self.running, self.meter) = (None, Fingertip::default()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingertip::Numbers;
    use super::*;
    use crate::patient::course::Course;

    const STARTED: [u8; 9] = [0x7D, 0x81, 0xA1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80];
    const ALIVE: [u8; 9] = [0x7D, 0x81, 0xAF, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80];
    const STOPPED: [u8; 9] = [0x7D, 0x81, 0xA2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80];

    fn shown(rate: u8, saturation: u8, perfusion: Option<u16>) -> Shown {
        Shown {
            numbers: Some(Numbers { rate, saturation, perfusion }),
            finger: true,
            too_long: false,
            pleth: 51,
            bar: 6,
            signal: 5,
            beep: false,
        }
    }

    #[test]
    fn a_frame_is_as_in_the_captured_one_and_the_worked_examples() {
        assert_eq!(frame(&shown(65, 97, None)), [0x01, 0xE0, 0x85, 0xB3, 0x96, 0xC1, 0xE1, 0xFF, 0xFF]);
        let beat = Shown { pleth: 42, bar: 7, signal: 6, beep: true, ..shown(158, 88, Some(456)) };
        assert_eq!(frame(&beat), [0x01, 0xA8, 0xC6, 0xAA, 0x87, 0x9E, 0xD8, 0xC8, 0x81]);
        let off = Shown { numbers: None, finger: false, bar: 0, signal: 0, ..beat };
        let off = Shown { beep: false, ..off };
        assert_eq!(frame(&off), [0x01, 0xE9, 0x80, 0xC0, 0x90, 0xFF, 0xFF, 0xFF, 0xFF]);
    }

    #[test]
    fn searching_and_a_low_saturation_have_their_bits() {
        let searching = Shown { numbers: None, too_long: true, signal: 0, ..shown(65, 97, None) };
        let frame_of = |it: &Shown| {
            let it = frame(it);
            let data = |place: usize| it[place + 2] & 0x7F | (it[1] >> place & 1) << 7;
            [data(0), data(1), data(2), data(3), data(4)]
        };
        assert_eq!(frame_of(&searching), [0x10, 0xB3, 0x16, 0xFF, 0x7F]);
        assert_eq!(frame_of(&shown(65, 80, None))[0], 0x25);
    }

    #[test]
    fn it_says_nothing_until_started_and_stops_when_nobody_keeps_it_alive() {
        let (mut contec, mut patient) = (Contec::default(), Patient::new(1, 0, Course::default()));
        contec.handle_host_bytes(0, &ALIVE);
        contec.handle_host_bytes(0, &[0x7D, 0x80, 0xA1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]);
        assert_eq!(contec.due(), None, "neither starts it");
        // Cut short, begun again, and in two pieces.
        contec.handle_host_bytes(1000, &STARTED[..5]);
        contec.handle_host_bytes(1000, &STARTED[..3]);
        assert_eq!(contec.due(), None);
        contec.handle_host_bytes(1000, &STARTED[3..]);
        let (mut frames, mut said, mut last) = (0, 0, 0);
        while let Some(due) = contec.due() {
            if due > 4000 && last <= 4000 {
                contec.handle_host_bytes(4000, &ALIVE);
            }
            let Some(it) = contec.emit(&mut patient) else { break };
            assert_eq!(it.bytes.len(), 9);
            frames += 1;
            said += usize::from(it.observation.is_some());
            last = it.at_ms;
        }
        // From 1 s to 9 s: five seconds behind the last word of the host.
        assert_eq!((frames, contec.due()), (480, None));
        assert!((8900..9000).contains(&last) && (8..=10).contains(&said), "{last} {said}");
    }

    #[test]
    fn it_stops_when_told_to() {
        let mut contec = Contec::default();
        contec.handle_host_bytes(0, &STARTED);
        assert_eq!(contec.due(), Some(1));
        contec.handle_host_bytes(500, &STOPPED);
        assert_eq!(contec.due(), None);
    }
}
