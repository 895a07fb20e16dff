//! The hash of a rule set: of what it means, not of how it is written.

use std::fmt::Write as _;

use vitals::alarm::policy::{AlarmPolicy, LevelRule, TechnicalRule};
use vitals::name::Name;
use vitals::time::millis;

use super::AlarmsFile;

/// Bytes of SHA-256 that are kept: 128 bits, so that two rule sets of one hash do not come about by chance.
const BYTES: usize = 16;

/// The hash of all profiles, and of each override under each of them.
pub(super) fn of(file: &AlarmsFile) -> String {
    let mut text = String::from("wardline rules 1\n");
    for profile in file.profiles() {
        for own in std::iter::once(None).chain(file.overrides.iter().map(Some)) {
            let (bed, stay) = (own.map(|it| &it.bed), own.map(|it| &it.stay));
            let name = |it: Option<&Name>| it.map_or_else(String::new, ToString::to_string);
            let _ = writeln!(text, "profile {profile} bed {} stay {}", name(bed), name(stay));
            if let Some(policy) = file.policy(profile, bed) {
                write_policy(&mut text, &policy.in_stay(stay));
            }
        }
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().take(BYTES).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// One line for each rule. Writing to a string cannot fail.
fn write_policy(text: &mut String, policy: &AlarmPolicy) {
    let timing = &policy.timing;
    for it in [timing.gap_tolerance, timing.continue_every, timing.reminder] {
        let _ = write!(text, "{} ", millis(it));
    }
    text.push('\n');
    for ((vital, direction), rule) in &policy.rules {
        let _ = write!(text, "{} {direction:?} {} ", vital.name(), level(&rule.limit));
        let _ = write!(text, "extreme {} ", rule.extreme.as_ref().map_or(String::new(), level));
        let _ = write!(text, "hysteresis {} clear {} ", rule.hysteresis, millis(rule.clear_delay));
        let _ = writeln!(text, "worse {:?} fallback {:?}", rule.worse_by, rule.fallback_for);
    }
    for (vital, rule) in &policy.apnea {
        let (time, fallback) = (millis(rule.time), rule.fallback_for);
        let _ = writeln!(text, "{} apnea {time} fallback {fallback:?}", vital.name());
    }
    let _ = writeln!(text, "news2 {}", policy.scores());
    let it = &policy.technical;
    for rule in [&it.sensor_off, &it.no_value, &it.no_data] {
        let _ = writeln!(text, "{}", technical(rule));
    }
}

fn level(it: &LevelRule) -> String {
    format!("{} {} {:?} {}", it.limit, millis(it.delay), it.priority, it.latch)
}

fn technical(it: &TechnicalRule) -> String {
    let escalation = it.escalation.map(|(after, priority)| (millis(after), priority));
    format!("{} {:?} {escalation:?} {}", millis(it.delay), it.priority, millis(it.clear_delay))
}
