//! The messages of Patient Data Share: HL7 v2.3.1 segments, each ended by CR, in the frame of MLLP.
//!
//! ```text
//! VT MSH|^~\&|||||||ORU^R01|204|P|2.3.1| CR
//!    OBX||NM|101^HR|2101|60||||||F CR       id^name, module, value
//! FS CR
//! ```
//!
//! The control id of the header says what a message is: 103 who lies there, 106 an echo, 204 periodic numbers, 205 what
//! is alarmed on, 503 numbers of a measurement.

use std::fmt::Write as _;

/// Before a message, behind it, and behind each segment and that.
const BEGIN: u8 = 0x0B;
pub(super) const END: u8 = 0x1C;
const CR: char = '\r';
/// In the place of a number that is not there.
const NO_VALUE: &str = "-100";

/// A parameter of the monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its id.
    pub id: u16,
    /// Its name, as it stands behind the id.
    pub name: &'static str,
    /// The module that measures it.
    pub module: u16,
    /// Places behind the point.
    pub places: u8,
}

/// What a parameter is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Which.
    pub parameter: Parameter,
    /// Steps of its last place; `None`: there is none.
    pub steps: Option<i32>,
}

impl Value {
    fn text(&self) -> String {
        let places = usize::from(self.parameter.places);
        let Some(steps) = self.steps else {
            return if places == 0 { NO_VALUE.into() } else { format!("{NO_VALUE}.{}", "0".repeat(places)) };
        };
        if places == 0 {
            return steps.to_string();
        }
        let parts = 10_u32.pow(u32::from(self.parameter.places));
        let sign = if steps < 0 { "-" } else { "" };
        let (whole, part) = (steps.unsigned_abs() / parts, steps.unsigned_abs() % parts);
        format!("{sign}{whole}.{part:0places$}")
    }
}

/// A frame with a header of this control id, and segments.
fn frame(id: u16, segments: &str) -> Vec<u8> {
    let mut bytes = vec![BEGIN];
    bytes.extend(format!("MSH|^~\\&|||||||ORU^R01|{id}|P|2.3.1|{CR}{segments}").into_bytes());
    bytes.extend([END, b'\r']);
    bytes
}

/// 106: the link is alive.
#[must_use]
pub fn echo() -> Vec<u8> {
    frame(106, "")
}

/// 103: a patient who does not exist, and says so in every field that can: number, name, date of birth, doctor, weight. None
/// of it may get beyond the agent.
#[must_use]
pub fn of_patient(bed: u64) -> Vec<u8> {
    let segments = [
        format!("PID|||SIMULATED-ID-{bed:04}||SIMULATED-NAME^NOBODY||19000101|F|"),
        format!("PV1||I|^^SIMULATED-UNIT&{bed}&2130706433&4601&&1|||SIMULATED-DOCTOR||||||||||||A|||"),
        "OBR||||Mindray Monitor|||0|".into(),
        "OBX||NM|52^Height||169.0||||||F".into(),
        "OBX||NM|51^Weight||59.0||||||F".into(),
        format!("OBX||ST|2301^||SIMULATED-MRN-{bed:04}||||||F"),
        "OBX||CE|2302^Blood||1^A||||||F".into(),
        "OBX||CE|2303^Paced||2^||||||F".into(),
        format!("OBX||ST|2308^BedNoStr||{bed}||||||F"),
    ];
    frame(103, &segments.map(|it| it + "\r").concat())
}

/// 204: numbers of a module.
#[must_use]
pub fn periodic(values: &[Value]) -> Vec<u8> {
    let segments = values.iter().fold(String::new(), |mut text, it| {
        let Parameter { id, name, module, .. } = it.parameter;
        // Writing to a String cannot fail.
        let _ = write!(text, "OBX||NM|{id}^{name}|{module}|{}||||||F{CR}", it.text());
        text
    });
    frame(204, &segments)
}

