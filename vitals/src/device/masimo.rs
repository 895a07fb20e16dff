//! Masimo oximeters (Radical-7, Rad-8, Rad-87, Root): ASCII-1, one line a second.
//!
//! Documents: Masimo Rad-8 and Rad-57 operator manuals, serial interface, ASCII 1, with the exception bits; lines logged
//! from real devices.
//!
//! ```text
//! MM/DD/YY HH:MM:SS SN=… SPO2=098% BPM=123 PI=00.55 … EXC=0000C00 EXC1=…
//! ```
//!
//! Keys and widths differ by model, so a line is read as key=value. There is no checksum: a line with anything
//! that cannot stand there is damaged as a whole. A line without `EXC`, which stands behind all values, has lost a part.
//! Beside readings it tells its serial number (dashes: none). `ALARM` is a mask of bits that no document at hand explains,
//! and is not read; bits 100 and 200 of `EXC` are reserved.

use alloc::string::String;
use alloc::vec::Vec;

use super::Fault;
use super::alarms;
use super::codec::Codec;
use super::line::{self, Line, Lines};
use super::measured;
use super::outcomes::Outcomes;
use super::steady::Steady;
use crate::notice::{DeviceIdentity, Notice};
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::time::DeviceTime;
use crate::vital::Vital;

/// Digits of a saturation or a rate of a device that fills up with zeros.
const DIGITS: usize = 3;

/// Reads ASCII-1 lines. The device talks by itself; nothing is ever sent to it.
#[derive(Debug, Default)]
pub(super) struct MasimoCodec {
    lines: Lines,
    /// Whether the device fills its numbers up with zeros: then a number with a digit less has lost one.
    is_padded: bool,
    serial: Steady<String>,
}

impl Codec for MasimoCodec {
    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        let Some(line) = self.lines.take(byte, out) else { return };
        let found = match line {
            Line::Text(text) => line::find(&text, |it| self.read(it)),
            Line::Unreadable => line::Found { record: None, is_damaged: true },
        };
        if found.is_damaged {
            out.fault(Fault::Fragment);
        }
        if let Some((reading, serial)) = found.record {
            out.good();
            out.reading(reading);
            if let Some(serial) = serial.and_then(|it| self.serial.take(it)) {
                out.notice(Notice::Identity(DeviceIdentity {
                    serial: Some(serial),
                    ..DeviceIdentity::default()
                }));
            }
        }
    }
}

/// The exceptions of a line, as far as they concern its values. Bit 800, SET processing active, is no fault.
#[derive(Clone, Copy)]
struct Exceptions(u32);

impl Exceptions {
    fn has(self, mask: u32) -> bool {
        self.0 & mask != 0
    }

    fn absent(self) -> Absent {
        // 001 no sensor, 002 defective, 080 not recognised; 020 off the patient; 008 searching for a pulse.
        match self {
            _ if self.has(0x083) => Absent::SensorFault,
            _ if self.has(0x020) => Absent::SensorOff,
            _ if self.has(0x008) => Absent::Searching,
            _ => Absent::Invalid,
        }
    }

    fn quality(self) -> Quality {
        // 010 interference, 040 ambient light; 004 low perfusion; 400 low signal IQ.
        let artifact = Quality::ARTIFACT.when(self.has(0x050));
        // A value beside a sensor that is off or a pulse that is searched is the one from before.
        artifact
            .union(Quality::LOW_PERFUSION.when(self.has(0x004)))
            .union(Quality::QUESTIONABLE.when(self.has(0x408)))
            .union(Quality::HELD.when(self.has(0x0A3)))
    }
}

