//! Nellcor oximeters (NPB-290, NPB-295, N-395, N-595, N-560): a row of text every two seconds.
//!
//! Documents: NPB-290, NPB-295, N-395 and N-560 manuals, the data port's ASCII mode; the column headings and the status
//! codes there. Line: 9600 8N1. A device that is silent is sent DC1, the word that lets it go on.
//!
//! ```text
//! NPB-295   VERSION 2.0.0.0    CRC: XXXX   SpO2 Limit: 70-100%   PR Limit: 60-160BPM
//!                              ADULT              0SAT-S
//! TIME                  %SPO2   BPM    PA    Status
//! 12-NOV-98 14:00:05     100    120    50
//! 12-NOV-98 14:00:07      84*   190*   50    PH SL
//! ```
//!
//! The heading, every 25 rows, tells the limits set at the bedside, the model and its software. There is no checksum: a row with
//! anything that cannot stand there is damaged, and one whose numbers end elsewhere than in the rows before. Status: PH, PL, SH, SL (pulse rate and saturation beyond their limits), LP, LM (no
//! pulse, the latter with motion), SD, SO (sensor disconnected, off) are the device's alarms, LB a low battery. MO and PS are
//! no alarms; AO and AS (alarms off, silenced) are settings and change none of ours.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::codec::Codec;
use super::line::{self, Line, Lines};
use super::measured::{self, measured};
use super::outcomes::Outcomes;
use super::schedule::Phrases;
use super::steady::Steady;
use super::{Fault, alarms};
use crate::notice::{About, BedsideLimit, BedsideLimits, DeviceIdentity, Notice};
use crate::priority::Direction;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::time::DeviceTime;
use crate::vital::Vital;

/// DC1 after three rows that did not come.
const PHRASES: Phrases =
    Phrases { opening: &[&[0x11]], at_once: false, patience: Duration::from_millis(6600), repeated: None };

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// Status codes that are alarms. The device does not say how urgent.
const ALARMS: [(&str, About); 8] = [
    ("PH", About::Limit(Vital::PulseRate, Direction::High)),
    ("PL", About::Limit(Vital::PulseRate, Direction::Low)),
    ("SH", About::Limit(Vital::Spo2, Direction::High)),
    ("SL", About::Limit(Vital::Spo2, Direction::Low)),
    ("LP", About::Patient),
    ("LM", About::Patient),
    ("SD", About::Equipment),
    ("SO", About::Equipment),
];

/// Reads rows and headings.
#[derive(Debug, Default)]
pub(super) struct NellcorCodec {
    lines: Lines,
    identity: Steady<DeviceIdentity>,
    /// Where saturation and rate end in a row: a row with another place has lost or gained something before them.
    columns: Steady<[usize; 2]>,
}

impl Codec for NellcorCodec {
    const PHRASES: &'static Phrases = &PHRASES;

    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        // DC1 and DC3 let the line go on and stop it; they may stand anywhere.
        if matches!(byte, 0x11 | 0x13) {
            return;
        }
        match self.lines.take(byte, out) {
            None => {}
            Some(Line::Text(text)) => self.take_line(&text, out),
            Some(Line::Unreadable) => out.fault(Fault::Fragment),
        }
    }
}

impl NellcorCodec {
    fn take_line(&mut self, text: &str, out: &mut Outcomes) {
        let found = line::find(text, |it| {
            let (reading, status) = row(it)?;
            let status: Vec<String> = status.into_iter().map(Into::into).collect();
            self.columns.take(ends(it)?)?;
            Some((reading, status))
        });
        if found.record.is_none() && is_heading(text) {
            out.good();
            if let Some(limits) = limits(text) {
                out.notice(Notice::Limits(limits));
            }
            if let Some(identity) = identity(text).and_then(|it| self.identity.take(it)) {
                out.notice(Notice::Identity(identity));
            }
            return;
        }
        if found.is_damaged {
            out.fault(Fault::Fragment);
        }
        if let Some((reading, status)) = found.record {
            out.good();
            out.reading(reading);
            let has = |code: &str| status.iter().any(|it| it == code);
            let raised = ALARMS.iter().filter(|(code, _)| has(code));
            out.notice(alarms::raised(raised.filter_map(|(code, about)| alarms::alarm(code, *about, None))));
            out.notice(Notice::BatteryLow(has("LB")));
        }
    }
}

