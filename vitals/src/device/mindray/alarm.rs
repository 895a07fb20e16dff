//! The alarms that a monitor raises: message 54 lists those of the patient, 56 those of the equipment, each all of them.
//!
//! ```text
//! OBX||CE|2|1|10033^**SpO2 TOO HIGH||||||F|||20070106193145|     54: a number, stars for its priority, the words on the screen
//! OBX||CE|4||205^SpO2 Sensor Off||||||F|                         56: without stars
//! OBX||CE|2040^||0^||||||F                                       a state of the alarm system: none
//! ```
//!
//! There is no document at hand that explains them: the form is that of messages in public code, which agree. A monitor without
//! alarms sends either message empty. Only in English the words tell which limit was passed.

use super::segment::List;
use crate::device::alarms::alarm;
use crate::notice::{About, DeviceAlarm};
use crate::priority::{Direction, Priority};
use crate::vital::Vital;

/// How the monitor writes the names of vitals in front of `TOO HIGH` and `TOO LOW`.
const NAMES: [(&str, Vital); 9] = [
    ("HR", Vital::HeartRate),
    ("PR", Vital::PulseRate),
    ("SpO2", Vital::Spo2),
    ("RR", Vital::RespRate),
    ("T1", Vital::Temperature),
    ("Art-Sys", Vital::AbpSystolic),
    ("Art-Dia", Vital::AbpDiastolic),
    ("Art-Mean", Vital::AbpMean),
    ("CVP-Mean", Vital::CvpMean),
];

/// The alarm of an OBX of a list: what stands in its fields 3 and 5; `None` for one that is none.
pub(super) fn read(level: &str, coded: &str, list: List) -> Option<DeviceAlarm> {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let (number, text) = coded.split_once('^')?;
    if !digits(level) || !digits(number) {
        return None;
    }
    let words = text.trim_start_matches('*');
    let priority = match text.len() - words.len() {
        3 => Some(Priority::High),
        2 => Some(Priority::Medium),
        1 => Some(Priority::Low),
        _ => None,
    };
    let about = match list {
        List::Physiological => limit(words).unwrap_or(About::Patient),
        List::Technical => About::Equipment,
    };
    alarm(&alloc::format!("{number} {words}"), about, priority)
}

fn limit(words: &str) -> Option<About> {
    let (name, rest) = words.trim().split_once(' ')?;
    let direction = match rest {
        it if it.eq_ignore_ascii_case("TOO HIGH") => Direction::High,
        it if it.eq_ignore_ascii_case("TOO LOW") => Direction::Low,
        _ => return None,
    };
    NAMES.iter().find(|(it, _)| *it == name).map(|(_, vital)| About::Limit(*vital, direction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_has_a_number_stars_and_words() {
        let of = |level, coded, list| read(level, coded, list).map(|it| (it.code, it.about, it.priority));
        let (patient, equipment) = (About::Patient, About::Equipment);
        let (physiological, technical) = (List::Physiological, List::Technical);
        let limit = |vital, direction| About::Limit(vital, direction);
        for (coded, about, priority) in [
            ("10033^**SpO2 TOO HIGH", limit(Vital::Spo2, Direction::High), Some(Priority::Medium)),
            ("10170^***Art-Sys TOO HIGH ", limit(Vital::AbpSystolic, Direction::High), Some(Priority::High)),
            ("10076^*T1 Too Low", limit(Vital::Temperature, Direction::Low), Some(Priority::Low)),
            ("10002^HR TOO LOW", limit(Vital::HeartRate, Direction::Low), None),
            ("10001^***Asystole", patient, Some(Priority::High)),
            ("10003^**T9 TOO LOW", patient, Some(Priority::Medium)),
        ] {
            let code = coded.replace('^', " ").replace('*', "").trim().into();
            assert_eq!(of("2", coded, physiological), Some((code, about, priority)), "{coded}");
        }
        let off = Some(("205 SpO2 Sensor Off".into(), equipment, None));
        assert_eq!(of("4", "205^SpO2 Sensor Off", technical), off);
        for (level, coded) in [("2040^", "0^"), ("4", "SpO2 Sensor Off"), ("", "205^x"), ("2", "^x")] {
            assert_eq!(of(level, coded, physiological), None, "{level} {coded}");
        }
    }
}
