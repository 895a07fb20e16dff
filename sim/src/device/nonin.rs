//! Nonin oximeters: data formats 2, 7 and 8 here, 13 and text below, by "9560 OEM Specification and Technical Information".

pub mod spot;
pub mod text;

use std::collections::BTreeMap;

use vitals::quantity::Quantity;
use vitals::vital::Vital;

use super::{Emission, Observation, Said, quantity, rounded};
use crate::patient::{Numerics, Oximeter, Patient};

/// Frames in a packet of formats 2 and 7.
const FRAMES: u64 = 25;
/// Frames that leave together: 5 are 67 ms.
const FRAMES_TOGETHER: u64 = 5;
/// For so long the display values stay after the finger has gone, ms.
const HELD_MS: u64 = 10_000;

/// Heart rate when there is none: all nine bits.
const NO_RATE: u16 = 511;
/// Saturation when there is none: all seven bits.
const NO_SATURATION: u8 = 127;

/// Status: always set.
const STATUS: u8 = 0x80;
/// Status: an artefact on this pulse; out of track; no finger or a bad sensor; low perfusion.
const ARTF: u8 = 0x20;
const OOT: u8 = 0x10;
const SNSA: u8 = 0x08;
const RPRF: u8 = 0x04;
/// Status: the first frame of a packet.
const SYNC: u8 = 0x01;

/// Slot 8: a good reading; the battery is low.
const SPA: u8 = 0x20;
const LOWBAT: u8 = 0x01;
/// Below this perfusion index the pulse is called weak, %.
const WEAK: f64 = 0.3;

/// Which of the two formats with a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 8-bit pleth.
    Df2,
    /// 16-bit pleth.
    Df7,
}

/// What the meter shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    rate: u16,
    saturation: u8,
    /// What is shown on for 10 s after the pulse has gone.
    display: (u16, u8),
    oximeter: Oximeter,
    motion: bool,
    weak: bool,
    battery_low: bool,
}

impl Shown {
    /// What a meter shows of a patient.
    #[must_use]
    pub fn of(now: &Numerics) -> Self {
        let rate = u16::try_from(rounded(now.pulse_rate, 1)).unwrap_or(0).clamp(18, 321);
        let saturation = u8::try_from(rounded(now.spo2, 1)).unwrap_or(0).min(100);
        Self {
            rate,
            saturation,
            display: (rate, saturation),
            oximeter: Oximeter::On,
            motion: now.motion,
            weak: now.perfusion < WEAK,
            battery_low: now.device.battery_low,
        }
    }

    /// No finger, or no pulse in it; `display` is what is still shown.
    #[must_use]
    pub const fn without(now: &Numerics, display: Option<(u16, u8)>) -> Self {
        let display = match display {
            Some(it) => it,
            None => (NO_RATE, NO_SATURATION),
        };
        Self {
            rate: NO_RATE,
            saturation: NO_SATURATION,
            display,
            oximeter: now.oximeter,
            motion: false,
            weak: false,
            battery_low: now.device.battery_low,
        }
    }

    fn said(self) -> BTreeMap<Vital, Said> {
        let held = self.display.0 != NO_RATE;
        let say = |value: Quantity| match (self.oximeter, held) {
            (Oximeter::On, _) => Said::Value(value),
            (_, true) => Said::Held,
            (Oximeter::Off, false) => Said::Absent { sensor: true },
            (Oximeter::Searching, false) => Said::Absent { sensor: false },
        };
        BTreeMap::from([
            (Vital::PulseRate, say(quantity(i32::from(self.rate), 1))),
            (Vital::Spo2, say(quantity(i32::from(self.saturation), 1))),
        ])
    }

    /// The status byte of a frame, without its sync.
    fn status(self) -> u8 {
        let of_sensor = match self.oximeter {
            Oximeter::On => 0,
            Oximeter::Off => SNSA,
            Oximeter::Searching => OOT,
        };
        let mark = |condition, bit| if condition { bit } else { 0 };
        STATUS | of_sensor | mark(self.motion, ARTF) | mark(self.weak, RPRF)
    }
}

