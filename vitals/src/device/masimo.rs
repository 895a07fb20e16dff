//! Masimo oximeters (Radical-7, Rad-8, Rad-87, Root): ASCII-1, one line a second.
//!
//! Documents: Masimo Rad-8 and Rad-57 operator manuals, serial interface, ASCII 1; the exception bits there.
//!
//! ```text
//! MM/DD/YY HH:MM:SS SN=… SPO2=098% BPM=123 PI=00.55 … EXC=0000C00 EXC1=…
//! ```
//!
//! Keys and widths differ by model, so a line is read as key=value. There is no checksum: a line with anything
//! that cannot stand there is damaged as a whole.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{Counts, Driver, Fault};
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::time::{DeviceTime, Uptime};
use crate::vital::Vital;

/// A longer line is none of Masimo's: its longest is some 200 characters.
const LINE_MAX: usize = 256;

/// Reads ASCII-1 lines. The device talks by itself; nothing is ever sent to it.
#[derive(Debug, Default)]
pub struct MasimoDriver {
    line: Vec<u8>,
    /// The line at hand is too long: passed over to its end.
    overlong: bool,
    outcomes: VecDeque<Result<Reading, Fault>>,
    counts: Counts,
}

impl MasimoDriver {
    fn take(&mut self, byte: u8) {
        match byte {
            b'\n' => self.end_line(),
            _ if self.overlong => self.counts.skipped_bytes += 1,
            _ if self.line.len() == LINE_MAX => {
                self.overlong = true;
                self.counts.bad_length += 1;
                self.counts.skipped_bytes += 1;
                self.outcomes.push_back(Err(Fault::BadLength));
            }
            _ => self.line.push(byte),
        }
    }

    fn end_line(&mut self) {
        let line = core::mem::take(&mut self.line);
        if core::mem::take(&mut self.overlong) {
            return;
        }
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        if text.is_empty() {
            return;
        }
        if let Some(reading) = core::str::from_utf8(text).ok().and_then(read) {
            self.counts.frames_good += 1;
            self.counts.observations += 1;
            self.outcomes.push_back(Ok(reading));
        } else {
            self.counts.fragments += 1;
            self.outcomes.push_back(Err(Fault::Fragment));
        }
    }
}

/// The exceptions of a line, as far as they concern its values.
#[derive(Clone, Copy, Default)]
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
        artifact
            .union(Quality::LOW_PERFUSION.when(self.has(0x004)))
            .union(Quality::QUESTIONABLE.when(self.has(0x400)))
    }
}

fn read(text: &str) -> Option<Reading> {
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return None;
    }
    let mut words = text.split_ascii_whitespace();
    let device_time = Some(time(words.next()?, words.next()?)?);
    let mut exceptions = Exceptions::default();
    let mut said: Vec<(Vital, Amount)> = Vec::new();
    for word in words {
        let (key, value) = word.split_once('=')?;
        let vital = match key {
            "SPO2" => Vital::Spo2,
            "BPM" => Vital::PulseRate,
            "PI" => Vital::PerfusionIndex,
            "EXC" => {
                exceptions = Exceptions(u32::from_str_radix(value, 16).ok()?);
                continue;
            }
            _ => continue,
        };
        let amount = amount(value)?;
        if said.iter().any(|(it, _)| *it == vital)
            || matches!(amount, Amount::Value(it) if !vital.is_plausible(it))
        {
            return None;
        }
        said.push((vital, amount));
    }
    let saturation = said.iter().any(|(vital, _)| *vital == Vital::Spo2);
    said.sort_unstable_by_key(|(vital, _)| *vital);
    let measure = |(vital, amount): (Vital, Amount)| match amount {
        Amount::Value(value) => Measurement::value(vital, value).with_quality(exceptions.quality()),
        Amount::Missing => Measurement::absent(vital, exceptions.absent()),
    };
    let measurements = said.into_iter().map(measure).collect();
    saturation.then_some(Reading { measurements, device_time, ..Reading::default() })
}

/// What stands behind a key.
#[derive(Debug, Clone, Copy)]
enum Amount {
    Value(Quantity),
    /// Dashes: the device has none.
    Missing,
}

/// A value with its unit glued on: `098%`, `00.55`, `---%`; `None` is damage.
fn amount(value: &str) -> Option<Amount> {
    let digits = value.strip_suffix('%').unwrap_or(value);
    if !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'-' | b'.')) {
        return Some(Amount::Missing);
    }
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { Quantity::parse(digits).ok().map(Amount::Value) } else { None }
}

/// Local time without a zone, the year in two digits of this century.
fn time(date: &str, clock: &str) -> Option<DeviceTime> {
    let mut parts = date.split('/').chain(clock.split(':')).map(|part| {
        let two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if two { part.parse::<i8>().ok() } else { None }
    });
    let mut next = || parts.next().flatten();
    let (month, day, year) = (next()?, next()?, next()?);
    let (hour, minute, second) = (next()?, next()?, next()?);
    let year = 2000_i16.checked_add(i16::from(year))?;
    jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok().map(DeviceTime::Local)
}

impl Driver for MasimoDriver {
    fn handle_bytes(&mut self, _now: Uptime, bytes: &[u8]) {
        for byte in bytes {
            self.take(*byte);
        }
    }

    fn handle_timeout(&mut self, _now: Uptime) {}

    fn poll_reading(&mut self) -> Option<Result<Reading, Fault>> {
        self.outcomes.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        None
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}
