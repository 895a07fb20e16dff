//! The clinician's file, as far as the judge needs it: limits, delays and hysteresis of one profile.
//!
//! Read by hand from the words in the file itself, never by the agent's reader: the two must not share a mistake.

use std::path::{Path, PathBuf};

use vitals::vital::Vital;

/// The file that the product ships.
pub const SHIPPED: &str = include_str!("../../../config/alarms.toml");

/// On which side of a limit a value is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Below it.
    Low,
    /// Above it.
    High,
}

/// How far out: `extreme` is nested in `limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Beyond the alarm limit.
    Limit,
    /// Beyond the extreme limit.
    Extreme,
}

/// One level of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Which vital.
    pub vital: Vital,
    /// On which side.
    pub side: Side,
    /// How far out.
    pub grade: Grade,
    /// The limit, thousandths of the vital's unit.
    pub at: i32,
    /// The condition delay, ms.
    pub delay_ms: i64,
    /// How far inside a value must be to end it, thousandths.
    pub hysteresis: i32,
    /// The vital that this one stands in for: it is judged only while the other is missing.
    pub stands_in_for: Option<Vital>,
    /// Whether it is no limit but a pause of breath: out is a rate of 0.
    pub is_apnea: bool,
}

impl Limit {
    /// The code of its alarm, as in records.
    #[must_use]
    pub fn code(&self) -> String {
        let side = match self.side {
            Side::Low => "low",
            Side::High => "high",
        };
        if self.is_apnea { "apnea".into() } else { format!("{}_{side}", self.vital.name()) }
    }
}

/// What the judge goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Every level of every rule.
    pub limits: Vec<Limit>,
    /// How long a sensor may be off, ms.
    pub sensor_off_ms: i64,
    /// How long there may be no value for another reason, ms.
    pub no_value_ms: i64,
}

/// Why there are no limits.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("{path} is not TOML")]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Something that must be there is not there, or is something else.
    #[error("{path}: {what}; `wardline-agent check` says more")]
    Content {
        /// The file.
        path: PathBuf,
        /// What.
        what: String,
    },
}

impl Limits {
    /// The limits of a profile in a file; without a file, in the one that is shipped.
    pub fn load(path: Option<&Path>, profile: &str) -> Result<Self, LimitsError> {
        let Some(path) = path else { return Self::parse(Path::new("alarms.toml"), SHIPPED, profile) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| LimitsError::Read { path: path.into(), source })?;
        Self::parse(path, &text, profile)
    }

    fn parse(path: &Path, text: &str, profile: &str) -> Result<Self, LimitsError> {
        let file: toml::Table = text
            .parse()
            .map_err(|source| LimitsError::Toml { path: path.into(), source: Box::new(source) })?;
        from_table(&file, profile).map_err(|what| LimitsError::Content { path: path.into(), what })
    }
}

fn from_table(file: &toml::Table, profile: &str) -> Result<Limits, String> {
    let no_profile = || format!("there is no profile {profile:?}");
    let vitals = table(file, "profile").and_then(|it| table(it, profile)).ok_or_else(no_profile)?;
    let mut limits = Vec::new();
    for (name, rule) in vitals {
        let vital = Vital::from_name(name).ok_or_else(|| format!("there is no vital {name:?}"))?;
        let rule = rule.as_table().ok_or_else(|| format!("{name} is no table"))?;
        let stands_in_for = rule.get("fallback_for").and_then(toml::Value::as_str).and_then(Vital::from_name);
        let rule =
            like_whom(vitals, rule).ok_or_else(|| format!("{name} goes by a vital that is not there"))?;
        let hysteresis = rule.get("hysteresis").and_then(thousandths).unwrap_or(0);
        for (key, side) in [("low", Side::Low), ("high", Side::High)] {
            let Some(levels) = table(rule, key) else { continue };
            let sort = Sort { vital, side, hysteresis, stands_in_for };
            sort.levels(levels, &mut limits).map_err(|what| format!("{name}.{key}: {what}"))?;
        }
    }
    limits.extend(apnea(vitals)?);
    let technical = table(file, "technical").ok_or("there is no [technical]")?;
    let delay = |name: &str| {
        let found = table(technical, name).ok_or_else(|| format!("technical.{name} is not there"))?;
        duration(found, "delay").map_err(|what| format!("technical.{name}: {what}"))
    };
    Ok(Limits { limits, sensor_off_ms: delay("sensor_off")?, no_value_ms: delay("no_value")? })
}

