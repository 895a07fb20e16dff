//! A small chart in text: a value a column, the limit as a line, and marks under it for what became of the alarm.

use std::fmt::Write as _;

use vitals::alarm::event::Direction;
use vitals::quantity::Quantity;
use vitals::time::Uptime;

use super::samples::Sample;
use super::story::{Moment, What};

/// Columns: with the labels it fits a console of 80.
const WIDTH: u64 = 60;

/// Rows.
const HEIGHT: u64 = 9;

/// What the chart is drawn with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    pub(super) value: char,
    pub(super) absent: char,
    pub(super) limit: char,
    pub(super) delay: char,
    pub(super) axis: char,
    pub(super) floor: char,
}

impl Ink {
    pub(super) const ASCII: Self =
        Self { value: '*', absent: '?', limit: '-', delay: '~', axis: '|', floor: '_' };
    pub(super) const UNICODE: Self =
        Self { value: '●', absent: '?', limit: '┄', delay: '━', axis: '│', floor: '─' };
}

/// What is drawn.
pub(super) struct Chart<'a> {
    pub(super) samples: &'a [Sample],
    pub(super) moments: &'a [Moment],
    pub(super) limit: Option<Quantity>,
    pub(super) direction: Option<Direction>,
}

/// One column: the value furthest out of those that fall into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Column {
    value: Option<i64>,
    absent: bool,
}

impl Chart<'_> {
    /// The chart, line by line; none without a value.
    pub(super) fn draw(&self, ink: Ink) -> Option<String> {
        let (from, until) = self.span()?;
        let columns = self.columns(from, until);
        let limit = self.limit.map(|it| i64::from(it.thousandths()));
        let values = || columns.iter().filter_map(|it| it.value).chain(limit);
        let (least, most) = (values().min()?, values().max()?);
        let row = |value: i64| scaled(value.abs_diff(least), most.abs_diff(least), HEIGHT - 1);
        let mut text = String::new();
        for level in (0..HEIGHT).rev() {
            let is_limit = limit.is_some_and(|it| row(it) == level);
            let label = match () {
                () if is_limit => label(limit),
                () if level == HEIGHT - 1 => label(Some(most)),
                () if level == 0 => label(Some(least)),
                () => String::new(),
            };
            let drawn: String = columns.iter().map(|it| cell(*it, level, is_limit, row, ink)).collect();
            let _ = writeln!(text, "{label:>8} {}{}", ink.axis, drawn.trim_end());
        }
        let floor: String = (0..WIDTH).map(|_| ink.floor).collect();
        let _ = writeln!(text, "{:>8} {}{floor}", "", ink.axis);
        let _ = writeln!(text, "{:>10}{}", "", self.marks(from, until, ink).trim_end());
        Some(text)
    }

    /// How long a column is, ms.
    pub(super) fn column_ms(&self) -> Option<u64> {
        let (from, until) = self.span()?;
        Some(until.since(from).as_millis().try_into().unwrap_or(u64::MAX) / (WIDTH - 1))
    }

    fn span(&self) -> Option<(Uptime, Uptime)> {
        self.samples.iter().find(|it| it.value.is_some())?;
        let marked = self.moments.iter().filter(|it| it.what.mark().is_some()).map(|it| it.up_ms);
        let times = || self.samples.iter().map(|it| it.up_ms).chain(marked.clone());
        Some((times().min()?, times().max()?))
    }

    fn columns(&self, from: Uptime, until: Uptime) -> Vec<Column> {
        let mut columns = vec![Column::default(); usize::try_from(WIDTH).unwrap_or_default()];
        for sample in self.samples {
            let Some(column) = columns.get_mut(place(sample.up_ms, from, until)) else { continue };
            let value = sample.value.map(|it| i64::from(it.thousandths()));
            column.absent |= value.is_none();
            column.value = match (column.value, value, self.direction) {
                (Some(known), Some(value), Some(Direction::High)) => Some(known.max(value)),
                (Some(known), Some(value), _) => Some(known.min(value)),
                (known, value, _) => known.or(value),
            };
        }
        columns
    }

    /// The marks, and between onset and presence the condition delay as it ran.
    fn marks(&self, from: Uptime, until: Uptime, ink: Ink) -> String {
        let mut marks = vec![' '; usize::try_from(WIDTH).unwrap_or_default()];
        let of = |what| self.moments.iter().find(|it| it.what == what).map(|it| place(it.up_ms, from, until));
        if let (Some(onset), Some(present)) = (of(What::Onset), of(What::Present)) {
            marks.iter_mut().take(present).skip(onset).for_each(|it| *it = ink.delay);
        }
        for it in self.moments {
            if let (Some(mark), Some(cell)) = (it.what.mark(), marks.get_mut(place(it.up_ms, from, until))) {
                *cell = mark;
            }
        }
        marks.into_iter().collect()
    }
}