/// A packet of 25 frames; `pleth` are its samples, 16 bit, and `number` counts packets.
#[must_use]
pub fn packet(format: Format, shown: &Shown, pleth: &[u16; 25], number: u64) -> Vec<u8> {
    let halves = |rate: u16| (high(rate), low(rate));
    let ((rate_high, rate_low), (shown_high, shown_low)) = (halves(shown.rate), halves(shown.display.0));
    let timer = u16::try_from(number % 16_384).unwrap_or(0);
    let mut bytes = Vec::with_capacity(125);
    for (index, sample) in pleth.iter().enumerate() {
        let slot = match index + 1 {
            1 | 14 => rate_high,
            2 | 15 => rate_low,
            3 | 10 | 11 | 16 => shown.saturation,
            4 => 0x30,
            6 => high(timer),
            7 => low(timer),
            8 => {
                let good = if shown.oximeter == Oximeter::On { SPA } else { 0 };
                good | if shown.battery_low { LOWBAT } else { 0 }
            }
            9 | 17 => shown.display.1,
            20 | 22 => shown_high,
            21 | 23 => shown_low,
            _ => 0,
        };
        let status = shown.status() | if index == 0 { SYNC } else { 0 };
        let [msb, lsb] = sample.to_be_bytes();
        let frame = match format {
            Format::Df2 => [0x01, status, msb, slot],
            Format::Df7 => [status, msb, lsb, slot],
        };
        bytes.extend(frame);
        bytes.push(frame.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
    }
    bytes
}

/// Bits 7 and 8 of a value in bytes of seven bits.
fn high(value: u16) -> u8 {
    u8::try_from(value >> 7 & 0x7F).unwrap_or(0)
}

fn low(value: u16) -> u8 {
    u8::try_from(value & 0x7F).unwrap_or(0)
}

/// Data format 8: four bytes a second.
#[must_use]
pub fn second(shown: &Shown) -> [u8; 4] {
    let upper = u8::try_from(shown.rate >> 7 & 0x03).unwrap_or(0);
    let mark = |condition, bit| if condition { bit } else { 0 };
    let out_of_track = mark(shown.oximeter != Oximeter::On, 0x20);
    let first = 0x80 | out_of_track | mark(shown.weak, 0x10) | mark(shown.motion, 0x04) | upper;
    let last = mark(shown.oximeter == Oximeter::Off, 0x08) | mark(shown.battery_low, LOWBAT);
    [first, low(shown.rate), shown.saturation, last]
}

/// An oximeter in format 2 or 7: 75 frames a second.
#[derive(Debug)]
pub struct Packets {
    format: Format,
    /// Frames that have left.
    frames: u64,
    /// The packet on its way, and what it says.
    packet: Vec<u8>,
    observation: Observation,
    off_since: Option<u64>,
    last: Option<(u16, u8)>,
}

impl Packets {
    /// An oximeter that is switched on now.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            frames: 0,
            packet: Vec::new(),
            observation: Observation::default(),
            off_since: None,
            last: None,
        }
    }

    pub(super) fn due(&self) -> u64 {
        frame_ms(self.frames + FRAMES_TOGETHER)
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Emission {
        let place = self.frames % FRAMES;
        if place == 0 {
            self.begin(patient);
        }
        let first_ms = frame_ms(self.frames - place);
        let at_ms = self.due();
        self.frames += FRAMES_TOGETHER;
        let rest = self.packet.split_off(self.packet.len().min(25));
        let bytes = std::mem::replace(&mut self.packet, rest);
        let complete = self.packet.is_empty();
        let observation = complete.then(|| std::mem::take(&mut self.observation));
        Emission { at_ms, first_ms, bytes, observation, doubtful: false }
    }

    /// Measures and begins a packet.
    fn begin(&mut self, patient: &mut Patient) {
        let at = frame_ms(self.frames);
        let now = patient.at(at);
        let on = now.oximeter == Oximeter::On;
        let shown = if on {
            self.off_since = None;
            let shown = Shown::of(&now);
            self.last = Some(shown.display);
            shown
        } else {
            let since = *self.off_since.get_or_insert(at);
            Shown::without(&now, self.last.filter(|_| at - since < HELD_MS))
        };
        let mut pleth = [0; 25];
        for (sample, frame) in pleth.iter_mut().zip(self.frames..) {
            let height = patient.pleth(frame_ms(frame));
            *sample = match self.format {
                // The upper byte is what format 2 carries.
                Format::Df2 => u16::try_from(rounded(height * 180.0, 1) + 20).unwrap_or(0) << 8,
                Format::Df7 => u16::try_from(rounded(height * 18_000.0, 1) + 24_000).unwrap_or(0),
            };
        }
        self.packet = packet(self.format, &shown, &pleth, self.frames / FRAMES);
        self.observation = Observation { vitals: shown.said(), ..Observation::default() };
    }
}

/// When a frame begins: 75 a second.
fn frame_ms(frame: u64) -> u64 {
    frame * 40 / 3
}

/// An oximeter in format 8.
#[derive(Debug)]
pub struct Seconds {
    seconds: u64,
}

