//! What the columns of a table hold, whatever the file calls them, and the unit of its times.

use std::str::FromStr;

use vitals::vital::Vital;

use crate::replay::error::ReplayError;
use crate::replay::{Arguments, shown};

/// The name of the column of times.
pub(super) const TIME: &str = "t";
/// Digits of a number of times: enough for any date, too few to overflow.
const DIGITS_MAX: usize = 13;

/// Another name for a column: `HR_bpm=heart_rate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renaming {
    /// The name in the file.
    pub old: String,
    /// The name of a vital, or `t`; `None`: leave the column out.
    pub new: Option<String>,
}

impl FromStr for Renaming {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (old, new) = text.split_once('=').ok_or("write OLD=NEW")?;
        let new = Some(new.trim().to_owned()).filter(|it| !it.is_empty());
        Ok(Self { old: old.trim().to_owned(), new })
    }
}

/// The unit of times that are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum TimeUnit {
    /// Milliseconds.
    Ms,
    /// Seconds.
    #[default]
    S,
    /// Minutes.
    Min,
    /// Hours.
    H,
}

impl TimeUnit {
    /// Reads a time as milliseconds.
    pub(in crate::replay) fn parse(self, text: &str) -> Option<u64> {
        let thousandths = parse_thousandths(text)?;
        match self {
            Self::Ms => Some(thousandths / 1000),
            Self::S => Some(thousandths),
            Self::Min => thousandths.checked_mul(60),
            Self::H => thousandths.checked_mul(3600),
        }
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Time,
    Vital { vital: Vital, zero_absent: bool },
    LeftOut,
}

/// What each column holds. The first is the time, unless it is named as a vital.
pub(super) fn read(arguments: &Arguments, header: &csv::StringRecord) -> Result<Vec<Column>, ReplayError> {
    let Arguments { csv: path, map, zero_absent, .. } = arguments;
    if let Some(lost) = map.iter().find(|it| !header.iter().any(|name| name == it.old)) {
        return Err(ReplayError::Usage(format!("--map: {} has no column {:?}", shown(path), lost.old)));
    }
    let renamed = |name: &str| match map.iter().find(|it| it.old == name) {
        Some(renaming) => renaming.new.clone(),
        None => Some(name.to_owned()),
    };
    let mut zeros = Vec::new();
    for name in zero_absent {
        let vital = Vital::from_name(name).or_else(|| Vital::from_name(&renamed(name)?));
        zeros.push(vital.ok_or_else(|| ReplayError::Usage(format!("--zero-absent: no vital {name:?}")))?);
    }
    let mut columns: Vec<Column> = Vec::new();
    let mut mistakes = Vec::new();
    for (index, name) in header.iter().enumerate() {
        let column = match renamed(name) {
            None => Column::LeftOut,
            Some(new) => match Vital::from_name(&new) {
                Some(vital) => Column::Vital { vital, zero_absent: zeros.contains(&vital) },
                None if new == TIME || index == 0 => Column::Time,
                None => {
                    mistakes
                        .push((1, format!("column {new:?} is no vital: --map '{name}=VITAL', or '{name}='")));
                    continue;
                }
            },
        };
        if column != Column::LeftOut && columns.contains(&column) {
            mistakes.push((1, format!("column {name:?} is there twice")));
        }
        columns.push(column);
    }
    if columns.first() != Some(&Column::Time) {
        mistakes.push((1, format!("the first column must be {TIME:?}: seconds, or dates as RFC 3339")));
    }
    if mistakes.is_empty() { Ok(columns) } else { Err(ReplayError::wrong_csv(path, &mistakes)) }
}

/// A decimal number from 0 on as thousandths, halves rounded up.
fn parse_thousandths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > DIGITS_MAX {
        return None;
    }
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    let half = u64::from(fraction.as_bytes().get(3).is_some_and(|digit| *digit >= b'5'));
    Some(whole.parse::<u64>().ok()? * 1000 + thousandths.parse::<u64>().ok()? + half)
}
