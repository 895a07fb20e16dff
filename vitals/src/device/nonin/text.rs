//! The ASCII line of the older desk models (8500, 8600, 9847, 9600): once a second, without a checksum.
//!
//! ```text
//! SPO2=097 HR=072          --- is no value, * behind it an event mark
//! ```

use super::{RATE_RANGE, Status};
use crate::device::Fault;
use crate::device::codec::Codec;
use crate::device::line::{self, Line, Lines};
use crate::device::measured::measured;
use crate::device::outcomes::Outcomes;
use crate::quantity::Quantity;
use crate::reading::{Measurement, Quality, Reading};
use crate::vital::Vital;

/// Reads lines. The device talks by itself; nothing is ever sent to it.
#[derive(Debug, Default)]
pub(in crate::device) struct TextCodec {
    lines: Lines,
}

impl Codec for TextCodec {
    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        let found = match self.lines.take(byte, out) {
            None => return,
            Some(Line::Text(text)) => line::find(&text, read),
            Some(Line::Unreadable) => line::Found { record: None, is_damaged: true },
        };
        if found.is_damaged {
            out.fault(Fault::Fragment);
        }
        if let Some(reading) = found.record {
            out.good();
            out.reading(reading);
        }
    }
}

fn read(text: &str) -> Option<Reading> {
    let mut words = text.split_ascii_whitespace();
    let saturation = three(words.next()?.strip_prefix("SPO2=")?)?;
    let rate = words.next()?.strip_prefix("HR=")?;
    let marked = rate.strip_suffix('*');
    let rate = three(marked.unwrap_or(rate))?;
    let rest = words.next();
    if !(rest.is_none() || (rest == Some("*") && marked.is_none())) || words.next().is_some() {
        return None;
    }
    if rate.is_some_and(|it| u16::try_from(it).is_ok_and(|it| !RATE_RANGE.contains(&it))) {
        return None;
    }
    let say = |vital, value: Option<i16>| match value {
        Some(value) => measured(vital, Quantity::from_whole(value), Quality::NONE),
        None => Measurement::absent(vital, Status::default().absent()),
    };
    let measurements = alloc::vec![say(Vital::PulseRate, rate), say(Vital::Spo2, saturation)];
    Some(Reading { measurements, ..Reading::default() })
}

/// Three digits, or three dashes where there is no value; nothing for anything else.
#[expect(clippy::option_option, reason = "damage is not absence")]
fn three(text: &str) -> Option<Option<i16>> {
    if text == "---" {
        return Some(None);
    }
    let plain = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { Some(text.parse().ok()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Absent;

    #[test]
    fn a_line_that_has_lost_its_end_does_not_cost_the_next() {
        let good = "SPO2=097 HR=072\r\n";
        for at in 1..good.len() - 2 {
            let text = [good, &good[..at], good].concat();
            let (readings, counts) = crate::device::codec::hear(TextCodec::default(), text.as_bytes());
            assert_eq!((readings.len(), counts.fragments), (2, 1), "cut at {at}");
            assert_eq!(readings[0], readings[1], "cut at {at}");
        }
    }

    #[test]
    fn a_line_is_three_digits_each_or_dashes() {
        let values = |text| read(text).map(|it| (it.measurements[1].value, it.measurements[0].value));
        let whole = |value| Ok(Quantity::from_whole(value));
        assert_eq!(values("SPO2=097 HR=072"), Some((whole(97), whole(72))));
        assert_eq!(values("SPO2=097 HR=072*"), Some((whole(97), whole(72))));
        assert_eq!(values("SPO2=097  HR=172 *"), Some((whole(97), whole(172))));
        assert_eq!(values("SPO2=--- HR=---"), Some((Err(Absent::Invalid), Err(Absent::Invalid))));
        for damaged in [
            "SPO2=97 HR=072",
            "SPO2=097 HR=72",
            "SPO2=097",
            "HR=072",
            "SPO2=0 7 HR=072",
            "SPO2=097 HR=072 HR=080",
        ] {
            assert_eq!(values(damaged), None, "{damaged}");
        }
    }
}
