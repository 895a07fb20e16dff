//! What a ventilator says in words: who it is, what the time is, how it works, and its alarms.

use crate::patient::{Numerics, Oximeter};

/// Code, name and revisions of the software and of the protocol: of a ventilator that does not exist.
const IDENTITY: &[u8] = b"0000'Sim Ventilator'01.00:06.00";
/// The months, in German.
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAI", "JUN", "JUL", "AUG", "SEP", "OKT", "NOV", "DEZ"];
/// The end of a text.
const ETX: u8 = 0x03;
/// Texts: how it breathes, for whom, in which unit it tells carbon dioxide.
const TEXTS: [(&str, &str); 3] = [("0E", "BIPAP"), ("20", "Adults"), ("22", "CO2 in mmHg")];
/// Settings: a code and five characters: oxygen, PEEP, the longest apnoea.
const SETTINGS: &[u8] = b"01   400B  5.011   15";

/// Alarms by priority: what warns, what asks for attention, what advises.
const WARNING: char = '9';
const CAUTION: char = '5';
const ADVICE: char = '2';

pub(super) const fn identity() -> &'static [u8] {
    IDENTITY
}

/// Whether a host says who it is: a number of four digits, a name between apostrophes, and revisions of eleven characters.
pub(super) fn names_a_host(data: &[u8]) -> bool {
    let mut parts = data.split(|it| *it == b'\'');
    let (Some(number), Some(name), Some(revisions), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let digits = number.iter().filter(|it| it.is_ascii_digit()).count();
    (number.len(), digits) == (4, 4) && !name.is_empty() && revisions.len() == 11
}

pub(super) const fn settings() -> &'static [u8] {
    SETTINGS
}

/// The time that the ventilator's clock shows.
pub(super) fn time(clock: i64) -> Vec<u8> {
    let at = jiff::Timestamp::from_second(clock).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = jiff::tz::TimeZone::UTC.to_datetime(at);
    let month = usize::try_from(local.month() - 1).ok().and_then(|it| MONTHS.get(it)).unwrap_or(&"JAN");
    let (hour, minute, second) = (local.hour(), local.minute(), local.second());
    let (day, year) = (local.day(), local.year() % 100);
    format!("{hour:02}:{minute:02}:{second:02}{day:>2}-{month}-{year:02}").into_bytes()
}

/// Texts: code, length, characters, end.
pub(super) fn texts() -> Vec<u8> {
    let text = |(code, text): (&str, &str)| {
        let length = u8::try_from(text.len()).unwrap_or(0) + b'0';
        [code.as_bytes(), &[length], text.as_bytes(), &[ETX]].concat()
    };
    TEXTS.map(text).concat()
}

/// The alarms that are on: priority, code, twelve characters.
pub(super) fn alarms(now: &Numerics) -> Vec<u8> {
    let on = now.oximeter == Oximeter::On;
    let all = [
        (now.resp_rate < 0.5, WARNING, "00", "APNEA"),
        (now.oximeter == Oximeter::Searching, WARNING, "01", "NO SpO2 PULS"),
        (on && now.spo2 < 90.0, WARNING, "07", "SpO2 LOW"),
        (on && now.pulse_rate < 50.0, CAUTION, "02", "SpO2 PULSE L"),
        (on && now.pulse_rate > 120.0, CAUTION, "1E", "SpO2 PULSE H"),
        (now.oximeter == Oximeter::Off, ADVICE, "35", "SpO2 SENSOR"),
        (now.device.battery_low, CAUTION, "4B", "BATTERY LOW"),
    ];
    let on = all.into_iter().filter(|(on, ..)| *on);
    let alarm = |(_, priority, code, text): (bool, char, &str, &str)| {
        format!("{priority}{code}{text:<12}").into_bytes()
    };
    on.flat_map(alarm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Patient;
    use crate::patient::course::Course;

    #[test]
    fn words_have_the_documents_places() {
        // 2018-08-02T14:07:00, 2018-10-31T23:59:59
        assert_eq!(time(1_533_218_820), b"14:07:00 2-AUG-18");
        assert_eq!(time(1_541_030_399), b"23:59:5931-OKT-18");
        assert_eq!(texts(), b"0E5BIPAP\x03206Adults\x0322;CO2 in mmHg\x03");
        assert_eq!(settings().len() % 7, 0);
        // The revisions take eleven characters.
        assert!(names_a_host(identity()));
        for host in [&b""[..], b"0161", b"0161''01.00:06.00", b"161'Host'01.00:06.00", b"0161'Host'01.00"] {
            assert!(!names_a_host(host), "{host:?}");
        }
    }

    #[test]
    fn an_alarm_is_fifteen_characters() {
        let now = Numerics {
            pulse_rate: 45.0,
            spo2: 97.0,
            resp_rate: 14.0,
            ..Patient::new(1, 0, Course::default()).at(0)
        };
        assert_eq!(alarms(&now), b"502SpO2 PULSE L");
        let off = Numerics { oximeter: Oximeter::Off, resp_rate: 0.0, ..now };
        assert_eq!(alarms(&off), b"900APNEA       235SpO2 SENSOR ");
    }
}