/// Where saturation and rate end in a row, without their stars: behind a date and a time.
fn ends(row: &str) -> Option<[usize; 2]> {
    let is_word = |at: usize| row.as_bytes().get(at).is_some_and(|byte| !matches!(byte, b' ' | b'*'));
    let mut ends = (0..row.len()).filter(|at| is_word(*at) && !is_word(at + 1)).skip(2);
    Some([ends.next()?, ends.next()?])
}

fn is_heading(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    text.contains(" VERSION ")
        || (words.next() == Some("TIME") && words.next().is_some_and(|it| it.eq_ignore_ascii_case("%SPO2")))
        || (text.contains("SAT-S") && text.starts_with(' '))
}

/// The limits of a heading's first line.
fn limits(text: &str) -> Option<BedsideLimits> {
    let range = |vital, key: &str, unit: &str| {
        let said = text.split(key).nth(1)?.split(unit).next()?;
        let (low, high) = said.split_once('-')?;
        let number = |it: &str| it.trim().parse::<i16>().ok().map(Quantity::from_whole);
        Some(BedsideLimit { vital, low: Some(number(low)?), high: Some(number(high)?) })
    };
    Some(BedsideLimits(alloc::vec![
        range(Vital::PulseRate, "PR Limit:", "BPM")?,
        range(Vital::Spo2, "SpO2 Limit:", "%")?,
    ]))
}

/// The model and its software, of a heading's first line.
fn identity(text: &str) -> Option<DeviceIdentity> {
    let (model, rest) = text.split_once(" VERSION ")?;
    let software = rest.split_ascii_whitespace().next()?;
    let plain = software.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let software = if plain { alarms::name(software.as_bytes()) } else { None };
    let model = Some(alarms::name(model.as_bytes()).filter(|it| !it.contains(' '))?);
    Some(DeviceIdentity { model, software, ..DeviceIdentity::default() })
}

/// The reading of a row, and its status codes.
fn row(text: &str) -> Option<(Reading, Vec<&str>)> {
    let mut words = text.split_ascii_whitespace();
    let device_time = Some(time(words.next()?, words.next()?)?);
    let (saturation, rate) = (number(words.next()?)?, number(words.next()?)?);
    // The pulse amplitude has no unit and is no perfusion index.
    number(words.next()?)?;
    let status: Vec<&str> = words.collect();
    if !status.iter().all(|it| it.len() == 2 && it.bytes().all(|byte| byte.is_ascii_uppercase())) {
        return None;
    }
    let has = |codes: &[&str]| status.iter().any(|it| codes.contains(it));
    let reason = match () {
        () if has(&["SD"]) => Absent::SensorFault,
        () if has(&["SO"]) => Absent::SensorOff,
        () if has(&["PS", "LP", "LM"]) => Absent::Searching,
        () => Absent::Invalid,
    };
    let quality = Quality::ARTIFACT
        .when(has(&["MO", "LM"]))
        .union(Quality::QUESTIONABLE.when(has(&["PS", "LP"])))
        .union(Quality::HELD.when(has(&["SD", "SO"])));
    let say = |vital, value| match value {
        // An N-560 that searches for a pulse writes 0; that a pulse is lost has a status of its own.
        None | Some(0) => Measurement::absent(vital, reason),
        Some(value) => measured(vital, Quantity::from_whole(value), quality),
    };
    let both = alloc::vec![say(Vital::PulseRate, rate), say(Vital::Spo2, saturation)];
    Some((measured::reading(both, device_time)?, status))
}

/// A number, with a star where it is outside the device's limits; dashes where there is none.
#[expect(clippy::option_option, reason = "damage is not absence")]
fn number(word: &str) -> Option<Option<i16>> {
    if word == "---" {
        return Some(None);
    }
    let digits = word.strip_suffix('*').unwrap_or(word);
    let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok().map(Some) } else { None }
}

