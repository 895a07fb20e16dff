//! A Nellcor NPB-295 whose data port is set to ASCII: a row every two seconds, a heading every 25 rows, by its manual.

use std::collections::BTreeMap;
use std::fmt::Write;

use vitals::time::Timestamp;
use vitals::vital::Vital;

use super::regular::{Regular, Turn};
use super::{Emission, Observation, Said, quantity, rounded};
use crate::patient::{Numerics, Oximeter, Patient};

/// From row to row, ms.
const ROW_MS: u64 = 2000;
/// Rows from heading to heading.
const HEADING_EVERY: u64 = 25;
/// The limits that are set at the bedside: those with which it leaves the factory.
const SATURATION: (i32, i32) = (85, 100);
const RATE: (i32, i32) = (40, 170);
/// The host says: go on, wait.
const DC1: u8 = 0x11;
const DC3: u8 = 0x13;
/// A pulse that has been searched for so long is lost, ms. The manuals give no number.
const LOST_AFTER_MS: u64 = 10_000;

/// An oximeter beside the bed.
#[derive(Debug)]
pub struct Nellcor {
    /// The wall clock at simulated time 0, s since 1970: it writes local time without a zone.
    start: i64,
    /// Rows since the last heading.
    rows: u64,
    restarts: u64,
    searching_since: Option<u64>,
    /// Whether the host has said that it should wait.
    waits: bool,
    regular: Regular,
}

impl Nellcor {
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start: start.as_micros().div_euclid(1_000_000),
            rows: 0,
            restarts: 0,
            searching_since: None,
            waits: false,
            regular: Regular::every(ROW_MS),
        }
    }

    pub(super) fn due(&self) -> u64 {
        self.regular.due()
    }

    pub(super) fn emit(&mut self, patient: &mut Patient) -> Option<Emission> {
        let at_ms = match self.regular.turn() {
            Turn::Leaves(slice) => return Some(slice),
            Turn::Speaks(at_ms) => at_ms,
        };
        let now = patient.at(at_ms);
        if now.device.restarts != self.restarts {
            (self.restarts, self.rows, self.waits) = (now.device.restarts, 0, false);
        }
        let searching = now.oximeter == Oximeter::Searching;
        self.searching_since = self.searching_since.or(Some(at_ms)).filter(|_| searching);
        // What it would have printed meanwhile is lost.
        if !self.waits {
            if self.rows % HEADING_EVERY == 0 {
                self.regular.put(at_ms, heading().as_bytes(), None);
            }
            self.rows += 1;
            let clock = self.start + i64::try_from(at_ms / 1000).unwrap_or(0) + now.device.clock_off;
            let lost = self.searching_since.is_some_and(|it| at_ms - it >= LOST_AFTER_MS);
            let (row, observation) = row(&now, clock, lost);
            self.regular.put(at_ms, row.as_bytes(), Some(observation));
        }
        None
    }

    pub(super) fn handle_host_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match *byte {
                DC1 => self.waits = false,
                DC3 => self.waits = true,
                _ => {}
            }
        }
    }
}

/// The heading, with the limits.
fn heading() -> String {
    let ((spo2_low, spo2_high), (rate_low, rate_high)) = (SATURATION, RATE);
    format!(
        "NPB-295   VERSION 2.0.0.0    CRC: 8A2C   SpO2 Limit: {spo2_low}-{spo2_high}%   \
         PR Limit: {rate_low}-{rate_high}BPM\r\n                             ADULT              0SAT-S\r\n\
         TIME                  %SPO2   BPM    PA    Status\r\n"
    )
}