impl Seconds {
    /// An oximeter that is switched on now.
    #[must_use]
    pub const fn new() -> Self {
        Self { seconds: 0 }
    }

    pub(super) const fn due(&self) -> u64 {
        (self.seconds + 1) * 1000
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Emission {
        let at_ms = self.due();
        self.seconds += 1;
        let now = patient.at(at_ms);
        let on = now.oximeter == Oximeter::On;
        let shown = if on { Shown::of(&now) } else { Shown::without(&now, None) };
        let observation = Some(Observation { vitals: shown.said(), ..Observation::default() });
        let bytes = second(&shown).to_vec();
        Emission { at_ms, first_ms: at_ms, bytes, observation, doubtful: false }
    }
}

impl Default for Seconds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    fn shown(rate: u16, saturation: u8) -> Shown {
        let shown = Shown::of(Patient::new(1, 0, Course::default()).now());
        Shown { rate, saturation, display: (rate, saturation), ..shown }
    }

    fn off() -> Shown {
        let now = Numerics { oximeter: Oximeter::Off, ..*Patient::new(1, 0, Course::default()).now() };
        Shown::without(&now, None)
    }

    fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace().map(|it| u8::from_str_radix(it, 16).unwrap()).collect()
    }

    #[test]
    fn format_2_is_as_in_the_worked_example() {
        let wave =
            [1, 3, 8, 15, 24, 35, 46, 56, 64, 70, 74, 76, 75, 72, 68, 63, 57, 51, 45, 39, 33, 27, 21, 15, 9];
        let bytes = packet(Format::Df2, &shown(72, 97), &wave.map(|it| it << 8), 0);
        assert_eq!(bytes.len(), 125);
        assert_eq!(bytes[..20], hex("01 81 01 00 83 01 80 03 48 CC 01 80 08 61 EA 01 80 0F 30 C0"));
        // Display rate in slots 20 and 21, as in the whole vector.
        assert_eq!(bytes[100..105], hex("01 80 21 48 EA"));
    }

    #[test]
    fn format_7_is_as_in_the_worked_example() {
        let mut wave = [0; 25];
        for (index, sample) in (0..).zip(wave.iter_mut()) {
            *sample = 32_768 + 10 * index;
        }
        let bytes = packet(Format::Df7, &shown(158, 94), &wave, 0);
        assert_eq!(bytes[..15], hex("81 80 00 01 02 80 80 0A 1E 28 80 80 14 5E 72"));
        let off = packet(Format::Df7, &off(), &[0; 25], 0);
        assert_eq!(off[..15], hex("89 00 00 03 8C 88 00 00 7F 07 88 00 00 7F 07"));
    }

    #[test]
    fn format_8_is_as_in_the_worked_examples() {
        assert_eq!(second(&shown(72, 97)).to_vec(), hex("80 48 61 00"));
        assert_eq!(second(&off()).to_vec(), hex("A3 7F 7F 08"));
        let moving = Shown { motion: true, battery_low: true, ..shown(158, 88) };
        assert_eq!(second(&moving).to_vec(), hex("85 1E 58 01"));
    }

    #[test]
    fn a_line_carries_375_bytes_a_second_and_three_observations() {
        let mut patient = Patient::new(1, 0, Course::default());
        let mut device = Packets::new(Format::Df7);
        let mut said = Vec::new();
        let mut bytes = 0;
        while device.due() <= 10_000 {
            let it = device.emit(&mut patient);
            bytes += it.bytes.len();
            said.extend(it.observation.map(|observation| (it.at_ms, observation)));
        }
        assert_eq!((bytes, said.len()), (3750, 30));
        assert_eq!(said[0].0, 333);
        assert_eq!(said[29].0, 10_000);
    }

    #[test]
    fn a_value_is_held_for_ten_seconds_without_a_finger() {
        let course = Course { probe: vec![(5.0, false)], ..Course::default() };
        let mut patient = Patient::new(1, 0, course);
        let mut device = Packets::new(Format::Df2);
        let mut said = Vec::new();
        while device.due() <= 20_000 {
            let it = device.emit(&mut patient);
            said.extend(it.observation.map(|observation| (it.at_ms, observation.vitals[&Vital::Spo2])));
        }
        let of = |at: u64| said.iter().find(|it| it.0 >= at).unwrap().1;
        assert!(matches!(of(4000), Said::Value(_)));
        assert_eq!((of(6000), of(14_000)), (Said::Held, Said::Held));
        assert_eq!(of(16_000), Said::Absent { sensor: true });
    }
}