impl MasimoCodec {
    /// The reading of a line and the serial number in it; `None` is damage.
    fn read(&mut self, text: &str) -> Option<(Reading, Option<String>)> {
        let mut words = text.split_ascii_whitespace();
        let device_time = Some(time(words.next()?, words.next()?)?);
        let mut exceptions = None;
        let mut said: Vec<(Vital, Amount)> = Vec::new();
        let mut is_padded = self.is_padded;
        let mut serial = None;
        for word in words {
            let (key, value) = word.split_once('=')?;
            let vital = match key {
                "SPO2" => Vital::Spo2,
                "BPM" => Vital::PulseRate,
                "PI" => Vital::PerfusionIndex,
                "EXC" => {
                    exceptions = Some(Exceptions(bits(value)?));
                    continue;
                }
                "EXC1" | "ALARM" => {
                    bits(value)?;
                    continue;
                }
                "SN" => {
                    serial = serial_number(value);
                    continue;
                }
                _ => continue,
            };
            let digits = value.strip_suffix('%').unwrap_or(value);
            if vital != Vital::PerfusionIndex {
                // Dashes are three on every device.
                is_padded |= digits.len() == DIGITS && digits.starts_with('0');
                let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
                if !is_whole || digits.len() > DIGITS || (is_padded && digits.len() < DIGITS) {
                    return None;
                }
            } else if is_padded && !is_padded_index(digits) {
                return None;
            }
            let amount = amount(digits)?;
            if said.iter().any(|(it, _)| *it == vital)
                || matches!(amount, Amount::Value(it) if !vital.is_plausible(it))
            {
                return None;
            }
            said.push((vital, amount));
        }
        let exceptions = exceptions?;
        let both = [Vital::Spo2, Vital::PulseRate].iter().all(|it| said.iter().any(|(vital, _)| vital == it));
        if !both {
            return None;
        }
        self.is_padded = is_padded;
        let measure = |(vital, amount): (Vital, Amount)| match amount {
            Amount::Value(value) => Measurement::value(vital, value).with_quality(exceptions.quality()),
            Amount::Missing => Measurement::absent(vital, exceptions.absent()),
        };
        Some((measured::reading(said.into_iter().map(measure).collect(), device_time)?, serial))
    }
}

/// A serial number; dashes, and what is none, are none.
fn serial_number(value: &str) -> Option<String> {
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { alarms::name(value.as_bytes()) } else { None }
}

/// Whether this is the perfusion index of a device that fills up with zeros: two digits or dashes, a point, two more.
fn is_padded_index(digits: &str) -> bool {
    let two = |it: &str| it.len() == 2 && (it == "--" || it.bytes().all(|byte| byte.is_ascii_digit()));
    digits.split_once('.').is_some_and(|(whole, part)| two(whole) && two(part))
}

/// A mask of bits in hexadecimal.
fn bits(value: &str) -> Option<u32> {
    let plain = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { u32::from_str_radix(value, 16).ok() } else { None }
}

/// What stands behind a key.
#[derive(Debug, Clone, Copy)]
enum Amount {
    Value(Quantity),
    /// Dashes: the device has none.
    Missing,
}

/// A value without its unit: `098`, `00.55`, `---`, `--.-`; `None` is damage.
fn amount(digits: &str) -> Option<Amount> {
    if !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'-' | b'.')) {
        return Some(Amount::Missing);
    }
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { Quantity::parse(digits).ok().map(Amount::Value) } else { None }
}

/// Local time without a zone, the year in two digits of this century.
fn time(date: &str, clock: &str) -> Option<DeviceTime> {
    let three = |text: &str, mark: char| {
        let mut parts = text.split(mark).map(two_digits);
        let three = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(three)
    };
    let ([month, day, year], [hour, minute, second]) = (three(date, '/')?, three(clock, ':')?);
    measured::local_time(2000 + i16::from(year), [month, day, hour, minute, second])
}