fn cell(column: Column, level: u64, is_limit: bool, row: impl Fn(i64) -> u64, ink: Ink) -> char {
    match column.value {
        Some(value) if row(value) == level => ink.value,
        None if column.absent && level == 0 => ink.absent,
        Some(_) | None if is_limit => ink.limit,
        Some(_) | None => ' ',
    }
}

/// The column of a moment.
fn place(at: Uptime, from: Uptime, until: Uptime) -> usize {
    let (part, whole) = (at.since(from).as_millis(), until.since(from).as_millis());
    let part = u64::try_from(part).unwrap_or(u64::MAX);
    let whole = u64::try_from(whole).unwrap_or(u64::MAX);
    usize::try_from(scaled(part, whole, WIDTH - 1)).unwrap_or_default()
}

/// A part of a whole as a part of another, rounded to the nearest.
fn scaled(part: u64, whole: u64, to: u64) -> u64 {
    (part.min(whole) * to + whole / 2).checked_div(whole).unwrap_or(0)
}

fn label(thousandths: Option<i64>) -> String {
    let quantity = thousandths.and_then(|it| i32::try_from(it).ok()).map(Quantity::from_thousandths);
    quantity.map_or(String::new(), |it| it.to_string())
}

#[cfg(test)]
mod tests {
    use vitals::reading::{Absent, Quality};
    use vitals::time::Timestamp;

    use super::*;

    fn sample(second: u64, value: Option<i16>) -> Sample {
        Sample {
            up_ms: Uptime::from_millis(second * 1000),
            at: Timestamp::EPOCH,
            source: "a".into(),
            value: value.map(Quantity::from_whole),
            absent: value.is_none().then_some(Absent::SensorOff),
            quality: Quality::NONE,
            late: false,
        }
    }

    fn moment(second: u64, what: What) -> Moment {
        Moment { what, up_ms: Uptime::from_millis(second * 1000), at: None, words: String::new() }
    }

    fn drawn(samples: &[Sample], moments: &[Moment]) -> Option<String> {
        let limit = Some(Quantity::from_whole(90));
        Chart { samples, moments, limit, direction: Some(Direction::Low) }.draw(Ink::ASCII)
    }

    #[test]
    fn values_limit_delay_and_marks_stand_where_they_were() {
        let mut samples: Vec<_> = (0..20).map(|it| sample(it, Some(82))).collect();
        samples.push(sample(20, None));
        samples.extend((21..60).map(|it| sample(it, Some(98))));
        let moments = [
            moment(0, What::Onset),
            moment(15, What::Present),
            moment(15, What::Signalled),
            moment(59, What::Ended),
        ];
        let chart = drawn(&samples, &moments).unwrap();
        let stars = "*".repeat(39);
        let expected = [
            format!("      98 |{}{stars}", " ".repeat(21)),
            "         |".into(),
            "         |".into(),
            "         |".into(),
            format!("      90 |{}", "-".repeat(60)),
            "         |".into(),
            "         |".into(),
            "         |".into(),
            format!("      82 |{}?", "*".repeat(20)),
            format!("         |{}", "_".repeat(60)),
            format!("          o{}P{}E", "~".repeat(14), " ".repeat(43)),
            String::new(),
        ];
        assert_eq!(chart, expected.join("\n"));
        assert!(chart.is_ascii());
    }

    #[test]
    fn many_samples_share_a_column_and_the_worst_of_it_is_drawn() {
        let samples: Vec<_> = (0..600).map(|it| sample(it, Some(if it == 300 { 70 } else { 95 }))).collect();
        let chart = drawn(&samples, &[]).unwrap();
        assert!(
            chart.lines().any(|it| it.starts_with("      70 |") && it.matches('*').count() == 1),
            "{chart}"
        );
    }

    #[test]
    fn one_sample_is_a_chart_and_none_is_not() {
        assert!(drawn(&[sample(5, Some(88))], &[moment(5, What::Onset)]).unwrap().contains("88 |*"));
        assert_eq!(drawn(&[sample(5, None)], &[moment(5, What::Onset)]), None);
        assert_eq!(drawn(&[], &[]), None);
    }
}