/// `12-NOV-98` and `14:00:05`.
fn time(date: &str, clock: &str) -> Option<DeviceTime> {
    let two = |part: &str| {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if plain { part.parse::<i8>().ok() } else { None }
    };
    let mut parts = date.split('-');
    let day = two(parts.next()?)?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|it| it.eq_ignore_ascii_case(name))? + 1;
    let year = two(parts.next()?)?;
    let mut parts = clock.split(':').map(two);
    let mut next = || parts.next().flatten();
    let clock = [next()?, next()?, next()?];
    if date.split('-').count() != 3 || parts.next().is_some() {
        return None;
    }
    let month = i8::try_from(month).ok()?;
    measured::local_time(measured::century(year), [month, day, clock[0], clock[1], clock[2]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::DeviceAlarm;

    const PAGE: &str = "\
NPB-295   VERSION 2.0.0.0    CRC: XXXX   SpO2 Limit: 70-100%   PR Limit: 60-160BPM\r\n\x20\
\x20                           ADULT              0SAT-S\r\n\
TIME                  %SPO2   BPM    PA    Status\r\n\
12-NOV-98 14:00:05     100    120    50\r\n\
12-NOV-98 14:00:07      84*   190*   50    PH SL\r\n\
12-NOV-98 14:00:09     ---    ---   ---    SD\r\n";

    #[test]
    fn a_page_gives_its_rows_and_the_limits_set_at_the_bedside() {
        let (mut codec, mut out) = (NellcorCodec::default(), Outcomes::default());
        for byte in PAGE.bytes() {
            codec.take(byte, &mut out);
        }
        let counts = out.counts();
        assert_eq!((counts.frames_good, counts.observations, counts.fragments), (6, 3, 0));
        let values: Vec<_> = core::iter::from_fn(|| out.poll())
            .filter_map(Result::ok)
            .map(|it| (it.measurements[0].value, it.measurements[1].value))
            .collect();
        let whole = |value| Ok(Quantity::from_whole(value));
        let fault = Err(Absent::SensorFault);
        assert_eq!(values, [(whole(120), whole(100)), (whole(190), whole(84)), (fault, fault)]);
        let limit = |vital, low, high| BedsideLimit {
            vital,
            low: Some(Quantity::from_whole(low)),
            high: Some(Quantity::from_whole(high)),
        };
        let expected = alloc::vec![limit(Vital::PulseRate, 60, 160), limit(Vital::Spo2, 70, 100)];
        assert_eq!(out.poll_notice(), Some(Notice::Limits(BedsideLimits(expected))));
        let (model, software) = (Some("NPB-295".into()), Some("2.0.0.0".into()));
        let identity = DeviceIdentity { model, software, ..DeviceIdentity::default() };
        assert_eq!(out.poll_notice(), Some(Notice::Identity(identity)));
    }

    #[test]
    fn status_codes_are_the_alarms_of_a_row() {
        let (mut codec, mut out) = (NellcorCodec::default(), Outcomes::default());
        let mut heard = |status: &str| {
            let row = alloc::format!("12-NOV-98 14:00:05     100    120    50  {status}\r\n");
            row.bytes().for_each(|byte| codec.take(byte, &mut out));
            core::iter::from_fn(|| out.poll_notice()).collect::<Vec<_>>()
        };
        let alarm = |code: &str, about| DeviceAlarm { code: code.into(), about, priority: None };
        assert_eq!(heard(""), [Notice::Alarms(Vec::new()), Notice::BatteryLow(false)]);
        for (code, about) in ALARMS {
            assert_eq!(heard(code), [Notice::Alarms(alloc::vec![alarm(code, about)])], "{code}");
        }
        assert_eq!(heard("MO LB PS"), [Notice::Alarms(Vec::new()), Notice::BatteryLow(true)]);
        let (high, low) = (alarm("PH", ALARMS[0].1), alarm("SL", ALARMS[3].1));
        assert_eq!(heard("SL PH LB AS"), [Notice::Alarms(alloc::vec![high, low])]);
        assert_eq!(heard("PH SLx"), [], "a damaged row");
        assert_eq!(heard("AO"), [Notice::Alarms(Vec::new()), Notice::BatteryLow(false)]);
    }

    #[test]
    fn a_row_with_what_cannot_stand_there_is_damaged() {
        for damaged in [
            "12-NOV-98 14:00:05     100    120",
            "12-NOV-98 14:00:05     1O0    120    50",
            "12-NOV-98 14:00:05     1000    120    50",
            "12-NUV-98 14:00:05     100    120    50",
            "12-NOV-98 14:00:5     100    120    50",
            "31-FEB-98 14:00:05     100    120    50",
            "12-NOV-98 14:00:05     100    120    50   ph",
            "12-NOV-98 14:00:05     -9-    120    50",
            "00:05     100    120    50",
        ] {
            assert!(row(damaged).is_none(), "{damaged}");
        }
    }

    #[test]
    fn a_digit_that_is_lost_or_said_twice_moves_the_columns_and_is_no_other_number() {
        let row = "12-NOV-98 14:00:05      96    120    50\r\n";
        for damaged in [row.replace("96", "9"), row.replace("96", "966"), row.replace("120", "10")] {
            let text = [row, row, &damaged, row].concat();
            let (readings, counts) = crate::device::codec::hear(NellcorCodec::default(), text.as_bytes());
            assert_eq!((counts.frames_good, counts.fragments), (3, 1), "{damaged}");
            assert!(readings.iter().all(|it| *it == readings[0]), "{readings:?}");
        }
        // Another device, whose columns stand elsewhere, is believed by its third row.
        let other = row.replace("     96", "  96").repeat(4);
        let text = [row, row, &other].concat();
        let (_, counts) = crate::device::codec::hear(NellcorCodec::default(), text.as_bytes());
        assert_eq!((counts.frames_good, counts.fragments), (4, 2));
    }

    #[test]
    fn a_row_that_has_lost_its_end_does_not_cost_the_next() {
        let row = "12-NOV-98 14:00:05      96    120    50\r\n";
        let heading = "TIME                  %SPO2   BPM    PA    Status";
        for cut in ["12-NOV-98 14:00:05      9", "12-NOV-98 1", heading, "J"] {
            let text = [row, cut, row].concat();
            let (readings, counts) = crate::device::codec::hear(NellcorCodec::default(), text.as_bytes());
            assert_eq!((readings.len(), counts.frames_good, counts.fragments), (2, 2, 1), "{cut}");
            assert_eq!(readings[0], readings[1]);
        }
    }

    /// As logs of an N-560 have it: other months, another heading, zeros while it searches.
    #[test]
    fn an_n560_writes_it_in_its_own_way() {
        let text = "\
N-560    VERSION 1.56.00    CRC:XXXX  SpO2 Limit: 90-100%    PR Limit: 60-170BPM\r\n\x20\
\x20                           ADULT            0SAT-S\r\n\
TIME                 %SpO2   BPM     PA     Status\r\n\
29-Dec-17 07:19:21    74*     70      11    MO SL       AS\r\n\
29-Dec-17 07:20:27     0       0     ---    PS\r\n\
29-Dec-17 07:20:43    94     119       5\r\n";
        let (readings, counts) = crate::device::codec::hear(NellcorCodec::default(), text.as_bytes());
        assert_eq!((counts.frames_good, counts.fragments), (6, 0));
        let values: Vec<_> =
            readings.iter().map(|it| (it.measurements[0].value, it.measurements[1].value)).collect();
        let whole = |value| Ok(Quantity::from_whole(value));
        let searching = Err(Absent::Searching);
        assert_eq!(values, [(whole(70), whole(74)), (searching, searching), (whole(119), whole(94))]);
    }

    #[test]
    fn status_says_why_there_is_no_value_and_what_a_value_is_worth() {
        for (status, reason) in [
            ("SD", Absent::SensorFault),
            ("SO", Absent::SensorOff),
            ("PS", Absent::Searching),
            ("LP", Absent::Searching),
            ("", Absent::Invalid),
        ] {
            let text = alloc::format!("12-NOV-98 14:00:09     ---    ---   ---    {status}");
            assert_eq!(row(&text).unwrap().0.measurements[0].value, Err(reason), "{status}");
        }
        let (moved, _) = row("12-NOV-98 14:00:05     100    120    50  MO").unwrap();
        assert_eq!(moved.measurements[0].quality, Quality::ARTIFACT);
    }
}