/// A row, and what it says. `lost`: the search for a pulse has gone on for long.
fn row(now: &Numerics, clock: i64, lost: bool) -> (String, Observation) {
    let at = jiff::Timestamp::from_second(clock).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = jiff::tz::TimeZone::UTC.to_datetime(at);
    // English months in capitals, whatever the place.
    let when = local.strftime("%d-%b-%y %H:%M:%S").to_string().to_uppercase();
    let on = now.oximeter == Oximeter::On;
    let (saturation, rate) = (rounded(now.spo2, 1).clamp(1, 100), rounded(now.pulse_rate, 1).clamp(20, 250));
    let out = |value: i32, (low, high): (i32, i32)| !(low..=high).contains(&value);
    let field = |value: i32, limits| {
        let star = if on && out(value, limits) { '*' } else { ' ' };
        if on { format!("{value:>3}{star}") } else { format!("---{star}") }
    };
    let amplitude =
        if on { rounded(now.perfusion * 20.0, 1).clamp(1, 254).to_string() } else { "---".into() };
    let mut row = format!("{when}   {}   {}  {amplitude}", field(saturation, SATURATION), field(rate, RATE));
    let codes = [
        ("SO", now.oximeter == Oximeter::Off),
        ("LM", lost && now.motion),
        ("LP", lost && !now.motion),
        ("PS", now.oximeter == Oximeter::Searching),
        ("MO", now.motion),
        ("PH", on && rate > RATE.1),
        ("PL", on && rate < RATE.0),
        ("SL", on && saturation < SATURATION.0),
        ("LB", now.device.battery_low),
    ];
    let codes: Vec<&str> = codes.into_iter().filter(|(_, it)| *it).map(|(code, _)| code).collect();
    if !codes.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(row, "{:1$}  {2}", "", 3_usize.saturating_sub(amplitude.len()), codes.join(" "));
    }
    row.push_str("\r\n");
    let say = |value| {
        let sensor = now.oximeter == Oximeter::Off;
        if on { Said::Value(quantity(value, 1)) } else { Said::Absent { sensor } }
    };
    let vitals = BTreeMap::from([(Vital::PulseRate, say(rate)), (Vital::Spo2, say(saturation))]);
    (row, Observation { device_time: Some(local.to_string()), vitals, ..Observation::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::course::Course;

    /// 1998-11-12T14:00:05Z
    const CLOCK: i64 = 910_879_205;

    fn numerics(spo2: f64, pulse_rate: f64) -> Numerics {
        let perfusion = 2.5;
        Numerics { pulse_rate, spo2, perfusion, ..Patient::new(1, 0, Course::default()).at(0) }
    }

    #[test]
    fn a_row_is_as_in_the_manual_and_the_worked_example() {
        let (text, observation) = row(&numerics(100.0, 120.0), CLOCK, false);
        assert_eq!(text, "12-NOV-98 14:00:05   100    120   50\r\n");
        assert_eq!(observation.device_time.as_deref(), Some("1998-11-12T14:00:05"));
        let off = Numerics { oximeter: Oximeter::Off, ..numerics(97.0, 70.0) };
        let (text, observation) = row(&off, CLOCK + 4, false);
        assert_eq!(text, "12-NOV-98 14:00:09   ---    ---   ---  SO\r\n");
        assert!(observation.vitals.values().all(|it| *it == Said::Absent { sensor: true }));
    }

    #[test]
    fn a_value_beyond_its_limit_has_a_star_and_a_code() {
        let (text, _) = row(&numerics(84.0, 190.0), CLOCK + 2, false);
        assert_eq!(text, "12-NOV-98 14:00:07    84*   190*  50   PH SL\r\n");
        let mut now = numerics(97.0, 70.0);
        (now.motion, now.device.battery_low) = (true, true);
        assert!(row(&now, CLOCK, false).0.ends_with("   50   MO LB\r\n"));
        now.oximeter = Oximeter::Searching;
        let (text, observation) = row(&now, CLOCK, true);
        assert!(text.ends_with("   ---    ---   ---  LM PS MO LB\r\n"), "{text}");
        assert!(observation.vitals.values().all(|it| *it == Said::Absent { sensor: false }));
    }

    #[test]
    fn rows_come_every_two_seconds_under_a_heading_every_25() {
        let mut patient = Patient::new(1, 0, Course::default());
        let mut nellcor = Nellcor::new(Timestamp::EPOCH);
        let (mut text, mut said) = (String::new(), Vec::new());
        while nellcor.due() <= 62_000 {
            let Some(it) = nellcor.emit(&mut patient) else { continue };
            text.push_str(std::str::from_utf8(&it.bytes).unwrap());
            said.extend(it.observation.map(|_| it.at_ms));
        }
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("SpO2 Limit: 85-100%   PR Limit: 40-170BPM"), "{}", lines[0]);
        let headings: Vec<usize> = (0..lines.len()).filter(|it| lines[*it].contains("VERSION")).collect();
        assert_eq!((headings, said.len()), (vec![0, 28], 30));
        // The heading takes a fifth of a second.
        assert!((2200..2300).contains(&said[0]) && (4035..4045).contains(&said[1]), "{said:?}");
    }

    #[test]
    fn it_waits_when_the_host_says_so() {
        let mut patient = Patient::new(1, 0, Course::default());
        let mut nellcor = Nellcor::new(Timestamp::EPOCH);
        let mut said = Vec::new();
        for now in 0..20_000 {
            match now {
                5000 => nellcor.handle_host_bytes(&[b'?', DC3]),
                11_000 => nellcor.handle_host_bytes(&[DC1]),
                _ => {}
            }
            while nellcor.due() <= now {
                said.extend(
                    nellcor.emit(&mut patient).and_then(|it| it.observation.map(|_| it.at_ms / 1000)),
                );
            }
        }
        assert_eq!(said, [2, 4, 12, 14, 16, 18]);
    }
}