fn two_digits(part: &str) -> Option<i8> {
    let two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if two { part.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;
    use alloc::format;
    use alloc::string::ToString;

    const OFF: &str = "03/17/16 19:19:36 SPO2=---% BPM=--- PI=--.-- EXC=";

    fn hear(text: &str) -> (Vec<Reading>, Counts) {
        crate::device::codec::hear(MasimoCodec::default(), text.as_bytes())
    }

    #[test]
    fn every_exception_has_its_meaning() {
        use Absent::{Invalid, Searching, SensorFault, SensorOff};
        for (mask, absent) in [
            ("000001", SensorFault),
            ("000002", SensorFault),
            ("000080", SensorFault),
            ("000020", SensorOff),
            ("000008", Searching),
            ("000800", Invalid),
            // The sensor's own fault outranks what follows from it.
            ("000029", SensorFault),
            ("000028", SensorOff),
        ] {
            let (readings, _) = hear(&format!("{OFF}{mask}\r\n"));
            assert_eq!(readings[0].measurements[1].value, Err(absent), "{mask}");
        }
        for (mask, quality) in [
            ("000004", Quality::LOW_PERFUSION),
            ("000010", Quality::ARTIFACT),
            ("000040", Quality::ARTIFACT),
            ("000400", Quality::QUESTIONABLE),
            ("000008", Quality::QUESTIONABLE),
            ("000020", Quality::HELD),
            ("000800", Quality::NONE),
            ("000C54", Quality::LOW_PERFUSION.union(Quality::ARTIFACT).union(Quality::QUESTIONABLE)),
        ] {
            let (readings, _) = hear(&format!("03/17/16 19:19:36 SPO2=098% BPM=060 EXC={mask}\r\n"));
            assert_eq!(readings[0].measurements[1].quality, quality, "{mask}");
        }
    }

    #[test]
    fn a_line_that_has_lost_a_part_gives_nothing() {
        let line = "03/17/16 19:19:36 SN=0000093112 SPO2=098% BPM=123 PI=00.55 ALARM=000000 EXC=000800";
        let good = format!("{line}\r\n");
        for lost in ["8%", "0", "=", " ", "BPM", "3", "19:1", "PI=00.55 ALARM=000000 EXC=000800"] {
            let at = line.find(lost).unwrap();
            let mut damaged = good.clone();
            damaged.replace_range(at..at + lost.len(), "");
            let (readings, counts) = hear(&(good.clone() + &damaged + &good));
            assert!(readings.iter().all(|it| *it == readings[0]), "{damaged}: {readings:?}");
            assert_eq!(counts.fragments + counts.frames_good, 3, "{damaged}: {counts:?}");
        }
    }

    #[test]
    fn a_line_that_has_lost_its_end_does_not_cost_the_next() {
        let good = "03/17/16 19:19:36 SN=0000093112 SPO2=098% BPM=123 PI=00.55 EXC=000800 EXC1=00000000\r\n";
        let (expected, _) = hear(good);
        for at in 1..good.len() - 2 {
            let (readings, counts) = hear(&[good, &good[..at], good].concat());
            assert_eq!((readings.len(), counts.fragments), (2, 1), "cut at {at}: {counts:?}");
            assert!(readings.iter().all(|it| *it == expected[0]), "cut at {at}: {readings:?}");
        }
    }

    #[test]
    fn a_perfusion_index_without_a_digit_is_no_other_one() {
        let good = "03/17/16 19:19:36 SPO2=098% BPM=123 PI=00.55 EXC=000800\r\n";
        for index in ["00.5", "0055", "0.55", "00.555", "00..55"] {
            let (readings, counts) = hear(&good.replace("00.55", index));
            assert_eq!((readings.len(), counts.fragments), (0, 1), "{index}");
        }
    }

    #[test]
    fn damage_to_the_end_of_a_line_costs_no_other() {
        let good = "03/17/16 19:19:36 SPO2=098% BPM=123 PI=00.55 EXC=000800\r\n";
        for end in ["\r\x0B", "\x0D", "\n", "\r\u{0}"] {
            let (readings, _) = hear(&(good.replace("\r\n", end) + good));
            assert_eq!(readings.len(), 2, "{end:?}");
        }
    }

    #[test]
    fn a_device_that_does_not_fill_up_with_zeros_is_read_too() {
        // Without a sensor there are three dashes on every device.
        let (_, counts) = hear(
            "03/17/16 19:19:35 SPO2=---% BPM=--- EXC=000020\r\n03/17/16 19:19:36 SPO2=98% BPM=60 EXC=800\r\n",
        );
        assert_eq!((counts.observations, counts.fragments), (2, 0));
        let (readings, counts) = hear("03/17/16 19:19:36 SPO2=98% BPM=60 PI=0.55 EXC=800\r\n");
        assert_eq!(counts.frames_good, 1);
        assert_eq!(readings[0].measurements[1].value.unwrap().to_string(), "98");
    }
}