/// Pauses of breath, for each vital that the file watches for them.
fn apnea(vitals: &toml::Table) -> Result<Vec<Limit>, String> {
    let named = vitals.iter().filter_map(|(name, rule)| Some((Vital::from_name(name)?, rule.as_table()?)));
    let watched = named.filter_map(|(vital, rule)| Some((vital, like_whom(vitals, rule)?)));
    let watched = watched.filter(|(_, rule)| rule.contains_key("apnea"));
    let limit = |(vital, rule): (Vital, &toml::Table)| {
        let delay_ms = duration(rule, "apnea")?;
        let (side, grade, at, hysteresis) = (Side::Low, Grade::Limit, 1, 0);
        Ok(Limit { vital, side, grade, at, delay_ms, hysteresis, stands_in_for: None, is_apnea: true })
    };
    watched.map(limit).collect()
}

/// The rule that `same_as` leads to; a circle leads nowhere.
fn like_whom<'a>(vitals: &'a toml::Table, rule: &'a toml::Table) -> Option<&'a toml::Table> {
    let mut rule = rule;
    for _ in 0..=vitals.len() {
        match rule.get("same_as").and_then(toml::Value::as_str) {
            Some(other) => rule = table(vitals, other)?,
            None => return Some(rule),
        }
    }
    None
}

/// What both levels of a rule have in common.
struct Sort {
    vital: Vital,
    side: Side,
    hysteresis: i32,
    stands_in_for: Option<Vital>,
}

impl Sort {
    fn levels(&self, levels: &toml::Table, limits: &mut Vec<Limit>) -> Result<(), String> {
        let grades = [(Grade::Limit, "limit", "delay"), (Grade::Extreme, "extreme", "extreme_delay")];
        for (grade, at, delay) in grades {
            let Some(value) = levels.get(at) else { continue };
            limits.push(Limit {
                vital: self.vital,
                side: self.side,
                grade,
                at: thousandths(value).ok_or_else(|| format!("{at} is no number"))?,
                delay_ms: duration(levels, delay)?,
                hysteresis: self.hysteresis,
                stands_in_for: self.stands_in_for,
                is_apnea: false,
            });
        }
        Ok(())
    }
}

fn table<'a>(inside: &'a toml::Table, name: &str) -> Option<&'a toml::Table> {
    inside.get(name).and_then(toml::Value::as_table)
}

/// A delay that is not said is none: a cuff's alarms have none.
fn duration(inside: &toml::Table, name: &str) -> Result<i64, String> {
    let Some(value) = inside.get(name) else { return Ok(0) };
    let text = value.as_str().unwrap_or_default();
    let ms = crate::scenario::parse_duration(text).and_then(|ms| i64::try_from(ms).ok());
    ms.ok_or_else(|| format!("{name} is no duration"))
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to what a limit can be")]
fn thousandths(value: &toml::Value) -> Option<i32> {
    match value {
        toml::Value::Integer(whole) => i32::try_from(*whole).ok()?.checked_mul(1000),
        toml::Value::Float(number) => Some((number * 1000.0).round().clamp(-1e9, 1e9) as i32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_limits_are_read_as_they_stand() {
        let limits = Limits::load(None, "adult").unwrap();
        let find = |vital, side, grade| {
            let found = limits.limits.iter().find(|it| (it.vital, it.side, it.grade) == (vital, side, grade));
            found.map(|it| (it.at, it.delay_ms, it.hysteresis, it.stands_in_for))
        };
        assert_eq!(find(Vital::Spo2, Side::Low, Grade::Limit), Some((90_000, 15_000, 1000, None)));
        assert_eq!(find(Vital::Spo2, Side::Low, Grade::Extreme), Some((80_000, 5000, 1000, None)));
        assert_eq!(find(Vital::Spo2, Side::High, Grade::Limit), None);
        let pulse = Some((120_000, 10_000, 2000, Some(Vital::HeartRate)));
        assert_eq!(find(Vital::PulseRate, Side::High, Grade::Limit), pulse);
        assert_eq!(find(Vital::Temperature, Side::High, Grade::Limit), Some((38_000, 30_000, 100, None)));
        assert_eq!(find(Vital::NibpSystolic, Side::Low, Grade::Limit), Some((90_000, 0, 0, None)));
        assert_eq!((limits.sensor_off_ms, limits.no_value_ms), (10_000, 30_000));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("version = 1", "no profile"),
            ("[profile.adult.spo3]", "no vital"),
            ("[profile.adult.spo2]\nsame_as = \"spo2\"", "goes by"),
            ("[profile.adult.spo2]\nlow = { limit = 90, delay = 15 }", "no duration"),
            ("[profile.adult.spo2]\nlow = { limit = \"90\" }", "no number"),
            ("[profile.adult]", "technical"),
        ] {
            let error = Limits::parse(Path::new("a.toml"), text, "adult").unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }
}
