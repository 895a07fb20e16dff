//! BCI's format, as Berry's modules speak it: five bytes sixty times a second, unasked and without a sum.

use super::Emission;
use super::fingertip::{Fingertip, Shown, frame_ms};
use crate::patient::Patient;

/// Five bytes at 4800 baud, ms.
const FRAME_TAKES_MS: u64 = 10;
/// No pulse rate, eight bits; no saturation, seven.
const NO_RATE: u8 = 0xFF;
const NO_SATURATION: u8 = 0x7F;

/// A frame.
#[must_use]
pub fn frame(shown: &Shown) -> [u8; 5] {
    let mark = |condition, bit| if condition { bit } else { 0 };
    let rate = shown.numbers.map_or(NO_RATE, |it| it.rate);
    let searching = shown.finger && shown.numbers.is_none();
    [
        0x80 | mark(shown.beep, 0x40) | mark(!shown.finger || shown.too_long, 0x10) | shown.signal,
        if shown.finger { shown.pleth } else { 0 },
        rate >> 7 << 6 | mark(searching, 0x20) | mark(!shown.finger, 0x10) | shown.bar,
        rate & 0x7F,
        shown.numbers.map_or(NO_SATURATION, |it| it.saturation),
    ]
}

/// A module that is switched on.
#[derive(Debug, Default)]
pub struct Bci {
    /// Frames that have left.
    frames: u64,
    meter: Fingertip,
}

impl Bci {
    pub(super) const fn due(&self) -> u64 {
        frame_ms(self.frames) + FRAME_TAKES_MS
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Emission {
        let (at_ms, first_ms) = (self.due(), frame_ms(self.frames));
        let shown = self.meter.look(patient, first_ms);
        let observation = self.meter.news(self.frames, shown.said(false));
        self.frames += 1;
        Emission { at_ms, first_ms, bytes: frame(&shown).to_vec(), observation, doubtful: false }
    }
}

#[cfg(test)]
mod tests {
    use vitals::vital::Vital;

    use super::super::Said;
    use super::super::fingertip::Numbers;
    use super::*;
    use crate::patient::course::Course;

    #[test]
    fn a_frame_is_as_in_the_worked_examples() {
        let ok = Shown {
            numbers: Some(Numbers { rate: 72, saturation: 98, perfusion: None }),
            finger: true,
            too_long: false,
            pleth: 63,
            bar: 8,
            signal: 7,
            beep: true,
        };
        assert_eq!(frame(&ok), [0xC7, 0x3F, 0x08, 0x48, 0x62]);
        let fast = Numbers { rate: 158, saturation: 88, perfusion: None };
        let fast = Shown { numbers: Some(fast), pleth: 40, bar: 5, signal: 4, beep: false, ..ok };
        assert_eq!(frame(&fast), [0x84, 0x28, 0x45, 0x1E, 0x58]);
        let off = Shown { numbers: None, finger: false, bar: 0, signal: 0, beep: false, ..ok };
        assert_eq!(frame(&off), [0x90, 0x00, 0x50, 0x7F, 0x7F]);
        let searching = Shown { finger: true, ..off };
        assert_eq!(frame(&searching), [0x80, 0x3F, 0x60, 0x7F, 0x7F]);
        assert_eq!(frame(&Shown { too_long: true, ..searching })[0], 0x90);
    }

    #[test]
    fn a_line_carries_300_bytes_a_second() {
        let mut patient = Patient::new(1, 0, Course::default());
        let mut module = Bci::default();
        let (mut bytes, mut said) = (0, Vec::new());
        while module.due() <= 10_000 {
            let it = module.emit(&mut patient);
            bytes += it.bytes.len();
            said.extend(it.observation.map(|it| it.vitals[&Vital::Spo2]));
        }
        assert_eq!(bytes, 3000);
        assert!((10..=20).contains(&said.len()), "{said:?}");
        assert!(said.iter().all(|it| matches!(it, Said::Value(_))), "{said:?}");
    }
}