/// 205: of each parameter its limits, where it has any, and how it is alarmed on: 3 where there is a number, 2 where there is
/// none. That a limit is 2002 (high) and 2003 (low) was seen in no log.
#[must_use]
pub fn levels(values: &[Value]) -> Vec<u8> {
    let segments = values.iter().fold(String::new(), |mut text, it| {
        let id = it.parameter.id;
        if let Some((low, high)) = limits(id) {
            let _ = write!(text, "OBX||NM|2002^|{id}|{high}||||||F{CR}OBX||NM|2003^|{id}|{low}||||||F{CR}");
        }
        let level = if it.steps.is_some() { 3 } else { 2 };
        let _ = write!(text, "OBX||CE|2037^|{id}|{level}^||||||F{CR}");
        text
    });
    frame(205, &segments)
}

/// What is set at the bedside for an adult: low and high.
const fn limits(id: u16) -> Option<(u16, u16)> {
    match id {
        101 | 161 => Some((50, 120)),
        151 => Some((8, 30)),
        160 => Some((90, 100)),
        _ => None,
    }
}

/// 503: numbers of a measurement that was at a moment, s since 1970; `None`: there was none yet.
#[must_use]
pub fn aperiodic(values: &[Value], at: Option<i64>) -> Vec<u8> {
    let at = at.map_or_else(
        || "0".repeat(14),
        |at| {
            let at = jiff::Timestamp::from_second(at).unwrap_or_default();
            jiff::tz::TimeZone::UTC.to_datetime(at).strftime("%Y%m%d%H%M%S").to_string()
        },
    );
    let segments = values.iter().fold(String::new(), |mut text, it| {
        let Parameter { id, name, module, .. } = it.parameter;
        let _ = write!(text, "OBX||NM|{id}^{name}|{module}|{}||||||F||APERIODIC|{at}{CR}", it.text());
        text
    });
    frame(503, &segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HR: Parameter = Parameter { id: 101, name: "HR", module: 2101, places: 0 };
    const T1: Parameter = Parameter { id: 200, name: "T1", module: 2104, places: 1 };
    const ST: Parameter = Parameter { id: 105, name: "I", module: 2101, places: 2 };

    #[test]
    fn messages_are_those_of_the_logs() {
        let values = [
            Value { parameter: HR, steps: Some(60) },
            Value { parameter: ST, steps: None },
            Value { parameter: T1, steps: Some(370) },
        ];
        assert_eq!(
            String::from_utf8(periodic(&values)).unwrap(),
            "\x0BMSH|^~\\&|||||||ORU^R01|204|P|2.3.1|\rOBX||NM|101^HR|2101|60||||||F\r\
             OBX||NM|105^I|2101|-100.00||||||F\rOBX||NM|200^T1|2104|37.0||||||F\r\x1C\r"
        );
        assert_eq!(echo(), b"\x0BMSH|^~\\&|||||||ORU^R01|106|P|2.3.1|\r\x1C\r");
        assert!(String::from_utf8(levels(&values)).unwrap().contains("OBX||CE|2037^|105|2^||||||F\r"));
        let sys = Parameter { id: 170, name: "Sys", module: 2105, places: 0 };
        let cuff = |steps, at| String::from_utf8(aperiodic(&[Value { parameter: sys, steps }], at)).unwrap();
        // 2007-01-06T19:19:15Z
        assert!(
            cuff(Some(120), Some(1_168_111_155))
                .contains("170^Sys|2105|120||||||F||APERIODIC|20070106191915\r")
        );
        assert!(cuff(None, None).contains("170^Sys|2105|-100||||||F||APERIODIC|00000000000000\r"));
    }

    #[test]
    fn a_number_has_its_places() {
        let text = |places, steps| Value { parameter: Parameter { places, ..ST }, steps: Some(steps) }.text();
        assert_eq!(["36.6", "-0.05", "12", "0.02"], [text(1, 366), text(2, -5), text(0, 12), text(2, 2)]);
    }

    #[test]
    fn whoever_lies_there_does_not_exist() {
        let text = String::from_utf8(of_patient(3)).unwrap();
        assert!(text.contains("PID|||SIMULATED-ID-0003||SIMULATED-NAME^NOBODY||19000101|F|\r"), "{text}");
        assert_eq!(text.matches("SIMULATED").count(), 5);
    }
}
